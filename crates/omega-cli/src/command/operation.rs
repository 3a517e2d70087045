//! One operation, or one gate. Each needs only its part of the site file.

use std::{path::Path, sync::Arc};

use clap::{Args, Subcommand};
use omega::{
    clients::Connect,
    core::{
        Desired, Failure, FailureClass, Item, Label as _, Section, TargetPlan,
        run::{Job, Status},
        step,
    },
    graft::{self, SiteSpec},
    juju::{
        Sources, Unit,
        operations::{InjectConfigDir, capture_pre_state},
    },
    openstack::network::{Cidr, Flow, Ports, Protocol, SgRule, Traffic},
    run::{Counts, Endpoints},
};
use serde_json::json;

use crate::{
    app::App,
    cli::{LeftoverArgs, OperationArgs, SiteArgs, SiteFile, WriteArgs},
    command::{
        AbsentClusterArgs, CharmConfigArgs, CheckArgs, ClusterArgs, ClusterTemplateArgs,
        FetchKubeconfigArgs, GuestArgs, LoadBalancerArgs, StageImageArgs,
    },
};

/// One operation or one question. A value that no flag gives is taken from the site file.
#[derive(Debug, Subcommand)]
pub(crate) enum Operation {
    /// Ensure that Glance has an image whose bytes have this digest.
    StageImage(StageImageArgs),
    /// Ensure that Magnum has a cluster template with these values.
    EnsureClusterTemplate(Box<ClusterTemplateArgs>),
    /// Ensure that a cluster exists with these values, and wait until it is complete.
    EnsureCluster(Box<ClusterArgs>),
    /// Ensure that a cluster does not exist: check that a delete is safe, delete, look for leftovers.
    EnsureClusterAbsent(AbsentClusterArgs),
    /// Write a cluster's kubeconfig to a file, from Magnum or from Cluster API.
    FetchClusterKubeconfig(FetchKubeconfigArgs),
    /// Ensure that a load balancer is ACTIVE: one in ERROR is failed over. Needs an administrator.
    EnsureLoadBalancerActive(LoadBalancerArgs),
    /// Ensure that a server is running: start it if it is off.
    EnsureGuestRunning(GuestArgs),
    /// Ensure options of a charm, and that its units have them: those of nova-compute.
    EnsureCharmConfig(CharmConfigArgs),
    /// Ensure that a security group has a rule, or with `--absent` that it does not.
    EnsureSgRule(SgRuleArgs),
    /// An operation on each unit.
    #[command(flatten)]
    OnUnits(UnitOperation),
    /// Print a unit's services, drivers, packages and configuration. It only reads.
    CapturePreState(SiteArgs),
    /// Check one gate of the runbook, or a workload cluster.
    Check(CheckArgs),
}

/// An operation on each unit.
#[derive(Debug, Subcommand)]
pub(crate) enum UnitOperation {
    /// Place the management kubeconfig on the units.
    PlaceKubeconfig(OperationArgs),
    /// Pin the driver's exact version in the daemon's interpreter.
    PinDriver(OperationArgs),
    /// Ensure that the daemon finds the pinned helm.
    EnsureHelm(OperationArgs),
    /// Stage the `[capi_helm]` drop-in.
    StageDropin(OperationArgs),
    /// Make the conductor read the drop-in's directory, through /etc/default.
    InjectConfigDir(OperationArgs),
    /// Restart each daemon that started before its newest input changed.
    ConvergeServices(OperationArgs),
    /// Find what the superseded graft left, and remove what the flags name.
    RemoveLeftovers {
        /// The site and its units.
        #[command(flatten)]
        common: OperationArgs,
        /// What to do.
        #[command(flatten)]
        leftovers: LeftoverArgs,
    },
}

impl UnitOperation {
    fn args(&self) -> (&OperationArgs, LeftoverArgs) {
        match self {
            Self::PlaceKubeconfig(args)
            | Self::PinDriver(args)
            | Self::EnsureHelm(args)
            | Self::StageDropin(args)
            | Self::InjectConfigDir(args)
            | Self::ConvergeServices(args) => (args, LeftoverArgs::default()),
            Self::RemoveLeftovers { common, leftovers } => (common, *leftovers),
        }
    }
}

