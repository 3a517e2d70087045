//! The versions that the conductors run, rather than those of the site file.

use omega_capi::health::{Answer, CONTROL_PLANE_CONDITIONS, Object};
use omega_driver::{DriverRelease, Overrides};

use super::{examination::Wanted, layers::UnitAnswers};

/// The driver as the first unit that answered has it, or else as the site wants it.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) driver: Option<DriverRelease>,
    /// Its option, where it parses: that it does not is said of the conductor.
    pub(super) api_resources: Option<String>,
    pub(super) overrides: Overrides,
    /// The conditions of a control plane that it waits for.
    pub(super) control_plane: Vec<String>,
    /// The API server's answers to the driver's own kubeconfig, if they are known.
    pub(super) as_driver: Option<Answer>,
}

impl Running {
    /// Reads it from what the units answered; a driver that they do not tell is the `wanted` one.
    pub(super) fn of(units: &UnitAnswers, wanted: &Wanted) -> Self {
        let facts = units.iter().find_map(|(_, answer)| answer.as_ref().ok());
        let driver = facts.and_then(|facts| {
            let python = facts.python.as_ref().ok()?.as_ref()?;
            python.distribution.as_ref()?.version.parse().ok()
        });
        let options = facts.and_then(|facts| facts.options.as_ref().ok());
        let api_resources =
            options.and_then(|options| options.values.get("api_resources").cloned());
        let control_plane =
            options.and_then(|options| options.values.get("k8s_control_plane_resource_conditions"));
        let control_plane = control_plane.map_or_else(
            || CONTROL_PLANE_CONDITIONS.map(str::to_owned).into(),
            |list| listed(list),
        );
        let parsed = api_resources.as_deref().and_then(|text| Overrides::of_value(text).ok());
        let login = facts.and_then(|facts| facts.authenticate.as_ref().ok());
        let logs_in = login.is_some_and(|state| matches!(state.status, Some(200 | 403)));
        Self {
            driver: driver.or_else(|| wanted.driver.clone()),
            api_resources: api_resources.filter(|_| parsed.is_some()),
            overrides: parsed.unwrap_or_default(),
            control_plane,
            as_driver: logs_in.then(|| Answer::Object(Object::default())),
        }
    }
}

/// An option with a list (oslo.config, `ListOpt`).
fn listed(value: &str) -> Vec<String> {
    let all = value.trim_start_matches('[').trim_end_matches(']').split(',');
    all.map(str::trim).filter(|one| !one.is_empty()).map(str::to_owned).collect()
}
