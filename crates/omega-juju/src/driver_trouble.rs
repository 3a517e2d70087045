//! Why Magnum does not use a driver that is installed.

use omega_core::Evidence;
use omega_driver::requirements::ENTRY_POINT;

use crate::{DriverState, DriversState, FailureCode};

/// Why Magnum does not use the driver, though it is installed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DriverTrouble {
    /// What is wrong.
    pub kind: DriverTroubleKind,
    /// What is wrong, in one sentence.
    pub summary: String,
    /// What shows it.
    pub evidence: Vec<Evidence>,
    /// What to do about it.
    pub remedy: String,
    /// Why the import failed, if it did.
    pub code: Option<FailureCode>,
}

/// What is wrong with a driver that is installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DriverTroubleKind {
    /// `[drivers] disabled_drivers` names it, or it is beta and not enabled.
    Disabled,
    /// It can't be imported.
    NotImportable,
    /// Another driver can't be imported, and Magnum loads all of them or fails.
    AnotherNotImportable,
    /// Another distribution's driver is for the same clusters.
    Conflict,
}

/// Returns why Magnum does not use the driver, if it is installed and that is so. A driver that is not
/// installed is none of this.
///
/// Magnum imports every driver that is not disabled, with the first request that needs one: the first
/// import that fails ends that request. Of two for the same kind of cluster it uses the last, whatever
/// their distributions (magnum 18.0.1, `drivers/common/driver.py`, `load_entry_points`, `get_drivers`,
/// `get_driver`).
pub fn driver_trouble(state: &DriversState) -> Option<DriverTrouble> {
    let own = state.driver(ENTRY_POINT)?;
    disabled(state, own).or_else(|| not_importable(state, own)).or_else(|| conflict(state, own))
}

fn disabled(state: &DriversState, own: &DriverState) -> Option<DriverTrouble> {
    let (summary, remedy) = if state.is_disabled(&own.name) {
        let file = state.disabled_in.as_deref().unwrap_or("the conductor's configuration");
        (
            format!("{} is disabled: {file} names it in [drivers] disabled_drivers", own.name),
            format!("remove it from disabled_drivers in {file}, then omega-cli converge-services"),
        )
    } else if own.beta && !state.enabled_beta.contains(&own.name) {
        (
            format!("{} is beta, and [drivers] enabled_beta_drivers does not name it", own.name),
            "add it to enabled_beta_drivers, then omega-cli converge-services".to_owned(),
        )
    } else {
        return None;
    };
    let evidence = vec![Evidence::list("disabled_drivers", &state.disabled)];
    Some(DriverTrouble { kind: DriverTroubleKind::Disabled, summary, evidence, remedy, code: None })
}

fn not_importable(state: &DriversState, own: &DriverState) -> Option<DriverTrouble> {
    let failed = |driver: &&DriverState| driver.error.is_some() && !state.is_disabled(&driver.name);
    let driver = [own].into_iter().chain(&state.drivers).find(failed)?;
    let error = driver.error.as_deref().unwrap_or_default();
    let code = Some(driver.code.clone().unwrap_or_default());
    let evidence = vec![Evidence::text("driver", driver.to_string())];
    let is_own = driver.name == own.name;
    let missing = if code == Some(FailureCode::NoModule) {
        "install what is missing for the conductor's interpreter"
    } else {
        "correct what the error names: an option that the driver parses, or its files"
    };
    let (kind, remedy) = if is_own {
        (DriverTroubleKind::NotImportable, format!("{missing}; then omega-cli converge-services"))
    } else {
        let kind = DriverTroubleKind::AnotherNotImportable;
        (kind, format!("{missing}, or add {} to [drivers] disabled_drivers", driver.name))
    };
    let besides =
        if is_own { "" } else { ", and Magnum imports every driver that is not disabled" };
    let summary = format!("{} can't be imported: {error}{besides}", driver.name);
    Some(DriverTrouble { kind, summary, evidence, remedy, code })
}

