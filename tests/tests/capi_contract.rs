//! What omega-capi expects of a management cluster, asked of the simulator and of a real one.
//!
//! `live` needs `OMEGA_LAB_KUBECONFIG` and, for the releases, `OMEGA_LAB_HELM`: the lab's kube-apiserver with Cluster API 1.13 at v1beta1
//! and v1beta2 and the OpenStack provider's kinds at v1beta1. Without them it fails; a plain
//! `cargo test` reports it as ignored, not as passed.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::wildcard_enum_match_arm,
    reason = "helpers of tests"
)]

use jiff::Timestamp;
use omega_capi::{
    Error, Management, Namespaces,
    coherence::{CoherenceInputs, Combination, Rule, ServedVersionsGate, check_coherence},
    constellation::Component,
    controllers::read_installed,
    releases::{Release, read_releases},
    served::{Definition, apis_of_releases, discover_versions, read_served_apis},
    workload::{NodesWanted, Question, Wanted, Workload, judge, read_workload},
};
use omega_core::{Evidence, Gate as _, Verdict};
use omega_driver::{DriverRelease, Overrides};

async fn serves_every_version_and_says_so_in_one_request(management: &Management) {
    let before = management.requests();
    let served = discover_versions(management).await.unwrap();
    assert_eq!(management.requests() - before, 1);
    let versions = |group: &str, plural: &str| -> Vec<String> {
        served.versions_of(group, plural).map(ToOwned::to_owned).collect()
    };
    for plural in ["clusters", "machinedeployments", "machines"] {
        assert_eq!(versions("cluster.x-k8s.io", plural), ["v1beta2", "v1beta1"], "{plural}");
    }
    let control = versions("controlplane.cluster.x-k8s.io", "kubeadmcontrolplanes");
    assert_eq!(control, ["v1beta2", "v1beta1"]);
    let bootstrap = versions("bootstrap.cluster.x-k8s.io", "kubeadmconfigtemplates");
    assert_eq!(bootstrap, ["v1beta2", "v1beta1"]);
    for plural in ["openstackclusters", "openstackmachinetemplates"] {
        assert_eq!(versions("infrastructure.cluster.x-k8s.io", plural), ["v1beta1"], "{plural}");
    }
    for plural in ["helmreleases", "manifests"] {
        assert_eq!(versions("addons.stackhpc.com", plural), ["v1alpha1"], "{plural}");
    }
    // Near misses: a part of a kind, a kind of another group, a kind that nobody installed.
    assert_eq!(versions("cluster.x-k8s.io", "clusters/status").len(), 0);
    assert_eq!(versions("cluster.x-k8s.io", "openstackclusters").len(), 0);
    assert_eq!(versions("addons.cluster.x-k8s.io", "helmchartproxies").len(), 0);
    assert!(!served.has_group("ipam.cluster.x-k8s.io"), "nobody asked for it");
}

async fn the_gate_tells_a_driver_that_fits_from_one_that_does_not(management: &Management) {
    let gate = |driver, overrides| ServedVersionsGate {
        management: management.clone(),
        combination: Combination {
            driver,
            overrides: Overrides::of_line(overrides).unwrap(),
            chart: "0.25.1".parse().ok(),
        },
    };
    let verdict = gate(DriverRelease::v1_4_0(), "{}").check().await.unwrap();
    assert!(matches!(verdict, Verdict::Pass { .. }), "{verdict:?}");
    let next = |verdict| match verdict {
        Verdict::Fail(finding) => finding.remedy.unwrap(),
        other => panic!("{other:?}"),
    };
    let verdict = gate(DriverRelease::v1_3_0(), "{}").check().await.unwrap();
    assert_eq!(next(verdict), "pin magnum-capi-helm 1.4.0, which reads v1beta1");
    let v1beta2 = r#"{"Cluster": {"api_version": "cluster.x-k8s.io/v1beta2"}}"#;
    let verdict = gate(DriverRelease::v1_4_0(), v1beta2).check().await.unwrap();
    assert_eq!(next(verdict), "remove Cluster from api_resources; its v1beta1 must be served");
}

