use super::*;
use crate::{
    operations::world::client,
    sim::{KUBECONFIG, Start},
};

#[tokio::test(start_paused = true)]
async fn it_takes_one_execution_writes_nothing_and_holds_no_secret() {
    let sim = Start::Superseded.unit("magnum/0");
    let before = sim.snapshot();
    let state = capture_pre_state(&client(&sim)).await.unwrap();
    assert_eq!((sim.executions(), sim.writes()), (1, 0));
    assert_eq!(sim.snapshot(), before);
    let text = |path: UnitPath| state.files[&path].text.clone().unwrap_or_default();
    assert!(text(magnum::old_dropin()).contains("enabled_drivers"));
    assert!(text(magnum::systemd_override(&magnum::api())).contains("--config-dir="));
    let printed = state.unit_files[&magnum::api()].clone().unwrap();
    let dropin = magnum::systemd_override(&magnum::api());
    assert!(printed.starts_with("# /lib/systemd/system/magnum-api.service\n"), "{printed}");
    assert!(printed.ends_with(&format!("\n# {dropin}\n{}", text(dropin.clone()))), "{printed}");
    assert_eq!(state.distributions["magnum-capi-helm"], "1.1.0");
    assert_eq!(state.conf_d, Some(vec!["99-capi.conf".to_owned()]));
    assert!(matches!(state.files[&magnum::kubeconfig()].state, FileState::Regular(_)));
    let stored = serde_json::to_string(&state).unwrap();
    let key = KUBECONFIG.lines().find(|line| line.contains("client-key-data")).unwrap();
    assert!(!stored.contains(&key.split_whitespace().last().unwrap()[..40]));
    assert!(!stored.contains("sqlite://"), "the content of magnum.conf");
    assert_eq!(serde_json::from_str::<PreState>(&stored).unwrap(), state);
}

#[tokio::test(start_paused = true)]
async fn every_driver_every_copy_and_what_is_broken_is_recorded() {
    let sim = Start::Grafted130.unit("magnum/0");
    sim.add_copy("1.4.0", "/usr/lib/python3/dist-packages");
    sim.break_metadata("/usr/lib/python3/dist-packages/x-1.dist-info");
    sim.install_rival("k8s_cluster_api_ubuntu", "magnum-cluster-api", "vm/ubuntu/kubernetes");
    let disabled = b"[drivers]\ndisabled_drivers = k8s_capi_helm_v1\n";
    let path = "/etc/magnum/magnum.conf.d/50-drivers.conf";
    sim.write(path, disabled, "root", "root", 0o644);
    let state = capture_pre_state(&client(&sim)).await.unwrap();
    assert_eq!((sim.executions(), sim.writes()), (1, 0));
    assert_eq!(state.distributions["magnum-capi-helm"], "1.3.0");
    assert_eq!(state.other_distributions[0].version, "1.4.0");
    assert!(state.other_distributions[0].path.starts_with("/usr/lib/python3/dist-packages/"));
    assert_eq!(state.broken_metadata[0].path, "/usr/lib/python3/dist-packages/x-1.dist-info");
    let drivers = state.drivers.clone().unwrap().unwrap();
    let names: Vec<_> = drivers.drivers.iter().map(|driver| driver.name.as_str()).collect();
    assert_eq!(names, ["k8s_capi_helm_v1", "k8s_cluster_api_ubuntu"]);
    assert_eq!(drivers.disabled, ["k8s_capi_helm_v1"]);
    assert_eq!(drivers.disabled_in.as_deref(), Some(path));
    let stored = serde_json::to_string(&state).unwrap();
    assert_eq!(serde_json::from_str::<PreState>(&stored).unwrap(), state);
}

/// What an earlier version stored has no unit files.
#[tokio::test(start_paused = true)]
async fn an_older_pre_state_is_readable() {
    let sim = Start::Fresh.unit("magnum/0");
    let state = capture_pre_state(&client(&sim)).await.unwrap();
    assert_eq!(state.unit_files.len(), 2);
    let mut stored = serde_json::to_value(&state).unwrap();
    stored.as_object_mut().unwrap().remove("unit_files");
    let older: PreState = serde_json::from_value(stored).unwrap();
    assert_eq!(older, PreState { unit_files: BTreeMap::new(), ..state });
}

#[tokio::test(start_paused = true)]
async fn a_unit_that_does_not_answer_is_an_error() {
    let sim = Start::Fresh.unit("magnum/0");
    sim.cut_off(true);
    let failure = capture_pre_state(&client(&sim)).await.unwrap_err();
    assert_eq!(
        failure.to_string(),
        "could not record the state of magnum/0: magnum/0 can't be reached by memory: no route to host"
    );
}
