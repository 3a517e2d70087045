//! Asks every layer, and puts what they say together.

use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;
use omega_capi::{Namespaces, health::Answer, coherence::{CoherenceInputs, check_coherence}, controllers::{read_controllers, read_readiness}, releases::read_releases, served::read_served_apis};
use omega_driver::{DriverRelease, Overrides};
use omega_core::{Failure, kubeconfig::KubeconfigFacts};
use omega_juju::{ConductorFacts, Error as UnitError, UnitPath, read_conductor};
use omega_openstack::{
    Error as CloudError,
    cloud_inventory::{CloudInventory, Server},
    container_infra::{Cluster, Template},
    identity::TrusteeDomain,
};

use super::{
    Cause, Finding, Layer, Report, cloud,
    cloud::CloudFacts,
    cluster::{self, Clock},
    cluster_facts::{self, Asking},
    conductor, controllers, kube_api, machine, magnum,
    report::LayerResult,
    webhooks, workload,
};
use crate::{clients::Clients, coherence::template_facts};

/// What is examined, and how.
pub struct Examination {
    /// Keystone, as the operator.
    pub survey: CloudInventory,
    /// Nova, in the management project.
    pub machines: CloudInventory,
    /// Magnum's trustee domain.
    pub trustee: TrusteeDomain,
    /// Why the units could not be listed, if they could not.
    pub unlisted: Option<Failure>,
    /// The management cluster's server, by the name that Nova knows.
    pub server: Option<String>,
    /// The kubeconfig that the site names.
    pub kubeconfig: KubeconfigFacts,
    /// The one that the management cluster is read with.
    pub read_with: KubeconfigFacts,
    /// Where it is on a unit.
    pub path: UnitPath,
    /// What the site wants to work together.
    pub setup: CoherenceInputs,
    /// The driver's option `namespace_prefix`.
    pub prefix: String,
    /// Only these clusters, by name, id or `stack_id`; all if it is empty.
    pub only: Vec<String>,
    /// How long a create, a delete or a helm command may take.
    pub patience: Duration,
}

type UnitAnswers = Vec<(String, Result<ConductorFacts, UnitError>)>;
type Lists = (Result<Vec<Cluster>, CloudError>, Result<Vec<Template>, CloudError>);

/// Asks everything once, and says what is the matter.
///
/// # Errors
///
/// Fails if a cluster that was named is not there. That something does not answer is no error.
pub async fn examine(clients: &Clients, asked: &Examination) -> Result<Report, Failure> {
    let now = Timestamp::now();
    let (cloud, servers, ready, lists) = futures::join!(
        cloud::ask(&asked.survey, &asked.trustee),
        servers(asked),
        read_readiness(&clients.management),
        lists(clients),
    );
    let clusters = chosen(&lists.0, &asked.only)?;
    let units = units(clients, asked, &clusters).await;
    let mut all = below(asked, &cloud, servers.as_ref(), &units, now);
    all.extend(kube_api::judge(&asked.read_with, &ready, now));
    if let Ok(ready) = &ready
        && ready.ready
    {
        let clock = Clock { now: ready.clock.unwrap_or(now), patience: asked.patience };
        all.extend(above(clients, asked, &lists, &clusters, &units, &clock).await);
    } else {
        let why = "the management cluster could not be asked";
        let unknown = [Layer::Controllers, Layer::Magnum];
        all.extend(
            unknown.map(|layer| LayerResult::of(layer, "", vec![Finding::unknown(layer, "", why)])),
        );
        all.extend(clusters.iter().filter(|one| one.is_capi()).map(recorded));
    }
    Ok(Report::new(merged(all)))
}

/// What Magnum says of a cluster that nobody could look at: no poll has worked since.
fn recorded(cluster: &Cluster) -> LayerResult {
    let health = cluster.health_status.as_deref().unwrap_or("health never polled");
    let says = format!(
        "Magnum says {}, {health}: as old as the last poll that worked",
        cluster.status.as_deref().unwrap_or("nothing")
    );
    let stack = cluster.stack_id.clone().unwrap_or_else(|| cluster.name.clone());
    let unknown = Finding::unknown(Layer::Magnum, "", says);
    let findings = vec![Finding { cluster: Some(stack.clone()), ..unknown }];
    LayerResult { layer: Layer::Magnum, cluster: Some(stack), well: String::new(), findings }
}

