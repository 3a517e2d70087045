//! Juju's model: applications, units, machines.

use omega_juju::channel::{JujuStatus, UnitStatus};

use super::{Application, Machine, Part, Unit, Unread};

/// The three parts that come from one `juju status`.
pub(super) type Model = (Part<Application>, Part<Unit>, Part<Machine>);

/// Returns the parts with the same reason in each.
pub(super) fn unknown(unread: &Unread) -> Model {
    (Part::unread(unread.clone()), Part::unread(unread.clone()), Part::unread(unread.clone()))
}

/// Returns the parts of a site without Juju.
pub(super) fn not_named(why: &str) -> Model {
    (Part::not_named(why), Part::not_named(why), Part::not_named(why))
}

/// Returns what the model has. What juju itself could not determine is unread.
pub(super) fn parts(status: &JujuStatus) -> Model {
    (applications(status), units(status), machines(status))
}

fn applications(status: &JujuStatus) -> Part<Application> {
    let all = status.all_applications();
    let failed = all.iter().filter_map(|one| {
        one.error.as_ref().map(|error| Unread::because(format!("application {}", one.name), error))
    });
    let failed: Vec<_> = failed.collect();
    let rows = all.into_iter().map(|one| Application {
        units: status.units(&one.name).unwrap_or_default().len(),
        name: one.name,
        charm: one.charm,
        channel: one.channel,
        revision: one.revision,
        base: one.base,
        version: one.version,
        subordinate: one.subordinate,
    });
    Part::of(rows.collect()).without(failed)
}

fn units(status: &JujuStatus) -> Part<Unit> {
    let all = status.all_units();
    let failed = all.iter().filter_map(|one| {
        one.error.as_ref().map(|error| Unread::because(format!("unit {}", one.name), error))
    });
    let failed: Vec<_> = failed.collect();
    let beside = |unit: &UnitStatus| {
        let has = |one: &&UnitStatus| one.subordinates.iter().any(|sub| sub.name == unit.name);
        all.iter().find(has).map(|one| one.name.to_string())
    };
    let rows = all.iter().map(|unit| Unit {
        name: unit.name.to_string(),
        principal: beside(unit),
        leader: unit.leader,
        machine: unit.machine.clone(),
        address: unit.address.clone(),
    });
    Part::of(rows.collect()).without(failed)
}

fn machines(status: &JujuStatus) -> Part<Machine> {
    let rows = status.all_machines().into_iter().map(|one| Machine {
        id: one.id,
        hostname: one.hostname,
        instance: one.instance_id,
        base: one.base,
        addresses: one.addresses,
        hardware: one.hardware,
    });
    Part::of(rows.collect())
}
