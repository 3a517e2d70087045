use std::fmt;

use k8s_openapi::api::rbac::v1::{PolicyRule, RoleRef, Subject as RbacSubject};
use omega_driver::Need;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{DriverRights, Reach, reach::rules};
use crate::Namespace;

/// The label of the objects that omega created, with the account.
pub(super) const MARK: &str = "omega/minted-for";

/// The kinds of the objects that give an account its rights.
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
    /// The kinds with [`MARK`]. Namespaces are shared, and never removed.
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

    /// Returns the path of the list, in `namespace` or of all namespaces.
    pub(super) fn path(self, namespace: Option<&str>) -> String {
        let place = namespace.map(|name| format!("/namespaces/{name}")).unwrap_or_default();
        format!("{}{place}/{}", self.api().0, self.plural())
    }
}

/// The kind and the name of an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are those of the object")]
pub struct ObjectId {
    pub kind: Kind,
    /// `None` for cluster-scoped kinds.
    pub namespace: Option<String>,
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

/// The fields of an object that matter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    /// None of a namespace, which is shared.
    Namespace,
    /// `automountServiceAccountToken` of a `ServiceAccount`.
    #[expect(missing_docs, reason = "explained above")]
    Account { automount: Option<bool> },
    /// A `Role` or `ClusterRole`.
    Role {
        /// The rights.
        rules: Vec<PolicyRule>,
        /// Whether it has an `aggregationRule`, so that a controller sets its rules.
        aggregated: bool,
    },
    /// A `RoleBinding` or `ClusterRoleBinding`.
    Binding {
        /// The role, which can't be changed.
        role: RoleRef,
        /// The accounts.
        subjects: Vec<RbacSubject>,
    },
}

impl Content {
    /// Reads the fields of an object of `kind`.
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

    /// Returns the body of a new object, or the merge patch of an object with the content `was`.
    pub(super) fn fields(&self, was: Option<&Self>) -> Value {
        match self {
            Self::Namespace => json!({}),
            Self::Account { automount } => json!({ "automountServiceAccountToken": automount }),
            Self::Role { rules, aggregated: _ } => match was {
                // With an aggregation rule the controller would overwrite the rules.
                Some(Self::Role { aggregated: true, .. }) => {
                    json!({ "rules": rules, "aggregationRule": null })
                }
                _ => json!({ "rules": rules }),
            },
            Self::Binding { role, subjects } => json!({ "roleRef": role, "subjects": subjects }),
        }
    }

    /// Returns this content with the rules and subjects of `found` added.
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

    /// Returns whether an object with this content can be changed to `other`.
    pub(super) fn can_become(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Binding { role: one, .. }, Self::Binding { role: other, .. }) => one == other,
            _ => true,
        }
    }

    /// Returns one line for each rule.
    pub(super) fn lines(&self) -> Vec<String> {
        let Self::Role { rules, .. } = self else { return Vec::new() };
        let join = |all: &Option<Vec<String>>| all.clone().unwrap_or_default().join(" ");
        let line = |rule: &PolicyRule| {
            let group = join(&rule.api_groups);
            let dot = if group.is_empty() { "" } else { "." };
            format!("{}{dot}{group}: {}", join(&rule.resources), rule.verbs.join(" "))
        };
        rules.iter().map(line).collect()
    }
}

/// An object that must exist with this content.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are named after their types")]
pub struct WantedObject {
    pub id: ObjectId,
    pub content: Content,
}

impl WantedObject {
    /// Returns the body that creates it.
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

/// Returns the objects for `rights`, in an order in which they can be created.
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
