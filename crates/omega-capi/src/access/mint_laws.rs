//! The laws for the account's rights and for the file.

use omega_core::testing::{Undo, check_laws};
use proptest::prelude::*;

use super::*;

fn run<F: Future>(future: F) -> F::Output {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    runtime.enable_time().start_paused(true).build().unwrap().block_on(future)
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
        sim.rbac.alter(roles, name, change);
        sim.rbac.alter(other, name, change);
    };
    let all = json!({"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]});
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
        Harm::Gone => sim.rbac.drop_object(ROLES, name),
        Harm::Foreign => both(ROLES, CLUSTER_ROLES, &|role| role["metadata"]["labels"] = json!({})),
        Harm::Wide => {
            ensure_driver_rights(&Context::default(), &sim.management, &rights(Reach::Everywhere))
                .await
                .ok();
        }
        Harm::OtherNamespace => {
            ensure_driver_rights(
                &Context::default(),
                &sim.management,
                &rights(named(&["magnum-c"])),
            )
            .await
            .ok();
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
        self.sim.rbac.spoil_write(self.before + nth, spoiled(fault));
    }
}

fn past(reach: Option<&Reach>, harms: &[Harm]) -> Past {
    let (rbac, home) = (decoys(), home());
    beside(async {
        let sim = Sim::over(rbac.clone(), &home);
        if let Some(reach) = reach {
            ensure_driver_rights(&Context::default(), &sim.management, &rights(reach.clone()))
                .await
                .unwrap();
        }
        for harm in harms {
            harmed(&sim, *harm).await;
        }
    });
    let sim = Sim::over(rbac, &home);
    let before = sim.writes();
    Past { sim, before }
}

/// Runs it in a runtime of its own: worlds are made inside of one.
fn beside(future: impl Future<Output = ()> + Send) {
    std::thread::scope(|scope| {
        scope.spawn(|| run(future)).join().unwrap();
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn rights_obey_the_laws((reach, harms) in any_past(), wanted in any_reach(), autoscaler: bool) {
        let wanted = DriverRights { autoscaler, ..rights(wanted) };
        drop(run(check_laws(|| past(reach.as_ref(), &harms), &wanted, Undo::None, |_| true)));
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
    let (rbac, home) = (decoys(), home());
    beside(async {
        let sim = Sim::over(rbac.clone(), &home);
        let wanted = wanted(&sim, reach.clone());
        if matches!(since, Since::Nothing) {
            ensure_driver_rights(&Context::default(), &sim.management, &wanted.rights)
                .await
                .unwrap();
            return;
        }
        mint_kubeconfig(&Context::default(), &sim.mint, &wanted).await.unwrap();
        let text = || std::fs::read_to_string(sim.path()).unwrap();
        match since {
            Since::Nothing | Since::Kept => {}
            Since::Old => sim.rbac.set_clock("2026-11-21T19:00:00Z".parse().unwrap()),
            Since::Ended => sim.rbac.set_clock("2026-11-22T19:00:00Z".parse().unwrap()),
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
                sim.rbac.drop_object(ACCOUNTS, "magnum-driver");
                ensure_driver_rights(&Context::default(), &sim.management, &wanted.rights)
                    .await
                    .unwrap();
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
    let before = rbac.writes().len();
    Files(Sim::over(rbac, &home), before)
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
    drop(check_laws(world, &wanted, Undo::None, |_| true).await);
}
