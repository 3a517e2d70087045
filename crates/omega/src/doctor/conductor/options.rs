//! The conductor's options: whether those of the drop-in are in effect, and valid.

use std::collections::BTreeMap;

use jiff::Timestamp;
use omega_capi::coherence::misread;
use omega_core::{Evidence, Severity};
use omega_driver::{DriverRelease, Overrides, driver_reads};
use omega_juju::{
    ConductorFacts, FailureCode, FileState, OptionSource, OptionsState, ServiceState,
    operations::{Reason, magnum},
};

use super::{Unit, driver_version};
use crate::doctor::{Cause, Layer, LayerFinding};

/// The command that writes the drop-in and loads it.
const APPLY: &str = "omega-cli apply graft";
/// The command that restarts the daemon.
const RESTART: &str = "omega-cli converge-services";

/// `wanted`: the options as the site wants them, where it says so.
pub(super) fn judge(
    unit: Unit<'_>,
    facts: &ConductorFacts,
    service: Option<&ServiceState>,
    wanted: &BTreeMap<String, String>,
) -> Option<LayerFinding> {
    let broken = |cause, why: String| unit.broken(Layer::Conductor, cause, why);
    let options = match &facts.options {
        Ok(options) => options,
        Err(failure) if failure.code == FailureCode::Configuration => {
            let why = format!("the conductor's options can't be read: {}", failure.why);
            return Some(broken(Cause::DropIn, why).remedy(APPLY));
        }
        Err(_) => return None,
    };
    if let Some(why) = unusable(facts) {
        return Some(api_resources(unit, options, &why));
    }
    if let Some(found) = overridden(unit, options, wanted) {
        return Some(found);
    }
    let dropin = facts.dropin.as_ref().ok();
    if options.values.get("kubeconfig_file").is_none_or(String::is_empty) {
        let why = match dropin {
            Some(FileState::Absent) => "the drop-in does not exist",
            _ => "the drop-in exists but is not read",
        };
        let why = format!("[capi_helm] kubeconfig_file is not set for the conductor: {why}");
        let shown = service.and_then(configuration);
        return Some(broken(Cause::DropIn, why).shown_by(shown).remedy(APPLY));
    }
    let shown = unloaded(dropin?, service?.started_ns?);
    if let Some(shown) = shown {
        let why =
            "the conductor started before the last change of the drop-in, and has not loaded it";
        return Some(broken(Cause::DropIn, why.to_owned()).shown_by(shown).remedy(RESTART));
    }
    other_inputs(unit, facts, service?)
}

/// What `converge-services` would restart the daemon for, besides the drop-in and that it is stopped.
/// It may well have loaded what counts, so it is a warning.
fn other_inputs(
    unit: Unit<'_>,
    facts: &ConductorFacts,
    service: &ServiceState,
) -> Option<LayerFinding> {
    let reasons = facts.restart.as_ref().ok()?;
    if service.active != "active" || reasons.contains(&Reason::NotRunning) || reasons.is_empty() {
        return None;
    }
    let why: Vec<String> = reasons.iter().map(ToString::to_string).collect();
    let why = format!("the conductor does not run with what is on disk: {}", why.join(", "));
    let found = unit.broken(Layer::Conductor, Cause::DropIn, why).severity(Severity::Warning);
    Some(found.remedy(RESTART))
}

/// The finding that the driver can't use the option.
fn api_resources(unit: Unit<'_>, options: &OptionsState, why: &str) -> LayerFinding {
    let text = options.values.get("api_resources").map_or("{}", String::as_str);
    let file = options.set.get("api_resources").and_then(|set| set.last());
    let shown = [Evidence::text("api_resources", text)].into_iter();
    let shown = shown.chain(file.map(|by| Evidence::text("set in", &by.file)));
    let dropin = magnum::dropin();
    let remedy = match file {
        Some(by) if by.file != dropin.as_str() => {
            format!("remove it from {}, then {RESTART}", by.file)
        }
        _ => format!("leave it out: omega-cli stage-dropin, then {RESTART}"),
    };
    let found = unit.broken(
        Layer::Conductor,
        Cause::ApiResources,
        format!("the option api_resources: {why}"),
    );
    found.shown_by(shown).remedy(remedy)
}

/// The finding that an option does not have the value of the drop-in, or the one that the site wants,
/// because another file sets it. `verify` says the same of the latter.
fn overridden(
    unit: Unit<'_>,
    options: &OptionsState,
    wanted: &BTreeMap<String, String>,
) -> Option<LayerFinding> {
    let dropin = magnum::dropin();
    let of_dropin =
        |set: &[OptionSource]| set.iter().rfind(|source| source.file == dropin.as_str()).cloned();
    let (key, set) = options.set.iter().find(|(key, set)| {
        let Some(last) = set.last().filter(|last| last.file != dropin.as_str()) else {
            return false;
        };
        let other = of_dropin(set).is_some_and(|own| own.value != last.value);
        let differs = |value: &String| options.values.get(*key) != Some(value);
        wanted.get(*key).map_or(other, differs)
    })?;
    let last = set.last()?;
    let own = of_dropin(set).map(|own| format!("{dropin} sets {}", own.value));
    let own = own.or_else(|| Some(format!("the site file wants {}", wanted.get(key)?)))?;
    let why = format!("[capi_helm] {key} is {} because of {}; {own}", last.value, last.place());
    let shown = set.iter().map(|source| format!("{}: {}", source.place(), source.value));
    let shown = Evidence::list(&format!("{key}, in the order of reading"), shown);
    let found = unit.broken(Layer::Conductor, Cause::OptionOverridden, why).shown_by([shown]);
    Some(found.remedy(format!("remove {key} from {}, then {RESTART}", last.place())))
}

/// The evidence that the drop-in was changed after the daemon's start, `started`, in nanoseconds
/// since the epoch.
fn unloaded(dropin: &FileState, started: i64) -> Option<impl Iterator<Item = Evidence>> {
    let FileState::Regular(file) = dropin else { return None };
    let time = |fact: &str, nanoseconds: i64| {
        Some(Evidence::time(fact, Timestamp::from_nanosecond(nanoseconds.into()).ok()?))
    };
    (started < file.modified_ns).then(|| {
        let times = [time("conductor started", started), time("drop-in changed", file.modified_ns)];
        times.into_iter().flatten()
    })
}

/// Why the driver of this version can't use the option `api_resources`.
pub(super) fn unusable(facts: &ConductorFacts) -> Option<String> {
    let values = &facts.options.as_ref().ok()?.values;
    let text = values.get("api_resources").map_or("{}", String::as_str);
    let version = driver_version(facts);
    let overrides = match Overrides::of_value(text) {
        Ok(overrides) => overrides,
        Err(error) => return Some(format!("{error}; the driver can't be imported")),
    };
    let driver: DriverRelease = version?.parse().ok()?;
    driver_reads(&driver, &overrides).iter().find_map(misread)
}

/// The options of the daemon's command line that concern configuration.
fn configuration(service: &ServiceState) -> Option<Evidence> {
    let words = &service.cmdline;
    let is = |word: &&String| word.starts_with("--config-dir") || word.starts_with("--config-file");
    let options = words.iter().enumerate().filter(|(_, word)| is(word));
    let shown = options.map(|(nth, word)| match words.get(nth + 1) {
        Some(value) if !word.contains('=') => format!("{word} {value}"),
        _ => word.clone(),
    });
    let shown: Vec<String> = shown.collect();
    (!shown.is_empty()).then(|| Evidence::list("the conductor runs with", shown))
}
