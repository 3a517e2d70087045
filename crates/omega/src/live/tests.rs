use std::{fs, path::Path};

use omega_core::{
    Clock, Context, Evidence, Failure, FailureClass, Finding, Gate, Item, ItemState, Section,
    Subject, TargetPlan, Verdict,
    run::{Engine, Job, Report, Runs, Status},
};

use super::*;
use crate::{
    Machine,
    clients::{Connect, PartialClients},
    site::Site,
};

/// The gates of a site on a machine where nothing answers.
async fn all(text: &str) -> Vec<Box<dyn Gate>> {
    let home = tempfile::tempdir().unwrap();
    let auth = "auth_url: 'https://127.0.0.1:1/v3', username: u, password: p, user_domain_name: d, \
                project_name: mgmt, project_domain_name: d";
    let clouds = format!("clouds:\n  here:\n    auth: {{{auth}}}\n");
    // A clouds.yaml of one cloud is used without its name.
    if text.contains("[cloud]") {
        fs::write(home.path().join("clouds.yaml"), clouds).unwrap();
    }
    let site = Site::parse(Path::new("omega.toml"), text).unwrap();
    let site = Site { directory: home.path().to_owned(), ..site };
    let machine = Machine { cwd: home.path().to_owned(), ..Machine::new(home.path()) };
    gates(&Connect::new(&site, &machine), Clock::System).await
}

/// Each rule has its gate in its place, and nothing that was not asked is good.
#[tokio::test]
async fn what_the_site_does_not_name_or_does_not_answer_is_unknown() {
    let juju = "[juju]\nprogram = \"/nonexistent/juju\"\n";
    let cloud =
        "[cloud]\nname = \"here\"\n[chart]\nversion = \"0.25.1\"\nrepo = \"https://charts\"\n";
    for text in [juju.to_owned(), format!("{cloud}{juju}[management]\nserver = \"capi\"\n")] {
        let all = all(&text).await;
        let rules: Vec<&str> = all.iter().map(|gate| gate.rule()).collect();
        assert_eq!(rules, RULES.map(|rule| rule.id));
        for gate in all {
            let found = gate.check().await;
            let is_unknown = match &found {
                Err(_) => true,
                Ok(Verdict::Fail(finding)) => finding.severity == Severity::Unknown,
                Ok(Verdict::Pass { .. } | Verdict::Deferred { .. }) => false,
            };
            assert!(is_unknown, "{}: {found:?}", gate.rule());
        }
    }
}

#[tokio::test]
async fn a_gate_says_which_key_it_lacks() {
    let all = all("[juju]\nprogram = \"/nonexistent/juju\"\n").await;
    let mut said = Vec::new();
    for gate in &all {
        if let Err(failure) = gate.check().await {
            said.push(format!("{}: {}", gate.rule(), failure.message));
        }
    }
    insta::assert_snapshot!(said.join("\n"), @"
    running-channels: could not ask juju
    charm-config: could not read the configuration of nova-compute
    endpoint-certificates: could not load cloud credentials
    trustee-domain: could not load cloud credentials
    octavia-image: could not load cloud credentials
    management-machine: the site file has no `server` in [management], which this needs
    management-version: the site file has no `kubeconfig` in [management], which this needs
    dependencies: the site file has no [chart], which this needs
    dependencies-helm: the site file has no [chart], which this needs
    dependencies-images: the site file has no [chart], which this needs
    ");
}

#[test]
fn every_rule_has_a_decision_a_reason_and_a_source() {
    let known = crate::decisions::decisions().unwrap();
    for rule in RULES {
        let decision = rule.decision.unwrap();
        assert!(known.iter().any(|one| one.id == decision), "{}: {decision}", rule.id);
        assert!(!rule.reason.is_empty() && !rule.source.is_empty(), "{}", rule.id);
    }
}

/// A gate with this result.
struct Found(&'static str, Option<Severity>);

#[async_trait::async_trait]
impl Gate for Found {
    fn rule(&self) -> &'static str {
        self.0
    }

    fn subject(&self) -> Subject {
        Subject::new("thing", self.0)
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        match self.1 {
            Some(Severity::Note) => Err(Failure::new(FailureClass::Usage, "no answer")),
            Some(severity) => {
                Ok(Verdict::fail(Finding::broken(self.0, self.subject(), "x").severity(severity)))
            }
            None => Ok(Verdict::shown([Evidence::holds("x")])),
        }
    }
}

async fn report(found: &[(&'static str, Option<Severity>)]) -> Report {
    let home = tempfile::tempdir().unwrap();
    let engine = Engine::new(Runs::new(home.path()), Context::default());
    let items = found.iter().map(|(rule, severity)| Item::gate(Found(rule, *severity))).collect();
    let target = TargetPlan::shared("live", vec![Section::new("", "check", items)]);
    judged(engine.plan(&Job::new("check", "omega.toml", vec![target])).await)
}

#[tokio::test]
async fn broken_is_3_and_what_is_not_known_is_1() {
    let (good, warning) = (("good", None), ("warning", Some(Severity::Warning)));
    let (broken, unknown) =
        (("broken", Some(Severity::Broken)), ("unknown", Some(Severity::Unknown)));
    // Stands for a check that failed.
    let failed = ("failed", Some(Severity::Note));
    for (found, exit) in [
        (&[good, warning][..], Status::Done),
        (&[good, unknown], Status::Error),
        (&[failed, good], Status::Error),
        (&[unknown, failed, broken, good], Status::Gate),
    ] {
        let report = report(found).await;
        assert_eq!(
            (report.exit, report.failure.is_some()),
            (exit, exit != Status::Done),
            "{found:?}"
        );
        assert_eq!(report.looked[0].items().count(), found.len());
        assert!(!report.looked[0].items().any(|item| matches!(item.found, ItemState::Preview(_))));
    }
    let failure = report(&[unknown, failed]).await.failure.unwrap();
    assert_eq!(failure.message, "live checks could not be made: unknown, failed");
}

#[tokio::test]
async fn one_rule_is_chosen_and_another_name_is_refused() {
    let checks = async || Checks { gates: all("").await, clients: PartialClients::default() };
    let one = checks().await.only(&["octavia-image".to_owned()]).unwrap();
    assert_eq!(one.gates.len(), 1);
    assert_eq!(checks().await.only(&[]).unwrap().gates.len(), RULES.len());
    let failure = checks().await.only(&["octavia-imge".to_owned()]).unwrap_err();
    assert_eq!(failure.next.as_deref(), Some("did you mean `octavia-image`?"));
}
