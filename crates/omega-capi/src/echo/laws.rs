use omega_core::testing::{Fault, Tally, Undo, World, check_laws};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{
    Management,
    sim::{Apiserver, ServiceOutcome},
    workload::{ClusterName, ManagedWorkload, Workload},
};

const SERVICES: &str = "/api/v1/services";
const DEPLOYMENTS: &str = "/apis/apps/v1/deployments";

fn cluster() -> ClusterName {
    ClusterName { namespace: "magnum-1".parse().unwrap(), name: "c1".parse().unwrap() }
}

fn echo(object: EchoObject) -> Echo {
    let (namespace, name) = ("default".parse().unwrap(), "omega-lb-1".parse().unwrap());
    Echo { cluster: cluster(), namespace, name, object }
}

fn pods() -> EchoObject {
    EchoObject::Deployment { image: "agnhost".to_owned(), replicas: 2 }
}

/// The object with the name.
#[derive(Clone, Copy, Debug)]
enum There {
    Nothing,
    Ours,
    Leaving,
    Stranger,
}

fn any_there() -> impl Strategy<Value = There> {
    use There::{Leaving, Nothing, Ours, Stranger};
    prop::sample::select(vec![Nothing, Nothing, Ours, Ours, Leaving, Stranger])
}

struct Objects {
    server: Apiserver,
    workload: ManagedWorkload,
}

fn over(server: &Apiserver) -> ManagedWorkload {
    let management = Management::over(Apiserver::default(), "management");
    let workload = Workload::over(Management::over(server.clone(), "workload"));
    ManagedWorkload::new(management, cluster()).over(workload)
}

impl Objects {
    /// With decoys: the same name in another namespace, another name, and the other kind.
    fn new(kind: EchoKind, there: There) -> Self {
        let server = Apiserver::workload();
        let path = match kind {
            EchoKind::Deployment => DEPLOYMENTS,
            EchoKind::Service => SERVICES,
        };
        let object = |name: &str, namespace: &str, label: &str, leaving: bool| {
            let deleted = leaving.then_some("2026-11-21T11:58:30Z");
            json!({"metadata": {"name": name, "namespace": namespace, "labels": {label: name},
                                "deletionTimestamp": deleted},
                   "spec": {"type": "LoadBalancer", "replicas": 2}})
        };
        server.put(path, object("omega-lb-1", "kube-system", MARK, false));
        server.put(path, object("omega-lb-12", "default", MARK, false));
        let mine = |label: &str, leaving| object("omega-lb-1", "default", label, leaving);
        match there {
            There::Nothing => {}
            There::Ours => server.put(path, mine(MARK, false)),
            // A Deployment has no finalizer here: nothing would end it.
            There::Leaving if kind == EchoKind::Deployment => {}
            There::Leaving => server.put(path, mine(MARK, true)),
            There::Stranger => server.put(path, mine("app", false)),
        }
        Self { workload: over(&server), server }
    }
}

impl World for Objects {
    type Target = ManagedWorkload;
    type Snapshot = Vec<String>;

    fn target(&self) -> &ManagedWorkload {
        &self.workload
    }
    /// Without what controllers write.
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

fn is_there(snapshot: &[String]) -> bool {
    snapshot.iter().any(|line| {
        line.contains("\"name\":\"omega-lb-1\"")
            && line.contains("\"namespace\":\"default\"")
            && line.contains(MARK)
    })
}

static MADE: Tally = Tally::new();
static REMOVED: Tally = Tally::new();

proptest! {
    fn making_obeys(there in any_there(), service: bool, replicas in 1_u32..3) {
        let (kind, object) = if service {
            (EchoKind::Service, EchoObject::Service)
        } else {
            let image = "agnhost".to_owned();
            (EchoKind::Deployment, EchoObject::Deployment { image, replicas })
        };
        let holds = |snapshot: &Vec<String>| is_there(snapshot);
        let world = || Objects::new(kind, there);
        MADE.count(run(check_laws(world, &echo(object), Undo::Exact, holds)));
    }

    fn removing_obeys(there in any_there(), service: bool) {
        let kind = if service { EchoKind::Service } else { EchoKind::Deployment };
        let (namespace, name) = ("default".parse().unwrap(), "omega-lb-1".parse().unwrap());
        let wanted = RemovedEcho { cluster: cluster(), kind, namespace, name, uid: None };
        let holds = |snapshot: &Vec<String>| !is_there(snapshot);
        REMOVED.count(run(check_laws(|| Objects::new(kind, there), &wanted, Undo::None, holds)));
    }
}

#[test]
fn obeys_the_laws() {
    making_obeys();
    MADE.assert_meaningful("echo objects");
    removing_obeys();
    REMOVED.assert_meaningful("removed echo objects");
}

#[tokio::test(start_paused = true)]
async fn what_kubernetes_says_of_them_is_read() {
    let server = Apiserver::workload();
    let workload = over(&server);
    let ctx = omega_core::Context::default();
    let (service, pods) = (echo(EchoObject::Service), echo(pods()));
    for one in [&pods, &service] {
        omega_core::ensure(&ctx, &workload, one).await.unwrap();
    }
    let read = async || read_echo(&workload, &service.namespace, &service.name).await.unwrap();
    read().await;
    let seen = read().await;
    assert_eq!((seen.addresses, seen.ready), (vec!["10.12.7.200".to_owned()], 2));
    assert_eq!(seen.warning, None);
    server.set_service_outcome(ServiceOutcome::NoAddress("no quota"));
    assert_eq!(read().await.warning.as_deref(), Some("SyncLoadBalancerFailed: no quota"));
    assert!(workload.answers().await);
}

#[test]
fn the_objects_are_those_of_the_runbook() {
    insta::assert_snapshot!(
        serde_json::to_string_pretty(&[
            echo(pods()).manifest(),
            echo(EchoObject::Service).manifest()
        ])
        .unwrap()
    );
}
