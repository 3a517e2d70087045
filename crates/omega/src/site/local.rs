//! The files and programs of this machine that a site names, read as the operations read them.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use omega_core::{Failure, FailureClass};
use omega_juju::{
    Sources,
    channel::{check_identity, find_program, host_keys},
};
use omega_openstack::ConfigError;

use super::{
    expected::usage,
    reading::{Keys, Mistake, keys},
};
use crate::{acceptance::vault_web, clients::Connect, graft::SiteSpec};

/// Returns what is wrong with the files and the programs that the site names. Nothing is contacted.
pub(super) fn unusable(connect: &Connect<'_>, now: Timestamp) -> Vec<Mistake> {
    let mut found = kubeconfig(connect, now);
    if connect.site.cloud.is_some() {
        found.extend(cloud(connect).map(|failure| (cloud_keys(connect), failure)));
    }
    let mut sources = Sources::default();
    let wheel = connect.add_wheel(&mut sources).err();
    found.extend(wheel.map(|failure| (keys(["driver", "wheel"]), failure)));
    let helm = connect.add_helm(&mut sources).err();
    found.extend(helm.map(|failure| (keys(["helm", "file"]), failure)));
    found.extend(ssh(connect));
    let acceptance = connect.site.acceptance();
    if acceptance.vault_ca.is_some() {
        let vault = vault_web(connect, &acceptance).err();
        found.extend(vault.map(|failure| (keys(["acceptance", "vault_ca"]), failure)));
    }
    found.extend(programs(connect));
    found
}

fn kubeconfig(connect: &Connect<'_>, now: Timestamp) -> Vec<Mistake> {
    if connect.site.kubeconfig().is_err() {
        return Vec::new();
    }
    let kubeconfig = match connect.kubeconfig(now) {
        Ok(kubeconfig) => kubeconfig,
        Err(failure) => return vec![(keys(["management", "kubeconfig"]), failure)],
    };
    let driver = SiteSpec::new(connect.site).driver(Some(&kubeconfig));
    let refused = driver.ok().and_then(|driver| driver.can_authenticate().err());
    let failure = refused.map(|conflict| usage(conflict.why, conflict.next.unwrap_or_default()));
    failure.map(|failure| (keys(["driver", "version"]), failure)).into_iter().collect()
}

/// Whether the site names no cloud, and neither do the variables nor a clouds.yaml of one cloud.
pub(super) fn has_no_cloud(connect: &Connect<'_>) -> bool {
    let config = connect.cloud_config();
    connect.site.cloud.is_none() && matches!(config, Err(ConfigError::Nothing { .. }))
}

/// Returns why the cloud can't be used.
pub(super) fn cloud(connect: &Connect<'_>) -> Option<Failure> {
    let failure = match connect.cloud_config() {
        Err(error) => {
            let failure = Failure::from_error("could not load cloud credentials", &error);
            if matches!(error, ConfigError::Nothing { .. }) {
                failure.next("name it: `name` or `openrc` in [cloud]; or set the OS_* variables")
            } else {
                failure
            }
        }
        Ok(config) => {
            let error = config.check_tls().err()?;
            let failure = Failure::from_error("could not prepare a session", &error);
            failure.next("correct `cacert` of the cloud: the path of a PEM file of its CA")
        }
    };
    let next = failure.next.clone();
    Some(failure.next(next.unwrap_or_else(|| "correct the cloud where it is described".to_owned())))
}

fn cloud_keys(connect: &Connect<'_>) -> Keys {
    keys(["cloud", if connect.site.cloud().openrc.is_some() { "openrc" } else { "name" }])
}

