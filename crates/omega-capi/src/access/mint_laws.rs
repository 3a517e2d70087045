//! The laws for the account's rights and the files.

use omega_core::testing::{Fault, Tally, Undo, World, check_laws};
use std::{collections::BTreeMap, sync::Mutex};

use proptest::prelude::*;

use super::{mint_tests::*, *};
use crate::{
    Management,
    sim::{Apiserver, Machine},
};
use omega_core::{Context, kubeconfig::Kubeconfig};
use serde_json::{Value, json};

fn run<F: Future>(future: F) -> F::Output {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_time().start_paused(true).build().unwrap().block_on(future)
}

/// How the objects were changed before: few kinds, so that several combine.
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
        sim.server.modify(roles, name, change);
        sim.server.modify(other, name, change);
    };
    let all = json!({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]});
    let ctx = Context::default();
    match harm {
        Harm::ExtraRule => both(ROLES, CLUSTER_ROLES, &|role| {
            role["rules"].as_array_mut().into_iter().for_each(|rules| rules.push(all.clone()));
        }),
        Harm::NoRule => both(ROLES, CLUSTER_ROLES, &|role| role["rules"] = json!([])),
        Harm::OtherSubject => both(BINDINGS, CLUSTER_BINDINGS, &|binding| {
            binding["subjects"] =
                json!([{"kind": "ServiceAccount", "name": "x", "namespace": "omega"}]);
        }),
        Harm::OtherRole => both(BINDINGS, CLUSTER_BINDINGS, &|binding| {
            binding["roleRef"]["name"] = "view".into();
        }),
        Harm::Gone => sim.server.remove_object(ROLES, name),
        Harm::Foreign => both(ROLES, CLUSTER_ROLES, &|role| role["metadata"]["labels"] = json!({})),
        Harm::Wide => {
            drop(ensure_driver_rights(&ctx, &sim.management, &rights(Reach::Everywhere)).await);
        }
        Harm::OtherNamespace => {
            let other = rights(named(&["magnum-c"]));
            drop(ensure_driver_rights(&ctx, &sim.management, &other).await);
        }
    }
}

fn any_reach() -> impl Strategy<Value = Reach> {
    prop_oneof![
        4 => Just(Reach::Everywhere),
        4 => Just(named(&["magnum-a"])),
        1 => Just(named(&["magnum-a", "magnum-b"])),
        4 => Just(named(&["omega"])),
    ]
}

fn any_past() -> impl Strategy<Value = (Option<Reach>, Vec<Harm>)> {
    let reach = prop::option::of(any_reach());
    (reach, prop::collection::vec(prop::sample::select(HARMS.to_vec()), 0..3))
}

/// The world of the API server.
struct Objects(Sim);

impl World for Objects {
    type Target = Management;
    type Snapshot = Vec<String>;

    fn target(&self) -> &Management {
        &self.0.management
    }
    fn snapshot(&self) -> Vec<String> {
        self.0.server.snapshot()
    }
    fn writes(&self) -> usize {
        self.0.server.writes().len() + self.0.server.dry_runs().len()
    }
    fn inject_fault(&self, nth: usize, fault: Fault) {
        self.0.server.inject_fault(nth, fault);
    }
}

async fn past(reach: Option<&Reach>, harms: &[Harm]) -> Sim {
    let sim = fresh();
    if let Some(reach) = reach {
        let rights = rights(reach.clone());
        ensure_driver_rights(&Context::default(), &sim.management, &rights).await.unwrap();
    }
    for harm in harms {
        harmed(&sim, *harm).await;
    }
    sim
}

