//! The initial states of simulated units.

use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::{
    files::{Node, Owned},
    recorded,
    unit::{Machine, Unit},
};

/// A kubeconfig for the simulated management cluster, with a key pair for tests.
pub const KUBECONFIG: &str = include_str!("kubeconfig.yaml");

/// The helm program on simulated units.
pub const HELM: &[u8] = b"#!/bin/false\nhelm v3.17.3 of the simulator\n";

/// The initial state of a simulated unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// The Magnum packages, without a graft.
    Fresh,
    /// A graft with driver 1.3.0 and helm where no daemon finds it.
    Grafted130,
    /// The superseded graft: driver 1.1.0, 99-capi.conf, systemd drop-ins.
    Superseded,
    /// A graft with driver 1.4.0, after a charm hook has rewritten `/etc/default`.
    HookRewrote,
    /// A graft that was interrupted before the drop-in.
    HalfFinished,
}

const DROPIN: &str = "[capi_helm]
kubeconfig_file = /etc/magnum/kubeconfig
helm_chart_repo = https://azimuth-cloud.github.io/capi-helm-charts
helm_chart_name = openstack-cluster
default_helm_chart_version = 0.25.1
";
const FLAG: &str = "DAEMON_ARGS=\"$DAEMON_ARGS --config-dir /etc/magnum/magnum.conf.d\"\n";
const OLD_DROPIN: &str = "[DEFAULT]
enabled_drivers = k8s_capi_helm_v1

[capi_helm]
kubeconfig_file = /etc/magnum/kubeconfig
";
const HOOK: &str = "# This file is managed by Juju. Do not edit.\nUSE_SYSLOG=no\n";

/// The init script of openstack-pkg-tools, reduced to show-args and start.
const INIT: &str = "PATH=/sbin:/usr/sbin:/bin:/usr/bin
DAEMON=/usr/bin/NAME
DAEMON_ARGS=\"--config-file=/etc/magnum/magnum.conf\"
[ -r /etc/default/openstack ] && . /etc/default/openstack
[ -r /etc/default/NAME ] && . /etc/default/NAME
[ \"x$USE_SYSLOG\" = \"xyes\" ] && DAEMON_ARGS=\"$DAEMON_ARGS --use-syslog\"
[ \"x$USE_LOGFILE\" != \"xno\" ] && DAEMON_ARGS=\"$DAEMON_ARGS --log-file=/var/log/magnum/NAME.log\"
";

const CONF: &str = "[DEFAULT]
host = magnum-0

[database]
connection = sqlite:////var/lib/magnum/magnum.sqlite

[trust]
cluster_user_trust = true
";

/// The last is a decoy: its name starts with that of the conductor.
const DAEMONS: [&str; 3] = ["magnum-conductor", "magnum-api", "magnum-conductor-exporter"];

impl Start {
    /// Every starting point.
    pub const ALL: [Self; 5] =
        [Self::Fresh, Self::Grafted130, Self::Superseded, Self::HookRewrote, Self::HalfFinished];

    /// Returns its name, for a command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Grafted130 => "graft-130",
            Self::Superseded => "superseded",
            Self::HookRewrote => "hook",
            Self::HalfFinished => "half",
        }
    }

    /// Returns a description for the operator.
    pub fn title(self) -> &'static str {
        match self {
            Self::Fresh => "a fresh unit",
            Self::Grafted130 => "the graft of driver 1.3.0",
            Self::Superseded => "the superseded graft of driver 1.1.0",
            Self::HookRewrote => "a graft whose /etc/default a charm hook has rewritten",
            Self::HalfFinished => "a half-finished graft",
        }
    }

    fn machine(self, label: &str) -> Machine {
        let mut machine = bare(label);
        match self {
            Self::Fresh => {}
            Self::Grafted130 => grafted(&mut machine, "1.3.0", "/usr/local/bin/helm"),
            Self::Superseded => superseded(&mut machine),
            Self::HookRewrote => grafted(&mut machine, "1.4.0", "/usr/bin/helm"),
            Self::HalfFinished => {
                kubeconfig(&mut machine, "magnum", "magnum", 0o600);
                directory(&mut machine, "/etc/magnum/magnum.conf.d");
                root(&mut machine, "/usr/bin/helm", HELM, 0o755);
                machine.python.put_driver("1.4.0", machine.now);
            }
        }
        machine.tick();
        machine.services.reload(&machine.files);
        for daemon in DAEMONS {
            machine.tick();
            drop(machine.restart(daemon));
        }
        machine.tick();
        match self {
            Self::HookRewrote => {
                root(&mut machine, "/etc/default/magnum-conductor", HOOK.as_bytes(), 0o644);
            }
            Self::HalfFinished => machine.python.put_driver("1.4.0", machine.now),
            Self::Fresh | Self::Grafted130 | Self::Superseded => {}
        }
        machine.tick();
        machine
    }

    /// Returns a unit in this state.
    pub fn unit(self, label: &str) -> Unit {
        Unit(Arc::new(Mutex::new(self.machine(label))))
    }
}

