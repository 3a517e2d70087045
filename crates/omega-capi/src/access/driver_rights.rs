//! Ensures that an account has what the driver needs, and nothing else by our hand.

use std::{collections::BTreeSet, time::Duration};

use futures::future::{try_join, try_join_all};
use jiff::Timestamp;
use omega_core::{
    ChangeKind, Conflict, Context, Delta, Describe, Desired, Diff, EnsureError, Note, Outcome,
    PollPolicy, Subject, ensure,
};
use omega_driver::{DriverRelease, Need, Overrides, driver_needs};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Account, Content, Kind, ObjectId, Reach, WantedObject,
    objects::{MARK, wanted},
};
use crate::{Error, Management, Namespace, ReadVersion, Verb, list::JSON};

/// That `account` exists and may do what `driver` does, where `reach` says.
///
/// What is marked as made for it and is not wanted any more is removed, unless it is `additive`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DriverRights {
    /// The account.
    pub account: Account,
    /// Where.
    pub reach: Reach,
    /// The driver that will use it.
    pub driver: DriverRelease,
    /// Its `api_resources`.
    pub overrides: Overrides,
    /// Whether clusters may scale themselves (label `auto_scaling_enabled`): the chart then makes a
    /// Deployment and a Role beside each.
    pub autoscaler: bool,
    /// Whether rights that are not wanted any more stay for now.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub additive: bool,
}

/// Ensures that the account and its rights are there.
///
/// ```no_run
/// # use omega_capi::{Management, access::*};
/// # async fn f(management: &Management) -> Result<(), Box<dyn std::error::Error>> {
/// let rights = DriverRights {
///     account: "omega/magnum-driver".parse()?,
///     reach: Reach::Namespaces(["magnum-6741a4d1".parse()?].into()),
///     driver: "1.4.0".parse()?,
///     overrides: Default::default(),
///     autoscaler: false,
///     additive: false,
/// };
/// println!("changed: {}", ensure_driver_rights(&Default::default(), management, &rights).await?.changed());
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// Refuses objects of the same names that somebody else made. [`Error::Forbidden`]: nobody gives
/// rights that they don't have.
pub async fn ensure_driver_rights(
    ctx: &Context,
    management: &Management,
    rights: &DriverRights,
) -> Result<Outcome<DriverRightsObserved>, EnsureError<Error>> {
    ensure(ctx, management, rights).await
}

/// What is there of the names that are wanted, and what was made for the account before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DriverRightsObserved(Vec<ObservedObject>);

/// One object as it was found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ObservedObject {
    /// Which.
    pub id: ObjectId,
    /// Its UID.
    pub uid: String,
    /// The version that was read.
    pub version: ReadVersion,
    /// Whether it was made for this account by omega.
    pub ours: bool,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// What decides.
    pub content: Content,
}

/// One write.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields are the request's")]
pub enum RightsChange {
    /// `POST`
    Create { object: WantedObject },
    /// `PATCH` of what was seen, and of nothing newer.
    Repair { object: WantedObject, was: Content, version: ReadVersion },
    /// `DELETE` of what was seen, and of nothing newer.
    Delete { id: ObjectId, uid: String, version: ReadVersion },
}

impl DriverRights {
    /// Returns what the driver needs in each namespace.
    pub fn needs(&self) -> BTreeSet<Need> {
        driver_needs(&self.driver, &self.overrides, self.autoscaler)
    }
}

impl Desired for DriverRights {
    const KIND: &'static str = "capi.driver-rights.v1";
    type Target = Management;
    type Observed = DriverRightsObserved;
    type Change = RightsChange;
    type Undo = Self;
    type Error = Error;

    fn subject(&self) -> Subject {
        let place = match &self.reach {
            Reach::Everywhere => "in all namespaces".to_owned(),
            Reach::Namespaces(names) => {
                let names: Vec<_> = names.iter().map(Namespace::as_str).collect();
                format!("in {}", names.join(", "))
            }
        };
        Subject::new("rights", format!("of {} {place}", self.account))
    }

    fn key(&self) -> String {
        let kind = if self.additive { "/additive" } else { "" };
        format!("{}{kind}", self.account)
    }