fn conflict(state: &DriversState, own: &DriverState) -> Option<DriverTrouble> {
    let same = |other: &DriverState| {
        let both = own.provides.iter().find(|kind| other.provides.contains(kind));
        both.cloned()
    };
    let is_other = |driver: &&DriverState| driver.name != own.name || driver.module != own.module;
    let mut others = state.drivers.iter().filter(is_other);
    let (other, kind) = others.find_map(|other| Some((other, same(other)?)))?;
    let last = state.drivers.iter().rfind(|driver| driver.provides.contains(&kind));
    let used = last.map_or(own.name.as_str(), |driver| driver.name.as_str());
    Some(DriverTrouble {
        kind: DriverTroubleKind::Conflict,
        summary: format!(
            "{} and {} are both for {kind}; Magnum uses the one it reads last, {used}",
            own.name, other.name
        ),
        evidence: vec![Evidence::list("drivers", [own.to_string(), other.to_string()])],
        remedy: format!(
            "uninstall the one that is not meant, or add {} to [drivers] disabled_drivers",
            other.name
        ),
        code: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn driver(name: &str, provides: &str) -> DriverState {
        DriverState {
            name: name.to_owned(),
            module: format!("{name}.driver:Driver"),
            distribution: Some(name.to_owned()),
            version: Some("1".to_owned()),
            path: Some(format!("/usr/lib/{name}-1.dist-info")),
            provides: vec![provides.to_owned()],
            beta: false,
            error: None,
            code: None,
        }
    }

    fn trouble(change: impl FnOnce(&mut DriversState)) -> Option<(DriverTroubleKind, String)> {
        let drivers = vec![
            driver("k8s_fedora_coreos_v1", "vm/fedora-coreos/kubernetes"),
            driver(ENTRY_POINT, "vm/ubuntu/kubernetes"),
        ];
        let mut state = DriversState { drivers, ..DriversState::default() };
        change(&mut state);
        driver_trouble(&state).map(|trouble| (trouble.kind, trouble.summary))
    }

    #[test]
    fn a_driver_is_used_if_it_is_imported_enabled_and_alone() {
        use DriverTroubleKind::{AnotherNotImportable, Conflict, Disabled, NotImportable};
        assert_eq!(trouble(|_| {}), None);
        assert_eq!(trouble(|state| state.drivers.clear()), None, "not installed: said elsewhere");
        let is = |found: Option<(DriverTroubleKind, String)>, kind, part: &str| {
            let (found, summary) = found.unwrap();
            assert_eq!(found, kind, "{summary}");
            assert!(summary.contains(part), "{summary}");
        };
        let disable = |state: &mut DriversState| {
            state.disabled = vec![ENTRY_POINT.to_owned()];
            state.disabled_in = Some("/etc/magnum/magnum.conf".to_owned());
        };
        is(trouble(disable), Disabled, "/etc/magnum/magnum.conf names it");
        is(trouble(|state| state.drivers[1].beta = true), Disabled, "enabled_beta_drivers");
        let lose = |at: usize| {
            move |state: &mut DriversState| {
                state.drivers[at].error = Some("ModuleNotFoundError: No module named 'x'".into());
            }
        };
        is(trouble(lose(1)), NotImportable, "No module named 'x'");
        is(trouble(lose(0)), AnotherNotImportable, "k8s_fedora_coreos_v1 can't be imported");
        let rival = |state: &mut DriversState| {
            state.drivers.push(driver("k8s_cluster_api_ubuntu", "vm/ubuntu/kubernetes"));
        };
        is(trouble(rival), Conflict, "reads last, k8s_cluster_api_ubuntu");
        let none = trouble(|state| {
            rival(state);
            state.disabled = vec!["k8s_cluster_api_ubuntu".to_owned()];
            state.drivers[2].provides.clear();
        });
        assert_eq!(none, None, "a disabled one is not loaded");
    }
}
