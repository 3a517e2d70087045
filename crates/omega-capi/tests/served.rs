//! `discover_versions` and the gate on the simulator: the good case and every bad answer.

#![expect(clippy::unwrap_used, clippy::wildcard_enum_match_arm, reason = "helpers of tests")]

use std::time::Duration;

use omega_capi::{
    Error, Management,
    coherence::{Combination, ServedVersionsGate},
    served::discover_versions,
    sim::{Apiserver, Fault},
};
use omega_core::{Diagnostic as _, FailureClass, Gate as _, Touched, Verdict};
use omega_driver::{DriverRelease, Overrides};
use semver::Version;

const INFRASTRUCTURE: &str = "infrastructure.cluster.x-k8s.io";

fn over(apiserver: &Apiserver) -> Management {
    Management::over(apiserver.clone(), "https://127.77.2.1:6443 (context lab)")
}

fn gate(apiserver: &Apiserver, driver: DriverRelease, overrides: &str) -> ServedVersionsGate {
    let combination = Combination {
        driver,
        overrides: Overrides::of_value(overrides).unwrap(),
        chart: Some(Version::new(0, 25, 1)),
    };
    ServedVersionsGate { management: over(apiserver), combination }
}

async fn error(fault: Fault) -> Error {
    let apiserver = Apiserver::default();
    apiserver.fail(fault);
    discover_versions(&over(&apiserver)).await.unwrap_err()
}

#[tokio::test]
async fn old_and_new_discovery_say_the_same() {
    let apiserver = Apiserver::default();
    let management = over(&apiserver);
    let new = discover_versions(&management).await.unwrap();
    assert_eq!(management.requests(), 1, "aggregated discovery is one request");
    assert_eq!(apiserver.requested(), ["/apis"]);
    apiserver.fail(Fault::Old);
    let old = discover_versions(&management).await.unwrap();
    assert_eq!(management.requests(), 12, "the list, and 10 versions of 6 groups");
    assert_eq!(old, new);
    let groups: Vec<&str> = new.groups.keys().map(String::as_str).collect();
    let expected = [
        "addons.cluster.x-k8s.io",
        "addons.stackhpc.com",
        "bootstrap.cluster.x-k8s.io",
        "cluster.x-k8s.io",
        "controlplane.cluster.x-k8s.io",
        "infrastructure.cluster.x-k8s.io",
    ];
    assert_eq!(groups, expected, "ipam and runtime are other groups");
    let clusters: Vec<&str> = new.versions_of("cluster.x-k8s.io", "clusters").collect();
    assert_eq!(clusters, ["v1beta2", "v1beta1"], "not the preferred version only");
    let parts = new.groups.values().flatten().flat_map(|v| &v.kinds);
    assert_eq!(parts.filter(|kind| kind.plural.contains('/')).count(), 0);
    let proxies = new.versions_of("addons.cluster.x-k8s.io", "helmchartproxies");
    assert_eq!(proxies.count(), 0, "a served group is not a served kind");
}

#[tokio::test]
async fn a_group_that_nobody_serves_is_absent() {
    let apiserver = Apiserver::default();
    apiserver.remove("addons.stackhpc.com");
    for fault in [None, Some(Fault::Old)] {
        apiserver.clear_fault();
        if let Some(fault) = fault {
            apiserver.fail(fault);
        }
        let served = discover_versions(&over(&apiserver)).await.unwrap();
        assert!(!served.has_group("addons.stackhpc.com"));
        assert_eq!(served.groups.len(), 5);
    }
}

#[tokio::test]
async fn the_gate_says_yes_with_evidence() {
    let verdict = gate(&Apiserver::default(), DriverRelease::v1_4_0(), "{}").check().await.unwrap();
    let Verdict::Pass { evidence } = verdict else { panic!("{verdict:?}") };
    let expected = "kinds read by driver 1.4.0: 7, kinds created by chart 0.25.1: 8, all served at \
                    those versions";
    assert_eq!(omega_core::Evidence::line(&evidence), expected);
}

