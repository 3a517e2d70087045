//! Replays the recordings: a simulated unit replies like the real one.

use omega_core::values::{Secret, Sha256};
use serde_json::{Value, json};

use super::*;
use crate::{
    Action, Channel as _, Error, FailureCode, FileAction, PackageAction, Payload, PipSource, Probe,
};

const ACTIONS: &str = include_str!("../../recordings/actions.json");
const FILES: [(&str, &str); 5] = [
    ("fresh", include_str!("../../recordings/fresh.json")),
    ("driver-1.3.0", include_str!("../../recordings/driver-1.3.0.json")),
    ("grafted", include_str!("../../recordings/grafted.json")),
    ("rolled-back", include_str!("../../recordings/rolled-back.json")),
    ("broken", include_str!("../../recordings/broken.json")),
];

/// The files that `record.py` wrote.
const DROPIN: &str = "[capi_helm]\nkubeconfig_file = /etc/magnum/capi-kubeconfig\n\
                      default_helm_chart_version = 0.25.1\napi_resources = {}\n";
const ARGS: &str = "DAEMON_ARGS=\"${DAEMON_ARGS} --config-dir /etc/magnum/magnum.conf.d\"\n";

/// What the simulator does not model, or models under another name.
fn is_out_of_scope(probe: &Value) -> bool {
    let text = probe.to_string();
    [
        "/etc/hostname",
        "/var/lib/omega",
        "\"ssh\"",
        "\"sh\"",
        "\"directory\",\"path\":\"/etc/magnum\"",
        "\"directory\",\"path\":\"/etc/default\"",
        "log_tail",
    ]
    .iter()
    .any(|part| text.contains(part))
}

/// Removes times, process ids, and digests of files that differ.
fn masked(mut value: Value) -> Value {
    if let Value::Object(fields) = &mut value {
        // The recordings are older than the codes.
        for key in ["modified_ns", "started_ns", "pid", "millis", "restarts", "code"] {
            fields.remove(key);
        }
        fields.remove("magnum-capi-helm-docs"); // a decoy of the simulator's
        // The recordings are older than these.
        for key in ["set", "files", "path", "others", "broken"] {
            let younger = ["values", "versions", "entry_points", "interpreter", "pip"];
            if younger.iter().any(|other| fields.contains_key(*other)) {
                fields.remove(key);
            }
        }
        if fields.contains_key("load") {
            fields.remove("group");
        }
        let ours = [DROPIN, ARGS].map(|text| Sha256::of(text.as_bytes()).to_string());
        if !fields.get("sha256").is_some_and(|v| ours.iter().any(|ours| v == ours)) {
            fields.remove("sha256");
            fields.remove("size");
        }
        fields.values_mut().for_each(|field| *field = masked(field.take()));
    }
    if let Value::Array(items) = &mut value {
        for item in items {
            *item = masked(item.take());
        }
    }
    value
}

/// Removes the transient state of a daemon that is restarted again and again.
fn settled(name: &str, probe: &Value, reply: &mut Value) {
    let of_process = probe["probe"] == "service" && reply["load"] == "loaded";
    if name == "broken" && (of_process || probe["probe"] == "program") {
        for key in ["active", "sub", "result", "cmdline", "live"] {
            reply.as_object_mut().unwrap().remove(key);
        }
    }
}

async fn play(name: &str, sim: &Unit) -> usize {
    let (_, text) = FILES.into_iter().find(|(other, _)| *other == name).unwrap();
    let entries: Vec<Value> = serde_json::from_str(text).unwrap();
    let mut played = 0;
    for entry in entries.iter().filter(|entry| !is_out_of_scope(&entry["probe"])) {
        let probe: Probe = serde_json::from_value(entry["probe"].clone()).unwrap();
        let reply = sim.ask(&[probe]).await.unwrap().remove(0);
        let mut reply = masked(serde_json::to_value(reply).unwrap());
        let mut expected = masked(entry["reply"].clone());
        settled(name, &entry["probe"], &mut reply);
        settled(name, &entry["probe"], &mut expected);
        assert_eq!(reply, expected, "{name}: {}", entry["probe"]);
        played += 1;
    }
    played
}

fn payload(action: &mut Action) -> Payload {
    let more = format!("{DROPIN}# more\n");
    let known = [DROPIN, ARGS, more.as_str()].map(str::as_bytes);
    let bytes = match action {
        Action::File(FileAction::PlaceFile(file)) => {
            // Those that are large or secret are not in the recording.
            let stand_in = match file.path.as_str() {
                "/usr/bin/helm" => Some(HELM.to_vec()),
                "/etc/magnum/capi-kubeconfig" => Some(kubeconfig().into_bytes()),
                _ => None,
            };
            if let Some(bytes) = stand_in {
                file.sha256 = Sha256::of(&bytes);
                bytes
            } else {
                let known = known.into_iter().find(|bytes| Sha256::of(bytes) == file.sha256);
                known.unwrap_or(DROPIN.as_bytes()).to_vec()
            }
        }
        Action::Package(PackageAction::PipInstall { source, .. }) => {
            let bytes = b"a wheel".to_vec();
            if let PipSource::Wheel { sha256, .. } = source {
                *sha256 = Sha256::of(&bytes);
            }
            bytes
        }
        Action::File(_) | Action::Package(_) | Action::Service(_) => return Payload::Null,
    };
    Secret::new(bytes).into()
}

