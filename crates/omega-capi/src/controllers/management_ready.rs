use async_trait::async_trait;
use jiff::Timestamp;
use omega_core::{
    CheckRule, Evidence, Failure, Finding, Gate, Label as _, Severity, Subject, Verdict,
};

use crate::{
    Error, Management, OddObject,
    constellation::Component,
    controllers::{
        ControllerPod, Installed, NodeState, read_controller_pods, read_installed, read_nodes,
    },
    served::{ServedVersions, discover_versions},
};

const RULE: &str = ManagementReady::RULE.name;
const ORC: (&str, &str) = ("openstack.k-orc.cloud", "images");

/// The gate that the management cluster works: its nodes are Ready, Cluster API's controllers are
/// available and stay up, and what the OpenStack provider needs is served.
///
/// What the kubeconfig may not list is not judged, and told: that of the driver has few rights.
#[derive(Clone, Debug)]
pub struct ManagementReady {
    /// The management cluster.
    pub management: Management,
}

/// What a management cluster says about itself; each can fail by itself.
#[derive(Debug)]
pub struct ManagementState {
    /// Its nodes.
    pub nodes: Result<Vec<NodeState>, Error>,
    /// The controllers' deployments.
    pub installed: Result<Vec<Installed>, Error>,
    /// The controllers' pods.
    pub pods: Result<Vec<ControllerPod>, Error>,
    /// What is served.
    pub served: Result<ServedVersions, Error>,
}

impl ManagementState {
    /// Reads it, all at the same time.
    pub async fn read(management: &Management) -> Self {
        let (nodes, installed, pods, served) = futures::join!(
            read_nodes(management),
            read_installed(management),
            read_controller_pods(management),
            discover_versions(management),
        );
        Self { nodes, installed, pods, served }
    }

    /// Returns what is broken at `now`, by the management cluster's clock. Pure.
    pub fn findings(&self, now: Timestamp) -> Vec<Finding> {
        let nodes = self.nodes.iter().flatten().filter_map(unready);
        let down = self.installed.iter().flatten().filter_map(down);
        let crashing = self.pods.iter().flatten().filter(|pod| pod.is_crashing(now)).map(crashing);
        nodes.chain(down).chain(crashing).chain(self.without_orc()).collect()
    }

    /// The OpenStack provider takes images from the resource controller since 0.12. It is a warning: a
    /// provider that does not come up without it is broken by itself.
    fn without_orc(&self) -> Option<Finding> {
        let (group, plural) = ORC;
        let installed = self.installed.as_ref().ok()?;
        let provider =
            installed.iter().find(|one| one.component == Component::OpenstackProvider)?;
        let version = provider.version.as_deref()?.trim_start_matches('v');
        let version: semver::Version = version.parse().ok()?;
        let needs = version >= semver::Version::new(0, 12, 0);
        let served = self.served.as_ref().ok()?.versions_of(group, plural).next().is_some();
        (needs && !served).then(|| {
            let why = "the OpenStack resource controller's Image is not served: the provider \
                       looks for images in it, and does not start without it";
            Finding::broken(RULE, Subject::new("definition", format!("{plural}.{group}")), why)
                .severity(Severity::Warning)
                .shown_by([Evidence::text("OpenStack provider", version.to_string())])
                .remedy(
                    "install openstack-resource-controller, at the version in dependencies.json",
                )
                .source("cluster-api-provider-openstack 0.12, main.go")
        })
    }

    /// Returns the first failure that is neither a lack of rights nor a list that the server does not have.
    fn failure(&self) -> Option<&Error> {
        let all = [
            self.nodes.as_ref().err(),
            self.installed.as_ref().err(),
            self.pods.as_ref().err(),
            self.served.as_ref().err(),
        ];
        all.into_iter().flatten().find(|error| {
            !matches!(error, Error::Forbidden { .. } | Error::Status { code: 404, .. })
        })
    }

    /// A finding if nothing could be judged, which is no good state.
    fn nothing_judged(&self, management: &Management) -> Option<Finding> {
        if self.nodes.is_ok() || self.installed.is_ok() || self.pods.is_ok() {
            return None;
        }
        let why = "neither nodes nor controllers can be listed with this kubeconfig: nothing is known of \
                   the management cluster's state";
        let finding = Finding::broken(RULE, Subject::new("management", management.label()), why);
        let next = "use a kubeconfig that may list nodes, deployments and pods in all namespaces";
        Some(finding.severity(Severity::Unknown).remedy(next))
    }