#[tokio::test]
async fn the_gate_says_no_with_the_first_remedy() {
    let apiserver = Apiserver::default();
    let no = |verdict| match verdict {
        Verdict::Fail(finding) => {
            let why =
                format!("{} ({})", finding.summary, omega_core::Evidence::line(&finding.evidence));
            (why, finding.remedy.unwrap())
        }
        other => panic!("{other:?}"),
    };
    let (why, next) = no(gate(&apiserver, DriverRelease::v1_3_0(), "{}").check().await.unwrap());
    let expected = "driver 1.3.0 reads openstackclusters at \
        infrastructure.cluster.x-k8s.io/v1alpha6, which is not served: healthy clusters become \
        UNHEALTHY, `Infrastructure resource not found.` (openstackclusters.infrastructure.cluster.x-k8s.io is served at \
        v1beta1)";
    assert_eq!(why, expected);
    assert_eq!(next, "pin magnum-capi-helm 1.4.0, which reads v1beta1");

    // The release of the provider that still served it.
    apiserver.add_old_version(INFRASTRUCTURE, "v1alpha6");
    let verdict = gate(&apiserver, DriverRelease::v1_3_0(), "{}").check().await.unwrap();
    assert!(matches!(verdict, Verdict::Pass { .. }), "{verdict:?}");

    let v1beta2 = r#"{"Cluster": {"api_version": "cluster.x-k8s.io/v1beta2"}}"#;
    let (why, next) = no(gate(&apiserver, DriverRelease::v1_4_0(), v1beta2).check().await.unwrap());
    assert!(why.contains("health stays UNHEALTHY and a create IN_PROGRESS forever"), "{why}");
    assert_eq!(next, "remove Cluster from api_resources; its v1beta1 must be served");
}

#[tokio::test]
async fn credentials_that_are_refused_or_allow_too_little_are_told_apart() {
    let refused = error(Fault::BadToken).await;
    assert_eq!(
        refused.to_string(),
        "https://127.77.2.1:6443 (context lab) refused the credentials (401 to GET /apis)"
    );
    let forbidden = error(Fault::Anonymous).await;
    assert_eq!(
        forbidden.to_string(),
        "https://127.77.2.1:6443 (context lab) refused the request: no right to get /apis"
    );
    let words = "forbidden: User \"system:anonymous\" cannot get path \"/apis\"";
    assert_eq!(forbidden.found().as_deref(), Some(words));
    assert_eq!(
        forbidden.next().as_deref(),
        Some("give the kubeconfig's user the right to get /apis (RBAC)")
    );
}

#[tokio::test(start_paused = true)]
async fn a_slow_answer_meets_the_deadline() {
    let apiserver = Apiserver::default();
    apiserver.fail(Fault::Slow(Duration::from_hours(1)));
    let start = tokio::time::Instant::now();
    let failure = gate(&apiserver, DriverRelease::v1_4_0(), "{}").check().await.unwrap_err();
    assert_eq!(start.elapsed(), Duration::from_secs(15));
    assert_eq!((failure.class, failure.touched), (FailureClass::Deadline, Touched::Nothing));
    assert_eq!(apiserver.requested(), ["/apis"], "it is not asked again");
    apiserver.fail(Fault::Slow(Duration::from_secs(14)));
    let verdict = gate(&apiserver, DriverRelease::v1_4_0(), "{}").check().await.unwrap();
    assert!(matches!(verdict, Verdict::Pass { .. }), "slow is not broken: {verdict:?}");
}

#[tokio::test]
async fn half_an_answer_is_an_error_and_says_where() {
    let why = |error: Error| match error {
        Error::Malformed { path, why, .. } => format!("{path}: {why}"),
        other => panic!("{other:?}"),
    };
    assert_eq!(why(error(Fault::Short(1000)).await), "/apis: it ends after 1000 bytes");
    assert_eq!(why(error(Fault::Short(0)).await), "/apis: it ends after 0 bytes");
    assert_eq!(
        why(error(Fault::Stale("cluster.x-k8s.io".into())).await),
        "/apis: it marks cluster.x-k8s.io/v1beta2 as stale"
    );
    let apiserver = Apiserver::default();
    apiserver.fail(Fault::Stale("ipam.cluster.x-k8s.io".into()));
    let served = discover_versions(&over(&apiserver)).await.unwrap();
    assert_eq!(served.groups.len(), 6, "somebody else's stale group does not matter");
}

#[tokio::test]
async fn a_server_that_is_not_well_is_named() {
    let unavailable = error(Fault::Unavailable("/apis".into())).await;
    assert!(matches!(unavailable, Error::Status { code: 503, .. }), "{unavailable:?}");
    let broken = error(Fault::Broken("/apis".into())).await;
    assert_eq!(
        broken.to_string(),
        "https://127.77.2.1:6443 (context lab) can't be reached: the connection was closed \
         before the answer was complete"
    );
}
