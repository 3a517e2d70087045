use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Namespace;

/// One object by its UID: a later one of the same name is another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are those of every object")]
pub struct ObjectRef {
    pub group: String,
    /// A served version.
    pub version: String,
    /// `openstackclusters`, as in a path.
    pub plural: String,
    pub kind: String,
    pub namespace: Namespace,
    pub name: String,
    pub uid: String,
}

impl ObjectRef {
    pub(super) fn path(&self) -> String {
        let Self { group, version, plural, namespace, name, kind: _, uid: _ } = self;
        format!("/apis/{group}/{version}/namespaces/{namespace}/{plural}/{name}")
    }
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.name)
    }
}
