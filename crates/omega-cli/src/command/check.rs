//! `check`: one gate of the runbook, or a workload cluster.

use std::path::PathBuf;

use clap::{Args, Subcommand, builder::PossibleValuesParser};
use omega::{
    capi::Namespace,
    clients::Connect,
    core::{
        Clock, Failure, FailureClass, ItemState, Severity, TargetPreview, Verdict,
        run::{Report, Status},
    },
    graft::{SiteGate, UnitGate, check_site, check_units},
    live,
};

use super::ensure_cluster::ClusterValueArgs;
use crate::{app::App, render};

/// `check`
#[derive(Debug, Args)]
pub(crate) struct CheckArgs {
    /// The site file.
    #[arg(long, global = true, default_value = "omega.toml")]
    site: PathBuf,
    /// What is checked.
    #[command(subcommand)]
    what: Checked,
}

/// What is checked.
#[derive(Debug, Subcommand)]
enum Checked {
    /// The units reach the management API.
    Reach(OnUnits),
    /// The management API accepts the kubeconfig on the units.
    Authenticate(OnUnits),
    /// helm can list releases as the daemon does.
    Releases {
        /// The units.
        #[command(flatten)]
        on: OnUnits,
        /// Only in this namespace (repeatable) [default: the driver's, which the cloud is asked for].
        #[arg(long = "namespace", short = 'n', value_name = "NAMESPACE")]
        namespaces: Vec<Namespace>,
    },
    /// The driver can be imported, and the running conductor has loaded it.
    Driver(OnUnits),
    /// The management API serves what the driver reads.
    ServedVersions,
    /// Driver, chart, Cluster API and templates fit together.
    Coherence,
    /// Magnum's trustee domain exists.
    TrusteeDomain,
    /// Magnum answers.
    Magnum,
    /// The management cluster works: its nodes, Cluster API's controllers, what the provider needs.
    Management,
    /// Clusters are HEALTHY.
    Health {
        /// Only this cluster, by name or id (repeatable) [default: those of `[health]` in the site file, or
        /// all].
        #[arg(long = "cluster", value_name = "CLUSTER")]
        clusters: Vec<String>,
    },
    /// What a create of a cluster needs is there: image, flavors, key pair, networks, roles, quotas.
    ClusterPrerequisites {
        /// The cluster's values.
        #[command(flatten)]
        values: ClusterValueArgs,
    },
    /// What runs is what was decided: charms, certificates, images, the management machine, versions.
    ///
    /// Exit code 3 if something is broken; 1 if something could not be evaluated and nothing is broken. What the
    /// site file does not name can't be evaluated: --only leaves it out.
    Live {
        /// Only this rule (repeatable) [default: all].
        #[arg(long, value_name = "RULE", value_parser = rules())]
        only: Vec<String>,
    },
    /// A workload cluster works inside: nodes, network, cloud controller, volumes, DNS.
    Workload {
        /// Its name in Magnum or in Cluster API; NAMESPACE/NAME if several have that name.
        #[arg(long, value_name = "CLUSTER")]
        cluster: String,
    },
}

fn rules() -> PossibleValuesParser {
    PossibleValuesParser::new(live::RULES.iter().map(|rule| rule.id))
}

/// The units that are asked.
#[derive(Debug, Args)]
struct OnUnits {
    /// Only these units (`magnum/0`, or `magnum/leader` with Juju).
    #[arg(long = "unit", value_name = "UNIT")]
    units: Vec<String>,
}

/// A gate that was asked for by name fails if what it is about is not there, and is an error if nothing is
/// known of it.
fn asked_for(report: Report) -> Report {
    if let Some(failure) = unknown(&report) {
        let exit = Status::first([report.exit, Status::Error]);
        let failure = report.failure.clone().unwrap_or(failure);
        return report.failed(Some(failure), exit);
    }
    let items = report.looked.iter().flat_map(TargetPreview::items);
    let absent = items.filter_map(|item| match &item.found {
        ItemState::Verdict(Verdict::Deferred { until }) => Some((item.subject.to_string(), until)),
        ItemState::Verdict(_) | ItemState::Preview(_) | ItemState::Failed(_) => None,
    });
    let Some((subject, until)) = absent.into_iter().next() else { return report };
    let failure = Failure::new(FailureClass::Gate, format!("check failed: {subject}"))
        .because(format!("there is nothing to check yet: {until}"))
        .next("see what is missing: omega-cli plan graft");
    let exit = Status::first([report.exit, Status::Gate]);
    let failure = report.failure.clone().unwrap_or(failure);
    report.failed(Some(failure), exit)
}

/// Returns what could not be judged, if something could not.
fn unknown(report: &Report) -> Option<Failure> {
    let mut items = report.looked.iter().flat_map(TargetPreview::items);
    items.find_map(|item| {
        let ItemState::Verdict(Verdict::Fail(finding)) = &item.found else { return None };
        (finding.severity == Severity::Unknown).then(|| {
            let what = format!("could not check: {}", item.subject);
            let failure = Failure::new(FailureClass::Error, what).because(finding.summary.clone());
            match &finding.remedy {
                Some(next) => failure.next(next.clone()),
                None => failure,
            }
        })
    })
}

