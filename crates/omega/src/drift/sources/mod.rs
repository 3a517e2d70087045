//! What a site has to be looked at.

mod coherence;
mod constellation;

use std::sync::Arc;

use omega_capi::{Management, coherence::Rule};
use omega_core::{Clock, Failure, FailureClass, Gate, Item, Section, TargetPlan, run::Endpoints};
use omega_juju::gates::LeftoverPolicy;

use super::{
    Look, LookOptions, Source,
    look::{Reading, View, look},
};
use crate::{
    clients::{Clients, Connect},
    coherence::{Coherent, setup},
    graft::{SiteSpec, verification},
    site::Site,
};

pub use coherence::CoherenceView;
pub use constellation::ConstellationView;

/// A site that is looked at. Each look connects anew: it sees new credentials, and keeps nothing.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DriftSite<'a> {
    /// The site and the machine that looks.
    pub connect: Connect<'a>,
    /// The site, as the operator named it.
    pub named: String,
    /// What was decided about leftovers of the superseded graft.
    pub leftovers: LeftoverPolicy,
    /// The rules of coherence whose findings the operator accepts.
    pub accepted: Vec<Rule>,
    /// How it is looked at.
    pub options: LookOptions,
}

impl<'a> DriftSite<'a> {
    /// Returns the site of `connect`, which the operator named `named`, with all its units.
    pub fn new(connect: Connect<'a>, named: &str) -> Self {
        Self {
            connect,
            named: named.to_owned(),
            leftovers: LeftoverPolicy::Undecided,
            accepted: Vec::new(),
            options: LookOptions::default(),
        }
    }

    /// Returns the sources that are looked at.
    pub fn sources(&self) -> Vec<Source> {
        let all = Source::ALL.into_iter();
        all.filter(|source| !self.options.skips(source.name())).collect()
    }

    /// Looks once. Nothing is written to the site.
    pub async fn look(&self, clock: Clock) -> Look {
        let (views, endpoints) = Box::pin(self.views(clock)).await;
        look(views, endpoints, clock.now(), &self.options).await
    }

    async fn views(&self, clock: Clock) -> (Vec<View>, Endpoints) {
        let kubeconfig = self.connect.kubeconfig_ignoring_expiry();
        let graft = async {
            if self.options.skips(Source::Graft.name()) {
                return Err(Failure::new(FailureClass::Usage, "the graft is not looked at"));
            }
            let kubeconfig = kubeconfig.as_ref().map_err(Clone::clone)?;
            let Self { connect, named, leftovers, .. } = self;
            verification(connect, kubeconfig, named, &[], *leftovers).await
        };
        let others = async {
            let kubeconfig = kubeconfig.as_ref().map_err(Clone::clone)?;
            self.connect.without_units(kubeconfig).await
        };
        let (graft, others, live) =
            futures::join!(graft, others, live(&self.connect, clock, &self.options));
        let mut endpoints = Endpoints::new();
        endpoints.extend(others.iter().flat_map(Clients::endpoints));
        endpoints.extend(graft.iter().flat_map(|job| job.endpoints.clone()));
        let items = graft
            .map(|job| Reading::Items(job.targets.into_iter().chain(job.afterwards).collect()));
        let site = self.connect.site;
        let coherent = match &others {
            Ok(clients) => coherence_view(site, clients, &self.accepted),
            Err(failure) => Err(failure.clone()),
        };
        let constellation = match &others {
            Ok(clients) => constellation_view(site, &clients.management),
            Err(failure) => Err(failure.clone()),
        };
        let views = vec![
            View { source: Source::Graft, what: items },
            View { source: Source::Coherence, what: coherent },
            View { source: Source::Constellation, what: constellation },
            View { source: Source::Live, what: Ok(Reading::Items(live)) },
        ];
        (views, endpoints)
    }
}

/// Returns what tells whether driver, chart, Cluster API and templates fit together.
pub(super) fn coherence_view(
    site: &Site,
    clients: &Clients,
    accepted: &[Rule],
) -> Result<Reading, Failure> {
    let gate = Coherent::new(&clients.management, &clients.cloud.magnum, setup(site)?);
    let gate = Coherent { accepted: accepted.to_vec(), ..gate };
    Ok(Reading::Coherence(Box::new(CoherenceView { gate })))
}

/// Returns what tells whether the controllers are those that the site's chart was tested with.
pub(super) fn constellation_view(
    site: &Site,
    management: &Arc<Management>,
) -> Result<Reading, Failure> {
    let chart = SiteSpec::new(site).chart_version()?;
    let management = (**management).clone();
    Ok(Reading::Constellation(Box::new(ConstellationView { management, chart })))
}

/// Returns the checks of what runs.
async fn live(connect: &Connect<'_>, clock: Clock, options: &LookOptions) -> Vec<TargetPlan> {
    if options.skips(Source::Live.name()) {
        return Vec::new();
    }
    let gates = crate::live::gates(connect, clock).await;
    gates.into_iter().filter(|gate| !options.skips(gate.rule())).map(checked).collect()
}

/// Returns a check as a target of its own: what it is about tells it from another of the same rule.
pub(super) fn checked(gate: Box<dyn Gate>) -> TargetPlan {
    let target = gate.subject().to_string();
    TargetPlan::shared(target, vec![Section::new("", "check", vec![Item::Gate(gate)])])
}
