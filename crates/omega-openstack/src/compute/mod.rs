//! Nova.

mod client;
mod compute_quota;
pub(crate) mod ensure_guest_running;
mod flavor_floor;
mod keypair_exists;
mod wire;

pub use client::Compute;
pub use compute_quota::ComputeQuota;
pub use ensure_guest_running::{
    GuestChange, GuestObserved, GuestRunning, GuestState, ensure_guest_running,
};
pub use flavor_floor::{FlavorFloor, Floor};
pub use keypair_exists::KeypairExists;
pub use wire::{Flavor, Guest, HostService};
pub(crate) use wire::{ListedKeypair, Usage};
