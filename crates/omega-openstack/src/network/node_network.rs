//! Whether the addresses of a cluster's nodes are free.

use async_trait::async_trait;
use omega_core::{CheckRule, Evidence, Failure, Finding, Gate, Severity, Subject, Verdict};

use super::{Cidr, ListedSubnet, Network};
use crate::{Error, container_infra::ClusterShape, gate_answer};

/// The ranges that a cluster's addresses are compared with, as far as the site knows them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownRanges {
    /// The pool that tenants' subnets are taken from (D-016).
    pub pool: Option<Cidr>,
    /// Ranges of the site that no tenant may use: metal, storage, provider.
    pub others: Vec<Cidr>,
}

/// The gate that the nodes' network lies in the tenants' pool, and does not overlap another range that the
/// nodes have to reach: the external network, the cloud's API, the ranges of the site, the DNS servers,
/// and those of pods and services.
///
/// A network of the project with the same addresses is a warning: each cluster has a router of its own,
/// so both work, but nothing can connect the two.
#[derive(Clone, Debug)]
pub struct NodeNetwork {
    /// Neutron, with the login that creates the cluster.
    pub network: Network,
    /// What the cluster is made of.
    pub shape: ClusterShape,
    /// What the site knows.
    pub ranges: KnownRanges,
}

/// The chart's ranges (capi-helm-charts 0.25.1, `charts/openstack-cluster/values.yaml`, `kubeNetwork`).
/// No label changes them.
const CHART: [(&str, &str); 2] =
    [("the chart's pods", "172.16.0.0/13"), ("the chart's services", "172.24.0.0/13")];
/// The range of the nodes of a cluster that names none (magnum-capi-helm 1.4.0, `conf.py`: the default of the
/// label `fixed_subnet_cidr`).
pub const DEFAULT_NODES: &str = "10.0.0.0/24";
const SITE_RANGE: &str = "a range of the site";
const SOURCE: &str = "capi-helm-charts 0.25.1, openstack-cluster/values.yaml, kubeNetwork; \
                      magnum-capi-helm 1.4.0, driver.py (nodeCidr)";

/// What was found, the worst first.
#[derive(Debug, Default)]
struct Clashes(Vec<(Severity, String)>);

impl Clashes {
    fn add(&mut self, severity: Severity, why: String) {
        self.0.push((severity, why));
    }

    fn broken(&mut self, why: String) {
        self.add(Severity::Broken, why);
    }
}

/// Everything that was read.
struct Seen {
    /// The nodes' ranges; empty if the existing network has none that this login sees.
    nodes: Vec<(String, Cidr)>,
    /// Other ranges that the nodes must reach: what it is, and its range.
    reached: Vec<(String, Cidr)>,
    /// The project's other subnets.
    project: Vec<ListedSubnet>,
    /// Whether the subnets of the external network can be read.
    hides_external: bool,
}

impl NodeNetwork {
    async fn read(&self) -> Result<(Seen, Clashes), Error> {
        let mut clashes = Clashes::default();
        let project = self.network.project_id().await?;
        let (own, external, addresses) = futures::try_join!(
            self.network.subnets_with("project_id", &project),
            self.network.external_networks(),
            self.network.public_addresses(),
        )?;
        let wanted = &self.shape.external_network;
        let mut reached: Vec<(String, Cidr)> = Vec::new();
        let mut hides_external = false;
        for one in external.iter().filter(|one| one.id == *wanted || one.name == *wanted) {
            let subnets = self.network.subnets_with("network_id", &one.id).await?;
            hides_external |= subnets.is_empty() && !one.subnets.is_empty();
            let of = |subnet: ListedSubnet| (format!("external network {wanted}"), subnet.cidr);
            reached.extend(subnets.into_iter().map(of));
        }
        reached.extend(addresses.into_iter().map(|(service, at)| (format!("{service} API"), at)));
        let others = self.ranges.others.iter().map(|one| (SITE_RANGE.to_owned(), *one));
        reached.extend(others);
        reached.extend(dns_servers(&self.shape, &mut clashes));
        let nodes = self.nodes(&mut clashes).await?;
        let ours = |one: &ListedSubnet| one.project_id.as_ref().is_none_or(|id| *id == project);
        let is_other = |one: &ListedSubnet| !nodes.iter().any(|(id, _)| *id == one.id);
        let project = own.into_iter().filter(|one| ours(one) && is_other(one)).collect();
        Ok((Seen { nodes, reached, project, hides_external }, clashes))
    }

