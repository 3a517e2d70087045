//! Names and paths of the Magnum packages and the runbooks.

use omega_driver::requirements::{API, CONDUCTOR};

use crate::{ServiceName, UnitPath};

/// Returns `magnum-conductor`, the daemon that runs the driver.
pub fn conductor() -> ServiceName {
    ServiceName::known(CONDUCTOR)
}

/// Returns `magnum-api`, which also loads the driver, to validate requests.
pub fn api() -> ServiceName {
    ServiceName::known(API)
}

/// Returns `/etc/magnum/kubeconfig`.
pub fn kubeconfig() -> UnitPath {
    UnitPath::known("/etc/magnum/kubeconfig")
}

/// Returns `/etc/magnum/magnum.conf.d`, which no package creates. oslo.config reads it by default;
/// with `--config-dir` it is read after `magnum.conf` and overrides it.
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

/// Returns `/etc/magnum/magnum.conf`, which the charm writes.
pub fn magnum_conf() -> UnitPath {
    UnitPath::known("/etc/magnum/magnum.conf")
}

/// Returns `/usr/bin/helm`, which is on the daemons' PATH (`/sbin:/usr/sbin:/bin:/usr/bin`).
pub fn helm() -> UnitPath {
    UnitPath::known("/usr/bin/helm")
}

/// Returns `/usr/local/bin/helm`, where the runbooks install it but no daemon finds it.
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
