//! The driver's account on the management cluster, and its kubeconfig.
//!
//! [`mint_kubeconfig`] adds rights, tests them with a token of ten minutes, mints a kubeconfig, and
//! removes rights that are no longer needed. Its parts are operations of their own: [`DriverRights`],
//! [`ProofKubeconfig`], [`MintedKubeconfig`]. [`retarget_kubeconfig`] changes a kubeconfig's server.

mod account;
mod driver_rights;
mod endpoint_check;
mod local_machine;
mod mint;
mod mint_error;
mod mint_steps;
pub(crate) mod minted_file;
mod minted_kubeconfig;
mod objects;
mod proof_kubeconfig;
mod prove_rights;
mod reach;
mod retarget_error;
mod retarget_kubeconfig;
mod rewrite_server;
mod token;

#[cfg(test)]
mod mint_laws;
#[cfg(test)]
mod mint_tests;

#[cfg(feature = "sim")]
pub(crate) use self::token::is_claims;
pub use account::{Account, InvalidAccount};
pub use driver_rights::{
    DriverRights, DriverRightsObserved, ObservedObject, RightsChange, ensure_driver_rights,
};
pub use endpoint_check::{CertificateCheck, EndpointCheck, check_endpoint};
pub use local_machine::{LocalFile, LocalMachine, ThisMachine, failed_before_write};
pub use mint::{Mint, Minted, mint_kubeconfig};
pub use mint_error::MintError;
pub use mint_steps::mint_steps;
pub use minted_file::{FileObserved, MintedFacts, TokenCheck};
pub use minted_kubeconfig::{MintChange, MintObserved, MintReason, MintedKubeconfig};
pub use objects::{Content, Kind, ObjectId, WantedObject};
pub use proof_kubeconfig::{ProofKubeconfig, RemoveFile, RemovedKubeconfig};
pub use prove_rights::{ExcessRight, RightsProof, prove_rights};
pub use reach::Reach;
pub use retarget_error::RetargetError;
pub use retarget_kubeconfig::{
    Retarget, RetargetChange, RetargetObserved, RetargetedKubeconfig, retarget_kubeconfig,
};
