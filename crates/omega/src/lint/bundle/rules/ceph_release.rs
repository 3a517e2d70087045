//! `ceph-release`

use omega_core::Severity;

use super::{
    Hit, Input, Rule,
    base::base_of,
    openstack_release::{archive, is_wrong},
};

pub(super) const RULE: Rule = Rule {
    id: "ceph-release",
    decision: Some("D-005"),
    severity: Severity::Broken,
    reason: "Ceph's packages come from the archive of the same release of OpenStack, and Squid with them.",
    source: "config.yaml of charm-ceph-mon and charm-ceph-osd, stable/squid-jammy: source is caracal by default",
};

pub(super) fn check(input: &Input<'_>) -> Vec<Hit> {
    let of_ceph = |charm: &str| charm.starts_with("ceph-");
    let applications = &input.bundle.applications;
    applications
        .iter()
        .filter(|application| application.charm().is_some_and(of_ceph))
        .filter_map(|application| {
            let value = application.option("source")?;
            let source = value.text()?;
            let pocket = source.strip_prefix("cloud:")?;
            let base = base_of(application, input.bundle);
            if !is_wrong(pocket, input.policy, base) {
                return None;
            }
            let summary = format!(
                "source is {source:?}: it has another release of Ceph than {}",
                input.policy.ceph
            );
            let hit = Hit::new(value.place, &application.name, summary, "leave the option out");
            Some(match archive(input.policy, base) {
                Some(right) => hit.fix(value.text(), &right),
                None => hit,
            })
        })
        .collect()
}
