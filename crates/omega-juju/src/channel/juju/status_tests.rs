use super::*;

// A real model: 17 applications of Charmed OpenStack, juju 3.4.2 (canonical/charmed-openstack-upgrader,
// tests/unit/jujustatus.json at 5b6fefb).
const SEEN: &[u8] = include_bytes!("../../../recordings/juju-status-3.4.2.json");

#[test]
fn the_units_of_an_application_and_only_those() {
    let status = JujuStatus::parse(SEEN).unwrap();
    let units = status.units("mysql").unwrap();
    let names: Vec<String> = units.iter().map(|unit| unit.name.to_string()).collect();
    assert_eq!(
        names,
        ["mysql/0", "mysql/1", "mysql/2"],
        "decoys: cinder-mysql-router/0 and others"
    );
    assert_eq!(units.iter().map(|unit| unit.leader).collect::<Vec<_>>(), [true, false, false]);
    let first = &units[0];
    assert_eq!(first.machine.as_deref(), Some("0"));
    assert_eq!(first.machine_agent.as_deref(), Some("started"));
    assert_eq!(first.base.as_deref(), Some("ubuntu@20.04"));
    assert_eq!((first.workload.current.as_str(), first.agent.current.as_str()), ("active", "idle"));
    assert!(first.workload.message.starts_with("Unit is ready: Mode: R/W"), "{first:?}");
    assert_eq!(status.units("magnum"), None);
    assert_eq!(status.model().to_string(), "serverstack-serverstack:zaza-0228b5aec1cf");
    assert_eq!(status.model().uuid, None, "juju status of 3.4.2 does not report it");
}

#[test]
fn a_subordinates_units_are_found_beside_their_principals() {
    let status = JujuStatus::parse(SEEN).unwrap();
    let router = status.units("cinder-mysql-router").unwrap();
    assert_eq!(router[0].name.to_string(), "cinder-mysql-router/0");
    assert_eq!(router[0].machine, status.units("cinder").unwrap()[0].machine);
    assert_eq!(router.len(), 1);
}

/// Synthetic, after the schema in canonical/jubilant: juju 2.9, a container, and failed elements.
const OLD: &str = r#"{"machines": {"1": {"series": "focal", "juju-status": {"current": "started"},
  "containers": {"1/lxd/2": {"series": "jammy", "juju-status": {"current": "down"}}}}},
 "applications": {"magnum": {"units": {
   "magnum/10": {"machine": "1", "workload-status": {"current": "blocked", "message": "no db"}},
   "magnum/2": {"machine": "1/lxd/2", "leader": true, "juju-status": {"current": "lost"}},
   "magnum/3": {"status-error": "cannot get status"}}},
  "broken": {"status-error": "application is dying"}}}"#;

#[test]
fn old_models_and_failed_elements_are_read() {
    let status = JujuStatus::parse(OLD.as_bytes()).unwrap();
    let units = status.units("magnum").unwrap();
    let names: Vec<u32> = units.iter().map(|unit| unit.name.number()).collect();
    assert_eq!(names, [2, 3, 10], "by number, not by text");
    assert_eq!(units[0].base.as_deref(), Some("jammy"));
    assert_eq!(units[0].machine_agent.as_deref(), Some("down"));
    assert_eq!(units[1].error.as_deref(), Some("cannot get status"));
    assert_eq!(units[2].workload.current, "blocked");
    assert_eq!(units[2].base.as_deref(), Some("focal"));
    assert_eq!(status.application_error("broken"), Some("application is dying"));
    assert!(JujuStatus::parse(b"ERROR model not found").is_err());
}

#[test]
fn the_whole_model_has_subordinates_containers_and_what_failed() {
    let status = JujuStatus::parse(SEEN).unwrap();
    let names: Vec<String> = status.all_units().iter().map(|unit| unit.name.to_string()).collect();
    assert_eq!(names.len(), 19, "{names:?}");
    assert_eq!(names[..2], ["cinder/0", "cinder-mysql-router/0"]);
    assert_eq!(status.all_machines().len(), 12);
    let router = &status.all_applications()[1];
    assert!(router.subordinate && router.status.current == "active", "{router:?}");
    let old = JujuStatus::parse(OLD.as_bytes()).unwrap();
    let machines: Vec<_> =
        old.all_machines().into_iter().map(|one| (one.id, one.agent.current)).collect();
    let expected = [("1", "started"), ("1/lxd/2", "down")];
    assert_eq!(machines, expected.map(|(id, agent)| (id.to_owned(), agent.to_owned())));
}

/// The agent of the unit is lost: no program is started, and juju's own words are in the error.
#[tokio::test]
async fn nothing_is_executed_on_a_unit_that_is_lost() {
    use omega_core::Diagnostic as _;

    use super::super::{Juju, JujuTarget};
    use crate::{Action, Channel as _, Payload, Probe, ServiceAction};
    let lost = r#"{"applications": {"magnum": {"units": {"magnum/0": {
        "workload-status": {"current": "unknown", "message": "agent lost, see juju show-status-log magnum/0"},
        "juju-status": {"current": "lost", "message": "agent is not communicating with the server"},
        "machine": "0/lxd/3"}}}}}"#;
    let unit = JujuStatus::parse(lost.as_bytes()).unwrap().units("magnum").unwrap().remove(0);
    let home = tempfile::tempdir().unwrap();
    let mark = home.path().join("ran");
    let program = home.path().join("juju");
    std::fs::write(&program, format!("#!/bin/sh\ntouch {}\n", mark.display())).unwrap();
    let target = JujuTarget::new(&program, unit.name.clone()).standing(&unit.standing());
    let juju = Juju::new(target, Deadlines::default());
    let probe = Probe::File { path: "/x".parse().unwrap() };
    let asked = juju.ask(&[probe]).await.unwrap_err();
    let action = Action::Service(ServiceAction::ReloadUnits);
    let acted = juju.act(&action, Payload::Null, None).await.unwrap_err();
    for error in [asked, acted] {
        let words = "magnum/0 can't be reached by juju: agent lost: agent is not communicating with \
                     the server";
        assert_eq!(error.to_string(), words);
        assert_eq!(error.touched(), Touched::Nothing);
        assert!(error.next().unwrap().contains("juju show-status-log magnum/0"));
    }
    assert!(!mark.exists(), "nothing was started");
}

#[test]
fn an_application_has_its_charm_and_a_machine_its_addresses() {
    let status = JujuStatus::parse(SEEN).unwrap();
    assert_eq!(status.juju_version(), Some("3.4.2"));
    let all = status.all_applications();
    let router = &all[1];
    assert_eq!((router.charm.as_deref(), router.revision), (Some("mysql-router"), Some(90)));
    assert_eq!(router.channel.as_deref(), Some("8.0/stable"));
    assert_eq!(router.base.as_deref(), Some("ubuntu@20.04"));
    assert_eq!(all[0].version.as_deref(), Some("16.4.2"), "of the workload: Cinder's");
    let machine = &status.all_machines()[0];
    assert_eq!(machine.hostname.as_deref(), Some("juju-75b9b3-zaza-0228b5aec1cf-0"));
    assert_eq!(machine.addresses, ["10.5.0.61", "252.61.0.1"]);
    assert!(machine.hardware.as_deref().unwrap().starts_with("arch=amd64 cores=2"));
    let old = JujuStatus::parse(OLD.as_bytes()).unwrap();
    assert_eq!(old.all_machines()[1].base.as_deref(), Some("jammy"));
    assert_eq!((old.juju_version(), old.all_applications()[0].charm.as_deref()), (None, None));
}
