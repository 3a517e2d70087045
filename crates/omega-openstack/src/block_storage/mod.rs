//! Cinder.

mod cluster_volumes;
mod volume_quota;
mod volume_type_visible;

pub use cluster_volumes::{ClusterVolume, cluster_volumes};
pub use volume_quota::VolumeQuota;
pub use volume_type_visible::VolumeTypeVisible;
