use std::collections::BTreeMap;

use omega_core::{Severity, values::Sha256};
use omega_juju::{
    Distribution, FileFacts, Interpreter, ProgramState, ReachState, ReleasesState, Resolved,
    ServiceState, UnitPath, operations::magnum::ENTRY_POINT,
};

use super::*;

fn path(text: &str) -> UnitPath {
    text.parse().unwrap()
}

fn file(modified_ns: i64) -> FileState {
    FileState::Regular(FileFacts {
        sha256: Sha256::of(b"x"),
        size: 1,
        owner: "magnum".into(),
        group: "magnum".into(),
        mode: "0600".parse().unwrap(),
        modified_ns,
    })
}

fn reached() -> ReachState {
    let version = Some("v1.34.4".to_owned());
    ReachState { tcp: true, tls: true, status: Some(200), version, millis: 9, error: None }
}

/// A conductor with which all is well.
fn well() -> ConductorFacts {
    let helm = Resolved {
        path: path("/usr/bin/helm"),
        real: path("/usr/bin/helm"),
        sha256: Sha256::of(b"helm"),
    };
    let distribution = Distribution {
        version: "1.4.0".into(),
        location: "/usr/lib".into(),
        entry_points: vec![ENTRY_POINT.into()],
        modified_ns: 1,
    };
    let options = [("kubeconfig_file".to_owned(), "/etc/magnum/kubeconfig".to_owned())];
    ConductorFacts {
        conductor: Ok(ServiceState {
            load: "loaded".into(),
            active: "active".into(),
            sub: "running".into(),
            result: "success".into(),
            pid: Some(7),
            started_ns: Some(10),
            cmdline: Vec::new(),
            user: "magnum".into(),
            restarts: 0,
            exec_start: String::new(),
            drop_ins: Vec::new(),
        }),
        python: Ok(Some(Interpreter {
            program: path("/usr/bin/python3"),
            version: "3.11.2".into(),
            externally_managed: true,
            pip: None,
            distribution: Some(distribution),
        })),
        helm: Ok(ProgramState { path: vec!["/usr/bin".into()], live: true, found: Some(helm) }),
        dropin: Ok(file(5)),
        kubeconfig: Ok(file(5)),
        options: Ok(options.into()),
        reach: Some(Ok(reached())),
        authenticate: Ok(reached()),
        releases: Ok(vec![listed(None)]),
    }
}

fn listed(error: Option<&str>) -> ReleasesState {
    let releases = error.is_none().then(BTreeMap::new);
    ReleasesState { namespace: "magnum-1".into(), releases, error: error.map(str::to_owned) }
}

/// What must be fixed, deepest first.
fn broken(facts: ConductorFacts) -> Vec<Cause> {
    let layers = judge("magnum/0", &Ok(facts), None, Timestamp::UNIX_EPOCH);
    let all = layers.iter().flat_map(|one| &one.findings);
    let mut all: Vec<&LayerFinding> =
        all.filter(|one| one.finding.severity == Severity::Broken).collect();
    all.sort_by_key(|one| one.depth());
    all.iter().map(|one| one.cause).collect()
}

/// How many questions of the credential and of the conductor could not be asked.
fn unknown(facts: ConductorFacts) -> [usize; 2] {
    let is = |one: &&LayerFinding| one.finding.severity == Severity::Unknown;
    judge("magnum/0", &Ok(facts), None, Timestamp::UNIX_EPOCH)
        .map(|layer| layer.findings.iter().filter(is).count())
}

fn refused(status: u16, error: &str) -> ReachState {
    ReachState { status: Some(status), error: Some(error.into()), ..reached() }
}

#[test]
fn a_conductor_that_works_has_nothing() {
    assert_eq!(broken(well()), []);
    // Few rights are enough rights, and another helm than the pinned one is a helm.
    assert_eq!(broken(ConductorFacts { authenticate: Ok(refused(403, "few")), ..well() }), []);
}

#[test]
fn what_could_not_be_asked_is_neither_well_nor_broken() {
    let late = || "systemctl did not end within 15 s".to_owned();
    let facts = ConductorFacts {
        conductor: Err(late()),
        python: Err(late()),
        helm: Err(late()),
        options: Err(late()),
        releases: Err(late()),
        reach: Some(Err(late())),
        ..well()
    };
    assert_eq!(broken(facts.clone()), []);
    assert_eq!(unknown(facts), [1, 5]);
    // What keeps a daemon from being asked is not what it reads.
    let root = Err("only root can ask as magnum".to_owned());
    let facts = ConductorFacts { options: root, ..well() };
    assert_eq!((broken(facts.clone()), unknown(facts)), (vec![], [0, 1]));
    // What oslo.config says of a file that it can't read is an answer.
    let torn = Err("/etc/magnum/magnum.conf.d/x.conf:1 can't be parsed".to_owned());
    assert_eq!(broken(ConductorFacts { options: torn, ..well() }), [Cause::DropIn]);
}

