//! The objects that give an account its rights.

use std::fmt;

use k8s_openapi::api::rbac::v1::{PolicyRule, RoleRef, Subject as RbacSubject};
use omega_driver::Need;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{DriverRights, Reach, reach::rules};
use crate::Namespace;

/// Marks what was made for an account, and says for which.
pub(super) const MARK: &str = "omega/minted-for";

/// The kinds that are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each is the name of the kind")]
pub enum Kind {
    Namespace,
    ServiceAccount,
    ClusterRole,
    ClusterRoleBinding,
    Role,
    RoleBinding,
}

impl Kind {
    /// Those that carry the mark. A namespace belongs to whoever is in it.
    pub(super) const MARKED: [Self; 5] = [
        Self::ServiceAccount,
        Self::ClusterRole,
        Self::ClusterRoleBinding,
        Self::Role,
        Self::RoleBinding,
    ];

    fn api(self) -> (&'static str, &'static str) {
        match self {
            Self::Namespace | Self::ServiceAccount => ("/api/v1", "v1"),
            Self::ClusterRole | Self::ClusterRoleBinding | Self::Role | Self::RoleBinding => {
                ("/apis/rbac.authorization.k8s.io/v1", "rbac.authorization.k8s.io/v1")
            }
        }
    }

    fn plural(self) -> &'static str {
        match self {
            Self::Namespace => "namespaces",
            Self::ServiceAccount => "serviceaccounts",
            Self::ClusterRole => "clusterroles",
            Self::ClusterRoleBinding => "clusterrolebindings",
            Self::Role => "roles",
            Self::RoleBinding => "rolebindings",
        }
    }

    /// Returns the path of all of them, in `namespace` or everywhere.
    pub(super) fn path(self, namespace: Option<&str>) -> String {
        let place = namespace.map(|name| format!("/namespaces/{name}")).unwrap_or_default();
        format!("{}{place}/{}", self.api().0, self.plural())
    }
}

/// Which object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ObjectId {
    /// Its kind.
    pub kind: Kind,
    /// Where, if its kind is in namespaces.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

impl ObjectId {
    fn new(kind: Kind, namespace: Option<&str>, name: &str) -> Self {
        Self { kind, namespace: namespace.map(ToOwned::to_owned), name: name.to_owned() }
    }

    pub(super) fn collection(&self) -> String {
        self.kind.path(self.namespace.as_deref())
    }

    pub(super) fn path(&self) -> String {
        format!("{}/{}", self.collection(), self.name)
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} ", self.kind)?;
        self.namespace.iter().try_for_each(|namespace| write!(f, "{namespace}/"))?;
        f.write_str(&self.name)
    }
}

/// What decides about an object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// A namespace belongs to whoever is in it.
    Namespace,
    /// A `ServiceAccount`.
    Account {
        /// Whether pods get its token by default.
        automount: Option<bool>,
    },
    /// A `Role` or `ClusterRole`.
    Role {
        /// What it gives.
        rules: Vec<PolicyRule>,
        /// Whether a controller makes its rules of those of others.
        aggregated: bool,
    },
    /// A `RoleBinding` or `ClusterRoleBinding`.
    Binding {
        /// Of which role. It can't be changed.
        role: RoleRef,
        /// To whom.
        subjects: Vec<RbacSubject>,
    },
}

impl Content {
    /// Reads it off an object of `kind`.
    pub(super) fn read(kind: Kind, object: &Value) -> Option<Self> {
        fn field<T: DeserializeOwned>(object: &Value, key: &str) -> Option<T> {
            serde_json::from_value(object.get(key)?.clone()).ok()
        }
        Some(match kind {
            Kind::Namespace => Self::Namespace,
            Kind::ServiceAccount => {
                Self::Account { automount: field(object, "automountServiceAccountToken") }
            }
            Kind::Role | Kind::ClusterRole => Self::Role {
                rules: field(object, "rules").unwrap_or_default(),
                aggregated: object.get("aggregationRule").is_some_and(|rule| !rule.is_null()),
            },
            Kind::RoleBinding | Kind::ClusterRoleBinding => Self::Binding {
                role: field(object, "roleRef")?,
                subjects: field(object, "subjects").unwrap_or_default(),
            },
        })
    }

    /// Returns its fields, for a body or a merge patch of an object that is like `was`.
    pub(super) fn fields(&self, was: Option<&Self>) -> Value {
        match self {
            Self::Namespace => json!({}),
            Self::Account { automount } => json!({ "automountServiceAccountToken": automount }),
            Self::Role { rules, aggregated: _ } => match was {
                // With an aggregation rule the rules would not be what is written.
                Some(Self::Role { aggregated: true, .. }) => {
                    json!({ "rules": rules, "aggregationRule": null })
                }
                _ => json!({ "rules": rules }),
            },
            Self::Binding { role, subjects } => json!({ "roleRef": role, "subjects": subjects }),
        }
    }

