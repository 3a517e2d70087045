//! Minting on the simulator: the order of the steps, the refusals, the clocks.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::Timestamp;
use omega_core::{
    Context, Desired as _, Failure, FailureClass, MemoryJournal, Touched,
    kubeconfig::{AuthKind, Kubeconfig, KubeconfigFacts},
    leftovers, testing,
    values::Secret,
};
use omega_driver::{DriverRelease, Overrides};
use serde_json::{Value, json};

use super::*;
use crate::{
    Management,
    sim::{Apiserver, Machine},
};

pub(super) const CLUSTER_ROLES: &str = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
pub(super) const CLUSTER_BINDINGS: &str = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
pub(super) const ROLES: &str = "/apis/rbac.authorization.k8s.io/v1/roles";
pub(super) const BINDINGS: &str = "/apis/rbac.authorization.k8s.io/v1/rolebindings";
pub(super) const ACCOUNTS: &str = "/api/v1/serviceaccounts";
const ADDRESS: &str = "127.77.2.1:6443";

pub(super) fn noon() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

/// An API server and a machine.
pub(super) struct Sim {
    pub(super) server: Apiserver,
    pub(super) machine: Machine,
    pub(super) management: Management,
    pub(super) mint: Mint,
}

fn facts() -> KubeconfigFacts {
    KubeconfigFacts {
        sha256: omega_core::values::Sha256::of(b""),
        size: 0,
        context: "lab".to_owned(),
        server: format!("https://{ADDRESS}").parse().unwrap(),
        ca_pem: None,
        auth: AuthKind::Token,
        token_expires: None,
        account: None,
    }
}

/// An API server with decoys: an account and roles with similar names.
pub(super) fn decoys() -> Apiserver {
    let server = Apiserver::with_accounts(noon());
    let near = |namespace: &str, name: &str| json!({"metadata": {"name": name, "namespace": namespace, "labels": {"omega/minted-for": "omega.magnum-drive"}}, "rules": []});
    server.put(ACCOUNTS, near("default", "magnum-driver"));
    server.put(ROLES, near("default", "omega:magnum-driver"));
    server.put(CLUSTER_ROLES, json!({"metadata": {"name": "omega:magnum-driver2"}, "rules": []}));
    server
}

impl Sim {
    pub(super) fn over(server: Apiserver, machine: Machine) -> Self {
        machine.add_server(ADDRESS, &server);
        machine.add_server("10.12.7.40:6443", &server);
        let management = Management::over(server.clone(), "sim");
        let local = Arc::new(machine.clone());
        let mint = Mint::on(management.clone(), &facts(), noon(), local);
        Self { server, machine, management, mint }
    }

    pub(super) fn fork(&self) -> Self {
        let server = self.server.fork();
        Self::over(server, self.machine.fork(&[]))
    }

    pub(super) fn text(&self) -> String {
        self.machine.file(&path()).unwrap().0
    }

    /// Returns the file without its token, and the claims of the token.
    pub(super) fn file(&self) -> Option<Value> {
        let (text, private) = self.machine.file(&path())?;
        let mut file: Value = serde_saphyr::from_str(&text).unwrap_or_default();
        if let Some(token) = file.pointer_mut("/users/0/user/token") {
            let claims = token::Claims::read(token.as_str().unwrap().as_bytes());
            *token = claims.map_or(Value::Null, |claims| {
                json!({"user": claims.user, "uid": claims.uid,
                       "issued": claims.issued.to_string(), "expires": claims.expires.to_string()})
            });
        }
        Some(json!({ "private": private, "file": file }))
    }
}

pub(super) fn path() -> PathBuf {
    Path::new("/home/driver.kubeconfig").to_owned()
}

pub(super) fn rights(reach: Reach) -> DriverRights {
    DriverRights {
        account: "omega/magnum-driver".parse().unwrap(),
        reach,
        driver: DriverRelease::v1_4_0(),
        overrides: Overrides::default(),
        autoscaler: false,
        additive: false,
    }
}

pub(super) fn named(names: &[&str]) -> Reach {
    Reach::Namespaces(names.iter().map(|name| name.parse().unwrap()).collect())
}

