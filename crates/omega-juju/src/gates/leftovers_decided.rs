use std::sync::Arc;

use async_trait::async_trait;
use omega_core::{
    Evidence, Failure, FailureClass, Gate, Label as _, Observation, Subject, Verdict,
};
use serde::{Deserialize, Serialize};

use super::not_asked;
use crate::{
    Unit,
    operations::{LeftoverObserved, LeftoversObserved, find_leftovers},
};

/// The operator's decision about what the superseded graft left behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeftoverPolicy {
    /// None yet.
    #[default]
    Undecided,
    /// It stays.
    Keep,
    /// It goes: [`RemoveLeftovers`](crate::operations::RemoveLeftovers) is a step of the runbook.
    Remove,
}

/// Whether it is decided what becomes of the superseded graft's files, where there are any.
#[derive(Clone, Debug)]
pub struct LeftoversDecided {
    unit: Arc<Unit>,
    policy: LeftoverPolicy,
}

impl LeftoversDecided {
    /// Returns the question.
    pub fn new(unit: &Arc<Unit>, policy: LeftoverPolicy) -> Self {
        Self { unit: Arc::clone(unit), policy }
    }

    fn judge(&self, seen: &LeftoversObserved) -> Result<Verdict, Failure> {
        let leftovers: Vec<_> = seen.leftovers().collect();
        match (self.policy, leftovers.is_empty()) {
            (_, true) => Ok(Verdict::shown([Evidence::count("leftovers", 0)])),
            (LeftoverPolicy::Keep, false) => Ok(Verdict::shown(leftovers.into_iter().map(kept))),
            (LeftoverPolicy::Remove, false) => {
                Ok(Verdict::shown([Evidence::list("to be removed:", paths(&leftovers))]))
            }
            (LeftoverPolicy::Undecided, false) => Err(self.undecided(&leftovers)),
        }
    }

    /// The request is refused: that is not the unit's fault.
    fn undecided(&self, leftovers: &[&LeftoverObserved]) -> Failure {
        let what = format!("refused to change {} before it is decided", self.unit.label());
        let why = "the superseded graft left files here, and what becomes of them is yours to say";
        Failure {
            expected: Some("none of its files, or a decision".to_owned()),
            found: Some(paths(leftovers).join(", ")),
            ..Failure::new(FailureClass::Refused, what)
                .next("use --remove-leftovers or --keep-leftovers")
                .because(why)
        }
    }
}

fn paths(leftovers: &[&LeftoverObserved]) -> Vec<String> {
    leftovers.iter().map(|file| file.path.to_string()).collect()
}

/// What it means that a file stays, with the decision that it departs from.
fn kept(file: &LeftoverObserved) -> Evidence {
    let (decision, words) = match &file.drop_in {
        None => (
            "D-007",
            format!(
                "{} stays: of its options Magnum 18 knows kubeconfig_file only (there is no \
                 enabled_drivers), and being read last it wins",
                file.path
            ),
        ),
        Some((daemon, _)) => (
            "D-037",
            format!(
                "{} stays: it starts {daemon} without its init script, so that \
                 /etc/default/{daemon} is not read and --log-file is lost",
                file.path
            ),
        ),
    };
    Evidence { fact: format!("{decision}:"), value: Observation::Text(words) }
}

#[async_trait]
impl Gate for LeftoversDecided {
    fn rule(&self) -> &'static str {
        "leftovers-decided"
    }

    fn subject(&self) -> Subject {
        Subject::new("leftover", format!("of the superseded graft on {}", self.unit.label()))
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        match find_leftovers(&self.unit).await {
            Ok(seen) => self.judge(&seen),
            Err(error) => Err(not_asked(self, &self.unit, &error)),
        }
    }
}
