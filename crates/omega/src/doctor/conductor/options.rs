//! The conductor's options: whether those of the drop-in are in effect, and valid.

use jiff::Timestamp;
use omega_capi::coherence::misread;
use omega_core::Evidence;
use omega_driver::{DriverRelease, Overrides, driver_reads};
use omega_juju::{ConductorFacts, FailureCode, FileState, ServiceState};

use super::{Unit, driver_version};
use crate::doctor::{Cause, Layer, LayerFinding};

/// The command that writes the drop-in and loads it.
const APPLY: &str = "omega-cli apply graft";
/// The command that restarts the daemon.
const RESTART: &str = "omega-cli converge-services";

pub(super) fn judge(
    unit: Unit<'_>,
    facts: &ConductorFacts,
    service: Option<&ServiceState>,
) -> Option<LayerFinding> {
    let broken = |cause, why: String| unit.broken(Layer::Conductor, cause, why);
    let values = match &facts.options {
        Ok(values) => values,
        Err(failure) if failure.code == FailureCode::Configuration => {
            let why = format!("the conductor's options can't be read: {}", failure.why);
            return Some(broken(Cause::DropIn, why).remedy(APPLY));
        }
        Err(_) => return None,
    };
    let text = values.get("api_resources").map_or("{}", String::as_str);
    if let Some(why) = unusable(text, driver_version(facts)) {
        let found = broken(Cause::ApiResources, format!("the option api_resources: {why}"))
            .shown_by([Evidence::text("api_resources", text)]);
        return Some(found.remedy(format!("leave it out: omega-cli stage-dropin, then {RESTART}")));
    }
    let dropin = facts.dropin.as_ref().ok();
    if values.get("kubeconfig_file").is_none_or(String::is_empty) {
        let why = match dropin {
            Some(FileState::Absent) => "the drop-in does not exist",
            _ => "the drop-in exists but is not read",
        };
        let why = format!("[capi_helm] kubeconfig_file is not set for the conductor: {why}");
        let shown = service.and_then(configuration);
        return Some(broken(Cause::DropIn, why).shown_by(shown).remedy(APPLY));
    }
    unloaded(dropin?, service?.started_ns?).map(|shown| {
        let why =
            "the conductor started before the last change of the drop-in, and has not loaded it";
        broken(Cause::DropIn, why.to_owned()).shown_by(shown).remedy(RESTART)
    })
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

/// Why the driver of this version can't use the option `text`.
fn unusable(text: &str, version: Option<String>) -> Option<String> {
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