pub(super) fn wanted(reach: Reach) -> MintedKubeconfig {
    MintedKubeconfig {
        rights: rights(reach),
        path: path(),
        lifetime: 36_000,
        renew_before: None,
        server: None,
    }
}

pub(super) async fn minted(sim: &Sim, wanted: &MintedKubeconfig) -> Result<bool, Failure> {
    let done = mint_kubeconfig(&Context::default(), &sim.mint, wanted).await?;
    Ok(done.rights_changed || done.file.changed())
}

pub(super) fn fresh() -> Sim {
    Sim::over(decoys(), Machine::default())
}

fn notes(wanted: &MintedKubeconfig, plan: &omega_core::Plan<MintedKubeconfig>) -> Vec<String> {
    wanted.notes(plan.before(), noon()).into_iter().map(|note| note.text).collect()
}

#[tokio::test(start_paused = true)]
async fn what_is_minted_is_private_and_left_alone_until_two_thirds_are_over() {
    let sim = fresh();
    let wanted = wanted(named(&["magnum-a"]));
    assert!(minted(&sim, &wanted).await.unwrap());
    let (first, private) = sim.machine.file(&path()).unwrap();
    assert!(private);
    let parsed = Kubeconfig::parse(Secret::from(first.clone()), noon()).unwrap();
    assert_eq!(parsed.facts.server.as_str(), "https://127.77.2.1:6443/");
    // Ten hours: after 6 h 39 min nothing, after 6 h 41 min a new one.
    sim.server.set_clock("2026-11-21T18:39:00Z".parse().unwrap());
    assert!(!minted(&sim, &wanted).await.unwrap());
    assert_eq!(sim.text(), first);
    sim.server.set_clock("2026-11-21T18:41:00Z".parse().unwrap());
    assert!(minted(&sim, &wanted).await.unwrap());
    assert_ne!(sim.text(), first);
}

#[tokio::test(start_paused = true)]
async fn the_rights_are_proven_with_ten_minutes_before_the_long_token_is_made() {
    let sim = fresh();
    let journal = Arc::new(MemoryJournal::default());
    let ctx = Context::default().with_journal(journal.clone());
    let wanted = wanted(named(&["magnum-a"]));
    mint_kubeconfig(&ctx, &sim.mint, &wanted).await.unwrap();
    let tokens: Vec<String> = sim.server.writes();
    let tokens: Vec<&String> = tokens.iter().filter(|line| line.contains("/token")).collect();
    let [short, long] = tokens[..] else { panic!("{tokens:?}") };
    assert!(short.contains("\"expirationSeconds\":600}"), "{short}");
    assert!(long.contains("\"expirationSeconds\":36000}"), "{long}");
    assert_eq!(sim.machine.paths(), [path()], "the proof is gone");
    assert_eq!(leftovers(&journal.entries()), []);
    assert_eq!(sim.server.dry_runs(), [""; 0]);
    assert!(sim.server.reviews() > 20);
}

