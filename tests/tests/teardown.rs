//! A teardown through the programs juju and maas, of which both are stand-ins (src/bin). It shows that omega
//! calls them as their sources say, reads no standard input, and does not wait as long as juju does.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::duration_suboptimal_units,
    reason = "helpers of tests"
)]

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::{Command, Output, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use omega::teardown::{
    Found, Teardown, TeardownClients,
    maas::{Maas, MaasProgram},
};
use omega_core::{
    Context, Failure, FailureClass,
    run::{Approved, Engine, Report, Runs, Status},
};
use omega_juju::{
    channel::{Deadlines, JujuProgram},
    controller::{Controller, StorageFate},
};
use serde_json::{Value, json};
use tempfile::TempDir;

const MODEL: &str = "aaaaaaaa-0000-4000-8000-000000000001";

struct Desk {
    home: TempDir,
}

impl Desk {
    fn new() -> Self {
        let desk = Self { home: tempfile::tempdir().unwrap() };
        let model = |name: &str, uuid: &str, holds: Value| {
            json!({
                "name": format!("admin/{name}"), "short-name": name, "model-uuid": uuid,
                "is-controller": name == "controller", "cloud": "maas1", "type": "maas",
                "life": "alive", "status": { "current": "available" }, "holds": holds,
            })
        };
        let storage =
            json!({ "storage": { "osd-devices/0": { "kind": "block", "persistent": true } } });
        desk.write(
            "models",
            &json!({
                "controller": "lab", "lag": 2,
                "models": [
                    model("controller", "c0117011-0000-4000-8000-000000000000", json!({})),
                    model("openstack", MODEL, json!({ "storage": storage })),
                    model("openstack2", "aaaaaaaa-0000-4000-8000-000000000002", json!({})),
                ],
            }),
        );
        desk.write("status", &json!({
            "model": { "name": "openstack", "controller": "lab" },
            "machines": { "0": { "instance-id": "4y3h7n", "hostname": "openstack0" } },
            "applications": { "keystone": { "charm-name": "keystone", "units": { "keystone/0": {} } } },
        }));
        let machine = |id: &str, host: &str, model: &str| {
            json!({
                "system_id": id, "hostname": host, "status": 6, "status_name": "Deployed",
                "owner": "juju", "owner_data": { "juju-model-uuid": model }, "locked": false,
            })
        };
        desk.write("machines", &json!({
            "profile": "admin", "lag": 1,
            "machines": [machine("4y3h7n", "openstack0", MODEL), machine("4y3h7p", "lost", MODEL),
                         machine("k8s4ab", "other", "another")],
        }));
        let at = |name: &str| desk.path(name);
        desk.write(
            "config",
            &json!({
                "units": {}, "model": "openstack", "status": at("status"), "models": at("models"),
                "log": at("log"),
            }),
        );
        desk.program("juju", "OMEGA_JUJU_STANDIN", "config", env!("CARGO_BIN_EXE_juju"));
        desk.program("maas", "OMEGA_MAAS_STANDIN", "machines", env!("CARGO_BIN_EXE_maas"));
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn write(&self, name: &str, value: &Value) {
        fs::write(self.path(name), value.to_string()).unwrap();
    }

    fn read(&self, name: &str) -> Value {
        serde_json::from_str(&fs::read_to_string(self.path(name)).unwrap()).unwrap()
    }

    fn program(&self, name: &str, variable: &str, value: &str, real: &str) {
        let value = self.path(value);
        let script = format!("#!/bin/sh\n{variable}='{}' exec '{real}' \"$@\"\n", value.display());
        fs::write(self.path(name), script).unwrap();
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o755)).unwrap();
    }

    #[expect(clippy::disallowed_methods, reason = "the program under test")]
    fn run(&self, program: &str, args: &[&str]) -> Output {
        let mut command = Command::new(self.path(program));
        command.args(args).stdin(Stdio::null()).output().unwrap()
    }

    async fn found(&self) -> Found {
        let deadlines = Deadlines { probe: Duration::from_secs(10), ..Deadlines::default() };
        let juju = JujuProgram { program: self.path("juju"), model: None, deadlines };
        let controller = Controller::open(Arc::new(juju), Some("lab")).await.unwrap();
        let (profile, within) = ("admin".to_owned(), Duration::from_secs(10));
        let maas = MaasProgram { program: self.path("maas"), profile, within };
        let none = Failure::new(FailureClass::Usage, "no cloud");
        let clients = TeardownClients::new(controller, none);
        let clients = clients.with_maas(Maas::new(Arc::new(maas), "admin"));
        let wanted = Teardown {
            model: "openstack".to_owned(),
            storage: Some(StorageFate::Destroy),
            bundle: None,
            accepted: Vec::new(),
            within: Duration::from_secs(20),
        };
        wanted.find(clients, &Runs::new(self.home.path())).await.unwrap()
    }

    async fn apply(&self) -> Report {
        let job = self.found().await.job("omega.toml");
        let engine = Engine::new(Runs::new(self.home.path()), Context::default());
        engine.apply(&job, Approved::Now).await.unwrap()
    }
}

