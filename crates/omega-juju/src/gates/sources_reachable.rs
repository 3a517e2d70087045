use std::sync::Arc;

use async_trait::async_trait;
use omega_core::{
    CheckRule, Delta, Desired, Evidence, Failure, Gate, Label as _, Subject, Verdict,
};
use omega_driver::requirements::DISTRIBUTION;

use super::{fail, not_checked};
use crate::{
    Error, PipSource, Probe, Unit,
    operations::{EnsureHelm, HelmSource, PinDriver},
};

/// Whether the unit can get what it is to install from outside: the driver from a package index, helm
/// from a URL. What is there already, or is sent from here, is not asked for.
///
/// Before the first change: otherwise a unit without a way out ends the run in the middle (7.4).
#[derive(Clone, Debug)]
pub struct SourcesReachable {
    unit: Arc<Unit>,
    driver: PinDriver,
    helm: EnsureHelm,
}

impl SourcesReachable {
    /// Returns the gate, unless both come from here.
    pub fn new(unit: &Arc<Unit>, driver: &PinDriver, helm: &EnsureHelm) -> Option<Self> {
        let index = matches!(driver.from, PipSource::Index { .. });
        (index || matches!(helm.from, HelmSource::Url(_))).then(|| Self {
            unit: Arc::clone(unit),
            driver: driver.clone(),
            helm: helm.clone(),
        })
    }

    /// Returns whether `desired` is not there. What can't be installed at all is its step's to tell.
    async fn missing<D>(&self, desired: &D) -> Result<bool, Error>
    where
        D: Desired<Target = Unit, Error = Error>,
    {
        let seen = desired.observe(&self.unit).await?;
        Ok(matches!(desired.diff(&seen), Ok(Delta::Changes(_))))
    }

    async fn driver_error(&self) -> Result<Option<String>, Error> {
        let PipSource::Index { url } = &self.driver.from else { return Ok(None) };
        if !self.missing(&self.driver).await? {
            return Ok(None);
        }
        let version = self.driver.release.to_string();
        let probe = Probe::PackageIndex {
            service: self.driver.daemon.clone(),
            distribution: DISTRIBUTION.to_owned(),
            version,
            index: url.clone(),
        };
        let error = self.unit.source_error(probe).await?;
        Ok(error.map(|why| format!("the package index: {why}")))
    }

    async fn helm_error(&self) -> Result<Option<String>, Error> {
        let HelmSource::Url(from) = &self.helm.from else { return Ok(None) };
        if !self.missing(&self.helm).await? {
            return Ok(None);
        }
        let error = self.unit.source_error(Probe::Download { url: from.url.clone() }).await?;
        Ok(error.map(|why| format!("{}: {why}", from.url)))
    }
}

impl SourcesReachable {
    /// Its rule, and the decisions that it checks.
    pub const RULE: CheckRule = CheckRule::new("sources-reachable", &[]);
}

#[async_trait]
impl Gate for SourcesReachable {
    fn rule(&self) -> &'static str {
        Self::RULE.name
    }

    fn subject(&self) -> Subject {
        Subject::new("egress", format!("{} -> driver and helm", self.unit.label()))
    }

    fn is_only_before(&self) -> bool {
        true
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        let asked = futures::try_join!(self.driver_error(), self.helm_error());
        let (driver, helm) = asked.map_err(|error| not_checked(self, &error))?;
        let errors: Vec<String> = driver.into_iter().chain(helm).collect();
        if errors.is_empty() {
            return Ok(Verdict::shown([Evidence::holds("what is missing can be downloaded")]));
        }
        let next = "let the unit reach it (proxy, egress), or send a wheel and a helm from here: \
                    driver.wheel, helm.file";
        Ok(fail(self, errors.join("; "), next))
    }
}
