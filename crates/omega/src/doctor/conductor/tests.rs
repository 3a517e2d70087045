use std::{collections::BTreeSet, sync::Arc};

use omega_core::Severity;
use omega_driver::requirements::ENTRY_POINT;
use omega_juju::{
    DriversState, FailureCode, OptionsState, ReachState, ReleasesState, Reply, ServiceState,
    SinceStart, Sources, read_conductor, sim,
};
use serde_json::json;

use super::*;

fn file(modified_ns: i64) -> FileState {
    let sha256 = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881";
    let owner = json!({"owner": "magnum", "group": "magnum", "mode": "0600"});
    let mut file = json!({
        "kind": "regular", "sha256": sha256, "size": 1, "modified_ns": modified_ns,
    });
    file.as_object_mut().unwrap().extend(owner.as_object().unwrap().clone());
    serde_json::from_value(file).unwrap()
}

fn failed(code: FailureCode, why: &str) -> ProbeFailure {
    ProbeFailure::new(code, why)
}

/// What the real agent replied in that situation.
fn reach(what: &str) -> ReachState {
    match sim::recorded_reply(what) {
        Some(Reply::Reach(state)) => state,
        other => panic!("{what}: {other:?}"),
    }
}

fn service(active: &str, sub: &str) -> ServiceState {
    serde_json::from_value(json!({
        "load": "loaded", "active": active, "sub": sub, "result": "success", "pid": 7,
        "started_ns": 10, "cmdline": [], "user": "magnum", "restarts": 0, "exec_start": "",
        "drop_ins": [],
    }))
    .unwrap()
}

/// A conductor with which all is well.
fn well() -> ConductorFacts {
    let unit = omega_juju::Unit::new(
        "magnum/0",
        Arc::new(sim::Start::Fresh.unit("magnum/0")),
        Sources::default(),
    );
    let path = "/etc/magnum/kubeconfig".parse().unwrap();
    let asks = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut facts = asks.block_on(read_conductor(&unit, &path, None, &[])).unwrap();
    let options = [("kubeconfig_file".to_owned(), "/etc/magnum/kubeconfig".to_owned())];
    facts.conductor = Ok(service("active", "running"));
    facts.python = Ok(Some(
        serde_json::from_value(json!({
            "program": "/usr/bin/python3", "version": "3.11.2", "externally_managed": true,
            "pip": null, "distribution": {
                "version": "1.4.0", "location": "/usr/lib", "entry_points": [ENTRY_POINT],
                "modified_ns": 1,
            },
        }))
        .unwrap(),
    ));
    facts.helm = Ok(serde_json::from_value(json!({
        "path": ["/usr/bin"], "live": true, "found": {
            "path": "/usr/bin/helm", "real": "/usr/bin/helm",
            "sha256": "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881",
        },
    }))
    .unwrap());
    facts.dropin = Ok(file(5));
    facts.kubeconfig = Ok(file(5));
    facts.options = Ok(set(&options));
    facts.drivers = Ok(drivers());
    facts.since_start = Ok(since(0, 3600));
    facts.restart = Ok(BTreeSet::new());
    facts.reach = Some(Ok(reach("authenticate: accepted")));
    facts.authenticate = Ok(reach("authenticate: accepted"));
    facts.releases = Ok(vec![
        serde_json::from_value(json!({
            "namespace": "magnum-1", "releases": {}, "error": null,
        }))
        .unwrap(),
    ]);
    facts
}

/// Options that the drop-in sets.
fn set(options: &[(String, String)]) -> OptionsState {
    let mut state = OptionsState::default();
    for (key, value) in options {
        set_in(&mut state, "/etc/magnum/magnum.conf.d/00-capi-helm.conf", key, value);
    }
    state
}

fn set_in(state: &mut OptionsState, file: &str, key: &str, value: &str) {
    let source = json!({"file": file, "value": value});
    state.values.insert(key.to_owned(), value.to_owned());
    let set = state.set.entry(key.to_owned()).or_default();
    set.push(serde_json::from_value(source).unwrap());
}

fn drivers() -> DriversState {
    let driver = json!({
        "name": ENTRY_POINT, "module": "magnum_capi_helm.driver:Driver",
        "distribution": "magnum-capi-helm", "version": "1.4.0", "path": "/usr/lib/x.dist-info",
        "provides": ["vm/ubuntu/kubernetes"], "error": null,
    });
    serde_json::from_value(json!({ "drivers": [driver] })).unwrap()
}

/// A process that is `age` seconds old, after so many restarts.
fn since(restarts: u32, age: i64) -> SinceStart {
    serde_json::from_value(json!({
        "now_ns": age * 1_000_000_000, "started_ns": 0, "replaced": false,
        "restarts": restarts, "errors": 0, "last_error": null,
    }))
    .unwrap()
}

