use std::fmt::Write as _;

use omega_core::{Evidence, Finding};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::*;
use crate::served::{ServedKind, ServedVersion, ServedVersions};
use omega_driver::{DriverRelease, Overrides};

fn served(core: &[&str], provider: &[&str]) -> ServedVersions {
    let versions = |versions: &[&str], kinds: &[&str]| {
        let kinds: Vec<_> = kinds
            .iter()
            .map(|plural| ServedKind { kind: String::new(), plural: (*plural).to_owned() })
            .collect();
        let one = |v: &&str| ServedVersion { version: (*v).to_owned(), kinds: kinds.clone() };
        versions.iter().map(one).collect::<Vec<_>>()
    };
    let groups = [
        ("cluster.x-k8s.io", versions(core, &["clusters", "machinedeployments"])),
        ("controlplane.cluster.x-k8s.io", versions(core, &["kubeadmcontrolplanes"])),
        ("infrastructure.cluster.x-k8s.io", versions(provider, &["openstackclusters"])),
    ];
    let groups = groups.into_iter().filter(|(_, versions)| !versions.is_empty());
    ServedVersions {
        groups: groups.map(|(group, versions)| (group.to_owned(), versions)).collect(),
    }
}

fn conditions(kinds: &[&str], status: &str) -> Vec<Value> {
    kinds.iter().map(|kind| json!({"type": kind, "status": status, "reason": "R"})).collect()
}

/// Returns the status of a healthy object of `plural` at `version`.
fn status(plural: &str, version: &str) -> Value {
    let old: &[&str] = match plural {
        "clusters" => {
            &["Ready", "ControlPlaneInitialized", "ControlPlaneReady", "InfrastructureReady"]
        }
        "kubeadmcontrolplanes" => &["Ready", "Available", "MachinesReady", "Resized"],
        "machinedeployments" => &["Ready", "Available", "MachineSetReady"],
        _ => &["Ready", "NetworkReady", "RouterReady"],
    };
    let old = conditions(old, "True");
    let mut new = conditions(&["Available"], "True");
    new.extend(conditions(&["RollingOut", "ScalingUp", "Deleting", "Paused"], "False"));
    match (plural, version) {
        ("openstackclusters", "v1beta2") => {
            json!({"initialization": {"provisioned": true}, "conditions": conditions(&["Ready"], "True")})
        }
        ("openstackclusters", _) => {
            json!({"ready": true, "failureReason": null, "conditions": old})
        }
        (_, "v1beta2") => {
            json!({"conditions": new, "deprecated": {"v1beta1": {"conditions": old}}})
        }
        _ => json!({"conditions": old, "v1beta2": {"conditions": new}}),
    }
}

struct World {
    evidence: HealthFacts,
    served: ServedVersions,
}

/// A healthy cluster with driver 1.4.0 and the versions that its chart's dependencies serve.
fn well() -> World {
    let group = |name: &str, role: &str| NodeGroup { name: name.into(), role: role.into() };
    let names = Names {
        stack_id: Some("c1-abcdefghijkl".into()),
        project_id: "0a".into(),
        namespace_prefix: "magnum".into(),
        node_groups: vec![group("default-master", "master"), group("workers", "worker")],
    };
    let balancer = LoadBalancer {
        name: "k8s-clusterapi-cluster-magnum-0a-c1-abcdefghijkl-kubeapi".into(),
        provisioning_status: "ACTIVE".into(),
        operating_status: "ONLINE".into(),
    };
    let evidence = HealthFacts {
        driver: DriverRelease::v1_4_0(),
        overrides: Overrides::default(),
        names,
        status: "CREATE_COMPLETE".into(),
        recorded: Recorded::default(),
        served: None,
        answers: Answers::default(),
        as_driver: None,
        load_balancers: Some(vec![balancer]),
        credential: Some(Credential::Accepted),
    };
    World { evidence, served: served(&["v1beta1", "v1beta2"], &["v1beta1"]) }.polled()
}