    async fn observe(&self, management: &Management) -> Result<DriverRightsObserved, Error> {
        let mark = self.account.mark();
        let named = wanted(self).into_iter().map(|wanted| wanted.id);
        let named = try_join_all(named.map(|id| named_object(management, id, &mark)));
        let marked = try_join_all(Kind::MARKED.map(|kind| marked(management, kind, &mark)));
        let (named, marked) = try_join(named, marked).await?;
        let mut all: Vec<ObservedObject> = named.into_iter().flatten().collect();
        for object in marked.into_iter().flatten() {
            if all.iter().all(|known| known.id != object.id) {
                all.push(object);
            }
        }
        Ok(DriverRightsObserved(all))
    }

    fn diff(&self, seen: &DriverRightsObserved) -> Result<Delta<RightsChange>, Conflict> {
        let wanted = wanted(self);
        let mut changes = Vec::new();
        for object in &wanted {
            match seen.0.iter().find(|found| found.id == object.id) {
                None => changes.push(RightsChange::Create { object: object.clone() }),
                Some(found) if found.deleting => {
                    return Ok(Delta::Wait(format!("{} is being deleted", found.id)));
                }
                Some(_) if object.id.kind == Kind::Namespace => {}
                Some(found) if !found.ours => return Err(foreign(found)),
                Some(found) => changes.extend(self.repaired(found, object)),
            }
        }
        // What is given is there before what is taken goes.
        let unwanted = seen.0.iter().filter(|found| wanted.iter().all(|want| want.id != found.id));
        let taken = unwanted.filter(|found| !found.deleting && !self.additive);
        changes.extend(taken.map(ObservedObject::deleted));
        Ok(Delta::of(changes))
    }

    async fn apply(
        &self,
        _: &Context,
        management: &Management,
        change: &RightsChange,
    ) -> Result<(), Error> {
        match change {
            RightsChange::Create { object } => {
                let body = object.body(&self.account.mark());
                let sent = management.send(Verb::Create, &object.id.collection(), &body).await;
                // Somebody was faster. That is no proof: verification will look.
                unless(sent, 409)
            }
            RightsChange::Repair { object, was, version } => {
                let mut patch = object.content.fields(Some(was));
                if let Value::Object(fields) = &mut patch {
                    let metadata = json!({ "resourceVersion": version });
                    fields.insert("metadata".to_owned(), metadata);
                }
                management.send(Verb::Merge, &object.id.path(), &patch).await.map(drop)
            }
            RightsChange::Delete { id, uid, version } => {
                let preconditions = json!({ "uid": uid, "resourceVersion": version });
                let options = json!({
                    "apiVersion": "v1", "kind": "DeleteOptions", "preconditions": preconditions,
                });
                unless(management.send(Verb::Delete, &id.path(), &options).await, 404)
            }
        }
    }

    /// What was written is read at once: only a delete takes a moment.
    fn poll_policy(&self) -> PollPolicy {
        PollPolicy::new(Duration::from_secs(1), Duration::from_secs(5))
    }

    fn notes(&self, _: &DriverRightsObserved, _: Timestamp) -> Vec<Note> {
        let mut notes = Vec::new();
        if self.reach == Reach::Everywhere {
            notes.push(Note::new(
                "RBAC has no pattern for magnum-*: rights on secrets in all namespaces can be made \
                 into all rights; where the projects are known, name their namespaces",
            ));
        }
        if self.autoscaler {
            notes.push(Note::new(
                "for the autoscaler the driver may make Deployments and Roles where it keeps \
                 clusters: a pod there can use any secret and account of its namespace",
            ));
        }
        notes
    }
}

/// Passes over the answer that somebody else has done it.
fn unless(sent: Result<Value, Error>, lost_race: u16) -> Result<(), Error> {
    match sent {
        Err(Error::Status { code, .. }) if code == lost_race => Ok(()),
        other => other.map(drop),
    }
}

fn foreign(found: &ObservedObject) -> Conflict {
    let why = format!("{} is there, and was not made by omega", found.id);
    let next = "choose another name (--account NAMESPACE/NAME), or remove it if nobody needs it";
    Conflict::new(why, next).seen(format!("none, or one with the label {MARK}"), "no such label")
}

