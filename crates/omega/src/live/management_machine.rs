//! `management-machine`: the management cluster is one server in the cloud, with one NIC, that manages not
//! itself.

use std::sync::Arc;

use async_trait::async_trait;
use omega_capi::{
    Management,
    controllers::{Managed, ManagedCluster, read_managed, read_server_version},
};
use omega_core::{Evidence, Failure, Gate, Severity, Subject, Verdict, chain};
use omega_openstack::{
    Error, Transport,
    cloud_inventory::{CloudInventory, Server},
    network::{Cidr, Network, ServerPort},
};

use super::judgement::Judged;
use crate::lint::Rule;

pub(super) const RULE: Rule = Rule {
    id: "management-machine",
    decision: Some("D-035"),
    severity: Severity::Broken,
    reason: "A second NIC breaks the way of pods to the APIs; a cluster that manages itself can't repair itself; without MachineHealthChecks nodes are not replaced (D-041).",
    source: "kubernetes-sigs/cluster-api docs/book/src/clusterctl/commands/move.md, docs/book/src/tasks/automated-machine-management/healthchecking.md",
};

/// The gate that the management cluster's server has one NIC on its subnet and a floating IP at which its API
/// answers; that Cluster API does not manage this very cluster; and that each cluster has a
/// `MachineHealthCheck`.
///
/// A cluster manages itself if a `Cluster` in it has its own API as `controlPlaneEndpoint`, or a `Machine` in it
/// is its own server: what `clusterctl move` leaves behind.
#[derive(Clone, Debug)]
pub struct ManagementMachine {
    /// The cloud, in the project of the server.
    pub transport: Arc<dyn Transport>,
    /// The name of the server in Nova.
    pub server: String,
    /// The subnet that it should be on.
    pub subnet: Option<Cidr>,
    /// The management cluster, and the host and the port of its kubeconfig; or why it can't be asked.
    pub management: Result<(Arc<Management>, (String, u16)), Failure>,
}

impl ManagementMachine {
    async fn ask(&self, judged: &mut Judged) -> Result<(), Error> {
        let inventory = CloudInventory::new(Arc::clone(&self.transport));
        let name = &self.server;
        let servers = inventory.servers_named(name).await?;
        let one = match servers.as_slice() {
            [one] => one,
            [] => {
                let why = format!("Nova has no server {name} in this project");
                judged.broken(why, "correct `server` in [management], or create it again");
                return Ok(());
            }
            several => {
                let why = format!("{} servers have the name {name}", several.len());
                judged.unknown(why, "delete or rename the others");
                return Ok(());
            }
        };
        judged.shows(Evidence::text("server", &one.id));
        judged.shows(Evidence::text("status", &one.status));
        if one.status != "ACTIVE" {
            let remedy = format!("omega-cli ensure-guest-running {name}");
            judged.broken(format!("the server is {}", one.status), remedy);
        }
        let ports = Network::new(Arc::clone(&self.transport)).server_ports(&one.id).await?;
        self.nics(&ports, judged);
        self.managed(one, &ports, judged).await;
        judged.shows(Evidence::sentence(
            "one machine: not highly available, and started manually (D-041)",
        ));
        Ok(())
    }

    fn nics(&self, ports: &[ServerPort], judged: &mut Judged) {
        judged.shows(Evidence::count("NICs", ports.len()));
        if ports.len() != 1 {
            let why = format!("it has {} NICs, not one", ports.len());
            judged.broken(
                why,
                "openstack port list --server SERVER; keep the one on the management subnet",
            );
        }
        for address in ports.iter().flat_map(|port| &port.addresses) {
            let range = address.range.map(|range| format!(", {range}")).unwrap_or_default();
            let shown = format!("{} on {}{range}", address.address, address.subnet);
            judged.shows(Evidence::text("address", shown));
            let Some(subnet) = self.subnet else { continue };
            let inside = address.address.parse().is_ok_and(|one: Cidr| subnet.contains(one));
            if !inside {
                let why = format!(
                    "its address {} is not on the management subnet, {subnet}",
                    address.address
                );
                let remedy =
                    "move it, or say which subnet was decided: `management_subnet` in [lint]";
                judged.broken(why, remedy);
            }
        }
        let floating: Vec<&String> = ports.iter().flat_map(|port| &port.floating_ips).collect();
        judged.shows(Evidence::list("floating IPs", floating.iter().copied()));
        if floating.is_empty() {
            let remedy = "openstack server add floating ip SERVER ADDRESS";
            judged.broken("it has no floating IP: the conductor can't reach it", remedy);
        }
    }

