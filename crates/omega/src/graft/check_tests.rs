use std::{fs, path::Path};

use omega_core::{ItemState, TargetPreview, Verdict, preview, run::Status};
use omega_juju::sim::{KUBECONFIG, Start};
use tempfile::TempDir;

use super::*;
use crate::{Machine, test_harness};

const CLOUD: &str = "[cloud]\nname = \"here\"\n";
const MANAGEMENT: &str = "[management]\nkubeconfig = \"capi-mgmt.kubeconfig\"\n";
const CONDUCTOR: &str = "[conductor]\nunit = [{ name = \"magnum/0\", ssh = \"127.0.0.1:1\" }]\n";
const DRIVER: &str = "[driver]\nversion = \"1.4.0\"\n";
const HELM: &str = "[helm]\nversion = \"3.17.3\"\nfile = \"helm\"\nsha256 = \"@HELM@\"\n";
const CHART: &str = "[chart]\nversion = \"0.25.1\"\n\
                     repo = \"https://azimuth-cloud.github.io/capi-helm-charts\"\n";

const TOKEN: &str = "current-context: c\n\
    contexts: [{ name: c, context: { cluster: k, user: u } }]\n\
    clusters: [{ name: k, cluster: { server: 'https://10.20.0.50:6443' } }]\n\
    users: [{ name: u, user: { token: x } }]\n";

/// An operator's machine, with the kubeconfig and a cloud that does not answer.
struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        Self::with(TOKEN)
    }

    fn with(kubeconfig: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        let auth = "auth_url: 'http://127.0.0.1:1/v3', username: u, password: p, \
                    user_domain_name: d, project_name: mgmt, project_domain_name: d";
        let clouds = format!("clouds:\n  here:\n    auth: {{{auth}}}\n");
        fs::write(home.path().join("clouds.yaml"), clouds).unwrap();
        fs::write(home.path().join("capi-mgmt.kubeconfig"), kubeconfig).unwrap();
        Self(home)
    }

    fn site(&self, tables: &[&str]) -> Site {
        let helm = omega_core::values::Sha256::of(omega_juju::sim::HELM).to_string();
        let text = tables.concat().replace("@HELM@", &helm);
        let site = Site::parse(Path::new("omega.toml"), &text).unwrap();
        Site { directory: self.0.path().to_owned(), ..site }
    }

    fn machine(&self) -> Machine {
        Machine { cwd: self.0.path().to_owned(), ..Machine::new(self.0.path()) }
    }

    async fn units(&self, gate: &UnitGate, tables: &[&str]) -> Result<Job, Failure> {
        let (site, machine) = (self.site(tables), self.machine());
        let connect = Connect::new(&site, &machine);
        check_units(gate, &connect, &[], "omega.toml", Timestamp::now()).await
    }

    async fn site_gate(&self, gate: SiteGate, tables: &[&str]) -> Result<Job, Failure> {
        let (site, machine) = (self.site(tables), self.machine());
        check_site(gate, &Connect::new(&site, &machine), "omega.toml", Timestamp::now()).await
    }
}