async fn servers(asked: &Examination) -> Option<Result<Vec<Server>, CloudError>> {
    let name = asked.server.as_deref()?;
    Some(asked.machines.servers_named(name).await)
}

async fn lists(clients: &Clients) -> Lists {
    futures::join!(clients.cloud.magnum.clusters(), clients.cloud.magnum.templates())
}

/// Every unit is asked at the same time, once.
async fn units(clients: &Clients, asked: &Examination, clusters: &[Cluster]) -> UnitAnswers {
    let mut namespaces: Vec<String> =
        clusters.iter().filter_map(|one| one.helm_namespace(&asked.prefix)).collect();
    namespaces.sort();
    namespaces.dedup();
    let each = clients.units.iter().map(|unit| {
        let namespaces = &namespaces;
        async move {
            let facts = Some(&asked.kubeconfig);
            let told = read_conductor(unit, &asked.path, facts, namespaces).await;
            (omega_core::Label::label(unit.as_ref()), told)
        }
    });
    join_all(each).await
}

fn below(
    asked: &Examination,
    cloud: &CloudFacts,
    servers: Option<&Result<Vec<Server>, CloudError>>,
    units: &UnitAnswers,
    now: Timestamp,
) -> Vec<LayerResult> {
    let label = omega_core::Label::label(&asked.survey);
    let mut all =
        vec![cloud::judge(cloud, &label), machine::judge(asked.server.as_deref(), servers)];
    all.extend(asked.unlisted.as_ref().map(unlisted));
    for (unit, answer) in units {
        all.extend(conductor::judge(unit, answer, Some(&asked.kubeconfig), now));
    }
    all
}

/// Juju, or whoever else knows the units, does not answer.
fn unlisted(failure: &Failure) -> LayerResult {
    let next = failure.next.clone().unwrap_or_else(|| "juju status".to_owned());
    let (layer, cause) = (Layer::Conductor, Cause::UnitUnreachable);
    let found = Finding::broken(layer, cause, "units", &failure.message, next);
    let evidence = [vec![failure.message.clone()], failure.causes.clone()].concat();
    LayerResult::of(layer, "", vec![Finding { evidence, ..found }])
}

/// What needs the management cluster.
async fn above(
    clients: &Clients,
    asked: &Examination,
    (listed, templates): &Lists,
    clusters: &[Cluster],
    units: &UnitAnswers,
    clock: &Clock,
) -> Vec<LayerResult> {
    let management = &*clients.management;
    let (controllers, surface, releases, webhooks) = futures::join!(
        read_controllers(management),
        read_served_apis(management),
        read_releases(management, &Namespaces::All),
        webhooks::ask(management),
    );
    let running = Running::of(units, asked);
    let unlisted = templates
        .as_ref()
        .err()
        .map(|error| Finding::unknown(Layer::Magnum, "cluster templates", cloud::causes(error)));
    let templates = templates.as_deref().unwrap_or_default();
    let listed_clusters = listed.as_deref().unwrap_or_default();
    let facts = templates.iter().map(|one| template_facts(one, listed_clusters)).collect();
    let setup = CoherenceInputs {
        driver: running.driver,
        api_resources: running.api_resources.clone(),
        templates: facts,
        ..asked.setup.clone()
    };
    let coherence = surface.as_ref().map(|one| check_coherence(one, &setup)).map_err(Clone::clone);
    let mut all = vec![
        controllers::judge(&controllers, &coherence, clock.now),
        webhooks,
        magnum::judge(
            &coherence,
            listed.as_ref().map(|_| clusters.len()).map_err(|error| cloud::causes(error)),
        ),
    ];
    all.extend(unlisted.map(|one| LayerResult::of(Layer::Magnum, "", vec![one])));
    let asking = Asking {
        magnum: &clients.cloud.magnum,
        survey: &asked.survey,
        management,
        served: surface.as_ref().ok().map(|surface| &surface.served),
        releases: &releases,
        driver: running.driver,
        overrides: &running.overrides,
        prefix: &asked.prefix,
        as_driver: running.as_driver.as_ref(),
    };
    let each = clusters.iter().filter(|one| one.is_capi());
    let each = each.map(|one| cluster(&asking, one, templates, clock));
    all.extend(join_all(each).await.into_iter().flatten());
    all
}

