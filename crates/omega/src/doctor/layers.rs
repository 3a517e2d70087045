//! Checks every layer, and combines the results.

use std::sync::Arc;

use futures::future::OptionFuture;
use jiff::Timestamp;
use omega_capi::{
    Management, Namespaces,
    coherence::{CoherenceInputs, check_coherence},
    controllers::{ManagementState, read_controllers, read_readiness},
    releases::read_releases,
    served::read_served_apis,
};
use omega_core::{Evidence, Failure, FailureClass, Label as _, Subject, join_at_most};
use omega_juju::{
    ConductorFacts, Error as UnitError, Unit, gates::standing_finding, read_conductor,
};
use omega_openstack::{
    Error as CloudError,
    cloud_inventory::CloudInventory,
    container_infra::{Cluster, ContainerInfra, Template},
};

use super::{
    Cause, Doctor, Layer, LayerFinding, Report,
    choice::choose,
    cloud,
    cluster::{self, Asking, Patience},
    conductor::{self, WantedHere},
    controllers,
    driver_credential::InUse,
    kube_api,
    layer_result::LayerResult,
    machine, magnum,
    running::Running,
    webhooks, workload,
};
use crate::{coherence::template_facts, graft::trustee_domain};

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

/// Why a part of the site is not asked: nothing says where it is.
const NO_CLOUD: &str = "the site file has no [cloud], and no OS_* variables stand for it";
const NO_MANAGEMENT: &str = "the site file has no `kubeconfig` in [management]";
const NO_CONDUCTOR: &str = "the site file has no [conductor]";
/// Why it is not asked what fits together.
const NO_DRIVER: &str = "the site file has no [driver], and no unit says which one runs";
const NO_CHART: &str = "the site file has no [chart]";

impl Lists {
    pub(super) async fn read(magnum: &ContainerInfra) -> Self {
        let (clusters, templates) = futures::join!(magnum.clusters(), magnum.templates());
        Self { clusters, templates }
    }
}

impl Doctor {
    /// Checks everything. `now`: this machine's clock.
    pub(super) async fn ask(&self, now: Timestamp) -> Result<Report, Failure> {
        let cloud = self.clients.cloud.as_ref();
        let lists = OptionFuture::from(cloud.map(|cloud| Lists::read(&cloud.magnum)));
        let ready = OptionFuture::from(self.management().map(|(_, one)| read_readiness(one)));
        let (mut all, ready, lists) = futures::join!(self.cloud(), ready, lists);
        let odd = cloud.map(|cloud| cloud.magnum.odd_clusters()).unwrap_or_default();
        all.extend((!odd.is_empty()).then(|| magnum::odd(&odd)));
        let clusters = match &lists {
            Some(Lists { clusters: Ok(all), .. }) => choose(all, &odd, &self.options.clusters)?,
            Some(_) => Vec::new(),
            None => unlisted(&self.options.clusters)?,
        };
        let units = self.units(&clusters).await;
        all.extend(self.conductors(&units, now));
        all.extend(clusters.iter().filter_map(of_another_driver));
        let Some(((in_use, management), ready)) = self.management().zip(ready) else {
            let layers = [Layer::KubeApi, Layer::Controllers];
            all.extend(layers.map(|one| LayerResult::new(one).not_asked(NO_MANAGEMENT)));
            all.push(without_coherence(lists.as_ref(), clusters.len(), NO_MANAGEMENT));
            all.extend(clusters.iter().filter(|one| one.is_capi()).map(magnum::on_record));
            return Ok(Report::new(all));
        };
        all.extend(kube_api::judge(in_use, &ready, now));
        match ready {
            Ok(ready) if ready.ready => {
                let patience =
                    Patience { now: ready.clock.unwrap_or(now), limit: self.options.patience };
                let above = self.above(management, lists.as_ref(), &clusters, &units, patience);
                all.extend(Box::pin(above).await);
                all.push(controllers::odd(&management.odd_objects()));
            }
            Ok(_) | Err(_) => all.extend(without_management(lists.is_some(), &clusters)),
        }
        Ok(Report::new(all))
    }

