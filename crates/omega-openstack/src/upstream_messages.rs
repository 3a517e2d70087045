//! The services' messages that must be matched because the reason is not available in another form,
//! each with its source. No other file of this crate decides by searching in text.

use serde::{Deserialize, Serialize};

/// Why a service refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RefusalReason {
    /// The login or the token is not accepted.
    NotAuthenticated,
    /// Keystone does not know the application credential, or it was deleted.
    NoSuchCredential,
    /// The policy of the service does not permit it to this user.
    PolicyForbids,
    /// The project's quota is used up.
    OverQuota,
    /// It does not exist, or this user can't see it.
    NotFound,
    /// Magnum does not find the image.
    ImageNotFound,
    /// The image lacks the properties that Magnum needs.
    ImageLacksDistro,
    /// Magnum does not find something that a template names.
    ReferenceNotFound,
    /// It already exists.
    AlreadyExists,
    /// Another object uses it.
    InUse,
    /// It is already being deleted.
    BeingDeleted,
    /// The service is changing it, and accepts no other request.
    Busy,
    /// Another conflict with the current state.
    Conflict,
    /// The service limits the rate of requests.
    RateLimited,
    /// The answer comes from somewhere else: the address is wrong.
    Redirected,
    /// The service does not have the version of the API that the call needs.
    VersionNotSupported,
    /// The service, or the provider behind it, has no such function.
    NotSupported,
    /// The request itself is wrong.
    Invalid,
    /// The service, or a proxy in front of it, can't answer now.
    Unavailable,
    /// The service failed.
    ServiceFault,
}

impl RefusalReason {
    /// Returns the reason for an answer with `status`, from the service's name for it and its message.
    pub(crate) fn new(status: u16, kind: Option<&str>, words: &str) -> Self {
        match (status, kind.unwrap_or_default()) {
            // Neutron names its reasons: neutron-lib 3.1, exceptions/__init__.py.
            (_, "OverQuota") => Self::OverQuota,
            (409, "SecurityGroupRuleExists") => Self::AlreadyExists,
            (409, kind) if kind.contains("InUse") => Self::InUse,
            (300..=399, _) => Self::Redirected,
            (401, _) => Self::NotAuthenticated,
            (406, _) => Self::VersionNotSupported,
            (404, _) if words.contains(NO_CREDENTIAL) => Self::NoSuchCredential,
            (404, _) => Self::NotFound,
            (403 | 413, _) if has(words, &QUOTA) => Self::OverQuota,
            (403, _) => Self::PolicyForbids,
            (409, _) if words.contains(PENDING_DELETE) => Self::BeingDeleted,
            (409, _) if has(words, &PENDING) => Self::Busy,
            (409, _) => Self::Conflict,
            (429, _) => Self::RateLimited,
            (400, _) if words.contains(TEMPLATE_IN_USE) => Self::InUse,
            (400, _) if words.contains(IMAGE_UNSET) => Self::ImageNotFound,
            (400, _) if words.contains(IMAGE_NONE) => Self::ImageLacksDistro,
            (400, _) if has(words, &REFERENCES) => Self::ReferenceNotFound,
            (400, _) if words.starts_with("Image ") && words.contains(IMAGE_ABSENT) => {
                Self::ReferenceNotFound
            }
            (400, _) if words.contains(NO_NODE_GROUPS_YET) => Self::Unavailable,
            // Octavia's answer for a provider without the function: its transaction is rolled back
            // (octavia 14, `common/exceptions.py`, `ProviderNotImplementedError`).
            (501, _) => Self::NotSupported,
            (502..=504, _) => Self::Unavailable,
            (500.., _) => Self::ServiceFault,
            _ => Self::Invalid,
        }
    }

    /// Returns the reason for a service's refusal from a text that quotes it: a condition of Cluster API,
    /// a log, Magnum's `status_reason`. None if the text has no known refusal.
    pub fn from_message(words: &str) -> Option<Self> {
        [
            (&LOGIN[..], Self::NotAuthenticated),
            (&QUOTA[..], Self::OverQuota),
            // Octavia also answers 403 for a quota, so this comes last.
            (&POLICY[..], Self::PolicyForbids),
        ]
        .into_iter()
        .find_map(|(known, reason)| has(words, known).then_some(reason))
    }

