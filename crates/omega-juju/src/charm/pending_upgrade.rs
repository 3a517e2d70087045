//! Whether a change of the configuration would also upgrade `OpenStack`.

use omega_core::Note;
use serde::{Deserialize, Serialize};

/// What decides about a pending upgrade, where the charm would run it with any change of its
/// configuration: `action-managed-upgrade` is false (charm-nova-compute, `hooks/nova_compute_hooks.py`,
/// `config_changed`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Upgrade {
    /// `openstack-origin` (`cloud:jammy-caracal`).
    pub origin: String,
    /// The version of Nova that the application reports (`29.2.0`).
    pub running: Option<String>,
}

/// Releases of `OpenStack` and of Nova in them (releases.openstack.org).
const NOVA: [(&str, u32); 12] = [
    ("ussuri", 21),
    ("victoria", 22),
    ("wallaby", 23),
    ("xena", 24),
    ("yoga", 25),
    ("zed", 26),
    ("antelope", 27),
    ("bobcat", 28),
    ("caracal", 29),
    ("dalmatian", 30),
    ("epoxy", 31),
    ("flamingo", 32),
];

impl Upgrade {
    pub(super) fn new(origin: &str, running: Option<&str>) -> Self {
        Self { origin: origin.to_owned(), running: running.map(str::to_owned) }
    }

    /// Returns the warning, unless no upgrade is pending.
    pub(super) fn note(&self) -> Option<Note> {
        // What comes with the operating system is not upgraded by the origin.
        if self.origin.is_empty() || self.origin == "distro" {
            return None;
        }
        let origin = self.origin.split('/').next().unwrap_or_default();
        let name = origin.rsplit(['-', ':']).next().unwrap_or_default();
        let there = NOVA.iter().find(|(known, _)| *known == name).map(|(_, major)| *major);
        let here =
            self.running.as_deref().and_then(|version| version.split('.').next()?.parse().ok());
        let running = self.running.as_deref().unwrap_or("a version that it does not report");
        let state = match (there, here) {
            (Some(there), Some(here)) if there <= here => return None,
            (Some(_), Some(_)) => "an upgrade is pending",
            _ => "whether an upgrade is pending is not known",
        };
        Some(Note::new(format!(
            "{state}: openstack-origin is {}, Nova is {running}, and action-managed-upgrade is false: a \
             change of any option also runs a pending upgrade, on every unit. To prevent that: juju \
             config APPLICATION action-managed-upgrade=true, first",
            self.origin
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upgrade_is_pending_if_the_origin_is_newer() {
        let note = |origin, running| Upgrade::new(origin, running).note().map(|note| note.text);
        assert_eq!(note("distro", None), None);
        assert_eq!(note("cloud:jammy-antelope", Some("27.5.1")), None);
        assert_eq!(note("cloud:jammy-antelope/proposed", Some("28.0.0")), None);
        let newer = note("cloud:jammy-caracal", Some("28.1.0")).unwrap();
        assert!(newer.starts_with("an upgrade is pending: "), "{newer}");
        for unknown in [note("cloud:jammy-caracal", None), note("ppa:x/y", Some("28.1.0"))] {
            assert!(unknown.unwrap().starts_with("whether an upgrade is pending is not known"));
        }
    }
}
