//! `dependencies-helm`: the helm of each conductor is the one that the chart was tested with.

use std::sync::Arc;

use async_trait::async_trait;
use futures::future::join_all;
use omega_core::{Evidence, Failure, Gate, Label as _, Severity, Subject, Verdict, chain};
use omega_juju::{
    Unit,
    operations::{conductor, helm_version},
};

use super::judgement::Judged;
use crate::lint::Rule;

pub(super) const RULE: Rule = Rule {
    id: "dependencies-helm",
    decision: Some("D-034"),
    severity: Severity::Warning,
    reason: "The driver runs the helm that the daemon's PATH leads to; the chart was tested with one version.",
    source: "azimuth-cloud/capi-helm-charts dependencies.json; openstack/magnum-capi-helm helm.py",
};

/// The gate that each conductor finds the helm of `dependencies.json`.
#[derive(Clone, Debug)]
pub struct ConductorHelm {
    /// The units.
    pub units: Vec<Arc<Unit>>,
    /// The version of the file (`v3.17.3`).
    pub tested: String,
    /// The chart.
    pub chart: String,
}

impl ConductorHelm {
    fn judge(&self, unit: &str, found: Result<Option<String>, String>, judged: &mut Judged) {
        let says = match found {
            Ok(Some(says)) => says,
            Ok(None) => {
                judged.broken(
                    format!("the conductor of {unit} finds no helm"),
                    "omega-cli ensure-helm --plan",
                );
                return;
            }
            Err(why) => {
                let remedy = "omega-cli doctor";
                return judged
                    .unknown(format!("the helm of {unit} could not be read: {why}"), remedy);
            }
        };
        let (Some(version), tested) = (helm_version(&says), helm_version(&self.tested)) else {
            let why = format!("the helm of {unit} does not print a version: {says}");
            return judged.unknown(why, "run helm version on the unit");
        };
        judged.shows(Evidence::text(unit, version));
        if Some(version) != tested {
            let why = format!(
                "{unit} has helm {version}, and chart {} was tested with {}",
                self.chart, self.tested
            );
            let remedy = format!(
                "pin helm {} in [helm] of the site file, then omega-cli ensure-helm --plan",
                self.tested
            );
            judged.warning(why, remedy);
        }
    }
}

#[async_trait]
impl Gate for ConductorHelm {
    fn rule(&self) -> &'static str {
        RULE.id
    }

    fn subject(&self) -> Subject {
        subject()
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        let mut judged = Judged::new(&RULE, subject());
        judged.shows(Evidence::text("tested with", &self.tested));
        if self.units.is_empty() {
            judged.unknown("there are no units of the conductor", "name them: [conductor]");
        }
        let daemon = conductor();
        let asked = join_all(self.units.iter().map(|unit| unit.helm_version(&daemon))).await;
        for (unit, found) in self.units.iter().zip(asked) {
            let found = found.map_err(|error| chain(&error).join(": "));
            self.judge(&unit.label(), found, &mut judged);
        }
        Ok(judged.verdict())
    }
}

pub(super) fn subject() -> Subject {
    Subject::new("program", "helm on the conductors")
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::match_wildcard_for_single_variants,
        clippy::wildcard_enum_match_arm,
        reason = "an assertion"
    )]

    use omega_core::Finding;
    use omega_juju::{Sources, sim::Start};

    use super::*;

    fn gate(starts: &[Start], tested: &str) -> ConductorHelm {
        let unit = |(nth, start): (usize, &Start)| {
            Arc::new(start.unit(&format!("magnum/{nth}")).client(Sources::default()))
        };
        let units = starts.iter().enumerate().map(unit).collect();
        ConductorHelm { units, tested: tested.to_owned(), chart: "0.25.1".to_owned() }
    }

    async fn fails(gate: &ConductorHelm) -> Finding {
        match gate.check().await.unwrap() {
            Verdict::Fail(finding) => *finding,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn the_tested_helm_passes_with_and_without_its_letter() {
        for tested in ["v3.17.3", "3.17.3"] {
            let verdict = gate(&[Start::HookRewrote], tested).check().await.unwrap();
            let Verdict::Pass { evidence } = verdict else { panic!("{verdict:?}") };
            assert!(Evidence::line(&evidence).ends_with("magnum/0 3.17.3"), "{evidence:?}");
        }
    }

    #[tokio::test]
    async fn another_helm_is_a_warning_and_none_is_broken() {
        let found = fails(&gate(&[Start::HookRewrote], "v3.17.4")).await;
        assert_eq!((found.severity, found.decision.as_deref()), (Severity::Warning, Some("D-034")));
        assert!(found.summary.contains("magnum/0 has helm 3.17.3"), "{found:?}");
        let found = fails(&gate(&[Start::HookRewrote, Start::Fresh], "v3.17.3")).await;
        assert_eq!(found.severity, Severity::Broken);
        assert_eq!(found.summary, "the conductor of magnum/1 finds no helm");
    }

    #[tokio::test]
    async fn a_unit_that_does_not_answer_is_unknown() {
        assert_eq!(fails(&gate(&[], "v3.17.3")).await.severity, Severity::Unknown);
    }
}