impl DriverRights {
    /// Returns what makes `object` of what was found.
    fn repaired(&self, found: &ObservedObject, object: &WantedObject) -> Vec<RightsChange> {
        if !found.content.can_become(&object.content) {
            return vec![found.deleted(), RightsChange::Create { object: object.clone() }];
        }
        let content = if self.additive {
            object.content.with(&found.content)
        } else {
            object.content.clone()
        };
        if content == found.content {
            return Vec::new();
        }
        vec![RightsChange::Repair {
            object: WantedObject { id: object.id.clone(), content },
            was: found.content.clone(),
            version: found.version.clone(),
        }]
    }
}

impl ObservedObject {
    fn read(id: ObjectId, object: &Value, mark: &str) -> Option<Self> {
        let metadata = object.get("metadata");
        let metadata = |key: &str| metadata.and_then(|all| all.get(key));
        let text = |key: &str| metadata(key).and_then(Value::as_str).unwrap_or_default();
        let label = metadata("labels").and_then(|labels| labels.get(MARK));
        Some(Self {
            uid: text("uid").to_owned(),
            version: ReadVersion::new(text("resourceVersion")),
            ours: label.is_some_and(|label| label == mark),
            deleting: metadata("deletionTimestamp").is_some(),
            content: Content::read(id.kind, object)?,
            id,
        })
    }

    fn deleted(&self) -> RightsChange {
        RightsChange::Delete {
            id: self.id.clone(),
            uid: self.uid.clone(),
            version: self.version.clone(),
        }
    }
}

/// Returns the UID of the account, if it is there.
pub(super) async fn account_uid(
    management: &Management,
    account: &Account,
) -> Result<Option<String>, Error> {
    let (namespace, name) = (Some(account.namespace.to_string()), account.name().to_owned());
    let id = ObjectId { kind: Kind::ServiceAccount, namespace, name };
    let found = named_object(management, id, &account.mark()).await?;
    Ok(found.map(|object| object.uid))
}

async fn named_object(
    management: &Management,
    id: ObjectId,
    mark: &str,
) -> Result<Option<ObservedObject>, Error> {
    match management.read::<Value>(&id.path(), JSON).await {
        Ok(object) => {
            let malformed = || management.malformed(Verb::Get, &id.path(), "it has no roleRef");
            ObservedObject::read(id.clone(), &object, mark).map(Some).ok_or_else(malformed)
        }
        Err(Error::Status { code: 404, .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn marked(
    management: &Management,
    kind: Kind,
    mark: &str,
) -> Result<Vec<ObservedObject>, Error> {
    let selector = format!("labelSelector={}%3D{mark}", MARK.replace('/', "%2F"));
    let path = kind.path(None);
    let all: Vec<Value> = management.list(&path, &selector, 250, JSON).await?;
    let object = |object: &Value| {
        let text = |key: &str| Some(object.get("metadata")?.get(key)?.as_str()?.to_owned());
        let id = ObjectId { kind, namespace: text("namespace"), name: text("name")? };
        ObservedObject::read(id, object, mark)
    };
    Ok(all.iter().filter_map(object).collect())
}

impl Describe for RightsChange {
    fn describe(&self) -> Diff {
        let subject = |id: &ObjectId| {
            let place = id.namespace.as_ref().map(|n| format!("{n}/")).unwrap_or_default();
            Subject::new(&format!("{:?}", id.kind), format!("{place}{}", id.name))
        };
        match self {
            Self::Create { object } => {
                let rules = object.content.lines();
                let effect = if rules.is_empty() { "new".to_owned() } else { count(rules.len()) };
                let diff = Diff::new(ChangeKind::Create, subject(&object.id), effect);
                rules.into_iter().fold(diff, Diff::with)
            }
            Self::Repair { object, was, version: _ } => {
                let effect = "made as it has to be; somebody changed it";
                let diff = Diff::new(ChangeKind::Update, subject(&object.id), effect);
                let (was, wanted) = (was.lines(), object.content.lines());
                let gone = was.iter().filter(|rule| !wanted.contains(rule));
                let new = wanted.iter().filter(|rule| !was.contains(rule));
                let lines =
                    gone.map(|rule| format!("- {rule}")).chain(new.map(|r| format!("+ {r}")));
                lines.fold(diff, Diff::with)
            }
            Self::Delete { id, .. } => {
                Diff::new(ChangeKind::Delete, subject(id), "not wanted any more")
            }
        }
    }
}

fn count(rules: usize) -> String {
    if rules == 1 { "1 rule".to_owned() } else { format!("{rules} rules") }
}