    /// Returns what the operator can do about it.
    pub(crate) fn next(self) -> Option<&'static str> {
        Some(match self {
            Self::OverQuota => {
                "raise the project's quota (openstack quota show, quota set) or remove what is unused"
            }
            Self::NotAuthenticated => "check the user, its password and their domains",
            Self::PolicyForbids => {
                "use a user with a role that permits it on this scope (the service's policy refused it)"
            }
            Self::RateLimited => "wait: the service limits the rate of requests",
            Self::Redirected => {
                "check the address of the service: openstack endpoint list, and cloud overrides; \
                 omega follows no redirect, since a token goes along"
            }
            Self::VersionNotSupported => {
                "the service is older than what omega needs for this: see the releases in \
                 docs/site-file.md"
            }
            Self::ImageNotFound => "check the image's name, and that the project may see it",
            Self::ImageLacksDistro => {
                "set the image's properties: openstack image set --property os_distro=ubuntu \
                 --property kube_version=vX.Y.Z IMAGE"
            }
            Self::ReferenceNotFound => {
                "check the name, and that the project may see it: Magnum checks a template's image, \
                 flavors and networks at every update, also those that stay as they are"
            }
            Self::NotSupported => {
                "the provider can't do it, and nothing was changed: openstack loadbalancer show names \
                 the provider; create the load balancer again with one that can (amphora)"
            }
            Self::NotFound => {
                "check that it is still there, and that this project may see it; if the service finds \
                 nothing at all, the path of its endpoint is wrong: openstack endpoint list"
            }
            Self::NoSuchCredential => {
                "create an application credential again, and give its id and secret to whoever uses it"
            }
            Self::AlreadyExists => "run the same command again: it reads the state first",
            Self::InUse => "remove what uses it first, or leave it",
            Self::BeingDeleted => "wait until it is deleted, then run the same command again",
            Self::Busy => {
                "wait until the service has finished the change that is under way, then run the same \
                 command again"
            }
            Self::Conflict => {
                "do what the message says, then run the same command again; if it is not the service's \
                 message, look at the proxy in front of it"
            }
            Self::Invalid => {
                "the service does not accept the request: see its message and its log, and whether a \
                 proxy in front of it answered in its place"
            }
            Self::ServiceFault | Self::Unavailable => return None,
        })
    }
}

/// Keystone 22, `exception.py`, `ApplicationCredentialNotFound`
/// (recordings/keystone-credential-deleted.json). A 404 may also come from a URL that is not Keystone's.
const NO_CREDENTIAL: &str = "Could not find Application Credential";

/// Octavia 11, `common/exceptions.py`, `ImmutableObject`, `LBPendingStateError` (recordings/octavia-loadbalancer-delete-pending.json).
const PENDING_DELETE: &str = "Invalid state PENDING_DELETE ";
const PENDING: [&str; 2] = ["Invalid state PENDING_", "is immutable and cannot be updated"];

/// Magnum 18.0.1, `common/exception.py`, `ClusterTemplateReferenced`
/// (recordings/magnum-template-in-use.json).
const TEMPLATE_IN_USE: &str = "is referenced by one or multiple clusters";

/// Magnum 18.0.1, `drivers/common/driver.py`, `ClusterTypeNotSupported`: the second word is the
/// image's `os_distro`, "Unset" if there is no image and "None" if it has no such property
/// (recordings/magnum-template-absent-image.json, magnum-template-plain-image.json).
const IMAGE_UNSET: &str = "Cluster type (vm, Unset,";
const IMAGE_NONE: &str = "Cluster type (vm, None,";

/// Magnum 18.0.1, `common/exception.py`, answered with 400: `FlavorNotFound`, `ExternalNetworkNotFound`
/// (recordings/magnum-template-absent-flavor.json, magnum-template-absent-network.json),
/// `FixedNetworkNotFound`, `FixedSubnetNotFound`, and `ImageNotFound`, which only an update gives
/// (`api/attr_validator.py`).
const REFERENCES: [&str; 4] = [
    "Unable to find flavor ",
    "Unable to find external network ",
    "Unable to find fixed network ",
    "Unable to find fixed subnet ",
];
const IMAGE_ABSENT: &str = " could not be found.";

/// Magnum 18.0.1's answer to a list of clusters while one is being created, between its row and its
/// node groups: `master_count` is their sum, and `api/controllers/v1/cluster.py` requires at least 1
/// (observed in the lab).
const NO_NODE_GROUPS_YET: &str = "Invalid input for field/attribute master_count";

