//! The writes that make an image.

use omega_core::{ChangeKind, Describe, Diff, Subject};
use serde::{Deserialize, Serialize};

/// One write to Glance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ImageChange {
    /// `POST /v2/images`
    Create {
        /// Its id, which is chosen here.
        id: String,
        /// Its name.
        name: String,
        /// What the driver installs.
        kube_version: String,
    },
    /// `PUT /v2/images/{id}/stage`
    Stage {
        /// Of which image.
        id: String,
        /// Its name.
        name: String,
        /// Where the bytes come from.
        source: String,
        /// How many they are, if that is known.
        length: Option<u64>,
    },
    /// `POST /v2/images/{id}/import`
    Import {
        /// Of which image.
        id: String,
        /// Its name.
        name: String,
    },
    /// `PATCH /v2/images/{id}`
    Set {
        /// Of which image.
        id: String,
        /// Its name.
        name: String,
        /// The properties that it lacks or has otherwise.
        properties: Vec<(String, String)>,
    },
}

impl Describe for ImageChange {
    fn describe(&self) -> Diff {
        let image = |name: &String| Subject::new("image", name);
        match self {
            Self::Create { name, kube_version, .. } => {
                let effect = format!("new, kube_version {kube_version}");
                Diff::new(ChangeKind::Create, image(name), effect)
            }
            Self::Stage { name, source, length, .. } => {
                let length = length.map(|length| format!(", {length} bytes")).unwrap_or_default();
                Diff::new(ChangeKind::Update, image(name), format!("stage {source}{length}"))
            }
            Self::Import { name, .. } => {
                Diff::new(ChangeKind::Update, image(name), "import with glance-direct")
            }
            Self::Set { name, properties, .. } => {
                let all: Vec<_> = properties.iter().map(|(n, v)| format!("{n}={v}")).collect();
                Diff::new(ChangeKind::Update, image(name), format!("set {}", all.join(", ")))
            }
        }
    }

    /// The id of a new image is drawn anew each time that is looked, and the source is not looked at once
    /// there is an image.
    fn is_shown_by(&self, approved: &Self) -> bool {
        match (self, approved) {
            (
                Self::Create { id: _, name, kube_version },
                Self::Create { id: _, name: n, kube_version: k },
            ) => (name, kube_version) == (n, k),
            (
                Self::Stage { id: _, name, source, length },
                Self::Stage { id: _, name: n, source: s, length: l },
            ) => (name, source) == (n, s) && (length.is_none() || length == l),
            (Self::Import { id: _, name }, Self::Import { id: _, name: n }) => name == n,
            (one, other) => one == other,
        }
    }
}