    /// A finding if Cluster API's core does not run there: the kubeconfig may be of another cluster.
    fn without_core(&self, label: String) -> Option<Finding> {
        let installed = self.installed.as_ref().ok()?;
        if installed.iter().any(|one| one.component == Component::ClusterApi) {
            return None;
        }
        let why =
            "Cluster API's core controller is not installed here: this is no management cluster";
        let finding = Finding::broken(RULE, Subject::new("management", label), why);
        let next = "check that the kubeconfig is of the management cluster; or install Cluster API";
        Some(finding.shown_by([Evidence::count("controllers", installed.len())]).remedy(next))
    }

    fn evidence(&self) -> Vec<Evidence> {
        let (mut shown, mut unlisted) = (Vec::new(), Vec::new());
        let mut counted = |what: &str, one: &'static str, count: Result<usize, &Error>| match count
        {
            Ok(count) => shown.push(Evidence::count(what, count)),
            Err(_) => unlisted.push(one),
        };
        let restarts = self.pods.as_ref().map(|all| {
            usize::try_from(all.iter().map(|pod| pod.restarts).sum::<i32>()).unwrap_or_default()
        });
        counted("nodes Ready", "nodes", self.nodes.as_ref().map(Vec::len));
        counted("controllers", "controllers", self.installed.as_ref().map(Vec::len));
        counted("restarts", "restarts", restarts);
        let unlisted = unlisted.join(" and ");
        let why = format!("{unlisted} not checked (no permission to list them)");
        shown.extend((!unlisted.is_empty()).then(|| Evidence::holds(&why)));
        shown
    }
}

fn unready(node: &NodeState) -> Option<Finding> {
    let NodeState { name, unready, .. } = node;
    let why = unready.as_ref()?;
    let finding =
        Finding::broken(RULE, Subject::new("node", name), format!("it is not Ready: {why}"));
    Some(finding.remedy(format!("kubectl describe node {name}, on the management cluster")))
}

fn down(one: &Installed) -> Option<Finding> {
    let Installed { component, wanted, available, evidence, .. } = one;
    // While some are available it works.
    (*wanted > 0 && *available == Some(0)).then(|| {
        let why = format!("none of its {wanted} pods is available");
        let subject = Subject::new("controller", component.to_string());
        let next = "look at its pod: kubectl -A get pods -o wide, then kubectl logs --previous";
        Finding::broken(RULE, subject, why).shown_by(evidence.clone()).remedy(next)
    })
}

fn crashing(pod: &ControllerPod) -> Finding {
    let ControllerPod { component, name, restarts, waiting, ended, .. } = pod;
    let waiting = waiting.as_ref().map(|reason| format!("{reason}, ")).unwrap_or_default();
    let why = format!("{name} does not stay up: {waiting}{restarts} restarts");
    let (namespace, pod) = name.split_once('/').unwrap_or(("", name));
    Finding::broken(RULE, Subject::new("controller", component.to_string()), why)
        .shown_by([Evidence::text("restarts", restarts.to_string())])
        .shown_by(ended.map(|time| Evidence::time("last ended", time)))
        .remedy(format!("find out why it ended: kubectl -n {namespace} logs {pod} --previous"))
}

impl ManagementReady {
    /// Its rule, and the decisions that it checks.
    pub const RULE: CheckRule = CheckRule::new("management-ready", &["D-034", "D-035"]);
}