#[test]
fn helm_that_the_daemon_does_not_find_is_no_matter_of_rights() {
    let none = Ok(ProgramState { path: vec!["/usr/bin".into()], live: true, found: None });
    let error = "[Errno 2] No such file or directory: 'helm' (PATH=/usr/bin)";
    let facts = ConductorFacts { helm: none, releases: Ok(vec![listed(Some(error))]), ..well() };
    assert_eq!(broken(facts), [Cause::Helm]);
    let cut = listed(Some("[Errno 8] Exec format error: '/usr/bin/helm'"));
    assert_eq!(broken(ConductorFacts { releases: Ok(vec![cut]), ..well() }), [Cause::Helm]);
    let words = "Error: list: failed to list: secrets is forbidden: User \"x\" cannot list";
    let facts = ConductorFacts { releases: Ok(vec![listed(Some(words))]), ..well() };
    assert_eq!(broken(facts), [Cause::RightsMissing]);
    for lost in [
        "Error: Kubernetes cluster unreachable: dial tcp: i/o timeout",
        "helm did not end within 14 s",
    ] {
        let facts = ConductorFacts { releases: Ok(vec![listed(Some(lost))]), ..well() };
        assert_eq!(broken(facts.clone()), []);
        assert_eq!(unknown(facts), [0, 1], "what helm was not told is not taken for good");
    }
}

#[test]
fn a_credential_is_expired_refused_or_not_there() {
    let expired = "GET /api: 401 Unauthorized; the client's certificate ended on 2026-01-01";
    let facts = |authenticate| ConductorFacts { authenticate, ..well() };
    assert_eq!(broken(facts(Ok(refused(401, expired)))), [Cause::KubeconfigExpired]);
    let other = "GET /api: 401 Unauthorized";
    assert_eq!(broken(facts(Ok(refused(401, other)))), [Cause::CredentialRefused]);
    let unread =
        ReachState { status: None, error: Some("Permission denied: /etc/x".into()), ..reached() };
    assert_eq!(broken(facts(Ok(unread))), [Cause::KubeconfigUnusable]);
    let absent = ConductorFacts { kubeconfig: Ok(FileState::Absent), ..well() };
    assert_eq!(broken(absent), [Cause::KubeconfigUnusable]);
    let no_module = "the driver's interpreter has no module requests";
    let unasked = ReachState { status: None, error: Some(no_module.into()), ..reached() };
    assert_eq!(broken(facts(Ok(unasked.clone()))), [], "the kubeconfig may be good");
    assert_eq!(unknown(facts(Ok(unasked))), [1, 0]);
    let proxy =
        ReachState { status: None, error: Some("proxy: no route to host".into()), ..reached() };
    assert_eq!(broken(facts(Ok(proxy))), [Cause::ManagementUnreachable]);
    let silent = ReachState {
        tcp: false,
        tls: false,
        status: None,
        error: Some("TCP: refused".into()),
        ..reached()
    };
    let facts = ConductorFacts {
        reach: Some(Ok(silent.clone())),
        authenticate: Ok(silent.clone()),
        ..well()
    };
    assert_eq!(broken(facts), [Cause::ManagementUnreachable], "said once");
    // The site's address answers, and the one in the unit's file does not.
    let facts = ConductorFacts { authenticate: Ok(silent), ..well() };
    assert_eq!(broken(facts), [Cause::ManagementUnreachable]);
}

#[test]
fn options_count_when_they_are_in_effect() {
    let none = Ok(BTreeMap::new());
    let unread = ConductorFacts { options: none.clone(), ..well() };
    assert_eq!(broken(unread), [Cause::DropIn]);
    let absent = ConductorFacts { options: none, dropin: Ok(FileState::Absent), ..well() };
    assert_eq!(broken(absent), [Cause::DropIn]);
    assert_eq!(broken(ConductorFacts { dropin: Ok(file(11)), ..well() }), [Cause::DropIn]);
    // Set elsewhere than in the drop-in: odd, and it works.
    assert_eq!(broken(ConductorFacts { dropin: Ok(FileState::Absent), ..well() }), []);
    let comma = [
        ("kubeconfig_file".to_owned(), "/etc/magnum/kubeconfig".to_owned()),
        ("api_resources".to_owned(), "{\"Cluster\": {},}".to_owned()),
    ];
    assert_eq!(
        broken(ConductorFacts { options: Ok(comma.into()), ..well() }),
        [Cause::ApiResources]
    );
}

#[test]
fn what_keeps_a_daemon_from_running_comes_before_that_it_does_not() {
    let mut facts = well();
    let service = facts.conductor.clone().unwrap();
    facts.conductor = Ok(ServiceState { active: "failed".into(), sub: "dead".into(), ..service });
    assert_eq!(broken(facts.clone()), [Cause::ServiceDown]);
    let python = facts.python.clone().unwrap().unwrap();
    facts.python = Ok(Some(Interpreter { distribution: None, ..python }));
    assert_eq!(broken(facts), [Cause::DriverMissing, Cause::ServiceDown]);
}

#[test]
fn a_unit_without_an_answer_is_named_and_nothing_is_known_of_its_credential() {
    let lost = Error::Malformed {
        unit: "magnum/0".into(),
        why: "gone".into(),
        touched: omega_core::Touched::Nothing,
    };
    let [credential, conductor] = judge("magnum/0", &Err(lost), None, Timestamp::UNIX_EPOCH);
    assert_eq!(conductor.findings[0].cause, Cause::UnitUnreachable);
    assert_eq!(credential.findings[0].finding.severity, Severity::Unknown);
}

#[test]
fn an_option_that_the_driver_misreads_is_the_conductors() {
    let with = |text: &str, version: &str| {
        let mut facts = well();
        facts.options.as_mut().unwrap().insert("api_resources".into(), text.into());
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
