use omega_capi::sim::Apiserver;
use omega_openstack::sim::Cloud;

use super::*;

async fn check(cloud: &Cloud, apiserver: &Apiserver, name: &str) -> Answer {
    let management = Management::over(apiserver.clone(), "https://10.20.0.50:6443");
    let clusters = Clusters {
        magnum: Arc::new(ContainerInfra::new(cloud.member("capi-mgmt"))),
        management: Arc::new(management),
        name: name.to_owned(),
        workload: None,
        lookup: None,
        settles_within: Duration::ZERO,
    };
    Cluster { cluster: Ok(clusters) }.check(&Context::default()).await
}

fn rules(answer: &Answer) -> Vec<&str> {
    answer.findings.iter().map(|one| one.rule.as_str()).collect()
}

#[tokio::test]
async fn a_cluster_that_is_not_there_fails() {
    let (cloud, apiserver) = (Cloud::new(), Apiserver::default());
    cloud.add_cluster("capi-mgmt", "c20", Some("HEALTHY"), "");
    let answer = check(&cloud, &apiserver, "c2").await;
    assert_eq!((&answer.outcome, rules(&answer)), (&Outcome::Failed, vec!["cluster-missing"]));
}

#[tokio::test]
async fn magnums_record_alone_is_not_enough() {
    let (cloud, apiserver) = (Cloud::new(), Apiserver::default());
    cloud.add_cluster("capi-mgmt", "c2", Some("HEALTHY"), "");
    let answer = check(&cloud, &apiserver, "c2").await;
    assert_eq!(rules(&answer), ["cluster-without-objects"]);
    cloud.add_cluster("other", "c2", Some("UNHEALTHY"), "");
    assert_eq!(
        rules(&check(&cloud, &apiserver, "c2").await),
        ["cluster-without-objects"],
        "a decoy"
    );
}

#[test]
fn status_and_health_are_judged_apart() {
    let record = |status: &str, health: Option<&str>| {
        let record: Record = serde_json::from_value(serde_json::json!({
            "uuid": "u", "name": "c1", "cluster_template_id": "t", "stack_id": null,
            "status": status, "status_reason": "no quota", "health_status": health,
            "api_address": null,
        }))
        .unwrap();
        let said = |one: Finding| format!("{}: {}", one.rule, one.summary);
        judge(&record).0.into_iter().map(said).collect::<Vec<_>>()
    };
    assert_eq!(record("CREATE_COMPLETE", Some("HEALTHY")), [""; 0]);
    assert_eq!(
        record("CREATE_FAILED", None),
        [
            "cluster-not-complete: Magnum says CREATE_FAILED: no quota",
            "cluster-never-polled: Magnum has not polled its health yet",
        ]
    );
    assert_eq!(
        record("UPDATE_COMPLETE", Some("UNHEALTHY")),
        ["cluster-unhealthy: Magnum says UNHEALTHY"]
    );
}

/// It is known, and its secret may not be read.
#[tokio::test]
async fn a_cluster_that_cannot_be_looked_into_is_said_once() {
    let (cloud, apiserver) = (Cloud::new(), Apiserver::default());
    cloud.add_cluster("capi-mgmt", "c1", Some("HEALTHY"), "");
    let answer = check(&cloud, &apiserver, "c1").await;
    assert!(matches!(answer.outcome, Outcome::NotRun { .. }), "{answer:?}");
    assert_eq!(rules(&answer), ["cluster-unasked"]);
}