impl World {
    /// Serves other versions, and reads again.
    fn serving(mut self, core: &[&str], provider: &[&str]) -> Self {
        self.served = served(core, provider);
        self.polled()
    }

    fn driver(mut self, driver: DriverRelease, overrides: &str) -> Self {
        (self.evidence.driver, self.evidence.overrides) =
            (driver, Overrides::of_value(overrides).unwrap());
        self.polled()
    }

    /// Sets the answers of a healthy cluster, and lets Magnum poll.
    fn polled(mut self) -> Self {
        let HealthFacts { driver, overrides, names, .. } = &self.evidence;
        let paths = HealthFacts::paths(driver, overrides, names, &self.served);
        let answer = |path: String| {
            let parts: Vec<&str> = path.split('/').collect();
            let (version, plural) = (parts[3], parts[6]);
            let at = omega_driver::GroupVersion { group: parts[2].into(), version: version.into() };
            let object = json!({
                "metadata": {"name": parts[7], "generation": 2}, "status": status(plural, version),
            });
            let answer = if self.served.serves(&at, plural) {
                Answer::of(200, &object.to_string())
            } else {
                Answer::of(404, "404 page not found")
            };
            (path, answer)
        };
        self.evidence.answers = Answers(paths.into_iter().map(answer).collect());
        self.evidence.served = Some(self.served.clone());
        self.records()
    }

    /// Lets Magnum poll again.
    fn records(mut self) -> Self {
        let HealthFacts { driver, overrides, names, answers, recorded, .. } = &self.evidence;
        let verdict = driver_verdict(driver, overrides, names, answers).unwrap();
        self.evidence.recorded = verdict.recorded(recorded);
        self
    }

    fn object(mut self, plural: &str, change: impl Fn(&mut Object)) -> Self {
        let is = |path: &str| path.split('/').nth(6) == Some(plural);
        for (_, answer) in self.evidence.answers.0.iter_mut().filter(|(path, _)| is(path)) {
            if let Answer::Object(object) = answer {
                change(object);
            }
        }
        self
    }

    /// Adds a condition before the old and the new ones.
    fn condition(self, plural: &str, condition: &Value) -> Self {
        self.object(plural, |object| {
            let status = object.status.as_mut().unwrap();
            for place in ["/conditions", "/v1beta2/conditions"] {
                if let Some(Value::Array(all)) = status.pointer_mut(place) {
                    all.retain(|one| one["type"] != condition["type"]);
                    all.insert(0, condition.clone());
                }
            }
        })
    }

    fn untrue(self, plural: &str, kind: &str, message: &str) -> Self {
        self.condition(plural, &json!({"type": kind, "status": "False", "message": message}))
    }

    fn all(mut self, answer: &Answer) -> Self {
        self.evidence.answers.0.values_mut().for_each(|one| *one = answer.clone());
        self
    }

    fn answer(mut self, plural: &str, answer: &Answer) -> Self {
        let is = |path: &str| path.split('/').nth(6) == Some(plural);
        let all = self.evidence.answers.0.iter_mut().filter(|(path, _)| is(path));
        all.for_each(|(_, one)| *one = answer.clone());
        self
    }

    fn with(mut self, change: impl FnOnce(&mut HealthFacts)) -> Self {
        change(&mut self.evidence);
        self
    }
}

fn balancer(evidence: &mut HealthFacts, provisioning: &str, operating: &str) {
    for one in evidence.load_balancers.iter_mut().flatten() {
        (one.provisioning_status, one.operating_status) = (provisioning.into(), operating.into());
    }
}

fn rolling(world: World) -> World {
    let rolling = json!({"type": "RollingOut", "status": "True", "message": "1 of 3 to go"});
    world.condition("machinedeployments", &rolling).untrue("machinedeployments", "Ready", "rolling")
}