/// Returns whether the account has a role and a binding in the namespaces of `rights`, and (unless it
/// is additive) no others and no further rule.
fn has_rights(snapshot: &[String], rights: &DriverRights) -> bool {
    let ours = |line: &&String| line.contains("\"omega/minted-for\":\"omega.magnum-driver\"");
    let parsed = |line: &String| {
        let (kind, json) = line.split_once(' ').unwrap();
        (kind.to_owned(), serde_json::from_str::<Value>(json).unwrap())
    };
    let found: Vec<(String, Value)> = snapshot.iter().filter(ours).map(parsed).collect();
    let place =
        |object: &Value| object["metadata"]["namespace"].as_str().unwrap_or_default().to_owned();
    let mut expected = vec![("ServiceAccount".to_owned(), "omega".to_owned())];
    match &rights.reach {
        Reach::Everywhere => {
            expected
                .extend(["ClusterRole", "ClusterRoleBinding"].map(|k| (k.into(), String::new())));
        }
        Reach::Namespaces(names) => {
            for name in names {
                expected.extend(["Role", "RoleBinding"].map(|k| (k.into(), name.to_string())));
            }
        }
    }
    let mut there: Vec<_> = found.iter().map(|(kind, one)| (kind.clone(), place(one))).collect();
    expected.sort();
    there.sort();
    let right = |(kind, object): &(String, Value)| match kind.as_str() {
        "Role" | "ClusterRole" => {
            let rules = object["rules"].as_array().unwrap();
            let resources: std::collections::BTreeSet<_> =
                rights.needs().into_iter().map(|need| (need.group, need.resource)).collect();
            rights.additive
                || (rules.len() == resources.len() && !object.to_string().contains("\"*\""))
        }
        "RoleBinding" | "ClusterRoleBinding" => {
            let account = json!({"kind": "ServiceAccount", "name": "magnum-driver",
                                 "namespace": "omega"});
            let subjects = object["subjects"].as_array().unwrap();
            object["roleRef"]["name"] == "omega:magnum-driver"
                && subjects.contains(&account)
                && (rights.additive || subjects.len() == 1)
        }
        _ => object["automountServiceAccountToken"] == false,
    };
    let needed =
        |(kind, object): &&(String, Value)| expected.contains(&(kind.clone(), place(object)));
    let complete = expected.iter().all(|one| there.contains(one));
    complete && found.iter().filter(needed).all(right) && (rights.additive || there == expected)
}

static RIGHTS: Tally = Tally::new();

proptest! {
    fn rights_obey_the_laws(
        (reach, harms) in any_past(),
        wanted in any_reach(),
        autoscaler: bool,
        additive: bool,
    ) {
        let wanted = DriverRights { autoscaler, additive, ..rights(wanted) };
        let before = run(past(reach.as_ref(), &harms));
        let holds = |snapshot: &Vec<String>| has_rights(snapshot, &wanted);
        RIGHTS.count(run(check_laws(|| Objects(before.fork()), &wanted, Undo::None, holds)));
    }
}

/// What happened to a kubeconfig that was minted before.
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

/// The same, created once for all cases.
fn shared(reach: &Reach, since: Since) -> (Apiserver, Machine) {
    static MADE: Mutex<BTreeMap<String, (Apiserver, Machine)>> = Mutex::new(BTreeMap::new());
    let made = || {
        let sim = run(minted_before(reach, since));
        (sim.server, sim.machine)
    };
    let key = format!("{reach:?} {since:?}");
    MADE.lock().unwrap().entry(key).or_insert_with(made).clone()
}

async fn minted_before(reach: &Reach, since: Since) -> Sim {
    let sim = fresh();
    let wanted = wanted(reach.clone());
    let ctx = Context::default();
    if matches!(since, Since::Nothing) {
        ensure_driver_rights(&ctx, &sim.management, &wanted.rights).await.unwrap();
        return sim;
    }
    mint_kubeconfig(&ctx, &sim.mint, &wanted).await.unwrap();
    match since {
        Since::Nothing | Since::Kept => {}
        Since::Old => sim.server.set_clock("2026-11-21T19:00:00Z".parse().unwrap()),
        Since::Ended => sim.server.set_clock("2026-11-22T19:00:00Z".parse().unwrap()),
        Since::Readable => sim.machine.put(&path(), &sim.text(), false),
        Since::Retargeted => {
            let text = sim.text().replace("127.77.2.1", "10.12.7.40");
            sim.machine.put(&path(), &text, true);
        }
        Since::AccountMadeAgain => {
            sim.server.remove_object(ACCOUNTS, "magnum-driver");
            ensure_driver_rights(&ctx, &sim.management, &wanted.rights).await.unwrap();
        }
        Since::NotOurs => {
            let token = Kubeconfig::read(sim.text().into()).unwrap().token().unwrap();
            let token = String::from_utf8(token.expose().to_vec()).unwrap();
            let text = sim.text().replace(&token, "abcdef.0123456789abcdef");
            sim.machine.put(&path(), &text, true);
        }
    }
    sim
}

