//! Operations on a unit's machine.
//!
//! Each operation is a public async function over a plain value, the desired state. The value can be
//! planned, stored and undone ([`omega_core::Desired`]). [`RestoreFiles`] and [`RestoreDriver`]
//! restore a previous state. [`restore`] knows every desired state that a journal can hold.

mod capture_pre_state;
mod converge_services;
mod daemon;
pub(crate) mod daemon_args;
mod daemon_observed;
mod daemon_reasons;
mod defaults_file;
mod describe_file;
mod driver_change;
mod driver_observed;
mod ensure_helm;
mod evidence;
mod file_change;
mod helm_observed;
mod image;
mod inject_config_dir;
mod legacy;
pub mod magnum;
mod obstacle;
mod pin_driver;
mod place_kubeconfig;
mod remove_leftovers;
mod restore;
mod restore_driver;
mod restore_files;
mod service_change;
mod shell_script;
mod stage_dropin;
mod systemd_drop_in;

pub use capture_pre_state::{PreFile, PreState, capture_pre_state};
pub use converge_services::{ConvergeServices, ServicesObserved, converge_services};
pub use daemon::{DaemonSpec, Flag, Input, InputExpect, Reason};
pub(crate) use daemon_observed::observe_daemon;
pub use daemon_observed::{DaemonObserved, OptionsObserved};
pub(crate) use daemon_reasons::not_from_dropin;
pub use driver_change::DriverChange;
pub use driver_observed::DriverObserved;
pub use ensure_helm::{EnsureHelm, HelmSource, ensure_helm};
pub use file_change::{FileChange, Sent};
pub use helm_observed::{HelmObserved, helm_version};
pub use image::Image;
pub use inject_config_dir::{ConfigDirObserved, InjectConfigDir, inject_config_dir};
pub use magnum::conductor;
pub use pin_driver::{PinDriver, pin_driver};
pub use place_kubeconfig::{KubeconfigObserved, PlaceKubeconfig, place_kubeconfig};
pub(crate) use remove_leftovers::find_leftovers;
pub use remove_leftovers::{
    LeftoverObserved, LeftoversObserved, RemoveLeftovers, remove_leftovers,
};
pub use restore::restore;
pub use restore_driver::RestoreDriver;
pub use restore_files::{DirectoryImage, FilesObserved, RestoreFiles};
pub use service_change::ServiceChange;
pub use stage_dropin::{DropinObserved, StageDropin, stage_dropin};
pub use systemd_drop_in::DropInObserved;

#[cfg(test)]
mod laws;
#[cfg(test)]
mod obstacle_tests;
#[cfg(test)]
pub(crate) mod world;
