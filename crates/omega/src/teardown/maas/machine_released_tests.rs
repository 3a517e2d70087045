use std::sync::Arc;

use omega_core::{
    Diagnostic as _, Touched, plan,
    testing::{Fault, Tally, Undo, World, check_laws},
};

use super::*;
use crate::teardown::maas::{SimMaas, SimMachine};

const MODEL: &str = "aaaaaaaa-0000-4000-8000-000000000001";
const OTHER: &str = "bbbbbbbb-0000-4000-8000-000000000002";

struct Sim {
    sim: SimMaas,
    maas: Maas,
}

impl Sim {
    /// The machine, and near matches: another model's, one that begins like it, one that is nobody's.
    fn with(change: impl FnOnce(&mut SimMachine)) -> Self {
        let mut ours = SimMachine::deployed("4y3h7n", "openstack0", MODEL);
        change(&mut ours);
        let sim = SimMaas::new([
            SimMachine::deployed("4y3h7", "openstack0", OTHER),
            ours,
            SimMachine::deployed("4y3h7nx", "openstack1", MODEL),
            SimMachine::ready("k8s4ab", "spare"),
        ]);
        Self { maas: Maas::new(Arc::new(sim.clone()), "admin"), sim }
    }

    async fn refused(&self, desired: &MachineReleased) -> Conflict {
        let error = plan(&self.maas, desired).await.unwrap_err();
        let EnsureError::Conflict { source, .. } = error else { panic!("{error:?}") };
        assert_eq!(self.sim.writes(), 0);
        source
    }
}

impl World for Sim {
    type Target = Maas;
    type Snapshot = Vec<String>;

    fn target(&self) -> &Maas {
        &self.maas
    }
    fn snapshot(&self) -> Vec<String> {
        self.sim.snapshot()
    }
    fn writes(&self) -> usize {
        self.sim.writes()
    }
    fn inject_fault(&self, nth: usize, fault: Fault) {
        self.sim.inject_fault(nth, fault);
    }
}

fn released(extent: Extent) -> MachineReleased {
    MachineReleased {
        system_id: "4y3h7n".to_owned(),
        hostname: "openstack0".to_owned(),
        owner: "juju".to_owned(),
        model: MODEL.to_owned(),
        extent,
        within: 60,
    }
}

static MACHINES: Tally = Tally::new();

/// Every status that MAAS has, with each owner: all cases, not a choice of them.
#[test]
fn obeys_the_laws() {
    let statuses = [
        (0, "New"),
        (1, "Commissioning"),
        (4, "Ready"),
        (5, "Reserved"),
        (6, "Deployed"),
        (7, "Retired"),
        (8, "Broken"),
        (9, "Deploying"),
        (10, "Allocated"),
        (11, "Failed deployment"),
        (12, "Releasing"),
        (13, "Releasing failed"),
        (14, "Disk erasing"),
        (15, "Failed disk erasing"),
        (16, "Rescue mode"),
        (21, "Testing"),
        (22, "Failed testing"),
        (99, "Another"),
    ];
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().unwrap();
    for (number, name) in statuses {
        for owner in [Some("juju"), Some("bob"), None] {
            for extent in [Extent::Begun, Extent::Complete] {
                for lag in 0..3 {
                    let start = || {
                        Sim::with(|ours| {
                            ours.status = (number, name);
                            ours.owner = owner.map(str::to_owned);
                            if owner.is_none() {
                                ours.model = None;
                            }
                            // One that has begun may stay so.
                            ours.lag = (extent == Extent::Complete).then_some(lag);
                        })
                    };
                    let begun = extent == Extent::Begun;
                    let holds = |seen: &Vec<String>| {
                        let is = |line: &str| seen.iter().any(|one| one == line);
                        let releasing = ["4y3h7n Releasing juju", "4y3h7n Disk erasing juju"];
                        let other = format!("4y3h7n {name} {}", owner.unwrap_or("nobody"));
                        let ours = is("4y3h7n Ready nobody")
                            || begun
                                && (releasing.iter().any(|one| is(one))
                                    || matches!(number, 12 | 14) && is(&other));
                        ours && is("4y3h7 Deployed juju")
                            && is("4y3h7nx Deployed juju")
                            && is("k8s4ab Ready nobody")
                    };
                    let desired = released(extent);
                    // What is never Ready again is a test of its own.
                    if number == 14 || (number == 12 && !begun) {
                        continue;
                    }
                    let case = check_laws(start, &desired, Undo::None, holds);
                    MACHINES.count(runtime.block_on(case));
                }
            }
        }
    }
    MACHINES.assert_meaningful("ensure_machine_released");
}