/// The world of the machine. A change is a token request; the file is its effect.
struct Files(Sim);

impl World for Files {
    type Target = Mint;
    type Snapshot = (Vec<String>, Option<Value>);

    fn target(&self) -> &Mint {
        &self.0.mint
    }
    fn snapshot(&self) -> Self::Snapshot {
        (self.0.server.snapshot(), self.0.file())
    }
    fn writes(&self) -> usize {
        self.0.server.writes().len() + self.0.server.dry_runs().len()
    }
    fn inject_fault(&self, nth: usize, fault: Fault) {
        self.0.server.inject_fault(nth, fault);
    }
}

fn is_minted(file: Option<&Value>, server: Option<&str>) -> bool {
    let Some(file) = file else { return false };
    let at = |path: &str| file.pointer(path).and_then(Value::as_str);
    let server = server.is_none_or(|wanted| at("/file/clusters/0/cluster/server") == Some(wanted));
    let user = "system:serviceaccount:omega:magnum-driver";
    file["private"] == true && server && at("/file/users/0/user/token/user") == Some(user)
}

static MINTED: Tally = Tally::new();
static PROOFS: Tally = Tally::new();
static REMOVED: Tally = Tally::new();

const OTHER: &str = "https://10.12.7.40:6443";

proptest! {
    fn minted_files_obey_the_laws(
        since in prop::sample::select(SINCE.to_vec()),
        reach in any_reach(),
        other: bool,
        lifetime in prop::sample::select(vec![600_u64, 36_000, 72_000]),
    ) {
        let (server, machine) = shared(&reach, since);
        let at = other.then(|| OTHER.parse().unwrap());
        let wanted = MintedKubeconfig { server: at, lifetime, ..wanted(reach) };
        let holds = |(_, file): &(Vec<String>, Option<Value>)| {
            is_minted(file.as_ref(), other.then_some(OTHER))
        };
        let world = || Files(Sim::over(server.fork(), machine.fork(&[])));
        MINTED.count(run(check_laws(world, &wanted, Undo::None, holds)));
    }

    fn proofs_obey_the_laws(
        there in prop::sample::select(vec![Since::Nothing, Since::Nothing, Since::NotOurs]),
        reach in any_reach(),
    ) {
        let (server, machine) = shared(&reach, there);
        let wanted = ProofKubeconfig { rights: rights(reach), path: path(), server: None };
        let holds = |(_, file): &(Vec<String>, Option<Value>)| is_minted(file.as_ref(), None);
        let world = || Files(Sim::over(server.fork(), machine.fork(&[])));
        PROOFS.count(run(check_laws(world, &wanted, Undo::Exact, holds)));
    }

    fn removing_a_file_obeys_the_laws(there: bool, private: bool, text in "[ab]{0,2}") {
        let machine = Machine::default();
        if there {
            machine.put(&path(), &text, private);
        }
        let wanted = RemovedKubeconfig { path: path() };
        let holds = |file: &Option<(String, bool)>| file.is_none();
        let world = || Removal(Sim::over(Apiserver::with_accounts(noon()), machine.fork(&[])));
        REMOVED.count(run(check_laws(world, &wanted, Undo::None, holds)));
    }
}

/// A machine with a file.
struct Removal(Sim);

impl World for Removal {
    type Target = Mint;
    type Snapshot = Option<(String, bool)>;

    fn target(&self) -> &Mint {
        &self.0.mint
    }
    fn snapshot(&self) -> Self::Snapshot {
        self.0.machine.file(&path())
    }
    fn writes(&self) -> usize {
        self.0.machine.writes()
    }
    fn inject_fault(&self, nth: usize, fault: Fault) {
        self.0.machine.inject_fault(nth, fault);
    }
}

#[test]
fn laws_of_rights() {
    rights_obey_the_laws();
    RIGHTS.assert_meaningful("driver rights");
}

#[test]
fn laws_of_minted_kubeconfigs() {
    minted_files_obey_the_laws();
    MINTED.assert_meaningful("minted kubeconfigs");
}

#[test]
fn laws_of_proofs() {
    proofs_obey_the_laws();
    PROOFS.assert_meaningful("proof kubeconfigs");
    removing_a_file_obeys_the_laws();
    REMOVED.assert_meaningful("removed kubeconfigs");
}