async fn says_how_each_version_is_defined(management: &Management) {
    let surface = read_served_apis(management).await.unwrap();
    assert_eq!(surface.served, discover_versions(management).await.unwrap());
    assert_eq!(surface.unsettled(), [""; 0]);
    let versions = |group: &str, plural: &str| -> Vec<(String, [bool; 3])> {
        let all = &surface.definition(group, plural).unwrap().versions;
        all.iter().map(|v| (v.name.clone(), [v.served, v.storage, v.deprecated])).collect()
    };
    let v1beta2 = ("v1beta2".to_owned(), [true, true, false]);
    let v1beta1 = ("v1beta1".to_owned(), [true, false, true]);
    assert_eq!(versions("cluster.x-k8s.io", "clusters"), [v1beta2, v1beta1]);
    let provider = "infrastructure.cluster.x-k8s.io";
    let v1beta1 = ("v1beta1".to_owned(), [true, true, false]);
    assert_eq!(versions(provider, "openstackclusters"), [v1beta1]);
    let contracts = |group: &str, plural: &str| {
        let contracts = surface.definition(group, plural).unwrap().contracts.clone();
        contracts.into_iter().map(|(key, all)| format!("{key}: {}", all.join(" ")))
    };
    let core: Vec<String> = contracts("cluster.x-k8s.io", "machines").collect();
    assert_eq!(core, ["v1beta1: v1beta1", "v1beta2: v1beta2"]);
    assert_eq!(contracts(provider, "openstackmachines").collect::<Vec<_>>(), ["v1beta1: v1beta1"]);
    assert_eq!(contracts("addons.stackhpc.com", "manifests").count(), 0);
}

/// `namespace`: one with a revision 2 of `good` that is deployed and one of `bad` that failed, and
/// a controller of OpenStack's provider.
async fn reads_what_helm_installed(management: &Management, namespace: &str) -> Vec<Release> {
    let only = Namespaces::Only(vec![namespace.parse().unwrap()]);
    let found = read_releases(management, &only).await.unwrap();
    assert_eq!(found.unreadable, []);
    let nowhere = Namespaces::Only(vec!["omega-nosuch".parse().unwrap()]);
    let none = read_releases(management, &nowhere).await.unwrap();
    assert_eq!((none.releases.len(), none.unreadable.len()), (0, 0));
    let all = read_releases(management, &Namespaces::All).await.unwrap();
    assert!(found.releases.iter().all(|release| all.releases.contains(release)));
    found.releases
}

async fn knows_a_controller_by_its_image(management: &Management, namespace: &str) {
    let installed = read_installed(management).await.unwrap();
    let deployment = Evidence::text("deployment", format!("{namespace}/capo-controller-manager"));
    let ours: Vec<_> = installed.iter().filter(|i| i.evidence.contains(&deployment)).collect();
    let seen: Vec<_> = ours.iter().map(|i| (i.component, i.version.as_deref())).collect();
    assert_eq!(seen, [(Component::OpenstackProvider, Some("v0.14.4"))], "{installed:?}");
}

