use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use omega_core::{
    CancelToken, Context, Event, EventSink, Evidence, Failure, FailureClass, Gate, Item, Section,
    Subject, TargetPlan, Touched, Verdict,
    run::{Approved, Engine, Job, PlanFile, Status},
    step,
};
use omega_juju::{Sources, gates::LeftoverPolicy, sim::Start};

use super::SiteSpec;
use crate::{
    rehearsal,
    test_harness::{Site, document},
};

type Change = fn(&Site);

const DROPIN: &str = "/etc/magnum/magnum.conf.d/00-capi-helm.conf";

/// Everything is so, and looking again finds nothing to do.
async fn converges(site: &Site) {
    let report = site.apply().await.unwrap();
    assert_eq!(report.exit, Status::Done, "{report:#?}");
    let (all, writes) = (site.everything(), site.writes());
    let again = site.apply().await.unwrap();
    assert_eq!((again.exit, again.recap.changed), (Status::Done, 0));
    assert_eq!((site.everything(), site.writes()), (all, writes));
}

#[tokio::test]
async fn a_full_disk_on_the_second_of_three_units_stops_there_and_is_made_good_later() {
    let site = Site::new(&[Start::Fresh, Start::Superseded, Start::Grafted130]);
    let [second, third] = [1, 2].map(|nth: usize| site.units[nth].snapshot());
    let before = site.everything();
    site.units[1].fill_disk(true);
    let known = site.apply().await.unwrap();
    assert_eq!(known.exit, Status::Refused, "a disk that is full already is told by the plan");
    assert!(document(&known)["failure"].to_string().contains("no space left on device"));
    assert_eq!((site.everything(), site.writes()), (before, 0));
    site.units[1].fill_disk_late();
    let report = site.apply().await.unwrap();
    assert_eq!(report.exit, Status::Partial);
    let told = document(&report);
    assert_eq!((&told["exit"], &told["exit_code"]), (&"partial".into(), &7.into()));
    let failure = told["failure"].to_string();
    assert!(failure.contains("1 unit done, failed at magnum/1; magnum/2 untouched"), "{failure}");
    assert!(failure.contains("no space left on device"), "{failure}");
    assert!(site.units[0].read(DROPIN).unwrap().contains("[capi_helm]"));
    // Access needs no room: the kubeconfig was given to magnum. What needs room was not begun.
    let full = site.units[1].snapshot();
    assert_eq!((full.packages, full.services), (second.packages, second.services));
    let differ = full.files.iter().filter(|(path, node)| second.files.get(*path) != Some(*node));
    let differ: Vec<_> = differ.map(|(path, _)| path.as_str()).collect();
    assert_eq!(differ, ["/etc/magnum/kubeconfig"]);
    assert_eq!((site.units[2].snapshot(), site.units[2].writes()), (third, 0));
    let (first, writes) = (site.units[0].snapshot(), site.units[0].writes());
    site.units[1].fill_disk(false);
    converges(&site).await;
    assert_eq!((site.units[0].snapshot(), site.units[0].writes()), (first, writes));
    for unit in &site.units {
        assert!(unit.read(DROPIN).unwrap().contains("default_helm_chart_version = 0.25.1"));
    }
}

#[tokio::test]
async fn a_unit_out_of_reach_keeps_every_other_untouched() {
    let site = Site::new(&[Start::Fresh, Start::Fresh]);
    let before = site.everything();
    site.units[1].cut_off(true);
    let report = site.apply().await.unwrap();
    assert_eq!(report.exit, Status::Error);
    let failure = document(&report)["failure"].to_string();
    assert!(failure.contains("magnum/1") && failure.contains("no route to host"), "{failure}");
    assert_eq!(document(&report)["failure"]["touched"], "nothing");
    assert_eq!((site.everything(), site.writes()), (before, 0));
    assert!(site.runs.all().unwrap().0.is_empty());
    site.units[1].cut_off(false);
    converges(&site).await;
}

#[tokio::test]
async fn a_gate_that_says_no_ends_it_before_any_write() {
    let site = Site::new(&[Start::Fresh, Start::Fresh]);
    let before = site.everything();
    site.units[1].with_management(|management| management.reachable = false);
    let report = site.apply().await.unwrap();
    assert_eq!(report.exit, Status::Gate);
    let failure = document(&report)["failure"].to_string();
    assert!(failure.contains("magnum/1 -> https://10.20.0.50:6443"), "{failure}");
    assert_eq!((site.everything(), site.writes()), (before, 0));
    assert!(site.runs.all().unwrap().0.is_empty());
}

