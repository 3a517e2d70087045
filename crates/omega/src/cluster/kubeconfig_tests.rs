//! `fetch_cluster_kubeconfig` on the simulators: the laws, reuse, refusals, and where the key is.

use std::{path::Path, sync::Arc};

use omega_capi::{
    Deadlines,
    access::{CertificateCheck, LocalMachine as _, ThisMachine},
    sim::{Apiserver, Fault as ApiFault, Machine},
};
use omega_core::{
    Context, MemoryJournal, ensure,
    kubeconfig::Kubeconfig,
    plan,
    testing::{Case, Fault, Undo, World, check_laws},
    values::Secret,
};
use omega_openstack::{container_infra::ContainerInfra, sim::Cloud};

use super::{
    ClusterAccess, ClusterFile, ClusterKubeconfig, KubeconfigSource, WriteReason,
    fetch_cluster_kubeconfig,
};

const PATH: &str = "/home/ops/clusters/c1.kubeconfig";
const SERVER: &str = "203.0.113.10:6443";

fn now() -> jiff::Timestamp {
    "2026-11-28T10:00:00Z".parse().unwrap()
}

fn wanted() -> ClusterKubeconfig {
    let (cluster, path) = ("c1".to_owned(), PATH.into());
    ClusterKubeconfig { cluster, path, source: KubeconfigSource::Magnum }
}

/// A cloud with two clusters, and an operator's machine that reaches the first.
struct Sim {
    cloud: Cloud,
    api: Apiserver,
    machine: Machine,
    access: ClusterAccess,
}

impl Sim {
    async fn new() -> Self {
        let cloud = Cloud::new();
        for name in ["c1", "c1-2"] {
            let id = cloud.add_cluster("mgmt", name, Some("HEALTHY"), "Ready");
            // Every fork has the same authority.
            ContainerInfra::new(cloud.admin("mgmt")).cluster_ca(&id).await.unwrap();
        }
        Self::over(cloud, Apiserver::with_accounts(now()), Machine::default())
    }

    fn over(cloud: Cloud, api: Apiserver, machine: Machine) -> Self {
        machine.add_server(SERVER, &api);
        let magnum = Arc::new(ContainerInfra::new(cloud.admin("mgmt")));
        let access = ClusterAccess::on(now(), Arc::new(machine.clone())).with_magnum(magnum);
        Self { cloud, api, machine, access }
    }

    fn fork(&self) -> Self {
        Self::over(self.cloud.fork(), self.api.fork(), self.machine.fork(&[]))
    }

    fn text(&self) -> String {
        self.machine.file(Path::new(PATH)).unwrap().0
    }

    async fn fetch(&self) -> bool {
        let done = fetch_cluster_kubeconfig(&Context::default(), &self.access, &wanted()).await;
        done.unwrap().changed()
    }

    async fn refusal(&self) -> String {
        omega_core::chain(&plan(&self.access, &wanted()).await.unwrap_err()).join(": ")
    }
}

impl World for Sim {
    type Target = ClusterAccess;
    /// Whether it is private, its server, and the digest of its authority: keys differ each time.
    type Snapshot = Option<(bool, String, String)>;

    fn target(&self) -> &ClusterAccess {
        &self.access
    }
    fn snapshot(&self) -> Self::Snapshot {
        let (text, private) = self.machine.file(Path::new(PATH))?;
        let facts = Kubeconfig::read(Secret::from(text)).unwrap().facts;
        Some((private, facts.server.to_string(), facts.ca_pem.unwrap_or_default()))
    }
    fn writes(&self) -> usize {
        self.machine.writes()
    }
    fn inject_fault(&self, nth: usize, fault: Fault) {
        self.machine.inject_fault(nth, fault);
    }
}

#[expect(clippy::ref_option, reason = "the laws give a snapshot as it is")]
fn holds(seen: &Option<(bool, String, String)>) -> bool {
    seen.as_ref()
        .is_some_and(|(private, server, _)| *private && server == &format!("https://{SERVER}/"))
}

