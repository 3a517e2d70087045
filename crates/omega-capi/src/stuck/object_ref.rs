use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Namespace;

/// One object, this one and no later one of its name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are those of every object")]
pub struct ObjectRef {
    pub group: String,
    /// One that is served.
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
