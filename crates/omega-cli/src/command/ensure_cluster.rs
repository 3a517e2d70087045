//! `ensure-cluster` and `ensure-cluster-absent`

use std::{sync::Arc, time::Duration};

use clap::{Args, builder::PossibleValuesParser};
use omega::{
    capi::health::StageTime,
    clients::{CloudClients, Connect, PartialClients},
    cluster::{
        AbsentCluster, ClusterPlace, ClusterPrerequisites, ClusterSite, DriverSettings,
        EnsuredCluster, EnsuredClusterObserved, PREREQUISITE_RULES, PrerequisiteSettings,
        check_prerequisites, cluster_leftovers, first_broken,
    },
    core::{Desired as _, Failure, FailureClass, Finding, Severity, Subject, nearest_name},
    openstack::container_infra::{ClusterShape, ClusterValues, is_cluster_name},
    run::{Job, Report, Status},
    site::Site,
};
use serde_json::json;

use super::{ensure_cluster_template::label, operation::usage_of};
use crate::{
    app::App,
    cli::{SiteFile, WriteArgs, limit},
};

/// `ensure-cluster`
#[derive(Debug, Args)]
pub(crate) struct ClusterArgs {
    /// The site.
    #[command(flatten)]
    site: SiteFile,
    /// Its name.
    #[arg(long)]
    name: String,
    /// Its values.
    #[command(flatten)]
    values: ClusterValueArgs,
    /// How long the creation may take.
    #[arg(long, value_name = "DURATION", default_value = "30m", value_parser = limit)]
    within: Duration,
    /// Delete the cluster and create it again if its creation failed before helm made anything.
    #[arg(long)]
    retry: bool,
    /// Whether and how it writes.
    #[command(flatten)]
    write: WriteArgs,
}

/// The values of a cluster.
#[derive(Debug, Args)]
pub(super) struct ClusterValueArgs {
    /// Its template, by name or id [default: that of the site file's `[template.NAME]`, if there is one
    /// such table].
    #[arg(long)]
    template: Option<String>,
    /// The key pair for the nodes [default: the template's].
    #[arg(long)]
    keypair: Option<String>,
    /// Machines of the control plane.
    #[arg(long, value_name = "COUNT", default_value = "1", value_parser = control_plane)]
    master_count: u32,
    /// Workers.
    #[arg(long, value_name = "COUNT", default_value = "1", value_parser = crate::count::count)]
    node_count: u32,
    /// A label beside those of the template, or with another value (repeatable).
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = label)]
    labels: Vec<(String, String)>,
    /// Go on although this check of the prerequisites fails (repeatable); the finding is a warning then.
    #[arg(long = "accept", value_name = "RULE", value_parser = PossibleValuesParser::new(PREREQUISITE_RULES.map(|rule| rule.name)))]
    accept: Vec<String>,
}

/// `ensure-cluster-absent`
#[derive(Debug, Args)]
pub(crate) struct AbsentClusterArgs {
    /// The site.
    #[command(flatten)]
    site: SiteFile,
    /// The cluster: its name or id in Magnum.
    #[arg(long, value_name = "CLUSTER")]
    cluster: String,
    /// How long the delete may take.
    #[arg(long, value_name = "DURATION", default_value = "15m", value_parser = limit)]
    within: Duration,
    /// Whether and how it writes.
    #[command(flatten)]
    write: WriteArgs,
}

/// Cluster API refuses an even number of control-plane machines.
fn control_plane(text: &str) -> Result<u32, String> {
    match text.parse() {
        Ok(count) if count % 2 == 1 => Ok(count),
        Ok(_) | Err(_) => Err("use 1, 3 or 5: etcd needs an odd number".to_owned()),
    }
}

