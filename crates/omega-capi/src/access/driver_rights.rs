//! Ensures that an account has what the driver needs, and nothing else by our hand.

use std::collections::BTreeSet;

use futures::future::{try_join, try_join_all};
use jiff::Timestamp;
use omega_core::{
    Conflict, Context, Delta, Describe, Desired, Diff, EnsureError, Note, Outcome, Subject, ensure,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    Account, Reach,
    objects::{Id, Kind, MARK, Wanted, wanted},
};
use crate::{Error, Management, Namespace, Verb, list::JSON};
use omega_driver::{DriverRelease, Need, Overrides, driver_needs};

/// That `account` exists and may do what `driver` does, where `reach` says.
///
/// What is marked as made for it and is not wanted any more is removed.
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DriverRightsObserved(Vec<SeenObject>);

/// One object as it was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenObject {
    /// Which.
    pub id: Id,
    uid: String,
    resource_version: String,
    /// Whether it was made for this account by omega.
    ours: bool,
    deleting: bool,
    content: Value,
}

/// One write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields are the request's")]
pub enum RightsChange {
    /// `POST`
    Create { id: Id, body: Value },
    /// `PATCH` of what was seen, and of nothing newer.
    Repair { id: Id, patch: Value, was: Value },
    /// `DELETE` of what was seen, and of nothing newer.
    Delete { id: Id, uid: String, resource_version: String },
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
        self.account.to_string()
    }

    async fn observe(&self, management: &Management) -> Result<DriverRightsObserved, Error> {
        let mark = self.account.mark();
        let named = wanted(self).into_iter().map(|wanted| wanted.id);
        let named = try_join_all(named.map(|id| named_object(management, id, &mark)));
        let marked = try_join_all(Kind::MARKED.map(|kind| marked(management, kind, &mark)));
        let (named, marked) = try_join(named, marked).await?;
        let mut all: Vec<SeenObject> = named.into_iter().flatten().collect();
        for object in marked.into_iter().flatten() {
            if all.iter().all(|known| known.id != object.id) {
                all.push(object);
            }
        }
        Ok(DriverRightsObserved(all))
    }

    fn diff(&self, seen: &DriverRightsObserved) -> Result<Delta<RightsChange>, Conflict> {
        let mark = self.account.mark();
        let wanted = wanted(self);
        let mut changes = Vec::new();
        for want in &wanted {
            match seen.0.iter().find(|object| object.id == want.id) {
                None => changes.push(create(want, &mark)),
                Some(found) if found.deleting => {
                    return Ok(Delta::Wait(format!("{} is being deleted", found.id)));
                }
                Some(found) if want.id.kind == Kind::Namespace || found.is(want) => {}
                Some(found) if !found.ours => return Err(foreign(found)),
                Some(found) => changes.extend(found.repaired(want, &mark)),
            }
        }
        // What is given is there before what is taken goes.
        let left = seen.0.iter().filter(|found| wanted.iter().all(|want| want.id != found.id));
        changes.extend(left.filter(|found| !found.deleting).map(SeenObject::deleted));
        Ok(Delta::of(changes))
    }

    async fn apply(
        &self,
        _: &Context,
        management: &Management,
        change: &RightsChange,
    ) -> Result<(), Error> {
        match change {
            RightsChange::Create { id, body } => {
                let sent = management.send(Verb::Create, &id.collection(), body).await;
                // Somebody was faster. That is no proof: verification will look.
                unless(sent, 409)
            }
            RightsChange::Repair { id, patch, was: _ } => {
                management.send(Verb::Merge, &id.path(), patch).await.map(drop)
            }
            RightsChange::Delete { id, uid, resource_version } => {
                let preconditions = json!({ "uid": uid, "resourceVersion": resource_version });
                let options = json!({
                    "apiVersion": "v1", "kind": "DeleteOptions", "preconditions": preconditions,
                });
                unless(management.send(Verb::Delete, &id.path(), &options).await, 404)
            }
        }
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

fn create(want: &Wanted, mark: &str) -> RightsChange {
    RightsChange::Create { id: want.id.clone(), body: want.body(mark) }
}

fn foreign(found: &SeenObject) -> Conflict {
    let why = format!("{} is there, and was not made by omega", found.id);
    let next = "choose another name (--account NAMESPACE/NAME), or remove it if nobody needs it";
    Conflict::new(why, next).seen(format!("none, or one with the label {MARK}"), "no such label")
}

impl SeenObject {
    fn read(id: Id, object: &Value, mark: &str) -> Self {
        let metadata = object.get("metadata");
        let metadata = |key: &str| metadata.and_then(|all| all.get(key));
        let text = |key: &str| metadata(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let label = metadata("labels").and_then(|labels| labels.get(MARK));
        let fields = id.kind.fields().iter();
        let content = fields.filter_map(|key| Some(((*key).to_owned(), object.get(key)?.clone())));
        Self {
            uid: text("uid"),
            resource_version: text("resourceVersion"),
            ours: label.is_some_and(|label| label == mark),
            deleting: metadata("deletionTimestamp").is_some(),
            content: content.collect(),
            id,
        }
    }

    fn is(&self, want: &Wanted) -> bool {
        self.ours && self.content == want.content
    }

    fn repaired(&self, want: &Wanted, mark: &str) -> Vec<RightsChange> {
        // Which role a binding is for can't be changed.
        if self.content.get("roleRef") != want.content.get("roleRef") {
            return vec![self.deleted(), create(want, mark)];
        }
        let metadata = json!({ "resourceVersion": self.resource_version });
        let mut patch = want.content.clone();
        if let Value::Object(fields) = &mut patch {
            for field in self.id.kind.fields() {
                if !fields.contains_key(*field) && self.content.get(*field).is_some() {
                    fields.insert((*field).to_owned(), Value::Null);
                }
            }
            fields.insert("metadata".to_owned(), metadata);
        }
        vec![RightsChange::Repair { id: self.id.clone(), patch, was: self.content.clone() }]
    }

    fn deleted(&self) -> RightsChange {
        RightsChange::Delete {
            id: self.id.clone(),
            uid: self.uid.clone(),
            resource_version: self.resource_version.clone(),
        }
    }
}

/// Returns the UID of the account, if it is there.
pub(super) async fn account_uid(
    management: &Management,
    account: &Account,
) -> Result<Option<String>, Error> {
    let (namespace, name) = (Some(account.namespace.to_string()), account.name().to_owned());
    let id = Id { kind: Kind::ServiceAccount, namespace, name };
    let found = named_object(management, id, &account.mark()).await?;
    Ok(found.map(|object| object.uid))
}

async fn named_object(
    management: &Management,
    id: Id,
    mark: &str,
) -> Result<Option<SeenObject>, Error> {
    match management.read::<Value>(&id.path(), JSON).await {
        Ok(object) => Ok(Some(SeenObject::read(id, &object, mark))),
        Err(Error::Status { code: 404, .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

async fn marked(management: &Management, kind: Kind, mark: &str) -> Result<Vec<SeenObject>, Error> {
    let selector = format!("labelSelector={}%3D{mark}", MARK.replace('/', "%2F"));
    let path = kind.path(None);
    let all: Vec<Value> = management.list(&path, &selector, 250, JSON).await?;
    let object = |object: &Value| {
        let text = |key: &str| Some(object.get("metadata")?.get(key)?.as_str()?.to_owned());
        let id = Id { kind, namespace: text("namespace"), name: text("name")? };
        Some(SeenObject::read(id, object, mark))
    };
    Ok(all.iter().filter_map(object).collect())
}

impl Describe for RightsChange {
    fn describe(&self) -> Diff {
        let subject = |id: &Id| {
            let place = id.namespace.as_ref().map(|n| format!("{n}/")).unwrap_or_default();
            Subject::new(&format!("{:?}", id.kind), format!("{place}{}", id.name))
        };
        match self {
            Self::Create { id, body } => {
                let rules = said(body);
                let effect = if rules.is_empty() { "new".to_owned() } else { count(rules.len()) };
                let diff = Diff::new(omega_core::ChangeKind::Create, subject(id), effect);
                rules.into_iter().fold(diff, Diff::with)
            }
            Self::Repair { id, patch, was } => {
                let effect = "made as it has to be; somebody changed it";
                let diff = Diff::new(omega_core::ChangeKind::Update, subject(id), effect);
                let (was, wanted) = (said(was), said(patch));
                let gone = was.iter().filter(|rule| !wanted.contains(rule));
                let new = wanted.iter().filter(|rule| !was.contains(rule));
                let lines =
                    gone.map(|rule| format!("- {rule}")).chain(new.map(|r| format!("+ {r}")));
                lines.fold(diff, Diff::with)
            }
            Self::Delete { id, .. } => {
                Diff::new(omega_core::ChangeKind::Delete, subject(id), "not wanted any more")
            }
        }
    }
}

fn count(rules: usize) -> String {
    if rules == 1 { "1 rule".to_owned() } else { format!("{rules} rules") }
}

/// Rules, a line for each.
fn said(object: &Value) -> Vec<String> {
    let words = |rule: &Value, key: &str| {
        let all = rule.get(key).and_then(Value::as_array).into_iter().flatten();
        all.filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
    };
    let rules = object.get("rules").and_then(Value::as_array).into_iter().flatten();
    let line = |rule: &Value| {
        let group = words(rule, "apiGroups");
        let dot = if group.is_empty() { "" } else { "." };
        format!("{}{dot}{group}: {}", words(rule, "resources"), words(rule, "verbs"))
    };
    rules.map(line).collect()
}
