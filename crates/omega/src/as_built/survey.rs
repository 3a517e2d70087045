//! Who looks at a site: clients for what it names, and what can't be asked.

use std::{fmt, sync::Arc};

use omega_core::{Context, Failure, FailureClass, kubeconfig::KubeconfigFacts};
use omega_driver::DriverRelease;

use super::{AsBuilt, Look, Part, Unread, cloud::Cloud, graft, management, model};
use crate::{
    acceptance::items::{JujuCli, JujuModel},
    clients::{Connect, PartialClients},
    site::Site,
};

/// Looks at one site. It only reads.
pub struct Surveyor {
    /// Clients for what the site names, as far as they could be made.
    clients: PartialClients,
    /// The model of Juju, if the site has one.
    model: Option<Arc<dyn JujuModel>>,
    /// Why the cloud can't be asked, if it is named.
    cloud_unknown: Option<Failure>,
    /// Why the management cluster can't be asked, if it is named.
    management_unknown: Option<Failure>,
    /// Why the units can't be asked, if they are named.
    units_unknown: Option<Failure>,
    kubeconfig: Option<KubeconfigFacts>,
    release: Option<DriverRelease>,
    site: String,
    site_sha256: Option<String>,
}

impl fmt::Debug for Surveyor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Surveyor").field("clients", &self.clients).finish_non_exhaustive()
    }
}

const NO_CLOUD: &str = "the site file names no cloud";
const NO_MODEL: &str = "the site file names no application and no model of Juju";
const NO_CONDUCTOR: &str = "the site file names no conductor";
const NO_MANAGEMENT: &str = "the site file names no kubeconfig of a management cluster";

impl Surveyor {
    /// Connects to what the site of `connect` names, for reading: nothing can be sent to a unit, and no token
    /// is kept. What can't be connected to is unread in the document. `site`: the site file, as the operator
    /// named it.
    ///
    /// # Errors
    ///
    /// Fails if the site names nothing that could be looked at.
    pub async fn connect(connect: &Connect<'_>, site: &str) -> Result<Self, Failure> {
        let named = connect.site;
        let (kubeconfig, management_unknown) = match named.kubeconfig() {
            Ok(_) => match connect.kubeconfig_ignoring_expiry() {
                Ok(kubeconfig) => (Some(kubeconfig), None),
                Err(failure) => (None, Some(failure)),
            },
            Err(_) => (None, None),
        };
        let (cloud, units, management) =
            futures::join!(connect.cloud_reading(), connect.units_reading(), async {
                match &kubeconfig {
                    Some(kubeconfig) => connect.management(kubeconfig).await.map(Some),
                    None => Ok(None),
                }
            },);
        let mut clients = PartialClients::default();
        let (mut cloud_unknown, mut units_unknown, mut unknown) = (None, None, management_unknown);
        match cloud {
            Ok(cloud) => clients.cloud = cloud,
            Err(failure) => cloud_unknown = Some(failure),
        }
        match units {
            Ok(units) => clients.units = units,
            Err(failure) => units_unknown = Some(failure),
        }
        match management {
            Ok(management) => clients.management = management.map(Arc::new),
            Err(failure) => unknown = Some(failure),
        }
        let surveyor = Self {
            model: model_of(connect),
            clients,
            cloud_unknown,
            management_unknown: unknown,
            units_unknown,
            kubeconfig: kubeconfig.map(|one| one.facts),
            release: release(named),
            site: site.to_owned(),
            site_sha256: named.sha256.map(|digest| digest.to_string()),
        };
        surveyor.checked()
    }

    /// Returns who looks with these clients: what they lack is not named by the site.
    #[cfg(test)]
    pub(super) fn new(
        clients: PartialClients,
        model: Option<Arc<dyn JujuModel>>,
        site: &str,
    ) -> Self {
        Self {
            clients,
            model,
            cloud_unknown: None,
            management_unknown: None,
            units_unknown: None,
            kubeconfig: None,
            release: None,
            site: site.to_owned(),
            site_sha256: None,
        }
    }

    /// Adds what this machine's kubeconfig says.
    #[cfg(test)]
    pub(super) fn with_kubeconfig(self, facts: KubeconfigFacts) -> Self {
        Self { kubeconfig: Some(facts), ..self }
    }