#[tokio::test]
async fn the_model_goes_and_the_machines_are_ready() {
    let (desk, start) = (Desk::new(), Instant::now());
    let report = desk.apply().await;
    assert_eq!(report.exit, Status::Done, "{report:#?}");
    // juju's own client would wait two seconds a look.
    assert!(start.elapsed() < Duration::from_secs(60), "{:?}", start.elapsed());
    let log = fs::read_to_string(desk.path("log")).unwrap();
    let destroyed: Vec<&str> = log.lines().filter(|line| line.contains("destroy-model")).collect();
    let sent = format!(
        r#"["destroy-model","--no-prompt","--force","--no-wait","--destroy-storage","lab:{MODEL}"]"#
    );
    assert_eq!(destroyed, [sent]);
    let models = desk.read("models");
    let names: Vec<_> =
        models["models"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
    assert_eq!(names, ["admin/controller", "admin/openstack2"]);
    let machines = desk.read("machines");
    let states: Vec<_> =
        machines["machines"].as_array().unwrap().iter().map(|one| &one["status_name"]).collect();
    assert_eq!(states, ["Ready", "Ready", "Deployed"], "also the one that juju has lost");
    assert_eq!(desk.apply().await.run, None, "there is nothing left to do");
}

/// What the stand-in does that juju's sources say: each line is one of `cmd/juju/model/destroy.go`.
#[test]
fn the_stand_in_destroys_as_juju_does() {
    let desk = Desk::new();
    let said = |args: &[&str]| {
        let output = desk.run("juju", &[&["destroy-model"], args].concat());
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    for (args, words) in [
        (&["openstack"][..], "model destruction: aborted"),
        (&["--no-prompt", "openstack"], "The model has persistent storage remaining"),
        (
            &["--no-prompt", "--destroy-storage", "--release-storage", "openstack"],
            "cannot both be specified",
        ),
        (&["--no-prompt", "--no-wait", "openstack"], "--no-wait without --force"),
        (&["--no-prompt", "controller"], "is a controller; use 'juju destroy-controller'"),
        (&["--no-prompt"], "no model specified"),
        (&["--no-prompt", "nosuch"], "model nosuch not found"),
    ] {
        let (status, text) = said(args);
        assert_eq!(status, Some(1), "{text}");
        assert!(text.contains(words) && text.contains("ERROR "), "{text}");
    }
    assert!(desk.read("models")["models"][1]["life"] == "alive", "nothing was destroyed");
    let storage =
        |model: &str| desk.run("juju", &["storage", "-m", model, "--format", "json"]).stdout;
    assert!(storage(&format!("lab:{MODEL}")).starts_with(b"{\"storage\""));
    assert!(storage("lab:admin/openstack2").is_empty(), "juju prints nothing where there is none");
}

/// `maas` prints the body alone, and ends with 2 where the answer is no success.
#[test]
fn the_stand_in_answers_as_maas_does() {
    let desk = Desk::new();
    let said = |args: &[&str]| {
        let output = desk.run("maas", args);
        let text = [output.stdout, output.stderr].concat();
        (output.status.code(), String::from_utf8(text).unwrap())
    };
    assert_eq!(said(&["admin", "machine", "read", "nosuch"]), (Some(2), "Not Found".to_owned()));
    let (status, text) = said(&["other", "machines", "read"]);
    assert!(status == Some(2) && text.contains("invalid choice: 'other'"), "{text}");
    let release = ["admin", "machine", "release", "4y3h7n", "comment=x"];
    for _ in 0..2 {
        let (status, text) = said(&release);
        let machine: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((status, &machine["status_name"]), (Some(0), &json!("Releasing")));
    }
}
