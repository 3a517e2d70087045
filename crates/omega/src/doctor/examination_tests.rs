use std::path::Path;

use jiff::Timestamp;
use omega_capi::sim::Apiserver;
use omega_core::{CancelToken, Context, Failure, FailureClass};
use omega_juju::sim::Start;
use omega_openstack::sim::Cloud;

use super::{cluster::Patience, layers::Lists, *};
use crate::{
    Machine,
    clients::{Connect, Part, PartialClients},
    rehearsal,
    site::Site,
};

/// A doctor on the simulators, whose units start so.
fn doctor(starts: &[Start], options: DoctorOptions) -> Doctor {
    doctor_of(&rehearsal::cloud(), starts, options)
}

fn doctor_of(cloud: &Cloud, starts: &[Start], options: DoctorOptions) -> Doctor {
    let (site, kubeconfig) = rehearsal::site().unwrap();
    let unit = |(nth, start): (usize, &Start)| start.unit(&format!("magnum/{nth}"));
    let units: Vec<_> = starts.iter().enumerate().map(unit).collect();
    let clients = rehearsal::clients(cloud, &Apiserver::default(), &units, &kubeconfig);
    // As the command has them: it only reads.
    let clients = clients.read_only();
    Doctor::new(&site, Some(kubeconfig.facts), (&clients).into(), options).unwrap()
}

fn layer(report: &Report, layer: Layer) -> &LayerReport {
    report.layers.iter().find(|one| one.layer == layer).unwrap()
}

#[tokio::test]
async fn every_layer_of_the_site_is_reported() {
    let doctor = doctor(&[Start::Fresh], DoctorOptions::default());
    let report = doctor.examine(&Context::default()).await.unwrap();
    let layers: Vec<Layer> = report.layers.iter().map(|one| one.layer).collect();
    assert_eq!(
        layers,
        [
            Layer::Cloud,
            Layer::Vm,
            Layer::KubeApi,
            Layer::DriverCredential,
            Layer::Conductor,
            Layer::Controllers,
            Layer::Magnum,
        ]
    );
    assert_eq!(layer(&report, Layer::Vm).state, LayerState::NotAsked);
    assert!(report.broken, "nothing is grafted yet");
}

#[tokio::test]
async fn every_layer_of_each_cluster_is_reported() {
    let cloud = rehearsal::cloud();
    for name in ["one", "two"] {
        cloud.add_cluster("capi-mgmt", name, Some("HEALTHY"), "");
    }
    let doctor = doctor_of(&cloud, &[], DoctorOptions::default());
    let lists = Lists::read(&doctor.clients.cloud.as_ref().unwrap().magnum).await;
    let clusters = lists.clusters.as_deref().unwrap().to_vec();
    let patience = Patience { now: Timestamp::now(), limit: doctor.options.patience };
    let management = doctor.management().unwrap().1;
    let units = Vec::new();
    let above = doctor.above(management, Some(&lists), &clusters, &units, patience);
    let report = Report::new(Box::pin(above).await);
    for stack in ["one-cyusd2b67a45", "two-cyusd2b67a45"] {
        let of = report.layers.iter().filter(|one| one.cluster.as_deref() == Some(stack));
        let layers: Vec<Layer> = of.map(|one| one.layer).collect();
        assert_eq!(
            layers,
            [
                Layer::ClusterCredential,
                Layer::Quota,
                Layer::LoadBalancer,
                Layer::ClusterApi,
                Layer::HelmRelease,
                Layer::Workload,
                Layer::Magnum,
            ]
        );
    }
    assert_eq!(cloud.writes(), Vec::<String>::new(), "the doctor only reads");
}

/// A cluster of another driver for Cluster API is shown as such, and judged by nobody.
#[tokio::test]
async fn another_drivers_cluster_is_shown_and_not_judged() {
    let cloud = rehearsal::cloud();
    let uuid = cloud.add_cluster("capi-mgmt", "old", Some("UNHEALTHY"), "nok");
    cloud.set_stack_id(&uuid, "kube-7xk2p");
    let doctor = doctor_of(&cloud, &[], DoctorOptions::default());
    let report = doctor.examine(&Context::default()).await.unwrap();
    let of: Vec<_> =
        report.layers.iter().filter(|one| one.cluster.as_deref() == Some("kube-7xk2p")).collect();
    let [shown] = of.as_slice() else { panic!("{of:?}") };
    assert_eq!((shown.layer, shown.state), (Layer::Magnum, LayerState::NotAsked));
    assert!(shown.summary().contains("old belongs to another driver"), "{}", shown.summary());
    assert!(report.first.is_none_or(|first| first.cluster.is_none()));
}

