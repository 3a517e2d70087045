//! Checks every layer, and combines the results.

use futures::{StreamExt as _, stream};
use jiff::Timestamp;
use omega_capi::{
    Namespaces,
    coherence::{CoherenceInputs, check_coherence},
    controllers::{read_controllers, read_readiness},
    releases::read_releases,
    served::read_served_apis,
};
use omega_core::{Evidence, Failure, Label as _, Subject};
use omega_juju::{ConductorFacts, Error as UnitError, read_conductor};
use omega_openstack::{
    Error as CloudError,
    cloud_inventory::Server,
    container_infra::{Cluster, ContainerInfra, Template},
};

use super::{
    Cause, Doctor, Layer, LayerFinding, Report,
    choice::choose,
    cloud,
    cluster::{self, Asking, Patience},
    conductor, controllers, kube_api,
    layer_result::LayerResult,
    machine, magnum,
    running::Running,
    webhooks, workload,
};
use crate::coherence::template_facts;

/// How many units are read at the same time. Each takes one remote execution.
const UNITS: usize = 16;
/// How many clusters are read at the same time. Each takes about twenty requests.
const CLUSTERS: usize = 8;

/// The answer of each unit, by its label.
pub(super) type UnitAnswers = Vec<(String, Result<ConductorFacts, UnitError>)>;

/// What Magnum lists.
pub(super) struct Lists {
    pub(super) clusters: Result<Vec<Cluster>, CloudError>,
    pub(super) templates: Result<Vec<Template>, CloudError>,
}

impl Lists {
    pub(super) async fn read(magnum: &ContainerInfra) -> Self {
        let (clusters, templates) = futures::join!(magnum.clusters(), magnum.templates());
        Self { clusters, templates }
    }
}

impl Doctor {
    /// Checks everything. `now`: this machine's clock.
    pub(super) async fn ask(&self, now: Timestamp) -> Result<Report, Failure> {
        let (inventory, magnum) = (self.inventory(), &self.clients.cloud.magnum);
        let (cloud, servers, ready, lists) = futures::join!(
            cloud::ask(&inventory, &self.trustee),
            self.servers(),
            read_readiness(&self.clients.management),
            Lists::read(magnum),
        );
        let clusters = match &lists.clusters {
            Ok(all) => choose(all, &self.options.clusters)?,
            Err(_) => Vec::new(),
        };
        let units = self.units(&clusters).await;
        let mut all = vec![
            cloud::judge(&cloud, &inventory.label()),
            machine::judge(self.server.as_deref(), servers.as_ref()),
        ];
        all.extend(self.conductors(&units, now));
        all.extend(kube_api::judge(&self.read_with, &ready, now));
        match ready {
            Ok(ready) if ready.ready => {
                let patience =
                    Patience { now: ready.clock.unwrap_or(now), limit: self.options.patience };
                all.extend(self.above(&lists, &clusters, &units, patience).await);
            }
            Ok(_) | Err(_) => all.extend(without_management(&clusters)),
        }
        Ok(Report::new(all))
    }

    async fn servers(&self) -> Option<Result<Vec<Server>, CloudError>> {
        Some(self.project_inventory().servers_named(self.server.as_deref()?).await)
    }

    /// Reads each unit once.
    async fn units(&self, clusters: &[Cluster]) -> UnitAnswers {
        let projects = clusters.iter().filter_map(|one| one.project_id.as_deref());
        let mut namespaces: Vec<String> =
            projects.map(|project| self.prefix.namespace(project)).collect();
        namespaces.sort();
        namespaces.dedup();
        let namespaces = &namespaces;
        let each = self.clients.units.iter().map(|unit| async move {
            let facts = Some(&self.kubeconfig);
            (unit.label(), read_conductor(unit, &self.path, facts, namespaces).await)
        });
        in_order(each.collect(), UNITS).await
    }

    /// Judges the units, or the failure to list them.
    fn conductors(&self, units: &UnitAnswers, now: Timestamp) -> Vec<LayerResult> {
        let layers = [Layer::DriverCredential, Layer::Conductor];
        if let Some(failure) = &self.units_unknown {
            return units_unknown(failure).into();
        }
        if units.is_empty() {
            return layers.map(|one| LayerResult::new(one).not_asked("there are no units")).into();
        }
        let judged = units
            .iter()
            .map(|(unit, answer)| conductor::judge(unit, answer, Some(&self.kubeconfig), now));
        judged.flatten().collect()
    }

