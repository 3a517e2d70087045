//! A site on the simulators, for tests of what the engine leaves behind.

use std::{collections::BTreeMap, time::Instant};

use omega_capi::{Rule, sim::Apiserver};
use omega_core::{CancelToken, Failure, kubeconfig::Kubeconfig};
use omega_juju::{
    operations::LeftoverPolicy,
    sim::{Snapshot, Start, Unit},
};
use omega_openstack::sim::Cloud;
use tempfile::TempDir;

use super::{Approved, Engine, Report, Task};
use crate::{
    environment::Environment,
    rehearse,
    render::{Console, Format, Screen},
    runbook::{Clients, Purpose, Wanted},
    runs::Runs,
    site::Site,
};

/// A cloud, a management cluster, units, and an operator's machine.
pub(crate) struct Rig {
    pub(crate) cloud: Cloud,
    pub(crate) apiserver: Apiserver,
    pub(crate) accepted: Vec<Rule>,
    pub(crate) units: Vec<Unit>,
    pub(crate) world: Clients,
    pub(crate) runs: Runs,
    pub(crate) stop: CancelToken,
    pub(crate) home: TempDir,
    site: Site,
    kubeconfig: Kubeconfig,
    screen: Screen,
    console: Console,
}

/// Everything that a run could have changed.
#[derive(Debug, PartialEq)]
pub(crate) struct Everything {
    units: Vec<Snapshot>,
    rules: Vec<(String, String, Vec<String>)>,
}

impl Rig {
    /// Returns one whose units, magnum/0 and so on, start so.
    pub(crate) fn new(starts: &[Start]) -> Self {
        let unit = |(nth, start): (usize, &Start)| start.unit(&format!("magnum/{nth}"));
        let units: Vec<_> = starts.iter().enumerate().map(unit).collect();
        let (site, kubeconfig) = rehearse::site().unwrap();
        let cloud = rehearse::cloud();
        let apiserver = Apiserver::default();
        let world = rehearse::world_of(&cloud, &apiserver, &units, &kubeconfig);
        let environment = Environment {
            variables: BTreeMap::new(),
            stdout_is_terminal: false,
            stderr_is_terminal: false,
        };
        let home = tempfile::tempdir().unwrap();
        Self {
            screen: Screen::new(&environment, Format::Json),
            console: Console::new(&environment, true),
            runs: Runs::new(home.path()),
            stop: CancelToken::default(),
            home,
            cloud,
            apiserver,
            accepted: Vec::new(),
            units,
            world,
            site,
            kubeconfig,
        }
    }

    pub(crate) fn engine(&self) -> Engine<'_> {
        Engine {
            screen: &self.screen,
            console: &self.console,
            runs: &self.runs,
            stop: &self.stop,
            kept: true,
            began: Instant::now(),
        }
    }

    /// The graft, resolved anew as each command does.
    pub(crate) async fn task(&self, policy: LeftoverPolicy) -> Task {
        let wanted = Wanted::new(&self.site, &self.kubeconfig, &self.world, policy).await.unwrap();
        let purpose = Purpose::Apply(&self.accepted);
        wanted.task("omega.toml", " --remove-leftovers", &self.world, purpose)
    }

    /// `apply graft --remove-leftovers`
    pub(crate) async fn apply(&self) -> Result<Report, Failure> {
        let task = self.task(LeftoverPolicy::Remove).await;
        self.engine().apply(&task, Approved::Now).await
    }

    pub(crate) fn everything(&self) -> Everything {
        let units = self.units.iter().map(Unit::snapshot).collect();
        Everything { units, rules: self.cloud.groups() }
    }

    /// How many writes arrived anywhere.
    pub(crate) fn writes(&self) -> usize {
        self.cloud.writes().len() + self.units.iter().map(Unit::writes).sum::<usize>()
    }
}

/// What a report says to a program.
pub(crate) fn document(report: &Report) -> serde_json::Value {
    serde_json::to_value(report).unwrap()
}