/// `ensure-sg-rule`
#[derive(Debug, Args)]
pub(crate) struct SgRuleArgs {
    /// The site.
    #[command(flatten)]
    pub(crate) site: SiteFile,
    /// The security group; the site's by default.
    #[arg(long)]
    pub(crate) group: Option<String>,
    /// `tcp`, `udp`, `icmp`, a protocol's name or number, or `any`.
    #[arg(long, default_value = "tcp")]
    pub(crate) protocol: String,
    /// A port or a range (`8000-8080`) [default: the management API's].
    #[arg(long)]
    pub(crate) port: Option<String>,
    /// Addresses (CIDR) on the other side (repeatable) [default: the site's `sources`].
    #[arg(long = "remote", value_name = "CIDR")]
    pub(crate) remotes: Vec<String>,
    /// Ensure that the rule does not exist.
    #[arg(long)]
    pub(crate) absent: bool,
    /// Whether and how it writes.
    #[command(flatten)]
    pub(crate) write: WriteArgs,
}

impl App {
    pub(crate) async fn operation(&self, operation: &Operation) -> Result<Status, Failure> {
        match operation {
            Operation::EnsureSgRule(args) => self.sg_rule(args).await,
            Operation::OnUnits(operation) => self.on_units(operation).await,
            Operation::CapturePreState(site) => self.pre_state(site).await,
            Operation::StageImage(args) => self.stage_image(args).await,
            Operation::EnsureClusterTemplate(args) => self.ensure_cluster_template(args).await,
            Operation::EnsureCluster(args) => Box::pin(self.ensure_cluster(args)).await,
            Operation::EnsureClusterAbsent(args) => {
                Box::pin(self.ensure_cluster_absent(args)).await
            }
            Operation::FetchClusterKubeconfig(args) => self.fetch_cluster_kubeconfig(args).await,
            Operation::EnsureLoadBalancerActive(args) => {
                self.ensure_load_balancer_active(args).await
            }
            Operation::EnsureGuestRunning(args) => self.ensure_guest_running(args).await,
            Operation::EnsureCharmConfig(args) => self.ensure_charm_config(args).await,
            Operation::Check(args) => self.check(args).await,
        }
    }

    /// Runs one operation on each unit.
    async fn on_units(&self, operation: &UnitOperation) -> Result<Status, Failure> {
        let name = self.task.as_str();
        let (args, leftovers) = operation.args();
        let at = &args.site;
        // Checked first, because reading the units takes a while.
        let _lock = (!args.write.plan).then(|| self.runs.lock(&at.site, name)).transpose()?;
        let site = Self::site(&at.site)?;
        let connect = self.connect(&site);
        let mut sources = Sources::default();
        let bind = self.wanted(operation, &connect, leftovers, &mut sources)?;
        let units = connect.units(&at.units, &sources).await?;
        let target = |unit: &Arc<Unit>| {
            let section = Section::new("", name, bind(unit));
            TargetPlan::unit(unit.label(), vec![section])
        };
        let targets = units.iter().map(target).collect();
        let endpoints = units.iter().map(|unit| (unit.label(), unit.via())).collect();
        let counts = move || Counts {
            units: units.len(),
            executions: units.iter().map(|unit| unit.executions()).sum(),
            requests: 0,
            locks: units.iter().map(|unit| unit.lock_requests()).sum(),
        };
        self.one((&at.site, args.write), targets, endpoints, counts).await
    }

    /// Returns what is wanted of each unit, and adds the files that are sent for it to `sources`. It
    /// reads what the operation uses, and nothing else that the site names.
    fn wanted(
        &self,
        operation: &UnitOperation,
        connect: &Connect<'_>,
        leftovers: LeftoverArgs,
        sources: &mut Sources,
    ) -> Result<Bind, Failure> {
        let spec = SiteSpec::new(connect.site);
        Ok(match operation {
            UnitOperation::PlaceKubeconfig(_) => {
                let kubeconfig = connect.kubeconfig(self.ctx.now())?;
                sources.add(kubeconfig.bytes.clone());
                bind(spec.kubeconfig(&kubeconfig)?)
            }
            UnitOperation::PinDriver(_) => {
                connect.add_wheel(sources)?;
                // A kubeconfig tells whether the driver must authenticate by a token.
                let named = connect.site.kubeconfig().is_ok();
                let kubeconfig = named.then(|| connect.kubeconfig(self.ctx.now())).transpose()?;
                bind(spec.driver(kubeconfig.as_ref())?)
            }
            UnitOperation::EnsureHelm(_) => bind(spec.helm(connect.add_helm(sources)?)?),
            UnitOperation::StageDropin(_) => bind(spec.dropin()?),
            UnitOperation::ConvergeServices(_) => bind(spec.services(&spec.dropin()?, false)?),
            UnitOperation::RemoveLeftovers { .. } => {
                Box::new(move |unit| vec![graft::leftovers(unit, leftovers.policy())])
            }
            UnitOperation::InjectConfigDir(_) => bind(InjectConfigDir::graft()),
        })
    }

