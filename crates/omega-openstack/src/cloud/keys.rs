//! The names of values: how clouds.yaml and variables spell them, and which of them count.
//!
//! Source of what counts, and where: openstacksdk 4.22, `openstack/config/loader.py`
//! (`magic_fixes`, `_fix_backwards_auth`, `_validate_auth`), `openstack/config/cloud_region.py`
//! (`get_endpoint`, `get_region_name`, `get_interface`), and the options of keystoneauth1 5.18.

use crate::Service;

/// What says who logs in, and where: read inside `auth` and beside it.
const AUTH: &[&str] = &[
    "auth_url",
    "username",
    "user_id",
    "user_domain_id",
    "user_domain_name",
    "password",
    "token",
    "project_id",
    "project_name",
    "project_domain_id",
    "project_domain_name",
    "domain_id",
    "domain_name",
    "default_domain",
    "default_domain_id",
    "default_domain_name",
    "system_scope",
    "application_credential_id",
    "application_credential_name",
    "application_credential_secret",
];

/// What says how to connect: read beside `auth` only.
const BESIDE: &[&str] = &["auth_type", "region_name", "interface", "cacert", "verify", "insecure"];

/// What the standard client honours, and omega can't. With what to do instead.
const UNSUPPORTED: &[(&str, &str)] = &[
    ("profile", "write its values into the file"),
    ("cloud", "it names a profile: write its values into the file"),
    (
        "cert",
        "omega logs in without a client certificate: use a password or an application credential",
    ),
    (
        "key",
        "omega logs in without a client certificate: use a password or an application credential",
    ),
    ("trust_id", "omega can't log in with a trust: use an application credential"),
    ("passcode", "omega can't log in with a one-time password: use an application credential"),
    ("auth_methods", "omega can't log in with several methods: use an application credential"),
    ("auth_plugin", "write it as auth_type"),
    (
        "endpoint",
        "it names no service: use SERVICE_endpoint_override, for example network_endpoint_override",
    ),
    ("endpoint_override", "it names no service: use network_endpoint_override, for example"),
];

/// Old names: the new name, and whether it has priority where both are there.
const ALIASES: &[(&str, &str, bool)] = &[
    ("tenant_id", "project_id", true),
    ("tenant_name", "project_name", true),
    ("user_name", "username", true),
    ("auth_token", "token", true),
    ("region", "region_name", false),
    ("endpoint_type", "interface", false),
];

/// What a key means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A value by its name, and whether it is only read beside `auth`.
    Value { name: String, beside: bool, old: bool, old_is_weaker: bool },
    /// The address of a service.
    Endpoint(Service),
    /// A service's own region, interface, type or name: the general one counts here.
    Own { of: Service, general: Option<&'static str> },
    /// The version of the identity API.
    IdentityVersion,
    /// It can't be honoured.
    Unsupported(&'static str),
    /// It does not say where or as whom to connect.
    Other,
}

/// The services that omega speaks to, with the names that keys begin with.
///
/// Source: os-service-types 1.9, `service-types.json`.
const SERVICES: &[(Service, &[&str])] = &[
    (Service::Identity, &["identity"]),
    (Service::Network, &["network"]),
    (
        Service::ContainerInfra,
        &["container_infrastructure_management", "container_infrastructure", "container_infra"],
    ),
    (Service::BlockStorage, &["block_storage", "volumev3", "volumev2", "volume", "block_store"]),
    (Service::LoadBalancer, &["load_balancer"]),
    (Service::Compute, &["compute"]),
    (Service::Image, &["image"]),
    (Service::Placement, &["placement"]),
    (Service::KeyManager, &["key_manager"]),
];

/// Returns the services in the order of their names for a service: the first that is set counts.
pub(super) fn names_of(service: Service) -> &'static [&'static str] {
    SERVICES.iter().find(|(known, _)| *known == service).map_or(&[], |(_, names)| names)
}

/// Returns all services that an address can be given for.
pub(super) fn services() -> impl Iterator<Item = Service> {
    SERVICES.iter().map(|(service, _)| *service)
}

/// Returns what `key` means, with `_` instead of `-`.
pub(super) fn meaning(key: &str) -> Meaning {
    if let Some((_, name, old_is_weaker)) = ALIASES.iter().find(|(old, ..)| *old == key) {
        let beside = BESIDE.contains(name);
        let (name, old_is_weaker) = ((*name).to_owned(), *old_is_weaker);
        return Meaning::Value { name, beside, old: true, old_is_weaker };
    }
    let beside = BESIDE.contains(&key);
    if beside || AUTH.contains(&key) {
        return Meaning::Value { name: key.to_owned(), beside, old: false, old_is_weaker: false };
    }
    if let Some((_, next)) = UNSUPPORTED.iter().find(|(name, _)| *name == key) {
        return Meaning::Unsupported(next);
    }
    if key == "identity_api_version" {
        return Meaning::IdentityVersion;
    }
    for (service, names) in SERVICES {
        let rest = names.iter().find_map(|name| key.strip_prefix(name)?.strip_prefix('_'));
        match rest {
            Some("endpoint_override" | "endpoint") => return Meaning::Endpoint(*service),
            Some("region_name") => {
                return Meaning::Own { of: *service, general: Some("region_name") };
            }
            Some("interface" | "endpoint_type") => {
                return Meaning::Own { of: *service, general: Some("interface") };
            }
            Some("service_type" | "service_name") => {
                return Meaning::Own { of: *service, general: None };
            }
            Some(_) | None => {}
        }
    }
    Meaning::Other
}