/// Where possible, each has another oddity that is not the cause.
fn cases() -> Vec<(&'static str, World)> {
    let status = |code, message: &str| Answer::Status { code, message: message.to_owned() };
    let lost = Answer::Nothing { why: "connection refused".into() };
    let forbidden = status(403, "clusters.cluster.x-k8s.io is forbidden");
    let webhook = status(500, "conversion webhook for cluster.x-k8s.io/v1beta2 failed");
    let cluster = r#"{"Cluster": {"api_version": "cluster.x-k8s.io/v1beta2"}}"#;
    let provider =
        r#"{"OpenstackCluster": {"api_version": "infrastructure.cluster.x-k8s.io/v1beta2"}}"#;
    let both = ["v1beta1", "v1beta2"];
    vec![
        ("well", well()),
        ("well, Octavia not checked", well().with(|e| e.load_balancers = None)),
        ("well, a clock in the future", well().condition("clusters", &json!({
            "type": "Ready", "status": "True", "lastTransitionTime": "2126-01-01T00:00:00Z"}))),
        ("well, one control plane machine being updated in Octavia", well().with(|e| balancer(e, "PENDING_UPDATE", "DEGRADED"))),
        ("1.3.0: provider's v1alpha6 unserved", well().driver(DriverRelease::v1_3_0(), "{}")),
        ("core v1beta1 unserved", well().serving(&["v1beta2"], &["v1beta1"])),
        ("no provider is installed", well().serving(&both, &[])),
        ("the API does not answer", well().all(&lost)),
        ("the API does not answer the conductor", well().with(|e| e.as_driver = Some(lost.clone()))),
        ("the API is ill", well().all(&status(503, "etcdserver: no leader"))),
        ("a webhook is down", well().answer("clusters", &webhook)),
        ("the token is no longer known", well().all(&status(401, "Unauthorized"))),
        ("the rights were withdrawn", well().with(|e| e.as_driver = Some(forbidden))),
        ("omega's own way to the API is cut", well().all(&lost)
            .with(|e| e.as_driver = well().evidence.answers.0.into_values().next())),
        ("override to v1beta2", well().driver(DriverRelease::v1_4_0(), cluster)),
        ("override of the provider", well().serving(&both, &both).driver(DriverRelease::v1_4_0(), provider)),
        ("load balancer in error", well().with(|e| balancer(e, "ERROR", "ONLINE"))),
        ("no load balancer", well().with(|e| e.load_balancers = Some(vec![]))),
        ("infrastructure failed", well().object("openstackclusters", |o| {
            o.status = Some(json!({"ready": false, "failureReason": "CreateError", "failureMessage": "no quota"}));
        }).records()),
        ("infrastructure failed, 1.3.0", well().driver(DriverRelease::v1_3_0(), "{}")
            .untrue("openstackclusters", "RouterReady", "quota exceeded for router").records()),
        ("credential of the cluster", well()
            .with(|e| e.credential = Some(Credential::Refused { message: "HTTP 401".into() }))
            .untrue("openstackclusters", "NetworkReady", "could not authenticate").records()),
        ("control plane", well().untrue("kubeadmcontrolplanes", "Available", "etcd lost").records()),
        ("workers", well().untrue("machinedeployments", "Available", "0 of 2").records()),
        ("only the summary", well().untrue("clusters", "Ready", "somewhere").records()),
        ("paused", well().object("clusters", |o| o.paused = true)),
        ("rolling out", rolling(well()).records()),
        ("rolling out, and the network is gone", rolling(well())
            .untrue("openstackclusters", "NetworkReady", "404").records()),
        ("being deleted", well().with(|e| e.status = "DELETE_IN_PROGRESS".into())
            .object("clusters", |o| {
                o.deleted = Some("2126-01-01T00:00:00Z".into());
                o.finalizers = vec!["cluster.cluster.x-k8s.io".into()];
            }).answer("machinedeployments", &status(404, "not found"))),
        ("being created", well().with(|e| {
            e.status = "CREATE_IN_PROGRESS".into();
            e.recorded = Recorded::default();
        }).untrue("clusters", "InfrastructureReady", "waiting")
            .answer("machinedeployments", &status(404, "not found"))),
        ("being created, and failing", well().with(|e| {
            e.status = "CREATE_IN_PROGRESS".into();
            e.recorded = Recorded::default();
        }).condition("openstackclusters", &json!({"type": "NetworkReady", "status": "False",
            "severity": "Error", "message": "quota exceeded"}))),
        ("not polled yet", well().with(|e| e.recorded = Recorded::default())),
        ("the record is old", well().untrue("machinedeployments", "Available", "0 of 2")),
        ("an object is gone", well().answer("kubeadmcontrolplanes", &status(404, "not found")).records()),
        ("no status", well().object("kubeadmcontrolplanes", |o| o.status = None).records()),
        ("a null status", well().object("clusters", |o| o.status = Some(Value::Null)).records()),
        ("unheard of", well().untrue("clusters", "FrobnicationQuiesced", "?").records()),
        ("half the evidence", well().with(|e| {
            e.answers.0.retain(|path, _| !path.contains("openstackclusters"));
        })),
        ("no stack_id", well().with(|e| e.names.stack_id = None)),
    ]
}

