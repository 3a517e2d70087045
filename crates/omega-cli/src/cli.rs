//! The command line.

use std::{num::NonZeroUsize, path::PathBuf, time::Duration};

use clap::{
    ArgGroup, Args, Parser, Subcommand, ValueEnum,
    builder::{PossibleValuesParser, TypedValueParser},
};
use omega::capi::Namespace;

use crate::{
    command::{
        AcceptArgs, AcceptanceArgs, Access, AsBuiltArgs, DoctorArgs, DriftArgs, ExportArgs,
        InitArgs, LintArgs, Operation, ReleaseStuckDeleteArgs, TeardownArgs,
    },
    documents::Document,
    render::Format,
};

/// Typed, idempotent operations for Kubernetes on Charmed OpenStack.
///
/// It shows an exact plan, applies only that plan, and verifies the result.
#[derive(Debug, Parser)]
#[command(name = "omega-cli", version, max_term_width = 100, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    /// The command.
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Global options.
    #[command(flatten)]
    pub(crate) global: Global,
}

const EXIT_CODES: &str = "Every command that changes something shows its plan and asks first; --yes answers (not for teardown).\n\n\
Environment: OMEGA_LOG sets what is logged to stderr, as tracing's filters (OMEGA_LOG=info,omega_trace=info); it \
replaces -v. OS_* and OS_CLIENT_CONFIG_FILE, JUJU_MODEL, SSH_AUTH_SOCK, NO_COLOR and the XDG directories mean what they \
mean elsewhere.\n\nExit codes: 0 done or nothing to do; 1 error; 2 changes pending (plan, \
verify) or seen (drift); 3 a gate failed; 4 refused; 5 the plan is stale; 6 locked by another run; 7 some targets \
failed; 64 usage; 124 deadline; 129, 130, 143 stopped by SIGHUP, Ctrl-C, SIGTERM.";

/// Options of every command.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// The output format.
    #[arg(long, global = true, value_enum, default_value_t)]
    pub(crate) output: Format,
    /// Print only errors to stderr.
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// Log to stderr: -v what is read and done, -vv every request and remote execution (`OMEGA_LOG`).
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Send nothing that could change the site; a command that would is refused. Commands that only read never do.
    #[arg(long, global = true)]
    pub(crate) read_only: bool,
    /// Take the place of the run that holds the lock with this ID, as the message of the lock says. Only of a
    /// run that no longer goes on: what it still sends is refused.
    #[arg(long, global = true, value_name = "ID")]
    pub(crate) break_lock: Option<String>,
    /// End after this time (10m), with exit code 124. A write under way has 30 s more.
    #[arg(long, global = true, value_name = "DURATION", value_parser = limit)]
    pub(crate) timeout: Option<Duration>,
    /// Write one line for each request and each remote execution to this file, with its duration.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) trace: Option<PathBuf>,
}

