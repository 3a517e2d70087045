//! The command line.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Parser, Subcommand, ValueEnum};
use omega_capi::Namespace;

use crate::{
    command::{AcceptArgs, Access, DoctorArgs, ReleaseStuckDeleteArgs, WorkloadArgs},
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
failed; 64 usage; 124 deadline; 130, 143 stopped between two steps.";

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
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show what a runbook would do; write nothing.
    Plan(PlanArgs),
    /// Do what a runbook needs, and prove it.
    Apply(ApplyArgs),
    /// Say whether everything that a runbook wants is so.
    Verify(RunbookArgs),
    /// Go back to what was before a run.
    Rollback(RollbackArgs),
    /// Say what is the matter and what to mend first, from the bottom up; only read.
    Doctor(DoctorArgs),
    /// Run a whole runbook on the embedded simulator: no cloud, no network.
    Rehearse(RehearseArgs),
    /// Say what a decision is, and what is true.
    Explain(ExplainArgs),
    /// List runs, or show one.
    Runs(RunsArgs),
    /// Let a cluster go whose delete does not end, and remove what it left in the cloud.
    ReleaseStuckDelete(ReleaseStuckDeleteArgs),
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

impl Command {
    /// Returns whether it may write anywhere but on the screen and to `--out`.
    pub(crate) fn writes(&self) -> bool {
        match self {
            Self::Apply(_) => true,
            Self::Rollback(args) => !args.plan,
            Self::ReleaseStuckDelete(args) => !args.plan,
            Self::Operation(operation) => operation.writes(),
            Self::Access(operation) => operation.writes(),
            Self::Plan(_)
            | Self::Verify(_)
            | Self::Doctor(_)
            | Self::Rehearse(_)
            | Self::Explain(_)
            | Self::Runs(_)
            | Self::Capi(_) => false,
        }
    }
}

/// A runbook.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Runbook {
    /// Phase 07: the Cluster API driver on a live Magnum conductor.
    Graft,
}

/// Where the site is described.
#[derive(Clone, Debug, Args)]
pub(crate) struct SiteArgs {
    /// The site file.
    #[arg(long, default_value = "omega.toml")]
    pub(crate) site: PathBuf,
    /// Only these units (`magnum/0`, or `magnum/leader` with Juju).
    #[arg(long = "unit", value_name = "UNIT")]
    pub(crate) units: Vec<String>,
}

impl SiteArgs {
    /// Returns what was said, as it would be typed again.
    pub(crate) fn said(&self) -> String {
        let site = Some(self.site.display().to_string()).filter(|site| site != "omega.toml");
        said(&[("--site", site.as_slice()), ("--unit", &self.units)])
    }
}

/// Returns flags and their values as a shell takes them.
fn said(flags: &[(&str, &[String])]) -> String {
    let each =
        flags.iter().flat_map(|(flag, values)| values.iter().map(move |value| (flag, value)));
    let quoted = each.map(|(flag, value)| {
        // A NUL can't be in an argument, and nothing else has no quotation.
        let value = shlex::try_quote(value).unwrap_or_default();
        format!(" {flag} {value}")
    });
    quoted.collect()
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

impl LeftoverArgs {
    /// Returns what was said, as it would be typed again.
    pub(crate) fn said(self) -> &'static str {
        match (self.remove_leftovers, self.keep_leftovers) {
            (true, _) => " --remove-leftovers",
            (_, true) => " --keep-leftovers",
            (false, false) => "",
        }
    }
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
    pub(crate) prove: Option<Proof>,
}

/// What `--prove` makes and deletes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Proof {
    /// A cluster template.
    Template,
    /// A cluster.
    Cluster,
}

/// `rollback`
#[derive(Debug, Args)]
pub(crate) struct RollbackArgs {
    /// The runbook.
    #[arg(value_enum)]
    pub(crate) runbook: Runbook,
    /// The site.
    #[command(flatten)]
    pub(crate) site: SiteArgs,
    /// The run to go back behind; the last that changed something by default.
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
    /// `show ID`
    #[command(subcommand)]
    pub(crate) show: Option<RunsShow>,
}

/// One run.
#[derive(Debug, Subcommand)]
pub(crate) enum RunsShow {
    /// Show what a run recorded.
    Show {
        /// Its id.
        id: String,
    },
}

/// Whether an operation writes.
#[derive(Clone, Debug, Args)]
pub(crate) struct OperationArgs {
    /// The site.
    #[command(flatten)]
    pub(crate) site: SiteArgs,
    /// Show what would be done; write nothing.
    #[arg(long)]
    pub(crate) plan: bool,
}