fn kubeconfig() -> String {
    KUBECONFIG.replace("10.20.0.50", "127.77.2.1")
}

async fn act(sim: &Unit, entry: &Value) {
    let mut action: Action = serde_json::from_value(entry["action"].clone()).unwrap();
    let payload = payload(&mut action);
    let reply = match sim.act(&action, payload, None).await {
        Ok(()) => json!({"done": true}),
        Err(Error::Failed { failure, .. }) => json!({"error": {
            "why": failure.why, "expected": failure.expected, "found": failure.found,
            "next": failure.next, "touched": failure.touched,
        }}),
        Err(other) => panic!("{other}"),
    };
    // The agent names the directory above the one that is missing.
    if entry["action"]["path"] != "/etc/magnum/none/file" {
        assert_eq!(reply, entry["reply"], "{}", entry["action"]);
    }
}

#[tokio::test]
async fn the_simulator_replies_like_a_real_unit() {
    let sim = Start::Fresh.unit("chan-a");
    sim.without("magnum-api");
    sim.with_management(|management| management.host = "127.77.2.1".into());
    let actions: Vec<Value> = serde_json::from_str(ACTIONS).unwrap();
    let (last, actions) = actions.split_last().unwrap();
    let (first, actions) = actions.split_first().unwrap();
    let (graft, rest) = actions.split_at(8);

    let mut played = play("fresh", &sim).await;
    act(&sim, first).await;
    played += play("driver-1.3.0", &sim).await;
    for entry in graft {
        act(&sim, entry).await;
    }
    played += play("grafted", &sim).await;
    for entry in rest {
        act(&sim, entry).await;
    }
    played += play("rolled-back", &sim).await;
    sim.write("/etc/default/magnum-conductor", ARGS.as_bytes(), "root", "root", 0o644);
    act(&sim, last).await;
    played += play("broken", &sim).await;
    assert!(played > 150, "{played} probes were replayed");
}

/// The agent's failures have known codes, and the simulator has the same messages.
#[tokio::test]
async fn failures_have_codes_and_the_simulator_has_the_same_messages() {
    let all: Value = serde_json::from_str(include_str!("../../recordings/failures.json")).unwrap();
    let mut codes = std::collections::BTreeSet::new();
    for what in recorded_situations() {
        let code = all[what].pointer("/code").or(all[what].pointer("/error/code"));
        let code = code.or(all[what].pointer("/namespaces/0/code")).unwrap().clone();
        if code != Value::Null {
            let code: FailureCode = serde_json::from_value(code).unwrap();
            assert!(!matches!(code, FailureCode::Other(_)), "{what}: {code:?}");
            codes.insert(code);
        }
        assert!(
            all[what].get("error").is_some_and(Value::is_object) || recorded_reply(what).is_some()
        );
    }
    assert!(codes.len() > 14, "{codes:?}");

    let sim = Start::Grafted130.unit("magnum/0");
    let kubeconfig: crate::UnitPath = "/etc/magnum/kubeconfig".parse().unwrap();
    let service = crate::operations::magnum::conductor();
    let authenticate = Probe::Authenticate { service, kubeconfig };
    let same = async |what: &str| {
        let reply = sim.ask(std::slice::from_ref(&authenticate)).await.unwrap().remove(0);
        let reply =
            serde_json::to_string(&reply).unwrap().replace("10.20.0.50:6443", "127.0.0.1:6443");
        let mut reply: Value = serde_json::from_str(&reply).unwrap();
        let mut expected = all[what].clone();
        for value in [&mut reply, &mut expected] {
            let fields = value.as_object_mut().unwrap();
            fields.remove("millis");
            fields.retain(|_, field| !field.is_null());
            let error = fields.get("error").and_then(Value::as_str).map(str::to_owned);
            let error = error.map(|error| {
                error.replace("nowhere", "kubeconfig").replace("private", "kubeconfig")
            });
            fields.extend(error.map(|error| ("error".to_owned(), Value::from(error))));
        }
        assert_eq!(reply, expected, "{what}");
    };
    same("authenticate: accepted").await;
    sim.with_management(|management| management.rights = Rights::Unknown);
    same("authenticate: refused").await;
    sim.with_management(|management| management.rights = Rights::Namespaces(Vec::new()));
    same("authenticate: few rights").await;
    sim.with_management(|management| management.trusted = false);
    same("authenticate: another CA").await;
    sim.with_management(|management| management.port = 1);
    same("authenticate: no TCP").await;
    sim.write("/etc/magnum/kubeconfig", b"x", "root", "root", 0o600);
    same("authenticate: not permitted").await;
    sim.remove("/etc/magnum/kubeconfig");
    same("authenticate: absent").await;
}