/// The command.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Write a commented site file from your answers and what is found on this machine.
    Init(InitArgs),
    /// Check the site file, and the files and programs it names; nothing is contacted.
    Validate(SiteFile),
    /// Show what a runbook would do, without changing anything.
    ///
    /// Signs: `+` create, `~` update, `-` delete, `=` unchanged, `✓` check passed, `…` later, `*`
    /// warning, `?` not known, `!` failed or refused.
    Plan(PlanArgs),
    /// Show a stored plan as it was shown when it was made.
    Show(ShowArgs),
    /// Make the changes that a runbook needs, and verify them.
    Apply(ApplyArgs),
    /// Check that the runbook's desired state holds.
    Verify(RunbookArgs),
    /// Undo what a run changed.
    Rollback(RollbackArgs),
    /// Diagnose every layer and name the first fault to fix (read-only).
    Doctor(DoctorArgs),
    /// Say what changed on the site since the last look, and since when (read-only).
    ///
    /// The first look records what is there as the baseline. A change goes on being reported until it is
    /// reverted or accepted. Exit codes: 1 something could not be looked at; 3 a rule fails; 2 something
    /// changed, or `apply` would change it; 0 nothing; the first that applies.
    Drift(DriftArgs),
    /// Check the acceptance bar of the cloud, D-011, and write a report.
    ///
    /// It reads, unless the site file has it create a cluster or names one for D-011.4: `--plan` says what
    /// would be made and changed.
    Accept(AcceptanceArgs),
    /// Check what is written down against the decisions: bundle, addresses, site file, templates.
    Lint(LintArgs),
    /// Run a whole runbook on the embedded simulator: no cloud, no network.
    Rehearse(RehearseArgs),
    /// Explain a decision and the actual behaviour.
    Explain(ExplainArgs),
    /// List the decisions, the rules that check them, and their last results on this machine.
    ///
    /// Nothing is contacted: the results are those of stored runs and acceptance reports.
    Decisions(DecisionsArgs),
    /// Write down what of the site really exists, as one document (read-only).
    ///
    /// Two documents of an unchanged site differ in the time only. What could not be read is said in its
    /// place, and the exit code is 1 then.
    AsBuilt(AsBuiltArgs),
    /// Generate manifests that run drift checks on a schedule in Kubernetes; nothing is contacted.
    Export(ExportArgs),
    /// List runs, show one, or remove what killed runs left.
    Runs(RunsArgs),
    /// Show who holds the locks of the site's units and management cluster (read-only).
    Locks(SiteArgs),
    /// Release a cluster stuck deleting, and remove what it left in the cloud.
    ReleaseStuckDelete(ReleaseStuckDeleteArgs),
    /// Destroy the cloud's Juju model and release its machines in MAAS (D-018). It can't be undone.
    ///
    /// `--plan` shows what would be removed, in which order, and what is lost in the cloud. Without it, the
    /// model's name has to be typed at a terminal: there is no --yes.
    Teardown(TeardownArgs),
    /// Print the JSON schema of a stored or printed document.
    ///
    /// A command that changes something, `plan`, `verify` and `check` print a `report`; the others the
    /// document of their name; one that fails before it has a result an `error`.
    Schema {
        /// The document.
        #[arg(value_parser = SchemaName::parser())]
        of: SchemaName,
    },
    /// Print a completion script for a shell.
    Completions {
        /// The shell.
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Write the manual pages.
    Man {
        /// The directory to write them to.
        #[arg(value_name = "DIRECTORY")]
        directory: PathBuf,
    },
    /// One operation or one check.
    #[command(flatten)]
    Operation(Operation),
    /// A read-only query of the management cluster.
    #[command(flatten)]
    Capi(Capi),
    /// An operation on the management cluster.
    #[command(flatten)]
    Access(Access),
}

/// What has a JSON schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SchemaName {
    /// What is stored, and what several commands print.
    Stored(Stored),
    /// The document of one command.
    Printed(Document),
}

impl SchemaName {
    /// Reads a name of either kind.
    fn parser() -> impl TypedValueParser<Value = Self> {
        let stored = Stored::value_variants().iter().filter_map(Stored::to_possible_value);
        let printed = Document::value_variants().iter().filter_map(Document::to_possible_value);
        let names = PossibleValuesParser::new(stored.chain(printed));
        names.try_map(|name| {
            Stored::from_str(&name, false)
                .map(Self::Stored)
                .or_else(|_| Document::from_str(&name, false).map(Self::Printed))
        })
    }
}

/// What is stored, and what several commands print.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Stored {
    /// The site file.
    Site,
    /// A stored plan.
    Plan,
    /// The report of `plan`, `apply`, `verify`, `check`, and every operation.
    Report,
    /// One entry of a journal, of version 2.
    Journal,
    /// One event of a run.
    Event,
    /// The report of `accept`.
    Acceptance,
    /// A line of `drift --watch --output json`.
    DriftChange,
}

/// A runbook.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Runbook {
    /// Phase 07: the Cluster API driver on a live Magnum conductor.
    Graft,
}

/// Where the site is described, and which of its units are meant.
#[derive(Clone, Debug, Args)]
pub(crate) struct SiteArgs {
    /// The site file.
    #[arg(long, default_value = "omega.toml")]
    pub(crate) site: PathBuf,
    /// Only these units (`magnum/0`, or `magnum/leader` with Juju).
    #[arg(long = "unit", value_name = "UNIT")]
    pub(crate) units: Vec<String>,
}

/// What to do with the superseded graft's leftovers.
#[derive(Clone, Copy, Debug, Default, Args)]
#[group(multiple = false)]
pub(crate) struct LeftoverArgs {
    /// Remove the superseded graft's leftovers (99-capi.conf, systemd overrides).
    #[arg(long)]
    pub(crate) remove_leftovers: bool,
    /// Keep them.
    #[arg(long)]
    pub(crate) keep_leftovers: bool,
}

