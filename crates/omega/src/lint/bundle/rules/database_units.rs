//! `database-units`

use omega_core::Severity;

use super::{Hit, Input, Rule};

pub(super) const RULE: Rule = Rule {
    id: "database-units",
    decision: None,
    severity: Severity::Broken,
    reason: "The cluster of MySQL forms with three units; with fewer it stays waiting, and every API with it.",
    source: "openstack/charm-mysql-innodb-cluster src/README.md and src/lib/charm/openstack/mysql_innodb_cluster.py: three units at least",
};

pub(super) fn check(input: &Input<'_>) -> Vec<Hit> {
    let databases = input.bundle.of("mysql-innodb-cluster");
    databases
        .filter_map(|database| {
            let units = database.units().filter(|units| *units < 3)?;
            let place = database.field("num_units").map_or(database.place, |value| value.place);
            Some(Hit::new(
                place,
                &database.name,
                format!("{units} units; the cluster needs three"),
                "set num_units: 3",
            ))
        })
        .collect()
}