impl App {
    /// Needs `[cloud]`. With `kubeconfig` in `[management]` Cluster API tells how far it is.
    pub(super) async fn ensure_cluster(&self, args: &ClusterArgs) -> Result<Status, Failure> {
        let at = &args.site.site;
        let _lock = (!args.write.plan).then(|| self.runs.lock(at, &self.task)).transpose()?;
        let site = Self::site(at)?;
        is_cluster_name(&args.name)
            .map_err(|error| usage_of(&self.command, format!("--name: {error}")))?;
        let values = self.values(&args.values, &site)?;
        let connect = self.connect(&site);
        let (cluster_site, cloud, clients) = self.cluster_site(&connect).await?;
        let mut cluster = EnsuredCluster::new(&args.name, values);
        cluster.within = args.within.as_secs();
        cluster.retry = args.retry;
        cluster.driver = DriverSettings::of(&site)?;
        let cluster = cluster.after_runs(&self.runs, &cluster_site)?;
        let settings = PrerequisiteSettings::of(&site)?;
        let accepted = args.values.accept.clone();
        let gates =
            ClusterPrerequisites::before(&cluster, &cluster_site, &cloud, settings, accepted);
        let at_name = at.display().to_string();
        let job = cluster.job_after(gates.await, &cluster_site, &at_name, &clients);
        let (mut report, next) = self.carry_out(at, &job, args.write).await?;
        let seen = if args.write.plan { None } else { cluster.observe(&cluster_site).await.ok() };
        let made = seen.as_ref().and_then(|seen| seen.seen.clusters.first());
        let stuck = made.is_some_and(|one| one.has_failed() || one.is_being_created());
        if report.failure.is_some() && stuck && !self.ctx.cancel().is_cancelled() {
            match first_broken(&connect, &args.name, &self.ctx).await {
                Ok(first) => report.findings.extend(first.map(|first| first.finding)),
                Err(finding) => report.findings.push(*finding),
            }
        }
        let timeline = seen.as_ref().map(EnsuredClusterObserved::timeline).unwrap_or_default();
        if seen.is_some() {
            report = report.proven(json!({ "cluster": made, "timeline": timeline }));
        }
        crate::render::report(&self.screen, &self.console, &report, next.as_ref());
        if !timeline.is_empty() {
            self.screen.prose(&stages(&timeline));
        }
        Ok(self.document(&report))
    }

    /// Needs `[cloud]` and `kubeconfig` in `[management]`.
    pub(super) async fn ensure_cluster_absent(
        &self,
        args: &AbsentClusterArgs,
    ) -> Result<Status, Failure> {
        let at = &args.site.site;
        let _lock = (!args.write.plan).then(|| self.runs.lock(at, &self.task)).transpose()?;
        let site = Self::site(at)?;
        let connect = self.connect(&site);
        let why = "the management cluster tells whether a delete is safe, and what it left";
        site.kubeconfig().map_err(|failure| failure.because(why))?;
        let (cluster_site, _, clients) = self.cluster_site(&connect).await?;
        let driver = DriverSettings::of(&site)?;
        let unread = |error: &_| Failure::from_error("could not find the cluster", error);
        let known = cluster_site.magnum.find_clusters(&args.cluster).await;
        let known =
            known.map_err(|error| Failure::from_error("could not find the cluster", &error))?;
        // Before the delete: afterwards Magnum does not know where its objects are.
        let places = ClusterPlace::find(&cluster_site, &driver, &args.cluster).await;
        let places = places.map_err(|error| unread(&error))?;
        let mut gone = match known.as_slice() {
            [one] => AbsentCluster::of(one, driver),
            _ => AbsentCluster::named(&args.cluster, driver),
        };
        gone.within = args.within.as_secs();
        let job = gone.job(&cluster_site, &at.display().to_string(), &clients);
        let (mut report, next) = self.carry_out(at, &job, args.write).await?;
        if report.exit == Status::Done {
            for place in &places {
                report.findings.extend(cluster_leftovers(&cluster_site, place).await);
            }
            report = judged(report, &args.cluster);
        }
        if known.is_empty() && places.is_empty() {
            report.findings.extend(similar(&cluster_site, &args.cluster).await);
        }
        crate::render::report(&self.screen, &self.console, &report, next.as_ref());
        Ok(self.document(&report))
    }

