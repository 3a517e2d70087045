use omega_capi::sim::Apiserver;
use omega_openstack::sim::Cloud;

use super::*;

async fn check(cloud: &Cloud, apiserver: &Apiserver, name: &str) -> Answer {
    let management = Management::over(apiserver.clone(), "https://10.20.0.50:6443");
    let clusters = Clusters {
        magnum: Arc::new(ContainerInfra::new(cloud.member("capi-mgmt"))),
        project: cloud.member("capi-mgmt"),
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
    cloud.add_balancer("capi-mgmt", API);
    cloud.set_operating_status("ONLINE");
    let answer = check(&cloud, &apiserver, "c1").await;
    assert!(matches!(answer.outcome, Outcome::NotRun { .. }), "{answer:?}");
    assert_eq!(rules(&answer), ["cluster-unasked"]);
}

/// The management cluster knows `c1`, and its workload cluster works.
fn known(cloud: &Cloud) -> Clusters {
    let management = Apiserver::default();
    management.add_cluster();
    Clusters {
        magnum: Arc::new(ContainerInfra::new(cloud.member("capi-mgmt"))),
        project: cloud.member("capi-mgmt"),
        management: Arc::new(Management::over(management, "https://10.20.0.50:6443")),
        name: "c1".to_owned(),
        workload: Some(Workload::over(Management::over(Apiserver::workload(), "https://c1:6443"))),
        lookup: None,
        settles_within: Duration::ZERO,
    }
}

const API: &str =
    "k8s-clusterapi-cluster-magnum-6741a4d1b29346e5a2f4c6ad38f0a2c1-c1-b3mdwq5cz7lx-kubeapi";

#[tokio::test]
async fn the_load_balancer_of_the_api_is_recorded_and_judged() {
    let cloud = Cloud::new();
    cloud.add_cluster("capi-mgmt", "c1", Some("HEALTHY"), "");
    let checked = async || Cluster { cluster: Ok(known(&cloud)) }.check(&Context::default()).await;
    assert_eq!(rules(&checked().await), ["api-load-balancer-missing"]);

    // Decoys: of another cluster, and of another project.
    cloud.add_balancer("capi-mgmt", &format!("{API}-2"));
    cloud.add_balancer("other", API);
    assert_eq!(rules(&checked().await), ["api-load-balancer-missing"]);
    cloud.add_balancer("capi-mgmt", API);
    for (operating, wanted) in [
        ("ONLINE", Outcome::Passed),
        ("ERROR", Outcome::Failed),
        ("DEGRADED", Outcome::Failed),
        ("OFFLINE", Outcome::Failed),
    ] {
        cloud.set_operating_status(operating);
        let answer = checked().await;
        assert_eq!(answer.outcome, wanted, "{operating}: {:?}", answer.findings);
        let fact = |name: &str| {
            let found = answer.evidence.iter().find(|one| one.fact == name);
            found.map(ToString::to_string).unwrap_or_default()
        };
        assert_eq!(fact("operating status"), format!("operating status {operating}"));
        assert_eq!(fact("provisioning status"), "provisioning status ACTIVE");
        assert!(fact("floating IP").starts_with("floating IP 203.0.113."), "{answer:?}");
        for name in ["API address", "API load balancer", "VIP"] {
            assert!(!["", "none"].contains(&fact(name).trim_start_matches(name).trim()), "{name}");
        }
    }
    assert_eq!(rules(&checked().await), ["api-load-balancer-not-online"]);

    cloud.deny(omega_openstack::Service::LoadBalancer);
    let answer = checked().await;
    assert!(matches!(answer.outcome, Outcome::NotRun { .. }), "{answer:?}");
    assert_eq!(rules(&answer), ["api-load-balancer-unasked"]);
}
