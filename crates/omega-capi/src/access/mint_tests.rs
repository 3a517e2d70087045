//! `mint_kubeconfig` on the simulator: the laws, the wire, the errors.

use std::{path::PathBuf, sync::Arc};

use jiff::Timestamp;
use omega_core::{
    Class, Failure, Touched,
    kubeconfig::{AuthKind, Kubeconfig, KubeconfigFacts},
    testing::{self, Undo, World, check_laws},
    values::Secret,
};
use proptest::prelude::*;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::{
    Driver, Management, Overrides,
    sim::{Guarded, Spoiled},
};

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
    guarded: Guarded,
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
fn decoys() -> Guarded {
    let guarded = Guarded::new(noon());
    // Near misses: an account and roles of nearly the name, and somebody's binding.
    let near = |namespace: &str, name: &str| {
        json!({"metadata": {"name": name, "namespace": namespace, "labels": {"omega/minted-for": "omega.magnum-drive"}}, "rules": []})
    };
    guarded.put(ACCOUNTS, near("default", "magnum-driver"));
    guarded.put(ROLES, near("default", "omega:magnum-driver"));
    guarded.put(CLUSTER_ROLES, json!({"metadata": {"name": "omega:magnum-driver2"}, "rules": []}));
    guarded
}

impl Sim {
    fn over(guarded: Guarded, home: &Arc<TempDir>) -> Self {
        let management = Management::over(guarded.clone(), "sim");
        let server = guarded.clone();
        let mint = Mint::connecting(management.clone(), &facts(), noon(), move |kubeconfig| {
            let guarded = server.with_token(&token_in(&kubeconfig));
            Box::pin(async move { Ok(Management::over(guarded, "as the account")) })
        });
        Self { guarded, management, mint, home: Arc::clone(home) }
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
        self.guarded.snapshot()
    }
    fn writes(&self) -> usize {
        self.guarded.writes().len()
    }
    fn spoil_write(&self, nth: usize, fault: testing::Fault) {
        self.guarded.spoil_write(nth, spoiled(fault));
    }
}

fn spoiled(fault: testing::Fault) -> Spoiled {
    match fault {
        testing::Fault::Lost => Spoiled::Lost,
        testing::Fault::AnswerLost => Spoiled::AnswerLost,
        testing::Fault::Ignored => Spoiled::Ignored,
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
        (self.0.guarded.snapshot(), self.0.file())
    }
    fn writes(&self) -> usize {
        self.0.guarded.writes().len() - self.1
    }
    fn spoil_write(&self, nth: usize, fault: testing::Fault) {
        self.0.guarded.spoil_write(self.1 + nth, spoiled(fault));
    }
}

