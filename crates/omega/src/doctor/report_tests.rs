use omega_core::Subject;

use super::{super::Cause, *};

fn found(layer: Layer, cause: Cause, cluster: Option<&str>) -> LayerFinding {
    let one = LayerFinding::broken(layer, cause, Subject::new("thing", "it"), "fact");
    match cluster {
        Some(stack) => one.of_cluster(stack),
        None => one,
    }
}

fn result(found: LayerFinding) -> LayerResult {
    let of = match &found.cluster {
        Some(stack) => LayerResult::of_cluster(found.layer, stack),
        None => LayerResult::new(found.layer),
    };
    of.shown_by([Evidence::sentence("well")]).with([found])
}

#[test]
fn what_is_deepest_comes_first_and_the_rest_follows() {
    let release = found(Layer::HelmRelease, Cause::ReleaseFailed, Some("c1"));
    let missing = found(Layer::ClusterApi, Cause::ClusterMissing, Some("c1"));
    let helm = found(Layer::Conductor, Cause::Helm, None);
    let odd = found(Layer::Cloud, Cause::TrusteeDomain, None).severity(Severity::Note);
    let all = [release, missing, helm, odd].map(result).to_vec();
    let report = Report::new(all);
    assert_eq!(report.first.unwrap().cause, Cause::Helm);
    let states: Vec<_> = report.layers.iter().map(|one| (one.layer, one.state)).collect();
    assert_eq!(
        states,
        [
            (Layer::Cloud, LayerState::Ok),
            (Layer::Conductor, LayerState::Broken),
            (Layer::ClusterApi, LayerState::Follows),
            (Layer::HelmRelease, LayerState::Follows),
        ]
    );
}

#[test]
fn one_cluster_does_not_follow_from_another() {
    let one = found(Layer::ClusterApi, Cause::Paused, Some("c1"));
    let other = found(Layer::Workload, Cause::Dns, Some("c2"));
    let report = Report::new([other, one].map(result).to_vec());
    let states: Vec<_> = report.layers.iter().map(|one| one.state).collect();
    assert_eq!(states, [LayerState::Broken, LayerState::Broken]);
}

#[test]
fn one_cause_at_two_layers_is_not_one_depth() {
    let of_cluster = found(Layer::ClusterCredential, Cause::CredentialRefused, Some("c"));
    let of_driver = found(Layer::DriverCredential, Cause::CredentialRefused, None);
    let unserved = found(Layer::Controllers, Cause::VersionUnserved, None);
    assert!(of_driver.depth() < unserved.depth());
    assert!(unserved.depth() < of_cluster.depth());
}

#[test]
fn what_passes_by_itself_breaks_nothing() {
    let rolls = found(Layer::ClusterApi, Cause::Unclear, Some("c")).severity(Severity::Waiting);
    let report = Report::new(vec![result(rolls)]);
    assert!(!report.broken);
    assert_eq!(report.layers[0].state, LayerState::Waiting);
}

#[test]
fn what_was_not_asked_is_not_ok() {
    let vm = LayerResult::new(Layer::Vm).not_asked("the site file does not name it");
    let layer = Report::new(vec![vm.clone()]).layers.remove(0);
    assert_eq!(layer.state, LayerState::NotAsked);
    assert_eq!(layer.summary(), "not checked: the site file does not name it");
    let asked = LayerResult::new(Layer::Vm).shown_by([Evidence::text("mgmt", "ACTIVE")]);
    let layer = Report::new(vec![vm, asked]).layers.remove(0);
    assert_eq!((layer.state, layer.summary().as_str()), (LayerState::Ok, "mgmt ACTIVE"));
}

#[test]
fn what_could_not_be_asked_is_more_than_a_wait() {
    let waits = found(Layer::Workload, Cause::Unclear, Some("c")).severity(Severity::Waiting);
    let subject = Subject::new("cluster", "c");
    let unknown = LayerFinding::unknown(Layer::Workload, subject, "no rights").of_cluster("c");
    let report = Report::new([waits, unknown].map(result).to_vec());
    assert_eq!(report.layers[0].state, LayerState::Unknown);
}