    /// Carries out the operation on the targets, or shows what it would do.
    pub(super) async fn one(
        &self,
        (site, write): (&Path, WriteArgs),
        targets: Vec<TargetPlan>,
        endpoints: Endpoints,
        counts: impl Fn() -> Counts + Send + Sync + 'static,
    ) -> Result<Status, Failure> {
        let site_name = site.display().to_string();
        let job = Job::new(&self.task, site_name, targets).on(endpoints, counts);
        self.job((site, write), &job).await
    }

    /// Carries out the job, or shows what it would do.
    pub(super) async fn job(
        &self,
        (site, write): (&Path, WriteArgs),
        job: &Job,
    ) -> Result<Status, Failure> {
        let (report, next) = self.carry_out(site, job, write).await?;
        Ok(self.shown(&report, next.as_ref()))
    }

    /// Needs `[cloud]`, and `project` in `[management]`; the rest comes from flags or the site file.
    async fn sg_rule(&self, args: &SgRuleArgs) -> Result<Status, Failure> {
        let name = self.task.as_str();
        let at = &args.site.site;
        let _lock = (!args.write.plan).then(|| self.runs.lock(at, name)).transpose()?;
        let site = Self::site(at)?;
        let connect = self.connect(&site);
        let api_port = || {
            let kubeconfig = connect.kubeconfig_ignoring_expiry()?;
            Ok(kubeconfig.facts.endpoint().1)
        };
        let traffic = self.traffic(args, api_port)?;
        let group = match &args.group {
            Some(group) => group,
            None => site.security_group()?,
        };
        let remotes =
            if args.remotes.is_empty() { site.sources()? } else { args.remotes.as_slice() };
        let cloud = connect.cloud().await?;
        let mut items = Vec::new();
        for remote in remotes {
            let peer: Cidr = remote.parse().map_err(|e| self.usage(format!("--remote: {e}")))?;
            let flow = Flow::new(traffic, peer).map_err(|error| self.usage(error.to_string()))?;
            let rule = SgRule::ingress(group, flow);
            let rule = if args.absent { rule.absent() } else { rule };
            items.push(Item::Step(step(&cloud.network, rule)));
        }
        let section = Section::new("", name, items);
        let target = TargetPlan::shared(cloud.network.label(), vec![section]);
        self.one((at, args.write), vec![target], cloud.endpoints(), cloud.counts()).await
    }

    fn traffic(
        &self,
        args: &SgRuleArgs,
        api_port: impl FnOnce() -> Result<u16, Failure>,
    ) -> Result<Traffic, Failure> {
        let protocol = args.protocol.parse();
        let protocol: Protocol = protocol.map_err(|e| self.usage(format!("--protocol: {e}")))?;
        let ports: Option<Ports> = match &args.port {
            Some(port) => Some(port.parse().map_err(|e| self.usage(format!("--port: {e}")))?),
            None if protocol.has_ports() => {
                Some(Ports::one(api_port()?).map_err(|error| self.usage(error.to_string()))?)
            }
            None => None,
        };
        Ok(ports.map_or(Traffic::Whole(protocol), |ports| Traffic::Ports(protocol, ports)))
    }

    /// Returns the failure of a value that the command line has and the operation can't use.
    fn usage(&self, why: String) -> Failure {
        usage_of(&self.command, why)
    }

    async fn pre_state(&self, args: &SiteArgs) -> Result<Status, Failure> {
        let site = Self::site(&args.site)?;
        let units = self.connect(&site).units(&args.units, &Sources::default()).await?;
        let mut all = serde_json::Map::new();
        for unit in &units {
            let state = serde_json::to_value(capture_pre_state(unit).await?)
                .map_err(|error| Failure::new(FailureClass::Error, error.to_string()))?;
            let pretty = serde_json::to_string_pretty(&state).unwrap_or_default();
            self.screen.text(&format!("{}\n{pretty}", unit.label()));
            all.insert(unit.label(), state);
        }
        Ok(self.ends(Status::Done, json!({ "units": all })))
    }
}

/// Returns the failure of a value that the command line of `command`, a subcommand in full, has and the operation can't use.
pub(super) fn usage_of(command: &str, why: String) -> Failure {
    Failure::new(FailureClass::Usage, why).next(format!("omega-cli {command} --help"))
}

type Bind = Box<dyn Fn(&Arc<Unit>) -> Vec<Item>>;

fn bind<D: Desired<Target = Unit>>(desired: D) -> Bind {
    Box::new(move |unit| vec![Item::Step(step(unit, desired.clone()))])
}
