//! On the simulators: a site that is whole, silent changes, and what can't be seen.

#![allow(
    clippy::similar_names,
    clippy::duration_suboptimal_units,
    clippy::cloned_ref_to_slice_refs,
    reason = "tests"
)]

use jiff::{SignedDuration, Timestamp};
use omega_capi::sim::Fault;
use omega_core::{
    Evidence, Failure, FailureClass, Finding, Gate, Label as _, Severity, Subject, Verdict,
    run::Status,
};
use omega_juju::{gates::LeftoverPolicy, sim::Start};
use omega_openstack::{Method, Request, Service};
use serde_json::json;

use super::{
    sources::{coherence_view, constellation_view},
    *,
};
use crate::{graft::Purpose, test_harness::Site};

const DEFAULTS: &str = "/etc/default/magnum-conductor";
const CONDUCTOR: &str = "magnum-conductor";

/// How long each look took.
const TOOK: std::time::Duration = std::time::Duration::from_secs(30);

/// A site whose graft is whole, and the operator's machine that looks at it.
struct Watching {
    site: Site,
    file: BaselineFile,
    options: LookOptions,
    looks: std::cell::Cell<i64>,
    writes: usize,
}

impl Watching {
    async fn new(units: usize) -> Self {
        let site = Site::new(&vec![Start::Grafted130; units]);
        // The resource controller's kind, which the recorded server lacks.
        site.apiserver.define("images", "openstack.k-orc.cloud", &["v1alpha1"]);
        site.cloud.add_image("k8s", true);
        assert_eq!(site.apply().await.unwrap().exit, Status::Done);
        let file = Baselines::new(site.home.path()).take(&site.home.path().join("x")).unwrap();
        let writes = site.writes();
        let options = LookOptions::default();
        Self { site, file, options, looks: 0.into(), writes }
    }

    /// Five minutes after the look before, long before the certificates end.
    fn next(&self) -> Timestamp {
        let nth = self.looks.replace(self.looks.get() + 1);
        let first: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        first + SignedDuration::from_mins(5 * nth)
    }

    async fn views(&self) -> Vec<View> {
        let Site { clients, parsed, .. } = &self.site;
        // As the command has them: whatever a look sends, it only reads.
        let clients = &clients.read_only();
        let spec = self.site.spec(LeftoverPolicy::Undecided).await;
        let job = spec.job("omega.toml", &clients.clone().for_verification(None), Purpose::Verify);
        let items = job.targets.into_iter().chain(job.afterwards).collect();
        vec![
            View { source: Source::Graft, what: Ok(Reading::Items(items)) },
            View { source: Source::Coherence, what: coherence_view(parsed, clients, &[]) },
            View {
                source: Source::Constellation,
                what: constellation_view(parsed, &clients.management),
            },
        ]
    }

    async fn take(&self, at: Timestamp) -> Look {
        look(self.views().await, self.site.clients.endpoints(), at, &self.options).await
    }

    async fn at(&self, at: Timestamp, acceptance: Acceptance) -> DriftReport {
        let look = Look { took: TOOK, ..self.take(at).await };
        let (file, runs) = (&self.file, &self.site.runs);
        let report = assess(&look, file, runs, "omega.toml", acceptance, &self.options).unwrap();
        assert_eq!(self.site.writes(), self.writes, "a look writes nothing");
        assert_eq!(self.site.apiserver.writes(), Vec::<String>::new(), "a look writes nothing");
        report
    }

    async fn look(&self) -> DriftReport {
        self.at(self.next(), Acceptance::Keep).await
    }

    async fn accept(&self) -> DriftReport {
        self.at(self.next(), Acceptance::Accept).await
    }

    /// Sends a request of somebody who is not omega.
    async fn sends(&mut self, request: Request) -> serde_json::Value {
        let answer = self.site.cloud.admin("capi-mgmt").send(request).await.unwrap();
        self.writes = self.site.writes();
        answer.body
    }

