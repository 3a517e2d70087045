//! What the proofs of 7.9 have in common: names of their own, steps, and what is left behind.

use std::{fmt, ops::ControlFlow, time::Duration};

use omega_core::{Diagnostic as _, Failure, FailureClass, Touched};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::Error;

/// A cluster template as the driver needs it. Names, as Magnum's API takes them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TemplateSpec {
    /// An image with the properties `os_distro` and `kube_version`.
    pub image: String,
    /// The network that gives floating IPs.
    pub external_network: String,
    /// The workers' flavor.
    pub flavor: String,
    /// The control plane's flavor.
    pub master_flavor: String,
    /// Said always: where it is left out Magnum puts flannel, and the chart then installs no
    /// network at all.
    #[serde(default)]
    pub network_driver: NetworkDriver,
    /// The DNS server of the nodes' network.
    #[serde(default)]
    pub dns_nameserver: Option<String>,
    /// Labels, which the driver reads.
    #[serde(default)]
    pub labels: std::collections::BTreeMap<String, String>,
}

/// A network driver that the chart installs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NetworkDriver {
    /// Calico.
    #[default]
    Calico,
}

impl TemplateSpec {
    pub(super) fn body(&self, name: &str) -> Value {
        let mut body = Map::new();
        let NetworkDriver::Calico = self.network_driver;
        for (key, value) in [
            ("name", name),
            ("coe", "kubernetes"),
            ("image_id", &self.image),
            ("external_network_id", &self.external_network),
            ("flavor_id", &self.flavor),
            ("master_flavor_id", &self.master_flavor),
            ("network_driver", "calico"),
        ] {
            body.insert(key.to_owned(), json!(value));
        }
        if let Some(server) = &self.dns_nameserver {
            body.insert("dns_nameserver".to_owned(), json!(server));
        }
        body.insert("labels".to_owned(), json!(self.labels));
        Value::Object(body)
    }
}

/// What a proof is doing, for whoever watches. Answer `Break` to have it clean up and stop.
pub type Watch<'a> = &'a mut (dyn FnMut(&ProofStep) -> ControlFlow<()> + Send);

/// A step of a proof.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProofStep {
    /// Something is being made.
    Creating(String),
    /// Something is being waited for.
    Waiting {
        /// What is wanted (`CREATE_COMPLETE`).
        wanted: String,
        /// What was seen last.
        seen: String,
        /// For how long already.
        since: Duration,
    },
    /// Something is as wanted.
    Reached(String),
    /// A failure that may be repeated is.
    Again(String),
    /// Something is being deleted.
    Deleting(String),
}

impl fmt::Display for ProofStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Creating(what) => write!(f, "making {what}"),
            Self::Waiting { wanted, seen, since } => {
                write!(f, "waiting for {wanted}, is {seen} ({} s)", since.as_secs())
            }
            Self::Reached(what) => write!(f, "{what}"),
            Self::Again(why) => write!(f, "once more: {why}"),
            Self::Deleting(what) => write!(f, "deleting {what}"),
        }
    }
}

/// A proof did not succeed.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub struct ProofError {
    /// What was being done when it failed.
    pub what: String,
    /// What the operator can do.
    pub next: Option<String>,
    /// What the proof made and could not remove, each with its id.
    pub left: Vec<String>,
    /// Whether anything was made, removed since or not.
    pub touched: Touched,
    /// Which part it plays for a script.
    pub class: FailureClass,
    /// The cause, where it is a call that failed.
    pub source: Option<Error>,
}

impl ProofError {
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            next: None,
            left: Vec::new(),
            touched: Touched::Maybe,
            class: FailureClass::Error,
            source: None,
        }
    }

    pub(super) fn call(what: impl Into<String>, source: Error) -> Self {
        let class = if source.timed_out() { FailureClass::Deadline } else { FailureClass::Error };
        let next = hint(&source).or_else(|| source.next());
        Self { next, class, source: Some(source), ..Self::new(what) }
    }

    pub(super) fn untouched(self) -> Self {
        Self { touched: Touched::Nothing, ..self }
    }

    pub(super) fn next(self, next: impl Into<String>) -> Self {
        Self { next: Some(next.into()), ..self }
    }

    pub(super) fn class(self, class: FailureClass) -> Self {
        Self { class, ..self }
    }
}

/// Returns what Magnum means where its words don't say it.
fn hint(error: &Error) -> Option<String> {
    let message = &error.refusal()?.message;
    // Both are read off the image: an absent one gives "Unset", one without the property "None".
    let hint = if message.contains("Cluster type (vm, Unset,") {
        "Magnum found no such image: check its name and that the project may see it"
    } else if message.contains("Cluster type (vm, None,") {
        "set the image's properties: openstack image set --property os_distro=ubuntu \
         --property kube_version=vX.Y.Z IMAGE"
    } else {
        return None;
    };
    Some(hint.to_owned())
}

impl From<ProofError> for Failure {
    fn from(error: ProofError) -> Self {
        let causes =
            error.source.as_ref().map(|source| omega_core::chain(source)).unwrap_or_default();
        let found =
            (!error.left.is_empty()).then(|| format!("left behind: {}", error.left.join(", ")));
        let next = match (&error.next, error.left.is_empty()) {
            (next, true) => next.clone(),
            (None, false) => Some("remove what is left behind".to_owned()),
            (Some(next), false) => Some(format!("{next}; remove what is left behind")),
        };
        Self { found, next, causes, touched: error.touched, ..Self::new(error.class, error.what) }
    }
}

/// How a proof names what it makes, and how long it looks.
#[derive(Clone, Debug)]
pub struct ProofOptions {
    /// What the names of all that it makes begin with.
    pub prefix: String,
    /// How long until `CREATE_COMPLETE`.
    pub create: Duration,
    /// How long from there until HEALTHY.
    pub healthy: Duration,
    /// How long a delete may take.
    pub delete: Duration,
    /// Pause between two looks.
    pub every: Duration,
}

impl ProofOptions {
    /// Returns the deadlines for a cluster of a few machines: 30 minutes to be made, 5 to be
    /// healthy, 15 to be gone.
    pub fn new(prefix: impl Into<String>) -> Self {
        let minutes = |n: u64| Duration::from_secs(60 * n);
        Self {
            prefix: prefix.into(),
            create: minutes(30),
            healthy: minutes(5),
            delete: minutes(15),
            every: Duration::from_secs(5),
        }
    }

    /// Returns a name that nobody else has: the prefix and the time to the millisecond.
    pub(super) fn name(&self) -> String {
        let now = jiff::Timestamp::now();
        format!("{}-{}", self.prefix, now.strftime("%Y%m%d%H%M%S%3f"))
    }
}