#[tokio::test(start_paused = true)]
async fn fetching_a_kubeconfig_obeys_the_laws() {
    let sim = Sim::new().await;
    let case = check_laws(|| sim.fork(), &wanted(), Undo::Exact, holds).await;
    assert_eq!(case, Case::Changed);
    sim.fetch().await;
    let case = check_laws(|| sim.fork(), &wanted(), Undo::None, holds).await;
    assert_eq!(case, Case::Satisfied);
    // One that others can read, and one with an old address.
    let text = sim.text();
    for (text, private) in
        [(text.clone(), false), (text.replace("203.0.113.10", "203.0.113.9"), true)]
    {
        let old = sim.fork();
        old.machine.put(Path::new(PATH), &text, private);
        let case = check_laws(|| old.fork(), &wanted(), Undo::None, holds).await;
        assert_eq!(case, Case::Changed);
    }
}

#[tokio::test(start_paused = true)]
async fn removing_it_obeys_the_laws() {
    let sim = Sim::new().await;
    let planned = plan(&sim.access, &wanted()).await.unwrap();
    let removed = planned.undo().unwrap();
    let gone = |seen: &Option<(bool, String, String)>| seen.is_none();
    let case = check_laws(|| sim.fork(), &removed, Undo::None, gone).await;
    assert_eq!(case, Case::Satisfied);
    sim.fetch().await;
    let case = check_laws(|| sim.fork(), &removed, Undo::None, gone).await;
    assert_eq!(case, Case::Changed);
    // Of another cluster by now: it stays.
    let other = ClusterKubeconfig { cluster: "c1-2".into(), ..wanted() };
    sim.machine.remove_file(Path::new(PATH));
    ensure(&Context::default(), &sim.access, &other).await.unwrap();
    let case = check_laws(|| sim.fork(), &removed, Undo::None, gone).await;
    assert_eq!(case, Case::Refused);
}

#[tokio::test(start_paused = true)]
async fn a_file_is_reused_while_the_cluster_accepts_it() {
    let sim = Sim::new().await;
    assert!(sim.fetch().await);
    let (first, signed) = (sim.text(), sim.cloud.writes().len());
    assert!(!sim.fetch().await);
    assert_eq!((sim.text(), sim.cloud.writes().len()), (first.clone(), signed));
    sim.api.fail(ApiFault::BadToken);
    let planned = plan(&sim.access, &wanted()).await.unwrap();
    let changes = planned.delta().changes();
    assert!(matches!(changes, [one] if one.why == WriteReason::Refused), "{changes:?}");
    sim.api.clear_fault();
    assert_eq!(sim.text(), first, "a plan writes nothing");
    assert_eq!(sim.cloud.writes().len(), signed, "and has nothing signed");
    // Five years later.
    let later =
        ClusterAccess { now: "5000-01-01T00:00:00Z".parse().unwrap(), ..sim.access.clone() };
    let planned = plan(&later, &wanted()).await.unwrap();
    let changes = planned.delta().changes();
    assert!(matches!(changes, [one] if matches!(one.why, WriteReason::Expired(_))), "{changes:?}");
}

