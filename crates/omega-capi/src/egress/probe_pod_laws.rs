use omega_core::testing::{Fault, Tally, Undo, World, check_laws};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    egress::Tool,
    sim::{Apiserver, PodOutcome},
};

const PODS: &str = "/api/v1/pods";

fn probe() -> EgressProbe {
    EgressProbe {
        namespace: "default".parse().unwrap(),
        image: "busybox:1.36".to_owned(),
        tool: Tool::Nc,
        host: "10.12.4.50".to_owned(),
        port: 5000,
        id: "abc".to_owned(),
        within: Duration::from_mins(1),
    }
}

fn pod(name: &str, namespace: &str, label: &str, deleting: bool) -> Value {
    let deleted = deleting.then_some("2026-11-21T11:58:30Z");
    json!({"metadata": {"name": name, "namespace": namespace, "labels": {"omega/probe": label},
                        "deletionTimestamp": deleted}})
}

/// The object with the pod's name.
#[derive(Clone, Copy, Debug)]
enum There {
    Nothing,
    Probe,
    Leaving,
    Stranger,
}

/// A cluster with decoys: another probe, and the same name in another namespace.
struct Pods {
    server: Apiserver,
    management: Management,
}

impl Pods {
    fn new(there: There) -> Self {
        let server = Apiserver::with_accounts("2026-11-21T12:00:00Z".parse().unwrap());
        server.set_pod_outcome(PodOutcome::Runs);
        server.put(PODS, pod("omega-egress-abcd", "default", "egress", false));
        server.put(PODS, pod("omega-egress-abc", "kube-system", "egress", false));
        let name = "omega-egress-abc";
        match there {
            There::Nothing => {}
            There::Probe => server.put(PODS, pod(name, "default", "egress", false)),
            There::Leaving => server.put(PODS, pod(name, "default", "egress", true)),
            There::Stranger => server.put(PODS, pod(name, "default", "ingress", false)),
        }
        Self { management: Management::over(server.clone(), "sim"), server }
    }
}

impl World for Pods {
    type Target = Management;
    type Snapshot = Vec<String>;

    fn target(&self) -> &Management {
        &self.management
    }
    /// Without the status of pods, which the kubelet sets.
    fn snapshot(&self) -> Vec<String> {
        self.server.metadata_snapshot()
    }
    fn writes(&self) -> usize {
        self.server.writes().len() + self.server.dry_runs().len()
    }
    fn inject_fault(&self, nth: usize, fault: Fault) {
        self.server.inject_fault(nth, fault);
    }
}

fn run<F: Future>(future: F) -> F::Output {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_time().start_paused(true).build().unwrap().block_on(future)
}

fn any_there() -> impl Strategy<Value = There> {
    prop::sample::select(vec![There::Nothing, There::Probe, There::Leaving, There::Stranger])
}

fn is_there(snapshot: &[String]) -> bool {
    let ours = |line: &&String| {
        line.contains("\"name\":\"omega-egress-abc\"")
            && line.contains("\"namespace\":\"default\"")
            && line.contains("\"omega/probe\":\"egress\"")
    };
    snapshot.iter().any(|line| ours(&line))
}

static MADE: Tally = Tally::new();
static REMOVED: Tally = Tally::new();

proptest! {
    fn making_obeys(there in any_there(), port: u16, tool in prop::sample::select(Tool::ALL.to_vec())) {
        let wanted = ProbePod { probe: EgressProbe { tool, port, ..probe() } };
        let holds = |snapshot: &Vec<String>| is_there(snapshot);
        MADE.count(run(check_laws(|| Pods::new(there), &wanted, Undo::Exact, holds)));
    }

    fn removing_obeys(there in any_there(), elsewhere: bool) {
        let namespace = if elsewhere { "kube-public" } else { "default" };
        let wanted = RemovedPod {
            namespace: namespace.parse().unwrap(),
            name: "omega-egress-abc".to_owned(),
            uid: None,
        };
        let holds = |snapshot: &Vec<String>| elsewhere || !is_there(snapshot);
        REMOVED.count(run(check_laws(|| Pods::new(there), &wanted, Undo::None, holds)));
    }
}

#[test]
fn obeys_the_laws() {
    making_obeys();
    MADE.assert_meaningful("probe pods");
    removing_obeys();
    REMOVED.assert_meaningful("removed pods");
}
