//! Whether there is room for one more amphora: Octavia boots the new one before it deletes the old
//! (octavia 14, `octavia/controller/worker/v2/flows/load_balancer_flows.py`,
//! `get_failover_LB_flow`).

use std::collections::{BTreeMap, BTreeSet};

use omega_core::chain;
use serde::{Deserialize, Serialize};

use super::{Amphora, LoadBalancerAdmin};
use crate::{
    Error, Method, Request, Service, Transport, cloud_inventory::Quota, service_response::fetch,
};

/// From this microversion on Nova shows a server's flavor with its sizes (nova,
/// `api_version_history`, 2.47).
const FLAVOR_IN_SERVER: &str = "2.47";
/// From this microversion on Placement proposes allocations (placement,
/// `rest_api_version_history`, 1.10).
const CANDIDATES: &str = "1.10";

/// What is known of the room for one more amphora. Octavia's service project has the servers, so
/// that its quota counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AmphoraRoom {
    /// The size of an amphora that exists, if Nova shows its server.
    pub size: Option<AmphoraSize>,
    /// The quotas of its project that one more would exceed.
    pub full: Vec<Quota>,
    /// On how many hosts Placement finds room, if it was asked. Hard anti-affinity is not looked at.
    pub hosts: Option<usize>,
    /// What could not be found out, and why.
    pub unknown: Vec<String>,
}

/// The size of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are Nova's")]
pub struct AmphoraSize {
    pub vcpus: u64,
    /// In MiB.
    pub ram: u64,
    /// In GiB, on the host; 0 if it boots from a volume.
    pub disk: u64,
}

impl AmphoraRoom {
    /// Returns why a failover would fail for lack of room, if that is known.
    pub fn shortage(&self) -> Option<String> {
        if let Some(quota) = self.full.first() {
            let Quota { resource, limit, used } = quota;
            let limit = limit.unwrap_or_default();
            return Some(format!(
                "the quota of {resource} in the project of the amphorae has no room for one more: {used} \
                 of {limit} are used"
            ));
        }
        let none = self.hosts == Some(0);
        none.then(|| format!("no host has room for one more amphora{}", self.sized()))
    }

    /// Returns what is known, in one line.
    pub(super) fn line(&self) -> String {
        let hosts = self
            .hosts
            .map(|hosts| format!("room for one more amphora{}: on {hosts} host(s)", self.sized()));
        let unknown = (!self.unknown.is_empty()).then(|| {
            format!("not known of the room for one more amphora: {}", self.unknown.join("; "))
        });
        hosts.into_iter().chain(unknown).collect::<Vec<_>>().join("; ")
    }

    fn sized(&self) -> String {
        let sized = |AmphoraSize { vcpus, ram, disk }| {
            format!(" ({vcpus} vCPU, {ram} MiB of memory, {disk} GiB of disk)")
        };
        self.size.map(sized).unwrap_or_default()
    }
}

/// A server, as Nova shows it to an administrator.
#[derive(Deserialize)]
struct Server {
    tenant_id: String,
    flavor: Flavor,
    /// An empty text if it boots from a volume.
    #[serde(default)]
    image: serde_json::Value,
}

#[derive(Deserialize)]
struct Flavor {
    vcpus: u64,
    ram: u64,
    disk: u64,
    #[serde(rename = "OS-FLV-EXT-DATA:ephemeral", alias = "ephemeral", default)]
    ephemeral: u64,
}

impl Server {
    fn size(&self) -> AmphoraSize {
        let Flavor { vcpus, ram, disk, ephemeral } = self.flavor;
        let on_volume = self.image.as_str().is_some_and(str::is_empty);
        AmphoraSize { vcpus, ram, disk: ephemeral + if on_volume { 0 } else { disk } }
    }
}

/// A limit of Nova's, with its use. -1 is no limit.
#[derive(Deserialize)]
struct Detail {
    limit: i64,
    in_use: u64,
    #[serde(default)]
    reserved: u64,
}

