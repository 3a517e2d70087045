//! The versions that the conductors run, rather than those of the site file.

use omega_capi::{
    coherence::CoherenceInputs,
    health::{Answer, Object},
};
use omega_driver::{DriverRelease, Overrides};

use super::layers::UnitAnswers;

/// The driver on the first unit that answered.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) driver: DriverRelease,
    /// Its option, if it parses. If not, the conductor has a finding about it.
    pub(super) api_resources: Option<String>,
    pub(super) overrides: Overrides,
    /// The API server's answers to the driver's own kubeconfig, if they are known.
    pub(super) as_driver: Option<Answer>,
}

impl Running {
    /// Takes it from the units' answers, and the rest from `setup`.
    pub(super) fn of(units: &UnitAnswers, setup: &CoherenceInputs) -> Self {
        let facts = units.iter().find_map(|(_, answer)| answer.as_ref().ok());
        let driver = facts.and_then(|facts| {
            let python = facts.python.as_ref().ok()?.as_ref()?;
            python.distribution.as_ref()?.version.parse().ok()
        });
        let options = facts.and_then(|facts| facts.options.as_ref().ok());
        let api_resources = options.and_then(|options| options.get("api_resources").cloned());
        let parsed = api_resources.as_deref().and_then(|text| Overrides::of_value(text).ok());
        let login = facts.and_then(|facts| facts.authenticate.as_ref().ok());
        let logs_in = login.is_some_and(|state| matches!(state.status, Some(200 | 403)));
        Self {
            driver: driver.unwrap_or_else(|| setup.driver.clone()),
            api_resources: api_resources.filter(|_| parsed.is_some()),
            overrides: parsed.unwrap_or_default(),
            as_driver: logs_in.then(|| Answer::Object(Object::default())),
        }
    }
}