/// Neutron ("Quota exceeded for resources", `OverQuota`), Octavia 11 ("Quota has been met for
/// resources", answered with 403), Nova 26 ("Quota exceeded for instances"), Cinder
/// (`VolumeSizeExceedsAvailableQuota`, "exceeded for quota 'volumes'"), Glance 25 ("Image exceeds the storage
/// quota", `api/v2/image_data.py`) and oslo.limit 1.5 ("is over limit of", "is over a limit for").
const QUOTA: [&str; 8] = [
    "OverQuota",
    "Quota exceeded",
    "Quota has been met",
    "ExceedsAvailableQuota",
    "exceeded for quota",
    "is over limit of",
    "is over a limit for",
    "exceeds the storage quota",
];

/// Glance 25, `api/v2/image_data.py`, answered with 413: `image_size_cap`, and a full disk.
const IMAGE_TOO_LARGE: &str = "is too large";
const STAGING_FULL: &str = "Image storage media is full";

/// Returns what to do about a 413 to bytes for Glance, by its message.
pub(crate) fn image_limit(words: &str) -> &'static str {
    if has(words, &QUOTA) {
        "raise the project's quota in Glance (user_storage_quota in glance-api.conf, or openstack limit \
         list), or delete images that are not used"
    } else if words.contains(IMAGE_TOO_LARGE) {
        "raise image_size_cap in glance-api.conf, or give a smaller image"
    } else if words.contains(STAGING_FULL) {
        "free space where Glance stages images, on its unit"
    } else {
        "look for a limit on the size of requests in the proxy in front of Glance, and for Glance's quotas"
    }
}

/// Keystone 22 and keystonemiddleware for a credential that is no longer known, and
/// gophercloud 2 ("got 401 instead").
const LOGIN: [&str; 5] = [
    "got 401",
    "Authentication failed",
    "could not be authenticated",
    NO_CREDENTIAL,
    "Unauthorized",
];

/// Octavia 11 ("Policy does not allow this request to be performed"), Nova 26 and Cinder ("Policy doesn't
/// allow `os_compute_api:servers:create` to be performed"), Neutron ("disallowed by policy"), Keystone 22 and
/// Glance ("You are not authorized to"), and gophercloud 2 ("got 403 instead").
const POLICY: [&str; 6] = [
    "got 403",
    "Forbidden",
    "Policy does not allow",
    "Policy doesn't allow",
    "disallowed by policy",
    "not authorized",
];

/// A service of OpenStack that refused something by its policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum RefusingService {
    /// Nova.
    Compute,
    /// Neutron.
    Network,
    /// Octavia.
    LoadBalancer,
    /// Cinder.
    BlockStorage,
    /// Glance.
    Image,
    /// Keystone.
    Identity,
}

/// What only one service says. Nova 26, `policies/base.py` (`os_compute_api:servers:create`); Octavia 11,
/// `common/exceptions.py`, `PolicyForbidden`, in WSME's fault; Neutron 21, in its own error; Cinder 21,
/// `policies/volumes.py` (`volume:create`); Glance 25, `api/policy.py`; Keystone 22, `exception.py`,
/// `ForbiddenAction`, which names a rule (`identity:...`).
const SAID_BY: [(&str, RefusingService); 8] = [
    ("os_compute_api:", RefusingService::Compute),
    ("Policy does not allow this request to be performed", RefusingService::LoadBalancer),
    ("os_load-balancer_api:", RefusingService::LoadBalancer),
    ("NeutronError", RefusingService::Network),
    ("disallowed by policy", RefusingService::Network),
    ("Policy doesn't allow volume", RefusingService::BlockStorage),
    ("You are not authorized to complete", RefusingService::Image),
    ("requested action: identity:", RefusingService::Identity),
];

/// What only one service has in the paths of its API; the first counts.
const PATHS_OF: [(&str, RefusingService); 13] = [
    ("/lbaas/", RefusingService::LoadBalancer),
    ("/v2.0/", RefusingService::Network),
    ("/v2.1/", RefusingService::Compute),
    ("/servers", RefusingService::Compute),
    ("/flavors", RefusingService::Compute),
    ("/os-keypairs", RefusingService::Compute),
    ("/os-server-groups", RefusingService::Compute),
    ("/os-interface", RefusingService::Compute),
    ("/volumes", RefusingService::BlockStorage),
    ("/types", RefusingService::BlockStorage),
    ("/images", RefusingService::Image),
    ("/auth/", RefusingService::Identity),
    ("/users", RefusingService::Identity),
];

