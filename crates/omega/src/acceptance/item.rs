//! The items of the acceptance bar, and what one of them answers.

use std::{fmt, str::FromStr};

use async_trait::async_trait;
use omega_core::{Context, Evidence, Failure, Finding, Note, Severity, StepId, Subject};
use serde::{Deserialize, Serialize};

use super::Chart;

/// An item of D-011. The ids are those of the runbook: never rename them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ItemId {
    /// All charms are active and idle.
    #[serde(rename = "D-011.1")]
    Charms,
    /// The core services answer this machine.
    #[serde(rename = "D-011.2")]
    Endpoints,
    /// A tenant's server reaches the address of the APIs.
    #[serde(rename = "D-011.3")]
    Tenant,
    /// Load balancers distribute, fail over and recover.
    #[serde(rename = "D-011.4")]
    LoadBalancer,
    /// A cluster is created end to end.
    #[serde(rename = "D-011.5")]
    Cluster,
    /// Vault is unsealed.
    #[serde(rename = "D-011.6")]
    Vault,
    /// The snapshots of the hypervisor's domains exist.
    #[serde(rename = "D-011.7")]
    Snapshots,
    /// Zones and names in the cloud's own DNS.
    #[serde(rename = "D-011.8")]
    Designate,
}

impl ItemId {
    /// Every item, in the order of the runbook.
    pub const ALL: [Self; 8] = [
        Self::Charms,
        Self::Endpoints,
        Self::Tenant,
        Self::LoadBalancer,
        Self::Cluster,
        Self::Vault,
        Self::Snapshots,
        Self::Designate,
    ];

    /// Returns its id (`D-011.1`).
    pub fn name(self) -> &'static str {
        match self {
            Self::Charms => "D-011.1",
            Self::Endpoints => "D-011.2",
            Self::Tenant => "D-011.3",
            Self::LoadBalancer => "D-011.4",
            Self::Cluster => "D-011.5",
            Self::Vault => "D-011.6",
            Self::Snapshots => "D-011.7",
            Self::Designate => "D-011.8",
        }
    }

    /// Returns what it is about, in a few words.
    pub fn title(self) -> &'static str {
        match self {
            Self::Charms => "Charms active and idle",
            Self::Endpoints => "Core APIs from this machine",
            Self::Tenant => "APIs from a tenant's server",
            Self::LoadBalancer => "Load balancing and failover",
            Self::Cluster => "Cluster end to end",
            Self::Vault => "Vault unsealed",
            Self::Snapshots => "Snapshots of the hypervisor",
            Self::Designate => "DNS inside the cloud",
        }
    }

    /// Returns what must hold.
    pub fn criterion(self) -> &'static str {
        match self {
            Self::Charms => {
                "The workload of every unit is active and its agent idle, subordinates included; \
                 every machine is started."
            }
            Self::Endpoints => {
                "The public endpoint of every core service answers an authenticated request from \
                 this machine, over TLS with a certificate that the cloud's CA verifies."
            }
            Self::Tenant => {
                "A server on a tenant network reaches the public address of the APIs: TCP, then TLS \
                 with the cloud's CA."
            }
            Self::LoadBalancer => {
                "A service of type LoadBalancer is answered by both of its pods; the load balancer \
                 of a cluster's API fails over and is ACTIVE again."
            }
            Self::Cluster => {
                "A cluster that Magnum created is CREATE_COMPLETE and HEALTHY, and works inside: \
                 nodes, network, cloud controller, volumes, DNS."
            }
            Self::Vault => {
                "Every unit of Vault is initialised and unsealed, and one of them is active."
            }
            Self::Snapshots => "Every domain of the hypervisor has the baseline snapshots.",
            Self::Designate => "Zones exist, and servers of tenants resolve the names of the APIs.",
        }
    }

    /// Returns the decisions that it checks.
    pub fn decisions(self) -> &'static [&'static str] {
        match self {
            Self::Charms => &["D-011"],
            Self::Endpoints => &["D-011", "D-019", "DOCFIX-039"],
            Self::Tenant => &["D-011", "D-003", "DOCFIX-038"],
            Self::LoadBalancer => &["D-011", "DOCFIX-040"],
            Self::Cluster => &["D-011", "D-031"],
            Self::Vault => &["D-011", "D-006"],
            Self::Snapshots => &["D-011", "D-012"],
            Self::Designate => &["D-011", "D-008", "D-019"],
        }
    }

    /// Returns whether it is about a workload cluster.
    pub fn needs_cluster(self) -> bool {
        matches!(self, Self::LoadBalancer | Self::Cluster)
    }

    /// Returns what events about it are named.
    pub fn step(self) -> StepId {
        let (target, kind) = ("acceptance".to_owned(), "acceptance".to_owned());
        StepId { target, kind, key: self.name().to_owned() }
    }

    /// Returns what it is about, for events.
    pub fn subject(self) -> Subject {
        Subject::new(self.name(), self.title())
    }
}

impl fmt::Display for ItemId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// It is no item of D-011.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownItem(String);

impl fmt::Display for UnknownItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = ItemId::ALL.map(ItemId::name).join(", ");
        write!(f, "no item `{}`; one of: {all}", self.0)
    }
}

impl std::error::Error for UnknownItem {}

impl FromStr for ItemId {
    type Err = UnknownItem;

