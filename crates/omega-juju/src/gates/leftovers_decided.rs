use std::sync::Arc;

use async_trait::async_trait;
use omega_core::{
    CheckRule, Evidence, Failure, FailureClass, Gate, Label as _, Observation, Subject, Verdict,
};
use serde::{Deserialize, Serialize};

use super::not_checked;
use crate::{
    Unit,
    operations::{LeftoverObserved, LeftoversObserved, find_leftovers},
};

/// The operator's decision about the files of the superseded graft.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeftoverPolicy {
    /// There is none yet.
    #[default]
    Undecided,
    /// They are kept.
    Keep,
    /// [`RemoveLeftovers`](crate::operations::RemoveLeftovers) removes them.
    Remove,
}

/// Whether the operator has decided about the files of the superseded graft, if there are any.
#[derive(Clone, Debug)]
pub struct LeftoversDecided {
    unit: Arc<Unit>,
    policy: LeftoverPolicy,
}

impl LeftoversDecided {
    /// Returns the gate.
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

    fn undecided(&self, leftovers: &[&LeftoverObserved]) -> Failure {
        let what = format!("refused to change {} without a decision", self.unit.label());
        let why = "the superseded graft left files here: decide whether to remove or keep them";
        Failure {
            expected: Some("no such files, or a decision".to_owned()),
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

/// The effect of a file that is kept, with the decision that it departs from.
fn kept(file: &LeftoverObserved) -> Evidence {
    let path = &file.path;
    let (decision, text) = match &file.drop_in {
        None => (
            "D-007",
            format!(
                "{path} is kept: of its options, Magnum 18 knows only kubeconfig_file (there is no \
                 enabled_drivers), and overrides other files with it because it is read last"
            ),
        ),
        Some((daemon, _)) => (
            "D-037",
            format!(
                "{path} is kept: it starts {daemon} without its init script, so that \
                 /etc/default/{daemon} is not read and --log-file is lost"
            ),
        ),
    };
    Evidence { fact: format!("{decision}:"), value: Observation::Text(text) }
}

impl LeftoversDecided {
    /// Its rule, and the decisions that it checks.
    pub const RULE: CheckRule = CheckRule::new("leftovers-decided", &["D-007", "D-037"]);
}

#[async_trait]
impl Gate for LeftoversDecided {
    fn rule(&self) -> &'static str {
        Self::RULE.name
    }

    fn subject(&self) -> Subject {
        Subject::new("leftover", format!("of the superseded graft on {}", self.unit.label()))
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        match find_leftovers(&self.unit).await {
            Ok(seen) => self.judge(&seen),
            Err(error) => Err(not_checked(self, &error)),
        }
    }
}