/// One cluster, from its credential to Magnum's record.
async fn cluster(
    asking: &Asking<'_>,
    one: &Cluster,
    templates: &[Template],
    clock: &Clock,
) -> Vec<LayerResult> {
    let facts = cluster_facts::ask(asking, one).await;
    let template = templates.iter().find(|template| template.uuid == one.cluster_template_id);
    let driver = template.and_then(|template| template.network_driver.clone());
    let Asking { management, served, .. } = asking;
    let inside = workload::ask(management, *served, &facts, driver, clock).await;
    let mut all = cluster::judge(&facts, clock);
    all.push(workload::judge(&facts, inside.as_deref()));
    all
}

/// What the conductors run, rather than what the site wants them to.
struct Running {
    driver: DriverRelease,
    api_resources: Option<String>,
    overrides: Overrides,
    as_driver: Option<Answer>,
}

impl Running {
    fn of(units: &UnitAnswers, asked: &Examination) -> Self {
        let mut told = units.iter().filter_map(|(_, answer)| answer.as_ref().ok());
        let first = told.next();
        let driver = first.and_then(|facts| {
            let python = facts.python.as_ref().ok()?.as_ref()?;
            python.distribution.as_ref()?.version.parse().ok()
        });
        let options = first.and_then(|facts| facts.options.as_ref().ok());
        let api_resources = options.and_then(|options| options.get("api_resources").cloned());
        let parsed = api_resources.as_deref().and_then(|text| Overrides::parse(text).ok());
        let known = first.and_then(|facts| facts.authenticate.as_ref().ok());
        let gets_in = known.is_some_and(|state| matches!(state.status, Some(200 | 403)));
        let as_driver = gets_in.then(|| Answer::Object(omega_capi::health::Object::default()));
        Self {
            driver: driver.unwrap_or(asked.setup.driver),
            // What does not parse is said of the conductor already.
            api_resources: api_resources.filter(|_| parsed.is_some()),
            overrides: parsed.unwrap_or_default(),
            as_driver,
        }
    }
}

fn chosen(
    listed: &Result<Vec<Cluster>, CloudError>,
    only: &[String],
) -> Result<Vec<Cluster>, Failure> {
    let all = listed.as_deref().unwrap_or_default();
    if only.is_empty() || listed.is_err() {
        return Ok(all.to_vec());
    }
    let mut chosen = Vec::new();
    for name in only {
        let is = |one: &&Cluster| {
            one.name == *name || one.uuid == *name || one.stack_id.as_deref() == Some(name)
        };
        let meant: Vec<&Cluster> = all.iter().filter(is).collect();
        if meant.is_empty() {
            let names: Vec<&str> = all.iter().map(|one| one.name.as_str()).collect();
            let what = format!("Magnum has no cluster `{name}`");
            let next = format!("one of: {}", names.join(", "));
            return Err(Failure::new(omega_core::FailureClass::Usage, what).next(next));
        }
        for one in meant {
            if !chosen.contains(one) {
                chosen.push(one.clone());
            }
        }
    }
    Ok(chosen)
}

/// Joins what several say of one layer of the site.
fn merged(all: Vec<LayerResult>) -> Vec<LayerResult> {
    let mut joined: Vec<LayerResult> = Vec::new();
    for one in all {
        let same =
            |other: &&mut LayerResult| (other.layer, &other.cluster) == (one.layer, &one.cluster);
        match joined.iter_mut().find(same) {
            None => joined.push(one),
            Some(other) => {
                if !one.well.is_empty() && !other.well.is_empty() {
                    other.well.push_str("; ");
                }
                other.well.push_str(&one.well);
                other.findings.extend(one.findings);
            }
        }
    }
    joined
}
