//! What a rollback and a sweep connect to: what the journals name.

use std::{fs, path::Path};

use jiff::Timestamp;
use omega_core::{Context, Journal as _};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::{Machine, site::Site, sweep_site};

const HERE: &str = "http://127.0.0.1:1/v3";
const CLOUD: &str = "[cloud]\nname = \"here\"\n";
const UNITS: &str = "[conductor]\nunit = [{ name = \"magnum/0\", ssh = \"127.0.0.1:1\" }]\n";
/// A kubeconfig that is not there.
const KUBECONFIG: &str = "[management]\nkubeconfig = \"none\"\n";
const PROJECT: &str = "cloud here, project mgmt";

/// An operator's machine with runs on it.
struct Desk {
    home: TempDir,
    runs: Runs,
}

impl Desk {
    fn new() -> Self {
        let home = tempfile::tempdir().unwrap();
        let clouds = format!(
            "clouds:\n  here:\n    auth: {{auth_url: {HERE:?}, username: u, password: p, \
             user_domain_name: d, project_name: mgmt, project_domain_name: d}}\n"
        );
        fs::write(home.path().join("clouds.yaml"), clouds).unwrap();
        Self { runs: Runs::new(home.path()), home }
    }

    /// Records a run that changed something; returns its id.
    fn ran(&self, second: i64, at: &[(&str, &str)], entries: &[Value]) -> String {
        let own = |(what, at): &(&str, &str)| ((*what).to_owned(), (*at).to_owned());
        let endpoints = at.iter().map(own).collect();
        let job = Job { endpoints, ..Job::new(GRAFT, "omega.toml", Vec::new()) };
        let run = self.runs.begin(&job, Timestamp::from_second(second).unwrap()).unwrap();
        for entry in entries {
            run.journal.record(&serde_json::from_value(entry.clone()).unwrap()).unwrap();
        }
        run.id
    }

    async fn connect(&self, site: &str, run: Option<&str>) -> Result<PartialClients, Failure> {
        let site = Site::parse(Path::new("omega.toml"), site).unwrap();
        let machine = self.machine();
        connect(GRAFT, &self.runs, run, &Connect::new(&site, &machine), &[]).await
    }

    fn machine(&self) -> Machine {
        let cwd = self.home.path().to_owned();
        Machine { cwd, ..Machine::new(self.home.path()) }
    }

    async fn sweep(&self, site: &str) -> Vec<(String, Failure)> {
        let site = Site::parse(Path::new("omega.toml"), site).unwrap();
        let (machine, ctx) = (self.machine(), Context::default());
        let connect = Connect::new(&site, &machine);
        let swept = sweep_site(&self.runs, &ctx, &connect, &[]).await.unwrap();
        swept.into_iter().map(|(left, done)| (left.step.key, done.unwrap_err())).collect()
    }
}

fn intent(target: &str, undo: (&str, Value), temporary: bool) -> Value {
    let (kind, desired) = undo;
    let step = json!({ "target": target, "kind": kind, "key": format!("key of {kind}") });
    json!({
        "entry": "intent", "step": step, "desired": {}, "changes": [],
        "undo": { "kind": kind, "desired": desired }, "temporary": temporary,
    })
}

fn cloud_changed() -> Value {
    let undo = json!({ "group": "web", "rule": {}, "was": [] });
    intent(PROJECT, ("openstack.restored-sg-rules.v1", undo), false)
}

fn unit_changed() -> Value {
    let undo = json!({ "files": [["/etc/x", "absent"]], "directory": null });
    intent("magnum/0", ("juju.restore-files.v1", undo), false)
}

fn names(clients: &PartialClients) -> Vec<String> {
    clients.endpoints().into_keys().collect()
}

#[tokio::test]
async fn a_run_that_changed_the_cloud_needs_the_cloud_alone() {
    let desk = Desk::new();
    let everywhere = [("cloud", HERE), ("management", "m"), ("magnum/0", "ssh ubuntu@h")];
    let run = desk.ran(1, &everywhere, &[cloud_changed()]);
    for site in [CLOUD.to_owned(), format!("{CLOUD}{KUBECONFIG}{UNITS}")] {
        for run in [None, Some(run.as_str())] {
            assert_eq!(names(&desk.connect(&site, run).await.unwrap()), ["cloud"], "{site}");
        }
    }
    let failure = desk.connect("[cloud]\nname = \"gone\"", None).await.unwrap_err();
    assert_eq!(failure.message, "could not load cloud credentials");
    let key = "key of openstack.restored-sg-rules.v1 is to be undone";
    assert_eq!(failure.causes.last().unwrap(), &format!("{PROJECT} {key}"));
}