    /// Returns the ids and the ranges of the nodes' subnets; a subnet that does not exist yet has no id.
    async fn nodes(&self, clashes: &mut Clashes) -> Result<Vec<(String, Cidr)>, Error> {
        let existing = |all: Vec<ListedSubnet>| {
            all.into_iter().map(|one| (one.id, one.cidr)).collect::<Vec<_>>()
        };
        if let Some(subnet) = &self.shape.fixed_subnet {
            let field = if crate::container_infra::is_uuid(subnet) { "id" } else { "name" };
            let mut all = self.network.subnets_with(field, subnet).await?;
            all.retain(|one| one.id == *subnet || one.name == *subnet);
            match all.len() {
                1 => {}
                0 => clashes.broken(format!("the project sees no subnet {subnet:?}")),
                many => clashes.broken(format!("{many} subnets have the name {subnet:?}")),
            }
            return Ok(existing(all));
        }
        if let Some(network) = &self.shape.fixed_network {
            let ids = self.network.networks_named(network).await?;
            return match ids.as_slice() {
                [id] => {
                    let subnets = existing(self.network.subnets_with("network_id", id).await?);
                    if subnets.is_empty() {
                        let why = format!("this login sees no subnet of the network {network}");
                        clashes.add(Severity::Unknown, why);
                    }
                    Ok(subnets)
                }
                [] => {
                    clashes.broken(format!("the project sees no network {network:?}"));
                    Ok(Vec::new())
                }
                many => {
                    let many = many.len();
                    clashes.broken(format!("{many} networks have the name {network:?}"));
                    Ok(Vec::new())
                }
            };
        }
        let own = own_range(&self.shape, clashes);
        Ok(own.into_iter().map(|cidr| (String::new(), cidr)).collect())
    }

    fn compare(&self, seen: &Seen, clashes: &mut Clashes) {
        for (_, nodes) in &seen.nodes {
            compare_range(*nodes, self.ranges.pool, &seen.reached, clashes);
            for other in seen.project.iter().filter(|other| nodes.overlaps(other.cidr)) {
                let ListedSubnet { name, id, cidr, .. } = other;
                let why = format!(
                    "the nodes' network {nodes} overlaps the project's subnet {name} ({id}), {cidr}"
                );
                clashes.add(Severity::Warning, why);
            }
        }
        for (what, pods) in &chart_ranges() {
            for (other, range) in seen.reached.iter().filter(|(_, range)| pods.overlaps(*range)) {
                clashes
                    .broken(format!("{what}, {pods}, overlap {other}, {range}: no pod reaches it"));
            }
        }
        if self.ranges.pool.is_none() {
            let why = "the site file names no pool of the tenants (`pool` in [network]), so whether the nodes' \
                       network is in it is not known";
            clashes.add(Severity::Unknown, why.to_owned());
        }
        if seen.hides_external {
            let name = &self.shape.external_network;
            let why = format!("this login does not see the subnets of the external network {name}");
            clashes.add(Severity::Unknown, why);
        }
    }

    fn judge(&self, seen: &Seen, mut clashes: Clashes) -> Verdict {
        self.compare(seen, &mut clashes);
        let nodes = seen.nodes.iter().map(|(_, cidr)| cidr.to_string());
        let nodes = Evidence::list("nodes", nodes);
        let pool = self.ranges.pool.map(|pool| Evidence::text("pool", pool.to_string()));
        let chart = Evidence::list("pods and services", CHART.map(|(_, cidr)| cidr));
        let others = Evidence::count("other ranges", seen.reached.len() + seen.project.len());
        let evidence = [Some(nodes), pool, Some(chart), Some(others)].into_iter().flatten();
        let Clashes(mut all) = clashes;
        all.sort_by_key(|(severity, _)| *severity);
        let Some((worst, _)) = all.first() else { return Verdict::shown(evidence) };
        let remedy = match worst {
            Severity::Unknown if self.ranges.pool.is_none() => {
                "name the pool: `pool` in [network] of the site file; what this login does not see, compare \
                 by hand (openstack subnet list)"
            }
            Severity::Unknown => {
                "compare it by hand (openstack subnet list), or log in as admin; or name the range in \
                 `ranges` of [network]"
            }
            Severity::Warning => {
                "choose a range of its own for each cluster (--label fixed_subnet_cidr=10.20.N.0/24), if \
                 they are ever to be connected"
            }
            Severity::Broken | Severity::Waiting | Severity::Note | _ => {
                "choose another range: --label fixed_subnet_cidr=10.20.N.0/24, in the pool and used by \
                 nothing else"
            }
        };
        let worst = *worst;
        let why = all.into_iter().map(|(_, why)| why).collect::<Vec<_>>().join("; ");
        let finding = Finding::broken(self.rule(), self.subject(), why).severity(worst);
        let finding = finding.shown_by(evidence).decision("D-016").remedy(remedy);
        Verdict::fail(finding.source(SOURCE))
    }