/// A runbook on a site.
#[derive(Clone, Debug, Args)]
pub(crate) struct RunbookArgs {
    /// The runbook.
    #[arg(value_enum)]
    pub(crate) runbook: Runbook,
    /// The site.
    #[command(flatten)]
    pub(crate) site: SiteArgs,
    /// Leftovers.
    #[command(flatten)]
    pub(crate) leftovers: LeftoverArgs,
}

/// `show`
#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The file that `plan --out` wrote.
    #[arg(value_name = "PLAN")]
    pub(crate) plan: PathBuf,
}

/// `plan`
#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// The runbook and the site.
    #[command(flatten)]
    pub(crate) runbook: RunbookArgs,
    /// Accepted findings.
    #[command(flatten)]
    pub(crate) accepted: AcceptArgs,
    /// Store the plan here, for `apply --from`.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

/// `apply`
#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    /// The runbook and the site.
    #[command(flatten)]
    pub(crate) runbook: RunbookArgs,
    /// Accepted findings.
    #[command(flatten)]
    pub(crate) accepted: AcceptArgs,
    /// Apply exactly this stored plan, or fail if it is stale. It is approved: nothing is asked.
    #[arg(long, value_name = "FILE")]
    pub(crate) from: Option<PathBuf>,
    /// Without a question.
    #[command(flatten)]
    pub(crate) consent: YesArgs,
    /// Step 7.9: create and delete a temporary template, or a whole cluster.
    #[arg(long, value_name = "WHAT", num_args = 0..=1, default_missing_value = "template")]
    pub(crate) prove: Option<Prove>,
    /// After the first unit, change up to N units at the same time.
    #[arg(long, value_name = "N", default_value = "1", value_parser = crate::count::at_least_one)]
    pub(crate) parallel: NonZeroUsize,
}

/// What `--prove` creates and deletes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Prove {
    /// A cluster template.
    Template,
    /// A cluster.
    Cluster,
}

/// `rollback`
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("which").args(["runbook", "run"]).required(true).multiple(true)))]
pub(crate) struct RollbackArgs {
    /// The runbook whose last run is undone.
    #[arg(value_enum)]
    pub(crate) runbook: Option<Runbook>,
    /// The site.
    #[command(flatten)]
    pub(crate) site: SiteArgs,
    /// The run to undo, of whatever command (`omega-cli runs` lists them). By default the last one of
    /// the runbook that changed something, with those that it resumed.
    #[arg(long, value_name = "ID")]
    pub(crate) run: Option<String>,
    /// Whether and how it writes.
    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

/// `rehearse`
#[derive(Debug, Args)]
pub(crate) struct RehearseArgs {
    /// The runbook.
    #[arg(value_enum)]
    pub(crate) what: Rehearsed,
    /// Use only this starting point. graft: fresh, graft-130, superseded, hook, half. acceptance: good,
    /// blocked-unit, foreign-certificate, sealed-vault, tenant-cut-off, snapshot-missing, one-pod-answers,
    /// no-address.
    #[arg(long, value_name = "START")]
    pub(crate) start: Option<String>,
    /// For `graft`: the simulators take names and values from this site file. Nothing of it is contacted.
    #[arg(long, value_name = "FILE")]
    pub(crate) site: Option<PathBuf>,
    /// For `acceptance`: write the reports below this directory [default: a new one below the system's
    /// directory of temporary files].
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) report_dir: Option<PathBuf>,
}

/// What can be rehearsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Rehearsed {
    /// Phase 07: the Cluster API driver on a live Magnum conductor.
    Graft,
    /// Phase 08: the acceptance bar, on one good cloud and seven deficient ones.
    Acceptance,
}

/// `explain`
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The decisions (`D-042`). Without any, all are listed.
    #[arg(value_name = "DECISION")]
    pub(crate) decisions: Vec<String>,
}

/// `decisions`
#[derive(Debug, Args)]
pub(crate) struct DecisionsArgs {
    /// Only this decision (`D-021`), with its rules.
    pub(crate) decision: Option<String>,
    /// Only those about which the documents contradict each other, and how.
    #[arg(long)]
    pub(crate) contradictions: bool,
    /// Only results of this site file, as it was named then [default: the newest of any].
    #[arg(long, value_name = "FILE")]
    pub(crate) site: Option<String>,
}

