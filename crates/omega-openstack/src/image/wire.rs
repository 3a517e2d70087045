//! What Glance writes.

use serde::{Deserialize, Serialize};

/// The property that keeps the digest of the bytes that an image was made of: Glance's own digest is
/// that of what it converted them to.
pub const SOURCE_SHA512: &str = "omega_source_sha512";

/// An image, in a list or alone. (Glance 25.1: recordings/glance-image-*.)
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Image {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
    /// The project that owns it.
    pub owner: Option<String>,
    /// `queued`, `uploading`, `importing`, `active`, `deactivated`, ...
    pub status: String,
    /// `qcow2`, `raw`, ...
    pub disk_format: Option<String>,
    /// In bytes: of what is staged while it is `uploading`, of what is stored once it is `active`.
    pub size: Option<u64>,
    /// Of what is stored, SHA-512 unless the cloud says otherwise.
    pub os_hash_value: Option<String>,
    /// The algorithm of that.
    pub os_hash_algo: Option<String>,
    /// The distribution that Magnum requires.
    pub os_distro: Option<String>,
    /// The version of Kubernetes that Magnum's driver reads.
    pub kube_version: Option<String>,
    /// The digest of the bytes that it was made of.
    #[serde(rename = "omega_source_sha512")]
    pub source_sha512: Option<String>,
    /// The task that imports it now.
    #[serde(rename = "os_glance_import_task")]
    pub import_task: Option<String>,
    /// The stores into which an import failed, separated by commas.
    #[serde(rename = "os_glance_failed_import")]
    pub failed_import: Option<String>,
    /// When it last changed.
    pub updated_at: Option<String>,
    /// Whether lists leave it out, and a search for its name with them.
    #[serde(rename = "os_hidden", default)]
    pub hidden: bool,
}

impl Image {
    /// Returns whether an import is under way. (On success the keys stay, empty.)
    pub fn is_imported_now(&self) -> bool {
        self.import_task.as_ref().is_some_and(|task| !task.is_empty())
    }

    pub(super) fn failed_stores(&self) -> Option<&str> {
        self.failed_import.as_deref().filter(|stores| !stores.is_empty())
    }
}

/// An import, as Glance tells of it (`GET /v2/images/{id}/tasks`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ImageTask {
    /// Its id.
    pub id: String,
    /// `pending`, `processing`, `success`, `failure`.
    pub status: String,
    /// Its message, if any: how much is copied, or why it failed.
    pub message: Option<String>,
}

/// The names of the values that a cloud allows (`GET /v2/info/import`).
#[derive(Debug, Deserialize)]
pub(super) struct ImportMethods {
    pub(super) value: Vec<String>,
}
