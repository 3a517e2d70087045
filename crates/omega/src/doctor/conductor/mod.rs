//! A unit's conductor: its daemon, driver, helm and options, and the kubeconfig that it uses.

mod credential;
mod daemon;
mod options;

use std::collections::BTreeMap;

use jiff::Timestamp;
use omega_core::{Evidence, Subject};
use omega_driver::requirements::DISTRIBUTION;
use omega_juju::{ConductorFacts, Error, FileState, ProbeFailure};

use super::{
    Cause, Layer, LayerFinding, causes, driver_credential::InUse, layer_result::LayerResult,
};

/// What the site wants on a unit, where it says so.
#[derive(Clone, Copy, Debug)]
pub(super) struct WantedHere<'a> {
    /// The kubeconfig.
    pub(super) kubeconfig: Option<&'a InUse>,
    /// The options of `[capi_helm]` as the daemon should read them; empty if the site does not name
    /// them.
    pub(super) options: &'a BTreeMap<String, String>,
}

/// Checks the conductor of `unit`, and whether it can use its kubeconfig.
pub(super) fn judge(
    unit: &str,
    answer: &Result<ConductorFacts, Error>,
    wanted: &WantedHere<'_>,
    now: Timestamp,
) -> [LayerResult; 2] {
    let unit = Unit(unit);
    let layers = [LayerResult::new(Layer::DriverCredential), LayerResult::new(Layer::Conductor)];
    let [credential, conductor] = layers;
    let facts = match answer {
        Ok(facts) => facts,
        Err(error) => {
            let unknown = unit.unknown(Layer::DriverCredential, "the unit could not be read");
            return [credential.with([unknown]), conductor.with([unreachable(unit, error)])];
        }
    };
    let login = facts.authenticate.as_ref().ok().and_then(|state| state.version.clone());
    let login = [Some("authenticates".to_owned()), login].into_iter().flatten();
    let version = driver_version(facts).unwrap_or_else(|| "missing".to_owned());
    let driver = [format!("{DISTRIBUTION} {version}"), "helm and options in effect".to_owned()];
    [
        credential.shown_by([Evidence::list(unit.0, login)]).with(credential::judge(
            unit,
            facts,
            wanted.kubeconfig,
            now,
        )),
        conductor.shown_by([Evidence::list(unit.0, driver)]).with(daemon::judge(
            unit,
            facts,
            wanted.options,
        )),
    ]
}

/// The label of the unit that the findings are about.
#[derive(Clone, Copy)]
struct Unit<'a>(&'a str);

impl Unit<'_> {
    fn subject(self) -> Subject {
        Subject::new("unit", self.0)
    }

    fn broken(self, layer: Layer, cause: Cause, summary: impl Into<String>) -> LayerFinding {
        LayerFinding::broken(layer, cause, self.subject(), summary)
    }

    fn unknown(self, layer: Layer, why: impl Into<String>) -> LayerFinding {
        LayerFinding::unknown(layer, self.subject(), why)
    }

    /// A check that could not be made on the unit.
    fn unasked(self, layer: Layer, failure: &ProbeFailure) -> LayerFinding {
        self.unknown(layer, failure.why.trim())
    }
}

fn unreachable(unit: Unit<'_>, error: &Error) -> LayerFinding {
    let remedy = format!(
        "check that the machine can be reached: juju ssh {}, or ssh to its address",
        unit.0
    );
    unit.broken(Layer::Conductor, Cause::UnitUnreachable, causes(error)).remedy(remedy)
}

/// Whether the file on the unit is the kubeconfig `wanted`.
fn is_in_place(facts: &ConductorFacts, wanted: &InUse) -> bool {
    matches!(&facts.kubeconfig, Ok(FileState::Regular(file)) if file.sha256 == wanted.facts.sha256)
}

fn driver_version(facts: &ConductorFacts) -> Option<String> {
    let python = facts.python.as_ref().ok()?.as_ref()?;
    Some(python.distribution.as_ref()?.version.clone())
}

#[cfg(test)]
mod tests;