    /// Reads `D-011.4`, `d-011.4` or `4`.
    fn from_str(text: &str) -> Result<Self, UnknownItem> {
        let name = text.to_ascii_uppercase();
        let is =
            |item: &Self| item.name() == name || item.name().strip_prefix("D-011.") == Some(text);
        Self::ALL.into_iter().find(is).ok_or_else(|| UnknownItem(text.to_owned()))
    }
}

/// An item that can be checked. One file each, in `items`.
#[async_trait]
pub trait Item: Send + Sync {
    /// Returns which one it is.
    fn id(&self) -> ItemId;

    /// Returns whether it only reads. Then the run may drop it half-way when it is stopped. One that
    /// writes MUST heed the context's cancellation and deadline itself, and remove what it made with
    /// [`with_temporary`](omega_core::with_temporary), so that its journal tells what is left.
    fn only_reads(&self) -> bool {
        true
    }

    /// Returns what it makes and changes, each as a sentence without its subject. Empty if it only reads.
    ///
    /// # Errors
    ///
    /// Tells why it will not be checked: it is not required, or the site does not name what it needs.
    fn effects(&self) -> Result<Vec<String>, Failure>;

    /// Checks it. Progress goes to `ctx`.
    async fn check(&self, ctx: &Context) -> Answer;
}

/// The outcome of an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Outcome {
    /// The criterion holds.
    Passed,
    /// The criterion does not hold: see the findings.
    Failed,
    /// The criterion is not required now.
    Deferred {
        /// The decision that says so (`D-019`).
        decision: String,
        /// What it says.
        why: String,
    },
    /// It is not known whether the criterion holds.
    NotRun {
        /// Why it was not, or could not be, checked.
        why: String,
        /// What to do about it.
        next: Option<String>,
    },
}

/// What an item answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The outcome.
    pub outcome: Outcome,
    /// What is wrong, and what could not be checked.
    pub findings: Vec<Finding>,
    /// What was observed.
    pub evidence: Vec<Evidence>,
    /// Where the runbook and the facts differ.
    pub notes: Vec<Note>,
    /// What took how long.
    pub charts: Vec<Chart>,
}

impl Answer {
    /// Decides by the findings, which are sorted by severity. What is broken fails the item; else what could not be checked leaves it
    /// open; else it passes.
    pub fn judged(mut findings: Vec<Finding>, evidence: Vec<Evidence>) -> Self {
        findings.sort_by_key(|one| one.severity);
        let first = |severity| findings.iter().find(|one: &&Finding| one.severity == severity);
        let outcome = match (first(Severity::Broken), first(Severity::Unknown)) {
            (Some(_), _) => Outcome::Failed,
            (None, Some(unknown)) => {
                Outcome::NotRun { why: unknown.summary.clone(), next: unknown.remedy.clone() }
            }
            (None, None) => Outcome::Passed,
        };
        Self { findings, evidence, ..Self::new(outcome) }
    }

    /// Returns that it was not checked.
    pub fn not_run(why: impl Into<String>, next: impl Into<String>) -> Self {
        Self::new(Outcome::NotRun { why: why.into(), next: Some(next.into()) })
    }

    /// Returns that it could not be checked.
    pub fn unasked(failure: &Failure) -> Self {
        let all = std::iter::once(&failure.message).chain(&failure.causes);
        let why = all.map(String::as_str).collect::<Vec<_>>().join(": ");
        Self::new(Outcome::NotRun { why, next: failure.next.clone() })
    }

    /// Returns that it is not required, because of `decision`.
    pub fn deferred(decision: &str, why: impl Into<String>) -> Self {
        Self::new(Outcome::Deferred { decision: decision.to_owned(), why: why.into() })
    }

    /// Adds where the runbook and the facts differ.
    #[must_use]
    pub fn noting(mut self, notes: impl IntoIterator<Item = Note>) -> Self {
        self.notes.extend(notes);
        self
    }

    /// Adds a chart, unless it is empty.
    #[must_use]
    pub fn charting(mut self, chart: Chart) -> Self {
        self.charts.extend((!chart.is_empty()).then_some(chart));
        self
    }

    fn new(outcome: Outcome) -> Self {
        let (findings, evidence, notes, charts) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { outcome, findings, evidence, notes, charts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_is_written() {
        for item in ItemId::ALL {
            assert_eq!(item.name().parse(), Ok(item));
            assert_eq!(serde_json::to_value(item).unwrap(), item.name());
        }
        assert_eq!("d-011.4".parse(), Ok(ItemId::LoadBalancer));
        assert_eq!("4".parse(), Ok(ItemId::LoadBalancer));
        let error = "D-011.9".parse::<ItemId>().unwrap_err().to_string();
        assert!(error.starts_with("no item `D-011.9`; one of: D-011.1, "), "{error}");
    }

    #[test]
    fn what_is_broken_comes_before_what_is_unknown() {
        let broken = Finding::broken("a", Subject::new("unit", "a/0"), "it is blocked");
        let unknown = broken.clone().severity(Severity::Unknown);
        let warning = broken.clone().severity(Severity::Warning);
        let outcome = |all: &[&Finding]| {
            Answer::judged(all.iter().map(|one| (*one).clone()).collect(), Vec::new()).outcome
        };
        assert_eq!(outcome(&[&unknown, &broken]), Outcome::Failed);
        let why = "it is blocked".to_owned();
        assert_eq!(outcome(&[&warning, &unknown]), Outcome::NotRun { why, next: None });
        assert_eq!(outcome(&[&warning]), Outcome::Passed);
    }
}