    /// The gates before a cluster, by themselves. The template is Magnum's, or else that of the site file.
    ///
    /// Needs `[cloud]`.
    pub(super) async fn check_prerequisites(
        &self,
        connect: &Connect<'_>,
        at: &str,
        args: &ClusterValueArgs,
    ) -> Result<Job, Failure> {
        let site = connect.site;
        let values = self.values(args, site)?;
        let settings = PrerequisiteSettings::of(site)?;
        let (cluster_site, cloud, clients) = self.cluster_site(connect).await?;
        let unread = |error: &_| Failure::from_error("could not find the cluster template", error);
        let name = &values.template;
        let template = cluster_site.magnum.template(name).await.map_err(|error| unread(&error))?;
        let shape = match (template, site.template.get(name)) {
            (Some(template), _) => ClusterShape::of(&template, &values),
            (None, Some(spec)) => ClusterShape::of_spec(spec, &values),
            (None, None) => {
                let what = format!(
                    "Magnum does not have exactly one cluster template {name:?}, and the site file has no \
                     [template.{name}]"
                );
                let next = "openstack coe cluster template list; name one by its id: --template ID";
                return Err(Failure::new(FailureClass::Refused, what).next(next));
            }
        };
        let gates = ClusterPrerequisites::new(shape, settings).accepting(args.accept.clone());
        Ok(check_prerequisites(&gates, &cloud, &clients, at))
    }

    /// Connects to the cloud, and to the management cluster if the site file names it.
    async fn cluster_site(
        &self,
        connect: &Connect<'_>,
    ) -> Result<(Arc<ClusterSite>, CloudClients, PartialClients), Failure> {
        let cloud = connect.cloud().await?;
        let mut clients = PartialClients::from(&cloud);
        if connect.site.kubeconfig().is_ok() {
            let kubeconfig = connect.kubeconfig(self.ctx.now())?;
            clients.management = Some(Arc::new(connect.management(&kubeconfig).await?));
        }
        Ok((Arc::new(ClusterSite::of(&cloud, &clients)), cloud, clients))
    }

    fn values(&self, args: &ClusterValueArgs, site: &Site) -> Result<ClusterValues, Failure> {
        let known: Vec<&String> = site.template.keys().collect();
        let template = match (&args.template, known.as_slice()) {
            (Some(template), _) => template.clone(),
            (None, [one]) => (*one).clone(),
            (None, _) => {
                let what = "--template is missing: the site file does not have exactly one [template.NAME]";
                return Err(usage_of(&self.command, what.to_owned()));
            }
        };
        Ok(ClusterValues {
            template,
            keypair: args.keypair.clone(),
            master_count: args.master_count,
            node_count: args.node_count,
            labels: args.labels.iter().cloned().collect(),
        })
    }
}

/// A delete that left the cluster's objects has failed, whatever Magnum says.
fn judged(report: Report, cluster: &str) -> Report {
    let broken: Vec<&Finding> =
        report.findings.iter().filter(|one| one.severity == Severity::Broken).collect();
    let Some(first) = broken.first() else { return report };
    let what = format!(
        "Magnum has no cluster {cluster}, but Cluster API has {} of its objects, the first is {}",
        broken.len(),
        first.subject
    );
    let failure = Failure { next: first.remedy.clone(), ..Failure::new(FailureClass::Gate, what) };
    report.failed(Some(failure), Status::Gate)
}

/// Names the cluster that was probably meant, if nothing has the name.
async fn similar(site: &ClusterSite, name: &str) -> Option<Finding> {
    let all = site.magnum.clusters().await.ok()?;
    let meant = nearest_name(name, all.iter().map(|one| one.name.as_str()))?;
    let what = format!("Magnum has no cluster {name}, but it has one named {meant}");
    let finding = Finding::broken("similar-name", Subject::new("cluster", name), what);
    Some(finding.severity(Severity::Note).remedy(format!("if you meant it: --cluster {meant}")))
}

/// `Stages: infrastructure 120 s, control plane 300 s.`
fn stages(timeline: &[StageTime]) -> String {
    let each = timeline.iter().map(|one| format!("{} {} s", one.stage, one.seconds));
    format!("Stages: {}.", each.collect::<Vec<_>>().join(", "))
}