    async fn make_template(&mut self, name: &str, network: &str) -> String {
        let body = json!({
            "name": name, "coe": "kubernetes", "image_id": "k8s", "network_driver": network,
            "external_network_id": "public", "flavor_id": "m1.medium",
            "master_flavor_id": "m1.medium",
        });
        let request = Request::new(Service::ContainerInfra, Method::Post, &["clustertemplates"]);
        let made = self.sends(request.body(body)).await;
        made["uuid"].as_str().unwrap().to_owned()
    }
}

fn kinds(report: &DriftReport) -> Vec<(DifferenceKind, String)> {
    report
        .differences
        .iter()
        .map(|one| (one.kind, format!("{} {}", one.id.target, one.id.key)))
        .collect()
}

#[track_caller]
fn nothing(report: &DriftReport) {
    assert!(kinds(report).is_empty(), "{:#?}", report.differences);
    assert_eq!(report.status(), Status::Done);
}

/// The difference that is known by this name.
#[track_caller]
fn named<'a>(report: &'a DriftReport, silent: &str) -> &'a Difference {
    let found = report.differences.iter().find(|one| one.silent.as_deref() == Some(silent));
    found.unwrap_or_else(|| panic!("no {silent}: {:#?}", report.differences))
}

#[tokio::test]
async fn a_healthy_site_is_recorded_once_and_then_nothing_is_reported() {
    let watching = Watching::new(2).await;
    let first = watching.look().await;
    assert!(first.recorded && first.looked > 30, "{}", first.looked);
    nothing(&first);
    for nth in 2..30 {
        let report = watching.look().await;
        nothing(&report);
        assert!(!report.recorded);
        assert_eq!((report.looks, report.looked), (nth, first.looked));
        assert_eq!(report.news().count(), 0);
    }
}

#[tokio::test]
async fn a_hook_that_rewrites_the_defaults_is_named_within_one_look_until_it_is_reverted() {
    let watching = Watching::new(1).await;
    watching.look().await;
    let unit = &watching.site.units[0];
    let whole = unit.read(DEFAULTS).unwrap();
    unit.write(DEFAULTS, b"# managed by Juju\nUSE_SYSLOG=no\n", "root", "root", 0o644);
    let report = watching.look().await;
    assert_eq!(report.status(), Status::Pending);
    let one = named(&report, "defaults-rewritten");
    assert_eq!((one.kind, one.new), (DifferenceKind::Pending, true));
    assert!(
        one.summary
            .contains("/etc/default/magnum-conductor on magnum/0 was rewritten at 2026-11-21T09:"),
        "{one:#?}"
    );
    assert!(one.summary.contains("will not have --config-dir"), "{one:#?}");
    let (after, before) = (one.since.after.unwrap(), one.since.before);
    // It may have happened while the second look was under way.
    let until = SignedDuration::from_mins(5) + SignedDuration::try_from(TOOK).unwrap();
    assert_eq!(before.duration_since(after), until);
    assert_eq!(one.since.machine[0].fact, "modified");
    assert!(one.facts.iter().any(|fact| fact.fact == "first line"), "{:#?}", one.facts);
    // It goes on being reported, and is reported once.
    let since = one.since.clone();
    let again = watching.look().await;
    let one = named(&again, "defaults-rewritten");
    assert_eq!((one.new, &one.since), (false, &since));
    assert_eq!(again.news().count(), 0);
    unit.write(DEFAULTS, whole.as_bytes(), "root", "root", 0o644);
    unit.restart(CONDUCTOR);
    let over = watching.look().await;
    nothing(&over);
    let told =
        over.recovered.iter().find(|one| one.silent.as_deref() == Some("defaults-rewritten"));
    assert_eq!(told.unwrap().kind, DifferenceKind::Recovered);
    nothing(&watching.look().await);
}