    /// Asks and judges the cloud, and the server of the management cluster in it.
    async fn cloud(&self) -> Vec<LayerResult> {
        let Some(cloud) = &self.clients.cloud else {
            let layers = [Layer::Cloud, Layer::Vm];
            return layers.map(|one| LayerResult::new(one).not_asked(NO_CLOUD)).into();
        };
        let inventory = CloudInventory::new(Arc::clone(&cloud.operator));
        let of_project = CloudInventory::new(Arc::clone(&cloud.narrowed));
        let trustee = trustee_domain(&self.trustee, cloud, true);
        let server = self.server.as_deref();
        let (facts, servers) = futures::join!(
            cloud::ask(&inventory, &trustee),
            OptionFuture::from(server.map(|name| of_project.servers_named(name))),
        );
        vec![cloud::judge(&facts, &inventory.label()), machine::judge(server, servers.as_ref())]
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
            let facts = self.kubeconfig.as_ref().map(|one| &one.facts);
            (unit.label(), read_conductor(unit, &self.path, facts, namespaces).await)
        });
        join_at_most(each.collect(), UNITS).await
    }

    /// Judges the units, or the failure to list them.
    fn conductors(&self, units: &UnitAnswers, now: Timestamp) -> Vec<LayerResult> {
        let layers = [Layer::DriverCredential, Layer::Conductor];
        if let Some(failure) = &self.units_unknown {
            return units_unknown(failure).into();
        }
        if units.is_empty() {
            let why = if self.has_conductor { "there are no units" } else { NO_CONDUCTOR };
            return layers.map(|one| LayerResult::new(one).not_asked(why)).into();
        }
        let (kubeconfig, options) = (self.kubeconfig.as_ref(), &self.options_wanted);
        let wanted = WantedHere { kubeconfig, options };
        let judged =
            units.iter().map(|(unit, answer)| conductor::judge(unit, answer, &wanted, now));
        judged.flatten().chain(self.clients.units.iter().filter_map(|unit| charm(unit))).collect()
    }

    /// Reads and judges what needs the management cluster.
    pub(super) async fn above(
        &self,
        management: &Management,
        lists: Option<&Lists>,
        clusters: &[Cluster],
        units: &UnitAnswers,
        patience: Patience,
    ) -> Vec<LayerResult> {
        let (controllers, state, surface, releases) = futures::join!(
            read_controllers(management),
            ManagementState::read(management),
            read_served_apis(management),
            read_releases(management, &Namespaces::All),
        );
        let definitions = surface.as_ref().map(|surface| surface.definitions.as_slice());
        let definitions = definitions.unwrap_or_default();
        let webhooks = webhooks::ask(management, definitions, self.prefix.as_str()).await;
        let running = Running::of(units, &self.wanted);
        let inputs = self.running_inputs(lists, &running);
        let coherence =
            inputs.map(|inputs| surface.as_ref().map(|surface| check_coherence(surface, &inputs)));
        let mut all = vec![
            controllers::judge(&controllers, coherence.as_ref(), patience.now),
            controllers::state(&state, &controllers, patience.now),
            controllers::releases(&releases, &self.releases),
            webhooks,
            match (lists, &coherence) {
                (Some(lists), Ok(coherence)) => magnum::judge(
                    coherence.as_ref().ok(),
                    lists.clusters.as_ref().map(|_| clusters.len()),
                    lists.templates.as_ref().err(),
                ),
                (lists, coherence) => {
                    let why = coherence.as_ref().err().copied().unwrap_or(NO_CLOUD);
                    without_coherence(lists, clusters.len(), why)
                }
            },
        ];
        let of_capi = clusters.iter().filter(|one| one.is_capi());
        let (Some(cloud), Some(lists), Some(driver)) =
            (&self.clients.cloud, lists, &running.driver)
        else {
            all.extend(of_capi.flat_map(without_driver));
            return all;
        };
        let inventory = CloudInventory::new(Arc::clone(&cloud.operator));
        let asking = Asking {
            magnum: &cloud.magnum,
            inventory: &inventory,
            management,
            served: surface.as_ref().ok().map(|surface| &surface.served),
            releases: &releases,
            driver,
            running: &running,
            prefix: self.prefix.as_str(),
            renew: self.read_with.as_ref().map(InUse::renew).unwrap_or_default(),
        };
        let each = of_capi.map(|one| examine_cluster(&asking, one, lists, patience)).collect();
        all.extend(join_at_most(each, CLUSTERS).await.into_iter().flatten());
        all
    }

    /// Returns what has to work together: what runs, rather than what the site wants; or why that
    /// is not known.
    fn running_inputs(
        &self,
        lists: Option<&Lists>,
        running: &Running,
    ) -> Result<CoherenceInputs, &'static str> {
        let clusters = lists.and_then(|lists| lists.clusters.as_deref().ok()).unwrap_or_default();
        let templates = lists.and_then(|lists| lists.templates.as_deref().ok()).unwrap_or_default();
        Ok(CoherenceInputs {
            driver: running.driver.clone().ok_or(NO_DRIVER)?,
            api_resources: running.api_resources.clone(),
            chart: Some(self.wanted.chart.clone().ok_or(NO_CHART)?),
            templates: templates.iter().map(|one| template_facts(one, clusters)).collect(),
        })
    }
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
    let inside = Box::pin(workload::ask(asking, &facts, driver, patience)).await;
    let mut all = cluster::judge(&facts, patience);
    all.push(workload::judge(&facts, inside.as_deref()));
    all
}