    /// Reads and judges what needs the management cluster.
    pub(super) async fn above(
        &self,
        lists: &Lists,
        clusters: &[Cluster],
        units: &UnitAnswers,
        patience: Patience,
    ) -> Vec<LayerResult> {
        let management = &*self.clients.management;
        let (controllers, surface, releases, webhooks) = futures::join!(
            read_controllers(management),
            read_served_apis(management),
            read_releases(management, &Namespaces::All),
            webhooks::ask(management),
        );
        let running = Running::of(units, &self.setup);
        let setup = self.running_setup(lists, &running);
        let coherence = surface.as_ref().map(|surface| check_coherence(surface, &setup));
        let listed = lists.clusters.as_ref().map(|_| clusters.len());
        let mut all = vec![
            controllers::judge(&controllers, &coherence, patience.now),
            webhooks,
            magnum::judge(&coherence, listed, lists.templates.as_ref().err()),
        ];
        let inventory = self.inventory();
        let asking = Asking {
            magnum: &self.clients.cloud.magnum,
            inventory: &inventory,
            management,
            served: surface.as_ref().ok().map(|surface| &surface.served),
            releases: &releases,
            running: &running,
            prefix: self.prefix.as_str(),
        };
        let each = clusters.iter().filter(|one| one.is_capi());
        let each = each.map(|one| examine_cluster(&asking, one, lists, patience)).collect();
        all.extend(in_order(each, CLUSTERS).await.into_iter().flatten());
        all
    }

    /// Returns the versions that have to fit together: those that run, rather than those of the site
    /// file.
    fn running_setup(&self, lists: &Lists, running: &Running) -> CoherenceInputs {
        let clusters = lists.clusters.as_deref().unwrap_or_default();
        let templates = lists.templates.iter().flatten();
        CoherenceInputs {
            driver: running.driver.clone(),
            api_resources: running.api_resources.clone(),
            templates: templates.map(|one| template_facts(one, clusters)).collect(),
            ..self.setup.clone()
        }
    }
}

/// Runs `all`, at most `most` at the same time, and returns their results in order.
async fn in_order<F: Future>(all: Vec<F>, most: usize) -> Vec<F::Output> {
    stream::iter(all).buffered(most).collect().await
}

/// Examines one cluster, from its credential to Magnum's record.
async fn examine_cluster(
    asking: &Asking<'_>,
    one: &Cluster,
    lists: &Lists,
    patience: Patience,
) -> Vec<LayerResult> {
    let facts = cluster::ask(asking, one).await;
    let mut templates = lists.templates.iter().flatten();
    let template = templates.find(|template| template.uuid == one.cluster_template_id);
    let driver = template.and_then(|template| template.network_driver.clone());
    let inside = workload::ask(asking, &facts, driver, patience).await;
    let mut all = cluster::judge(&facts, patience);
    all.push(workload::judge(&facts, inside.as_deref()));
    all
}

/// Returns the finding that the units could not be listed.
fn units_unknown(failure: &Failure) -> [LayerResult; 2] {
    let subject = || Subject::new("units", "units");
    let (layer, cause) = (Layer::Conductor, Cause::UnitUnreachable);
    let next = failure.next.as_deref().unwrap_or("juju status");
    let found = LayerFinding::broken(layer, cause, subject(), &failure.message)
        .shown_by(failure.causes.iter().map(Evidence::sentence))
        .remedy(next);
    let credential = Layer::DriverCredential;
    let unknown = LayerFinding::unknown(credential, subject(), "no unit could be read");
    [LayerResult::new(credential).with([unknown]), LayerResult::new(Layer::Conductor).with([found])]
}

/// Returns the results if the management cluster does not answer.
fn without_management(clusters: &[Cluster]) -> Vec<LayerResult> {
    let why = "the management cluster could not be read";
    let unknown = |layer| {
        let subject = Subject::new("management cluster", "");
        LayerResult::new(layer).with([LayerFinding::unknown(layer, subject, why)])
    };
    let site = [Layer::Controllers, Layer::Magnum].map(unknown);
    let capi = clusters.iter().filter(|one| one.is_capi());
    site.into_iter().chain(capi.map(magnum::on_record)).collect()
}
