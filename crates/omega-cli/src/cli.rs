//! The command line.

use std::{num::NonZeroUsize, path::PathBuf, time::Duration};

use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};
use omega::capi::Namespace;

use crate::{
    command::{AcceptArgs, Access, DoctorArgs, Operation, ReleaseStuckDeleteArgs},
    render::Format,
};

/// Typed, idempotent operations for Kubernetes on Charmed OpenStack.
///
/// It plans exactly, applies what it planned, and verifies by looking again.
#[derive(Debug, Parser)]
#[command(name = "omega-cli", version, max_term_width = 100, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Everything else.
    #[command(flatten)]
    pub(crate) global: Global,
}

const EXIT_CODES: &str = "Exit codes: 0 done or nothing to do; 1 error; 2 changes pending (plan, \
verify); 3 a gate says no; 4 refused; 5 the plan is stale; 6 locked by another run; 7 some targets \
failed; 64 usage; 124 deadline; 129, 130, 143 stopped by SIGHUP, Ctrl-C, SIGTERM.";

/// Options of every command.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// What the result looks like.
    #[arg(long, global = true, value_enum, default_value_t)]
    pub(crate) output: Format,
    /// Say on stderr only what fails.
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// Log on stderr: -v what is done, -vv every request.
    #[arg(long, short, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Write one line for each request and each remote execution, with its time, to this file.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) trace: Option<PathBuf>,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show what a runbook would do; write nothing.
    Plan(PlanArgs),
    /// Do what a runbook needs, and prove it.
    Apply(ApplyArgs),
    /// Check that the runbook's desired state holds.
    Verify(RunbookArgs),
    /// Undo what a run changed.
    Rollback(RollbackArgs),
    /// Diagnose every layer and name the first fault to fix (read-only).
    Doctor(DoctorArgs),
    /// Run a whole runbook on the embedded simulator: no cloud, no network.
    Rehearse(RehearseArgs),
    /// Explain a decision, and what is true.
    Explain(ExplainArgs),
    /// List runs, show one, or remove what killed ones left.
    Runs(RunsArgs),
    /// Release a cluster stuck deleting, and remove what it left in the cloud.
    ReleaseStuckDelete(ReleaseStuckDeleteArgs),
    /// Print the JSON schema of what is stored or printed.
    Schema {
        /// Of what.
        #[arg(value_enum)]
        of: SchemaName,
    },
    /// Print a completion script for a shell.
    Completions {
        /// Which shell.
        #[arg(value_enum)]
        shell: clap_complete::Shell,
    },
    /// Write the manual pages.
    Man {
        /// The directory for them.
        #[arg(value_name = "DIRECTORY")]
        directory: PathBuf,
    },
    /// One operation or one question.
    #[command(flatten)]
    Operation(Operation),
    /// A question about the management cluster.
    #[command(flatten)]
    Capi(Capi),
    /// An operation on the management cluster.
    #[command(flatten)]
    Access(Access),
}

/// What has a JSON schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SchemaName {
    /// The site file.
    Site,
    /// A stored plan.
    Plan,
    /// The report of `plan`, `apply` and `verify`.
    Report,
    /// One entry of a journal, of version 2.
    Journal,
    /// One event of a run.
    Event,
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

/// What to do with what the superseded graft left behind.
#[derive(Clone, Copy, Debug, Default, Args)]
#[group(multiple = false)]
pub(crate) struct LeftoverArgs {
    /// Remove what the superseded graft left (99-capi.conf, systemd overrides).
    #[arg(long)]
    pub(crate) remove_leftovers: bool,
    /// Keep it.
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

/// `plan`
#[derive(Debug, Args)]
pub(crate) struct PlanArgs {
    /// What and where.
    #[command(flatten)]
    pub(crate) runbook: RunbookArgs,
    /// What is accepted.
    #[command(flatten)]
    pub(crate) accepted: AcceptArgs,
    /// Store the plan here, for `apply --from`.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

/// `apply`
#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    /// What and where.
    #[command(flatten)]
    pub(crate) runbook: RunbookArgs,
    /// What is accepted.
    #[command(flatten)]
    pub(crate) accepted: AcceptArgs,
    /// Do exactly what this stored plan shows, or say that it is stale.
    #[arg(long, value_name = "FILE")]
    pub(crate) from: Option<PathBuf>,
    /// Step 7.9: make and delete a throw-away template, or a whole cluster.
    #[arg(long, value_name = "WHAT", num_args = 0..=1, default_missing_value = "template")]
    pub(crate) prove: Option<Prove>,
    /// Change up to N units at the same time, after the first.
    #[arg(long, value_name = "N", default_value = "1")]
    pub(crate) parallel: NonZeroUsize,
}

/// What `--prove` makes and deletes.
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
    /// Show what would be done; write nothing.
    #[arg(long)]
    pub(crate) plan: bool,
}

