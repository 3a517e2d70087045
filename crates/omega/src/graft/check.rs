//! One gate of the graft by itself. It needs only what it uses: its tables of the site file, and
//! connections to what it asks.

use std::sync::Arc;

use jiff::Timestamp;
use omega_capi::{Management, Namespace, coherence::ServedVersionsGate};
use omega_core::{
    Failure, FailureClass, Gate, Item, Label as _, Section, TargetPlan, kubeconfig::Kubeconfig,
    run::Job,
};
use omega_juju::{
    Unit,
    gates::{AuthenticateManagement, DriverImports, DriverLoaded, ListReleases, ReachManagement},
};
use omega_openstack::container_infra::ClusterList;

use super::{
    SiteSpec, Trustee, clusters_are_healthy, magnum_responds, management_ready, namespace_prefix,
    namespaces, trustee_domain,
};
use crate::{
    clients::{CloudClients, Connect, Part, PartialClients},
    coherence::{Coherent, setup},
    site::Site,
};

/// A gate of the graft that is checked on each unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnitGate {
    /// The unit reaches the management API.
    Reach,
    /// The daemon logs in there with its kubeconfig.
    Authenticate,
    /// helm lists the releases in these namespaces. If none is named: in those of the projects with
    /// clusters, as Magnum lists them, and in that of the management project.
    Releases(Vec<Namespace>),
    /// The daemon imports the driver, runs with it, and reads its options.
    Driver,
}

/// A gate of the graft that is checked once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SiteGate {
    /// The management cluster serves the versions that the driver reads.
    ServedVersions,
    /// Driver, chart, Cluster API and Magnum's templates fit together.
    Coherence,
    /// Magnum's trustee domain exists.
    TrusteeDomain,
    /// Magnum answers.
    Magnum,
    /// The management cluster's nodes are Ready, and Cluster API's controllers stay up.
    Management,
    /// These clusters are HEALTHY, by name or id. If none is named: those of `[health]`, or every one that
    /// Magnum lists.
    Health(Vec<String>),
}

/// Returns `gate` on the units `only`, or on all if it is empty, as a job to plan. Nothing can be
/// sent to a unit. `site`: the site, as the operator named it. `now`: for the client certificate of the
/// kubeconfig.
///
/// # Errors
///
/// Names what the site file lacks, and why the gate needs it. Fails if the kubeconfig can't be used,
/// if Juju can't list the units, or if the cloud can't list the clusters where that is needed.
pub async fn check_units(
    gate: &UnitGate,
    connect: &Connect<'_>,
    only: &[String],
    site: &str,
    now: Timestamp,
) -> Result<Job, Failure> {
    needed(connect.site.conductor(), "the check asks its units")?;
    let (items, clients) = on_unit(gate, connect, now).await?;
    let clients = connect.add(Part::Units, only, clients).await?;
    let target = |unit: &Arc<Unit>| TargetPlan::unit(unit.label(), vec![section(items(unit))]);
    Ok(job(site, clients.units.iter().map(target).collect(), &clients))
}

/// Returns `gate` as a job to plan. `site`: the site, as the operator named it. `now`: for the
/// client certificate of the kubeconfig.
///
/// # Errors
///
/// Names what the site file lacks, and why the gate needs it. Fails if the kubeconfig or the
/// cloud's configuration can't be used.
pub async fn check_site(
    gate: SiteGate,
    connect: &Connect<'_>,
    site: &str,
    now: Timestamp,
) -> Result<Job, Failure> {
    let management = async || {
        let kubeconfig = kubeconfig(connect, now, "the check asks the management cluster with it")?;
        connect.management(&kubeconfig).await
    };
    let cloud =
        async |check: &str| needed(connect.cloud().await, &format!("needed for: check {check}"));
    let (target, clients) = match gate {
        SiteGate::ServedVersions => {
            let management = management().await?;
            (served_versions(connect.site, &management)?, management.into())
        }
        SiteGate::Coherence => {
            let (management, cloud) = (management().await?, cloud("coherence").await?);
            let target = coherence(connect.site, &management, &cloud)?;
            (target, PartialClients { cloud: Some(cloud), ..management.into() })
        }
        SiteGate::TrusteeDomain => {
            let cloud = cloud("trustee-domain").await?;
            let gate = trustee_domain(&Trustee::of(connect.site), &cloud, true);
            (shared(cloud.network.label(), gate), (&cloud).into())
        }
        SiteGate::Magnum => {
            let cloud = cloud("magnum").await?;
            (shared(cloud.network.label(), magnum_responds(&cloud)), (&cloud).into())
        }
        SiteGate::Management => {
            let management = management().await?;
            (shared(management.label(), management_ready(&management)), management.into())
        }
        SiteGate::Health(named) => {
            let cloud = cloud("health").await?;
            for name in &named {
                exists(name, &cloud).await?;
            }
            let only = if named.is_empty() { connect.site.health.clusters.clone() } else { named };
            (shared("clusters", clusters_are_healthy(&cloud, only)), (&cloud).into())
        }
    };
    Ok(job(site, vec![target], &clients))
}

/// Fails if Magnum has no cluster of this name or id, which the operator gave.
async fn exists(name: &str, cloud: &CloudClients) -> Result<(), Failure> {
    let found = cloud.magnum.find_clusters(name).await;
    let found =
        found.map_err(|error| Failure::from_error("could not look for the cluster", &error))?;
    if found.is_empty() {
        let what = format!("Magnum has no cluster {name:?} in this project");
        return Err(Failure::new(FailureClass::Usage, what)
            .next("correct the name (openstack coe cluster list)"));
    }
    Ok(())
}

