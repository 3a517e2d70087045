//! Restores a security group rule as it was in Neutron.

use omega_core::{Conflict, Context, Delta, Desired, Subject};
use serde::{Deserialize, Serialize};

use super::{
    client::Network,
    ensure_sg_rule::{SgRuleChange, SgRuleObserved, send},
    wire::{Rule, Spec},
};
use crate::Error;

/// A group has these rules, which are equal for Neutron, as they were before, with their spelling and
/// descriptions; or none of them. It undoes a [`SgRule`](super::SgRule).
///
/// # Caveats
///
/// Of several equal rules only one is restored: Neutron once accepted more, but now refuses the
/// second. It stores every port as no range, and so does the restored rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestoreSgRules {
    /// The group's name.
    pub(super) group: String,
    /// The rule that they are all equal to.
    pub(super) rule: Spec,
    /// The rules as they were.
    pub(super) was: Vec<Rule>,
}

impl RestoreSgRules {
    pub(super) fn new(group: &str, rule: Spec, before: &SgRuleObserved) -> Self {
        let was = before.rules(&rule).cloned().collect();
        Self { group: group.to_owned(), rule, was }
    }
}

impl Desired for RestoreSgRules {
    const KIND: &'static str = "openstack.restored-sg-rules.v1";
    type Target = Network;
    type Observed = SgRuleObserved;
    type Change = SgRuleChange;
    type Undo = Self;
    type Error = Error;

    fn subject(&self) -> Subject {
        Subject::new("rule", format!("{}: {} as before", self.group, self.rule))
    }

    fn key(&self) -> String {
        self.rule.key_in(&self.group)
    }

    async fn observe(&self, network: &Network) -> Result<SgRuleObserved, Error> {
        network.groups(&self.group).await.map(SgRuleObserved::new)
    }

    fn diff(&self, seen: &SgRuleObserved) -> Result<Delta<SgRuleChange>, Conflict> {
        let Some(group) = seen.group(&self.group)? else {
            return match self.was.first() {
                None => Ok(Delta::Satisfied),
                Some(_) => Err(SgRuleObserved::no_group(&self.group)),
            };
        };
        let mut missing: Vec<&Rule> = self.was.iter().collect();
        let mut changes = Vec::new();
        let mut kept = false;
        for rule in seen.rules(&self.rule) {
            match missing.iter().position(|was| was.is_spelled_as(rule)) {
                Some(index) => {
                    missing.remove(index);
                    kept = true;
                }
                None => changes.push(SgRuleChange::delete(&self.group, rule)),
            }
        }
        if let (false, Some(first)) = (kept, missing.first()) {
            changes.push(SgRuleChange::create(&self.group, &group.id, &first.spec, first.about()));
        }
        Ok(Delta::of(changes))
    }

    async fn apply(
        &self,
        _: &Context,
        network: &Network,
        change: &SgRuleChange,
    ) -> Result<(), Error> {
        send(network, change).await
    }

    fn undo(&self, before: &SgRuleObserved) -> Option<Self> {
        Some(Self::new(&self.group, self.rule.clone(), before))
    }
}