#[async_trait]
impl Gate for ManagementReady {
    fn rule(&self) -> &'static str {
        RULE
    }

    fn subject(&self) -> Subject {
        Subject::new("management", self.management.label())
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        let failure = |error: &Error| {
            let what = format!("could not read the state of {}", self.management.label());
            Failure::from_error(what, error)
        };
        let (state, now) =
            futures::join!(ManagementState::read(&self.management), self.management.time());
        if let Some(error) = state.failure() {
            return Err(failure(error));
        }
        if let Some(finding) = state.nothing_judged(&self.management) {
            return Ok(Verdict::fail(finding));
        }
        if let Some(finding) = state.without_core(self.management.label()) {
            return Ok(Verdict::fail(finding));
        }
        // Without its clock no restart is recent; what waits to be started again still counts.
        let found = state.findings(now.unwrap_or(Timestamp::MAX));
        let (broken, rest): (Vec<Finding>, Vec<Finding>) =
            found.into_iter().partition(|one| one.severity == Severity::Broken);
        let mut broken = broken.into_iter();
        if let Some(first) = broken.next() {
            let more = (broken.len() > 0).then(|| Evidence::count("more findings", broken.len()));
            return Ok(Verdict::fail(first.shown_by(more)));
        }
        let warned = rest.into_iter().map(|one| Evidence::text("warning:", one.summary));
        let odd = self.management.odd_objects();
        let odd = odd.iter().map(OddObject::evidence);
        Ok(Verdict::shown(state.evidence().into_iter().chain(warned).chain(odd)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::served::{ServedKind, ServedVersion};

    fn now() -> Timestamp {
        "2026-11-21T16:00:00Z".parse().unwrap()
    }

    fn well() -> ManagementState {
        let installed = Installed {
            component: Component::OpenstackProvider,
            version: Some("v0.14.4".into()),
            evidence: vec![],
            wanted: 1,
            available: Some(1),
        };
        let pod = ControllerPod {
            component: Component::OpenstackProvider,
            name: "capo-system/capo-0".into(),
            restarts: 7,
            waiting: None,
            ended: "2026-11-01T16:00:00Z".parse().ok(),
            digest: None,
        };
        let (group, plural) = ORC;
        let kinds = vec![ServedKind { kind: "Image".into(), plural: plural.into() }];
        let version = ServedVersion { version: "v1alpha1".into(), kinds };
        ManagementState {
            nodes: Ok(vec![NodeState { name: "m".into(), unready: None, kubelet: None }]),
            installed: Ok(vec![installed]),
            pods: Ok(vec![pod]),
            served: Ok(ServedVersions { groups: BTreeMap::from([(group.into(), vec![version])]) }),
        }
    }

    fn first(state: &ManagementState) -> String {
        let found = state.findings(now());
        found.first().map(|one| format!("{}: {}", one.subject, one.summary)).unwrap_or_default()
    }

    #[test]
    fn a_management_cluster_works_with_its_nodes_controllers_and_kinds() {
        assert_eq!(well().findings(now()), []);
        let mut node = well();
        let unready = Some("Ready is Unknown, NodeStatusUnknown: ".to_owned());
        node.nodes = Ok(vec![NodeState { name: "m".into(), unready, kubelet: None }]);
        assert_eq!(first(&node), "node m: it is not Ready: Ready is Unknown, NodeStatusUnknown: ");
        let mut down = well();
        down.installed.as_mut().unwrap()[0].available = Some(0);
        assert!(first(&down).ends_with("none of its 1 pods is available"), "{}", first(&down));
        let mut crash = well();
        crash.pods.as_mut().unwrap()[0].ended = "2026-11-21T15:58:00Z".parse().ok();
        assert!(first(&crash).contains("capo-system/capo-0 does not stay up: 7 restarts"));
        let mut waits = well();
        waits.pods.as_mut().unwrap()[0].waiting = Some("CrashLoopBackOff".into());
        assert!(first(&waits).contains("CrashLoopBackOff, 7 restarts"), "{}", first(&waits));
        let without = ManagementState { served: Ok(ServedVersions::default()), ..well() };
        assert!(first(&without).contains("Image is not served"), "{}", first(&without));
        let mut older = without;
        older.installed.as_mut().unwrap()[0].version = Some("v0.11.3".into());
        assert_eq!(older.findings(now()), [], "it has no need of it");
    }

    #[test]
    fn another_cluster_is_no_management_cluster() {
        let judged = |state: &ManagementState| state.without_core("https://m".to_owned());
        assert_eq!(judged(&well()).unwrap().rule, RULE, "a provider alone");
        let mut whole = well();
        let core = Installed {
            component: Component::ClusterApi,
            ..whole.installed.as_ref().unwrap()[0].clone()
        };
        whole.installed.as_mut().unwrap().push(core);
        assert_eq!(judged(&whole), None);
        let empty = ManagementState { installed: Ok(Vec::new()), ..well() };
        assert!(judged(&empty).unwrap().summary.contains("no management cluster"));
    }

    #[test]
    fn what_may_not_be_listed_is_not_judged() {
        let forbidden = || Error::Forbidden {
            server: "s".into(),
            verb: "list".into(),
            resource: "nodes".into(),
            message: String::new(),
        };
        let state = ManagementState {
            nodes: Err(forbidden()),
            installed: Err(forbidden()),
            pods: Err(forbidden()),
            ..well()
        };
        assert_eq!((state.failure(), state.findings(now())), (None, vec![]));
        assert_eq!(
            Evidence::line(&state.evidence()),
            "nodes and controllers and restarts not checked (no permission to list them)"
        );
    }
}