impl RefusingService {
    /// Returns the service whose refusal a text quotes: a condition of Cluster API, a log. None if the text
    /// does not tell.
    pub fn from_message(words: &str) -> Option<Self> {
        let said = SAID_BY.iter().find(|(known, _)| words.contains(known));
        // gophercloud 2: `when accessing [POST https://nova.example:8774/v2.1/servers], but got 403`.
        let path = || {
            let (_, url) = words.split_once("://")?;
            let url = url.split([']', ' ', '"']).next()?;
            let (_, path) = url.split_once('/')?;
            let path = format!("/{path}");
            PATHS_OF.iter().find(|(known, _)| path.contains(known))
        };
        said.or_else(path).map(|(_, service)| *service)
    }

    /// Returns its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Compute => "Nova",
            Self::Network => "Neutron",
            Self::LoadBalancer => "Octavia",
            Self::BlockStorage => "Cinder",
            Self::Image => "Glance",
            Self::Identity => "Keystone",
        }
    }

    /// Returns the role on the project that its default policy asks of a user who creates a cluster's
    /// resources; none if there is no such role (nova 26, `policies/base.py`; neutron 21,
    /// `conf/policies/base.py`; cinder 21, `policies/base.py`; glance 25, `policies/base.py`; octavia 11,
    /// `policies/base.py`).
    pub fn role(self) -> Option<&'static str> {
        match self {
            Self::LoadBalancer => Some("load-balancer_member"),
            Self::Compute | Self::Network | Self::BlockStorage | Self::Image => Some("member"),
            Self::Identity => None,
        }
    }
}

/// Returns the rule of a policy that a refusal names: `os_compute_api:servers:create`.
///
/// Source: nova 26, `exception.py`, `PolicyNotAuthorized`; neutron-lib 3.1, `exceptions/__init__.py`,
/// `PolicyNotAuthorized` (`(rule:create_port and ...) is disallowed by policy`); keystone 22,
/// `exception.py`, `ForbiddenAction`.
pub fn refusing_rule(words: &str) -> Option<&str> {
    let after = |mark: &str| words.split_once(mark).map(|(_, rest)| rest);
    let rest = after("Policy doesn't allow ")
        .or_else(|| after("rule:"))
        .or_else(|| after("requested action: "))?;
    let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "_:-".contains(c)));
    rest.get(..end.unwrap_or(rest.len())).filter(|rule| rule.contains([':', '_']))
}

/// Returns whether the system's resolver found no address.
///
/// Source: Rust's standard library, `std/src/sys/net/connection/socket.rs`, `cvt_gai`, which sets
/// no specific [`std::io::ErrorKind`].
pub(crate) fn is_unresolved(words: &str) -> bool {
    words.contains("failed to lookup address information")
}

fn has(words: &str, known: &[&str]) -> bool {
    known.iter().any(|known| words.contains(known))
}

