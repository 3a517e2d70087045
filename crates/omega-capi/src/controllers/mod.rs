//! What runs on the management cluster: its API server, Cluster API's controllers, their webhooks.

mod read_controllers;
mod read_installed;
mod read_readiness;
mod read_webhooks;

pub use read_controllers::{Controllers, Lease, read_controllers};
pub(crate) use read_installed::split_image;
pub use read_installed::{Installed, read_installed};
pub use read_readiness::{Readiness, read_readiness};
pub use read_webhooks::{WebhookServer, Webhooks, read_webhooks};
