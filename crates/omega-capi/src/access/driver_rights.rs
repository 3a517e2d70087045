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
use crate::{
    Error, Management, Namespace, ReadVersion, Verb,
    list::{JSON, label_selector},
};

/// Ensures that `account` exists with the rights that `driver` needs, in the namespaces of `reach`.
///
/// Objects that omega created for it and that are no longer needed are removed, unless `additive`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the other fields are named after what they hold")]
pub struct DriverRights {
    pub account: Account,
    pub reach: Reach,
    /// The driver that will use the account.
    pub driver: DriverRelease,
    /// Its `api_resources`.
    pub overrides: Overrides,
    /// Whether clusters may use the autoscaler (label `auto_scaling_enabled`), for which the chart
    /// creates a Deployment and a Role in the cluster's namespace.
    pub autoscaler: bool,
    /// Whether rights that are no longer needed stay for now.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub additive: bool,
}

/// Ensures that the account exists with its rights.
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
/// Refuses objects of the same names that omega did not create. [`Error::Forbidden`] if the
/// administrator lacks a right that it has to give.
pub async fn ensure_driver_rights(
    ctx: &Context,
    management: &Management,
    rights: &DriverRights,
) -> Result<Outcome<DriverRightsObserved>, EnsureError<Error>> {
    ensure(ctx, management, rights).await
}

/// The existing objects of the needed names, and those that omega created for the account before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DriverRightsObserved(Vec<ObservedObject>);

/// An existing object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
#[expect(missing_docs, reason = "the other fields are named after what they hold")]
pub struct ObservedObject {
    pub id: ObjectId,
    pub uid: String,
    pub version: ReadVersion,
    /// Whether omega created it for this account.
    pub ours: bool,
    pub deleting: bool,
    pub content: Content,
}

/// One write.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields are the request's")]
pub enum RightsChange {
    /// `POST`
    Create { object: WantedObject },
    /// `PATCH`, unless the object has changed.
    Repair { object: WantedObject, was: Content, version: ReadVersion },
    /// `DELETE`, unless the object has changed.
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
        // New rights come before the removal of old ones.
        let unneeded = seen.0.iter().filter(|found| wanted.iter().all(|want| want.id != found.id));
        let removed = unneeded.filter(|found| !found.deleting && !self.additive);
        changes.extend(removed.map(ObservedObject::deleted));
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
                let (path, body) = (object.id.collection(), object.body(&self.account.mark()));
                management.change(Verb::Create, &path, &body, &[409]).await
            }
            RightsChange::Repair { object, was, version } => {
                let mut patch = object.content.fields(Some(was));
                if let Value::Object(fields) = &mut patch {
                    let metadata = json!({ "resourceVersion": version });
                    fields.insert("metadata".to_owned(), metadata);
                }
                management.change(Verb::Merge, &object.id.path(), &patch, &[]).await
            }
            RightsChange::Delete { id, uid, version } => {
                let preconditions = json!({ "uid": uid, "resourceVersion": version });
                let options = json!({
                    "apiVersion": "v1", "kind": "DeleteOptions", "preconditions": preconditions,
                });
                management.change(Verb::Delete, &id.path(), &options, &[404]).await
            }
        }
    }

    /// Writes are visible at once; only a delete takes a moment.
    fn poll_policy(&self) -> PollPolicy {
        PollPolicy::new(Duration::from_secs(1), Duration::from_secs(5))
    }

    fn notes(&self, _: &DriverRightsObserved, _: Timestamp) -> Vec<Note> {
        let mut notes = Vec::new();
        if self.reach == Reach::Everywhere {
            notes.push(Note::new(
                "RBAC has no pattern for magnum-*: rights on secrets in all namespaces can be \
                 escalated to all rights; if the projects are known, name their namespaces",
            ));
        }
        if self.autoscaler {
            notes.push(Note::new(
                "for the autoscaler the driver may create Deployments and Roles in the namespaces of \
                 clusters: a pod there can use any secret and account of its namespace",
            ));
        }
        notes
    }
}

fn foreign(found: &ObservedObject) -> Conflict {
    let why = format!("{} exists, and omega did not create it", found.id);
    let next = "choose another account (--account NAMESPACE/NAME), or delete it if nobody needs it";
    Conflict::new(why, next).seen(format!("none, or one with the label {MARK}"), "no such label")
}

impl DriverRights {
    /// Returns the changes from what was found to `object`.
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

/// Returns the UID of the account, if it exists.
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
    let path = id.path();
    let Some(object) = management.find::<Value>(&path, JSON).await? else { return Ok(None) };
    let malformed = || management.malformed(Verb::Get, &path, "it has no roleRef");
    ObservedObject::read(id, &object, mark).map(Some).ok_or_else(malformed)
}

async fn marked(
    management: &Management,
    kind: Kind,
    mark: &str,
) -> Result<Vec<ObservedObject>, Error> {
    let selector = label_selector(MARK, mark);
    let all: Vec<Value> = management.list(&kind.path(None), &selector, 250, JSON).await?;
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
                let effect = "restore; somebody changed it";
                let diff = Diff::new(ChangeKind::Update, subject(&object.id), effect);
                let (was, wanted) = (was.lines(), object.content.lines());
                let gone = was.iter().filter(|rule| !wanted.contains(rule));
                let new = wanted.iter().filter(|rule| !was.contains(rule));
                let lines =
                    gone.map(|rule| format!("- {rule}")).chain(new.map(|r| format!("+ {r}")));
                lines.fold(diff, Diff::with)
            }
            Self::Delete { id, .. } => {
                Diff::new(ChangeKind::Delete, subject(id), "no longer needed")
            }
        }
    }
}

fn count(rules: usize) -> String {
    if rules == 1 { "1 rule".to_owned() } else { format!("{rules} rules") }
}