/// `runs`
#[derive(Debug, Args)]
pub(crate) struct RunsArgs {
    /// The subcommand. Without it, all runs are listed.
    #[command(subcommand)]
    pub(crate) command: Option<RunsCommand>,
}

/// A subcommand of `runs`.
#[derive(Debug, Subcommand)]
pub(crate) enum RunsCommand {
    /// Show what a run recorded.
    Show {
        /// Its id.
        id: String,
    },
    /// Remove what killed runs left: temporary clusters, templates and pods.
    Sweep {
        /// The site.
        #[command(flatten)]
        site: SiteArgs,
        /// Whether and how it writes.
        #[command(flatten)]
        write: WriteArgs,
    },
}

/// The site of an operation on units, and whether it writes.
#[derive(Clone, Debug, Args)]
pub(crate) struct OperationArgs {
    /// The site.
    #[command(flatten)]
    pub(crate) site: SiteArgs,
    /// Whether and how it writes.
    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

/// Whether and how a command writes.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct WriteArgs {
    /// Show what would be done, without changing anything.
    #[arg(long)]
    pub(crate) plan: bool,
    /// Without a question.
    #[command(flatten)]
    pub(crate) consent: YesArgs,
}

/// Whether a command asks before it writes.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct YesArgs {
    /// Change without showing the changes and asking first: for scripts.
    #[arg(long)]
    pub(crate) yes: bool,
}

/// A read-only query of the management cluster. No unit is contacted.
#[derive(Debug, Subcommand)]
pub(crate) enum Capi {
    /// List every version of the management cluster's kinds: served, stored, deprecated.
    ServedVersions(SiteFile),
    /// Check that driver, chart, Cluster API and templates fit together.
    CheckCoherence(CoherenceArgs),
    /// Compare the installed versions with those that the chart was tested with (D-034).
    CheckConstellation(ConstellationArgs),
    /// List helm's releases on the management cluster. It needs no helm.
    ReadReleases(ReleasesArgs),
}

/// Parses a duration (`15m`).
pub(crate) fn patience(text: &str) -> Result<Duration, String> {
    let duration: jiff::SignedDuration = text.parse().map_err(|_| "write 90s, 15m or 1h 30m")?;
    Duration::try_from(duration).map_err(|_| "it can't be negative".to_owned())
}

/// Parses the time limit of a wait.
pub(crate) fn limit(text: &str) -> Result<Duration, String> {
    let limit = patience(text)?;
    if limit.is_zero() { Err("it must be more than 0".to_owned()) } else { Ok(limit) }
}

/// The site and its units.
#[derive(Clone, Debug, Args)]
pub(crate) struct SiteFile {
    /// The site file.
    #[arg(long, default_value = "omega.toml")]
    pub(crate) site: PathBuf,
}

/// `check-coherence`
#[derive(Clone, Debug, Args)]
pub(crate) struct CoherenceArgs {
    /// The site.
    #[command(flatten)]
    pub(crate) file: SiteFile,
    /// Offline: use the known data of this release of Cluster API.
    #[arg(long, value_name = "VERSION", requires = "provider")]
    pub(crate) core: Option<String>,
    /// Offline: and of this release of its OpenStack provider.
    #[arg(long, value_name = "VERSION", requires = "core")]
    pub(crate) provider: Option<String>,
    /// Offline: take both releases from this dependencies.json.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["core", "provider"])]
    pub(crate) dependencies: Option<PathBuf>,
    /// Accepted findings.
    #[command(flatten)]
    pub(crate) accepted: AcceptArgs,
}

/// `check-constellation`
#[derive(Clone, Debug, Args)]
pub(crate) struct ConstellationArgs {
    /// The site.
    #[command(flatten)]
    pub(crate) file: SiteFile,
    /// The chart tag's dependencies.json [default: the built-in one of the site's chart].
    #[arg(long, value_name = "FILE")]
    pub(crate) dependencies: Option<PathBuf>,
}

/// `read-releases`
#[derive(Clone, Debug, Args)]
pub(crate) struct ReleasesArgs {
    /// The site.
    #[command(flatten)]
    pub(crate) file: SiteFile,
    /// Only in this namespace (repeatable) [default: all, which needs rights on all].
    #[arg(long = "namespace", short = 'n', value_name = "NAMESPACE")]
    pub(crate) namespaces: Vec<Namespace>,
}
