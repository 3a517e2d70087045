use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use omega_core::{Evidence, Failure, Gate, Label as _, Subject, Verdict, values::Sha256};
use omega_driver::{
    DriverRelease,
    requirements::{DISTRIBUTION, ENTRY_POINT},
};

use super::{fail, is, not_asked};
use crate::{
    Error, FileState, ProbeFailure, ServiceName, ServiceState, Unit,
    error::answered,
    operations::{DriverObserved, magnum},
};

/// Whether the conductor that runs has this driver: its interpreter lists the entry point, the
/// process started after the driver was installed, and it reads the drop-in's options.
#[derive(Clone, Debug)]
pub struct DriverLoaded {
    unit: Arc<Unit>,
    service: ServiceName,
    release: DriverRelease,
    dropin: Sha256,
    options: BTreeMap<String, String>,
}

struct Answers {
    state: ServiceState,
    driver: DriverObserved,
    dropin: FileState,
    options: Result<BTreeMap<String, String>, ProbeFailure>,
}

impl DriverLoaded {
    /// Returns the question. `options` are those of `[capi_helm]` that should be in effect once
    /// the drop-in has digest `dropin`.
    pub fn new(
        unit: &Arc<Unit>,
        release: &DriverRelease,
        dropin: Sha256,
        options: &BTreeMap<String, String>,
    ) -> Self {
        let (unit, service) = (Arc::clone(unit), magnum::conductor());
        Self { unit, service, release: release.clone(), dropin, options: options.clone() }
    }

    async fn ask(&self) -> Result<Answers, Error> {
        let dropin = magnum::dropin();
        let keys = self.options.keys().cloned().collect();
        let options = async { answered(self.unit.options(&self.service, keys).await) };
        let (state, python, dropin, options) = futures::try_join!(
            self.unit.service(&self.service),
            self.unit.python(&self.service),
            self.unit.file(&dropin),
            options
        )?;
        Ok(Answers { state, driver: DriverObserved(python), dropin, options })
    }

    fn judge(&self, answers: &Answers) -> Verdict {
        if answers.state.load == "not-found" {
            let why = format!("{} is not on this unit", self.service);
            return fail(self, why, "check the unit's name");
        }
        let found = answers.driver.distribution();
        let is_release = answers.driver.release().as_ref() == Some(&self.release);
        let Some(found) = found.filter(|_| is_release) else {
            let until = format!("7.4: {DISTRIBUTION} {} is installed", self.release);
            return Verdict::deferred(until);
        };
        if !found.entry_points.iter().any(|name| name == ENTRY_POINT) {
            let next = format!("pip uninstall {DISTRIBUTION} on the unit, and pin it again");
            return fail(self, format!("{ENTRY_POINT} is not among its entry points"), next);
        }
        if !is(&answers.dropin, &self.dropin) {
            return Verdict::deferred("7.6: the drop-in is staged");
        }
        if answers.state.started_ns.is_none_or(|started| started <= found.modified_ns) {
            return Verdict::deferred(format!("7.8: {} is restarted", self.service));
        }
        self.in_effect(answers)
    }

    fn in_effect(&self, answers: &Answers) -> Verdict {
        let look = "look at /etc/magnum/magnum.conf and what else is in magnum.conf.d";
        let values = match &answers.options {
            Ok(values) => values,
            Err(failure) => return fail(self, failure.why.clone(), look),
        };
        match self.options.iter().find(|(key, value)| values.get(*key) != Some(*value)) {
            Some((key, value)) => {
                let found = values.get(key).map_or("nothing", String::as_str);
                fail(self, format!("{} reads {found} for {key}, not {value}", self.service), look)
            }
            None => Verdict::shown([
                Evidence::text("entry point", ENTRY_POINT),
                Evidence::text(DISTRIBUTION, self.release.to_string()),
                Evidence::holds("loaded since the start"),
            ]),
        }
    }
}

#[async_trait]
impl Gate for DriverLoaded {
    fn rule(&self) -> &'static str {
        "driver-loaded"
    }

    fn subject(&self) -> Subject {
        Subject::new("driver", format!("{ENTRY_POINT} on {}", self.unit.label()))
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        match self.ask().await {
            Ok(answers) => Ok(self.judge(&answers)),
            Err(error) => Err(not_asked(self, &self.unit, &error)),
        }
    }
}