async fn coherence_is_that_of_the_releases_tables(management: &Management) {
    let inputs = |driver| CoherenceInputs {
        driver,
        api_resources: None,
        chart: "0.25.1".parse().ok(),
        templates: Vec::new(),
    };
    let surface = read_served_apis(management).await.unwrap();
    let live = check_coherence(&surface, &inputs(DriverRelease::v1_4_0()));
    assert_eq!(live.refusal(&[]), None, "{live:?}");
    let old = inputs(DriverRelease::v1_3_0());
    let live = check_coherence(&surface, &old);
    let refusal = live.refusal(&[]).unwrap();
    let rules: Vec<_> = refusal.findings.iter().map(Rule::of).collect();
    assert_eq!(rules, [Some(Rule::UnservedRead)]);
    let [core, provider] = ["1.13.2", "0.14.4"].map(|text| text.parse().unwrap());
    let tables = apis_of_releases(&core, &provider).unwrap();
    assert_eq!(check_coherence(&tables, &old), live);
    for ours in &tables.definitions {
        // A table does not know what a server has stored, nor how it converts.
        let theirs = surface.definition(&ours.group, &ours.plural).cloned().map(|theirs| {
            let (stored, conversion) = (ours.stored.clone(), ours.conversion.clone());
            Definition { stored, conversion, ..theirs }
        });
        assert_eq!(theirs.as_ref(), Some(ours));
    }
}

/// A workload cluster with one control plane and two workers at v1.34.8, and nothing wrong.
async fn a_workload_cluster_that_is_well_has_nothing_named(workload: &Workload, now: Timestamp) {
    let before = workload.requests();
    let answers = judge(&read_workload(workload).await, &wanted(), now);
    assert_eq!(workload.requests() - before, 6);
    assert!(answers.iter().all(|(_, a)| matches!(a, Ok(Verdict::Pass { .. }))), "{answers:#?}");
}

/// The same after `make.py ill`; `now` is ten minutes later.
async fn what_is_wrong_is_named_at_its_own_question(workload: &Workload, now: Timestamp) {
    let answers = judge(&read_workload(workload).await, &wanted(), now);
    let why = |question: Question| {
        let answer = answers.iter().find(|(asked, _)| *asked == question).map(|(_, answer)| answer);
        let Some(Ok(Verdict::Fail(finding))) = answer else { return String::new() };
        let evidence = finding.evidence.iter().map(ToString::to_string);
        [finding.summary.clone()].into_iter().chain(evidence).collect::<Vec<_>>().join("; ")
    };
    for well in [Question::Api, Question::Cni, Question::Csi, Question::Dns] {
        assert_eq!(why(well), "", "{well}");
    }
    let nodes = why(Question::Nodes);
    for words in ["2 of 5 nodes not Ready", "Kubelet stopped posting", "wanted v1.34.8"] {
        assert!(nodes.contains(words), "{words}: {nodes}");
    }
    let controller = why(Question::CloudController);
    assert!(controller.contains("CrashLoopBackOff, 37 restarts, exit code 255"), "{controller}");
    let stuck = why(Question::Stuck);
    let words = ["6 stuck", "waits for the cloud controller manager", "ImagePullBackOff"];
    assert!(words.iter().all(|words| stuck.contains(words)), "{stuck}");
}

fn wanted() -> Wanted {
    let versions = || ["v1.34.8".to_owned()].into();
    let nodes = |count| NodesWanted { count, versions: versions(), changing: None };
    Wanted { control_plane: nodes(1), workers: nodes(2), ..Wanted::default() }
}

async fn a_token_that_is_not_known_is_refused(management: &Management) {
    let error = discover_versions(management).await.unwrap_err();
    assert!(matches!(&error, Error::Unauthorized { path, .. } if path == "/apis"), "{error:?}");
}

mod simulated {
    use omega_capi::{
        Management,
        sim::{Apiserver, Fault},
        workload::Workload,
    };

    #[tokio::test]
    async fn contract() {
        let apiserver = Apiserver::default();
        let management = Management::over(apiserver.clone(), "simulator");
        super::says_how_each_version_is_defined(&management).await;
        super::coherence_is_that_of_the_releases_tables(&management).await;
        super::knows_a_controller_by_its_image(&management, "capo-system").await;
        let project = "magnum-6741a4d1b29346e5a2f4c6ad38f0a2c1";
        let releases = super::reads_what_helm_installed(&management, project).await;
        assert_eq!(releases.len(), 4);
        super::serves_every_version_and_says_so_in_one_request(&management).await;
        super::the_gate_tells_a_driver_that_fits_from_one_that_does_not(&management).await;
        apiserver.fail(Fault::BadToken);
        super::a_token_that_is_not_known_is_refused(&management).await;
    }

