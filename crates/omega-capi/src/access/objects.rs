//! The objects that give an account its rights.

use std::fmt;

use omega_driver::Need;
use serde::{Deserialize, Serialize};
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

    /// The fields that decide.
    pub(super) fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Namespace => &[],
            Self::ServiceAccount => &["automountServiceAccountToken"],
            Self::Role => &["rules"],
            // With an aggregation rule the rules are not what was written.
            Self::ClusterRole => &["rules", "aggregationRule"],
            Self::ClusterRoleBinding | Self::RoleBinding => &["roleRef", "subjects"],
        }
    }
}

/// Which object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Id {
    /// Its kind.
    pub kind: Kind,
    /// Where, if its kind is in namespaces.
    pub namespace: Option<String>,
    /// Its name.
    pub name: String,
}

impl Id {
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

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} ", self.kind)?;
        self.namespace.iter().try_for_each(|namespace| write!(f, "{namespace}/"))?;
        f.write_str(&self.name)
    }
}

/// An object as it has to be.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Wanted {
    pub(super) id: Id,
    /// What decides, by field.
    pub(super) content: Value,
}

impl Wanted {
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
        if let (Value::Object(body), Value::Object(content)) = (&mut body, &self.content) {
            body.extend(content.clone());
        }
        body
    }
}

/// Returns everything that `rights` is made of, in the order in which it can be made.
pub(super) fn wanted(rights: &DriverRights) -> Vec<Wanted> {
    let account = &rights.account;
    let (home, role) = (account.namespace.as_str(), account.role());
    let namespace = |name: &str| (Id::new(Kind::Namespace, None, name), json!({}));
    let automount = json!({ "automountServiceAccountToken": false });
    let mut all = vec![
        namespace(home),
        (Id::new(Kind::ServiceAccount, Some(home), account.name()), automount),
    ];
    let binding = |kind: &str| {
        let group = "rbac.authorization.k8s.io";
        json!({
            "roleRef": { "apiGroup": group, "kind": kind, "name": role },
            "subjects": [{ "kind": "ServiceAccount", "name": account.name(), "namespace": home }],
        })
    };
    let mut needs = rights.needs();
    match &rights.reach {
        Reach::Everywhere => {
            needs.insert(Need {
                group: String::new(),
                resource: "namespaces".to_owned(),
                verb: "create".to_owned(),
            });
            let rules = json!({ "rules": rules(&needs) });
            all.push((Id::new(Kind::ClusterRole, None, &role), rules));
            all.push((Id::new(Kind::ClusterRoleBinding, None, &role), binding("ClusterRole")));
        }
        Reach::Namespaces(names) => {
            let rules = json!({ "rules": rules(&needs) });
            for name in names.iter().map(Namespace::as_str) {
                if name != home {
                    all.push(namespace(name));
                }
                all.push((Id::new(Kind::Role, Some(name), &role), rules.clone()));
                all.push((Id::new(Kind::RoleBinding, Some(name), &role), binding("Role")));
            }
        }
    }
    all.into_iter().map(|(id, content)| Wanted { id, content }).collect()
}