#[tokio::test]
async fn without_units_their_layers_are_not_ok() {
    let alone = doctor(&[], DoctorOptions::default());
    let report = alone.examine(&Context::default()).await.unwrap();
    for of in [Layer::DriverCredential, Layer::Conductor] {
        assert_eq!(layer(&report, of).state, LayerState::NotAsked);
    }
    let why = "could not list the units of application magnum";
    let unlisted = Failure::new(FailureClass::Error, why).because("no route to the controller");
    let lost = Doctor { units_unknown: Some(unlisted), ..alone };
    let report = lost.examine(&Context::default()).await.unwrap();
    let conductor = layer(&report, Layer::Conductor);
    assert_eq!(conductor.state, LayerState::Unknown, "nothing was learned of a unit");
    let why = "units: could not list the units of application magnum: no route to the controller";
    assert_eq!(conductor.summary(), why);
    assert_eq!(layer(&report, Layer::DriverCredential).state, LayerState::Unknown);
}

/// The state of a layer of the site, with its line.
fn line(report: &Report, of: Layer) -> (LayerState, String) {
    let one = layer(report, of);
    (one.state, one.summary())
}

/// What is shown last of what was seen at a layer.
fn last_seen(report: &Report, of: Layer) -> String {
    layer(report, of).evidence.last().unwrap().to_string()
}

fn not_asked(why: &str) -> (LayerState, String) {
    (LayerState::NotAsked, format!("not checked: {why}"))
}

/// A doctor for the site file `text`, with clients for `parts` only.
fn partial(text: &str, kubeconfig: bool, parts: &[Part]) -> Doctor {
    let read = rehearsal::site().unwrap().1;
    let units = [Start::Fresh.unit("magnum/0")];
    let whole = rehearsal::clients(&rehearsal::cloud(), &Apiserver::default(), &units, &read);
    let mut clients = PartialClients::from(&whole);
    if !parts.contains(&Part::Cloud) {
        clients.cloud = None;
    }
    if !parts.contains(&Part::Management) {
        clients.management = None;
    }
    if !parts.contains(&Part::Units) {
        clients.units.clear();
    }
    let site = Site::parse(Path::new("omega.toml"), text).unwrap();
    Doctor::new(&site, kubeconfig.then_some(read.facts), clients, DoctorOptions::default()).unwrap()
}

const NO_MANAGEMENT: &str = "the site file has no `kubeconfig` in [management]";
const NO_CLOUD: &str = "the site file has no [cloud], and no OS_* variables stand for it";

#[tokio::test]
async fn a_cloud_alone_is_examined() {
    let doctor = partial("[cloud]\nname = \"x\"", false, &[Part::Cloud]);
    let report = doctor.examine(&Context::default()).await.unwrap();
    assert!(!report.broken, "{report:#?}");
    assert_eq!(layer(&report, Layer::Cloud).state, LayerState::Ok);
    for of in [Layer::KubeApi, Layer::Controllers] {
        assert_eq!(line(&report, of), not_asked(NO_MANAGEMENT));
    }
    for of in [Layer::DriverCredential, Layer::Conductor] {
        assert_eq!(line(&report, of), not_asked("the site file has no [conductor]"));
    }
    let said = format!("clusters: 0; templates not asked: {NO_MANAGEMENT}");
    assert_eq!(line(&report, Layer::Magnum).1, said);
}

#[tokio::test]
async fn a_conductor_alone_is_examined() {
    let text = "[conductor]\napplication = \"magnum\"";
    let report = partial(text, false, &[Part::Units]).examine(&Context::default()).await.unwrap();
    for of in [Layer::Cloud, Layer::Vm, Layer::Magnum] {
        assert_eq!(line(&report, of), not_asked(NO_CLOUD));
    }
    assert_eq!(line(&report, Layer::KubeApi), not_asked(NO_MANAGEMENT));
    assert_eq!(report.first.unwrap().layer, Layer::DriverCredential, "nothing is grafted yet");
}

#[tokio::test]
async fn a_management_cluster_alone_is_examined() {
    let text = "[management]\nkubeconfig = \"x\"";
    let doctor = partial(text, true, &[Part::Management]);
    let report = doctor.examine(&Context::default()).await.unwrap();
    assert!(!report.broken, "{report:#?}");
    assert_eq!(layer(&report, Layer::KubeApi).state, LayerState::Ok);
    let why = "coherence not asked: the site file has no [driver], and no unit says which one runs";
    assert_eq!(last_seen(&report, Layer::Controllers), why);
    assert_eq!(line(&report, Layer::Magnum), not_asked(NO_CLOUD));

    let driver = format!("{text}\n[driver]\nversion = \"1.4.0\"");
    let doctor = partial(&driver, true, &[Part::Management]);
    let report = doctor.examine(&Context::default()).await.unwrap();
    let why = "coherence not asked: the site file has no [chart]";
    assert_eq!(last_seen(&report, Layer::Controllers), why);

    // Everything that a check of coherence needs is there, but for the templates.
    let chart = format!("{driver}\n[chart]\nrepo = \"https://x\"\nversion = \"0.25.1\"");
    let doctor = partial(&chart, true, &[Part::Management]);
    let report = doctor.examine(&Context::default()).await.unwrap();
    assert!(layer(&report, Layer::Controllers).evidence.is_empty(), "{report:#?}");
    assert_eq!(line(&report, Layer::Magnum), not_asked(NO_CLOUD));
}

