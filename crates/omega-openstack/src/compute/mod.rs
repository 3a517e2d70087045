//! Nova.

mod client;
mod compute_quota;
mod flavor_floor;
mod keypair_exists;
mod wire;

pub use client::Compute;
pub use compute_quota::ComputeQuota;
pub use flavor_floor::{FlavorFloor, Floor};
pub use keypair_exists::KeypairExists;
pub use wire::Flavor;
pub(crate) use wire::{ListedKeypair, Usage};
