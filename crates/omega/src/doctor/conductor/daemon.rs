//! The daemon, and what it needs to run: driver, helm and options.

use omega_core::Evidence;
use omega_driver::requirements::{DISTRIBUTION, ENTRY_POINT};
use omega_juju::{
    ConductorFacts, FailureCode, HelmFailure, ProbeFailure, ReleasesState, ServiceState,
};

use super::{Unit, options};
use crate::doctor::{Cause, Layer, LayerFinding};

const LAYER: Layer = Layer::Conductor;

pub(super) fn judge(unit: Unit<'_>, facts: &ConductorFacts) -> Vec<LayerFinding> {
    let service = match &facts.conductor {
        Ok(service) if service.load == "not-found" => {
            return vec![unit.unknown(LAYER, "this unit has no magnum-conductor")];
        }
        Ok(service) => Some(service),
        Err(_) => None,
    };
    let broken = [
        driver(unit, facts),
        helm(unit, facts),
        options::judge(unit, facts, service),
        service.and_then(|service| stopped(unit, service)),
    ];
    broken.into_iter().flatten().chain(unasked(unit, facts)).collect()
}

/// What could not be read is never treated as good.
fn unasked(unit: Unit<'_>, facts: &ConductorFacts) -> impl Iterator<Item = LayerFinding> {
    let ConductorFacts { conductor, python, helm, dropin, options, releases, .. } = facts;
    let options =
        options.as_ref().err().filter(|failure| failure.code != FailureCode::Configuration);
    let lists = releases.as_ref().map(Vec::as_slice).unwrap_or_default();
    let unlisted = |list: &&ReleasesState| {
        matches!(list.failure(), Some(HelmFailure::Cluster | HelmFailure::TimedOut))
    };
    let unlisted = lists.iter().find(unlisted).map(ReleasesState::stderr);
    let all = [
        ("its service", why(conductor.as_ref().err())),
        ("its interpreter", why(python.as_ref().err())),
        ("its helm", why(helm.as_ref().err())),
        ("its drop-in", why(dropin.as_ref().err())),
        ("its options", why(options)),
        ("helm's releases", why(releases.as_ref().err()).or(unlisted)),
    ];
    all.into_iter()
        .filter_map(move |(what, why)| Some(unit.unknown(LAYER, format!("{what}: {}", why?))))
}

fn driver(unit: Unit<'_>, facts: &ConductorFacts) -> Option<LayerFinding> {
    let python = facts.python.as_ref().ok()?.as_ref()?;
    let why = match &python.distribution {
        None => format!("the interpreter {} has no {DISTRIBUTION}", python.program),
        Some(found) if !found.entry_points.iter().any(|name| name == ENTRY_POINT) => {
            format!("{DISTRIBUTION} {} has no entry point {ENTRY_POINT}", found.version)
        }
        Some(_) => return None,
    };
    let found = unit.broken(LAYER, Cause::DriverMissing, why);
    Some(found.remedy("omega-cli pin-driver, then converge-services"))
}

fn helm(unit: Unit<'_>, facts: &ConductorFacts) -> Option<LayerFinding> {
    let program = facts.helm.as_ref().ok()?;
    let path = Evidence::list("the daemon's PATH", &program.path);
    let why = if program.found.is_none() {
        "the daemon finds no helm: No such file or directory: 'helm'".to_owned()
    } else {
        let of_helm = |list: &&ReleasesState| {
            matches!(list.failure(), Some(HelmFailure::NotRunnable | HelmFailure::Other))
        };
        let failed = facts.releases.as_ref().ok()?.iter().find(of_helm)?;
        format!("helm does not run: {}", failed.stderr())
    };
    let found = unit.broken(LAYER, Cause::Helm, why).shown_by([path]);
    Some(found.remedy("omega-cli ensure-helm"))
}

fn stopped(unit: Unit<'_>, service: &ServiceState) -> Option<LayerFinding> {
    let ServiceState { active, sub, result, .. } = service;
    if active == "active" && sub == "running" {
        return None;
    }
    let why = format!("magnum-conductor is {active} ({sub}, {result})");
    let found = unit.broken(LAYER, Cause::ServiceDown, why);
    Some(
        found
            .remedy("journalctl -u magnum-conductor on the unit; then omega-cli converge-services"),
    )
}

/// Why the unit could not answer, in its own message.
fn why(failure: Option<&ProbeFailure>) -> Option<&str> {
    failure.map(|failure| failure.why.trim())
}
