//! Checks of what runs, against the decisions. They only read.
//!
//! [`gates`] returns the checks of a site, each an [`omega_core::Gate`] with a file of its own: what it reads, and a
//! pure function from that to a verdict. What the site file does not name, or what can't be connected to, is a
//! gate whose check fails with the reason: it is unknown, and never good. [`RULES`] has the reasons and sources.
//!
//! ```no_run
//! # async fn example(site: &omega::site::Site, machine: &omega::Machine) {
//! use omega::{clients::Connect, core::Clock, live};
//!
//! for gate in live::gates(&Connect::new(site, machine), Clock::System).await {
//!     println!("{} {}: {:?}", gate.rule(), gate.subject(), gate.check().await);
//! }
//! # }
//! ```

mod amphora_image;
mod charm_config;
mod checks;
mod connect;
mod dependencies_helm;
mod dependencies_images;
mod endpoint_certificates;
mod judgement;
mod management_machine;
mod management_version;
mod running_channels;
mod unasked;

pub use amphora_image::AmphoraImage;
pub use charm_config::CharmSettings;
pub use checks::{Checks, judged};
pub use connect::gates;
pub use dependencies_helm::ConductorHelm;
pub use dependencies_images::ClusterImages;
pub use endpoint_certificates::EndpointCertificates;
pub use management_machine::ManagementMachine;
pub use management_version::ManagementVersion;
use omega_core::Severity;
pub use running_channels::RunningChannels;

use crate::lint::Rule;

/// That of Magnum's trustee domain, whose gate the graft has too.
const TRUSTEE: Rule = Rule {
    id: "trustee-domain",
    decision: Some("D-007"),
    severity: Severity::Broken,
    reason: "Magnum creates a user for each cluster in this domain; the charm's configuration names it even if it does not exist.",
    source: "openstack/magnum magnum/common/keystone.py, KeystoneClientV3.domain_admin_auth",
};

/// That of the controllers, whose gate is in omega-capi.
const CONTROLLERS: Rule = Rule {
    id: "dependencies",
    decision: Some("D-034"),
    severity: Severity::Warning,
    reason: "The versions of the controllers were tested together with one chart; hand-picked ones were not.",
    source: "azimuth-cloud/capi-helm-charts dependencies.json",
};

/// The rules, in the order of [`gates`].
pub const RULES: [Rule; 10] = [
    running_channels::RULE,
    charm_config::RULE,
    endpoint_certificates::RULE,
    TRUSTEE,
    amphora_image::RULE,
    management_machine::RULE,
    management_version::RULE,
    CONTROLLERS,
    dependencies_helm::RULE,
    dependencies_images::RULE,
];

/// Those that ask the program juju, on the machine that checks.
pub(crate) const BY_JUJU: [&str; 2] = [running_channels::RULE.id, charm_config::RULE.id];
/// That which asks the units of the conductor.
pub(crate) const BY_UNITS: &str = dependencies_helm::RULE.id;
/// That which reads helm's releases, which are secrets of every namespace.
pub(crate) const BY_RELEASES: &str = CONTROLLERS.id;
/// That which needs `server` in `[management]`.
pub(crate) const BY_SERVER: &str = management_machine::RULE.id;
/// That of the management cluster's Kubernetes.
pub(crate) const BY_NODES: &str = management_version::RULE.id;

#[cfg(test)]
mod tests;
