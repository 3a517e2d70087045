use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use omega_core::{
    CheckRule, Evidence, Failure, Gate, Label as _, Subject, Verdict, values::Sha256,
};
use omega_driver::{
    DriverRelease,
    requirements::{DISTRIBUTION, ENTRY_POINT},
};

use super::{fail, has_digest, not_checked};
use crate::{
    Error, FileState, OptionsState, ProbeFailure, ServiceName, ServiceState, Unit,
    error::answered,
    operations::{DriverObserved, magnum, not_from_dropin},
};

/// Whether the running conductor uses this driver: its interpreter has the entry point, the process
/// started after the driver was installed, and it reads the options of the drop-in.
#[derive(Clone, Debug)]
pub struct DriverLoaded {
    unit: Arc<Unit>,
    service: ServiceName,
    release: DriverRelease,
    dropin: Sha256,
    options: BTreeMap<String, String>,
}

struct Observed {
    state: ServiceState,
    driver: DriverObserved,
    dropin: FileState,
    options: Result<OptionsState, ProbeFailure>,
}

impl DriverLoaded {
    /// Returns the gate. `options` of `[capi_helm]` should be in effect once the drop-in has digest
    /// `dropin`.
    pub fn new(
        unit: &Arc<Unit>,
        release: &DriverRelease,
        dropin: Sha256,
        options: &BTreeMap<String, String>,
    ) -> Self {
        let (unit, service) = (Arc::clone(unit), magnum::conductor());
        Self { unit, service, release: release.clone(), dropin, options: options.clone() }
    }

    async fn observe(&self) -> Result<Observed, Error> {
        let dropin = magnum::dropin();
        let keys = self.options.keys().cloned().collect();
        let options = async {
            let section = omega_driver::options::SECTION;
            answered(self.unit.configuration(&self.service, section, keys).await)
        };
        let (state, python, dropin, options) = futures::try_join!(
            self.unit.service(&self.service),
            self.unit.python(&self.service),
            self.unit.file(&dropin),
            options
        )?;
        Ok(Observed { state, driver: DriverObserved(python), dropin, options })
    }

    fn judge(&self, seen: &Observed) -> Verdict {
        if seen.state.load == "not-found" {
            let why = format!("this unit has no {}", self.service);
            return fail(self, why, "check the unit's name");
        }
        let found = seen.driver.distribution();
        let is_release = seen.driver.release().as_ref() == Some(&self.release);
        let Some(found) = found.filter(|_| is_release) else {
            let until = format!("waits for 7.4 (install {DISTRIBUTION} {})", self.release);
            return Verdict::deferred(until);
        };
        if !found.entry_points.iter().any(|name| name == ENTRY_POINT) {
            let next = format!("run pip uninstall {DISTRIBUTION} on the unit, then pin it again");
            return fail(self, format!("the driver has no entry point {ENTRY_POINT}"), next);
        }
        if !has_digest(&seen.dropin, &self.dropin) {
            return Verdict::deferred("waits for 7.6 (stage the drop-in)");
        }
        if seen.state.started_ns.is_none_or(|started| started <= found.modified_ns) {
            return Verdict::deferred(format!("waits for 7.8 (restart {})", self.service));
        }
        self.in_effect(seen)
    }

    fn in_effect(&self, seen: &Observed) -> Verdict {
        let look = "look at /etc/magnum/magnum.conf and the other files in magnum.conf.d";
        let values = match &seen.options {
            Ok(values) => values,
            Err(failure) => return fail(self, failure.why.clone(), look),
        };
        let other = |(key, value): &(&String, &String)| values.values.get(*key) != Some(*value);
        match self.options.iter().find(other) {
            Some((key, value)) => {
                let found = values.values.get(key).map_or("nothing", String::as_str);
                let set = values.set.get(key).map(Vec::as_slice).unwrap_or_default();
                let why = format!("{} reads {found} as {key}, not {value}", self.service);
                fail(
                    self,
                    why,
                    if set.is_empty() { look.to_owned() } else { not_from_dropin(key, set) },
                )
            }
            None => Verdict::shown([
                Evidence::text("entry point", ENTRY_POINT),
                Evidence::text(DISTRIBUTION, self.release.to_string()),
                Evidence::holds("loaded at the last start"),
            ]),
        }
    }
}

impl DriverLoaded {
    /// Its rule, and the decisions that it checks.
    pub const RULE: CheckRule = CheckRule::new("driver-loaded", &["D-037", "L-P6-2"]);
}

#[async_trait]
impl Gate for DriverLoaded {
    fn rule(&self) -> &'static str {
        Self::RULE.name
    }

    fn subject(&self) -> Subject {
        Subject::new("driver", format!("{ENTRY_POINT} on {}", self.unit.label()))
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        match self.observe().await {
            Ok(seen) => Ok(self.judge(&seen)),
            Err(error) => Err(not_checked(self, &error)),
        }
    }
}