#[tokio::test]
async fn a_driver_that_was_upgraded_without_a_restart_is_named() {
    let watching = Watching::new(1).await;
    watching.look().await;
    watching.site.units[0].wait(60);
    watching.site.units[0].install_driver("1.4.0");
    let report = watching.look().await;
    let one = named(&report, "driver-not-restarted");
    assert_eq!((one.kind, report.status()), (DifferenceKind::Pending, Status::Pending));
    assert!(one.summary.contains("magnum-conductor, which runs since 2026-11-21T09:"), "{one:#?}");
    assert!(one.since.machine.iter().any(|time| time.fact.ends_with("driver installed")));
    watching.site.units[0].restart(CONDUCTOR);
    watching.site.units[0].restart("magnum-api");
    nothing(&watching.look().await);
}

#[tokio::test]
async fn a_template_that_is_switched_to_flannel_is_named_and_one_that_a_user_makes_is_not() {
    let mut watching = Watching::new(1).await;
    let uuid = watching.make_template("k8s-v1-34", "calico").await;
    nothing(&watching.look().await);
    watching.make_template("mine", "calico").await;
    nothing(&watching.look().await);
    let request =
        Request::new(Service::ContainerInfra, Method::Patch, &["clustertemplates", &uuid]);
    let patch = json!([{ "op": "replace", "path": "/network_driver", "value": "flannel" }]);
    watching.sends(request.body(patch)).await;
    let report = watching.look().await;
    let one = named(&report, "template-network");
    assert_eq!(
        one.summary,
        "the network driver of template k8s-v1-34 was switched: calico -> flannel"
    );
    let rule = report.differences.iter().find(|one| one.id.key == "template-without-cni").unwrap();
    assert_eq!(rule.kind, DifferenceKind::Warns, "no cluster uses it");
    assert_eq!(report.status(), Status::Pending);
}

#[tokio::test]
async fn a_credential_is_named_when_its_end_is_near_and_fails_when_it_is_there() {
    let watching = Watching::new(1).await;
    let end = watching.site.kubeconfig.facts.expires().unwrap();
    let before = |days: i64| end - SignedDuration::from_hours(24 * days);
    nothing(&watching.at(before(31), Acceptance::Keep).await);
    let soon = watching.at(before(30), Acceptance::Keep).await;
    let one = named(&soon, "credential-expires");
    assert_eq!((one.kind, soon.status()), (DifferenceKind::Warns, Status::Pending));
    assert_eq!(one.finding.as_ref().unwrap().severity, Severity::Warning);
    assert!(one.summary.contains("magnum/0 expires at"), "{}", one.summary);
    // It is accepted as a warning, and never once it has ended.
    nothing(&watching.at(before(29), Acceptance::Accept).await);
    nothing(&watching.at(before(28), Acceptance::Keep).await);
    let ended = watching.at(end, Acceptance::Keep).await;
    let one = named(&ended, "credential-expires");
    assert_eq!((one.kind, ended.status()), (DifferenceKind::Fails, Status::Gate));
    let accepted = watching.at(end, Acceptance::Accept).await;
    assert_eq!(accepted.status(), Status::Gate, "a rule that fails can't be accepted");
}

#[tokio::test]
async fn a_daemon_that_keeps_restarting_is_named_and_fails() {
    let watching = Watching::new(1).await;
    watching.look().await;
    watching.site.units[0].crash(CONDUCTOR, 1);
    let once = watching.look().await;
    let one = named(&once, "keeps-restarting");
    assert_eq!(one.kind, DifferenceKind::Changed);
    assert!(
        one.summary.contains("systemd restarted magnum-conductor on magnum/0 by itself"),
        "{one:#?}"
    );
    watching.site.units[0].crash(CONDUCTOR, 40);
    let report = watching.look().await;
    let fails = report.differences.iter().find(|one| one.id.key == "daemon-steady").unwrap();
    assert_eq!((fails.kind, report.status()), (DifferenceKind::Fails, Status::Gate));
    assert_eq!(fails.silent.as_deref(), Some("keeps-restarting"));
}

