//! Compares what is installed with what a chart was tested with (D-034).

mod check_constellation;
pub(crate) mod dependencies;

pub use check_constellation::{
    Comparison, Constellation, ConstellationItem, UNTESTED, VersionMatch, check_constellation,
};
pub use dependencies::{Component, Dependencies, DependenciesError};
