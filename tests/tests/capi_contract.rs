//! What omega-capi expects of a management cluster, asked of the simulator and of a real one.
//!
//! `live` needs `OMEGA_LAB_KUBECONFIG`: the lab's kube-apiserver with Cluster API 1.13 at v1beta1
//! and v1beta2 and the OpenStack provider's kinds at v1beta1. With `OMEGA_LAB_REQUIRED=1`, which
//! the lab sets, its absence is a failure.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "helpers of tests"
)]

use omega_capi::{
    Combination, Driver, Error, Management, Overrides, ServedVersionsFit, served_versions,
};
use omega_core::{Gate as _, Verdict};

async fn serves_every_version_and_says_so_in_one_request(management: &Management) {
    let before = management.requests();
    let served = served_versions(management).await.unwrap();
    assert_eq!(management.requests() - before, 1);
    let versions = |group: &str, plural: &str| -> Vec<String> {
        served.versions_of(group, plural).map(ToOwned::to_owned).collect()
    };
    for plural in ["clusters", "machinedeployments", "machines"] {
        assert_eq!(versions("cluster.x-k8s.io", plural), ["v1beta2", "v1beta1"], "{plural}");
    }
    let control = versions("controlplane.cluster.x-k8s.io", "kubeadmcontrolplanes");
    assert_eq!(control, ["v1beta2", "v1beta1"]);
    let bootstrap = versions("bootstrap.cluster.x-k8s.io", "kubeadmconfigtemplates");
    assert_eq!(bootstrap, ["v1beta2", "v1beta1"]);
    for plural in ["openstackclusters", "openstackmachinetemplates"] {
        assert_eq!(versions("infrastructure.cluster.x-k8s.io", plural), ["v1beta1"], "{plural}");
    }
    for plural in ["helmreleases", "manifests"] {
        assert_eq!(versions("addons.stackhpc.com", plural), ["v1alpha1"], "{plural}");
    }
    // Near misses: a part of a kind, a kind of another group, a kind that nobody installed.
    assert_eq!(versions("cluster.x-k8s.io", "clusters/status").len(), 0);
    assert_eq!(versions("cluster.x-k8s.io", "openstackclusters").len(), 0);
    assert_eq!(versions("addons.cluster.x-k8s.io", "helmchartproxies").len(), 0);
    assert!(!served.has_group("ipam.cluster.x-k8s.io"), "nobody asked for it");
}

async fn the_gate_tells_a_driver_that_fits_from_one_that_does_not(management: &Management) {
    let gate = |driver, overrides| ServedVersionsFit {
        management: management.clone(),
        combination: Combination {
            driver,
            overrides: Overrides::parse(overrides).unwrap(),
            chart: "0.25.1".parse().ok(),
        },
    };
    let verdict = gate(Driver::V1_4_0, "{}").check().await.unwrap();
    assert!(matches!(verdict, Verdict::Pass { .. }), "{verdict:?}");
    let next = |verdict| match verdict {
        Verdict::Fail { next, .. } => next.unwrap(),
        other => panic!("{other:?}"),
    };
    let verdict = gate(Driver::V1_3_0, "{}").check().await.unwrap();
    assert_eq!(next(verdict), "pin magnum-capi-helm 1.4.0, which reads v1beta1");
    let v1beta2 = r#"{"Cluster": {"api_version": "cluster.x-k8s.io/v1beta2"}}"#;
    let verdict = gate(Driver::V1_4_0, v1beta2).check().await.unwrap();
    assert_eq!(next(verdict), "leave Cluster out of api_resources; it needs v1beta1 to be served");
}

async fn a_token_that_is_not_known_is_refused(management: &Management) {
    let error = served_versions(management).await.unwrap_err();
    assert!(matches!(&error, Error::Unauthorized { path, .. } if path == "/apis"), "{error:?}");
}

mod simulated {
    use omega_capi::{
        Management,
        sim::{Apiserver, Fault},
    };

    #[tokio::test]
    async fn contract() {
        let apiserver = Apiserver::default();
        let management = Management::over(apiserver.clone(), "simulator");
        super::serves_every_version_and_says_so_in_one_request(&management).await;
        super::the_gate_tells_a_driver_that_fits_from_one_that_does_not(&management).await;
        apiserver.fail(Fault::BadToken);
        super::a_token_that_is_not_known_is_refused(&management).await;
    }
}

mod live {
    use std::{env, fs};

    use omega_capi::{Error, Management, served_versions};
    use omega_core::{kubeconfig::Kubeconfig, values::Secret};

    #[expect(clippy::disallowed_methods, reason = "the lab says by variable where it is")]
    fn kubeconfig() -> Option<String> {
        match env::var("OMEGA_LAB_KUBECONFIG") {
            Ok(path) => Some(fs::read_to_string(path).unwrap()),
            Err(env::VarError::NotPresent | env::VarError::NotUnicode(_)) => {
                let required = env::var("OMEGA_LAB_REQUIRED").is_ok_and(|value| value == "1");
                assert!(!required, "OMEGA_LAB_KUBECONFIG is not set");
                None
            }
        }
    }

    async fn connect(text: String) -> Management {
        let kubeconfig = Kubeconfig::parse(Secret::from(text), jiff::Timestamp::now()).unwrap();
        Management::connect(&kubeconfig).await.unwrap()
    }

    #[tokio::test]
    async fn contract() {
        let Some(text) = kubeconfig() else { return };
        let management = connect(text).await;
        super::serves_every_version_and_says_so_in_one_request(&management).await;
        super::the_gate_tells_a_driver_that_fits_from_one_that_does_not(&management).await;
    }

    #[tokio::test]
    async fn an_unknown_token() {
        let Some(text) = kubeconfig() else { return };
        // The lab writes one user, on one line, in braces.
        let user = text.lines().find(|line| line.starts_with("users:")).unwrap();
        let token = "users: [{name: admin, user: {token: nonsense}}]";
        let management = connect(text.replace(user, token)).await;
        super::a_token_that_is_not_known_is_refused(&management).await;
    }

    #[tokio::test]
    async fn nobody_listens() {
        let Some(text) = kubeconfig() else { return };
        let management = connect(text.replace(":6443", ":6442")).await;
        let error = served_versions(&management).await.unwrap_err();
        assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
        assert!(error.to_string().contains("Connection refused"), "the whole chain: {error}");
    }
}