#[tokio::test]
async fn a_unit_that_is_out_of_reach_is_unknown_and_never_good_and_keeps_its_baseline() {
    let watching = Watching::new(2).await;
    let first = watching.look().await;
    watching.site.units[1].cut_off(true);
    let report = watching.look().await;
    assert_eq!(report.status(), Status::Error);
    assert!(report.differences.iter().all(|one| one.kind == DifferenceKind::Unknown));
    assert!(report.differences.iter().all(|one| one.id.target == "magnum/1"));
    assert!(report.differences.len() > 8, "{:#?}", kinds(&report));
    assert!(report.differences[0].summary.contains("no route to host"), "{report:#?}");
    let unknown = report.standings.iter().filter(|one| one.state == "unknown").count();
    assert!(unknown > 8 && report.looked <= first.looked);
    // Nothing is accepted that was not seen.
    let accepted = watching.accept().await;
    assert_eq!(accepted.status(), Status::Error);
    // What changed meanwhile is found.
    watching.site.units[1].write(DEFAULTS, b"# other\n", "root", "root", 0o644);
    watching.site.units[1].cut_off(false);
    let back = watching.look().await;
    assert_eq!(named(&back, "defaults-rewritten").id.target, "magnum/1");
    assert!(back.recovered.len() > 3, "{:#?}", back.recovered);
}

/// Since when it is so: a look that saw it too, one that saw nothing, and one that accepted the rest don't count.
#[tokio::test]
async fn since_when_is_the_first_look_that_found_it() {
    let watching = Watching::new(1).await;
    let unit = &watching.site.units[0];
    unit.crash(CONDUCTOR, 40);
    let since = |report: &DriftReport, key: &str| {
        let one = report.differences.iter().find(|one| one.id.key == key);
        one.unwrap_or_else(|| panic!("{key} is not in {report:#?}")).since.clone()
    };
    let first = since(&watching.look().await, "daemon-steady");
    assert_eq!(first.after, None, "it was so when it was looked at for the first time");
    unit.cut_off(true);
    watching.look().await;
    unit.cut_off(false);
    let again = watching.look().await;
    assert_eq!(since(&again, "daemon-steady"), first);
    assert!(again.news().all(|one| one.id.key != "daemon-steady"), "{again:#?}");
    // What `apply` would change is not accepted, and what is known of it stays.
    unit.write(DEFAULTS, b"# other\n", "root", "root", 0o644);
    let changed = watching.look().await;
    let (before, name) = (since(&changed, DEFAULTS), named(&changed, "defaults-rewritten").clone());
    assert!(before.after.is_some(), "{name:#?}");
    let accepted = watching.accept().await;
    assert_eq!(named(&accepted, "defaults-rewritten").facts, name.facts);
    let later = watching.look().await;
    assert_eq!(since(&later, DEFAULTS), before);
    assert_eq!(named(&later, "defaults-rewritten").facts, name.facts);
}

#[test]
fn what_is_not_looked_at_is_named_as_it_is_called() {
    let refused = |names: &[&str]| {
        let skip = names.iter().map(|name| (*name).to_owned()).collect();
        let options = LookOptions { skip, ..LookOptions::default() };
        options.check_names().err().map(|failure| failure.to_string())
    };
    assert_eq!(refused(&["graft", "daemon-steady", DEFAULTS, "constellation cert-manager"]), None);
    let near = refused(&["live", "running-chanels"]).unwrap();
    assert!(near.contains("no rule or source \"running-chanels\""), "{near}");
    let all = refused(&["graft", "coherence", "constellation", "live"]).unwrap();
    assert!(all.contains("every source is skipped"), "{all}");
}

