use jiff::Timestamp;
use omega_capi::sim::Apiserver;
use omega_core::{CancelToken, Context, Failure, FailureClass};
use omega_juju::sim::Start;
use omega_openstack::sim::Cloud;

use super::{cluster::Patience, layers::Lists, *};
use crate::{Machine, clients::Connect, rehearsal};

/// A doctor on the simulators, whose units start so.
fn doctor(starts: &[Start], options: DoctorOptions) -> Doctor {
    doctor_of(&rehearsal::cloud(), starts, options)
}

fn doctor_of(cloud: &Cloud, starts: &[Start], options: DoctorOptions) -> Doctor {
    let (site, kubeconfig) = rehearsal::site().unwrap();
    let unit = |(nth, start): (usize, &Start)| start.unit(&format!("magnum/{nth}"));
    let units: Vec<_> = starts.iter().enumerate().map(unit).collect();
    let clients = rehearsal::clients(cloud, &Apiserver::default(), &units, &kubeconfig);
    Doctor::new(&site, kubeconfig.facts, clients, options).unwrap()
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
    let lists = Lists::read(&doctor.clients.cloud.magnum).await;
    let clusters = lists.clusters.as_deref().unwrap().to_vec();
    let patience = Patience { now: Timestamp::now(), limit: doctor.options.patience };
    let report = Report::new(doctor.above(&lists, &clusters, &Vec::new(), patience).await);
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

#[tokio::test]
async fn without_units_their_layers_are_not_ok() {
    let alone = doctor(&[], DoctorOptions::default());
    let report = alone.examine(&Context::default()).await.unwrap();
    for of in [Layer::DriverCredential, Layer::Conductor] {
        assert_eq!(layer(&report, of).state, LayerState::NotAsked);
    }
    let why = "could not list the units of application magnum";
    let unlisted = Failure::new(FailureClass::Error, why);
    let lost = Doctor { units_unknown: Some(unlisted), ..alone };
    let report = lost.examine(&Context::default()).await.unwrap();
    let conductor = layer(&report, Layer::Conductor);
    assert_eq!(conductor.findings[0].cause, Cause::UnitUnreachable);
    assert_eq!(conductor.summary(), "units: could not list the units of application magnum");
    assert_eq!(layer(&report, Layer::DriverCredential).state, LayerState::Unknown);
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
