//! The daemon, and what it needs to run: driver, helm and options.

use std::collections::BTreeMap;

use omega_core::{Evidence, Severity};
use omega_driver::requirements::{DISTRIBUTION, ENTRY_POINT};
use omega_juju::{
    ConductorFacts, DriverTrouble, DriverTroubleKind, FailureCode, HelmFailure, Interpreter,
    ProbeFailure, ReleasesState, ServiceState, driver_trouble,
};

use super::{Unit, options};
use crate::doctor::{Cause, Layer, LayerFinding};

const LAYER: Layer = Layer::Conductor;

pub(super) fn judge(
    unit: Unit<'_>,
    facts: &ConductorFacts,
    wanted: &BTreeMap<String, String>,
) -> Vec<LayerFinding> {
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
        options::judge(unit, facts, service, wanted),
        service.and_then(|service| stopped(unit, service)),
        restarting(unit, facts),
    ];
    let notes = metadata(unit, facts).into_iter().chain(errors(unit, facts));
    broken
        .into_iter()
        .flatten()
        .chain(unused(unit, facts))
        .chain(unasked(unit, facts))
        .chain(notes)
        .collect()
}

/// Why Magnum does not use the driver, though it is installed.
fn unused(unit: Unit<'_>, facts: &ConductorFacts) -> Vec<LayerFinding> {
    let copies = facts.python.as_ref().ok().and_then(|python| copies(unit, python.as_ref()?));
    let trouble = facts.drivers.as_ref().ok().and_then(driver_trouble);
    // An import that fails because of an option is that option's matter.
    let by_option = |trouble: &DriverTrouble| {
        trouble.kind == DriverTroubleKind::NotImportable
            && trouble.code != Some(FailureCode::NoModule)
            && options::unusable(facts).is_some()
    };
    let trouble = trouble.filter(|trouble| !by_option(trouble)).map(|trouble| {
        let cause = match trouble.kind {
            DriverTroubleKind::Disabled => Cause::DriverDisabled,
            DriverTroubleKind::Conflict => Cause::DriverConflict,
            DriverTroubleKind::NotImportable | DriverTroubleKind::AnotherNotImportable | _ => {
                Cause::DriverNotImportable
            }
        };
        let found = unit.broken(LAYER, cause, trouble.summary);
        found.shown_by(trouble.evidence).remedy(trouble.remedy)
    });
    copies.into_iter().chain(trouble).collect()
}

/// More than one distribution of the driver: which files are imported does not follow from that.
fn copies(unit: Unit<'_>, python: &Interpreter) -> Option<LayerFinding> {
    if python.others.is_empty() {
        return None;
    }
    let all = python.distribution.iter().chain(&python.others);
    let all: Vec<String> = all.map(|one| format!("{} ({})", one.version, one.path)).collect();
    let why = format!("{DISTRIBUTION} is installed {} times: {}", all.len(), all.join(", "));
    let remedy = format!(
        "{} -m pip uninstall {DISTRIBUTION} until it is not installed, remove metadata that is left \
         over, then omega-cli pin-driver",
        python.program
    );
    Some(unit.broken(LAYER, Cause::DriverConflict, why).remedy(remedy))
}

/// Metadata that can't be read: a warning while the driver itself is found.
fn metadata(unit: Unit<'_>, facts: &ConductorFacts) -> Vec<LayerFinding> {
    let own = facts.python.as_ref().ok().and_then(Option::as_ref);
    let own = own.map(|python| python.broken.as_slice()).unwrap_or_default();
    let all = facts.drivers.as_ref().map(|state| state.broken.as_slice()).unwrap_or_default();
    let others = all.iter().filter(|one| !own.iter().any(|own| own.path == one.path));
    let found = own.iter().chain(others).map(|one| {
        let why = format!("{}: {}", one.path, one.why);
        let found = unit.broken(LAYER, Cause::DriverConflict, why).severity(Severity::Warning);
        found.remedy(format!("reinstall that package, or remove {} if it is left over", one.path))
    });
    found.collect()
}

/// A daemon that is running at every look, and is another process each time.
fn restarting(unit: Unit<'_>, facts: &ConductorFacts) -> Option<LayerFinding> {
    let since = facts.since_start.as_ref().ok()?;
    let why = format!("magnum-conductor keeps restarting: {}", since.keeps_restarting()?);
    let last = since.last_error.iter().map(|error| Evidence::text("its last error", error));
    let found = unit.broken(LAYER, Cause::ServiceRestarting, why).shown_by(last);
    Some(found.remedy("journalctl -u magnum-conductor on the unit"))
}

/// What the daemon logged since its start: worth knowing, and no fault by itself.
fn errors(unit: Unit<'_>, facts: &ConductorFacts) -> Option<LayerFinding> {
    let since = facts.since_start.as_ref().ok()?;
    let last = since.last_error.as_ref()?;
    let noun = if since.errors == 1 { "error" } else { "errors" };
    let why = format!("{} {noun} in its log since its start; the last: {last}", since.errors);
    let found = unit.broken(LAYER, Cause::Unclear, why).severity(Severity::Note);
    Some(found.remedy("journalctl -u magnum-conductor, and its log file, on the unit"))
}

/// What could not be read is never treated as good.
fn unasked(unit: Unit<'_>, facts: &ConductorFacts) -> impl Iterator<Item = LayerFinding> {
    let ConductorFacts {
        conductor,
        python,
        helm,
        dropin,
        options,
        releases,
        drivers,
        since_start,
        restart,
        ..
    } = facts;
    // What keeps the options from being read keeps the drivers too.
    let drivers = drivers.as_ref().err();
    let drivers = drivers.filter(|failure| failure.code != FailureCode::Configuration);
    let restart = restart.as_ref().err();
    let restart = restart.filter(|failure| failure.code != FailureCode::InitScript);
    let read = why(python.as_ref().err()).is_none() && why(conductor.as_ref().err()).is_none();
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
        ("its drivers", why(drivers).filter(|_| read)),
        ("its log", why(since_start.as_ref().err()).filter(|_| read)),
        ("its inputs", why(restart).filter(|_| read)),
    ];
    all.into_iter()
        .filter_map(move |(what, why)| Some(unit.unknown(LAYER, format!("{what}: {}", why?))))
}

fn driver(unit: Unit<'_>, facts: &ConductorFacts) -> Option<LayerFinding> {
    let python = facts.python.as_ref().ok()?.as_ref()?;
    let why = match &python.distribution {
        None => {
            let broken = python.broken.iter().map(|one| format!("; {}: {}", one.path, one.why));
            let broken: String = broken.collect();
            format!("the interpreter {} has no {DISTRIBUTION}{broken}", python.program)
        }
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