/// `rehearse`
#[derive(Debug, Args)]
pub(crate) struct RehearseArgs {
    /// The runbook.
    #[arg(value_enum)]
    pub(crate) runbook: Runbook,
    /// Begin from this starting point only.
    #[arg(long, value_name = "START")]
    pub(crate) start: Option<String>,
}

/// `explain`
#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// The decision (`D-042`); none lists them all.
    pub(crate) decision: Option<String>,
}

/// `runs`
#[derive(Debug, Args)]
pub(crate) struct RunsArgs {
    /// What about them; without it they are listed.
    #[command(subcommand)]
    pub(crate) command: Option<RunsCommand>,
}

/// What about the runs.
#[derive(Debug, Subcommand)]
pub(crate) enum RunsCommand {
    /// Show what a run recorded.
    Show {
        /// Its id.
        id: String,
    },
    /// Remove what killed runs left: throw-away clusters, templates and pods.
    Sweep {
        /// The site.
        #[command(flatten)]
        site: SiteArgs,
        /// Show what would be removed; write nothing.
        #[arg(long)]
        plan: bool,
    },
}

/// The site of an operation on units, and whether it writes.
#[derive(Clone, Debug, Args)]
pub(crate) struct OperationArgs {
    /// The site.
    #[command(flatten)]
    pub(crate) site: SiteArgs,
    /// Show what would be done; write nothing.
    #[arg(long)]
    pub(crate) plan: bool,
}

/// A question about the management cluster. It only reads, and no unit is asked.
#[derive(Debug, Subcommand)]
pub(crate) enum Capi {
    /// List every version that the management cluster's kinds have: served, stored, deprecated.
    ServedVersions(SiteFile),
    /// Say whether driver, chart, Cluster API and templates fit together.
    CheckCoherence(CoherenceArgs),
    /// Compare what is installed with what the chart was tested with (D-034).
    CheckConstellation(ConstellationArgs),
    /// List helm's releases on the management cluster. It needs no helm.
    ReadReleases(ReleasesArgs),
}

/// Reads a duration as a person writes it.
pub(crate) fn patience(text: &str) -> Result<Duration, String> {
    let duration: jiff::SignedDuration = text.parse().map_err(|_| "write 90s, 15m or 1h 30m")?;
    Duration::try_from(duration).map_err(|_| "it can't be less than nothing".to_owned())
}

/// Where the site is described.
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
    /// Ask nothing: take this release of Cluster API from the tables.
    #[arg(long, value_name = "VERSION", requires = "provider")]
    pub(crate) core: Option<String>,
    /// And this one of its OpenStack provider.
    #[arg(long, value_name = "VERSION", requires = "core")]
    pub(crate) provider: Option<String>,
    /// Ask nothing: take both from this dependencies.json.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["core", "provider"])]
    pub(crate) dependencies: Option<PathBuf>,
    /// What is accepted.
    #[command(flatten)]
    pub(crate) accepted: AcceptArgs,
}

/// `check-constellation`
#[derive(Clone, Debug, Args)]
pub(crate) struct ConstellationArgs {
    /// The site.
    #[command(flatten)]
    pub(crate) file: SiteFile,
    /// The chart tag's dependencies.json; by default the one that is known of the site's chart.
    #[arg(long, value_name = "FILE")]
    pub(crate) dependencies: Option<PathBuf>,
}

/// `read-releases`
#[derive(Clone, Debug, Args)]
pub(crate) struct ReleasesArgs {
    /// The site.
    #[command(flatten)]
    pub(crate) file: SiteFile,
    /// Only in this namespace; repeat it for more. By default all, which needs rights on all.
    #[arg(long = "namespace", short = 'n', value_name = "NAMESPACE")]
    pub(crate) namespaces: Vec<Namespace>,
}
