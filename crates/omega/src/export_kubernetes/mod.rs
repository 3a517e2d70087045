//! Kubernetes objects that look at sites on a schedule: [`drift`](crate::drift), run by a management cluster.
//!
//! [`export_kubernetes`] turns sites and options into typed objects. It is pure: [`ExportSite::read`] reads the site
//! file before, and no credential is ever read. What a site's pods need of them is one Secret, which the operator
//! makes with the command of [`SecretCommand`].
//!
//! Each site has a Job of its own: an Indexed Job has one template, and would mount every site's Secret in every pod
//! (kubernetes/website, `concepts/workloads/controllers/job.md`).

mod alerts;
mod carried;
mod config_map;
mod cron_job;
mod export;
mod image;
mod job;
mod name;
mod namespace;
mod object;
mod options;
mod pod;
mod prometheus_rule;
mod rbac;
mod schedule;
mod secret;
mod service_account;
mod site;
mod state;
mod volumes;

pub use alerts::{Alert, AlertGroup, watch_alerts};
pub use export::{Export, export_kubernetes};
pub use image::{Image, InvalidImage};
pub use name::SiteName;
pub use object::{Object, yaml};
pub use options::ExportOptions;
pub use prometheus_rule::{PrometheusRule, PrometheusRuleSpec};
pub use schedule::{InvalidSchedule, Schedule};
pub use secret::{SecretCommand, SecretFile};
pub use site::ExportSite;

#[cfg(test)]
mod tests;