#[tokio::test(start_paused = true)]
async fn a_proof_that_fails_leaves_no_long_token_and_no_file() {
    let sim = fresh();
    let wanted = wanted(named(&["magnum-a"]));
    let all = json!([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]);
    sim.server.put(CLUSTER_ROLES, json!({"metadata": {"name": "wide"}, "rules": all}));
    sim.server.put(CLUSTER_BINDINGS, by_hand("magnum-driver"));
    let failure = minted(&sim, &wanted).await.unwrap_err();
    assert_eq!(failure.class, FailureClass::Refused);
    let long = |line: &String| line.contains("\"expirationSeconds\":36000}");
    assert!(!sim.server.writes().iter().any(long));
    assert!(sim.machine.paths().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_the_server_is_said_and_does_not_mint_for_ever() {
    let sim = fresh();
    sim.server.limit_tokens(3_600);
    let wanted = MintedKubeconfig { renew_before: Some(7_200), ..wanted(named(&["magnum-a"])) };
    assert!(minted(&sim, &wanted).await.unwrap());
    assert!(!minted(&sim, &wanted).await.unwrap());
    let plan = omega_core::plan(&sim.mint, &wanted).await.unwrap();
    let notes = notes(&wanted, &plan);
    assert_eq!(notes[0], "its token expires 2026-11-21T13:00:00Z");
    assert!(notes[1].starts_with("its lifetime is 3600 s instead of 36000 s"), "{notes:?}");
}

#[tokio::test(start_paused = true)]
async fn the_other_clock_decides_and_a_difference_is_said() {
    let sim = fresh();
    let wanted = wanted(named(&["magnum-a"]));
    sim.server.set_clock("2026-11-21T11:00:00Z".parse().unwrap());
    assert!(minted(&sim, &wanted).await.unwrap());
    let plan = omega_core::plan(&sim.mint, &wanted).await.unwrap();
    let notes = notes(&wanted, &plan);
    let ahead = "this machine's clock is 3600 s ahead of the management";
    assert!(notes[0].starts_with(ahead), "{notes:?}");
    // This machine's clock runs faster: ten hours pass in nine.
    sim.server.set_clock("2026-11-21T17:30:00Z".parse().unwrap());
    assert!(!minted(&sim, &wanted).await.unwrap());
}

fn by_hand(subject: &str) -> Value {
    json!({
        "metadata": {"name": "by-hand"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "wide"},
        "subjects": [{"kind": "ServiceAccount", "name": subject, "namespace": "omega"}],
    })
}

#[tokio::test(start_paused = true)]
async fn a_right_by_somebody_else_is_refused_by_name_and_ends_it() {
    let sim = fresh();
    let wanted = wanted(named(&["magnum-a"]));
    minted(&sim, &wanted).await.unwrap();
    let all = json!([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]);
    sim.server.put(CLUSTER_ROLES, json!({"metadata": {"name": "wide"}, "rules": all}));
    // A decoy first.
    sim.server.put(CLUSTER_BINDINGS, by_hand("magnum-drive"));
    assert!(!minted(&sim, &wanted).await.unwrap());
    sim.server.put(CLUSTER_BINDINGS, by_hand("magnum-driver"));
    let before = sim.server.writes().len();
    let failure = minted(&sim, &wanted).await.unwrap_err();
    assert_eq!((failure.class, failure.touched), (FailureClass::Refused, Touched::Nothing));
    let why = "omega/magnum-driver may delete nodes, which omega did not allow";
    assert_eq!(failure.causes, [why]);
    let by = "RBAC: allowed by ClusterRoleBinding \"by-hand\" of ClusterRole \"wide\"";
    assert!(failure.found.as_ref().unwrap().starts_with(by), "{failure:?}");
    assert_eq!(sim.server.writes().len(), before);
    // Nothing new is written either.
    sim.machine.remove_file(&path());
    let failure = minted(&sim, &wanted).await.unwrap_err();
    assert!(failure.to_string().contains("may delete nodes"), "{failure}");
    assert!(sim.machine.paths().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_was_given_everywhere_is_narrowed() {
    let sim = fresh();
    minted(&sim, &wanted(Reach::Everywhere)).await.unwrap();
    let narrow = wanted(named(&["magnum-a"]));
    assert!(minted(&sim, &narrow).await.unwrap());
    let (token, _) = sim.machine.file(&path()).unwrap();
    assert!(!minted(&sim, &narrow).await.unwrap());
    assert_eq!(sim.text(), token);
    assert!(
        sim.server
            .snapshot()
            .iter()
            .all(|line| !line.contains("\"omega:magnum-driver\"")
                || !line.starts_with("ClusterRole"))
    );
}

#[tokio::test(start_paused = true)]
async fn an_old_driver_a_foreign_file_and_a_foreign_role_are_refused_before_anything_is_written() {
    let sim = fresh();
    let wanted = wanted(named(&["magnum-a"]));
    for old in DriverRelease::known().into_iter().take(3) {
        let rights = DriverRights { driver: old.clone(), ..wanted.rights.clone() };
        let failure =
            minted(&sim, &MintedKubeconfig { rights, ..wanted.clone() }).await.unwrap_err();
        assert_eq!(failure.class, FailureClass::Refused);
        let why = format!("driver {old} can't authenticate with a token");
        assert_eq!(failure.causes, [why]);
    }
    sim.machine.put(&path(), "somebody's\n", true);
    let failure = minted(&sim, &wanted).await.unwrap_err();
    assert_eq!(failure.class, FailureClass::Refused);
    assert_eq!(sim.text(), "somebody's\n");
    sim.machine.remove_file(&path());
    let theirs = json!({"metadata": {"name": "omega:magnum-driver", "namespace": "magnum-a"}});
    sim.server.put(ROLES, theirs);
    let failure = minted(&sim, &wanted).await.unwrap_err();
    let why = "Role magnum-a/omega:magnum-driver exists, and omega did not create it";
    assert_eq!(failure.causes, [why]);
    assert_eq!(sim.server.writes(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn the_token_is_nowhere_but_in_the_file() {
    let sim = fresh();
    let wanted = wanted(named(&["magnum-a"]));
    let journal = Arc::new(MemoryJournal::default());
    let ctx = Context::default().with_journal(journal.clone());
    ensure_driver_rights(&ctx, &sim.management, &wanted.rights).await.unwrap();
    let plan = omega_core::plan(&sim.mint, &wanted).await.unwrap();
    let shown = format!("{plan:?} {}", serde_json::to_string(&plan).unwrap());
    let done = plan.apply(&ctx, &sim.mint).await.unwrap();
    let token = Kubeconfig::read(Secret::from(sim.text())).unwrap().token().unwrap();
    let token = String::from_utf8(token.expose().to_vec()).unwrap();
    let all = format!("{shown} {done:?} {:?} {:?}", journal.entries(), sim.mint);
    assert!(token.len() > 100 && !all.contains(&token[..40]));
    assert!(!all.contains(token.split('.').nth(1).unwrap()));
}

#[tokio::test(start_paused = true)]
async fn a_token_whose_file_can_not_be_written_is_said_to_be_lost() {
    let sim = fresh();
    let wanted = wanted(named(&["magnum-a"]));
    let ctx = Context::default();
    ensure_driver_rights(&ctx, &sim.management, &wanted.rights).await.unwrap();
    for (fault, touched) in
        [(testing::Fault::Refused, Touched::Nothing), (testing::Fault::Lost, Touched::Maybe)]
    {
        let sim = sim.fork();
        sim.machine.inject_fault(0, fault);
        let error = omega_core::ensure(&ctx, &sim.mint, &wanted).await.unwrap_err();
        assert_eq!(error.touched(), touched, "{fault:?}");
        assert!(omega_core::ensure(&ctx, &sim.mint, &wanted).await.unwrap().changed());
    }
}

#[test]
fn this_machines_files_are_written_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("kubeconfig");
    ThisMachine.write(&path, &Secret::from("a".to_owned())).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    assert!(ThisMachine.read(&path).unwrap().private);
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert!(!ThisMachine.read(&path).unwrap().private);
    ThisMachine.remove(&path).unwrap();
    let error = ThisMachine.read(&path).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
}

#[tokio::test(start_paused = true)]
async fn with_a_client_that_only_reads_nothing_is_minted_and_the_rights_can_be_asked_for() {
    let sim = fresh();
    let (wanted, only) = (wanted(named(&["magnum-a"])), sim.mint.read_only());
    let before = sim.server.snapshot();
    let refused = mint_kubeconfig(&Context::default(), &only, &wanted).await.unwrap_err();
    assert_eq!((refused.class, refused.touched), (FailureClass::Refused, Touched::Nothing));
    assert!(refused.causes[0].starts_with("POST /api"), "{refused:?}");
    assert_eq!((sim.server.writes(), sim.server.snapshot()), (Vec::new(), before));
    assert_eq!(sim.machine.file(&path()), None);

    assert!(minted(&sim, &wanted).await.unwrap());
    let (writes, reviews) = (sim.server.writes(), sim.server.reviews());
    let again = mint_kubeconfig(&Context::default(), &only, &wanted).await.unwrap();
    assert!(!again.rights_changed && !again.file.changed());
    assert!(sim.server.reviews() > reviews, "the account's rights were asked for");
    assert_eq!(sim.server.writes(), writes);
}