#[tokio::test]
async fn leftovers_are_refused_until_the_operator_says_what_to_do() {
    let site = Site::new(&[Start::Superseded]);
    let before = site.everything();
    let job = site.job(LeftoverPolicy::Undecided).await;
    let report = site.engine().apply(&job, Approved::Now).await.unwrap();
    assert_eq!(report.exit, Status::Refused);
    let failure = document(&report)["failure"].to_string();
    for words in ["--remove-leftovers", "--keep-leftovers", "99-capi.conf"] {
        assert!(failure.contains(words), "{words}: {failure}");
    }
    assert_eq!((site.everything(), site.writes()), (before, 0));
}

async fn stored(site: &Site) -> (std::path::PathBuf, PlanFile) {
    let path = site.home.path().join("graft.plan");
    let job = site.job(LeftoverPolicy::Remove).await;
    let plan = site.engine().plan(&job).await;
    assert_eq!((plan.exit, site.writes()), (Status::Pending, 0));
    PlanFile::new(&job, plan.looked).write(&path).unwrap();
    let read = PlanFile::read(&path, "graft").unwrap();
    (path, read)
}

#[tokio::test]
async fn a_stored_plan_is_applied_to_the_world_it_was_made_for() {
    let site = Site::new(&[Start::Superseded, Start::Fresh]);
    let (path, plan) = stored(&site).await;
    let text = std::fs::read_to_string(path).unwrap();
    assert!(!text.contains("client-key-data"), "the plan holds the kubeconfig");
    let job = site.job(LeftoverPolicy::Remove).await;
    let report = site.engine().apply(&job, Approved::Plan(plan)).await.unwrap();
    assert_eq!(report.exit, Status::Done, "{report:#?}");
    converges(&site).await;
}

/// What was shown is approved, with what steps that wait need later; it is not read again.
#[tokio::test]
async fn what_was_shown_is_applied_and_nothing_else() {
    let site = Site::new(&[Start::Superseded, Start::Fresh]);
    let job = site.job(LeftoverPolicy::Remove).await;
    let looked = site.engine().look(&job).await;
    assert!(looked.pending() && looked.blocker().is_none());
    let report = site.engine().apply(&job, Approved::Shown(looked)).await.unwrap();
    assert_eq!(report.exit, Status::Done, "{report:#?}");
    converges(&site).await;

    let site = Site::new(&[Start::Fresh]);
    let job = site.job(LeftoverPolicy::Remove).await;
    let looked = site.engine().look(&job).await;
    site.units[0].write(DROPIN, b"[capi_helm]\n# by hand\n", "root", "root", 0o644);
    let stale = site.engine().apply(&job, Approved::Shown(looked)).await.unwrap_err();
    assert_eq!((stale.class, stale.touched), (FailureClass::Stale, Touched::Nothing), "{stale:?}");
    assert_eq!(site.units[0].read(DROPIN).as_deref(), Some("[capi_helm]\n# by hand\n"));
    assert_eq!((site.writes(), site.units[0].held()), (0, None), "the lock is released");
}

/// Alone, an operation can't have what another one has to do first: its plan says so.
#[tokio::test]
async fn a_plan_refuses_what_its_run_would_refuse() {
    let site = Site::new(&[Start::Fresh]);
    let (parsed, _) = rehearsal::site().unwrap();
    let spec = SiteSpec::new(&parsed);
    let services = spec.services(&spec.dropin().unwrap(), false).unwrap();
    let unit = site.units[0].client(Sources::default());
    let section = Section::new("", "services", vec![Item::Step(step(&Arc::new(unit), services))]);
    let target = TargetPlan::unit("magnum/0", vec![section]);
    let job = Job::new("converge-services", "omega.toml", vec![target]);
    let plan = site.engine().plan(&job).await;
    assert_eq!(plan.exit, Status::Refused, "{plan:#?}");
    let failure = plan.failure.unwrap();
    let run = site.engine().apply(&job, Approved::Now).await.unwrap();
    assert_eq!((run.exit, run.failure, run.run), (Status::Refused, Some(failure), None));
    assert_eq!(site.writes(), 0);
    assert!(site.runs.all().unwrap().0.is_empty(), "what is refused keeps no run");
    // In the runbook the steps before it come first.
    let whole = site.engine().plan(&site.job(LeftoverPolicy::Remove).await).await;
    assert_eq!(whole.exit, Status::Pending, "{whole:#?}");
}

/// Notes the targets of the steps that begin and end.
#[derive(Default)]
struct Targets(Mutex<Vec<String>>);

