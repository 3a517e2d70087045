//! `vault-storage`

use omega_core::Severity;

use super::{Hit, Input, Rule};

pub(super) const RULE: Rule = Rule {
    id: "vault-storage",
    decision: Some("D-006"),
    severity: Severity::Broken,
    reason: "Vault keeps its secrets in etcd, whose certificates are from easyrsa.",
    source: "openstack/charm-vault src/metadata.yaml, README; openstack/charm-guide admin/ha.rst",
};

pub(super) fn check(input: &Input<'_>) -> Vec<Hit> {
    let bundle = input.bundle;
    let mut hits = Vec::new();
    for vault in bundle.of("vault") {
        if !bundle.is_related(&vault.name, "etcd", "etcd") {
            let remedy = "add the application etcd and the relation [vault:etcd, etcd:db]";
            hits.push(Hit::new(
                vault.place,
                &vault.name,
                "Vault has no relation with etcd",
                remedy,
            ));
        }
    }
    for etcd in bundle.of("etcd") {
        if !bundle.is_related(&etcd.name, "certificates", "easyrsa") {
            let remedy =
                "add the application easyrsa and the relation [etcd:certificates, easyrsa:client]";
            let summary = "etcd has no relation with easyrsa, so it gets no certificates";
            hits.push(Hit::new(etcd.place, &etcd.name, summary, remedy));
        }
        if etcd.units().is_some_and(|units| units != 0 && units % 2 == 0) {
            let place = etcd.field("num_units").map_or(etcd.place, |value| value.place);
            let summary = "etcd has an even number of units: one more survives no more failures";
            let hit = Hit::new(place, &etcd.name, summary, "use 1 or 3 units");
            hits.push(hit.severity(Severity::Warning));
        }
    }
    hits
}