#[tokio::test(start_paused = true)]
async fn what_is_not_the_clusters_is_refused() {
    let sim = Sim::new().await;
    let path = Path::new(PATH);
    let mut lines = Vec::new();
    sim.machine.put(path, "not a kubeconfig", true);
    lines.push(sim.refusal().await);
    sim.machine.remove_file(path);
    let other = ClusterKubeconfig { cluster: "c1-2".into(), ..wanted() };
    ensure(&Context::default(), &sim.access, &other).await.unwrap();
    lines.push(sim.refusal().await);
    sim.machine.remove_file(path);
    sim.machine.set_certificate(SERVER, CertificateCheck::OtherAuthority);
    lines.push(sim.refusal().await);
    sim.machine.set_certificate(SERVER, CertificateCheck::OtherName(vec!["10.0.0.1".into()]));
    lines.push(sim.refusal().await);
    sim.cloud.add_cluster("mgmt", "c1", None, "");
    lines.push(sim.refusal().await);
    let absent = ClusterKubeconfig { cluster: "c".into(), ..wanted() };
    let error = plan(&sim.access, &absent).await.unwrap_err();
    lines.push(omega_core::chain(&error).join(": "));
    assert!(sim.machine.file(path).is_none());
    insta::assert_snapshot!(lines.join("\n"), @r#"
    refused to change kubeconfig /home/ops/clusters/c1.kubeconfig on this machine: it is not a kubeconfig of cluster c1: the kubeconfig can't be used: it is truncated, or not a kubeconfig in YAML (line 1, column 1)
    refused to change kubeconfig /home/ops/clusters/c1.kubeconfig on this machine: it is not a kubeconfig of cluster c1: it is for https://203.0.113.10:6443, which has another certificate authority
    refused to change kubeconfig /home/ops/clusters/c1.kubeconfig on this machine: another CA signed the certificate at https://203.0.113.10:6443
    refused to change kubeconfig /home/ops/clusters/c1.kubeconfig on this machine: the certificate at https://203.0.113.10:6443 does not cover that address
    refused to change kubeconfig /home/ops/clusters/c1.kubeconfig on this machine: 2 clusters have the name "c1"
    refused to change kubeconfig /home/ops/clusters/c1.kubeconfig on this machine: there is no cluster "c" in this project
    "#);
}

#[tokio::test(start_paused = true)]
async fn the_key_is_in_the_file_and_nowhere_else() {
    let sim = Sim::new().await;
    let journal = Arc::new(MemoryJournal::default());
    let ctx = Context::default().with_journal(journal.clone());
    let planned = plan(&sim.access, &wanted()).await.unwrap();
    let stored = serde_json::to_string(&planned).unwrap();
    let done = planned.apply(&ctx, &sim.access).await.unwrap();
    let file: serde_json::Value = serde_saphyr::from_str(&sim.text()).unwrap();
    let key = file.pointer("/users/0/user/client-key-data").unwrap().as_str().unwrap();
    let pem = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, key).unwrap();
    let pem = String::from_utf8(pem).unwrap();
    let line = pem.lines().nth(1).unwrap();
    // A real client can use it.
    let kubeconfig = Kubeconfig::read(Secret::from(sim.text())).unwrap();
    ThisMachine.connect(&kubeconfig, Deadlines::default()).await.unwrap();
    let entries = serde_json::to_string(&journal.entries()).unwrap();
    let observed = serde_json::to_string(&done.into_observed()).unwrap();
    let sent = sim.cloud.writes().join("\n");
    for text in [stored, entries, observed, sent] {
        assert!(!text.contains(key) && !text.contains(line), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn cluster_apis_secret_is_written_as_it_is() {
    let sim = Sim::new().await;
    sim.fetch().await;
    let text = sim.text();
    let management = Apiserver::default();
    management.add_cluster();
    let data = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &text);
    management.put(
        "/api/v1/secrets",
        serde_json::json!({
            "apiVersion": "v1", "kind": "Secret", "data": { "value": data },
            "metadata": { "name": "c1-b3mdwq5cz7lx-kubeconfig", "namespace": NAMESPACE },
        }),
    );
    let management = omega_capi::Management::over(management, "simulator");
    let access =
        ClusterAccess::on(now(), Arc::new(sim.machine.clone())).with_management(management);
    let out = "/home/ops/two".into();
    let wanted = ClusterKubeconfig { source: KubeconfigSource::Management, path: out, ..wanted() };
    let done = fetch_cluster_kubeconfig(&Context::default(), &access, &wanted).await.unwrap();
    assert!(done.changed());
    assert!(matches!(done.into_observed().file, ClusterFile::Own(_)));
    assert_eq!(sim.machine.file(&wanted.path), Some((text, true)));
}

const NAMESPACE: &str = "magnum-6741a4d1b29346e5a2f4c6ad38f0a2c1";