fn owned(reply: &Value) -> Owned {
    let text = |key| recorded::text(recorded::at(reply, key));
    let mode = u32::from_str_radix(&text("mode"), 8).unwrap_or(0o755);
    Owned::new(&text("owner"), &text("group"), mode)
}

fn directory(machine: &mut Machine, path: &str) {
    let node = Node::Directory { owned: Owned::new("root", "root", 0o755), modified: machine.now };
    machine.files.put(path, node, machine.now);
}

fn root(machine: &mut Machine, path: &str, bytes: &[u8], mode: u32) {
    machine.files.write(path, bytes, Owned::new("root", "root", mode), machine.now);
}

fn kubeconfig(machine: &mut Machine, owner: &str, group: &str, mode: u32) {
    let access = Owned::new(owner, group, mode);
    machine.files.write("/etc/magnum/kubeconfig", KUBECONFIG.as_bytes(), access, machine.now);
}

/// The Magnum packages, and decoys with names similar to those of the graft.
fn bare(label: &str) -> Machine {
    let mut machine = Machine::new(label);
    for path in [
        "/etc",
        "/etc/default",
        "/etc/init.d",
        "/etc/systemd",
        "/etc/systemd/system",
        "/usr",
        "/usr/bin",
        "/usr/sbin",
        "/usr/local",
        "/usr/local/bin",
        "/opt",
        "/dev",
        "/var",
        "/var/lib",
    ] {
        directory(&mut machine, path);
    }
    for (path, target) in [("/bin", "usr/bin"), ("/sbin", "usr/sbin")] {
        machine.files.put(path, Node::Link { target: target.to_owned() }, 0);
    }
    for path in ["/dev/null", "/dev/full"] {
        machine.files.put(path, Node::Special, 0);
    }
    let access = owned(&recorded::file("/etc/magnum"));
    machine.files.put("/etc/magnum", Node::Directory { owned: access, modified: 0 }, 0);
    let access = owned(&recorded::file("/etc/magnum/magnum.conf"));
    machine.files.write("/etc/magnum/magnum.conf", CONF.as_bytes(), access, 0);
    for daemon in DAEMONS {
        let script = INIT.replace("NAME", daemon);
        root(&mut machine, &format!("/etc/init.d/{daemon}"), script.as_bytes(), 0o755);
        root(&mut machine, &format!("/usr/bin/{daemon}"), b"#!/usr/bin/python3\n", 0o755);
        machine.services.add(daemon);
    }
    root(&mut machine, "/etc/default/magnum-api", b"# nothing yet\n", 0o644);
    root(&mut machine, "/etc/default/magnum-conductor-exporter", FLAG_OF_ANOTHER, 0o644);
    root(&mut machine, "/etc/magnum/kubeconfig.bak", b"not this one\n", 0o600);
    root(&mut machine, "/usr/bin/helm3", b"not this one\n", 0o755);
    machine
}

const FLAG_OF_ANOTHER: &[u8] = b"DAEMON_ARGS=\"$DAEMON_ARGS --debug\"\n";

fn grafted(machine: &mut Machine, driver: &str, helm: &str) {
    kubeconfig(machine, "magnum", "magnum", 0o600);
    directory(machine, "/etc/magnum/magnum.conf.d");
    root(machine, "/etc/magnum/magnum.conf.d/00-capi-helm.conf", DROPIN.as_bytes(), 0o644);
    root(
        machine,
        "/etc/magnum/magnum.conf.d/99-other.conf",
        b"[drivers]\nverify_ca = true\n",
        0o644,
    );
    root(machine, "/etc/default/magnum-conductor", FLAG.as_bytes(), 0o644);
    root(machine, helm, HELM, 0o755);
    machine.python.put_driver(driver, machine.now);
}

fn superseded(machine: &mut Machine) {
    kubeconfig(machine, "root", "magnum", 0o640);
    directory(machine, "/etc/magnum/magnum.conf.d");
    root(machine, "/etc/magnum/magnum.conf.d/99-capi.conf", OLD_DROPIN.as_bytes(), 0o644);
    for daemon in ["magnum-api", "magnum-conductor"] {
        let home = format!("/etc/systemd/system/{daemon}.service.d");
        directory(machine, &home);
        let text = format!(
            "[Service]\nExecStart=\nExecStart=/usr/bin/{daemon} \
             --config-file=/etc/magnum/magnum.conf --config-dir=/etc/magnum/magnum.conf.d\n"
        );
        root(machine, &format!("{home}/override.conf"), text.as_bytes(), 0o644);
    }
    machine.python.put_driver("1.1.0", machine.now);
}