fn rights(reach: Reach) -> DriverRights {
    DriverRights {
        account: "omega/magnum-driver".parse().unwrap(),
        reach,
        driver: Driver::V1_4_0,
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

/// What was done to the objects before: few kinds of harm, so that several meet.
#[derive(Clone, Copy, Debug)]
enum Harm {
    ExtraRule,
    NoRule,
    OtherSubject,
    OtherRole,
    Gone,
    Foreign,
    Wide,
    OtherNamespace,
}

const HARMS: [Harm; 8] = [
    Harm::ExtraRule,
    Harm::NoRule,
    Harm::OtherSubject,
    Harm::OtherRole,
    Harm::Gone,
    Harm::Foreign,
    Harm::Wide,
    Harm::OtherNamespace,
];

async fn harmed(sim: &Sim, harm: Harm) {
    let name = "omega:magnum-driver";
    let both = |roles: &str, other: &str, change: &dyn Fn(&mut Value)| {
        sim.guarded.alter(roles, name, change);
        sim.guarded.alter(other, name, change);
    };
    let all = json!({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]});
    match harm {
        Harm::ExtraRule => both(ROLES, CLUSTER_ROLES, &|role| {
            role["rules"].as_array_mut().into_iter().for_each(|rules| rules.push(all.clone()));
        }),
        Harm::NoRule => both(ROLES, CLUSTER_ROLES, &|role| role["rules"] = json!([])),
        Harm::OtherSubject => both(BINDINGS, CLUSTER_BINDINGS, &|binding| {
            binding["subjects"] = json!([{"kind": "ServiceAccount", "name": "x", "namespace": "omega"}]);
        }),
        Harm::OtherRole => both(BINDINGS, CLUSTER_BINDINGS, &|binding| {
            binding["roleRef"]["name"] = "view".into();
        }),
        Harm::Gone => sim.guarded.drop_object(ROLES, name),
        Harm::Foreign => both(ROLES, CLUSTER_ROLES, &|role| role["metadata"]["labels"] = json!({})),
        Harm::Wide => {
            ensure_driver_rights(&sim.management, &rights(Reach::Everywhere)).await.ok();
        }
        Harm::OtherNamespace => {
            ensure_driver_rights(&sim.management, &rights(named(&["magnum-c"]))).await.ok();
        }
    }
}

fn any_reach() -> impl Strategy<Value = Reach> {
    prop_oneof![
        Just(Reach::Everywhere),
        Just(named(&["magnum-a"])),
        Just(named(&["magnum-a", "magnum-b"])),
        Just(named(&["omega"])),
    ]
}

fn any_past() -> impl Strategy<Value = (Option<Reach>, Vec<Harm>)> {
    let reach = prop::option::of(any_reach());
    (reach, prop::collection::vec(prop::sample::select(HARMS.to_vec()), 0..3))
}

/// A world in which all this has happened. `World::writes` counts from its end.
struct Past {
    sim: Sim,
    before: usize,
}

impl World for Past {
    type Target = Management;
    type Snapshot = Vec<String>;

    fn target(&self) -> &Management {
        &self.sim.management
    }
    fn snapshot(&self) -> Vec<String> {
        self.sim.snapshot()
    }
    fn writes(&self) -> usize {
        self.sim.writes() - self.before
    }
    fn spoil_write(&self, nth: usize, fault: testing::Fault) {
        self.sim.guarded.spoil_write(self.before + nth, spoiled(fault));
    }
}

fn past(reach: Option<&Reach>, harms: &[Harm]) -> Past {
    let (guarded, home) = (decoys(), home());
    beside(async {
        let sim = Sim::over(guarded.clone(), &home);
        if let Some(reach) = reach {
            ensure_driver_rights(&sim.management, &rights(reach.clone())).await.unwrap();
        }
        for harm in harms {
            harmed(&sim, *harm).await;
        }
    });
    let sim = Sim::over(guarded, &home);
    let before = sim.writes();
    Past { sim, before }
}

/// Runs it in a runtime of its own: worlds are made inside of one.
fn beside(future: impl Future<Output = ()> + Send) {
    std::thread::scope(|scope| {
        scope.spawn(|| run(future)).join().unwrap();
    });
}

fn run<F: Future>(future: F) -> F::Output {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_time().start_paused(true).build().unwrap().block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn rights_obey_the_laws((reach, harms) in any_past(), wanted in any_reach(), autoscaler: bool) {
        let wanted = DriverRights { autoscaler, ..rights(wanted) };
        run(check_laws(|| past(reach.as_ref(), &harms), &wanted, Undo::None));
    }
}

/// What became of a kubeconfig that was minted before.
#[derive(Clone, Copy, Debug)]
enum Since {
    Nothing,
    Kept,
    Old,
    Ended,
    Readable,
    Retargeted,
    AccountMadeAgain,
    NotOurs,
}

const SINCE: [Since; 8] = [
    Since::Nothing,
    Since::Kept,
    Since::Old,
    Since::Ended,
    Since::Readable,
    Since::Retargeted,
    Since::AccountMadeAgain,
    Since::NotOurs,
];

fn minted_before(reach: &Reach, since: Since) -> Files {
    let (guarded, home) = (decoys(), home());
    beside(async {
        let sim = Sim::over(guarded.clone(), &home);
        let wanted = wanted(&sim, reach.clone());
        if matches!(since, Since::Nothing) {
            ensure_driver_rights(&sim.management, &wanted.rights).await.unwrap();
            return;
        }
        mint_kubeconfig(&sim.mint, &wanted).await.unwrap();
        let text = || std::fs::read_to_string(sim.path()).unwrap();
        match since {
            Since::Nothing | Since::Kept => {}
            Since::Old => sim.guarded.set_clock("2026-11-21T19:00:00Z".parse().unwrap()),
            Since::Ended => sim.guarded.set_clock("2026-11-22T19:00:00Z".parse().unwrap()),
            Since::Readable => {
                use std::os::unix::fs::PermissionsExt as _;
                let mode = std::fs::Permissions::from_mode(0o640);
                std::fs::set_permissions(sim.path(), mode).unwrap();
            }
            Since::Retargeted => {
                let text = text().replace("127.77.2.1", "10.12.7.40");
                std::fs::write(sim.path(), text).unwrap();
            }
            Since::AccountMadeAgain => {
                sim.guarded.drop_object(ACCOUNTS, "magnum-driver");
                ensure_driver_rights(&sim.management, &wanted.rights).await.unwrap();
            }
            Since::NotOurs => {
                let token = "token: \"abcdef.0123456789abcdef\"";
                let kept: Vec<String> = text()
                    .lines()
                    .map(|l| if l.contains("token:") { format!("    {token}") } else { l.into() })
                    .collect();
                std::fs::write(sim.path(), kept.join("\n")).unwrap();
            }
        }
    });
    let before = guarded.writes().len();
    Files(Sim::over(guarded, &home), before)
}

#[test]
fn minted_files_obey_the_laws() {
    for since in SINCE {
        run(minted_file_obeys(since, None));
    }
    let other = || Some("https://10.12.7.40:6443".parse().unwrap());
    for since in [Since::Nothing, Since::Kept, Since::Retargeted] {
        run(minted_file_obeys(since, other()));
    }
}

async fn minted_file_obeys(since: Since, server: Option<url::Url>) {
    let reach = named(&["magnum-a"]);
    // The worlds of a law follow one another, in one directory: the fact names the file.
    let shared = home();
    let world = || {
        let Files(fresh, before) = minted_before(&reach, since);
        let path = shared.path().join("driver.kubeconfig");
        if fresh.path().exists() {
            std::fs::copy(fresh.path(), path).unwrap();
        } else if path.exists() {
            std::fs::remove_file(path).unwrap();
        }
        Files(Sim { home: Arc::clone(&shared), ..fresh }, before)
    };
    let wanted = MintedKubeconfig { server, ..wanted(&world().0, reach.clone()) };
    check_laws(world, &wanted, Undo::None).await;
}

async fn minted(sim: &Sim, wanted: &MintedKubeconfig) -> Result<bool, Failure> {
    let (rights, file) = mint_kubeconfig(&sim.mint, wanted).await?;
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
    sim.guarded.set_clock("2026-11-21T18:39:00Z".parse().unwrap());
    assert!(!minted(&sim, &wanted).await.unwrap());
    assert_eq!(std::fs::read(sim.path()).unwrap(), first);
    sim.guarded.set_clock("2026-11-21T18:41:00Z".parse().unwrap());
    assert!(minted(&sim, &wanted).await.unwrap());
    assert_ne!(std::fs::read(sim.path()).unwrap(), first);
}

#[tokio::test(start_paused = true)]
async fn a_limit_of_the_server_is_said_and_does_not_mint_for_ever() {
    let sim = fresh();
    sim.guarded.limit_tokens(3_600);
    let wanted =
        MintedKubeconfig { renew_before: Some(7_200), ..wanted(&sim, named(&["magnum-a"])) };
    assert!(minted(&sim, &wanted).await.unwrap());
    assert!(!minted(&sim, &wanted).await.unwrap());
    let plan = omega_core::plan(&sim.mint, &wanted).await.unwrap();
    let notes = omega_core::Desired::notes(&wanted, plan.before());
    let notes: Vec<_> = notes.iter().map(|note| note.text.as_str()).collect();
    insta::assert_snapshot!(notes.join("\n"), @"NOTES");
}

#[tokio::test(start_paused = true)]
async fn the_other_clock_decides_and_a_difference_is_said() {
    let sim = fresh();
    let wanted = wanted(&sim, named(&["magnum-a"]));
    sim.guarded.set_clock("2026-11-21T11:00:00Z".parse().unwrap());
    assert!(minted(&sim, &wanted).await.unwrap());
    let plan = omega_core::plan(&sim.mint, &wanted).await.unwrap();
    let notes = omega_core::Desired::notes(&wanted, plan.before());
    assert!(
        notes[0].text.starts_with("this machine's clock is 3600 s ahead of the management"),
        "{notes:?}"
    );
    // By this machine's clock ten hours are over in nine.
    sim.guarded.set_clock("2026-11-21T17:30:00Z".parse().unwrap());
    assert!(!minted(&sim, &wanted).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_right_by_somebody_else_is_refused_by_name_and_ends_it() {
    let sim = fresh();
    let wanted = wanted(&sim, named(&["magnum-a"]));
    minted(&sim, &wanted).await.unwrap();
    let all = json!([{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]);
    sim.guarded.put(CLUSTER_ROLES, json!({"metadata": {"name": "wide"}, "rules": all}));
    let binding = |subject: &str| {
        json!({
            "metadata": {"name": "by-hand"},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "wide"},
            "subjects": [{"kind": "ServiceAccount", "name": subject, "namespace": "omega"}],
        })
    };
    // A near miss first.
    sim.guarded.put(CLUSTER_BINDINGS, binding("magnum-drive"));
    assert!(!minted(&sim, &wanted).await.unwrap());
    sim.guarded.put(CLUSTER_BINDINGS, binding("magnum-driver"));
    let before = sim.guarded.writes().len();
    let failure = minted(&sim, &wanted).await.unwrap_err();
    assert_eq!((failure.class, failure.touched), (Class::Refused, Touched::Nothing));
    let why = "omega/magnum-driver may delete nodes, by somebody else's hand";
    assert_eq!(failure.causes, [why]);
    let by = "RBAC: allowed by ClusterRoleBinding \"by-hand\" of ClusterRole \"wide\"";
    assert!(failure.found.as_ref().unwrap().starts_with(by), "{failure:?}");
    assert_eq!(sim.guarded.writes().len(), before);
    // And nothing new is written either.
    std::fs::remove_file(sim.path()).unwrap();
    let failure = minted(&sim, &wanted).await.unwrap_err();
    assert!(failure.found.unwrap().contains("may delete nodes"));
    assert!(!sim.path().exists());
}

#[tokio::test(start_paused = true)]
async fn an_old_driver_a_foreign_file_and_a_foreign_role_are_refused_before_anything_is_written() {
    let sim = fresh();
    let wanted = wanted(&sim, named(&["magnum-a"]));
    for old in [Driver::V1_1_0, Driver::V1_2_0, Driver::V1_2_1] {
        let rights = DriverRights { driver: old, ..wanted.rights.clone() };
        let failure = minted(&sim, &MintedKubeconfig { rights, ..wanted.clone() }).await.unwrap_err();
        assert_eq!(failure.class, Class::Refused);
        let why = format!("driver {old} can't authenticate by a token");
        assert_eq!(failure.causes, [why]);
    }
    std::fs::write(sim.path(), "somebody's\n").unwrap();
    let failure = minted(&sim, &wanted).await.unwrap_err();
    assert_eq!(failure.class, Class::Refused);
    assert_eq!(std::fs::read_to_string(sim.path()).unwrap(), "somebody's\n");
    std::fs::remove_file(sim.path()).unwrap();
    let theirs = json!({"metadata": {"name": "omega:magnum-driver", "namespace": "magnum-a"}});
    sim.guarded.put(ROLES, theirs);
    let failure = minted(&sim, &wanted).await.unwrap_err();
    let why = "Role magnum-a/omega:magnum-driver is there, and was not made by omega";
    assert_eq!(failure.causes, [why]);
    assert_eq!(sim.guarded.writes(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn the_token_is_nowhere_but_in_the_file() {
    let sim = fresh();
    let wanted = wanted(&sim, named(&["magnum-a"]));
    let mut journal = omega_core::MemoryJournal::default();
    ensure_driver_rights(&sim.management, &wanted.rights).await.unwrap();
    let plan = omega_core::plan(&sim.mint, &wanted).await.unwrap();
    let shown = format!("{plan:?} {}", serde_json::to_string(&plan).unwrap());
    let done = plan.apply(&sim.mint, &mut journal).await.unwrap();
    let file = Secret::new(std::fs::read(sim.path()).unwrap());
    let kubeconfig = Kubeconfig::parse(file, noon()).unwrap();
    let token = token_in(&kubeconfig);
    let all = format!("{shown} {done:?} {journal:?} {:?}", sim.mint);
    assert!(token.len() > 100 && !all.contains(&token[..40]));
    assert!(!all.contains(token.split('.').nth(1).unwrap()));
}
