//! `management-version`: the installed Cluster API supports the management cluster's Kubernetes.

#![allow(clippy::unused_self, reason = "it reads better so")]

use std::sync::Arc;

use async_trait::async_trait;
use omega_capi::{
    Error, Management,
    constellation::{Component, KubernetesSupport, supported_kubernetes, version_numbers},
    controllers::{Installed, Kubernetes, read_installed, read_kubernetes},
};
use omega_core::{Evidence, Failure, Gate, Label as _, Severity, Subject, Verdict};

use super::judgement::Judged;
use crate::lint::Rule;

pub(super) const RULE: Rule = Rule {
    id: "management-version",
    decision: Some("D-035"),
    severity: Severity::Broken,
    reason: "Each release of Cluster API runs on certain versions of Kubernetes only; the channel of the snap decides which one it gets.",
    source: "kubernetes-sigs/cluster-api docs/book/src/reference/versions.md",
};

/// The gate that the management cluster's Kubernetes is one that the installed Cluster API supports, that its
/// nodes have the same, and that it is of the channel that was decided.
#[derive(Clone, Debug)]
pub struct ManagementVersion {
    /// The management cluster.
    pub management: Arc<Management>,
    /// The minor version that was decided: `1.32`.
    pub decided: String,
}

impl ManagementVersion {
    fn judge(&self, kubernetes: &Kubernetes, installed: &[Installed]) -> Verdict {
        let mut judged = Judged::new(&RULE, self.subject());
        let Kubernetes { server, kubelets, .. } = kubernetes;
        judged.shows(Evidence::text("Kubernetes", server));
        for one in kubelets {
            judged.shows(Evidence::text(&format!("kubelet of {}", one.node), &one.version));
        }
        let core = installed.iter().find(|one| one.component == Component::ClusterApi);
        let core = core.and_then(|one| one.version.as_deref());
        judged.shows(Evidence::text("Cluster API", core.unwrap_or("not found")));
        let Some(minor) = minor(server) else {
            judged.unknown(format!("{server} is no version of Kubernetes"), "kubectl version");
            return judged.verdict();
        };
        supported(server, minor, core, &mut judged);
        self.nodes(kubernetes, &mut judged);
        if format!("1.{minor}") != self.decided {
            let (why, remedy) = (
                format!("Kubernetes is {server}, and D-035 has {}", self.decided),
                format!(
                    "snap refresh k8s --channel={}-classic/stable, which can only go up; or say what was decided: \
                     `management_kubernetes` in [lint]",
                    self.decided
                ),
            );
            judged.warning(why, remedy);
        }
        judged.verdict()
    }

    /// A kubelet is not newer than its API server, and at most three minor versions older (kubernetes/website
    /// content/en/releases/version-skew-policy.md); on one machine they are the same snap's.
    fn nodes(&self, kubernetes: &Kubernetes, judged: &mut Judged) {
        if kubernetes.kubelets.is_empty() {
            judged.unknown("the management cluster shows no nodes", "kubectl get nodes");
        }
        let other = kubernetes.kubelets.iter().filter(|one| one.version != kubernetes.server);
        for one in other {
            let version = if one.version.is_empty() { "unknown" } else { one.version.as_str() };
            let why = format!(
                "the kubelet of {} is {version}, and the API server {}",
                one.node, kubernetes.server
            );
            judged.warning(why, "finish the upgrade: snap list k8s on each machine");
        }
    }
}

fn minor(version: &str) -> Option<u64> {
    let [major, minor, _] = version_numbers(version)?;
    (major == 1).then_some(minor)
}

fn supported(server: &str, minor: u64, core: Option<&str>, judged: &mut Judged) {
    let Some(core) = core else {
        let why = "no deployment of Cluster API's core with a version was found";
        return judged.unknown(why, "omega-cli check-constellation");
    };
    let Some(KubernetesSupport { management, .. }) = supported_kubernetes(core) else {
        let why =
            format!("which versions of Kubernetes Cluster API {core} supports is not known here");
        return judged.unknown(why, "compare it with the release's own notes");
    };
    if !management.contains(&minor) {
        let (oldest, newest) = (management.start(), management.end());
        let why = format!(
            "Cluster API {core} supports management clusters of Kubernetes 1.{oldest} to 1.{newest}, and this is {server}"
        );
        let remedy = "refresh the snap to a channel that it supports, one minor version at a time; or install a \
                      release of Cluster API that supports this one";
        judged.broken(why, remedy);
    }
}