#[test]
fn what_is_the_matter() {
    let mut table = String::new();
    for (name, world) in cases() {
        let diagnoses = classify_health(&world.evidence);
        let fix = fix_first(&diagnoses).map(|one| (one.cause, one.layer));
        writeln!(table, "== {name}: fix {fix:?}").unwrap();
        for Diagnosis { cause, layer, findings } in diagnoses {
            writeln!(table, "{cause:?} at {layer:?}").unwrap();
            for Finding { summary, evidence, .. } in findings {
                writeln!(table, "    {summary}\n        {}", Evidence::line(&evidence)).unwrap();
            }
        }
    }
    let table = table.replace("/namespaces/magnum-0a/", "/.../").replace("c1-abcdefghijkl", "C");
    insta::assert_snapshot!(table);
}

/// Answers from few values, so that odd ones combine.
fn any_value() -> impl Strategy<Value = Value> {
    let kinds = ["Ready", "Available", "RollingOut", "Paused", "Odd", "conditions", "v1beta2"];
    let words = ["True", "False", "Unknown", "Error", "2126-01-01T00:00:00Z", ""];
    let keys = ["type", "status", "ready", "failureReason", "lastTransitionTime", "message"];
    let text = prop::sample::select([kinds.as_slice(), &words].concat());
    let key = prop::sample::select([kinds.as_slice(), &keys].concat());
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-1..2).prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..5)
                .prop_map(|all| all.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()),
        ]
    })
}

fn any_answer() -> impl Strategy<Value = Answer> {
    let codes = prop::sample::select(vec![200_u16, 204, 304, 401, 403, 404, 500, 503]);
    prop_oneof![
        (codes, any_value()).prop_map(|(code, value)| Answer::of(code, &value.to_string())),
        any_value().prop_map(|status| Answer::of(200, &json!({"status": status}).to_string())),
        Just(Answer::Nothing { why: "deadline".into() }),
    ]
}

fn any_evidence() -> impl Strategy<Value = HealthFacts> {
    let table: Vec<_> = cases().into_iter().map(|(_, world)| world.evidence).collect();
    let one_of_the_table = prop::sample::select(table);
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any_answer()), 0..3);
    (one_of_the_table, changes, any::<bool>()).prop_map(|(mut evidence, changes, polls)| {
        for (index, answer) in changes {
            let at = index.index(evidence.answers.0.len());
            *evidence.answers.0.values_mut().nth(at).unwrap() = answer;
        }
        let HealthFacts { driver, overrides, names, answers, recorded, .. } = &evidence;
        if let (true, Ok(verdict)) = (polls, driver_verdict(driver, overrides, names, answers)) {
            evidence.recorded = verdict.recorded(recorded);
        }
        evidence
    })
}

