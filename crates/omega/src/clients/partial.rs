//! Clients for a part of a site.

use std::{fmt, sync::Arc};

use jiff::Timestamp;
use omega_capi::{Management, access::Mint};
use omega_core::{
    Desired as _, Failure, Label as _,
    run::{Counts, Endpoints},
};
use omega_juju::{Sources, Unit, charm::Model};

use super::{Clients, CloudClients, Connect};
use crate::cluster::AbsentCluster;

/// A part of a site that a stored fact can be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The cloud.
    Cloud,
    /// The management cluster.
    Management,
    /// The units of the conductor.
    Units,
    /// The Juju model.
    Model,
}

impl Part {
    /// All of them: what costs no request first.
    pub const ALL: [Self; 4] = [Self::Cloud, Self::Management, Self::Units, Self::Model];

    /// Returns the parts that a fact of `kind` needs: the one that it is about, and for the delete of a
    /// cluster also the management cluster, which tells whether it is safe.
    pub fn needed(kind: &str) -> Vec<Self> {
        let also = (kind == AbsentCluster::KIND).then_some(Self::Management);
        Self::of(kind).into_iter().chain(also).collect()
    }

    /// Returns the part that a fact of `kind` is about. None if the kind is not one of omega's.
    pub fn of(kind: &str) -> Option<Self> {
        match kind.split_once('.')?.0 {
            "openstack" => Some(Self::Cloud),
            "capi" => Some(Self::Management),
            "juju" => Some(Self::Units),
            "juju-model" => Some(Self::Model),
            _ => None,
        }
    }
}

/// Clients for the parts of a site that are used.
#[derive(Clone, Default)]
#[non_exhaustive]
pub struct PartialClients {
    /// The cloud.
    pub cloud: Option<CloudClients>,
    /// The management cluster's API, from this machine.
    pub management: Option<Arc<Management>>,
    /// The units of the conductor, in the order of their numbers.
    pub units: Vec<Arc<Unit>>,
    /// The Juju model, where charms are configured.
    pub model: Option<Arc<Model>>,
    /// What minting left on this machine is removed through this, where the kubeconfig is known.
    pub mint: Option<Arc<Mint>>,
}

impl PartialClients {
    /// Returns what tells this site from another whose units have the same names: where its cloud
    /// and its management cluster are, and how each unit is reached, as far as they are used.
    pub fn endpoints(&self) -> Endpoints {
        let mut all = self.cloud.as_ref().map(CloudClients::endpoints).unwrap_or_default();
        all.extend(self.management.iter().map(|one| ("management".to_owned(), one.label())));
        all.extend(self.units.iter().map(|unit| (unit.label(), unit.via())));
        all.extend(self.model.iter().map(|model| ("juju".to_owned(), model.via())));
        all
    }

    /// Returns the unit with this label.
    pub fn unit(&self, label: &str) -> Option<&Arc<Unit>> {
        self.units.iter().find(|unit| unit.label() == label)
    }

    /// Returns what was sent so far.
    pub fn counts(&self) -> impl Fn() -> Counts + Send + Sync + 'static + use<> {
        let clients = self.clone();
        move || {
            let cloud = clients.cloud.as_ref().map(|cloud| (cloud.requests)());
            let management = clients.management.as_ref().map(|one| one.requests());
            Counts {
                units: clients.units.len(),
                executions: clients.units.iter().map(|unit| unit.executions()).sum::<usize>()
                    + clients.model.as_ref().map_or(0, |model| model.executions()),
                requests: cloud.unwrap_or_default() + management.unwrap_or_default(),
                locks: clients.units.iter().map(|unit| unit.lock_requests()).sum::<usize>()
                    + clients.management.as_ref().map_or(0, |one| one.lock_requests()),
            }
        }
    }
}

impl From<&CloudClients> for PartialClients {
    fn from(cloud: &CloudClients) -> Self {
        Self { cloud: Some(cloud.clone()), ..Self::default() }
    }
}

impl From<Management> for PartialClients {
    fn from(management: Management) -> Self {
        Self { management: Some(Arc::new(management)), ..Self::default() }
    }
}

impl From<Arc<Model>> for PartialClients {
    fn from(model: Arc<Model>) -> Self {
        Self { model: Some(model), ..Self::default() }
    }
}

impl From<&Clients> for PartialClients {
    fn from(clients: &Clients) -> Self {
        Self {
            cloud: Some(clients.cloud.clone()),
            management: Some(Arc::clone(&clients.management)),
            units: clients.units.clone(),
            model: None,
            mint: clients.mint.clone(),
        }
    }
}

impl fmt::Debug for PartialClients {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let endpoints = self.endpoints();
        f.debug_struct("PartialClients").field("endpoints", &endpoints).finish_non_exhaustive()
    }
}

impl Connect<'_> {
    /// Returns clients for the cloud alone, if its credentials can be loaded: where the cloud is
    /// tells sites apart. Nothing is sent.
    pub(crate) async fn known_cloud(&self) -> PartialClients {
        PartialClients { cloud: self.cloud().await.ok(), ..PartialClients::default() }
    }

    /// Asks juju which model it is: that of `[juju]`, or the current one.
    ///
    /// # Errors
    ///
    /// Fails if juju does not answer.
    pub async fn model(&self) -> Result<Arc<Model>, Failure> {
        let model = Model::open(self.juju_commands(self.site.juju.model.clone())).await;
        Ok(Arc::new(model.map_err(|error| Failure::from_error("could not ask juju", &error))?))
    }

    /// Connects to `part` too. Nothing can be sent to a unit. `only`: these units, or all.
    ///
    /// # Errors
    ///
    /// Fails if the site file does not name that part, if what it names can't be read, or if Juju
    /// can't list the units.
    pub(crate) async fn add(
        &self,
        part: Part,
        only: &[String],
        clients: PartialClients,
    ) -> Result<PartialClients, Failure> {
        match part {
            Part::Cloud => Ok(PartialClients { cloud: Some(self.cloud().await?), ..clients }),
            Part::Management => {
                let kubeconfig = self.kubeconfig_ignoring_expiry()?;
                let management = self.management(&kubeconfig).await?;
                let mint = Mint::new(management.clone(), &kubeconfig.facts, Timestamp::now());
                let (management, mint) = (Some(Arc::new(management)), Some(Arc::new(mint)));
                Ok(PartialClients { management, mint, ..clients })
            }
            Part::Units => {
                let units = self.units(only, &Sources::default()).await?;
                Ok(PartialClients { units, ..clients })
            }
            Part::Model => Ok(PartialClients { model: Some(self.model().await?), ..clients }),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use omega_core::testing::defined_kinds;

    use super::*;

    /// The kinds of a crate have the name of what it reaches.
    #[test]
    fn every_kind_is_about_a_part() {
        let crates = [
            ("omega-openstack", Part::Cloud),
            ("omega-capi", Part::Management),
            ("omega-juju", Part::Units),
        ];
        for (name, part) in crates {
            let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name).join("src");
            let kinds = defined_kinds(&sources);
            assert!(kinds.len() > 7, "{name}: {kinds:?}");
            for kind in kinds {
                let of_model = kind.starts_with("juju-model.");
                let part = if of_model { Part::Model } else { part };
                assert_eq!(Part::of(&kind), Some(part), "{kind}");
            }
        }
        assert_eq!(Part::of("example.silence.v1"), None);
    }
}