impl EventSink for Targets {
    fn event(&self, event: &Event) {
        if let Event::StepStarted { step, .. } | Event::StepFinished { step, .. } = event {
            self.0.lock().unwrap().push(step.target.clone());
        }
    }
}

#[tokio::test]
async fn units_after_the_first_may_be_changed_at_the_same_time() {
    for (parallel, expected) in [(1, false), (2, true)] {
        let site = Site::new(&[Start::Fresh, Start::Fresh, Start::Fresh]);
        let targets = Arc::new(Targets::default());
        let ctx = Context::default().with_events(targets.clone());
        let engine = Engine::new(site.runs.clone(), ctx).parallel(parallel.try_into().unwrap());
        let job = site.job(LeftoverPolicy::Remove).await;
        let report = engine.apply(&job, Approved::Now).await.unwrap();
        assert_eq!(report.exit, Status::Done, "{report:#?}");
        let order = targets.0.lock().unwrap().clone();
        let of = |name: &'static str| move |target: &String| target == name;
        let first = order.iter().rposition(of("magnum/0")).unwrap();
        let second = order.iter().position(of("magnum/1")).unwrap();
        assert!(first < second, "the first is changed alone");
        let last = order.iter().rposition(of("magnum/1")).unwrap();
        let third = order.iter().position(of("magnum/2")).unwrap();
        assert_eq!(third < last, expected, "{parallel}: {order:?}");
    }
}

#[tokio::test]
async fn a_stored_plan_is_stale_when_the_world_has_changed() {
    let changes: [(&str, Change); 3] = [
        ("a file in the way", |site| {
            site.units[1].write(DROPIN, b"[capi_helm]\n# by hand\n", "root", "root", 0o644);
        }),
        ("another driver", |site| site.units[0].install_driver("1.2.0")),
        ("another start", |site| {
            site.units[1].write("/etc/default/magnum-conductor", b"A=1\n", "root", "root", 0o644);
        }),
    ];
    for (what, change) in changes {
        let site = Site::new(&[Start::Superseded, Start::Fresh]);
        let (_, plan) = stored(&site).await;
        change(&site);
        let before = site.everything();
        let job = site.job(LeftoverPolicy::Remove).await;
        let failure = site.engine().apply(&job, Approved::Plan(plan)).await.unwrap_err();
        assert_eq!(Status::of(&failure, None), Status::Stale, "{what}: {failure:?}");
        assert_eq!(failure.touched, Touched::Nothing, "{what}");
        assert!(failure.next.unwrap().contains("make a new plan"), "{what}");
        assert_eq!((site.everything(), site.writes()), (before, 0), "{what}");
        assert!(site.runs.all().unwrap().0.is_empty(), "{what}");
    }
}

/// Asks to stop when it is asked the second time: when the run has come to it.
struct StopHere(CancelToken, AtomicUsize);

#[async_trait]
impl Gate for StopHere {
    fn rule(&self) -> &'static str {
        "stop-here"
    }

    fn subject(&self) -> Subject {
        Subject::new("test", "stop here")
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        // After the look, and the one under the locks.
        if self.1.fetch_add(1, Ordering::SeqCst) == 2 {
            self.0.cancel();
        }
        Ok(Verdict::shown([Evidence::holds("asked")]))
    }
}

#[tokio::test]
async fn a_run_is_stopped_between_two_steps_and_the_next_run_ends_it() {
    let mut site = Site::new(&[Start::Fresh, Start::Fresh]);
    let second = site.units[1].snapshot();
    let mut job = site.job(LeftoverPolicy::Remove).await;
    let gate = Item::gate(StopHere(site.cancel.clone(), AtomicUsize::new(0)));
    let section = Section::new("0", "stop", vec![gate]);
    job.targets[1].sections.push(section);
    let report = site.engine().apply(&job, Approved::Now).await.unwrap();
    assert_eq!(report.exit, Status::Interrupted);
    let failure = document(&report)["failure"].to_string();
    assert!(failure.contains("stopped before"), "{failure}");
    assert!(site.units[0].read(DROPIN).is_some(), "the first unit was done before");
    assert_eq!((site.units[1].snapshot(), site.units[1].writes()), (second, 0));
    let run = &site.runs.all().unwrap().0[0];
    let kept: serde_json::Value = site.runs.kept(&run.id, "report.json").unwrap();
    assert_eq!(kept["exit"], "interrupted");
    site.cancel = CancelToken::default();
    converges(&site).await;
}