#[tokio::test]
async fn a_unit_that_was_not_there_at_first_is_compared_from_when_it_is_seen() {
    let watching = Watching::new(2).await;
    watching.site.units[1].cut_off(true);
    assert_eq!(watching.look().await.status(), Status::Error);
    watching.site.units[1].cut_off(false);
    nothing(&watching.look().await);
    watching.site.units[1].write(DEFAULTS, b"# other\n", "root", "root", 0o644);
    assert_eq!(named(&watching.look().await, "defaults-rewritten").id.target, "magnum/1");
}

#[tokio::test]
async fn an_api_that_does_not_answer_is_unknown_and_hides_no_other_drift() {
    let watching = Watching::new(1).await;
    watching.look().await;
    watching.site.apiserver.fail(Fault::BadToken);
    watching.site.units[0].write(DEFAULTS, b"# other\n", "root", "root", 0o644);
    let report = watching.look().await;
    assert_eq!(report.status(), Status::Error);
    named(&report, "defaults-rewritten");
    let blind: Vec<&str> = report
        .differences
        .iter()
        .filter(|one| one.id.kind == "source")
        .map(|one| one.id.key.as_str())
        .collect();
    assert_eq!(blind, ["coherence", "constellation"]);
    let unknown = report.standings.iter().filter(|one| one.state == "unknown");
    assert!(
        unknown.clone().any(|one| one.observation.source == Source::Constellation),
        "{report:#?}"
    );
    watching.site.apiserver.clear_fault();
    let back = watching.look().await;
    assert_eq!(back.status(), Status::Pending, "{:#?}", back.differences);
    assert!(back.recovered.iter().any(|one| one.id.key == "coherence"));
}

#[tokio::test]
async fn two_changes_at_once_are_both_named() {
    let watching = Watching::new(2).await;
    watching.look().await;
    watching.site.units[0].write(DEFAULTS, b"# other\n", "root", "root", 0o644);
    watching.site.units[1].crash(CONDUCTOR, 40);
    let report = watching.look().await;
    assert_eq!(named(&report, "defaults-rewritten").id.target, "magnum/0");
    assert_eq!(named(&report, "keeps-restarting").id.target, "magnum/1");
    assert_eq!(report.status(), Status::Gate, "what fails comes before what changed");
}

#[tokio::test]
async fn what_is_accepted_is_the_baseline_and_what_apply_would_change_is_not_accepted() {
    let watching = Watching::new(1).await;
    watching.look().await;
    watching.site.units[0].restart(CONDUCTOR);
    watching.site.units[0].crash(CONDUCTOR, 1);
    assert_eq!(watching.look().await.status(), Status::Pending);
    let accepted = watching.accept().await;
    assert!(accepted.recorded);
    nothing(&accepted);
    nothing(&watching.look().await);
    watching.site.units[0].write(DEFAULTS, b"# other\n", "root", "root", 0o644);
    assert_eq!(watching.accept().await.status(), Status::Pending);
    assert_eq!(watching.look().await.status(), Status::Pending, "the site file still wants it");
}

#[tokio::test]
async fn what_omega_did_itself_is_told_once_with_its_run() {
    let mut watching = Watching::new(1).await;
    // The files of a run have the time of this machine, to some milliseconds.
    let now = async || {
        tokio::time::sleep(std::time::Duration::from_millis(30)).await;
        Timestamp::now()
    };
    watching.at(now().await, Acceptance::Keep).await;
    watching.site.units[0].write(DEFAULTS, b"# managed by Juju\n", "root", "root", 0o644);
    let drifted = watching.at(now().await, Acceptance::Keep).await;
    assert_eq!((drifted.status(), drifted.runs.len()), (Status::Pending, 0));
    now().await;
    let run = watching.site.apply().await.unwrap().run.unwrap();
    watching.writes = watching.site.writes();
    let report = watching.at(now().await, Acceptance::Keep).await;
    assert_eq!(report.runs, [run.clone()], "{report:#?}");
    let one = report.differences.iter().find(|one| one.id.key == DEFAULTS).unwrap();
    let expected = (DifferenceKind::Changed, true, std::slice::from_ref(&run));
    assert_eq!((one.kind, one.expected, &one.runs[..]), expected);
    nothing(&watching.at(now().await, Acceptance::Keep).await);
}

