use std::sync::Arc;

use async_trait::async_trait;
use omega_core::{
    CheckRule, Evidence, Failure, Gate, Label as _, Severity, Subject, Verdict, values::Sha256,
};
use omega_driver::{
    DriverRelease,
    requirements::{DISTRIBUTION, ENTRY_POINT},
};

use super::{fail, finding, has_digest, not_checked};
use crate::{
    DriverTrouble, DriversState, Error, FailureCode, FileState, ProbeFailure, ServiceName, Unit,
    driver_trouble,
    error::answered,
    operations::{DriverObserved, magnum},
};

/// Whether Magnum can use the driver: the conductor's interpreter imports it as the conductor's user,
/// in its environment; it is not disabled, and no other distribution's driver takes its clusters.
#[derive(Clone, Debug)]
pub struct DriverImports {
    unit: Arc<Unit>,
    service: ServiceName,
    release: DriverRelease,
    dropin: Sha256,
}

struct Observed {
    driver: DriverObserved,
    dropin: FileState,
    drivers: Result<DriversState, ProbeFailure>,
}

impl DriverImports {
    /// Returns the gate for `release`. What the driver reads at its import is in the drop-in, which
    /// should have digest `dropin`.
    pub fn new(unit: &Arc<Unit>, release: &DriverRelease, dropin: Sha256) -> Self {
        let (unit, service) = (Arc::clone(unit), magnum::conductor());
        Self { unit, service, release: release.clone(), dropin }
    }

    async fn observe(&self) -> Result<Observed, Error> {
        let dropin = magnum::dropin();
        let drivers = async { answered(self.unit.drivers(&self.service).await) };
        let (python, dropin, drivers) =
            futures::try_join!(self.unit.python(&self.service), self.unit.file(&dropin), drivers)?;
        Ok(Observed { driver: DriverObserved(python), dropin, drivers })
    }

    fn judge(&self, seen: &Observed) -> Verdict {
        if seen.driver.0.is_none() {
            let why = format!("this unit has no {}", self.service);
            return fail(self, why, "check the unit's name");
        }
        if seen.driver.release().as_ref() != Some(&self.release) {
            let until = format!("waits for 7.4 (install {DISTRIBUTION} {})", self.release);
            return Verdict::deferred(until);
        }
        let staged = has_digest(&seen.dropin, &self.dropin);
        let state = match &seen.drivers {
            Ok(state) => state,
            Err(_) if !staged => return Verdict::deferred(STAGED),
            Err(failure) => {
                return fail(self, failure.why.clone(), "look at the conductor's configuration");
            }
        };
        match driver_trouble(state) {
            // The drop-in has an option that the driver parses at its import.
            Some(DriverTrouble { code: Some(code), .. })
                if !staged && code != FailureCode::NoModule =>
            {
                Verdict::deferred(STAGED)
            }
            Some(trouble) => Verdict::fail(
                finding(self, trouble.summary, trouble.remedy).shown_by(trouble.evidence),
            ),
            None => self.magnum(state),
        }
    }

    /// A warning, where omega's facts are from another Magnum.
    fn magnum(&self, state: &DriversState) -> Verdict {
        let own = state.drivers.iter().find(|one| one.distribution.as_deref() == Some(MAGNUM));
        let version = own.and_then(|one| one.version.as_deref());
        let known = |version: &str| version.split('.').next() == KNOWN_MAGNUM.split('.').next();
        if let Some(version) = version.filter(|version| !known(version)) {
            let why = format!(
                "this unit has Magnum {version}: what is known here of Magnum is from {KNOWN_MAGNUM}"
            );
            let remedy =
                "try it on a cloud that may fail first: omega-cli apply graft --prove=cluster";
            return Verdict::fail(finding(self, why, remedy).severity(Severity::Warning));
        }
        let shown = [
            Evidence::holds("imported as the conductor's user"),
            Evidence::list("drivers", state.drivers.iter().map(|one| one.name.clone())),
        ];
        let version = version.map(|text| Evidence::text(MAGNUM, text));
        // The import was made earlier: the unit says that nothing has changed since.
        let at = state
            .imported_at
            .map(|at| Evidence::time("nothing has changed since the import at", at));
        Verdict::shown(shown.into_iter().chain(version).chain(at))
    }
}

/// Magnum's own distribution, which has drivers too.
const MAGNUM: &str = "magnum";
/// The release whose source omega's facts about Magnum are from.
const KNOWN_MAGNUM: &str = "18.0.1";

const STAGED: &str = "waits for 7.6 (stage the drop-in)";

impl DriverImports {
    /// Its rule, and the decisions that it checks.
    pub const RULE: CheckRule = CheckRule::new("driver-imports", &["D-007"]);
}

#[async_trait]
impl Gate for DriverImports {
    fn rule(&self) -> &'static str {
        Self::RULE.name
    }

    fn subject(&self) -> Subject {
        Subject::new("import", format!("{ENTRY_POINT} on {}", self.unit.label()))
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        match self.observe().await {
            Ok(seen) => Ok(self.judge(&seen)),
            Err(error) => Err(not_checked(self, &error)),
        }
    }
}
