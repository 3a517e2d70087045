//! The JSON documents of the commands, for their schemas.
//!
//! Each has the fields of [`Envelope`] beside its own. A test compares what the commands print with it.

#![expect(dead_code, reason = "the types are read by schemars only")]
#![expect(clippy::struct_field_names, reason = "they are the names of the documents")]

use std::{collections::BTreeMap, path::PathBuf};

use omega::{
    acceptance::{AcceptanceReport, Files, PlannedItem},
    as_built::AsBuilt,
    core::{Entry, Failure, Finding, StepId},
    decisions::{Decision, DecisionState},
    doctor::{LayerFinding, LayerReport},
    drift::DriftReport,
    rehearsal::Invented,
    run::{Outcome, PlanFile, Report, Status},
};
use schemars::{JsonSchema, Schema, schema_for};
use serde_json::{Map, Value, json};

type Object = Map<String, Value>;

/// What every document has.
#[derive(JsonSchema)]
struct Envelope {
    /// The version of the document's format.
    schema_version: u32,
    /// The subcommand in full (`runs show`).
    command: String,
    /// The status.
    exit: Status,
    /// The exit code of the status, as the process ends with.
    exit_code: u8,
    /// Why it failed, if it did.
    failure: Option<Failure>,
}

/// A line of a journal.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub(crate) enum JournalLine {
    /// The first one.
    First {
        /// `omega-journal`.
        format: String,
        /// The version of the format.
        version: u32,
        /// The run's id.
        run: Option<String>,
    },
    /// Each later one.
    Later(Box<Entry>),
}

/// A command that failed before it had a result.
#[derive(JsonSchema)]
struct Failed {}

/// `show`
#[derive(JsonSchema)]
struct Show {
    /// The stored plan.
    plan: PlanFile,
}

/// `runs`
#[derive(JsonSchema)]
struct Runs {
    /// The runs, newest first.
    runs: Vec<Run>,
    /// What is wrong with runs that can't be read.
    damaged: Vec<Failure>,
}

/// A run, and what became of it.
#[derive(JsonSchema)]
struct Run {
    /// Its id: the time when it began, and four random digits.
    id: String,
    /// `graft`, `rollback`, or an operation's name.
    runbook: String,
    /// When it began.
    began: String,
    /// The site file.
    site: String,
    /// What distinguishes its site from others.
    endpoints: BTreeMap<String, String>,
    /// The runs that it rolls back, newest first.
    rolls_back: Vec<String>,
    /// How it ended.
    outcome: Outcome,
    /// The number of changes that were accepted.
    changes: Option<usize>,
    /// How long it took, in seconds.
    seconds: Option<f64>,
}

/// `locks`
#[derive(JsonSchema)]
struct Locks {
    /// The lock of each unit, and of the management cluster.
    locks: Vec<omega::locks::LockState>,
}

/// `runs show`
#[derive(JsonSchema)]
struct ShownRun {
    /// Its id.
    run: String,
    /// What it recorded, in order.
    entries: Vec<Entry>,
    /// Its report: that of `schema report`, or of `schema acceptance`. None: it was killed, or the report was
    /// edited.
    report: Option<Object>,
    /// Which of its documents were edited or are missing: their digests are not those of the journal.
    damaged: Vec<Failure>,
}

/// `runs sweep`
#[derive(JsonSchema)]
struct Sweep {
    /// With `--plan`: what would be removed.
    left: Option<Vec<Left>>,
    /// What was removed.
    swept: Option<Vec<Swept>>,
}

/// What a killed run left.
#[derive(JsonSchema)]
struct Left {
    /// The run.
    run: String,
    /// The step that made it.
    step: StepId,
}

/// What was removed.
#[derive(JsonSchema)]
struct Swept {
    /// The run that left it.
    run: String,
    /// The step that made it.
    step: StepId,
    /// Whether there was something to remove. None: it failed.
    removed: Option<bool>,
    /// Why it could not be removed.
    failure: Option<Failure>,
}

/// `explain`
#[derive(JsonSchema)]
struct Explained {
    /// The decisions.
    decisions: Vec<Decision>,
}

/// `decisions`
#[derive(JsonSchema)]
struct DecisionList {
    /// The decisions, with their rules.
    decisions: Vec<DecisionState>,
    /// What is wrong with runs that can't be read.
    damaged: Vec<Failure>,
}

/// `as-built`
#[derive(JsonSchema)]
struct Built {
    /// What exists.
    as_built: AsBuilt,
    /// The file that was written, if one was.
    file: Option<PathBuf>,
}