#[tokio::test]
async fn what_is_skipped_is_neither_looked_at_nor_gone() {
    let mut watching = Watching::new(1).await;
    watching.look().await;
    watching.options.skip = vec!["constellation".into(), "reach-management".into()];
    watching.site.apiserver.fail(Fault::BadToken);
    let report = watching.look().await;
    assert!(report.differences.iter().all(|one| one.id.key != "constellation"), "{report:#?}");
    watching.site.apiserver.clear_fault();
    let report = watching.look().await;
    nothing(&report);
    assert_eq!(report.skipped, watching.options.skip);
    let skipped = |one: &&Standing| one.observation.id.key == "reach-management";
    assert_eq!(report.standings.iter().filter(skipped).count(), 0);
    watching.options.skip.clear();
    nothing(&watching.look().await);
    // What was reported is not over because it is skipped, and not new when it is looked at again.
    watching.site.apiserver.fail(Fault::BadToken);
    assert!(watching.look().await.differences.iter().any(|one| one.new));
    watching.options.skip = vec!["constellation".into(), "coherence".into(), "graft".into()];
    let report = watching.look().await;
    assert_eq!((report.differences, report.recovered), (vec![], vec![]));
    watching.options.skip.clear();
    let report = watching.look().await;
    assert!(!report.differences.is_empty(), "{report:#?}");
    assert!(report.differences.iter().all(|one| !one.new), "{report:#?}");
}

#[tokio::test]
async fn a_look_that_takes_too_long_makes_everything_unknown_and_keeps_the_baseline() {
    let watching = Watching::new(1).await;
    watching.look().await;
    let failure = Failure::new(FailureClass::Deadline, "given up");
    let sources = [Source::Graft, Source::Coherence, Source::Constellation];
    let late = Look::failed(
        watching.next(),
        std::time::Duration::from_secs(9),
        &sources,
        &failure,
        &watching.options,
    );
    let assessed = assess(
        &late,
        &watching.file,
        &watching.site.runs,
        "omega.toml",
        Acceptance::Keep,
        &watching.options,
    );
    let report = assessed.unwrap();
    assert_eq!((report.status(), report.differences.len()), (Status::Error, 3));
    assert!(report.standings.iter().all(|one| one.state == "unknown"));
    nothing(&watching.look().await);
}

#[tokio::test]
async fn a_baseline_of_another_site_is_refused_until_it_is_accepted_anew() {
    let watching = Watching::new(1).await;
    watching.look().await;
    let mut look = watching.take(watching.next()).await;
    look.endpoints.insert("cloud".to_owned(), "https://elsewhere".to_owned());
    let (file, runs, options) = (&watching.file, &watching.site.runs, &watching.options);
    let refused = assess(&look, file, runs, "omega.toml", Acceptance::Keep, options).unwrap_err();
    assert_eq!(refused.class, FailureClass::Stale);
    assert_eq!(refused.found.as_deref(), Some("cloud: https://elsewhere"));
    let accepted = assess(&look, file, runs, "omega.toml", Acceptance::Accept, options).unwrap();
    assert_eq!(accepted.status(), Status::Done);
}

/// A check of what runs, whose answer the test decides.
#[derive(Clone)]
struct Says(std::sync::Arc<std::sync::Mutex<Result<Verdict, Failure>>>);

#[async_trait::async_trait]
impl Gate for Says {
    fn rule(&self) -> &'static str {
        "running-channels"
    }

    fn subject(&self) -> Subject {
        Subject::new("model", "openstack")
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        self.0.lock().unwrap().clone()
    }
}