/// Makes the gate's items for a unit.
type OnUnit = Box<dyn Fn(&Arc<Unit>) -> Vec<Item> + Send + Sync>;

/// Returns the gate for a unit, and clients for what was asked to make it. The site file is looked at
/// first.
async fn on_unit(
    gate: &UnitGate,
    connect: &Connect<'_>,
    now: Timestamp,
) -> Result<(OnUnit, PartialClients), Failure> {
    let spec = SiteSpec::new(connect.site);
    let nothing = PartialClients::default();
    Ok(match gate {
        UnitGate::Reach => {
            let facts =
                kubeconfig(connect, now, "the check connects from the units to its server")?.facts;
            (Box::new(move |unit| vec![Item::gate(ReachManagement::new(unit, &facts))]), nothing)
        }
        UnitGate::Authenticate => {
            let path = spec.path()?;
            let facts = kubeconfig(connect, now, COMPARED)?.facts;
            let gate = move |unit: &_| AuthenticateManagement::new(unit, &path, &facts);
            (Box::new(move |unit| vec![Item::gate(gate(unit))]), nothing)
        }
        UnitGate::Releases(named) => {
            let path = spec.path()?;
            let helm =
                needed(connect.site.helm(), "the check compares the helm of each unit with it")?;
            let (helm, sha256) = (helm.sha256, kubeconfig(connect, now, COMPARED)?.facts.sha256);
            let (namespaces, clients) = listed_in(named, connect).await?;
            let gate =
                move |unit: &_| ListReleases::new(unit, &path, sha256, helm, namespaces.clone());
            (Box::new(move |unit| vec![Item::gate(gate(unit))]), clients)
        }
        UnitGate::Driver => {
            needed(connect.site.driver(), "the check compares the driver of each unit with it")?;
            needed(
                connect.site.chart(),
                "the check compares the options of each unit's daemon with it",
            )?;
            let (release, dropin) = (spec.release()?, spec.dropin()?.sha256());
            let options = spec.capi_helm()?.effective();
            let gates = move |unit: &_| {
                let loaded = DriverLoaded::new(unit, &release, dropin, &options);
                vec![Item::gate(DriverImports::new(unit, &release, dropin)), Item::gate(loaded)]
            };
            (Box::new(gates), nothing)
        }
    })
}

const COMPARED: &str = "the check compares the kubeconfig of each unit with it";

/// Returns the namespaces that helm lists. The cloud is asked if none is named.
async fn listed_in(
    named: &[Namespace],
    connect: &Connect<'_>,
) -> Result<(Vec<String>, PartialClients), Failure> {
    if !named.is_empty() {
        let all = named.iter().map(ToString::to_string).collect();
        return Ok((all, PartialClients::default()));
    }
    let why = "needed for: check releases without --namespace";
    let cloud = needed(connect.cloud().await, why)?;
    Ok((driver_namespaces(connect.site, &cloud).await?, (&cloud).into()))
}

/// Returns the namespaces that the driver uses. Unlike the graft, which has a gate that reports it, it
/// fails if the cloud can't tell.
async fn driver_namespaces(site: &Site, cloud: &CloudClients) -> Result<Vec<String>, Failure> {
    let clusters = ClusterList::live((*cloud.magnum).clone()).read().await?;
    let project = cloud.network.project_id().await.map_err(|error| {
        let what = format!("could not read the project of {}", cloud.network.label());
        Failure::from_error(what, &error)
    })?;
    Ok(namespaces(&namespace_prefix(site), &clusters, Some(&project)))
}

fn served_versions(site: &Site, management: &Management) -> Result<TargetPlan, Failure> {
    needed(site.driver(), "it says which versions are read")?;
    needed(site.chart(), "it says which versions are written")?;
    let (management, combination) = (management.clone(), SiteSpec::new(site).combination()?);
    Ok(shared(management.label(), ServedVersionsGate { management, combination }))
}

fn coherence(
    site: &Site,
    management: &Management,
    cloud: &CloudClients,
) -> Result<TargetPlan, Failure> {
    needed(site.driver(), "the check tells whether it fits the rest")?;
    needed(site.chart(), "the check tells whether it fits the rest")?;
    let gate = Coherent::new(management, &cloud.magnum, setup(site)?);
    Ok(shared(cloud.network.label(), gate))
}

/// Reads and checks the site's kubeconfig.
fn kubeconfig(connect: &Connect<'_>, now: Timestamp, why: &str) -> Result<Kubeconfig, Failure> {
    needed(connect.site.kubeconfig(), why)?;
    connect.kubeconfig(now)
}

/// Adds why the gate needs a part of the site.
fn needed<T>(part: Result<T, Failure>, why: &str) -> Result<T, Failure> {
    part.map_err(|failure| failure.because(why))
}

fn shared(label: impl Into<String>, gate: impl Gate + 'static) -> TargetPlan {
    TargetPlan::shared(label, vec![section(vec![Item::gate(gate)])])
}

fn section(items: Vec<Item>) -> Section {
    Section::new("", CHECK, items)
}

/// The job's name.
const CHECK: &str = "check";

fn job(site: &str, targets: Vec<TargetPlan>, clients: &PartialClients) -> Job {
    Job::new(CHECK, site, targets).on(clients.endpoints(), clients.counts())
}

#[cfg(test)]
#[path = "check_tests.rs"]
mod tests;