/// These lines were read against the API of MAAS 3.5 (`MachineHandler.release`).
#[tokio::test(start_paused = true)]
async fn every_write_as_it_is_sent() {
    let (sim, ctx) = (Sim::with(|_| {}), Context::default());
    let planned = plan(&sim.maas, &released(Extent::Complete)).await.unwrap();
    assert!(planned.undo().is_none());
    insta::assert_snapshot!(planned.delta().changes()[0].describe(), @"- machine openstack0 (4y3h7n): release in MAAS: Deployed, of user juju");
    planned.apply(&ctx, &sim.maas).await.unwrap();
    insta::assert_snapshot!(sim.sim.commands().join("\n"), @"maas P machine release 4y3h7n comment=omega: teardown of Juju model aaaaaaaa-0000-4000-8000-000000000001");
}

#[tokio::test(start_paused = true)]
async fn what_is_somebody_elses_is_refused() {
    let desired = released(Extent::Complete);
    for (change, why) in [
        ((|one| one.model = Some(OTHER.into())) as fn(&mut SimMachine), "another Juju model's now"),
        (|one| one.owner = Some("bob".into()), "is another user's now"),
        (|one| one.locked = true, "is locked in MAAS"),
        (|one| one.status = (16, "Rescue mode"), "can't be released in its state"),
        (|one| one.system_id = "gone".into(), "MAAS has no machine openstack0 (4y3h7n)"),
    ] {
        let refused = Sim::with(change).refused(&desired).await;
        assert!(refused.why.contains(why), "{refused:?}");
        assert!(refused.next.is_some(), "{refused:?}");
    }
}

/// juju, or another program, has released it while the plan was read.
#[tokio::test(start_paused = true)]
async fn what_is_released_already_is_waited_for_and_not_released_again() {
    let (sim, ctx) = (Sim::with(|ours| ours.lag = Some(3)), Context::default());
    let planned = plan(&sim.maas, &released(Extent::Complete)).await.unwrap();
    sim.sim.release_of(MODEL);
    planned.apply(&ctx, &sim.maas).await.unwrap();
    assert_eq!(sim.sim.writes(), 0);
    assert_eq!(sim.snapshot()[1], "4y3h7n Ready nobody");
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_stays_releasing_is_told_after_the_deadline() {
    let (sim, ctx) = (Sim::with(|ours| ours.lag = None), Context::default());
    let desired = released(Extent::Complete);
    let error = ensure_machine_released(&ctx, &sim.maas, &desired).await.unwrap_err();
    let EnsureError::NotSettled { why, .. } = &error else { panic!("{error:?}") };
    assert_eq!(why, "openstack0 (4y3h7n) is Releasing");
    assert_eq!(error.touched(), Touched::Maybe);
}

#[tokio::test]
async fn the_words_of_maas_are_kept() {
    let sim = Sim::with(|ours| ours.status = (16, "Rescue mode"));
    let error = sim.maas.release("4y3h7n", "x").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "maas could not release machine 4y3h7n: Machine cannot be released in its current state \
         ('Rescue mode')."
    );
    assert_eq!(error.touched(), Touched::Nothing);
    sim.sim.inject_fault(1, Fault::Lost);
    let lost = sim.maas.release("4y3h7nx", "x").await.unwrap_err();
    assert_eq!(lost.touched(), Touched::Maybe, "{lost}");
}
