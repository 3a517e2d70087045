//! The configuration of charms, and what the machines of their units have of it.

mod ensure_charm_config;
mod model;
mod observed;
mod pending_upgrade;
mod setting;

use std::sync::Arc;

use omega_core::{Desired as _, Step, step};
use serde::Deserialize as _;
use serde_json::Value;

pub use ensure_charm_config::{CharmConfig, CharmConfigChange, ensure_charm_config};
pub use model::Model;
pub use observed::{CharmConfigObserved, Lines, UnitConfig};
pub use pending_upgrade::Upgrade;
pub use setting::{CharmOption, InvalidSetting};

/// Returns the step for the desired state of `kind`; `None` if it is not about a model.
///
/// # Errors
///
/// Fails if `desired` is not of that kind.
pub fn restore(
    kind: &str,
    desired: &Value,
    model: &Arc<Model>,
) -> Result<Option<Box<dyn Step>>, serde_json::Error> {
    if kind != CharmConfig::KIND {
        return Ok(None);
    }
    Ok(Some(step(model, CharmConfig::deserialize(desired)?)))
}
