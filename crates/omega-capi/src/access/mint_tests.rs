//! `mint_kubeconfig` on the simulator: the laws, the wire, the errors.

use std::{path::PathBuf, sync::Arc};

use jiff::Timestamp;
use omega_core::{
    Context, Failure, FailureClass, Touched,
    kubeconfig::{AuthKind, Kubeconfig, KubeconfigFacts},
    testing::{self, World},
    values::Secret,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::{
    Management,
    sim::{RbacApiserver, Spoiled},
};
use omega_driver::{DriverRelease, Overrides};

const CLUSTER_ROLES: &str = "/apis/rbac.authorization.k8s.io/v1/clusterroles";
const CLUSTER_BINDINGS: &str = "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings";
const ROLES: &str = "/apis/rbac.authorization.k8s.io/v1/roles";
const BINDINGS: &str = "/apis/rbac.authorization.k8s.io/v1/rolebindings";
const ACCOUNTS: &str = "/api/v1/serviceaccounts";

fn noon() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

/// An API server and a directory.
struct Sim {
    rbac: RbacApiserver,
    management: Management,
    mint: Mint,
    home: Arc<TempDir>,
}

fn facts() -> KubeconfigFacts {
    KubeconfigFacts {
        sha256: omega_core::values::Sha256::of(b""),
        size: 0,
        context: "lab".to_owned(),
        server: "https://127.77.2.1:6443".parse().unwrap(),
        ca_pem: None,
        auth: AuthKind::Token,
    }
}

fn token_in(kubeconfig: &Kubeconfig) -> String {
    let text = std::str::from_utf8(kubeconfig.bytes.expose()).unwrap();
    let line = text.lines().find(|line| line.contains("token:")).unwrap();
    line.split('"').nth(1).unwrap().to_owned()
}

/// An API server with near misses: an account and roles of nearly the name.
fn decoys() -> RbacApiserver {
    let rbac = RbacApiserver::new(noon());
    // Near misses: an account and roles of nearly the name, and somebody's binding.
    let near = |namespace: &str, name: &str| json!({"metadata": {"name": name, "namespace": namespace, "labels": {"omega/minted-for": "omega.magnum-drive"}}, "rules": []});
    rbac.put(ACCOUNTS, near("default", "magnum-driver"));
    rbac.put(ROLES, near("default", "omega:magnum-driver"));
    rbac.put(CLUSTER_ROLES, json!({"metadata": {"name": "omega:magnum-driver2"}, "rules": []}));
    rbac
}

impl Sim {
    fn over(rbac: RbacApiserver, home: &Arc<TempDir>) -> Self {
        let management = Management::over(rbac.clone(), "sim");
        let server = rbac.clone();
        let mint = Mint::connecting(management.clone(), &facts(), noon(), move |kubeconfig| {
            let rbac = server.with_token(&token_in(&kubeconfig));
            Box::pin(async move { Ok(Management::over(rbac, "as the account")) })
        });
        Self { rbac, management, mint, home: Arc::clone(home) }
    }
    fn path(&self) -> PathBuf {
        self.home.path().join("driver.kubeconfig")
    }

    /// The file without its token, and who it is.
    fn file(&self) -> Option<String> {
        let bytes = Secret::new(std::fs::read(self.path()).ok()?);
        let text = String::from_utf8(bytes.expose().to_vec()).unwrap();
        let account = text.lines().filter(|line| !line.contains("token:"));
        Some(account.collect::<Vec<_>>().join("\n"))
    }
}

impl World for Sim {
    type Target = Management;
    type Snapshot = Vec<String>;

    fn target(&self) -> &Management {
        &self.management
    }
    fn snapshot(&self) -> Vec<String> {
        self.rbac.snapshot()
    }
    fn writes(&self) -> usize {
        self.rbac.writes().len()
    }
    fn spoil_write(&self, nth: usize, fault: testing::Fault) {
        self.rbac.spoil_write(nth, spoiled(fault));
    }
}

fn spoiled(fault: testing::Fault) -> Spoiled {
    match fault {
        testing::Fault::Lost => Spoiled::Lost,
        testing::Fault::AnswerLost => Spoiled::AnswerLost,
        testing::Fault::Ignored => Spoiled::Ignored,
        testing::Fault::Refused => Spoiled::Refused,
    }
}

/// The same world, seen from the file.
struct Files(Sim, usize);

impl World for Files {
    type Target = Mint;
    type Snapshot = (Vec<String>, Option<String>);

    fn target(&self) -> &Mint {
        &self.0.mint
    }
    fn snapshot(&self) -> Self::Snapshot {
        (self.0.rbac.snapshot(), self.0.file())
    }
    fn writes(&self) -> usize {
        self.0.rbac.writes().len() - self.1
    }
    fn spoil_write(&self, nth: usize, fault: testing::Fault) {
        self.0.rbac.spoil_write(self.1 + nth, spoiled(fault));
    }
}

fn rights(reach: Reach) -> DriverRights {
    DriverRights {
        account: "omega/magnum-driver".parse().unwrap(),
        reach,
        driver: DriverRelease::v1_4_0(),
        overrides: Overrides::default(),
        autoscaler: false,
    }
}

fn named(names: &[&str]) -> Reach {
    Reach::Namespaces(names.iter().map(|name| name.parse().unwrap()).collect())
}

fn wanted(sim: &Sim, reach: Reach) -> MintedKubeconfig {
    MintedKubeconfig {
        rights: rights(reach),
        path: sim.path(),
        lifetime: 36_000,
        renew_before: None,
        server: None,
    }
}

fn home() -> Arc<TempDir> {
    Arc::new(tempfile::tempdir().unwrap())
}

async fn minted(sim: &Sim, wanted: &MintedKubeconfig) -> Result<bool, Failure> {
    let (rights, file) = mint_kubeconfig(&Context::default(), &sim.mint, wanted).await?;
    Ok(rights.changed() || file.changed())
}

fn fresh() -> Sim {
    Sim::over(decoys(), &home())
}

#[tokio::test(start_paused = true)]
async fn what_is_minted_is_private_and_left_alone_until_two_thirds_are_over() {
    use std::os::unix::fs::PermissionsExt as _;
    let sim = fresh();
    let wanted = wanted(&sim, named(&["magnum-a"]));
    assert!(minted(&sim, &wanted).await.unwrap());
    let first = std::fs::read(sim.path()).unwrap();
    assert_eq!(std::fs::metadata(sim.path()).unwrap().permissions().mode() & 0o7777, 0o600);
    let parsed = Kubeconfig::parse(Secret::new(first.clone()), noon()).unwrap();
    assert_eq!(parsed.facts.server.as_str(), "https://127.77.2.1:6443/");
    // Ten hours: after 6 h 39 min nothing, after 6 h 41 min a new one.
    sim.rbac.set_clock("2026-11-21T18:39:00Z".parse().unwrap());
    assert!(!minted(&sim, &wanted).await.unwrap());
    assert_eq!(std::fs::read(sim.path()).unwrap(), first);
    sim.rbac.set_clock("2026-11-21T18:41:00Z".parse().unwrap());
    assert!(minted(&sim, &wanted).await.unwrap());
    assert_ne!(std::fs::read(sim.path()).unwrap(), first);
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_the_server_is_said_and_does_not_mint_for_ever() {
    let sim = fresh();
    sim.rbac.limit_tokens(3_600);
    let wanted =
        MintedKubeconfig { renew_before: Some(7_200), ..wanted(&sim, named(&["magnum-a"])) };
    assert!(minted(&sim, &wanted).await.unwrap());
    assert!(!minted(&sim, &wanted).await.unwrap());
    let plan = omega_core::plan(&sim.mint, &wanted).await.unwrap();
    let notes = omega_core::Desired::notes(&wanted, plan.before(), noon());
    let notes: Vec<_> = notes.iter().map(|note| note.text.as_str()).collect();
    assert_eq!(notes[0], "the token in it ends 2026-11-21T13:00:00Z");
    assert!(notes[1].starts_with("it was given for 3600 s, less than the 36000 s"), "{notes:?}");
}

#[tokio::test(start_paused = true)]
async fn the_other_clock_decides_and_a_difference_is_said() {
    let sim = fresh();
    let wanted = wanted(&sim, named(&["magnum-a"]));
    sim.rbac.set_clock("2026-11-21T11:00:00Z".parse().unwrap());
    assert!(minted(&sim, &wanted).await.unwrap());
    let plan = omega_core::plan(&sim.mint, &wanted).await.unwrap();
    let notes = omega_core::Desired::notes(&wanted, plan.before(), noon());
    assert!(
        notes[0].text.starts_with("this machine's clock is 3600 s ahead of the management"),
        "{notes:?}"
    );
    // By this machine's clock ten hours are over in nine.
    sim.rbac.set_clock("2026-11-21T17:30:00Z".parse().unwrap());
    assert!(!minted(&sim, &wanted).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_right_by_somebody_else_is_refused_by_name_and_ends_it() {
    let sim = fresh();
    let wanted = wanted(&sim, named(&["magnum-a"]));
    minted(&sim, &wanted).await.unwrap();
    let all = json!([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]);
    sim.rbac.put(CLUSTER_ROLES, json!({"metadata": {"name": "wide"}, "rules": all}));
    let binding = |subject: &str| {
        json!({
            "metadata": {"name": "by-hand"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "wide"},
            "subjects": [{"kind": "ServiceAccount", "name": subject, "namespace": "omega"}],
        })
    };
    // A near miss first.
    sim.rbac.put(CLUSTER_BINDINGS, binding("magnum-drive"));
    assert!(!minted(&sim, &wanted).await.unwrap());
    sim.rbac.put(CLUSTER_BINDINGS, binding("magnum-driver"));
    let before = sim.rbac.writes().len();
    let failure = minted(&sim, &wanted).await.unwrap_err();
    assert_eq!((failure.class, failure.touched), (FailureClass::Refused, Touched::Nothing));
    let why = "omega/magnum-driver may delete nodes, by somebody else's hand";
    assert_eq!(failure.causes, [why]);
    let by = "RBAC: allowed by ClusterRoleBinding \"by-hand\" of ClusterRole \"wide\"";
    assert!(failure.found.as_ref().unwrap().starts_with(by), "{failure:?}");
    assert_eq!(sim.rbac.writes().len(), before);
    // And nothing new is written either.
    std::fs::remove_file(sim.path()).unwrap();
    let failure = minted(&sim, &wanted).await.unwrap_err();
    assert!(failure.found.unwrap().contains("may delete nodes"));
    assert!(!sim.path().exists());
}

#[tokio::test(start_paused = true)]
async fn what_was_given_everywhere_is_narrowed() {
    let sim = fresh();
    minted(&sim, &wanted(&sim, Reach::Everywhere)).await.unwrap();
    let narrow = wanted(&sim, named(&["magnum-a"]));
    // A plan looks at both before either is changed: it waits for our own roles to go.
    drop(omega_core::plan(&sim.mint, &narrow).await.unwrap());
    assert!(minted(&sim, &narrow).await.unwrap());
    assert!(!minted(&sim, &narrow).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn an_old_driver_a_foreign_file_and_a_foreign_role_are_refused_before_anything_is_written() {
    let sim = fresh();
    let wanted = wanted(&sim, named(&["magnum-a"]));
    for old in [DriverRelease::v1_1_0(), DriverRelease::v1_2_0(), DriverRelease::v1_2_1()] {
        let rights = DriverRights { driver: old.clone(), ..wanted.rights.clone() };
        let failure =
            minted(&sim, &MintedKubeconfig { rights, ..wanted.clone() }).await.unwrap_err();
        assert_eq!(failure.class, FailureClass::Refused);
        let why = format!("driver {old} can't authenticate by a token");
        assert_eq!(failure.causes, [why]);
    }
    std::fs::write(sim.path(), "somebody's\n").unwrap();
    let failure = minted(&sim, &wanted).await.unwrap_err();
    assert_eq!(failure.class, FailureClass::Refused);
    assert_eq!(std::fs::read_to_string(sim.path()).unwrap(), "somebody's\n");
    std::fs::remove_file(sim.path()).unwrap();
    let theirs = json!({"metadata": {"name": "omega:magnum-driver", "namespace": "magnum-a"}});
    sim.rbac.put(ROLES, theirs);
    let failure = minted(&sim, &wanted).await.unwrap_err();
    let why = "Role magnum-a/omega:magnum-driver is there, and was not made by omega";
    assert_eq!(failure.causes, [why]);
    assert_eq!(sim.rbac.writes(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn the_token_is_nowhere_but_in_the_file() {
    let sim = fresh();
    let wanted = wanted(&sim, named(&["magnum-a"]));
    let journal = Arc::new(omega_core::MemoryJournal::default());
    let ctx = Context::default().with_journal(journal.clone());
    ensure_driver_rights(&Context::default(), &sim.management, &wanted.rights).await.unwrap();
    let plan = omega_core::plan(&sim.mint, &wanted).await.unwrap();
    let shown = format!("{plan:?} {}", serde_json::to_string(&plan).unwrap());
    let done = plan.apply(&ctx, &sim.mint).await.unwrap();
    let file = Secret::new(std::fs::read(sim.path()).unwrap());
    let kubeconfig = Kubeconfig::parse(file, noon()).unwrap();
    let token = token_in(&kubeconfig);
    let all = format!("{shown} {done:?} {journal:?} {:?}", sim.mint);
    assert!(token.len() > 100 && !all.contains(&token[..40]));
    assert!(!all.contains(token.split('.').nth(1).unwrap()));
}

#[path = "mint_laws.rs"]
mod laws;
