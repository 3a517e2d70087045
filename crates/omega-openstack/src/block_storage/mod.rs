//! Cinder.

mod cluster_volumes;

pub use cluster_volumes::{ClusterVolume, cluster_volumes};
