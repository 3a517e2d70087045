//! What this version stores, written on the simulators.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use jiff::Timestamp;
use omega_core::{
    Context, Event, EventSink, Finding, Subject,
    run::{Approved, Engine, Job, PlanFile, Status},
    testing::Fault,
    with_temporary,
};
use omega_juju::{gates::LeftoverPolicy, sim::Start};
use omega_openstack::network::{Flow, SgRule};

use super::{copy, current, fixtures};
use crate::{
    acceptance::{Files, Scenario, rehearse},
    decisions::{CheckResults, KeptResults},
    drift::{Acceptance, Baselines, LookOptions, Reading, Source, View, assess, look},
    graft::Purpose,
    rollback::rollback,
    test_harness::Site,
};

/// The state that every recorded graft begins with.
pub(super) const START: Start = Start::Superseded;
/// The write whose connection is lost in the run that failed.
pub(super) const LOST: usize = 4;
/// The step before which the killed run was killed, of those that change something.
const KILLED: usize = 3;

/// Writes everything that this version stores below `out`. Versions before it had less.
pub(super) async fn record(out: &Path) {
    fs::create_dir_all(out).unwrap();
    graft(out).await;
    failed(out).await;
    killed(out).await;
    temporary(out).await;
    acceptance(out).await;
    drift(out).await;
    results(out);
}

/// A plan, the run that applies it, and the run that rolls it back.
async fn graft(out: &Path) {
    let site = Site::new(&[START]);
    let job = site.job(LeftoverPolicy::Remove).await;
    let targets = site.engine().look(&job).await.targets;
    let plan = out.join("plan.json");
    PlanFile::new(&job, targets).write(&plan).unwrap();
    let approved = Approved::Plan(PlanFile::read(&plan, "graft").unwrap());
    let report = site.engine().apply(&job, approved).await.unwrap();
    assert_eq!(report.exit, Status::Done, "{report:#?}");
    copy(&site.home.path().join("runs"), &out.join("done/runs"));
    let run = report.run.unwrap();
    let back = rollback(&site.runs, Some(&run), "omega.toml", &(&site.clients).into()).await;
    let report = site.engine().apply(&back.unwrap().job, Approved::Now).await.unwrap();
    assert_eq!(report.exit, Status::Done, "{report:#?}");
    copy(&site.home.path().join("runs"), &out.join("rolled-back/runs"));
}

/// A run whose connection was lost, and that could say so.
async fn failed(out: &Path) {
    let site = Site::new(&[START]);
    site.units[0].inject_fault(LOST, Fault::Lost);
    assert_ne!(site.apply().await.unwrap().exit, Status::Done);
    copy(&site.home.path().join("runs"), &out.join("failed/runs"));
}

/// Copies the directory of runs when a step that changes something begins: what is there then is what a killed run leaves.
struct Kill {
    steps: AtomicUsize,
    runs: PathBuf,
    to: PathBuf,
}

impl EventSink for Kill {
    fn event(&self, event: &Event) {
        let changes = matches!(event, Event::StepStarted { changes, .. } if !changes.is_empty());
        if changes && self.steps.fetch_add(1, Ordering::SeqCst) == KILLED {
            copy(&self.runs, &self.to);
        }
    }
}

async fn killed(out: &Path) {
    let site = Site::new(&[START]);
    let runs = site.home.path().join("runs");
    let kill = Kill { steps: AtomicUsize::new(0), runs, to: out.join("killed/runs") };
    let ctx = Context::default().with_events(Arc::new(kill));
    let job = site.job(LeftoverPolicy::Remove).await;
    let report = Engine::new(site.runs.clone(), ctx).apply(&job, Approved::Now).await.unwrap();
    assert_eq!(report.exit, Status::Done, "{report:#?}");
}

/// A run that was killed while something temporary existed.
async fn temporary(out: &Path) {
    let site = Site::new(&[START]);
    let job = Job::new("probe", "omega.toml", Vec::new());
    let job = job.on(site.clients.endpoints(), site.clients.counts());
    let run = site.runs.begin(&job, Timestamp::now()).unwrap();
    let ctx = Context::default().with_journal(run.journal.clone());
    let flow = Flow::tcp("22".parse().unwrap(), "10.9.0.0/16".parse().unwrap());
    let rule = SgRule::ingress("capi-mgmt-sg", flow);
    let network = &*site.clients.cloud.network;
    let left = with_temporary(&ctx, network, &rule, async |_| {
        copy(&site.home.path().join("runs"), &out.join("temporary/runs"));
        Ok(())
    });
    left.await.unwrap();
}

/// The run of an acceptance, and what is there while it goes on.
async fn acceptance(out: &Path) {
    let site = Site::new(&[]);
    let (report, run) =
        rehearse(Scenario::SealedVault, &site.runs, &Context::default()).await.unwrap();
    copy(&site.home.path().join("runs"), &out.join("acceptance-killed/runs"));
    Files::write(&run, &report).unwrap();
    copy(&site.home.path().join("runs"), &out.join("acceptance/runs"));
}

/// A baseline with something that has changed since.
async fn drift(out: &Path) {
    let site = Site::new(&[Start::Grafted130]);
    assert_eq!(site.apply().await.unwrap().exit, Status::Done);
    let state = tempfile::tempdir().unwrap();
    let file = Baselines::new(state.path()).take(&state.path().join("omega.toml")).unwrap();
    let options = LookOptions::default();
    for second in [0, 300] {
        if second > 0 {
            site.units[0].stop("magnum-conductor");
        }
        let spec = site.spec(LeftoverPolicy::Undecided).await;
        let job = spec.job("omega.toml", &site.clients, Purpose::Verify);
        let items = job.targets.into_iter().chain(job.afterwards).collect();
        let views = vec![View { source: Source::Graft, what: Ok(Reading::Items(items)) }];
        let at = Timestamp::from_second(1_790_000_000 + second).unwrap();
        let look = look(views, site.clients.endpoints(), at, &options).await;
        assess(&look, &file, &site.runs, "omega.toml", Acceptance::Keep, &options).unwrap();
    }
    fs::create_dir_all(out.join("drift")).unwrap();
    fs::copy(file.path(), out.join("drift/baseline.json")).unwrap();
}

fn results(out: &Path) {
    let state = tempfile::tempdir().unwrap();
    let broken = Finding::broken("image-properties", Subject::new("image", "k8s"), "no os_distro");
    let at = Timestamp::from_second(1_790_000_000).unwrap();
    let rules = ["image-properties", "image-exists"];
    let found = CheckResults::of_findings("check live", "omega.toml", at, rules, [&broken]);
    KeptResults::new(state.path()).keep(&found).unwrap();
    copy(&state.path().join("results"), &out.join("results"));
}

/// Writes the recording of this version: after a change of a format, with a new name in `RECORDED`.
#[tokio::test(start_paused = true)]
#[ignore = "writes the fixtures of this version"]
async fn record_this_version() {
    let out = fixtures().join(current());
    let is_new = !out.join("plan.json").exists();
    assert!(is_new, "{} exists: a recording is never replaced", out.display());
    record(&out).await;
}
