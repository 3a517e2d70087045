//! Ensures that a security group has, or does not have, a rule.

use jiff::Timestamp;
use omega_core::{
    ChangeKind, Conflict, Context, Delta, Describe, Desired, Diff, EnsureError, Label as _, Note,
    Outcome, Subject, ensure,
};
use serde::{Deserialize, Serialize};

use super::{
    client::Network,
    types::{Presence, SgRule},
    wire::{Group, Spec},
};
use crate::Error;

/// Ensures that `rule` exists, or does not, and returns once Neutron says so.
///
/// Rules that differ in anything but the description are other rules and are left alone, those
/// limited by a remote group or an address group among them. To see the change first, use
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
/// Fails at once when the project has no group of that name. Refuses when several have it:
/// Neutron does not keep names unique, and a rule in the wrong group is a hole.
pub async fn ensure_sg_rule(
    ctx: &Context,
    network: &Network,
    rule: &SgRule,
) -> Result<Outcome<SgRuleObserved>, EnsureError<Error>> {
    ensure(ctx, network, rule).await
}

/// The groups that have the name, with all their rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SgRuleObserved(Vec<Group>);

/// One write to Neutron.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields are the request's")]
pub enum SgRuleChange {
    /// `POST /v2.0/security-group-rules`
    Create { group_id: String, rule: SgRule },
    /// `DELETE /v2.0/security-group-rules/{id}`
    Delete { id: String, rule: SgRule },
}

impl Desired for SgRule {
    const KIND: &'static str = "openstack.sg-rule.v1";
    type Target = Network;
    type Observed = SgRuleObserved;
    type Change = SgRuleChange;
    type Undo = Self;
    type Error = Error;

    fn subject(&self) -> Subject {
        Subject::new("rule", self.to_string())
    }

    fn key(&self) -> String {
        self.to_string()
    }

    async fn observe(&self, network: &Network) -> Result<SgRuleObserved, Error> {
        let groups = network.groups(&self.group).await?;
        if groups.is_empty() && self.presence == Presence::Present {
            return Err(Error::Absent {
                noun: "security group".to_owned(),
                name: self.group.clone(),
                place: network.label(),
                next: "make it, or correct the name (openstack security group list)".to_owned(),
            });
        }
        Ok(SgRuleObserved(groups))
    }

    fn diff(&self, seen: &SgRuleObserved) -> Result<Delta<SgRuleChange>, Conflict> {
        let group = match seen.0.as_slice() {
            // No group, no rule: `observe` has refused the other case.
            [] => return Ok(Delta::Satisfied),
            [group] => group,
            many => return Err(ambiguous(&self.group, many)),
        };
        let spec = Spec::from(self);
        let mut same = group.rules.iter().filter(|rule| rule.spec.same_rule(&spec));
        Ok(Delta::of(match self.presence {
            Presence::Present if same.next().is_some() => vec![],
            Presence::Present => {
                vec![SgRuleChange::Create { group_id: group.id.clone(), rule: self.clone() }]
            }
            Presence::Absent => same
                .map(|rule| SgRuleChange::Delete { id: rule.id.clone(), rule: self.clone() })
                .collect(),
        }))
    }

    async fn apply(
        &self,
        _: &Context,
        network: &Network,
        change: &SgRuleChange,
    ) -> Result<(), Error> {
        let (sent, lost_race) = match change {
            SgRuleChange::Create { group_id, rule } => {
                let spec = Spec::from(rule);
                let sent = network.create_rule(group_id, &spec, &rule.description).await;
                (sent, (409, "SecurityGroupRuleExists"))
            }
            SgRuleChange::Delete { id, rule: _ } => {
                (network.delete_rule(id).await, (404, "SecurityGroupRuleNotFound"))
            }
        };
        match sent {
            // Somebody was faster. That is no proof: verification will look.
            Err(error) if error.is(lost_race.0, lost_race.1) => Ok(()),
            other => other,
        }
    }

    fn undo(&self, before: &SgRuleObserved) -> Option<Self> {
        let spec = Spec::from(self);
        let mut rules = before.0.iter().flat_map(|group| &group.rules);
        let was = rules.find(|rule| rule.spec.same_rule(&spec));
        let description = was.and_then(|rule| rule.description.clone()).unwrap_or_default();
        Some(match self.presence {
            Presence::Present => self.clone().absent(),
            Presence::Absent => Self { presence: Presence::Present, description, ..self.clone() },
        })
    }

    fn notes(&self, _: &SgRuleObserved, _: Timestamp) -> Vec<Note> {
        let peer = self.flow.peer();
        let note = peer.hidden_network().map(|network| {
            Note::new(format!(
                "{peer} has host bits: Neutron filters {network}, but takes {peer} and {network} \
                 for two rules"
            ))
        });
        note.into_iter().collect()
    }
}

fn ambiguous(name: &str, groups: &[Group]) -> Conflict {
    let ids: Vec<_> = groups.iter().map(|group| group.id.as_str()).collect();
    let why = format!("{} security groups are named {name:?}", groups.len());
    Conflict::new(why, "rename all but one (openstack security group set --name NEW ID)")
        .seen("one group of that name", ids.join(", "))
}

impl Describe for SgRuleChange {
    fn describe(&self) -> Diff {
        match self {
            Self::Create { group_id, rule } => {
                let subject = Subject::new("rule", rule.to_string());
                Diff::new(ChangeKind::Create, subject, format!("new in security group {group_id}"))
            }
            Self::Delete { id, rule } => {
                let subject = Subject::new("rule", rule.to_string());
                Diff::new(ChangeKind::Delete, subject, format!("was rule {id}"))
            }
        }
    }
}