/// The same after `change`.
fn but(change: impl FnOnce(&mut ConductorFacts)) -> ConductorFacts {
    let mut facts = well();
    change(&mut facts);
    facts
}

/// What helm's call in that situation came to.
fn releases(what: &str) -> Vec<ReleasesState> {
    match sim::recorded_reply(what) {
        Some(Reply::Releases { namespaces, .. }) => namespaces,
        other => panic!("{what}: {other:?}"),
    }
}

/// A site that names neither kubeconfig nor options.
fn nothing() -> WantedHere<'static> {
    static NONE: BTreeMap<String, String> = BTreeMap::new();
    WantedHere { kubeconfig: None, options: &NONE }
}

/// What must be fixed, deepest first.
fn broken(facts: ConductorFacts) -> Vec<Cause> {
    let layers = judge("magnum/0", &Ok(facts), &nothing(), Timestamp::UNIX_EPOCH);
    let all = layers.iter().flat_map(|one| &one.findings);
    let mut all: Vec<&LayerFinding> =
        all.filter(|one| one.finding.severity == Severity::Broken).collect();
    all.sort_by_key(|one| one.depth());
    all.iter().map(|one| one.cause).collect()
}

/// How many questions of the credential and of the conductor could not be asked.
fn unknown(facts: ConductorFacts) -> [usize; 2] {
    let is = |one: &&LayerFinding| one.finding.severity == Severity::Unknown;
    judge("magnum/0", &Ok(facts), &nothing(), Timestamp::UNIX_EPOCH)
        .map(|layer| layer.findings.iter().filter(is).count())
}

fn login(what: &str) -> ConductorFacts {
    but(|facts| facts.authenticate = Ok(reach(what)))
}

#[test]
fn a_conductor_that_works_has_nothing() {
    assert_eq!(broken(well()), []);
    // Few rights are enough rights, and another helm than the pinned one is a helm.
    assert_eq!(broken(login("authenticate: few rights")), []);
}

#[test]
fn what_could_not_be_asked_is_neither_well_nor_broken() {
    let late = || failed(FailureCode::TimedOut, "systemctl did not end within 15 s");
    let facts = but(|facts| {
        facts.conductor = Err(late());
        facts.python = Err(late());
        facts.helm = Err(late());
        facts.options = Err(late());
        facts.releases = Err(late());
        facts.reach = Some(Err(late()));
    });
    assert_eq!(broken(facts.clone()), []);
    assert_eq!(unknown(facts), [1, 5]);
    // What keeps a daemon from being asked is not what it reads.
    let root = Err(failed(FailureCode::NotPermitted, "only root can ask as magnum"));
    let facts = but(|facts| facts.options = root);
    assert_eq!((broken(facts.clone()), unknown(facts)), (vec![], [0, 1]));
    // What oslo.config says of a file that it can't read is an answer.
    for refused in ["options: torn", "options: no directory"] {
        let Some(Reply::Failed(failure)) = sim::recorded_reply(refused) else {
            panic!("{refused}")
        };
        assert_eq!(broken(but(|facts| facts.options = Err(failure))), [Cause::DropIn]);
    }
}

#[test]
fn helm_that_the_daemon_does_not_find_is_no_matter_of_rights() {
    let with = |what: &str| but(|facts| facts.releases = Ok(releases(what)));
    let mut missing = with("releases: no helm");
    missing.helm.as_mut().unwrap().found = None;
    assert_eq!(broken(missing), [Cause::Helm]);
    assert_eq!(broken(with("releases: no program")), [Cause::Helm]);
    assert_eq!(broken(with("releases: forbidden")), [Cause::RightsMissing]);
    let mut unreachable = releases("releases: forbidden");
    unreachable[0].error = Some("Error: Kubernetes cluster unreachable: i/o timeout".to_owned());
    for lost in [releases("releases: late"), unreachable] {
        let facts = but(|facts| facts.releases = Ok(lost));
        assert_eq!(broken(facts.clone()), []);
        assert_eq!(unknown(facts), [0, 1], "what helm was not told is not taken for good");
    }
}

