//! Driver, chart, Cluster API and templates: each finding and each template by itself.

use omega_capi::coherence::{CoherenceInputs, Rule, TemplateFacts};
use omega_core::{Evidence, Failure, Finding, Gate as _, Severity, StepId, Subject};

use crate::{
    coherence::Coherent,
    drift::{Observation, Source, State, observation::TEMPLATE},
};

/// What is read to tell whether driver, chart, Cluster API and templates fit together.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CoherenceView {
    /// The gate.
    pub gate: Coherent,
}

impl CoherenceView {
    pub(in crate::drift) async fn read(&self) -> Result<Vec<Observation>, Failure> {
        let (_, inputs, found) = self.gate.coherence().await?;
        let mut all = vec![self.summary(&inputs)];
        all.extend(inputs.templates.iter().map(template));
        let findings = found.findings.into_iter().map(|finding| self.accepting(finding));
        all.extend(findings.map(|finding| Observation::of_finding(Source::Coherence, finding)));
        Ok(all)
    }

    /// That it was read. What is wrong is in the findings.
    fn summary(&self, inputs: &CoherenceInputs) -> Observation {
        let CoherenceInputs { driver, chart, templates, .. } = inputs;
        let chart = chart.as_ref().map(ToString::to_string).unwrap_or_default();
        let shown = vec![
            Evidence::text("driver", driver.to_string()),
            Evidence::text("chart", chart),
            Evidence::count("templates", templates.len()),
        ];
        let subject = self.gate.subject();
        let id = StepId {
            target: subject.name.clone(),
            kind: "gate".to_owned(),
            key: self.gate.rule().to_owned(),
        };
        Observation::new(Source::Coherence, id, subject, State::Holds).shown_by(shown)
    }

    /// A broken finding that the operator accepts is a warning.
    fn accepting(&self, finding: Finding) -> Finding {
        let is_accepted = Rule::of(&finding)
            .is_some_and(|rule| self.gate.accepted.contains(&rule) && rule.can_be_accepted());
        if is_accepted && finding.is_broken() {
            return finding.severity(Severity::Warning);
        }
        finding
    }
}

fn template(facts: &TemplateFacts) -> Observation {
    let text = |fact: &str, value: Option<&String>| {
        Evidence::text(fact, value.map_or("none", String::as_str))
    };
    let labels = facts.labels.iter().map(|(key, value)| format!("{key} = {value}"));
    let shown = vec![
        text("network driver", facts.network_driver.as_ref()),
        text("distribution", facts.distro.as_ref()),
        Evidence::text("orchestrator", &facts.coe),
        Evidence::text("server type", &facts.server_type),
        Evidence::list("labels", labels),
    ];
    let id =
        StepId { target: "Magnum".to_owned(), kind: TEMPLATE.to_owned(), key: facts.name.clone() };
    let subject = Subject::new("template", &facts.name);
    Observation::new(Source::Coherence, id, subject, State::Holds).shown_by(shown)
}
