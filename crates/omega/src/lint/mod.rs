//! Checks of what is written down, before there is a cloud, and of what a cloud keeps of it.
//!
//! [`bundle`] reads a Juju bundle with its overlays and checks it against the decisions of the site and the
//! metadata of the charms; [`network`] the address plan; [`site`] the site file; [`templates`] the cluster
//! templates that Magnum has; [`config_file`] files of options. Each rule is a file of its own in a directory
//! `rules`, or names the judgement that it shares with an operation.

pub mod bundle;
pub mod config_file;
mod finding;
mod fix;
pub mod network;
mod resolver;
mod rule;
mod sarif;
pub mod site;
mod template_rules;
pub mod templates;
pub mod yaml;

pub use finding::{Fix, LintFinding, LintReport, Position, SourceFile};
pub use fix::{Edit, fixed};
pub use rule::Rule;
pub use sarif::sarif;
