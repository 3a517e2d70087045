//! Who may do what on the management cluster, and with which kubeconfig.

mod account;
mod certificate;
mod driver_rights;
mod endpoint_check;
mod issued;
mod mint_error;
mod mint_kubeconfig;
#[cfg(test)]
mod mint_tests;
mod minted_file;
mod objects;
mod prove_rights;
mod reach;
mod retarget_error;
mod retarget_kubeconfig;
mod rewrite_server;

pub use account::{Account, InvalidAccount};
pub use certificate::Shown;
pub use driver_rights::{
    DriverRights, DriverRightsObserved, RightsChange, SeenObject, ensure_driver_rights,
};
pub use endpoint_check::EndpointCheck;
pub use mint_error::MintError;
pub use mint_kubeconfig::{Mint, MintChange, MintObserved, MintedKubeconfig, Why, mint_kubeconfig};
pub use minted_file::{FileObserved, MintedFacts, Standing};
pub use objects::{Id, Kind};
pub use prove_rights::{Excess, RightsProof, prove_rights};
pub use reach::Reach;
pub use retarget_error::RetargetError;
pub use retarget_kubeconfig::{
    Retarget, RetargetChange, RetargetObserved, RetargetedKubeconfig, retarget_kubeconfig,
};
