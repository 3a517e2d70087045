//! Ensures that a security group has, or does not have, a rule.

#[cfg(any(test, feature = "sim"))]
#[expect(clippy::indexing_slicing, reason = "a contract is a test")]
pub(crate) mod contract;

use jiff::Timestamp;
use omega_core::{
    ChangeKind, Conflict, Context, Delta, Describe, Desired, Diff, EnsureError, Note, Outcome,
    Subject, ensure,
};
use serde::{Deserialize, Serialize};

use super::{
    client::Network,
    restore_sg_rules::RestoreSgRules,
    types::{Presence, SgRule},
    wire::{Group, Rule, Spec},
};
use crate::{Error, RefusalReason};

/// Ensures that `rule` exists, or does not, and returns once this was observed.
///
/// Rules that differ in anything except the description are different rules and are not changed,
/// including those with a remote group or an address group. To see the change first, use
/// [`omega_core::plan`].
///
/// ```no_run
/// # use omega_openstack::network::*;
/// # async fn f(ctx: &omega_core::Context, net: &Network) -> Result<(), Box<dyn std::error::Error>> {
/// let flow = Flow::tcp("6443".parse()?, "10.20.0.0/16".parse()?);
/// let done = ensure_sg_rule(ctx, net, &SgRule::ingress("capi-lb", flow)).await?;
/// println!("changed: {}", done.changed());
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// Refuses if the project has no group of that name, or several: names are not unique in Neutron, and
/// a rule in the wrong group is a security hole.
pub async fn ensure_sg_rule(
    ctx: &Context,
    network: &Network,
    rule: &SgRule,
) -> Result<Outcome<SgRuleObserved>, EnsureError<Error>> {
    ensure(ctx, network, rule).await
}

/// The groups with this name, and all their rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SgRuleObserved(Vec<Group>);

impl SgRuleObserved {
    pub(super) fn new(groups: Vec<Group>) -> Self {
        Self(groups)
    }

    /// Returns the group with the name, if there is one.
    pub(super) fn group(&self, name: &str) -> Result<Option<&Group>, Conflict> {
        let [first, _, ..] = self.0.as_slice() else { return Ok(self.0.first()) };
        let ids: Vec<_> = self.0.iter().map(|group| group.id.as_str()).collect();
        let why = format!("{} security groups have the name {name:?}", self.0.len());
        let next =
            format!("rename all but one (openstack security group set --name NEW {})", first.id);
        Err(Conflict::new(why, next).seen("one group of that name", ids.join(", ")))
    }

    /// Returns the refusal for a missing group.
    pub(super) fn no_group(name: &str) -> Conflict {
        let next = "create it, or correct the name (openstack security group list)";
        Conflict::new(format!("there is no security group {name:?}"), next)
    }

    /// Returns the rules that are equal to `spec` for Neutron.
    pub(super) fn rules(&self, spec: &Spec) -> impl Iterator<Item = &Rule> {
        let rules = self.0.iter().flat_map(|group| &group.rules);
        rules.filter(|rule| rule.spec.same_rule(spec))
    }
}

/// One write to Neutron.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields are the request's")]
pub enum SgRuleChange {
    /// `POST /v2.0/security-group-rules`
    Create { group: String, group_id: String, rule: Spec, description: String },
    /// `DELETE /v2.0/security-group-rules/{id}`
    Delete { group: String, id: String, rule: Spec },
}

impl SgRuleChange {
    pub(super) fn create(group: &str, group_id: &str, rule: &Spec, description: &str) -> Self {
        let (group, group_id) = (group.to_owned(), group_id.to_owned());
        Self::Create { group, group_id, rule: rule.clone(), description: description.to_owned() }
    }

    pub(super) fn delete(group: &str, rule: &Rule) -> Self {
        let Rule { id, description: _, spec } = rule.clone();
        Self::Delete { group: group.to_owned(), id, rule: spec }
    }
}

