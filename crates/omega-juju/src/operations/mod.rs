//! What can be made true on a unit's machine.
//!
//! Each operation is a public async function over a plain value that says what should be so; the
//! same value can be planned, stored and undone ([`omega_core::Desired`]).

mod api_resources;
mod capi_helm;
mod capture_pre_state;
mod converge_services;
mod daemon_args;
mod ensure_helm;
mod file_change;
mod inject_config_dir;
pub mod magnum;
mod pin_driver;
mod place_kubeconfig;
mod reason;
mod remove_leftovers;
mod stage_dropin;
mod undo_step;

pub use api_resources::{ApiResources, ApiResourcesError};
pub use capi_helm::{CapiHelm, CapiHelmError};
pub use capture_pre_state::{PreState, capture_pre_state};
pub use converge_services::{
    ConvergeServices, DaemonObserved, DaemonWanted, Flag, Input, InputExpect, OptionsObserved,
    Restart, ServicesObserved, converge_services,
};
pub use ensure_helm::{EnsureHelm, HelmObserved, HelmSource, HelmWanted, ensure_helm};
pub use file_change::{Access, Bytes, FileChange, FileWrite, Image};
pub use inject_config_dir::{
    ConfigDirObserved, ConfigDirWanted, InjectConfigDir, inject_config_dir,
};
pub use pin_driver::{DriverChange, DriverObserved, DriverWanted, PinDriver, pin_driver};
pub use place_kubeconfig::{
    KubeconfigObserved, KubeconfigWanted, PlaceKubeconfig, place_kubeconfig,
};
pub use reason::Reason;
pub use remove_leftovers::{
    LeftoverChange, LeftoverObserved, LeftoverPolicy, LeftoversObserved, RemoveLeftovers,
    remove_leftovers,
};
pub use stage_dropin::{DropinObserved, DropinWanted, StageDropin, stage_dropin};
pub use undo_step::undo_step;

#[cfg(test)]
mod laws;
#[cfg(test)]
pub(crate) mod world;