#[async_trait]
impl Gate for ManagementVersion {
    fn rule(&self) -> &'static str {
        RULE.id
    }

    fn subject(&self) -> Subject {
        subject()
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        let failure = |what: &str, error: &Error| {
            let what = format!("could not read {what} of {}", self.management.label());
            Failure::from_error(what, error)
        };
        let (kubernetes, installed) =
            futures::join!(read_kubernetes(&self.management), read_installed(&self.management));
        let kubernetes =
            kubernetes.map_err(|error| failure("the version of Kubernetes", &error))?;
        let installed = installed.map_err(|error| failure("the controllers", &error))?;
        Ok(self.judge(&kubernetes, &installed))
    }
}

pub(super) fn subject() -> Subject {
    Subject::new("kubernetes", "of the management cluster")
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::match_wildcard_for_single_variants,
        clippy::wildcard_enum_match_arm,
        reason = "an assertion"
    )]

    use omega_capi::sim::{Apiserver, Fault};
    use omega_core::Finding;
    use serde_json::json;

    use super::*;

    /// A management cluster of these versions, with Cluster API 1.13.2.
    fn server(api: &str, kubelet: &str) -> Apiserver {
        let server = Apiserver::default();
        server.set_version(api);
        server.store_list("/api/v1/nodes", "Node");
        let node = json!({
            "metadata": {"name": "capi-mgmt-v2"},
            "status": {"nodeInfo": {
                "kubeletVersion": kubelet, "kubeProxyVersion": kubelet, "architecture": "amd64",
                "bootID": "b", "containerRuntimeVersion": "containerd://1.7", "kernelVersion": "6",
                "machineID": "m", "operatingSystem": "linux", "osImage": "Ubuntu", "systemUUID": "s",
            }},
        });
        server.put("/api/v1/nodes", node);
        server
    }

    async fn check(server: &Apiserver) -> Result<Verdict, Failure> {
        let management = Arc::new(Management::over(server.clone(), "sim"));
        ManagementVersion { management, decided: "1.32".to_owned() }.check().await
    }

    async fn fails(server: &Apiserver) -> Finding {
        match check(server).await.unwrap() {
            Verdict::Fail(finding) => *finding,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn the_oldest_supported_version_passes_and_the_one_before_is_broken() {
        let Verdict::Pass { evidence } = check(&server("v1.32.9", "v1.32.9")).await.unwrap() else {
            panic!("it failed")
        };
        insta::assert_snapshot!(Evidence::line(&evidence), @"Kubernetes v1.32.9, kubelet of capi-mgmt-v2 v1.32.9, Cluster API v1.13.2");
        let found = fails(&server("v1.31.14", "v1.31.14")).await;
        assert_eq!((found.severity, found.decision.as_deref()), (Severity::Broken, Some("D-035")));
        insta::assert_snapshot!(found.summary, @"Cluster API v1.13.2 supports management clusters of Kubernetes 1.32 to 1.36, and this is v1.31.14");
        assert_eq!(fails(&server("v1.37.0", "v1.37.0")).await.severity, Severity::Broken);
    }

    #[tokio::test]
    async fn another_channel_and_half_an_upgrade_are_warnings() {
        let found = fails(&server("v1.33.1", "v1.33.1")).await;
        assert_eq!(found.severity, Severity::Warning);
        assert_eq!(found.summary, "Kubernetes is v1.33.1, and D-035 has 1.32");
        let found = fails(&server("v1.32.9", "v1.32.8")).await;
        assert_eq!(found.severity, Severity::Warning);
        assert!(found.summary.contains("the kubelet of capi-mgmt-v2 is v1.32.8"), "{found:?}");
    }

    #[tokio::test]
    async fn what_is_not_known_is_unknown() {
        let odd = server("v1.32.9", "v1.32.9");
        odd.remove_object("/apis/apps/v1/deployments", "capi-controller-manager");
        assert_eq!(fails(&odd).await.severity, Severity::Unknown, "no Cluster API");
        let bare = server("v1.32.9", "v1.32.9");
        bare.remove_object("/api/v1/nodes", "capi-mgmt-v2");
        assert_eq!(fails(&bare).await.severity, Severity::Unknown, "no nodes");
        let silent = server("v1.32.9", "v1.32.9");
        silent.fail(Fault::Unavailable("/version".to_owned()));
        check(&silent).await.unwrap_err();
    }
}