/// `export kubernetes`: also a List that kubectl takes.
#[derive(JsonSchema)]
#[serde(rename_all = "camelCase")]
struct ExportedKubernetes {
    /// `v1`
    api_version: String,
    /// `List`
    kind: String,
    /// The objects, in the order in which they are applied.
    items: Vec<Object>,
    /// The Secrets that the operator makes, and the commands for that.
    secrets: Vec<omega::export_kubernetes::SecretCommand>,
    /// What could not be carried over.
    findings: Vec<Finding>,
    /// The files that were written.
    files: Vec<PathBuf>,
}

/// `lint`
#[derive(JsonSchema)]
struct Lint {
    /// The files, in the order in which they were given.
    files: Vec<String>,
    /// The findings, by file and place; then those that are not in a file.
    findings: Vec<omega::lint::LintFinding>,
    /// The files that `lint bundle --fix` changed.
    fixed: Vec<String>,
    /// The files that `lint bundle --fix --plan` would change.
    to_fix: Option<Vec<String>>,
    /// `lint network`: the address plan.
    plan: Option<omega::lint::network::AddressPlan>,
    /// `lint network --svg`: the picture of it.
    svg: Option<PathBuf>,
}

/// `doctor`
#[derive(JsonSchema)]
struct Diagnosis {
    /// Whether something must be fixed.
    broken: bool,
    /// What to fix first.
    first: Option<LayerFinding>,
    /// The layers, from the bottom up: those of the site, then those of each cluster.
    layers: Vec<LayerReport>,
}

/// `accept`
#[derive(JsonSchema)]
struct Accepted {
    /// With `--plan`: what would be checked.
    plan: Option<Vec<PlannedItem>>,
    /// The report.
    report: Option<AcceptanceReport>,
    /// Where it is.
    files: Option<Files>,
}

/// `rehearse`
#[derive(JsonSchema)]
struct Rehearsed {
    /// With `--site`: the values that are not those of the site file.
    invented: Option<Vec<Invented>>,
    /// The reports, in order.
    reports: Vec<RehearsedReport>,
}

/// A report of a rehearsal.
#[derive(JsonSchema)]
#[serde(untagged)]
enum RehearsedReport {
    /// Of the graft.
    Graft(Box<Report>),
    /// Of the acceptance.
    Acceptance {
        /// The simulated cloud.
        scenario: String,
        /// The report.
        report: Box<AcceptanceReport>,
        /// Where it is.
        files: Files,
    },
}

/// `validate`
#[derive(JsonSchema)]
struct Validated {
    /// The site file.
    site: PathBuf,
    /// What is wrong with it, in the order of the file; errors first.
    problems: Vec<Problem>,
    /// What the graft needs and the file does not have.
    missing_for_graft: Vec<String>,
}

/// A problem of a site file.
#[derive(JsonSchema)]
struct Problem {
    /// `error` or `warning`.
    severity: String,
    /// What is wrong.
    message: String,
    /// What to do about it.
    next: Option<String>,
    /// The key that it is about, with its tables: `management.sources[0]`.
    key: Option<String>,
    /// The line, counted from 1.
    line: Option<usize>,
    /// The column, counted from 1.
    column: Option<usize>,
}

/// `init`
#[derive(JsonSchema)]
struct Initialised {
    /// The site file that was written.
    file: PathBuf,
    /// What was found on this machine.
    found: Vec<String>,
    /// The next command.
    next: String,
}

/// `served-versions`
#[derive(JsonSchema)]
struct Served {
    /// The definitions, and what the API server serves of each group.
    surface: Object,
    /// Versions that are defined as served and are not.
    unsettled: Vec<String>,
}

/// `check-coherence`
#[derive(JsonSchema)]
struct Coherence {
    /// The driver's release.
    driver: String,
    /// The chart's version.
    chart: Option<String>,
    /// The number of templates.
    templates: usize,
    /// Where the served versions come from.
    source: String,
    /// What was found.
    findings: Vec<Finding>,
    /// The rules that the operator accepts.
    accepted: Vec<String>,
    /// What is refused, if something is.
    refusal: Option<Refusal>,
}

/// What is refused.
#[derive(JsonSchema)]
struct Refusal {
    /// The findings.
    findings: Vec<Finding>,
}

/// `check-constellation`
#[derive(JsonSchema)]
struct Constellation {
    /// The chart, and the versions that it was tested with.
    tested: Object,
    /// Each component: wanted and found.
    comparisons: Vec<Object>,
    /// Releases that can't be read, and why.
    unreadable: Vec<Object>,
}

/// `read-releases`
#[derive(JsonSchema)]
struct Releases {
    /// The releases of helm.
    releases: Vec<Object>,
    /// Releases that can't be read, and why.
    unreadable: Vec<Object>,
}