/// One operation or one question. What a flag does not say comes from the site file.
#[derive(Debug, Subcommand)]
pub(crate) enum Operation {
    /// Ensure that a security group has a rule, once.
    EnsureSgRule(SgRuleArgs),
    /// Place the management kubeconfig on the units.
    PlaceKubeconfig(OperationArgs),
    /// Pin the driver's exact version in the daemon's interpreter.
    PinDriver(OperationArgs),
    /// Ensure that the daemon finds the pinned helm.
    EnsureHelm(OperationArgs),
    /// Stage the `[capi_helm]` drop-in.
    StageDropin(OperationArgs),
    /// Make the conductor read the drop-in's directory, by /etc/default.
    InjectConfigDir(OperationArgs),
    /// Restart what is older than its inputs.
    ConvergeServices(OperationArgs),
    /// Find, and with a flag remove, what the superseded graft left.
    RemoveLeftovers {
        /// Where.
        #[command(flatten)]
        common: OperationArgs,
        /// What to do.
        #[command(flatten)]
        leftovers: LeftoverArgs,
    },
    /// Print what a unit is like: services, drivers, packages, configuration. It only reads.
    CapturePreState(SiteArgs),
    /// Ask one of the runbook's gates.
    Check {
        /// Which.
        #[arg(value_enum)]
        gate: GateName,
        /// Where.
        #[command(flatten)]
        site: SiteArgs,
        /// Of which cluster.
        #[command(flatten)]
        workload: WorkloadArgs,
    },
}

impl Operation {
    fn writes(&self) -> bool {
        match self {
            Self::EnsureSgRule(SgRuleArgs { common, .. })
            | Self::PlaceKubeconfig(common)
            | Self::PinDriver(common)
            | Self::EnsureHelm(common)
            | Self::StageDropin(common)
            | Self::InjectConfigDir(common)
            | Self::ConvergeServices(common)
            | Self::RemoveLeftovers { common, .. } => !common.plan,
            Self::CapturePreState(_) | Self::Check { .. } => false,
        }
    }
}

/// A gate of the graft.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum GateName {
    /// The units reach the management API.
    Reach,
    /// The service user's credentials are accepted there.
    Authenticate,
    /// helm lists releases as the daemon would.
    Releases,
    /// The driver is importable, and the running conductor has it.
    Driver,
    /// The management API serves what the driver reads.
    ServedVersions,
    /// Driver, chart, Cluster API and templates fit together.
    Coherence,
    /// Magnum's trustee domain exists.
    TrusteeDomain,
    /// Magnum answers.
    Magnum,
    /// Clusters are HEALTHY.
    Health,
    /// A workload cluster is well from inside: nodes, network, cloud controller, volumes, names.
    Workload,
}

/// `ensure-sg-rule`
#[derive(Debug, Args)]
pub(crate) struct SgRuleArgs {
    /// Where, and whether to write.
    #[command(flatten)]
    pub(crate) common: OperationArgs,
    /// The security group; the site's by default.
    #[arg(long)]
    pub(crate) group: Option<String>,
    /// `tcp`, `udp`, `icmp`, a protocol's name or number, or `any`.
    #[arg(long, default_value = "tcp")]
    pub(crate) protocol: String,
    /// A port or a range (`8000-8080`); the management API's by default.
    #[arg(long)]
    pub(crate) port: Option<String>,
    /// Addresses (CIDR) on the other side; the site's `sources` by default.
    #[arg(long = "remote", value_name = "CIDR")]
    pub(crate) remotes: Vec<String>,
    /// Ensure that the rule does not exist.
    #[arg(long)]
    pub(crate) absent: bool,
}

impl SgRuleArgs {
    /// Returns what was said, as it would be typed again.
    pub(crate) fn said(&self) -> String {
        let protocol = Some(self.protocol.clone()).filter(|protocol| protocol != "tcp");
        let flags = said(&[
            ("--group", self.group.as_slice()),
            ("--protocol", protocol.as_slice()),
            ("--port", self.port.as_slice()),
            ("--remote", &self.remotes),
        ]);
        format!("{flags}{}", if self.absent { " --absent" } else { "" })
    }
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

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    /// What is printed as the next command means what was typed.
    #[test]
    fn what_was_said_can_be_typed_again() {
        let words = "omega-cli ensure-sg-rule --site 'my site.toml' --unit magnum/0 --unit magnum/1 \
                     --group a --protocol udp --port 53-54 --remote 10.0.0.0/8 --absent";
        let parse = |text: &str| match Cli::try_parse_from(shlex::split(text).unwrap()) {
            Ok(Cli { command: Command::Operation(Operation::EnsureSgRule(args)), .. }) => args,
            other => panic!("{other:?}"),
        };
        let args = parse(words);
        let again = format!("omega-cli ensure-sg-rule{}{}", args.common.site.said(), args.said());
        assert_eq!(again, words);
        assert_eq!(parse("omega-cli ensure-sg-rule").common.site.said(), "");
    }
}