impl LoadBalancerAdmin {
    /// Asks Nova and Placement. What they don't report is unknown, not an error.
    pub(super) async fn room(&self, amphorae: &[Amphora]) -> AmphoraRoom {
        let mut room =
            AmphoraRoom { size: None, full: Vec::new(), hosts: None, unknown: Vec::new() };
        let Some(id) = amphorae.iter().find_map(|one| one.compute_id.as_deref()) else {
            room.unknown
                .push("Octavia lists no amphora with a server, so its size is not known".into());
            return room;
        };
        let transport = &*self.transport;
        let server = match server(transport, id).await {
            Ok(server) => server,
            Err(error) => {
                room.unknown.push(said(&format!("the amphora's server {id}"), &error));
                return room;
            }
        };
        let size = server.size();
        room.size = Some(size);
        let (quotas, hosts) =
            futures::join!(quotas(transport, &server.tenant_id), hosts(transport, size));
        match quotas {
            Ok(quotas) => room.full = full(&quotas, size),
            Err(error) => {
                let what = format!("Nova's quota of project {}", server.tenant_id);
                room.unknown.push(said(&what, &error));
            }
        }
        match hosts {
            Ok(hosts) => room.hosts = Some(hosts),
            Err(error) => room.unknown.push(said("the room on the hosts", &error)),
        }
        room
    }
}

fn said(what: &str, error: &Error) -> String {
    format!("{what} ({})", chain(error).join(": "))
}

async fn server(transport: &dyn Transport, id: &str) -> Result<Server, Error> {
    let mut request = Request::new(Service::Compute, Method::Get, &["servers", id]);
    request.microversion = Some(FLAVOR_IN_SERVER);
    fetch(transport, request, "server").await
}

async fn quotas(
    transport: &dyn Transport,
    project: &str,
) -> Result<BTreeMap<String, serde_json::Value>, Error> {
    let path = ["os-quota-sets", project, "detail"];
    fetch(transport, Request::new(Service::Compute, Method::Get, &path), "quota_set").await
}

/// Returns the quotas that one more server of this size would exceed.
fn full(quotas: &BTreeMap<String, serde_json::Value>, size: AmphoraSize) -> Vec<Quota> {
    let needed = [("instances", 1), ("cores", size.vcpus), ("ram", size.ram)];
    let quota = |(name, needed): (&str, u64)| {
        let detail: Detail = serde_json::from_value(quotas.get(name)?.clone()).ok()?;
        let (used, limit) = (detail.in_use + detail.reserved, u64::try_from(detail.limit).ok()?);
        (used + needed > limit).then(|| Quota::new(name, Some(limit), used))
    };
    needed.into_iter().filter_map(quota).collect()
}

/// Returns on how many hosts there is room.
async fn hosts(transport: &dyn Transport, size: AmphoraSize) -> Result<usize, Error> {
    let AmphoraSize { vcpus, ram, disk } = size;
    let disk = if disk == 0 { String::new() } else { format!(",DISK_GB:{disk}") };
    let mut request = Request::new(Service::Placement, Method::Get, &["allocation_candidates"])
        .query("resources", format!("VCPU:{vcpus},MEMORY_MB:{ram}{disk}"))
        .query("limit", "1000");
    request.microversion = Some(CANDIDATES);
    let candidates: Vec<Candidate> = fetch(transport, request, "allocation_requests").await?;
    // A provider of shared storage is in a candidate beside the host.
    let hosts = candidates.into_iter().flat_map(|one| one.allocations);
    let hosts = hosts.filter(|(_, of)| of.resources.contains_key("VCPU"));
    Ok(hosts.map(|(host, _)| host).collect::<BTreeSet<_>>().len())
}

#[derive(Deserialize)]
struct Candidate {
    allocations: BTreeMap<String, Allocation>,
}

#[derive(Deserialize)]
struct Allocation {
    resources: BTreeMap<String, u64>,
}