    const ILL: &str = include_str!("../../crates/omega-capi/recordings/workload-ill.json");

    #[tokio::test]
    async fn workload() {
        let apiserver = Apiserver::workload();
        let workload = Workload::over(Management::over(apiserver.clone(), "simulator"));
        let now = "2026-11-21T16:10:00Z".parse().unwrap();
        super::a_workload_cluster_that_is_well_has_nothing_named(&workload, now).await;
        let ill: serde_json::Value = serde_json::from_str(ILL).unwrap();
        for exchange in ill["exchanges"].as_array().unwrap() {
            for object in exchange["body"]["items"].as_array().into_iter().flatten() {
                apiserver.put(exchange["path"].as_str().unwrap(), object.clone());
            }
        }
        super::what_is_wrong_is_named_at_its_own_question(&workload, now).await;
    }
}

mod live {
    use std::{env, fs};

    use jiff::{Timestamp, ToSpan as _};
    use omega_capi::{
        Error, Management,
        served::discover_versions,
        workload::{ClusterName, Workload, WorkloadError},
    };
    use omega_core::{kubeconfig::Kubeconfig, values::Secret};

    #[expect(clippy::disallowed_methods, reason = "the lab says by variable where it is")]
    fn kubeconfig() -> String {
        let path = env::var("OMEGA_LAB_KUBECONFIG").expect("OMEGA_LAB_KUBECONFIG names a file");
        fs::read_to_string(path).unwrap()
    }

    async fn connect(text: String) -> Management {
        let kubeconfig = Kubeconfig::parse(Secret::from(text), jiff::Timestamp::now()).unwrap();
        Management::connect(&kubeconfig).await.unwrap()
    }

    #[tokio::test]
    #[ignore = "needs the lab's management cluster: tests/lab/run contract"]
    async fn contract() {
        let text = kubeconfig();
        let management = connect(text).await;
        super::says_how_each_version_is_defined(&management).await;
        super::coherence_is_that_of_the_releases_tables(&management).await;
        super::serves_every_version_and_says_so_in_one_request(&management).await;
        super::the_gate_tells_a_driver_that_fits_from_one_that_does_not(&management).await;
    }

    #[expect(clippy::disallowed_methods, reason = "the lab's helm, run as a person would")]
    fn helm(arguments: &[&str]) -> (bool, String) {
        let set = |name: &str| env::var(name).unwrap_or_else(|_| panic!("{name} is not set"));
        let mut helm = std::process::Command::new(set("OMEGA_LAB_HELM"));
        let helm = helm.env("KUBECONFIG", set("OMEGA_LAB_KUBECONFIG")).args(arguments);
        let output = helm.output().unwrap();
        (output.status.success(), String::from_utf8(output.stdout).unwrap())
    }

    /// Writes a chart, with this template in it.
    fn chart(directory: &std::path::Path, version: &str, template: &str) -> String {
        let chart = directory.join(version);
        fs::create_dir_all(chart.join("templates")).unwrap();
        let about = format!("apiVersion: v2\nname: omega-contract\nversion: {version}\n");
        fs::write(chart.join("Chart.yaml"), format!("{about}appVersion: abc\n")).unwrap();
        fs::write(chart.join("templates/x.yaml"), template).unwrap();
        chart.to_str().unwrap().to_owned()
    }

    const CONTROLLER: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: capo-controller-manager}
spec:
  selector: {matchLabels: {omega: contract}}
  template:
    metadata: {labels: {omega: contract}}
    spec: {containers: [{name: x, image: 'mirror:5000/capi-openstack-controller:v0.14.4'}]}
