//! The readers of what comes from a unit, from Juju and from `known_hosts` files, for tests that feed them any
//! bytes (`tests/fuzz`). Each function panics if a promise of its reader is broken.

#![allow(clippy::unwrap_used, reason = "a broken promise ends a test")]

use std::sync::Arc;

use async_trait::async_trait;
use omega_core::{
    Touched,
    values::{Sha256, UnitName},
};
use russh::keys::PublicKey;

use crate::{
    Channel, Error, Probe, Reply, UnitPath,
    agent::{self, Output},
    channel::{JujuCommands, JujuModel, JujuStatus, KnownHosts, Standing, task_of},
    controller::Controller,
    operations::daemon_args,
};

/// `juju status --format json`.
pub fn juju_status(bytes: &[u8]) {
    let Ok(status) = JujuStatus::parse(bytes) else { return };
    let units = status.all_units();
    for unit in &units {
        let standing: Standing = unit.standing();
        drop((standing.unusable(&unit.name.to_string()), format!("{standing:?}")));
    }
    for application in status.applications() {
        let own = status.units(application).unwrap_or_default();
        assert!(own.iter().all(|one| units.iter().any(|unit| unit.name == one.name)));
        let _ = (status.application_error(application), status.workload_version(application));
    }
    drop((status.all_applications(), status.all_machines(), status.model(), status.juju_version()));
}

/// `juju exec --format json`: the output is that of the unit that was asked.
pub fn juju_exec(bytes: &[u8]) {
    let output = Output { status: Some(0), stdout: bytes.to_vec(), ..Output::default() };
    if let Ok(read) = task_of("magnum/0", &output) {
        assert!(read.status.is_some() && read.stdout.starts_with(b"\n"));
    }
}

/// A controller whose every command prints the same bytes.
#[derive(Debug)]
struct Prints(Vec<u8>);

#[async_trait]
impl JujuCommands for Prints {
    async fn run(&self, _: &str, _: &str, _: &[String], _: Touched) -> Result<Vec<u8>, Error> {
        Ok(self.0.clone())
    }

    fn channel(&self, unit: &UnitName, _: &JujuModel) -> Arc<dyn Channel> {
        unreachable!("the channel of {unit}")
    }
}

/// `juju models`, `status`, `offers` and `storage` of a controller.
///
/// # Errors
///
/// Those of the reader, which are no fault.
pub async fn juju_controller(bytes: &[u8]) -> Result<(), Error> {
    let controller = Controller::open(Arc::new(Prints(bytes.to_vec())), None).await?;
    for model in controller.models().await? {
        controller.content(&model).await?;
    }
    Ok(())
}

/// A reply of the agent: the first byte chooses between a frame around the rest and the rest alone.
pub fn agent_reply(bytes: &[u8]) {
    let (kind, rest) = bytes.split_first().unwrap_or((&0, &[]));
    let nonce = "0f1e2d3c";
    let head = format!("\nomega-reply {nonce} {} {}\n", rest.len(), Sha256::of(rest));
    let stdout = if kind % 2 == 0 { [head.as_bytes(), rest].concat() } else { rest.to_vec() };
    let output = Output { status: Some(0), stdout, ..Output::default() };
    let path: UnitPath = "/etc/magnum/magnum.conf".parse().unwrap();
    let probes = [Probe::File { path: path.clone() }, Probe::Text { path }];
    if let Ok(replies) = agent::replies("magnum/0", &output, nonce, &probes) {
        assert_eq!(replies.len(), probes.len());
        replies.iter().for_each(reply);
    }
    let error = agent::done("magnum/0", &output, nonce).err().into_iter();
    let errors = error.chain(agent::lock("magnum/0", &output, nonce).err());
    errors.for_each(|error| drop(error.to_string()));
}

/// What is read is written as it was read.
fn reply(reply: &Reply) {
    let text = serde_json::to_string(reply).unwrap();
    let again: Reply = serde_json::from_str(&text).unwrap();
    assert_eq!(serde_json::to_string(&again).unwrap(), text);
}

/// `/etc/default/DAEMON`: after the edit the flag is added exactly once, and a second edit changes nothing.
pub fn defaults_file(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes).replace('\r', "");
    let directory: UnitPath = "/etc/magnum/magnum.conf.d".parse().unwrap();
    let Ok(edited) = daemon_args::edit(&text, &directory) else { return };
    assert_eq!(daemon_args::count_in(&edited, &directory), 1, "{text:?} -> {edited:?}");
    let again = daemon_args::edit(&edited, &directory).map_err(|error| error.why);
    assert_eq!(again.as_deref(), Ok(edited.as_str()), "{text:?}");
}

/// A `known_hosts` file. A key that is revoked is never taken as known.
pub fn known_hosts(bytes: &[u8]) {
    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
    let key = PublicKey::from_openssh(KEY).unwrap();
    let text = String::from_utf8_lossy(bytes);
    let mut hosts = KnownHosts::default();
    hosts.read("known_hosts", &text);
    for (host, port) in [("10.12.4.76", 22), ("unit.lab", 2222), ("fd00::1", 22)] {
        drop((hosts.check(host, port, &key), hosts.algorithms(host, port)));
    }
    let revoked = format!("\n@revoked * {KEY}\n");
    hosts.read("last", &revoked);
    let verdict = format!("{:?}", hosts.check("10.12.4.76", 22, &key));
    assert!(verdict.starts_with("Revoked"), "{verdict}");
}
