//! The management cluster.

use omega_capi::{
    Management, Namespaces,
    controllers::{ControllerPod, Installed, read_controller_pods, read_installed, read_nodes},
    releases::read_releases,
    served::{ServedApis, read_served_apis},
};
use omega_core::{Evidence, Label as _, Observation};

use super::{Controller, HelmRelease, Kind, ManagementCluster, Part, Unread};

/// The parts that come from the management cluster.
pub(super) type Parts = (Part<ManagementCluster>, Part<Controller>, Part<HelmRelease>, Part<Kind>);

pub(super) fn not_named(why: &str) -> Parts {
    (Part::not_named(why), Part::not_named(why), Part::not_named(why), Part::not_named(why))
}

pub(super) fn unknown(unread: &Unread) -> Parts {
    (
        Part::unread(unread.clone()),
        Part::unread(unread.clone()),
        Part::unread(unread.clone()),
        Part::unread(unread.clone()),
    )
}

/// Reads everything at the same time.
pub(super) async fn read(management: &Management) -> Parts {
    let (version, nodes, installed, pods, releases, apis) = futures::join!(
        management.version(),
        read_nodes(management),
        read_installed(management),
        read_controller_pods(management),
        read_releases(management, &Namespaces::All),
        read_served_apis(management),
    );
    let mut cluster = Part::default();
    match version {
        Ok(version) => cluster.rows.push(ManagementCluster {
            what: "API server".to_owned(),
            name: management.label(),
            version: Some(version),
        }),
        Err(error) => cluster.unread.push(Unread::new("the version of the API server", &error)),
    }
    match nodes {
        Ok(mut nodes) => {
            nodes.sort_by(|a, b| a.name.cmp(&b.name));
            cluster.rows.extend(nodes.into_iter().map(|node| ManagementCluster {
                what: "node".to_owned(),
                name: node.name,
                version: node.kubelet,
            }));
        }
        Err(error) => cluster.unread.push(Unread::new("nodes", &error)),
    }
    let mut unread = Vec::new();
    let pods = pods.unwrap_or_else(|error| {
        unread.push(Unread::new("digests of the images that run", &error));
        Vec::new()
    });
    let installed = installed.map(|all| all.iter().map(|one| controller(one, &pods)).collect());
    let controllers = Part::read("controllers", installed).without(unread);
    let releases = match releases {
        Ok(found) => {
            let unread = found.unreadable.iter().map(|one| {
                let what =
                    format!("release {}/{} revision {}", one.namespace, one.name, one.revision);
                Unread::because(what, &one.why)
            });
            let unread: Vec<_> = unread.collect();
            Part::of(found.releases.iter().map(release).collect()).without(unread)
        }
        Err(error) => Part::unread(Unread::new("releases of helm", &error)),
    };
    let kinds = Part::read("served versions", apis.as_ref().map(kinds).map_err(Clone::clone));
    let odd = management.odd_objects();
    let odd =
        odd.iter().map(|one| Unread::because(format!("{} of {}", one.name, one.list), &one.why));
    (cluster.without(odd), controllers, releases, kinds)
}

fn controller(one: &Installed, pods: &[ControllerPod]) -> Controller {
    let fact = |name: &str| {
        let found = one.evidence.iter().find(|evidence| evidence.fact == name);
        match found.map(|Evidence { value, .. }| value) {
            Some(Observation::Text(text)) => text.clone(),
            Some(_) | None => String::new(),
        }
    };
    let deployment = fact("deployment");
    // A pod is named after its deployment.
    let is_of = |pod: &&ControllerPod| {
        pod.component == one.component && pod.name.starts_with(&format!("{deployment}-"))
    };
    let mut digests: Vec<String> =
        pods.iter().filter(is_of).filter_map(|pod| pod.digest.clone()).collect();
    digests.sort();
    digests.dedup();
    Controller {
        component: one.component.to_string(),
        version: one.version.clone(),
        image: fact("image"),
        deployment,
        digests,
        pods: one.wanted,
    }
}

fn release(one: &omega_capi::releases::Release) -> HelmRelease {
    HelmRelease {
        namespace: one.namespace.to_string(),
        name: one.name.clone(),
        chart: one.chart.clone(),
        chart_version: one.chart_version.clone(),
        app_version: one.app_version.clone(),
        revision: one.revision,
        status: one.status.to_string(),
    }
}

fn kinds(apis: &ServedApis) -> Vec<Kind> {
    let one = |definition: &omega_capi::served::Definition| {
        let served = apis.served.versions_of(&definition.group, &definition.plural);
        let contracts = definition.contracts.iter();
        Kind {
            group: definition.group.clone(),
            kind: definition.kind.clone(),
            served: served.map(ToOwned::to_owned).collect(),
            storage: definition.versions.iter().find(|one| one.storage).map(|one| one.name.clone()),
            contracts: contracts.map(|(name, by)| format!("{name}: {}", by.join(" "))).collect(),
        }
    };
    apis.definitions.iter().map(one).collect()
}