#[tokio::test]
async fn a_run_that_changed_a_unit_needs_the_conductor_alone() {
    let desk = Desk::new();
    let run = desk.ran(1, &[("magnum/0", "ssh ubuntu@[127.0.0.1]:1")], &[unit_changed()]);
    let clients = desk.connect(UNITS, Some(&run)).await.unwrap();
    assert_eq!(clients.units.len(), 1);
    assert!(clients.management.is_none() && clients.mint.is_none());
    let failure = desk.connect(CLOUD, Some(&run)).await.unwrap_err();
    assert_eq!(failure.class, FailureClass::Usage);
    assert_eq!(failure.message, "the site file has no [conductor], which this needs");
    assert_eq!(failure.causes, ["magnum/0 key of juju.restore-files.v1 is to be undone"]);
}

/// Where the cloud is tells two units of one name apart, also where nothing in it is to be undone.
#[tokio::test]
async fn a_run_of_another_site_is_not_taken_for_one_of_this() {
    let desk = Desk::new();
    let elsewhere = [("cloud", "https://elsewhere"), ("magnum/0", "juju, model c:openstack")];
    let run = desk.ran(2, &elsewhere, &[unit_changed()]);
    let both = format!("{CLOUD}{UNITS}");
    for (site, what) in [(both.as_str(), "cloud"), (CLOUD, "cloud"), (OTHER, "magnum/0")] {
        let failure = desk.connect(site, Some(&run)).await.unwrap_err();
        assert_eq!(failure.message, format!("run {run} was on another site"), "{site}");
        assert!(failure.found.unwrap().starts_with(what), "{site}");
    }
    let failure = desk.connect(&both, None).await.unwrap_err();
    assert!(failure.message.contains("has changed this site"), "{failure:?}");

    // The last one of this site is older, and needs no units.
    desk.ran(1, &[("cloud", HERE), ("magnum/0", "ssh ubuntu@h")], &[cloud_changed()]);
    assert_eq!(names(&desk.connect(CLOUD, None).await.unwrap()), ["cloud"]);
}

/// A site whose cloud can't be found out.
const OTHER: &str = "[cloud]\nname = \"gone\"\n\
                     [conductor]\nunit = [{ name = \"magnum/0\", ssh = \"127.0.0.1:1\" }]\n";

#[tokio::test(start_paused = true)]
async fn a_sweep_needs_what_something_was_left_on_and_says_so_beside_it() {
    let desk = Desk::new();
    let gone = json!({ "name": "t", "id": null, "asked_after": "2026-11-21T10:00:00Z" });
    let template = intent(PROJECT, ("openstack.no-cluster-template.v1", gone), true);
    let pod = json!({ "namespace": "default", "name": "p" });
    let pod = intent("m", ("capi.removed-pod.v1", pod), true);
    let damaged = intent("m", ("capi.removed-pod.v1", json!([])), true);
    desk.ran(1, &[("cloud", "https://elsewhere"), ("magnum/0", "juju")], &[unit_left()]);
    assert_eq!(desk.sweep(CLOUD).await, [], "of another site");
    desk.ran(2, &[("management", "m")], &[pod, damaged]);
    desk.ran(3, &[("cloud", HERE), ("management", "m")], &[template]);
    let swept = desk.sweep(CLOUD).await;
    let told: Vec<_> =
        swept.iter().map(|(key, why)| (key.as_str(), why.message.as_str())).collect();
    let missing = "the site file has no `kubeconfig` in [management], which this needs";
    let pod = ("key of capi.removed-pod.v1", missing);
    // This site's cloud was asked, and does not answer.
    let template = ("key of openstack.no-cluster-template.v1", "could not be removed");
    assert_eq!(told, [template, pod, pod]);
}

fn unit_left() -> Value {
    intent("magnum/0", ("juju.restore-files.v1", json!({})), true)
}

#[tokio::test]
async fn a_stored_fact_that_cannot_be_read_is_told_with_its_step() {
    let desk = Desk::new();
    let damaged = intent("magnum/0", ("juju.restore-files.v1", json!({ "files": 7 })), false);
    let run = desk.ran(1, &[], &[damaged]);
    let clients = desk.connect(UNITS, Some(&run)).await.unwrap();
    let failure = rollback(&desk.runs, Some(&run), "omega.toml", &clients).await.unwrap_err();
    let what = "could not read from the journal what restores juju.restore-files.v1 key of \
                juju.restore-files.v1 on magnum/0";
    assert_eq!(failure.message, what);
    assert_eq!(failure.expected.unwrap(), "a value of juju.restore-files.v1");
    assert_eq!(failure.found.unwrap(), "it has the integer `7` in place of a list");

    // The same where something was left: it is not skipped.
    let desk = Desk::new();
    desk.ran(1, &[], &[unit_left()]);
    let swept = desk.sweep(UNITS).await;
    assert_eq!(swept.len(), 1);
    assert!(swept[0].1.message.starts_with("could not read from the journal"), "{swept:?}");
}