#[test]
fn a_credential_is_expired_refused_or_not_there() {
    for (what, cause) in [
        ("authenticate: expired", Cause::KubeconfigExpired),
        ("authenticate: refused", Cause::CredentialRefused),
        ("authenticate: not permitted", Cause::KubeconfigUnusable),
        ("authenticate: absent", Cause::KubeconfigUnusable),
        ("authenticate: no YAML", Cause::KubeconfigUnusable),
        ("authenticate: no credential", Cause::KubeconfigUnusable),
        ("authenticate: proxy", Cause::ManagementUnreachable),
        ("authenticate: another CA", Cause::CertificateUntrusted),
        // The site's address answers, and the one in the unit's file does not.
        ("authenticate: no TCP", Cause::ManagementUnreachable),
    ] {
        assert_eq!(broken(login(what)), [cause], "{what}");
    }
    let absent = but(|facts| facts.kubeconfig = Ok(FileState::Absent));
    assert_eq!(broken(absent), [Cause::KubeconfigUnusable]);
    for what in
        ["authenticate: no module", "authenticate: no answer", "authenticate: another status"]
    {
        assert_eq!(broken(login(what)), [], "{what}: the kubeconfig may be good");
        assert_eq!(unknown(login(what)), [1, 0], "{what}");
    }
    let facts = but(|facts| {
        facts.reach = Some(Ok(reach("reach: no TCP")));
        facts.authenticate = Ok(reach("authenticate: no TCP"));
    });
    assert_eq!(broken(facts), [Cause::ManagementUnreachable], "said once");
}

#[test]
fn options_count_when_they_are_in_effect() {
    let none = || Ok(OptionsState::default());
    assert_eq!(broken(but(|facts| facts.options = none())), [Cause::DropIn]);
    let absent = but(|facts| {
        facts.options = none();
        facts.dropin = Ok(FileState::Absent);
    });
    assert_eq!(broken(absent), [Cause::DropIn]);
    assert_eq!(broken(but(|facts| facts.dropin = Ok(file(11)))), [Cause::DropIn]);
    // Set elsewhere than in the drop-in: odd, and it works.
    assert_eq!(broken(but(|facts| facts.dropin = Ok(FileState::Absent))), []);
    let comma = ("api_resources".to_owned(), "{\"Cluster\": {},}".to_owned());
    let facts = but(|facts| facts.options.as_mut().unwrap().values.extend([comma]));
    assert_eq!(broken(facts.clone()), [Cause::ApiResources]);
    let mut facts = facts;
    let own = &mut facts.drivers.as_mut().unwrap().drivers[0];
    own.error = Some("JSONDecodeError: Expecting property name".to_owned());
    assert_eq!(broken(facts), [Cause::ApiResources], "the import fails because of it");
}

#[test]
fn an_option_that_another_file_overrides_is_named_with_both_files() {
    let over = |file: &str, key: &str, value: &str| {
        but(|facts| set_in(facts.options.as_mut().unwrap(), file, key, value))
    };
    let late = "/etc/magnum/magnum.conf.d/99-site.conf";
    let facts = over(late, "kubeconfig_file", "/root/kubeconfig");
    assert_eq!(broken(facts.clone()), [Cause::OptionOverridden]);
    let [_, conductor] = judge("magnum/0", &Ok(facts), &nothing(), Timestamp::UNIX_EPOCH);
    let found = &conductor.findings[0].finding;
    assert!(found.summary.contains(late) && found.summary.contains("00-capi-helm.conf"));
    assert!(found.remedy.as_ref().unwrap().contains(late));
    assert_eq!(broken(over(late, "kubeconfig_file", "/etc/magnum/kubeconfig")), [], "the same");
    // Not in the drop-in: only the site file says what is wanted.
    let facts = over(late, "default_helm_chart_version", "0.1.0");
    assert_eq!(broken(facts.clone()), []);
    let options = [("default_helm_chart_version".to_owned(), "0.25.1".to_owned())].into();
    let wanted = WantedHere { kubeconfig: None, options: &options };
    let [_, conductor] = judge("magnum/0", &Ok(facts), &wanted, Timestamp::UNIX_EPOCH);
    assert_eq!(conductor.findings[0].cause, Cause::OptionOverridden);
    let newer = r#"{"Cluster": {"api_version": "cluster.x-k8s.io/v1beta2"}}"#;
    let facts = over(late, "api_resources", newer);
    assert_eq!(broken(facts.clone()), [Cause::ApiResources]);
    let [_, conductor] = judge("magnum/0", &Ok(facts), &nothing(), Timestamp::UNIX_EPOCH);
    assert!(conductor.findings[0].finding.remedy.as_ref().unwrap().contains(late));
}

#[test]
fn a_driver_that_is_installed_and_not_used_says_why() {
    let with = |change: &dyn Fn(&mut DriversState)| {
        broken(but(|facts| change(facts.drivers.as_mut().unwrap())))
    };
    let missing = with(&|state| {
        state.drivers[0].error = Some("ModuleNotFoundError: No module named 'yaml'".to_owned());
        state.drivers[0].code = Some(FailureCode::NoModule);
    });
    assert_eq!(missing, [Cause::DriverNotImportable]);
    let disabled = with(&|state| state.disabled.push(ENTRY_POINT.to_owned()));
    assert_eq!(disabled, [Cause::DriverDisabled]);
    let rival = with(&|state| {
        let mut other = state.drivers[0].clone();
        other.name = "k8s_cluster_api_ubuntu".to_owned();
        state.drivers.push(other);
    });
    assert_eq!(rival, [Cause::DriverConflict]);
    let twice = but(|facts| {
        let python = facts.python.as_mut().unwrap().as_mut().unwrap();
        python.others.extend(python.distribution.clone());
    });
    assert_eq!(broken(twice), [Cause::DriverConflict]);
}

