//! The resources of a cloud that clusters depend on. It only reads.

mod client;
mod wire;

pub use client::CloudInventory;
pub use wire::{Quota, Server, VolumeType};
