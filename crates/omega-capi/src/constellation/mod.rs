//! Compares what is installed with what a chart was tested with (D-034).

mod azimuth_images;
mod check_constellation;
mod constellation_tested;
pub(crate) mod dependencies;
mod kubernetes_support;

pub use azimuth_images::{releases_with, versions_of};
pub use check_constellation::{
    Comparison, Constellation, ConstellationItem, UNTESTED, VersionMatch, check_constellation,
};
pub use constellation_tested::ConstellationTested;
pub use dependencies::{Component, Dependencies, DependenciesError};
pub use kubernetes_support::{KubernetesSupport, supported_kubernetes, version_numbers};