/// `probe-pod-egress`
#[derive(JsonSchema)]
struct Probe {
    /// With `--plan`: the pod that would be created.
    pod: Option<Object>,
    /// What was asked.
    probe: Option<Object>,
    /// The verdict.
    egress: Option<String>,
    /// The pod's status and events.
    evidence: Option<Vec<String>>,
    /// Pods of earlier probes, which were removed.
    swept: Option<Vec<String>>,
    /// What to do next.
    next: Option<String>,
}

/// `capture-pre-state`
#[derive(JsonSchema)]
struct PreState {
    /// The state of each unit, by its name.
    units: BTreeMap<String, Object>,
}

/// `man`
#[derive(JsonSchema)]
struct Man {
    /// Where the pages are.
    directory: PathBuf,
}

/// Returns the schema of a document with these fields of its own.
fn of(own: &Schema) -> Value {
    let (mut whole, own) = (json!(schema_for!(Envelope)), json!(own));
    for part in ["properties", "$defs"] {
        let of = |schema: &Value| schema.get(part).and_then(Value::as_object).cloned();
        let (mine, more) = (of(&whole).unwrap_or_default(), of(&own).unwrap_or_default());
        let all: Object = mine.into_iter().chain(more).collect();
        put(&mut whole, part, json!(all));
    }
    let required = |schema: &Value| {
        let names = schema.get("required").and_then(Value::as_array);
        names.cloned().unwrap_or_default()
    };
    let (mut names, failed) = (required(&whole), json!(["failure"]));
    let own_names = required(&own);
    names.extend(own_names.iter().cloned());
    put(&mut whole, "additionalProperties", json!(false));
    for key in ["title", "description"] {
        put(&mut whole, key, own.get(key).cloned().unwrap_or_default());
    }
    // A command that fails has a failure in the place of its own fields.
    let base = required(&json!(schema_for!(Envelope)));
    put(&mut whole, "required", json!(base));
    put(&mut whole, "anyOf", json!([{ "required": names }, { "required": failed }]));
    whole
}

fn put(schema: &mut Value, key: &str, value: Value) {
    if let Some(fields) = schema.as_object_mut() {
        fields.insert(key.to_owned(), value);
    }
}

/// A document of a command, or of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Document {
    /// A command that failed before it had a result.
    Error,
    /// `show`
    Show,
    /// `runs`
    Runs,
    /// `runs show`
    Run,
    /// `locks`
    Locks,
    /// `runs sweep`
    Sweep,
    /// `explain`
    Explain,
    /// `decisions`
    Decisions,
    /// `as-built`
    AsBuilt,
    /// `export kubernetes`
    ExportKubernetes,
    /// `lint`
    Lint,
    /// `doctor`
    Doctor,
    /// `drift`
    Drift,
    /// `accept`
    Accept,
    /// `rehearse`
    Rehearse,
    /// `validate`
    Validate,
    /// `init`
    Init,
    /// `served-versions`
    ServedVersions,
    /// `check-coherence`
    CheckCoherence,
    /// `check-constellation`
    CheckConstellation,
    /// `read-releases`
    ReadReleases,
    /// `probe-pod-egress`
    ProbePodEgress,
    /// `capture-pre-state`
    CapturePreState,
    /// `man`
    Man,
}

impl Document {
    /// Returns its schema.
    pub(crate) fn schema(self) -> Value {
        of(&match self {
            Self::Error => schema_for!(Failed),
            Self::Show => schema_for!(Show),
            Self::Runs => schema_for!(Runs),
            Self::Run => schema_for!(ShownRun),
            Self::Locks => schema_for!(Locks),
            Self::Sweep => schema_for!(Sweep),
            Self::Explain => schema_for!(Explained),
            Self::Decisions => schema_for!(DecisionList),
            Self::AsBuilt => schema_for!(Built),
            Self::ExportKubernetes => schema_for!(ExportedKubernetes),
            Self::Lint => schema_for!(Lint),
            Self::Doctor => schema_for!(Diagnosis),
            Self::Drift => schema_for!(DriftReport),
            Self::Accept => schema_for!(Accepted),
            Self::Rehearse => schema_for!(Rehearsed),
            Self::Validate => schema_for!(Validated),
            Self::Init => schema_for!(Initialised),
            Self::ServedVersions => schema_for!(Served),
            Self::CheckCoherence => schema_for!(Coherence),
            Self::CheckConstellation => schema_for!(Constellation),
            Self::ReadReleases => schema_for!(Releases),
            Self::ProbePodEgress => schema_for!(Probe),
            Self::CapturePreState => schema_for!(PreState),
            Self::Man => schema_for!(Man),
        })
    }
}