/// Returns what Juju reports of a unit that can be reached, if that is not active and idle.
fn charm(unit: &Unit) -> Option<LayerResult> {
    // Why nothing can be executed there is told where the unit is asked.
    let standing = unit.standing().filter(|standing| standing.unusable("").is_none())?;
    let subject = Subject::new("unit", unit.label());
    let cause = Cause::CharmStatus;
    let found = standing_finding(&cause.to_string(), subject, standing)?;
    let found = LayerFinding::new(Layer::Conductor, cause, found);
    Some(LayerResult::new(Layer::Conductor).with([found]))
}

/// Shows a cluster of another driver, which nobody here can judge.
fn of_another_driver(cluster: &Cluster) -> Option<LayerResult> {
    let stack = cluster.stack_id.as_deref().filter(|_| cluster.is_of_another_driver())?;
    let why = format!(
        "{} belongs to another driver: its id {stack} is not one of this driver's",
        cluster.name
    );
    Some(LayerResult::of_cluster(Layer::Magnum, stack).not_asked(why))
}

/// Returns that the units could not be listed: nothing is known of them, least of all that one is broken.
fn units_unknown(failure: &Failure) -> [LayerResult; 2] {
    let subject = || Subject::new("units", "units");
    let next = failure.next.as_deref().unwrap_or("juju status");
    let why = [failure.message.clone()].into_iter().chain(failure.causes.iter().cloned());
    let why = why.collect::<Vec<_>>().join(": ");
    let found = LayerFinding::unknown(Layer::Conductor, subject(), why).remedy(next);
    let credential = Layer::DriverCredential;
    let unknown = LayerFinding::unknown(credential, subject(), "no unit could be read");
    [LayerResult::new(credential).with([unknown]), LayerResult::new(Layer::Conductor).with([found])]
}

/// Returns what Magnum lists, without what is asked of its templates, because of `why`.
fn without_coherence(lists: Option<&Lists>, clusters: usize, why: &str) -> LayerResult {
    let Some(lists) = lists else { return LayerResult::new(Layer::Magnum).not_asked(NO_CLOUD) };
    let listed = lists.clusters.as_ref().map(|_| clusters);
    magnum::judge(None, listed, lists.templates.as_ref().err())
        .shown_by([Evidence::sentence(format!("templates not asked: {why}"))])
}

/// Returns what is left to say of a cluster while it is not known what the driver reads of it.
fn without_driver(cluster: &Cluster) -> [LayerResult; 2] {
    let record = magnum::on_record(cluster);
    let stack = record.cluster.as_deref().unwrap_or_default();
    [LayerResult::of_cluster(Layer::ClusterApi, stack).not_asked(NO_DRIVER), record]
}

/// No cluster is known without Magnum, and so none can be chosen.
fn unlisted(only: &[String]) -> Result<Vec<Cluster>, Failure> {
    let Some(name) = only.first() else { return Ok(Vec::new()) };
    let what = format!("the cluster `{name}` can't be looked up: only Magnum lists clusters");
    Err(Failure::new(FailureClass::Usage, what).because(NO_CLOUD).next("add [cloud]"))
}

/// Returns what is left to say while the management cluster does not answer. `has_cloud`: whether
/// Magnum was asked.
fn without_management(has_cloud: bool, clusters: &[Cluster]) -> Vec<LayerResult> {
    let why = "the management cluster could not be asked";
    let unknown = |layer| {
        let subject = Subject::new("management cluster", "");
        LayerResult::new(layer).with([LayerFinding::unknown(layer, subject, why)])
    };
    let magnum = if has_cloud {
        unknown(Layer::Magnum)
    } else {
        LayerResult::new(Layer::Magnum).not_asked(NO_CLOUD)
    };
    let capi = clusters.iter().filter(|one| one.is_capi());
    [unknown(Layer::Controllers), magnum].into_iter().chain(capi.map(magnum::on_record)).collect()
}