fn ssh(connect: &Connect<'_>) -> Vec<Mistake> {
    let site = connect.site;
    let mut found = Vec::new();
    let at = |key, nth: usize| keys(["ssh", key, &nth.to_string()]);
    for (nth, file) in site.ssh.identity.iter().enumerate() {
        let agent = connect.machine.ssh_agent.is_some();
        if let Err(why) = check_identity(&connect.path(file), agent) {
            let what = format!("a private key can't be used: {why}");
            let next = "name the file of a private key, without .pub; see docs/site-file.md";
            found.push((at("identity", nth), usage(what, next)));
        }
    }
    let mut keys_of_hosts = 0;
    for (nth, file) in site.ssh.known_hosts.iter().enumerate() {
        let file = connect.path(file);
        match host_keys(&file) {
            Ok(count) => keys_of_hosts += count,
            Err(error) => {
                let what = format!("could not read {}: {error}", file.display());
                let next =
                    "name a file of known hosts, or leave the key out for ~/.ssh/known_hosts";
                found.push((at("known_hosts", nth), usage(what, next)));
            }
        }
    }
    let by_ssh = site.conductor().is_ok_and(|conductor| !conductor.unit.is_empty());
    if by_ssh && !site.ssh.known_hosts.is_empty() && keys_of_hosts == 0 && found.is_empty() {
        let what = "none of these files has a host's key: every unit would be refused";
        let next = "ssh-keyscan HOST >> FILE, and compare the fingerprints";
        found.push((keys(["ssh", "known_hosts"]), usage(what, next)));
    }
    found
}

/// What is needed of this machine is on it.
fn programs(connect: &Connect<'_>) -> Vec<Mistake> {
    let site = connect.site;
    let path = connect.machine.variables.get("PATH").map(String::as_str);
    let find = |program: &Path| find_program(program, path, &connect.machine.cwd).err();
    let by_juju = site.conductor().is_ok_and(|conductor| conductor.application.is_some());
    let needs_juju = [
        (site.juju.program.is_some(), ["juju", "program"]),
        (by_juju, ["conductor", "application"]),
        (site.juju.model.is_some(), ["juju", "model"]),
        (site.compute.is_some(), ["compute", "application"]),
    ];
    let juju = needs_juju.into_iter().find(|(needs, _)| *needs).and_then(|(_, at)| {
        let why = find(connect.juju_program())?;
        let next =
            "install juju on this machine (snap install juju), or name it: `program` in [juju]";
        Some((keys(at), usage(why, next)))
    });
    let acceptance = site.acceptance();
    let virsh = acceptance.hypervisor.iter().enumerate().filter(|(_, one)| one.ssh.is_none());
    let virsh = virsh.filter_map(|(nth, one)| {
        let why = find(Path::new(one.virsh.as_deref().unwrap_or("virsh")))?;
        let next = "install it on this machine, or name the hypervisor: `ssh`";
        Some((keys(["acceptance", "hypervisor", &nth.to_string()]), usage(why, next)))
    });
    juju.into_iter().chain(virsh).collect()
}

/// Returns the files that hold a secret, of those that can be found.
pub(super) fn secrets(connect: &Connect<'_>) -> Vec<(Keys, PathBuf)> {
    let site = connect.site;
    let kubeconfig = site.kubeconfig().ok().map(|file| connect.path(file));
    let mut files: Vec<_> =
        kubeconfig.into_iter().map(|file| (keys(["management", "kubeconfig"]), file)).collect();
    files.extend(
        site.ssh
            .identity
            .iter()
            .enumerate()
            .map(|(nth, file)| (keys(["ssh", "identity", &nth.to_string()]), connect.path(file))),
    );
    // Its text may be one that omega can't read, and hold a password all the same.
    files.extend(site.cloud().openrc.iter().map(|file| (cloud_keys(connect), connect.path(file))));
    let Ok(config) = connect.cloud_config() else { return files };
    for origin in config.origins {
        let file = PathBuf::from(origin.source);
        if file.is_absolute() && !files.iter().any(|(_, known)| *known == file) {
            files.push((cloud_keys(connect), file));
        }
    }
    files
}

/// Returns that other users can read a file that holds a secret.
pub(super) fn readable_by_others(file: &Path) -> Option<Failure> {
    let found = std::fs::metadata(file).ok().filter(std::fs::Metadata::is_file)?;
    let mode = std::os::unix::fs::PermissionsExt::mode(&found.permissions()) & 0o777;
    let what = format!("other users can read {}: its mode is {mode:04o}", file.display());
    let failure = Failure::new(FailureClass::Usage, what);
    (mode & 0o077 != 0).then(|| failure.next(format!("chmod 600 '{}'", file.display())))
}
