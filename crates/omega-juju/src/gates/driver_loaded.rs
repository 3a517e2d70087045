use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use omega_core::{Evidence, Failure, Gate, Label as _, Subject, Verdict, values::Sha256};
use pep440_rs::Version;

use super::{fail, is, not_asked};
use crate::{
    Distribution, Error, FileState, Interpreter, Probe, Reply, ServiceName, ServiceState, Unit,
    operations::magnum,
};

/// Whether the conductor that runs has this driver: its interpreter lists the entry point, the
/// process started after the driver was installed, and it reads the drop-in's options.
#[derive(Clone, Debug)]
pub struct DriverLoaded {
    unit: Arc<Unit>,
    service: ServiceName,
    version: Version,
    dropin: Sha256,
    options: BTreeMap<String, String>,
}

struct Answers {
    state: ServiceState,
    python: Option<Interpreter>,
    dropin: FileState,
    options: Result<BTreeMap<String, String>, String>,
}

impl DriverLoaded {
    /// Returns the question. `options` are those of `[capi_helm]` that should be in effect once
    /// the drop-in has digest `dropin`.
    pub fn new(
        unit: &Arc<Unit>,
        version: &Version,
        dropin: Sha256,
        options: &BTreeMap<String, String>,
    ) -> Self {
        let (unit, service) = (Arc::clone(unit), magnum::conductor());
        Self { unit, service, version: version.clone(), dropin, options: options.clone() }
    }

    async fn ask(&self) -> Result<Answers, Error> {
        let probe = Probe::Options {
            service: self.service.clone(),
            group: magnum::SECTION.to_owned(),
            keys: self.options.keys().cloned().collect(),
        };
        let dropin = magnum::dropin();
        let (state, python, dropin, reply) = futures::join!(
            self.unit.service(&self.service),
            self.unit.python(&self.service, magnum::DRIVER, magnum::DRIVERS_GROUP),
            self.unit.file(&dropin),
            self.unit.ask(probe)
        );
        let options = match reply {
            Ok(Reply::Options { values }) => Ok(values),
            Ok(other) => return Err(self.unit.unexpected(&other)),
            Err(Error::Probe { why, .. }) => Err(why),
            Err(error) => return Err(error),
        };
        Ok(Answers { state: state?, python: python?, dropin: dropin?, options })
    }

    fn judge(&self, answers: &Answers) -> Verdict {
        if answers.state.load == "not-found" {
            return fail(
                self,
                format!("{} is not on this unit", self.service),
                "check the unit's name",
            );
        }
        let found = answers.python.as_ref().and_then(|python| python.distribution.as_ref());
        let Some(found) = found.filter(|found| self.is_version(found)) else {
            return Verdict::deferred(format!(
                "7.4: {} {} is installed",
                magnum::DRIVER,
                self.version
            ));
        };
        if !found.entry_points.iter().any(|name| name == magnum::ENTRY_POINT) {
            let next = format!("pip uninstall {} on the unit, and pin it again", magnum::DRIVER);
            return fail(
                self,
                format!("{} is not among its entry points", magnum::ENTRY_POINT),
                next,
            );
        }
        if !is(&answers.dropin, &self.dropin) {
            return Verdict::deferred("7.6: the drop-in is staged");
        }
        if answers.state.started_ns.is_none_or(|started| started <= found.modified_ns) {
            return Verdict::deferred(format!("7.8: {} is restarted", self.service));
        }
        self.in_effect(answers)
    }

    fn is_version(&self, found: &Distribution) -> bool {
        found.version.parse::<Version>().is_ok_and(|version| version == self.version)
    }

    fn in_effect(&self, answers: &Answers) -> Verdict {
        let look = "look at /etc/magnum/magnum.conf and what else is in magnum.conf.d";
        let values = match &answers.options {
            Ok(values) => values,
            Err(why) => return fail(self, why, look),
        };
        match self.options.iter().find(|(key, value)| values.get(*key) != Some(*value)) {
            Some((key, value)) => {
                let found = values.get(key).map_or("nothing", String::as_str);
                fail(self, format!("{} reads {found} for {key}, not {value}", self.service), look)
            }
            None => Verdict::shown([
                Evidence::text("entry point", magnum::ENTRY_POINT),
                Evidence::text(magnum::DRIVER, self.version.to_string()),
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
        Subject::new("driver", format!("{} on {}", magnum::ENTRY_POINT, self.unit.label()))
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        match self.ask().await {
            Ok(answers) => Ok(self.judge(&answers)),
            Err(error) => Err(not_asked(self, &self.unit, &error)),
        }
    }
}
