//! Which versions of which kinds an API server serves, and their definitions.

mod apis;
mod apis_of_releases;
mod definition;
mod discover_versions;
mod versions;

pub use apis::{ServedApis, read_served_apis};
pub use apis_of_releases::{UnknownRelease, apis_of_dependencies, apis_of_releases};
pub use definition::{DefinedVersion, Definition};
pub use discover_versions::{GROUPS, discover_versions};
pub use versions::{ServedKind, ServedVersion, ServedVersions, age};