    async fn managed(&self, server: &Server, ports: &[ServerPort], judged: &mut Judged) {
        let (management, endpoint) = match &self.management {
            Ok((management, endpoint)) => (management, endpoint),
            Err(failure) => {
                let remedy = failure.next.clone().unwrap_or_default();
                return judged.unknown(failure.message.clone(), remedy);
            }
        };
        reached(endpoint, ports, judged);
        let (version, managed) =
            futures::join!(read_server_version(management), read_managed(management));
        match version {
            Ok(version) => judged.shows(Evidence::text("API answers", version)),
            Err(error) => {
                let why = format!("its API does not answer: {}", chain(&error).join(": "));
                judged.unknown(why, "omega-cli doctor");
            }
        }
        match managed {
            Ok(managed) => self_managed(&managed, server, endpoint, ports, judged),
            Err(error) => {
                let why =
                    format!("Cluster API's objects can't be read: {}", chain(&error).join(": "));
                judged.unknown(
                    why,
                    "use a kubeconfig that may list clusters, machines and machinehealthchecks",
                );
            }
        }
    }
}

/// The kubeconfig leads to a floating IP of the server, if it names an address.
fn reached((host, port): &(String, u16), ports: &[ServerPort], judged: &mut Judged) {
    judged.shows(Evidence::text("kubeconfig", format!("{host}:{port}")));
    let is_address = host.parse::<std::net::IpAddr>().is_ok();
    let floating = || ports.iter().flat_map(|port| &port.floating_ips);
    if is_address && floating().next().is_some() && !floating().any(|one| one == host) {
        let why =
            format!("the kubeconfig leads to {host}, which is not a floating IP of the server");
        let remedy = "omega-cli retarget-kubeconfig --server ADDRESS --plan";
        judged.broken(why, remedy);
    }
}

fn self_managed(
    managed: &Managed,
    server: &Server,
    (host, port): &(String, u16),
    ports: &[ServerPort],
    judged: &mut Judged,
) {
    let named = |one: &ManagedCluster| format!("{}/{}", one.namespace, one.name);
    judged.shows(Evidence::list("clusters", managed.clusters.iter().map(named)));
    judged.shows(Evidence::count("MachineHealthChecks", managed.health_checks.len()));
    let own: Vec<&str> = ports
        .iter()
        .flat_map(|one| {
            let fixed = one.addresses.iter().map(|address| address.address.as_str());
            fixed.chain(one.floating_ips.iter().map(String::as_str))
        })
        .chain([host.as_str()])
        .collect();
    let is_own = |one: &&ManagedCluster| {
        one.endpoint.as_ref().is_some_and(|at| own.contains(&at.host.as_str()) && at.port == *port)
    };
    let remedy = "clusterctl move to a management cluster of its own; see omega-cli explain D-035";
    for cluster in managed.clusters.iter().filter(is_own) {
        let why = format!("it manages itself: the API of Cluster {} is its own", named(cluster));
        judged.broken(why, remedy);
    }
    for machine in managed.machines.iter().filter(|one| one.is_server(&server.id)) {
        let why = format!(
            "it manages itself: Machine {}/{} of Cluster {} is this server",
            machine.namespace, machine.name, machine.cluster
        );
        judged.broken(why, remedy);
    }
    let unwatched: Vec<String> = managed.unwatched().map(named).collect();
    if !unwatched.is_empty() {
        let why = format!("no MachineHealthCheck watches {}", unwatched.join(", "));
        let remedy = "set the label auto_healing_enabled=true in the cluster's template (Magnum creates it with \
                      the next change of the cluster)";
        judged.broken(why, remedy);
    }
}

#[async_trait]
impl Gate for ManagementMachine {
    fn rule(&self) -> &'static str {
        RULE.id
    }

    fn subject(&self) -> Subject {
        subject(&self.server)
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        let mut judged = Judged::new(&RULE, self.subject());
        self.ask(&mut judged).await.map_err(|error| {
            Failure::from_error(format!("could not read the server {}", self.server), &error)
        })?;
        Ok(judged.verdict())
    }
}

pub(super) fn subject(server: &str) -> Subject {
    Subject::new("server", server)
}

#[cfg(test)]
#[path = "management_machine_tests.rs"]
mod tests;
