//! What a cloud has, as far as a cluster on it depends on it. It only reads.

mod client;
mod wire;

pub use client::CloudInventory;
pub use wire::{Quota, Server, VolumeType};