/// What the driver reads of a cluster depends on its release.
#[tokio::test]
async fn a_cluster_is_not_taken_for_well_where_the_driver_is_not_known() {
    let cloud = rehearsal::cloud();
    cloud.add_cluster("capi-mgmt", "one", Some("HEALTHY"), "");
    let (_, kubeconfig) = rehearsal::site().unwrap();
    let clients = rehearsal::clients(&cloud, &Apiserver::default(), &[], &kubeconfig);
    let text = "[cloud]\nname = \"x\"\n[management]\nkubeconfig = \"x\"";
    let site = Site::parse(Path::new("omega.toml"), text).unwrap();
    let both: PartialClients = (&clients).into();
    let alone = PartialClients { management: None, ..both.clone() };
    for (clients, api) in [(both, Some(LayerState::NotAsked)), (alone, None)] {
        let facts = Some(kubeconfig.facts.clone());
        let doctor = Doctor::new(&site, facts, clients, DoctorOptions::default()).unwrap();
        let report = doctor.examine(&Context::default()).await.unwrap();
        let of = |of| {
            let mut layers = report.layers.iter().filter(|one| one.cluster.is_some());
            layers.find(|one| one.layer == of).map(|one| one.state)
        };
        assert_eq!(of(Layer::ClusterApi), api);
        assert_eq!(of(Layer::Magnum), Some(LayerState::Unknown));
    }
}

#[tokio::test]
async fn no_cluster_can_be_chosen_without_magnum() {
    let mut doctor = partial("[conductor]\napplication = \"magnum\"", false, &[Part::Units]);
    doctor.options.clusters = vec!["c9".to_owned()];
    let failure = doctor.examine(&Context::default()).await.unwrap_err();
    assert_eq!(failure.class, FailureClass::Usage);
    assert!(failure.message.contains("`c9`"), "{failure:?}");
    assert_eq!(failure.causes, [NO_CLOUD]);
}

/// One cluster without an id: it is named, and the others are examined.
#[tokio::test]
async fn a_cluster_that_is_not_understood_is_named() {
    let cloud = rehearsal::cloud();
    let odd = cloud.add_cluster("capi-mgmt", "odd", Some("HEALTHY"), "");
    cloud.add_cluster("capi-mgmt", "c9", Some("HEALTHY"), "");
    cloud.spoil_cluster(&odd);
    let examined = doctor_of(&cloud, &[Start::Fresh], DoctorOptions::default());
    let report = examined.examine(&Context::default()).await.unwrap();
    let magnum = layer(&report, Layer::Magnum);
    let told = magnum.findings.iter().find(|one| one.finding.subject.name == "odd").unwrap();
    assert!(told.finding.summary.contains("could not be understood: "), "{told:?}");
    let stacks: Vec<_> = report.layers.iter().filter_map(|one| one.cluster.as_deref()).collect();
    assert!(
        stacks.iter().all(|stack| stack.starts_with("c9-")) && !stacks.is_empty(),
        "{stacks:?}"
    );
    let options = DoctorOptions { clusters: vec!["odd".to_owned()], ..DoctorOptions::default() };
    let failure = doctor_of(&cloud, &[], options).examine(&Context::default()).await.unwrap_err();
    assert_eq!(failure.class, FailureClass::Error);
    assert!(failure.message.contains("`odd`, which could not be understood"), "{failure:?}");
}

#[tokio::test]
async fn a_cluster_that_does_not_exist_is_an_error() {
    let clusters = vec!["c9".to_owned()];
    let options = DoctorOptions { clusters, ..DoctorOptions::default() };
    let failure = doctor(&[], options).examine(&Context::default()).await.unwrap_err();
    assert_eq!(failure.class, FailureClass::Usage);
    assert_eq!(failure.message, "Magnum has no cluster `c9`");
}

#[tokio::test]
async fn it_ends_when_it_is_cancelled() {
    let doctor = doctor(&[], DoctorOptions::default());
    let cancel = CancelToken::default();
    cancel.cancel();
    let ctx = Context::default().with_cancel(cancel);
    let failure = doctor.examine(&ctx).await.unwrap_err();
    assert_eq!(failure.class, FailureClass::Interrupted);
}

#[tokio::test]
async fn its_futures_can_be_spawned() {
    fn is_send<T: Send>(_: &T) {}
    let doctor = doctor(&[], DoctorOptions::default());
    is_send(&doctor.examine(&Context::default()));
    let (site, machine) = (rehearsal::site().unwrap().0, Machine::new("/home/x"));
    let connect = Connect::new(&site, &machine);
    is_send(&examine(&connect, DoctorOptions::default(), &Context::default()));
}