#[test]
fn a_service_that_keeps_restarting_is_not_well_because_it_is_running() {
    let with = |since: SinceStart| broken(but(|facts| facts.since_start = Ok(since)));
    assert_eq!(with(since(7, 4)), [Cause::ServiceRestarting]);
    assert_eq!(with(since(7, 90_000)), [], "a day ago");
    assert_eq!(with(since(1, 4)), [], "once");
    let mut replaced = since(0, 4);
    replaced.replaced = true;
    assert_eq!(with(replaced), [Cause::ServiceRestarting]);
    let logged = but(|facts| {
        let since = facts.since_start.as_mut().unwrap();
        (since.errors, since.last_error) = (2, Some("ERROR magnum x".to_owned()));
    });
    let [_, conductor] = judge("magnum/0", &Ok(logged), &nothing(), Timestamp::UNIX_EPOCH);
    let found = &conductor.findings[0].finding;
    assert_eq!(found.severity, Severity::Note);
    assert!(found.summary.ends_with("the last: ERROR magnum x"), "{}", found.summary);
}

#[test]
fn a_tls_failure_of_a_unit_is_named_as_such() {
    let with = |code, now_ns| {
        broken(but(|facts| {
            let mut state = reach("reach: another CA");
            state.code = Some(code);
            facts.reach = Some(Ok(state.clone()));
            facts.authenticate = Ok(state);
            facts.since_start.as_mut().unwrap().now_ns = now_ns;
        }))
    };
    let (now, late) = (0, 40 * 86_400 * 1_000_000_000);
    assert_eq!(with(FailureCode::TlsUntrusted, now), [Cause::CertificateUntrusted]);
    assert_eq!(with(FailureCode::TlsWrongHost, now), [Cause::CertificateUntrusted]);
    assert_eq!(with(FailureCode::TlsExpired, now), [Cause::CertificateExpired]);
    assert_eq!(with(FailureCode::TlsExpired, late), [Cause::ClockWrong]);
    assert_eq!(with(FailureCode::TlsNotYetValid, late), [Cause::ClockWrong]);
    assert_eq!(with(FailureCode::Tls, now), [Cause::TlsFailed]);
    assert_eq!(with(FailureCode::Dns, now), [Cause::ManagementUnreachable]);
}

#[test]
fn what_keeps_a_daemon_from_running_comes_before_that_it_does_not() {
    let mut facts = but(|facts| facts.conductor = Ok(service("failed", "dead")));
    assert_eq!(broken(facts.clone()), [Cause::ServiceDown]);
    facts.python.as_mut().unwrap().as_mut().unwrap().distribution = None;
    assert_eq!(broken(facts), [Cause::DriverMissing, Cause::ServiceDown]);
}

#[test]
fn a_unit_without_an_answer_is_named_and_nothing_is_known_of_its_credential() {
    let lost = Error::Malformed {
        unit: "magnum/0".into(),
        why: "gone".into(),
        touched: omega_core::Touched::Nothing,
    };
    let [credential, conductor] = judge("magnum/0", &Err(lost), &nothing(), Timestamp::UNIX_EPOCH);
    assert_eq!(conductor.findings[0].cause, Cause::UnitUnreachable);
    assert_eq!(credential.findings[0].finding.severity, Severity::Unknown);
}

#[test]
fn an_option_that_the_driver_misreads_is_the_conductors() {
    let with = |text: &str, version: &str| {
        let mut facts = well();
        let values = &mut facts.options.as_mut().unwrap().values;
        values.insert("api_resources".into(), text.into());
        let python = facts.python.as_mut().unwrap().as_mut().unwrap();
        python.distribution.as_mut().unwrap().version = version.into();
        facts
    };
    let newer = r#"{"Cluster": {"api_version": "cluster.x-k8s.io/v1beta2"}}"#;
    assert_eq!(broken(with(newer, "1.4.0")), [Cause::ApiResources]);
    assert_eq!(broken(with(newer, "1.3.0")), [], "it does not read the option");
    let same = r#"{"Cluster": {"api_version": "cluster.x-k8s.io/v1beta1"}}"#;
    assert_eq!(broken(with(same, "1.4.0")), []);
    assert_eq!(broken(with("{},", "1.4.0")), [Cause::ApiResources]);
}