#[tokio::test]
async fn a_stop_before_the_first_step_writes_nothing() {
    let site = Site::new(&[Start::Fresh]);
    let before = site.everything();
    site.cancel.cancel();
    let report = site.apply().await.unwrap();
    assert_eq!(report.exit, Status::Interrupted);
    assert_eq!(document(&report)["failure"]["touched"], "nothing");
    assert_eq!((site.everything(), site.writes()), (before, 0));
}

const CONTRACT: &str = "openstackmachinetemplates.infrastructure.cluster.x-k8s.io";

/// The coherence is asked before the first write; an operator may accept what it finds.
#[tokio::test]
async fn what_does_not_fit_is_refused_for_a_program_to_read() {
    let mut site = Site::new(&[Start::Fresh]);
    let before = site.everything();
    site.apiserver.label(CONTRACT, "cluster.x-k8s.io/v1beta1", None);
    let report = site.apply().await.unwrap();
    assert_eq!(report.exit, Status::Refused);
    let failure = document(&report)["failure"].clone();
    let refusal = &failure["detail"];
    assert_eq!(refusal["schema"], 2);
    let finding = &refusal["findings"][0];
    assert_eq!(finding["rule"], "missing-contract");
    assert!(finding["evidence"].as_array().is_some_and(|all| !all.is_empty()), "{finding}");
    for key in ["severity", "summary", "decision", "remedy"] {
        assert!(finding[key].as_str().is_some_and(|text| !text.is_empty()), "{key}: {finding}");
    }
    assert_eq!((&failure["touched"], &failure["next"]), (&"nothing".into(), &finding["remedy"]));
    assert_eq!((site.everything(), site.writes()), (before, 0));
    assert!(site.runs.all().unwrap().0.is_empty());

    // Another rule does not help; this one does, and stays in sight.
    site.accepted = vec![omega_capi::coherence::Rule::UnservedRead];
    assert_eq!(site.apply().await.unwrap().exit, Status::Refused);
    site.accepted.push(omega_capi::coherence::Rule::MissingContract);
    let report = site.apply().await.unwrap();
    assert_eq!(report.exit, Status::Done, "{report:#?}");
    let said = document(&report).to_string();
    assert!(said.contains("accepted (missing-contract)"), "{said}");
}

#[tokio::test]
async fn an_unsafe_delete_can_not_be_accepted() {
    let mut site = Site::new(&[Start::Fresh]);
    site.accepted = omega_capi::coherence::Rule::ALL.to_vec();
    site.apiserver.serve("cluster.x-k8s.io", &["v1beta2"]);
    let report = site.apply().await.unwrap();
    assert_eq!(report.exit, Status::Refused);
    let detail = document(&report)["failure"]["detail"].clone();
    assert_eq!(detail["findings"][0]["rule"], "unsafe-delete");
    assert!(!detail["accepted"].as_array().unwrap().is_empty());
    assert_eq!(site.writes(), 0);
}

/// The clients refuse: whatever the first write of a graft is, it does not arrive. What only reads works.
#[tokio::test(start_paused = true)]
async fn with_clients_that_only_read_a_graft_is_refused_and_nothing_arrives() {
    for start in Start::ALL {
        let mut site = Site::new(&[start, start]);
        let all = site.clients.clone();
        site.clients = all.read_only();
        let (before, job) = (site.everything(), site.job(LeftoverPolicy::Remove).await);
        let planned = site.engine().plan(&job).await;
        assert_eq!(planned.exit, Status::Pending, "{start:?}: a plan only reads: {planned:#?}");
        // The first write of a run is the one that locks its first target.
        let failure = site.apply().await.unwrap_err();
        let refused = (failure.class, failure.touched);
        assert_eq!(refused, (FailureClass::Refused, Touched::Nothing), "{start:?}: {failure:?}");
        let why = failure.causes.join(": ");
        assert!(why.contains("was not sent") && why.contains("only reads are allowed"), "{why}");
        assert!(failure.next.as_deref().unwrap().contains("--read-only"), "{failure:?}");
        assert_eq!((site.everything(), site.writes()), (before, 0), "{start:?}");
        assert_eq!(site.apiserver.writes(), [""; 0]);
        assert!(site.runs.all().unwrap().0.is_empty(), "{start:?}: no run began");

        site.clients = all;
        converges(&site).await;
        site.clients = site.clients.read_only();
        let verified = site.engine().verify(&site.job(LeftoverPolicy::Remove).await).await;
        assert_eq!(verified.exit, Status::Done, "{start:?}: {verified:#?}");
    }
}