type Tables<'a> = &'a [&'a str];
/// Why a table is needed, by its name in messages.
type Why<'a> = &'a [(&'a str, &'a str)];

/// Each of `tables` left out in turn, with its name in messages.
fn without(tables: Tables<'_>) -> impl Iterator<Item = (Vec<&str>, &str)> {
    tables.iter().map(|missing| {
        let rest = tables.iter().copied().filter(|table| table != missing).collect();
        let name = missing.lines().next().unwrap();
        (rest, if *missing == MANAGEMENT { "`kubeconfig` in [management]" } else { name })
    })
}

#[track_caller]
fn names(failure: &Failure, table: &str, why: Why<'_>) {
    let message = format!("the site file has no {table}, which this needs");
    assert_eq!((failure.class, &failure.message), (FailureClass::Usage, &message));
    let (_, why) = why.iter().find(|(of, _)| *of == table).unwrap();
    assert_eq!(failure.causes, [*why], "{table}");
}

fn connected(job: &Job) -> Vec<&str> {
    job.endpoints.keys().map(String::as_str).collect()
}

const ITS_UNITS: (&str, &str) = ("[conductor]", "the check asks its units");

#[tokio::test]
async fn a_gate_of_the_units_needs_only_its_tables_and_connects_to_the_units_alone() {
    let desk = Desk::new();
    let compared = ("`kubeconfig` in [management]", COMPARED);
    let project: Vec<Namespace> = vec!["magnum-abc".parse().unwrap()];
    let cases: [(UnitGate, Tables, Why); 4] = [
        (
            UnitGate::Reach,
            &[CONDUCTOR, MANAGEMENT],
            &[
                ITS_UNITS,
                ("`kubeconfig` in [management]", "the check connects from the units to its server"),
            ],
        ),
        (UnitGate::Authenticate, &[CONDUCTOR, MANAGEMENT], &[ITS_UNITS, compared]),
        (
            UnitGate::Releases(project),
            &[CONDUCTOR, MANAGEMENT, HELM],
            &[ITS_UNITS, compared, ("[helm]", "the check compares the helm of each unit with it")],
        ),
        (
            UnitGate::Driver,
            &[CONDUCTOR, DRIVER, CHART],
            &[
                ITS_UNITS,
                ("[driver]", "the check compares the driver of each unit with it"),
                ("[chart]", "the check compares the options of each unit's daemon with it"),
            ],
        ),
    ];
    for (gate, tables, why) in cases {
        let job = desk.units(&gate, tables).await.unwrap();
        assert_eq!(connected(&job), ["magnum/0"], "{gate:?}");
        for (rest, missing) in without(tables) {
            names(&desk.units(&gate, &rest).await.unwrap_err(), missing, why);
        }
    }
    // The file that a table names is read only where it is used.
    fs::remove_file(desk.0.path().join("capi-mgmt.kubeconfig")).unwrap();
    let all = [CONDUCTOR, MANAGEMENT, DRIVER, CHART, HELM];
    desk.units(&UnitGate::Driver, &all).await.unwrap();
    let failure = desk.units(&UnitGate::Reach, &all).await.unwrap_err();
    assert!(failure.message.starts_with("could not read the kubeconfig"), "{failure:?}");
}

/// Without their names, the namespaces are those of the projects with clusters.
#[tokio::test]
async fn the_cloud_is_asked_for_the_namespaces_that_are_not_named() {
    let (desk, gate) = (Desk::new(), UnitGate::Releases(Vec::new()));
    let tables = [CLOUD, CONDUCTOR, MANAGEMENT, HELM];
    let failure = desk.units(&gate, &tables).await.unwrap_err();
    let what = "could not list the clusters of cloud here, project mgmt";
    assert_eq!((failure.class, failure.message.as_str()), (FailureClass::Error, what));
    // What the file lacks is reported before anything is asked.
    let failure = desk.units(&gate, &tables[..3]).await.unwrap_err();
    assert_eq!(failure.message, "the site file has no [helm], which this needs");
    fs::remove_file(desk.0.path().join("clouds.yaml")).unwrap();
    let failure = desk.units(&gate, &tables[1..]).await.unwrap_err();
    assert_eq!(failure.message, "could not load cloud credentials");
    let why = "needed for: check releases without --namespace";
    assert_eq!(failure.causes.last().unwrap(), why);

    let sim = test_harness::Site::new(&[Start::Fresh]);
    let cloud = &sim.clients.cloud;
    let site = desk.site(&tables);
    let project = cloud.network.project_id().await.unwrap();
    let found = driver_namespaces(&site, cloud).await.unwrap();
    assert_eq!(found, [namespace_prefix(&site).namespace(&project)]);
    // A cluster that the operator names and that nobody has is a mistake.
    let failure = exists("nosuch", cloud).await.unwrap_err();
    assert_eq!(failure.class, FailureClass::Usage);
    assert!(failure.message.contains("no cluster \"nosuch\""), "{failure:?}");
}

#[tokio::test]
async fn a_gate_that_is_checked_once_needs_only_its_tables() {
    let desk = Desk::new();
    let kubeconfig =
        ("`kubeconfig` in [management]", "the check asks the management cluster with it");
    let fits = "the check tells whether it fits the rest";
    let served = [
        kubeconfig,
        ("[driver]", "it says which versions are read"),
        ("[chart]", "it says which versions are written"),
    ];
    let coherent = [kubeconfig, ("[driver]", fits), ("[chart]", fits)];
    // The gate, its tables, what it connects to, and why.
    let cases: [(SiteGate, Tables, Tables, Why); 2] = [
        (SiteGate::ServedVersions, &[MANAGEMENT, DRIVER, CHART], &["management"], &served),
        (SiteGate::Coherence, &[MANAGEMENT, DRIVER, CHART], &["cloud", "management"], &coherent),
    ];
    for (gate, tables, parts, why) in cases {
        let job = desk.site_gate(gate.clone(), &[&[CLOUD], tables].concat()).await.unwrap();
        assert_eq!(connected(&job), parts, "{gate:?}");
        for (rest, missing) in without(tables) {
            names(&desk.site_gate(gate.clone(), &rest).await.unwrap_err(), missing, why);
        }
    }
    for gate in [SiteGate::TrusteeDomain, SiteGate::Magnum, SiteGate::Health(Vec::new())] {
        let job = desk.site_gate(gate.clone(), &[CLOUD]).await.unwrap();
        assert_eq!(connected(&job), ["cloud"], "{gate:?}");
    }
    fs::remove_file(desk.0.path().join("clouds.yaml")).unwrap();
    for (gate, why) in [
        (SiteGate::Coherence, "needed for: check coherence"),
        (SiteGate::TrusteeDomain, "needed for: check trustee-domain"),
        (SiteGate::Magnum, "needed for: check magnum"),
        (SiteGate::Health(Vec::new()), "needed for: check health"),
    ] {
        let failure = desk.site_gate(gate.clone(), &[MANAGEMENT, DRIVER, CHART]).await.unwrap_err();
        assert_eq!(failure.message, "could not load cloud credentials", "{gate:?}");
        assert_eq!(failure.causes.last().unwrap(), why);
    }
    // Where the cloud is not asked, it need not be there.
    desk.site_gate(SiteGate::ServedVersions, &[MANAGEMENT, DRIVER, CHART]).await.unwrap();
}

/// After the graft each gate holds, with no table but its own.
#[tokio::test(start_paused = true)]
async fn what_the_graft_made_true_is_found_with_the_gates_own_tables() {
    let desk = Desk::with(KUBECONFIG);
    let sim = test_harness::Site::new(&[Start::Fresh]);
    let on_unit = |gate: UnitGate, tables: &[&str]| {
        let (site, machine) = (desk.site(tables), desk.machine());
        let unit = Arc::clone(&sim.clients.units[0]);
        async move {
            let connect = Connect::new(&site, &machine);
            let (items, clients) = super::on_unit(&gate, &connect, Timestamp::now()).await.unwrap();
            assert!(connected(&job("omega.toml", Vec::new(), &clients)).is_empty());
            TargetPlan::unit(unit.label(), vec![section(items(&unit))])
        }
    };
    assert_eq!(sim.apply().await.unwrap().exit, Status::Done);
    let clients = &sim.clients;
    let driver = desk.site(&[DRIVER, CHART]);
    let targets = vec![
        on_unit(UnitGate::Reach, &[MANAGEMENT]).await,
        on_unit(UnitGate::Authenticate, &[MANAGEMENT]).await,
        on_unit(UnitGate::Releases(vec!["magnum-a".parse().unwrap()]), &[MANAGEMENT, HELM]).await,
        on_unit(UnitGate::Driver, &[DRIVER, CHART]).await,
        served_versions(&driver, &clients.management).unwrap(),
        coherence(&driver, &clients.management, &clients.cloud).unwrap(),
    ];
    let state = preview(&targets, Timestamp::now()).await;
    let verdicts: Vec<_> =
        state.iter().flat_map(TargetPreview::items).map(|item| &item.found).collect();
    assert_eq!(verdicts.len(), 7, "the driver has two");
    for found in verdicts {
        assert!(matches!(found, ItemState::Verdict(Verdict::Pass { .. })), "{found:?}");
    }
}

#[tokio::test]
async fn the_futures_are_send() {
    fn is_send<T: Send>(_: &T) {}
    let (desk, units) = (Desk::new(), UnitGate::Releases(Vec::new()));
    let (site, machine) = (desk.site(&[CLOUD]), desk.machine());
    let connect = Connect::new(&site, &machine);
    is_send(&check_units(&units, &connect, &[], "omega.toml", Timestamp::UNIX_EPOCH));
    is_send(&check_site(SiteGate::Coherence, &connect, "omega.toml", Timestamp::UNIX_EPOCH));
}