    async fn ask(&self) -> Result<Verdict, Error> {
        let (seen, clashes) = self.read().await?;
        Ok(self.judge(&seen, clashes))
    }
}

/// Returns the DNS servers that are addresses.
fn dns_servers(shape: &ClusterShape, clashes: &mut Clashes) -> Vec<(String, Cidr)> {
    let mut servers = Vec::new();
    for server in shape.dns_servers() {
        match server.parse() {
            Ok(at) => servers.push((format!("DNS server {server}"), at)),
            Err(_) => clashes.broken(format!("the DNS server {server:?} is not an address")),
        }
    }
    servers
}

/// Returns the range of the network that is made for the nodes, if it is one.
fn own_range(shape: &ClusterShape, clashes: &mut Clashes) -> Option<Cidr> {
    let text = shape.node_cidr();
    match text.parse::<Cidr>() {
        Ok(cidr) if cidr.hidden_network().is_none() && text.contains('/') => return Some(cidr),
        Ok(cidr) => {
            let network = cidr.hidden_network().unwrap_or(cidr);
            clashes.broken(format!(
                "fixed_subnet_cidr is {text:?}, which Neutron refuses: a subnet begins at its first \
                 address and has a length ({network})"
            ));
        }
        Err(error) => clashes.broken(format!("fixed_subnet_cidr: {error}")),
    }
    None
}

/// Returns the ranges of the pods and the services of every cluster: what it is, and its range
/// (capi-helm-charts 0.25.1, `charts/openstack-cluster/values.yaml`, `kubeNetwork`).
pub fn chart_ranges() -> Vec<(&'static str, Cidr)> {
    let parsed = CHART.iter().filter_map(|(what, cidr)| Some((*what, cidr.parse().ok()?)));
    parsed.collect()
}

/// Compares the nodes' range with the pool, the chart's ranges, and what the nodes must reach.
fn compare_range(
    nodes: Cidr,
    pool: Option<Cidr>,
    reached: &[(String, Cidr)],
    clashes: &mut Clashes,
) {
    if let Some(pool) = pool.filter(|pool| !pool.contains(nodes)) {
        clashes.broken(format!("the nodes' network {nodes} is not in the tenants' pool {pool}"));
    }
    for (what, other) in chart_ranges() {
        if nodes.overlaps(other) {
            clashes.broken(format!("the nodes' network {nodes} overlaps {what}, {other}"));
        }
    }
    for (what, other) in reached.iter().filter(|(_, other)| nodes.overlaps(*other)) {
        clashes.broken(format!("the nodes' network {nodes} overlaps {what}, {other}"));
    }
}

/// Returns what is wrong with the addresses that a cluster of this shape names, whatever the cloud has: a
/// part of what [`NodeNetwork`] finds.
pub fn address_mistakes(shape: &ClusterShape, ranges: &KnownRanges) -> Vec<String> {
    let mut clashes = Clashes::default();
    let mut reached = dns_servers(shape, &mut clashes);
    reached.extend(ranges.others.iter().map(|one| (SITE_RANGE.to_owned(), *one)));
    // Without the label, the one who creates the cluster may name a range.
    if shape.has_own_network()
        && shape.names_node_cidr()
        && let Some(nodes) = own_range(shape, &mut clashes)
    {
        compare_range(nodes, ranges.pool, &reached, &mut clashes);
    }
    clashes.0.into_iter().map(|(_, why)| why).collect()
}

impl NodeNetwork {
    /// Its rule, and the decisions that it checks.
    pub const RULE: CheckRule = CheckRule::new("node-network", &["D-016"]);
}

#[async_trait]
impl Gate for NodeNetwork {
    fn rule(&self) -> &'static str {
        Self::RULE.name
    }

    fn subject(&self) -> Subject {
        Subject::new("node network", self.shape.node_network_named())
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        gate_answer::verdict(self, self.ask().await, "member of the project")
    }
}
