use omega_capi::sim::ServiceOutcome;
use omega_core::{CancelToken, Label as _, Observation, StepId};
use omega_openstack::sim::FailoverFate;

use super::*;
use crate::{
    acceptance::{
        Chart, Outcome,
        rehearsal::balancing::{Behaviour, Stage},
    },
    clients::PartialClients,
    rollback::restore,
};

async fn checked(stage: Stage, failover: bool) -> Answer {
    let item = LoadBalancer { balancing: Ok(stage.balancing(failover)) };
    item.check(&Context::default()).await
}

fn rules(answer: &Answer) -> Vec<&str> {
    answer.findings.iter().map(|one| one.rule.as_str()).collect()
}

/// Returns the finding of this rule in one line, without the service's random name.
fn shown(answer: &Answer, rule: &str) -> String {
    let found = answer.findings.iter().find(|one| one.rule == rule).unwrap();
    let name = found.subject.name.rsplit('/').next().unwrap();
    let next = found.remedy.clone().unwrap_or_default();
    format!("{}\n{next}", found.summary).replace(name, "NAME")
}

#[tokio::test(start_paused = true)]
async fn both_pods_answer_the_balancer_fails_over_and_nothing_stays() {
    let stage = Stage::new(Behaviour::Good);
    let before = stage.server.snapshot();
    let answer = checked(stage.clone(), true).await;
    assert_eq!((answer.outcome, answer.findings), (Outcome::Passed, Vec::new()));
    assert_eq!(stage.server.snapshot(), before, "pods and service are gone");
    let balancers = stage.cloud.balancer_states();
    assert_eq!(balancers.len(), 1, "{balancers:?}");
    assert!(balancers[0].contains("kubeapi ACTIVE amphora, 1 failovers"), "{balancers:?}");
    let fact = |name: &str| {
        let found = answer.evidence.iter().find(|one| one.fact == name);
        found.map(|one| one.value.clone()).unwrap()
    };
    let Observation::List(pods) = fact("answered by") else { panic!("{:?}", answer.evidence) };
    assert_eq!(pods.len(), 2, "{pods:?}");
    let statuses = ["ACTIVE", "PENDING_UPDATE", "ACTIVE"].map(str::to_owned);
    assert_eq!(fact("statuses"), Observation::List(statuses.into()));
    let Observation::Took(outage) = fact("API did not answer for") else { panic!() };
    assert!(outage > 0);
    let [Chart::Stages { stages, .. }] = answer.charts.as_slice() else {
        panic!("{:?}", answer.charts)
    };
    let names: Vec<_> = stages.iter().map(|one| (one.name.as_str(), one.failed)).collect();
    assert_eq!(
        names,
        [
            ("load balancer ACTIVE", false),
            ("load balancer PENDING_UPDATE", false),
            ("load balancer ACTIVE", false),
            ("API answers", false),
            ("API does not answer", true),
            ("API answers", false),
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn by_default_nothing_is_failed_over_and_that_is_said() {
    let stage = Stage::new(Behaviour::Good);
    let answer = checked(stage.clone(), false).await;
    assert_eq!(rules(&answer), ["failover-not-tested"]);
    let Outcome::NotRun { why, next } = &answer.outcome else { panic!("{:?}", answer.outcome) };
    assert!(why.contains("were not tested") && next.as_deref().unwrap().contains("an outage"));
    assert!(stage.cloud.balancer_states().iter().all(|line| line.contains(" 0 failovers")));
}

#[tokio::test(start_paused = true)]
async fn one_pod_no_address_and_what_stays_are_told_apart() {
    for (behaviour, rule) in [
        (Behaviour::OnePod, "load-balancer-one-pod"),
        (Behaviour::NoAddress, "load-balancer-no-address"),
        (Behaviour::Left, "load-balancer-left"),
    ] {
        let answer = checked(Stage::new(behaviour), false).await;
        assert_eq!(answer.outcome, Outcome::Failed, "{rule}");
        assert_eq!(rules(&answer), [rule, "failover-not-tested"]);
        if rule != "load-balancer-left" {
            insta::assert_snapshot!(rule, shown(&answer, rule));
        }
    }
}

/// The service can't be removed: the report says so, and its journal leads to it.
#[tokio::test(start_paused = true)]
async fn a_service_that_stays_is_left_and_a_sweep_finds_it() {
    let stage = Stage::new(Behaviour::Good);
    stage.server.set_service_outcome(ServiceOutcome::Stays("10.12.7.200"));
    let home = tempfile::tempdir().unwrap();
    let runs = omega_core::run::Runs::new(home.path());
    let job = omega_core::run::Job::new("accept", "site", Vec::new());
    let run = runs.begin(&job, Context::default().now()).unwrap();
    let item = LoadBalancer { balancing: Ok(stage.clone().balancing(false)) };
    let answer = item.check(&Context::default().with_journal(run.journal.clone())).await;
    assert!(rules(&answer).contains(&"load-balancer-left"), "{:?}", rules(&answer));
    assert!(runs.leftovers().unwrap().is_empty(), "nothing is left behind while the run goes on");
    drop(run);
    let left = runs.leftovers().unwrap();
    let kinds: Vec<_> = left.iter().map(|one| one.undo.kind.as_str()).collect();
    assert_eq!(kinds, ["capi.removed-echo.v1"], "the pods are gone, the service is not");
    let management =
        Management::over(omega_capi::sim::Apiserver::default(), "https://10.12.5.20:6443");
    let facts = omega_core::kubeconfig::KubeconfigFacts {
        sha256: omega_core::values::Sha256::of(b""),
        size: 0,
        context: "lab".to_owned(),
        server: "https://10.12.5.20:6443".parse().unwrap(),
        ca_pem: None,
        auth: omega_core::kubeconfig::AuthKind::Token,
        token_expires: None,
        account: None,
    };
    let mint = omega_capi::access::Mint::new(management.clone(), &facts, Context::default().now());
    let clients = PartialClients { mint: Some(Arc::new(mint)), ..management.into() };
    let step = restore(&left[0].step, &left[0].undo, &clients).unwrap();
    let StepId { target, .. } = step.expect("a sweep knows it").id();
    assert!(target.ends_with(&clients.mint.unwrap().label()), "{target}");
}

#[tokio::test(start_paused = true)]
async fn a_failover_that_fails_or_may_not_be_sent_is_told() {
    let stage = Stage::new(Behaviour::Good);
    stage.cloud.failovers(FailoverFate::Fails);
    let answer = checked(stage, true).await;
    assert_eq!(answer.outcome, Outcome::Failed);
    assert_eq!(rules(&answer), ["failover-failed"]);
    assert!(shown(&answer, "failover-failed").contains("it is in ERROR again"));

    let stage = Stage::new(Behaviour::Good);
    stage.cloud.hosts_with_room(0);
    let answer = checked(stage.clone(), true).await;
    assert_eq!(rules(&answer), ["failover-failed"], "a cloud that can't heal its load balancers");
    assert!(stage.cloud.balancer_states().iter().all(|line| line.contains(" 0 failovers")));

    let balancing = Stage::new(Behaviour::Good).balancing(true);
    let balancing = Balancing { operator: balancing.project.clone(), ..balancing };
    let item = LoadBalancer { balancing: Ok(balancing) };
    let answer = item.check(&Context::default()).await;
    assert_eq!(rules(&answer), ["failover-unasked"]);
    assert!(shown(&answer, "failover-unasked").contains("load-balancer_admin"));
}

/// Octavia could replace the amphora, and no member answers it.
#[tokio::test(start_paused = true)]
async fn active_after_a_failover_is_not_enough() {
    let answer = checked(Stage::new(Behaviour::Offline), true).await;
    assert_eq!(answer.outcome, Outcome::Failed);
    assert_eq!(rules(&answer), ["failover-not-online"]);
    assert!(shown(&answer, "failover-not-online").contains("ACTIVE after the failover, and its"));
}

#[tokio::test(start_paused = true)]
async fn who_is_stopped_leaves_nothing() {
    let stage = Stage::new(Behaviour::NoAddress);
    let before = stage.server.snapshot();
    let cancel = CancelToken::default();
    let ctx = Context::default().with_cancel(cancel.clone());
    let item = LoadBalancer { balancing: Ok(stage.clone().balancing(true)) };
    let (answer, ()) = futures::join!(item.check(&ctx), async {
        tokio::time::sleep(Duration::from_millis(250)).await;
        cancel.cancel();
    });
    assert!(matches!(answer.outcome, Outcome::NotRun { .. }), "{:?}", answer.outcome);
    assert_eq!(stage.server.snapshot(), before);
}

#[tokio::test]
async fn it_says_that_it_writes() {
    let item =
        |failover| LoadBalancer { balancing: Ok(Stage::new(Behaviour::Good).balancing(failover)) };
    assert!(!item(false).only_reads());
    let effects = |failover| item(failover).effects().unwrap();
    assert_eq!(effects(false).len(), 1);
    assert!(effects(true)[1].contains("an outage"), "{:?}", effects(true));
    assert!(LoadBalancer { balancing: Err(no_cluster()) }.effects().is_err());
}