#[tokio::test]
async fn a_check_of_what_runs_is_compared_by_its_evidence() {
    let watching = Watching::new(1).await;
    let charm = |channel: &str| Evidence::text("keystone", format!("keystone {channel}"));
    let newer = |revision: &str| Evidence::list("newer in its channel:", [revision]);
    let shown = |channel, revision| Ok(Verdict::shown([charm(channel), newer(revision)]));
    let broken = Finding::broken("running-channels", Subject::new("model", "openstack"), "edge");
    let says = Says(std::sync::Arc::new(std::sync::Mutex::new(shown("2024.1/stable 778", "779"))));
    let mut found = Vec::new();
    for answer in [
        shown("2024.1/stable 778", "779"),
        shown("2024.1/stable 778", "800"),
        shown("2024.1/stable 800", "801"),
        Ok(Verdict::fail(broken)),
        Err(Failure::new(FailureClass::Error, "juju does not answer")),
        shown("2024.1/stable 778", "801"),
    ] {
        *says.0.lock().unwrap() = answer;
        let items = vec![sources::checked(Box::new(says.clone()))];
        let views = vec![View { source: Source::Live, what: Ok(Reading::Items(items)) }];
        let looked =
            look(views, watching.site.clients.endpoints(), watching.next(), &watching.options)
                .await;
        let (file, runs) = (&watching.file, &watching.site.runs);
        let report = assess(&looked, file, runs, "omega.toml", Acceptance::Keep, &watching.options);
        let report = report.unwrap();
        let kinds: Vec<&str> = report.differences.iter().map(|one| one.kind.name()).collect();
        found.push((report.status(), kinds.join(" ")));
    }
    let is = |status, kinds: &str| (status, kinds.to_owned());
    let expected = [
        is(Status::Done, ""),
        is(Status::Done, ""),
        is(Status::Pending, "changed"),
        is(Status::Gate, "fails"),
        is(Status::Error, "unknown"),
        is(Status::Done, ""),
    ];
    assert_eq!(found, expected);
}

#[test]
fn each_silent_change_has_a_name_of_its_own() {
    let mut names: Vec<&str> = RULES.iter().map(|rule| rule.id).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), RULES.len());
}

#[tokio::test(start_paused = true)]
async fn a_watch_looks_again_and_again_and_ends_when_it_is_told_to() {
    let watching = Watching::new(1).await;
    let reports = std::sync::Mutex::new(Vec::new());
    let watched = Watched::new(
        &watching.file,
        &watching.site.runs,
        "omega.toml",
        vec![Source::Graft],
        &watching.options,
    );
    let ctx = omega_core::Context::default();
    // One look of three takes too long.
    let nth = std::sync::atomic::AtomicUsize::new(0);
    let look = watching.take(watching.next()).await;
    let take = || -> futures::future::BoxFuture<'_, Look> {
        let nth = nth.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let mut look = look.clone();
        look.at += SignedDuration::from_mins(i64::try_from(nth).unwrap());
        Box::pin(async move {
            if nth == 1 {
                tokio::time::sleep(std::time::Duration::from_secs(3600)).await;
            }
            look
        })
    };
    let tell = |report: &DriftReport| {
        let mut reports = reports.lock().unwrap();
        reports.push(report.status());
        if reports.len() == 4 {
            ctx.cancel().cancel();
        }
        Ok(())
    };
    let minute = std::time::Duration::from_secs(60);
    let began = tokio::time::Instant::now();
    watch(&watched, &ctx, &take, WatchOptions::new(minute, minute / 2), &tell).await.unwrap();
    let found = reports.into_inner().unwrap();
    assert_eq!(found, [Status::Done, Status::Error, Status::Done, Status::Done]);
    let took = began.elapsed();
    assert!(took >= minute * 3 && took < minute * 4, "{took:?}");
    assert_eq!(watching.site.clients.units[0].label(), "magnum/0");
}