    /// Returns this content with what `found` has and this has not.
    pub(super) fn with(&self, found: &Self) -> Self {
        fn union<T: Clone + PartialEq>(one: &[T], other: &[T]) -> Vec<T> {
            let new = one.iter().filter(|item| !other.contains(item));
            other.iter().chain(new).cloned().collect()
        }
        match (self, found) {
            (Self::Role { rules, .. }, Self::Role { rules: found, .. }) => {
                Self::Role { rules: union(rules, found), aggregated: false }
            }
            (
                Self::Binding { role, subjects },
                Self::Binding { role: found_role, subjects: found },
            ) if role == found_role => {
                Self::Binding { role: role.clone(), subjects: union(subjects, found) }
            }
            _ => self.clone(),
        }
    }

    /// Whether an object with this content can become one with `other`.
    pub(super) fn can_become(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Binding { role: one, .. }, Self::Binding { role: other, .. }) => one == other,
            _ => true,
        }
    }

    /// Returns its rules, a line for each.
    pub(super) fn lines(&self) -> Vec<String> {
        let Self::Role { rules, .. } = self else { return Vec::new() };
        let words = |words: &Option<Vec<String>>| words.clone().unwrap_or_default().join(" ");
        let line = |rule: &PolicyRule| {
            let group = words(&rule.api_groups);
            let dot = if group.is_empty() { "" } else { "." };
            format!("{}{dot}{group}: {}", words(&rule.resources), rule.verbs.join(" "))
        };
        rules.iter().map(line).collect()
    }
}

/// An object as it has to be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WantedObject {
    /// Which.
    pub id: ObjectId,
    /// What decides.
    pub content: Content,
}

impl WantedObject {
    /// Returns it as it is made.
    pub(super) fn body(&self, mark: &str) -> Value {
        let metadata = if Kind::MARKED.contains(&self.id.kind) {
            json!({ "name": self.id.name, "labels": { MARK: mark } })
        } else {
            json!({ "name": self.id.name })
        };
        let mut body = json!({
            "apiVersion": self.id.kind.api().1, "kind": format!("{:?}", self.id.kind),
            "metadata": metadata,
        });
        if let (Value::Object(body), Value::Object(fields)) = (&mut body, self.content.fields(None))
        {
            body.extend(fields);
        }
        body
    }
}

/// Returns everything that `rights` is made of, in the order in which it can be made.
pub(super) fn wanted(rights: &DriverRights) -> Vec<WantedObject> {
    let account = &rights.account;
    let (home, role) = (account.namespace.as_str(), account.role());
    let one = |kind, namespace: Option<&str>, name: &str, content| WantedObject {
        id: ObjectId::new(kind, namespace, name),
        content,
    };
    let namespace = |name: &str| one(Kind::Namespace, None, name, Content::Namespace);
    let automount = Content::Account { automount: Some(false) };
    let mut all =
        vec![namespace(home), one(Kind::ServiceAccount, Some(home), account.name(), automount)];
    let binding = |kind: &str| Content::Binding {
        role: RoleRef {
            api_group: "rbac.authorization.k8s.io".to_owned(),
            kind: kind.to_owned(),
            name: role.clone(),
        },
        subjects: vec![RbacSubject {
            kind: "ServiceAccount".to_owned(),
            name: account.name().to_owned(),
            namespace: Some(home.to_owned()),
            api_group: None,
        }],
    };
    let mut needs = rights.needs();
    match &rights.reach {
        Reach::Everywhere => {
            needs.insert(Need {
                group: String::new(),
                resource: "namespaces".to_owned(),
                verb: "create".to_owned(),
            });
            let rules = Content::Role { rules: rules(&needs), aggregated: false };
            all.push(one(Kind::ClusterRole, None, &role, rules));
            all.push(one(Kind::ClusterRoleBinding, None, &role, binding("ClusterRole")));
        }
        Reach::Namespaces(names) => {
            let rules = Content::Role { rules: rules(&needs), aggregated: false };
            for name in names.iter().map(Namespace::as_str) {
                if name != home {
                    all.push(namespace(name));
                }
                all.push(one(Kind::Role, Some(name), &role, rules.clone()));
                all.push(one(Kind::RoleBinding, Some(name), &role, binding("Role")));
            }
        }
    }
    all
}