";

    #[tokio::test]
    #[ignore = "needs the lab's management cluster: tests/lab/run contract"]
    async fn releases() {
        let text = kubeconfig();
        let management = connect(text).await;
        let space = format!("omega-contract-{}", std::process::id());
        let directory = tempfile::tempdir().unwrap();
        let install = |name: &str, chart: &str| {
            let place = ["--install", "--namespace", &space, "--create-namespace"];
            helm(&[&["upgrade", name, chart], place.as_slice()].concat()).0
        };
        let good = chart(directory.path(), "0.1.0", CONTROLLER);
        assert!(install("good", &good) && install("good", &good));
        let data = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: 1\n";
        assert!(!install("bad", &chart(directory.path(), "0.2.0", data)));
        let found = super::reads_what_helm_installed(&management, &space).await;
        super::knows_a_controller_by_its_image(&management, &space).await;
        let (_, listed) = helm(&["list", "--all", "--namespace", &space, "--output", "json"]);
        for name in ["good", "bad"] {
            assert!(helm(&["uninstall", name, "--namespace", &space]).0, "{name}");
        }
        let listed: Vec<serde_json::Value> = serde_json::from_str(&listed).unwrap();
        let theirs: Vec<_> = listed
            .iter()
            .map(|l| {
                ["name", "revision", "status", "chart", "app_version"].map(|key| l[key].clone())
            })
            .collect();
        let ours: Vec<_> = found
            .iter()
            .map(|r| {
                let chart = format!("{}-{}", r.chart, r.chart_version);
                let revision = r.revision.to_string();
                let app = r.app_version.clone().unwrap_or_default();
                [r.name.clone(), revision, r.status.to_string(), chart, app]
                    .map(serde_json::Value::from)
            })
            .collect();
        assert_eq!(ours, theirs);
        let after = super::reads_what_helm_installed(&management, &space).await;
        assert_eq!(after, [], "uninstalled");
    }

    /// A bare kube-apiserver; its kubeconfig is in the management cluster, where Cluster API would
    /// have put it.
    #[tokio::test]
    #[ignore = "needs the lab's management cluster: tests/lab/run contract"]
    #[expect(clippy::disallowed_methods, reason = "the lab's script, run as a person would")]
    async fn workload() {
        let management = connect(kubeconfig()).await;
        let name = |name: &str| ClusterName {
            namespace: "omega-contract-workload".parse().unwrap(),
            name: name.parse().unwrap(),
        };
        let now = Timestamp::now();
        let none = Workload::connect(&management, &name("c2"), now).await.unwrap_err();
        assert!(matches!(none, WorkloadError::NoSecret { .. }), "{none:?}");
        let workload = Workload::connect(&management, &name("c1"), now).await.unwrap();
        super::a_workload_cluster_that_is_well_has_nothing_named(&workload, now).await;
        let make = env::var("OMEGA_LAB_WORKLOAD_ILL").expect("the lab says how");
        let ended = std::process::Command::new("bash").args(["-c", &make]).status().unwrap();
        assert!(ended.success());
        let later = Timestamp::now() + 10.minutes();
        super::what_is_wrong_is_named_at_its_own_question(&workload, later).await;
    }

    #[tokio::test]
    #[ignore = "needs the lab's management cluster: tests/lab/run contract"]
    async fn an_unknown_token() {
        let text = kubeconfig();
        // The lab writes one user, on one line, in braces.
        let user = text.lines().find(|line| line.starts_with("users:")).unwrap();
        let token = "users: [{name: admin, user: {token: nonsense}}]";
        let management = connect(text.replace(user, token)).await;
        super::a_token_that_is_not_known_is_refused(&management).await;
    }

    #[tokio::test]
    #[ignore = "needs the lab's management cluster: tests/lab/run contract"]
    async fn nobody_listens() {
        let text = kubeconfig();
        let management = connect(text.replace(":6443", ":6442")).await;
        let error = discover_versions(&management).await.unwrap_err();
        assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
        assert!(
            error.to_string().contains("the connection was refused"),
            "the whole chain: {error}"
        );
    }
}
