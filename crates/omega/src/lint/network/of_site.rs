//! The ranges that the site file names, or else the documents.

use omega_openstack::{
    container_infra::{ClusterShape, ClusterValues},
    network::{Cidr, KnownRanges, chart_ranges},
};

use super::plan::{Origin, PlannedPool, PlannedRange, RangeKind};
use crate::{graft::template_of, site::PlacedSite};

/// The pool of D-016, for a site file that names none.
const POOL: &str = "10.20.0.0/16";

/// Nodes of clusters that the site file describes, and where.
pub(in crate::lint) struct Described {
    /// `template NAME`, `[prove]`.
    pub(in crate::lint) name: String,
    /// The keys of its table.
    pub(in crate::lint) keys: Vec<String>,
    pub(in crate::lint) shape: ClusterShape,
}

impl Described {
    /// Returns the keys of one of its labels.
    pub(in crate::lint) fn label(&self, label: &str) -> Vec<String> {
        self.key(&["labels", label])
    }

    /// Returns the keys of a value in its table.
    pub(in crate::lint) fn key(&self, more: &[&str]) -> Vec<String> {
        self.keys.iter().cloned().chain(more.iter().map(ToString::to_string)).collect()
    }
}

/// Returns every cluster that the site file describes.
pub(in crate::lint) fn described(site: &PlacedSite) -> Vec<Described> {
    let values = values();
    let mut all: Vec<Described> = Vec::new();
    for (name, spec) in &site.site.template {
        all.push(Described {
            name: format!("template {name}"),
            keys: vec!["template".to_owned(), name.clone()],
            shape: ClusterShape::of_spec(spec, &values),
        });
    }
    if let Some(prove) = &site.site.prove {
        all.push(Described {
            name: "[prove]".to_owned(),
            keys: vec!["prove".to_owned()],
            shape: ClusterShape::of_spec(&template_of(prove), &values),
        });
    }
    all
}

/// Returns the values of a cluster of which nothing is known but its template.
pub(in crate::lint) fn values() -> ClusterValues {
    ClusterValues {
        template: String::new(),
        keypair: None,
        master_count: 1,
        node_count: 1,
        labels: [].into(),
    }
}

/// Returns the ranges with which nodes are compared: the pool, and what tenants may not use.
pub(in crate::lint) fn known(site: &PlacedSite) -> KnownRanges {
    let network = &site.site.network;
    let others = site.site.lint.vip_networks.iter().chain(&network.ranges).copied();
    KnownRanges { pool: network.pool.or_else(|| POOL.parse().ok()), others: others.collect() }
}

/// Returns the ranges of the site.
pub(super) fn ranges(site: &PlacedSite) -> Vec<PlannedRange> {
    let place = |keys: &[&str]| site.places.exact(keys);
    let mut all = Vec::new();
    for (nth, cidr) in site.site.lint.vip_networks.iter().enumerate() {
        let name = match nth {
            0 => "provider".to_owned(),
            1 => "metal".to_owned(),
            nth => format!("network {}", nth + 1),
        };
        let at = place(&["lint", "vip_networks", &nth.to_string()]);
        let origin = Origin::of_site("[lint] vip_networks", "D-003, D-020", at);
        all.push(PlannedRange::new(RangeKind::Network, name, *cidr, origin));
    }
    for (nth, cidr) in site.site.network.ranges.iter().enumerate() {
        let at = place(&["network", "ranges", &nth.to_string()]);
        let origin = Origin::of_site("[network] ranges", "", at);
        all.push(PlannedRange::new(RangeKind::Reserved, "reserved range", *cidr, origin));
    }
    if let Some(pool) = known(site).pool {
        let origin = Origin::of_site("[network] pool", "D-016", place(&["network", "pool"]));
        all.push(PlannedRange::new(RangeKind::Pool, "tenants' pool", pool, origin));
    }
    for (project, cidr) in &site.site.network.tenants {
        let at = place(&["network", "tenants", project]);
        let origin = Origin::of_site("[network.tenants]", "", at);
        let name = format!("tenant {project}");
        all.push(PlannedRange::new(RangeKind::Tenant, name, *cidr, origin));
    }
    all.extend(nodes(site));
    for (name, cidr) in chart_ranges() {
        let kind = if name.contains("pods") { RangeKind::Pods } else { RangeKind::Services };
        all.push(PlannedRange::new(kind, name, cidr, Origin::elsewhere("capi-helm-charts")));
    }
    all
}

/// A label that is no range is found by `node-network`.
fn nodes(site: &PlacedSite) -> Vec<PlannedRange> {
    let named = described(site)
        .into_iter()
        .filter(|one| one.shape.has_own_network() && one.shape.names_node_cidr());
    let range = |one: Described| {
        let cidr: Cidr = one.shape.node_cidr().parse().ok()?;
        let at = site.places.nearest(&one.label("fixed_subnet_cidr"));
        let origin = Origin::of_site("fixed_subnet_cidr", "", at);
        let name = format!("nodes of {}", one.name);
        Some(PlannedRange::new(RangeKind::Nodes, name, cidr, origin))
    };
    named.filter_map(range).collect()
}

/// Returns the ranges that Neutron should take floating IPs from.
pub(super) fn pools(site: &PlacedSite) -> Vec<PlannedPool> {
    let pools = site.site.lint.allocation_pools.iter().enumerate();
    let pool = |(nth, range): (usize, &super::super::bundle::AddressRange)| PlannedPool {
        name: "allocation pool".to_owned(),
        range: range.clone(),
        origin: Origin::of_site(
            "[lint] allocation_pools",
            "D-003",
            site.places.exact(&["lint", "allocation_pools", &nth.to_string()]),
        ),
    };
    pools.map(pool).collect()
}