    fn checked(self) -> Result<Self, Failure> {
        let asks = self.clients.cloud.is_some()
            || self.clients.management.is_some()
            || !self.clients.units.is_empty()
            || self.model.is_some();
        let fails = [&self.cloud_unknown, &self.management_unknown, &self.units_unknown];
        if asks || fails.into_iter().any(Option::is_some) {
            return Ok(self);
        }
        let what =
            "the site file names no cloud, no management cluster, no conductor and no Juju model";
        Err(Failure::new(FailureClass::Usage, what).next("see docs/site-file.md"))
    }

    /// Reads everything at the same time. What can't be read is in the document, with the reason.
    pub async fn look(&self, ctx: &Context) -> AsBuilt {
        let at = ctx.now();
        let (model, cloud, graft, management) =
            futures::join!(self.model(), self.cloud(), self.graft(), self.management());
        let (identity, (applications, units, machines)) = model;
        let (conductor, files) = graft;
        let (management, controllers, releases, kinds) = management;
        AsBuilt {
            look: Look {
                at,
                omega: env!("CARGO_PKG_VERSION").to_owned(),
                site: self.site.clone(),
                site_sha256: self.site_sha256.clone(),
                user: cloud.user,
                project: cloud.project,
                model: identity,
                endpoints: self.clients.endpoints(),
            },
            applications,
            units,
            machines,
            endpoints: cloud.endpoints,
            networks: cloud.networks,
            subnets: cloud.subnets,
            images: cloud.images,
            templates: cloud.templates,
            clusters: cloud.clusters,
            balancers: cloud.balancers,
            conductor,
            files,
            management,
            controllers,
            releases,
            kinds,
        }
    }

    async fn model(&self) -> (Option<String>, model::Model) {
        let Some(juju) = &self.model else { return (None, model::not_named(NO_MODEL)) };
        match juju.status().await {
            Ok(status) => {
                let version = status.juju_version().map(|one| format!(", juju {one}"));
                let identity = format!("{}{}", status.model(), version.unwrap_or_default());
                (Some(identity), model::parts(&status))
            }
            Err(error) => (None, model::unknown(&Unread::new("the model", &error))),
        }
    }

    async fn cloud(&self) -> Cloud {
        match (&self.clients.cloud, &self.cloud_unknown) {
            (Some(cloud), _) => Cloud::read(cloud).await,
            (None, Some(failure)) => Cloud::unread(&Unread::of("the cloud", failure)),
            (None, None) => Cloud::not_named(NO_CLOUD),
        }
    }

    async fn graft(&self) -> graft::Graft {
        if let Some(failure) = &self.units_unknown {
            let unread = Unread::of("the units of the conductor", failure);
            return (Part::unread(unread.clone()), Part::unread(unread));
        }
        if self.clients.units.is_empty() {
            return (Part::not_named(NO_CONDUCTOR), Part::not_named(NO_CONDUCTOR));
        }
        graft::read(&self.clients.units, self.kubeconfig.as_ref(), self.release.as_ref()).await
    }

    async fn management(&self) -> management::Parts {
        match (&self.clients.management, &self.management_unknown) {
            (Some(management), _) => Box::pin(management::read(management)).await,
            (None, Some(failure)) => {
                management::unknown(&Unread::of("the management cluster", failure))
            }
            (None, None) => management::not_named(NO_MANAGEMENT),
        }
    }
}

/// Returns the model, if the site has one: units that are reached by SSH say nothing of it.
fn model_of(connect: &Connect<'_>) -> Option<Arc<dyn JujuModel>> {
    let site = connect.site;
    let by_juju = site.conductor().is_ok_and(|one| one.application.is_some());
    (by_juju || site.juju.model.is_some()).then(|| {
        Arc::new(JujuCli {
            program: connect.juju_program().to_path_buf(),
            model: site.juju.model.clone(),
            deadlines: connect.deadlines(),
        }) as Arc<dyn JujuModel>
    })
}

/// Returns the driver's release that the site wants, if it names one: its options are asked for.
fn release(site: &Site) -> Option<DriverRelease> {
    site.driver().ok().and_then(|driver| driver.version.parse().ok())
}
