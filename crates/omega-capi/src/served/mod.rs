//! Which versions of which kinds an API server serves, and their definitions.

mod apis;
mod apis_of_releases;
mod discover_versions;
mod versions;

pub use apis::{DefinedVersion, Definition, ServedApis, read_served_apis};
pub use apis_of_releases::{UnknownRelease, apis_of_dependencies, apis_of_releases};
pub use discover_versions::{GROUPS, discover_versions};
pub use versions::{ServedKind, ServedVersion, ServedVersions, age};
