use std::{collections::BTreeMap, fmt, pin::Pin, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{Failure, Finding, TargetPlan};

/// What distinguishes a site from others whose units have the same names: where its cloud, its model
/// and its management cluster are, and how each unit is reached.
pub type Endpoints = BTreeMap<String, String>;

/// The desired facts, in order.
pub struct Job {
    /// `graft`, `rollback`, or an operation's name.
    pub name: String,
    /// The site, as the operator named it.
    pub site: String,
    /// The targets. They run one after another; units may run at the same time if the engine allows
    /// it. A failure stops the rest.
    pub targets: Vec<TargetPlan>,
    /// Gates that can only hold when everything else is in the desired state. They are checked last,
    /// and repeatedly after a change.
    pub afterwards: Vec<TargetPlan>,
    /// What to store before the first change.
    pub pre_state: Option<PreState>,
    /// The number of remote executions and requests.
    pub counts: Arc<dyn Fn() -> Counts + Send + Sync>,
    /// What distinguishes this site from others.
    pub endpoints: Endpoints,
    /// The runs that this one rolls back, newest first.
    pub rolls_back: Vec<String>,
    /// What is worth knowing about the desired facts, whatever is found. The report has it.
    pub findings: Vec<Finding>,
}

/// Captures what to store, when called.
pub type PreState = Box<
    dyn Fn() -> Pin<Box<dyn Future<Output = Result<serde_json::Value, Failure>> + Send>>
        + Send
        + Sync,
>;

impl Job {
    /// Returns the job `name` with these targets, and nothing else.
    pub fn new(name: &str, site: impl Into<String>, targets: Vec<TargetPlan>) -> Self {
        Self {
            name: name.to_owned(),
            site: site.into(),
            targets,
            afterwards: Vec::new(),
            pre_state: None,
            counts: Arc::new(Counts::default),
            endpoints: Endpoints::new(),
            rolls_back: Vec::new(),
            findings: Vec::new(),
        }
    }

    /// Adds what is worth knowing about the desired facts.
    #[must_use]
    pub fn with_findings(self, findings: Vec<Finding>) -> Self {
        Self { findings, ..self }
    }

    /// Adds the counters, and the site that the job is for.
    #[must_use]
    pub fn on(
        self,
        endpoints: Endpoints,
        counts: impl Fn() -> Counts + Send + Sync + 'static,
    ) -> Self {
        Self { endpoints, counts: Arc::new(counts), ..self }
    }
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, site, targets, .. } = self;
        f.debug_struct("Job")
            .field("name", name)
            .field("site", site)
            .field("targets", targets)
            .finish_non_exhaustive()
    }
}

/// The number of operations that a command needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Counts {
    /// Units that were read.
    pub units: usize,
    /// Remote executions on units.
    pub executions: usize,
    /// HTTP requests to the cloud and to the management API.
    pub requests: usize,
    /// Remote executions and requests for locks. They are not among the others.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub locks: usize,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}
