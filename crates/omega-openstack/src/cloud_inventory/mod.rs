//! The resources of a cloud that clusters depend on. It only reads.

mod balancer_quota;
mod client;
mod quota_needs;
mod resources;
mod wire;

pub use balancer_quota::{BalancerQuota, OctaviaResponds};
pub use client::CloudInventory;
pub(crate) use client::regex_escaped;
pub(crate) use quota_needs::{Need, room_for};
pub use resources::{CloudResource, ResourceKind};
pub use wire::{Quota, Server, VolumeType};
