//! A site on the simulators, for tests of what a run leaves behind.

use omega_capi::{coherence::Rule, sim::Apiserver};
use omega_core::{
    CancelToken, Context, Failure,
    kubeconfig::Kubeconfig,
    run::{Approved, Engine, Job, Report, Runs},
};
use omega_juju::{
    gates::LeftoverPolicy,
    sim::{Snapshot, Start, Unit},
};
use omega_openstack::sim::Cloud;
use tempfile::TempDir;

use crate::{
    clients::Clients,
    graft::{GraftSpec, Purpose},
    rehearsal,
};

/// A cloud, a management cluster, units, and an operator's machine.
pub(crate) struct Site {
    pub(crate) cloud: Cloud,
    pub(crate) apiserver: Apiserver,
    pub(crate) accepted: Vec<Rule>,
    pub(crate) units: Vec<Unit>,
    pub(crate) clients: Clients,
    pub(crate) runs: Runs,
    pub(crate) cancel: CancelToken,
    pub(crate) home: TempDir,
    pub(crate) parsed: crate::site::Site,
    pub(crate) kubeconfig: Kubeconfig,
}

/// Everything that a run could have changed.
#[derive(Debug, PartialEq)]
pub(crate) struct Everything {
    pub(crate) units: Vec<Snapshot>,
    pub(crate) rules: Vec<(String, String, Vec<String>)>,
}

impl Site {
    /// Returns one whose units, magnum/0 and so on, start so.
    pub(crate) fn new(starts: &[Start]) -> Self {
        let unit = |(nth, start): (usize, &Start)| start.unit(&format!("magnum/{nth}"));
        let units: Vec<_> = starts.iter().enumerate().map(unit).collect();
        let (site, kubeconfig) = rehearsal::site().unwrap();
        let (cloud, apiserver) = (rehearsal::cloud(), Apiserver::default());
        let clients = rehearsal::clients(&cloud, &apiserver, &units, &kubeconfig);
        let home = tempfile::tempdir().unwrap();
        Self {
            runs: Runs::new(home.path()),
            cancel: CancelToken::default(),
            home,
            cloud,
            apiserver,
            accepted: Vec::new(),
            units,
            clients,
            parsed: site,
            kubeconfig,
        }
    }

    pub(crate) fn engine(&self) -> Engine {
        Engine::new(self.runs.clone(), Context::default().with_cancel(self.cancel.clone()))
    }

    pub(crate) async fn spec(&self, policy: LeftoverPolicy) -> GraftSpec {
        GraftSpec::new(&self.parsed, &self.kubeconfig, &self.clients, policy).await.unwrap()
    }

    /// The graft, resolved anew as each command does.
    pub(crate) async fn job(&self, policy: LeftoverPolicy) -> Job {
        let purpose = Purpose::Apply(&self.accepted);
        self.spec(policy).await.job("omega.toml", &self.clients, purpose)
    }

    /// `apply graft --remove-leftovers`
    pub(crate) async fn apply(&self) -> Result<Report, Failure> {
        let job = self.job(LeftoverPolicy::Remove).await;
        self.engine().apply(&job, Approved::Now).await
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
