//! Who may do what on the management cluster, and with which kubeconfig.

mod account;
mod certificate;
mod driver_needs;
mod driver_rights;
mod far_end;
mod issued;
mod mint_error;
mod mint_kubeconfig;
#[cfg(test)]
mod mint_tests;
mod minted_file;
mod objects;
mod prove_rights;
mod retarget_error;
mod retarget_kubeconfig;
mod rewrite_server;

pub use account::{Account, InvalidAccount};
pub use certificate::Shown;
pub use driver_needs::{Need, Reach};
pub use driver_rights::{
    DriverRights, DriverRightsSeen, RightsChange, SeenObject, ensure_driver_rights,
};
pub use far_end::FarEnd;
pub use mint_error::MintError;
pub use mint_kubeconfig::{Mint, MintChange, MintSeen, MintedKubeconfig, Why, mint_kubeconfig};
pub use minted_file::{FileSeen, MintedFacts, Standing};
pub use objects::{Id, Kind};
pub use prove_rights::{Excess, Proof, prove_rights};
pub use retarget_error::RetargetError;
pub use retarget_kubeconfig::{
    Retarget, RetargetChange, RetargetSeen, RetargetedKubeconfig, retarget_kubeconfig,
};
