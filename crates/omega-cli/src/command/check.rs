//! `check`: one gate of the runbook.

use std::sync::Arc;

use clap::ValueEnum;
use omega::{
    core::{
        Failure, Gate, Item, Label as _, Section, TargetPlan,
        run::{Job, Status},
    },
    graft::{GraftSpec, clusters_are_healthy, magnum_responds, trustee_domain},
    juju::Unit,
};

use crate::{
    app::App,
    cli::{LeftoverArgs, SiteArgs},
};

/// A gate of the graft.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum GateName {
    /// The units reach the management API.
    Reach,
    /// The management API accepts the service user's credentials.
    Authenticate,
    /// helm can list releases as the daemon does.
    Releases,
    /// The driver can be imported, and the running conductor has loaded it.
    Driver,
    /// The management API serves what the driver reads.
    ServedVersions,
    /// Driver, chart, Cluster API and templates fit together.
    Coherence,
    /// Magnum's trustee domain exists.
    TrusteeDomain,
    /// Magnum answers.
    Magnum,
    /// Clusters are HEALTHY.
    Health,
    /// A workload cluster works inside: nodes, network, cloud controller, volumes, DNS.
    Workload,
}

impl App {
    pub(super) async fn check(&self, gate: GateName, args: &SiteArgs) -> Result<Status, Failure> {
        let site = Self::site(&args.site)?;
        let named = args.site.display().to_string();
        let of_cloud = [GateName::TrusteeDomain, GateName::Magnum, GateName::Health];
        let job = if of_cloud.contains(&gate) {
            let cloud = self.connect(&site).cloud().await?;
            let (label, item) = if gate == GateName::TrusteeDomain {
                (cloud.network.label(), Item::gate(trustee_domain(&site.trust, &cloud, true)))
            } else if gate == GateName::Magnum {
                (cloud.network.label(), Item::gate(magnum_responds(&cloud)))
            } else {
                ("clusters".to_owned(), Item::gate(clusters_are_healthy(&cloud)))
            };
            let target = TargetPlan::shared(label, vec![Section::new("", "check", vec![item])]);
            Job::new("check", named, vec![target]).on(cloud.endpoints(), cloud.counts())
        } else {
            let (spec, clients) = self.graft(&site, args, LeftoverArgs::default()).await?;
            let targets = gates(gate, &spec, &clients);
            Job::new("check", named, targets).on(clients.endpoints(), clients.counts())
        };
        Ok(self.shown(&self.engine().plan(&job).await, None))
    }
}

/// The gates of the graft that read units or the management cluster.
fn gates(gate: GateName, spec: &GraftSpec, clients: &omega::clients::Clients) -> Vec<TargetPlan> {
    fn item(gate: impl Gate + 'static) -> Vec<Section> {
        vec![Section::new("", "check", vec![Item::gate(gate)])]
    }
    let per_unit = |of: &dyn Fn(&Arc<Unit>) -> Vec<Section>| -> Vec<TargetPlan> {
        clients.units.iter().map(|unit| TargetPlan::unit(unit.label(), of(unit))).collect()
    };
    let shared = |sections| vec![TargetPlan::shared(clients.cloud.network.label(), sections)];
    match gate {
        GateName::Reach => per_unit(&|unit| item(spec.reach(unit))),
        GateName::Authenticate => per_unit(&|unit| item(spec.authenticate(unit))),
        GateName::Releases => per_unit(&|unit| item(spec.releases(unit))),
        GateName::Driver => per_unit(&|unit| item(spec.loaded(unit))),
        GateName::ServedVersions => shared(item(spec.served(clients))),
        GateName::Coherence => shared(item(spec.coherent(clients, Vec::new()))),
        // The others were handled before.
        GateName::Workload | GateName::TrusteeDomain | GateName::Magnum | GateName::Health => {
            Vec::new()
        }
    }
}
