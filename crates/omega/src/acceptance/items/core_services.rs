//! The names under which services are core services.

use omega_core::nearest_name;
use omega_openstack::Service;

use super::CORE;

/// Further types of the service-types authority.
const OTHERS: [&str; 22] = [
    "object-store",
    "orchestration",
    "dns",
    "baremetal",
    "baremetal-introspection",
    "shared-file-system",
    "database",
    "workflow",
    "message",
    "alarm",
    "metric",
    "event",
    "instance-ha",
    "application-container",
    "application-catalog",
    "backup",
    "reservation",
    "resource-optimization",
    "root-cause-analysis",
    "accelerator",
    "rating",
    "product-streams",
];

/// The projects behind the types of [`CORE`], and others that are often named.
const PROJECTS: [(&str, &str); 14] = [
    ("keystone", "identity"),
    ("barbican", "key-manager"),
    ("cinder", "block-storage"),
    ("glance", "image"),
    ("magnum", "container-infra"),
    ("neutron", "network"),
    ("nova", "compute"),
    ("octavia", "load-balancer"),
    ("horizon", "dashboard"),
    ("swift", "object-store"),
    ("heat", "orchestration"),
    ("designate", "dns"),
    ("ironic", "baremetal"),
    ("manila", "shared-file-system"),
];

/// What a name in `core` is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CoreService {
    /// A type that services have in a catalog, or Horizon.
    Known,
    /// No such type; this one was meant.
    Meant(&'static str),
    /// A type that only this cloud may have.
    Unknown,
}

impl CoreService {
    /// Says what `name` is.
    pub(crate) fn of(name: &str) -> Self {
        let services = [
            Service::Identity,
            Service::Network,
            Service::ContainerInfra,
            Service::BlockStorage,
            Service::LoadBalancer,
            Service::Compute,
            Service::Image,
        ];
        let types = services.iter().flat_map(|one| one.types().iter().copied());
        let known: Vec<&'static str> = CORE.into_iter().chain(types).chain(OTHERS).collect();
        if known.contains(&name) {
            return Self::Known;
        }
        let project = PROJECTS.into_iter().find(|(project, _)| project.eq_ignore_ascii_case(name));
        let meant = project.map(|(_, service)| service).or_else(|| nearest_name(name, known));
        meant.map_or(Self::Unknown, Self::Meant)
    }
}

#[cfg(test)]
mod tests {
    use super::CoreService;

    #[test]
    fn a_type_is_known_and_a_project_is_named_by_its_type() {
        for known in ["identity", "dashboard", "volumev3", "object-store"] {
            assert_eq!(CoreService::of(known), CoreService::Known, "{known}");
        }
        for (name, meant) in [
            ("Keystone", "identity"),
            ("loadbalancer", "load-balancer"),
            ("container_infra", "container-infra"),
            ("networking", "network"),
        ] {
            assert_eq!(CoreService::of(name), CoreService::Meant(meant), "{name}");
        }
        assert_eq!(CoreService::of("our-billing"), CoreService::Unknown);
    }
}
