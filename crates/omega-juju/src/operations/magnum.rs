//! Where the packages of Magnum and the runbooks put things on a unit.

use omega_driver::requirements::{API, CONDUCTOR};

use crate::{ServiceName, UnitPath};

/// Returns `magnum-conductor`, the daemon that runs the driver.
pub fn conductor() -> ServiceName {
    ServiceName::known(CONDUCTOR)
}

/// Returns `magnum-api`, which loads the driver too, to validate requests.
pub fn api() -> ServiceName {
    ServiceName::known(API)
}

/// Returns `/etc/magnum/kubeconfig`.
pub fn kubeconfig() -> UnitPath {
    UnitPath::known("/etc/magnum/kubeconfig")
}

/// Returns `/etc/magnum/magnum.conf.d`, which no package makes. oslo.config reads it by default;
/// named by `--config-dir` it is read after `magnum.conf`, and wins.
pub fn conf_d() -> UnitPath {
    UnitPath::known("/etc/magnum/magnum.conf.d")
}

/// Returns the path of the `[capi_helm]` drop-in.
pub fn dropin() -> UnitPath {
    UnitPath::known("/etc/magnum/magnum.conf.d/00-capi-helm.conf")
}

/// Returns the path of the drop-in of the superseded graft.
pub fn old_dropin() -> UnitPath {
    UnitPath::known("/etc/magnum/magnum.conf.d/99-capi.conf")
}

/// Returns `/etc/magnum/magnum.conf`, the charm's own file.
pub fn magnum_conf() -> UnitPath {
    UnitPath::known("/etc/magnum/magnum.conf")
}

/// Returns `/usr/bin/helm`: on the daemons' PATH, `/sbin:/usr/sbin:/bin:/usr/bin`.
pub fn helm() -> UnitPath {
    UnitPath::known("/usr/bin/helm")
}

/// Returns `/usr/local/bin/helm`, where the runbooks put it and no daemon finds it.
pub fn helm_of_the_runbook() -> UnitPath {
    UnitPath::known("/usr/local/bin/helm")
}

/// Returns the file that the init script of `daemon` sources.
pub fn default_file(daemon: &ServiceName) -> UnitPath {
    UnitPath::known("/etc/default").join(daemon.as_str())
}

/// Returns the directory of systemd's drop-ins for `daemon`.
pub fn systemd_drop_ins(daemon: &ServiceName) -> UnitPath {
    UnitPath::known("/etc/systemd/system").join(&format!("{daemon}.service.d"))
}

/// Returns the drop-in that `systemctl edit` and the superseded graft write for `daemon`.
pub fn systemd_override(daemon: &ServiceName) -> UnitPath {
    systemd_drop_ins(daemon).join("override.conf")
}