/// Returns the relevant sentence of helm's standard error, which helm 3 begins with "Error:"
/// (`cmd/helm/helm.go`).
pub(crate) fn error_sentence(reason: &str) -> &str {
    let lines = reason.lines().map(str::trim).filter(|line| !line.is_empty());
    let error = lines.clone().rfind(|line| line.contains("Error:"));
    error.or_else(|| lines.clone().next_back()).unwrap_or(reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_are_repeated_say_the_reason() {
        use RefusalReason::{NotAuthenticated, OverQuota, PolicyForbids};
        for (words, reason) in [
            (
                "got 401 instead: The request you have made requires authentication",
                Some(NotAuthenticated),
            ),
            ("got 403 instead: Quota has been met for resources: Load Balancers", Some(OverQuota)),
            (
                "got 403 instead: Policy does not allow this request to be performed.",
                Some(PolicyForbids),
            ),
            ("got 409 instead: Quota exceeded for resources: ['router'].", Some(OverQuota)),
            ("got 404 instead: Could not find Application Credential: 5.", Some(NotAuthenticated)),
            (
                "got 403: Resource servers is over limit of 10 due to current usage 10",
                Some(OverQuota),
            ),
            (
                "got 413: VolumeSizeExceedsAvailableQuota: exceeds allowed gigabytes",
                Some(OverQuota),
            ),
            (
                "413 Request Entity Too Large: Image exceeds the storage quota: The size of the data 5 \
                 will exceed the limit. 3 bytes remaining.",
                Some(OverQuota),
            ),
            ("Project p is over a limit for [Resource image_size_total]", Some(OverQuota)),
            ("VolumeLimitExceeded: Maximum exceeded for quota 'volumes'", Some(OverQuota)),
            ("no route to host", None),
        ] {
            assert_eq!(RefusalReason::from_message(words), reason, "{words}");
        }
    }

    #[test]
    fn a_status_and_a_name_say_the_reason() {
        use RefusalReason as R;
        for (status, kind, words, reason) in [
            (409, Some("OverQuota"), "", R::OverQuota),
            (403, None, "Quota has been met for resources: Load Balancers", R::OverQuota),
            (403, Some("PolicyNotAuthorized"), "", R::PolicyForbids),
            (409, Some("RouterInterfaceInUseByFloatingIP"), "", R::InUse),
            (409, Some("SecurityGroupRuleExists"), "", R::AlreadyExists),
            (409, None, "Invalid state PENDING_DELETE of loadbalancer resource 5", R::BeingDeleted),
            (409, None, "Invalid state PENDING_CREATE of loadbalancer resource 5", R::Busy),
            (409, None, "Load Balancer 5 is immutable and cannot be updated.", R::Busy),
            (400, None, "Unable to find fixed subnet a.", R::ReferenceNotFound),
            (400, None, "Image a could not be found.", R::ReferenceNotFound),
            (400, None, "Cluster a could not be found.", R::Invalid),
            (409, None, "Multiple ClusterTemplates exist with same name", R::Conflict),
            (404, None, "The resource could not be found.", R::NotFound),
            (429, None, "", R::RateLimited),
            (503, None, "", R::Unavailable),
            (500, None, "", R::ServiceFault),
            (501, None, "Provider 'ovn' does not support a requested action", R::NotSupported),
            (405, None, "", R::Invalid),
            (302, None, "", R::Redirected),
            (406, None, "", R::VersionNotSupported),
        ] {
            assert_eq!(R::new(status, kind, words), reason, "{status} {kind:?} {words}");
        }
    }

    #[test]
    fn a_refusal_names_its_service_and_its_rule() {
        use RefusingService as S;
        let nova = "got 403 instead: {\"forbidden\": {\"code\": 403, \"message\": \"Policy doesn't allow \
                    os_compute_api:servers:create to be performed.\"}}";
        let octavia = "when accessing [POST https://octavia.example:9876/v2/lbaas/loadbalancers], but got 403";
        for (words, service, rule) in [
            (nova, Some(S::Compute), Some("os_compute_api:servers:create")),
            (
                "when accessing [POST https://cloud.example/compute/v2.1/servers], but got 403 instead: no",
                Some(S::Compute),
                None,
            ),
            (
                "got 403 instead: Policy does not allow this request to be performed.",
                Some(S::LoadBalancer),
                None,
            ),
            (octavia, Some(S::LoadBalancer), None),
            (
                "{\"NeutronError\": {\"type\": \"PolicyNotAuthorized\", \"message\": \"(rule:create_port and \
                 rule:create_port:fixed_ips) is disallowed by policy\"}}",
                Some(S::Network),
                Some("create_port"),
            ),
            (
                "[POST https://cloud.example:8776/v3/1/volumes], but got 403 instead: Policy doesn't allow \
                 volume:create to be performed.",
                Some(S::BlockStorage),
                Some("volume:create"),
            ),
            (
                "You are not authorized to perform the requested action: identity:create_trust.",
                Some(S::Identity),
                Some("identity:create_trust"),
            ),
            ("You are not authorized to complete get_image action.", Some(S::Image), None),
            ("got 403 instead: Forbidden", None, None),
            ("no route to host", None, None),
        ] {
            assert_eq!(S::from_message(words), service, "{words}");
            assert_eq!(refusing_rule(words), rule, "{words}");
        }
        let refused =
            RefusalReason::from_message("Policy doesn't allow volume:create to be performed.");
        assert_eq!(refused, Some(RefusalReason::PolicyForbids));
        assert_eq!(S::Compute.role(), Some("member"));
        assert_eq!(S::LoadBalancer.role(), Some("load-balancer_member"));
    }
}