impl App {
    pub(super) async fn check(&self, args: &CheckArgs) -> Result<Status, Failure> {
        let site = Self::site(&args.site)?;
        let (connect, now) = (self.connect(&site), self.ctx.now());
        let named = args.site.display().to_string();
        let units = async |gate: UnitGate, on: &OnUnits| {
            check_units(&gate, &connect, &on.units, &named, now).await
        };
        let once = async |gate| check_site(gate, &connect, &named, now).await;
        let job = match &args.what {
            Checked::Reach(on) => units(UnitGate::Reach, on).await,
            Checked::Authenticate(on) => units(UnitGate::Authenticate, on).await,
            Checked::Releases { on, namespaces } => {
                units(UnitGate::Releases(namespaces.clone()), on).await
            }
            Checked::Driver(on) => units(UnitGate::Driver, on).await,
            Checked::ServedVersions => once(SiteGate::ServedVersions).await,
            Checked::Coherence => once(SiteGate::Coherence).await,
            Checked::TrusteeDomain => once(SiteGate::TrusteeDomain).await,
            Checked::Magnum => once(SiteGate::Magnum).await,
            Checked::Management => once(SiteGate::Management).await,
            Checked::Health { clusters } => once(SiteGate::Health(clusters.clone())).await,
            Checked::ClusterPrerequisites { values } => {
                self.check_prerequisites(&connect, &named, values).await
            }
            Checked::Live { only } => return self.check_live(&connect, &named, only).await,
            Checked::Workload { cluster } => self.workload(&connect, &named, cluster).await,
        }?;
        let report = self.engine().plan(&job).await;
        let report =
            if matches!(args.what, Checked::Health { .. }) { report } else { asked_for(report) };
        Ok(self.shown(&report, None))
    }

    async fn check_live(
        &self,
        connect: &Connect<'_>,
        named: &str,
        only: &[String],
    ) -> Result<Status, Failure> {
        let checks = live::Checks::connect(connect, Clock::System).await.only(only)?;
        let report = live::judged(self.engine().plan(&checks.job(named)).await);
        render::live(&self.screen, &self.console, &report);
        Ok(self.document(&report))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use async_trait::async_trait;
    use omega::{
        core::{Context, Finding, Gate, Item, Section, Subject, TargetPlan},
        graft::SiteSpec,
        juju::{Sources, gates::DriverLoaded, sim::Start},
        rehearsal,
        run::{Engine, Job, Runs},
    };

    use super::*;

    #[tokio::test]
    async fn a_gate_that_is_asked_for_fails_where_what_it_is_about_is_absent() {
        let (site, _) = rehearsal::site().unwrap();
        let spec = SiteSpec::new(&site);
        let options = spec.capi_helm().unwrap().effective();
        let dropin = spec.dropin().unwrap().sha256();
        let home = tempfile::tempdir().unwrap();
        for (start, expected) in [(Start::Fresh, Status::Gate), (Start::Grafted130, Status::Gate)] {
            let unit = Arc::new(start.unit("magnum/0").client(Sources::default()));
            let gate = DriverLoaded::new(&unit, &spec.release().unwrap(), dropin, &options);
            let section = Section::new("", "check", vec![Item::gate(gate)]);
            let target = TargetPlan::unit("magnum/0", vec![section]);
            let engine = Engine::new(Runs::new(home.path()), Context::default());
            let report = engine.plan(&Job::new("check", "omega.toml", vec![target])).await;
            assert_eq!(report.exit, Status::Done, "in a runbook it waits");
            let report = asked_for(report);
            assert_eq!((report.exit, report.exit_code), (expected, 3));
            let failure = report.failure.unwrap();
            assert_eq!(failure.class, FailureClass::Gate);
            assert!(failure.causes[0].contains("waits for 7."), "{failure:?}");
        }
    }

    struct NobodyKnows;

    #[async_trait]
    impl Gate for NobodyKnows {
        fn rule(&self) -> &'static str {
            "nobody-knows"
        }
        fn subject(&self) -> Subject {
            Subject::new("management", "https://m")
        }
        async fn check(&self) -> Result<Verdict, Failure> {
            let finding = Finding::broken(self.rule(), self.subject(), "nothing can be listed");
            Ok(Verdict::fail(finding.severity(Severity::Unknown).remedy("use another kubeconfig")))
        }
    }

    #[tokio::test]
    async fn what_is_not_known_is_an_error() {
        let home = tempfile::tempdir().unwrap();
        let section = Section::new("", "check", vec![Item::gate(NobodyKnows)]);
        let target = TargetPlan::unit("management", vec![section]);
        let engine = Engine::new(Runs::new(home.path()), Context::default());
        let report = engine.plan(&Job::new("check", "omega.toml", vec![target])).await;
        assert_eq!(report.exit, Status::Done, "it stops no run");
        let report = asked_for(report);
        assert_eq!((report.exit, report.exit_code), (Status::Error, 1));
        let failure = report.failure.unwrap();
        assert_eq!(failure.causes, ["nothing can be listed"]);
        assert_eq!(failure.next.as_deref(), Some("use another kubeconfig"));
    }
}
