//! The controllers of the management cluster: each by itself, and what the chart was tested with.

use omega_capi::{
    Management,
    constellation::{Comparison, Constellation, ConstellationItem, UNTESTED, check_constellation},
    controllers::read_installed,
};
use omega_core::{Evidence, Failure, FailureClass, Label as _, StepId, Subject};
use semver::Version;

use crate::drift::{Observation, Source, State};

/// What is read to tell whether the controllers are those that the chart was tested with.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConstellationView {
    /// The management cluster.
    pub management: Management,
    /// The chart.
    pub chart: Version,
}

impl ConstellationView {
    pub(in crate::drift) async fn read(&self) -> Result<Vec<Observation>, Failure> {
        let tested = Constellation::of(&self.chart).ok_or_else(|| {
            let what =
                format!("the versions that chart {} was tested with are not known", self.chart);
            Failure::new(FailureClass::Error, what)
        })?;
        // Releases are not read: those of clusters are their users', and to list them is to read every secret.
        let installed = read_installed(&self.management).await.map_err(|error| {
            let what = format!("could not read the controllers of {}", self.management.label());
            Failure::from_error(what, &error)
        })?;
        if installed.is_empty() {
            return Ok(vec![self.nothing()]);
        }
        let compared = check_constellation(&tested, &installed, &[]);
        Ok(compared.iter().filter_map(|one| self.observation(one)).collect())
    }

    /// Not a single controller has one cause.
    fn nothing(&self) -> Observation {
        let label = self.management.label();
        let subject = Subject::new("controllers", &label);
        let what = "no controller of Cluster API is installed: this is no management cluster";
        let finding = UNTESTED.finding(subject.clone(), what).remedy(
            "check that the kubeconfig is of the management cluster; or install Cluster API",
        );
        let key = "constellation".to_owned();
        let id = StepId { target: label, kind: "gate".to_owned(), key };
        Observation::new(Source::Constellation, id, subject, State::of(finding))
    }

    fn observation(&self, one: &Comparison) -> Option<Observation> {
        let ConstellationItem::Controller(component) = &one.part else { return None };
        let text = |fact: &str, value: Option<&String>| {
            Evidence::text(fact, value.map_or("none", String::as_str))
        };
        let mut shown =
            vec![text("installed", one.found.as_ref()), text("tested", one.wanted.as_ref())];
        shown.extend(one.evidence.iter().cloned());
        let id = StepId {
            target: self.management.label(),
            kind: "gate".to_owned(),
            key: format!("constellation {component}"),
        };
        let state = one.finding().map_or(State::Holds, State::of);
        let subject = Subject::new("controller", component.to_string());
        Some(Observation::new(Source::Constellation, id, subject, state).shown_by(shown))
    }
}