/// Sends one write.
pub(super) async fn send(network: &Network, change: &SgRuleChange) -> Result<(), Error> {
    let (sent, done_already) = match change {
        SgRuleChange::Create { group: _, group_id, rule, description } => {
            (network.create_rule(group_id, rule, description).await, RefusalReason::AlreadyExists)
        }
        SgRuleChange::Delete { group: _, id, rule: _ } => {
            (network.delete_rule(id).await, RefusalReason::NotFound)
        }
    };
    match sent {
        // Another client was faster. The verification observes the result.
        Err(error) if error.reason() == Some(done_already) => Ok(()),
        other => other,
    }
}

impl Desired for SgRule {
    const KIND: &'static str = "openstack.sg-rule.v1";
    type Target = Network;
    type Observed = SgRuleObserved;
    type Change = SgRuleChange;
    type Undo = RestoreSgRules;
    type Error = Error;

    fn subject(&self) -> Subject {
        Subject::new("rule", self.to_string())
    }

    fn key(&self) -> String {
        Spec::from(self).key_in(&self.group)
    }

    async fn observe(&self, network: &Network) -> Result<SgRuleObserved, Error> {
        network.groups(&self.group).await.map(SgRuleObserved)
    }

    fn diff(&self, seen: &SgRuleObserved) -> Result<Delta<SgRuleChange>, Conflict> {
        let spec = Spec::from(self);
        let mut same = seen.rules(&spec);
        Ok(Delta::of(match (seen.group(&self.group)?, self.presence) {
            (None, Presence::Present) => return Err(SgRuleObserved::no_group(&self.group)),
            (Some(group), Presence::Present) if same.next().is_none() => {
                vec![SgRuleChange::create(&self.group, &group.id, &spec, &self.description)]
            }
            (_, Presence::Present) => vec![],
            (_, Presence::Absent) => {
                same.map(|rule| SgRuleChange::delete(&self.group, rule)).collect()
            }
        }))
    }

    async fn apply(
        &self,
        _: &Context,
        network: &Network,
        change: &SgRuleChange,
    ) -> Result<(), Error> {
        send(network, change).await
    }

    fn undo(&self, before: &SgRuleObserved) -> Option<RestoreSgRules> {
        Some(RestoreSgRules::new(&self.group, Spec::from(self), before))
    }

    fn notes(&self, _: &SgRuleObserved, _: Timestamp) -> Vec<Note> {
        let peer = self.flow.peer();
        let note = peer.hidden_network().map(|network| {
            Note::new(format!(
                "{peer} has host bits: Neutron filters {network}, but takes {peer} and {network} \
                 for two rules"
            ))
        });
        let is_open = self.presence == Presence::Present && peer.is_everywhere();
        let open = is_open.then(|| Note::new(format!("this opens it to every address ({peer})")));
        note.into_iter().chain(open).collect()
    }

    /// Neutron has no lock, and refuses a second rule only if its request is the same.
    fn notes_after(&self, after: &SgRuleObserved) -> Vec<Note> {
        let same: Vec<&str> = after.rules(&Spec::from(self)).map(|rule| rule.id.as_str()).collect();
        if same.len() < 2 || self.presence == Presence::Absent {
            return Vec::new();
        }
        let ids = same.join(", ");
        let text = format!(
            "{} rules have this meaning: {ids}; another client made one at the same time, and one is \
             enough (openstack security group rule delete ID)",
            same.len()
        );
        vec![Note::new(text)]
    }
}

impl Describe for SgRuleChange {
    fn describe(&self) -> Diff {
        let subject = |group: &str, rule: &Spec| Subject::new("rule", format!("{group}: {rule}"));
        match self {
            Self::Create { group, group_id, rule, description: _ } => {
                let effect = format!("new in security group {group_id}");
                Diff::new(ChangeKind::Create, subject(group, rule), effect)
            }
            Self::Delete { group, id, rule } => {
                Diff::new(ChangeKind::Delete, subject(group, rule), format!("was rule {id}"))
            }
        }
    }
}
