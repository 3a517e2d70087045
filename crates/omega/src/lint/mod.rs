//! Checks of what is written down, before there is a cloud.
//!
//! [`bundle`] reads a Juju bundle with its overlays and checks it against the decisions of the site and the
//! metadata of the charms. Each rule is a file of its own in `bundle/rules`.

pub mod bundle;
pub mod config_file;
mod finding;
mod fix;
mod rule;
mod sarif;
pub mod yaml;

pub use finding::{Fix, LintFinding, LintReport, Position, SourceFile};
pub use fix::{Edit, fixed};
pub use rule::Rule;
pub use sarif::sarif;
