//! Ensures that an image is gone, or what was made of it in part.

use std::time::Duration;

use omega_core::{
    ChangeKind, Conflict, Context, Delta, Describe, Desired, Diff, PollPolicy, Subject,
};
use serde::{Deserialize, Serialize};

use super::{Image, Images};
use crate::{Error, service_response::deleted};

/// That the image with this id does not exist, or at least not in part.
///
/// Only a DELETE of the image removes data that was staged (Glance 2024.1, `api/v2/images.py`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeleteImage {
    name: String,
    id: String,
    /// Whether an image that is whole stays.
    only_unfinished: bool,
}

impl DeleteImage {
    /// Returns that the image is gone.
    pub fn new(name: impl Into<String>, id: impl Into<String>) -> Self {
        Self { name: name.into(), id: id.into(), only_unfinished: false }
    }

    /// Returns that nothing is there of the image, or all of it.
    #[must_use]
    pub fn only_unfinished(self) -> Self {
        Self { only_unfinished: true, ..self }
    }
}

/// `DELETE /v2/images/{id}`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageDeletion {
    name: String,
    id: String,
    was: String,
}

impl Desired for DeleteImage {
    const KIND: &'static str = "openstack.no-image.v1";
    type Target = Images;
    type Observed = Option<Image>;
    type Change = ImageDeletion;
    type Undo = Self;
    type Error = Error;

    fn subject(&self) -> Subject {
        Subject::new("image", &self.name)
    }

    fn key(&self) -> String {
        self.id.clone()
    }

    async fn observe(&self, images: &Images) -> Result<Option<Image>, Error> {
        images.image(&self.id).await
    }

    fn diff(&self, seen: &Option<Image>) -> Result<Delta<ImageDeletion>, Conflict> {
        let Some(image) = seen else { return Ok(Delta::Satisfied) };
        match image.status.as_str() {
            // Glance keeps what is deleted, and shows it to nobody but its own clean-up.
            "deleted" | "pending_delete" => Ok(Delta::Satisfied),
            "active" | "deactivated" if self.only_unfinished => Ok(Delta::Satisfied),
            _ if image.is_imported_now() => {
                Ok(Delta::Wait("an import is under way, and has to end first".to_owned()))
            }
            _ => Ok(Delta::Changes(vec![ImageDeletion {
                name: self.name.clone(),
                id: self.id.clone(),
                was: image.status.clone(),
            }])),
        }
    }

    async fn apply(
        &self,
        _: &Context,
        images: &Images,
        change: &ImageDeletion,
    ) -> Result<(), Error> {
        deleted(images.delete(&change.id).await)
    }

    /// An import of gigabytes takes minutes to end.
    fn poll_policy(&self) -> PollPolicy {
        PollPolicy::new(Duration::from_secs(2), Duration::from_mins(30))
    }
}

impl Describe for ImageDeletion {
    fn describe(&self) -> Diff {
        let subject = Subject::new("image", &self.name);
        Diff::new(ChangeKind::Delete, subject, format!("was {}, {}", self.id, self.was))
    }
}