/// Every status with one of its conditions changed.
fn each_status(evidence: &mut HealthFacts, change: &dyn Fn(&mut Vec<Value>)) {
    for answer in evidence.answers.0.values_mut() {
        let Answer::Object(Object { status: Some(status), .. }) = answer else { continue };
        for place in ["/conditions", "/v1beta2/conditions"] {
            if let Some(Value::Array(all)) = status.pointer_mut(place) {
                change(all);
            }
        }
    }
}

proptest! {
    #[test]
    fn the_answer_is_whole_and_in_order(evidence in any_evidence()) {
        let diagnoses = classify_health(&evidence);
        prop_assert!(!diagnoses.is_empty());
        prop_assert!(diagnoses.is_sorted_by_key(|one| (one.layer, one.cause)));
        let findings = || diagnoses.iter().flat_map(|one| &one.findings);
        prop_assert!(diagnoses.iter().all(|one| !one.findings.is_empty()));
        prop_assert!(findings().all(|one| !one.evidence.is_empty()));
        let healthy = diagnoses.iter().any(|one| one.cause == HealthCause::Healthy);
        prop_assert!(!healthy || diagnoses.len() == 1, "{diagnoses:?}");
        let first = diagnoses.iter().find(|one| one.cause.is_fault());
        prop_assert_eq!(fix_first(&diagnoses), first);
    }

    /// Healthy only if the driver would report the same, and everything was read.
    #[test]
    fn healthy_is_never_said_against_the_driver(evidence in any_evidence()) {
        let diagnoses = classify_health(&evidence);
        if diagnoses[0].cause == HealthCause::Healthy {
            let HealthFacts { driver, overrides, names, answers, recorded, .. } = &evidence;
            let verdict = driver_verdict(driver, overrides, names, answers).unwrap();
            prop_assert_eq!(verdict.recorded(recorded), recorded.clone());
            prop_assert_eq!(recorded.status.as_deref(), Some("HEALTHY"));
        }
    }

    #[test]
    fn no_clock_is_believed(evidence in any_evidence(), year in 1900..2200) {
        let mut moved = evidence.clone();
        let time = format!("{year}-01-01T00:00:00Z");
        each_status(&mut moved, &|all| {
            for one in all.iter_mut().filter_map(Value::as_object_mut) {
                one.insert("lastTransitionTime".into(), json!(time));
            }
        });
        for answer in moved.answers.0.values_mut() {
            if let Answer::Object(Object { deleted: Some(since), .. }) = answer {
                since.clone_from(&time);
            }
        }
        prop_assert_eq!(classify_health(&moved), classify_health(&evidence));
    }

    /// It changes the driver's report and is named, but never counts as a fault.
    #[test]
    fn a_condition_nobody_has_heard_of_is_no_fault(evidence in any_evidence(), status in "True|False|Unknown") {
        let mut odd = evidence.clone();
        each_status(&mut odd, &|all| all.push(json!({"type": "Frobnicated", "status": status})));
        let faults = |evidence: &HealthFacts| -> Vec<Diagnosis> {
            classify_health(evidence).into_iter().filter(|one| one.cause.is_fault()).collect()
        };
        prop_assert_eq!(faults(&odd), faults(&evidence));
        let expected = status != "True" && odd != evidence;
        let unclear = classify_health(&odd).iter().any(|one| one.cause == HealthCause::Unclear);
        let read = health_reads(&odd.driver, &odd.overrides, &odd.names).unwrap_or_default();
        let seen = read.iter().any(|read| {
            matches!(odd.answers.0.get(&read.path), Some(Answer::Object(o)) if read.part != HealthPart::Infrastructure
                && o.status.as_ref().is_some_and(|s| s["conditions"].is_array()))
        });
        prop_assert!(!(expected && seen) || unclear);
    }

    #[test]
    fn evidence_can_be_stored(evidence in any_evidence()) {
        let stored = serde_json::to_string(&evidence).unwrap();
        prop_assert_eq!(serde_json::from_str::<HealthFacts>(&stored).unwrap(), evidence);
    }
}
