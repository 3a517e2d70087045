//! Ensures that an image is gone, or what was made of it in part.

use std::time::Duration;

use omega_core::{
    ChangeKind, Conflict, Context, Delta, Describe, Desired, Diff, PollPolicy, Subject,
};
use serde::{Deserialize, Serialize};

use super::{Image, ImageTask, Images, existing_image::newest_import, stage_image::UNANSWERED};
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

/// What there is of the image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
#[non_exhaustive]
pub enum ImageLeft {
    /// It is imported now.
    Importing {
        /// The image.
        image: Image,
        /// Its imports, the newest last.
        tasks: Vec<ImageTask>,
    },
    /// The image, if there is one.
    Alone(Option<Image>),
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
    type Observed = ImageLeft;
    type Change = ImageDeletion;
    type Undo = Self;
    type Error = Error;

    fn subject(&self) -> Subject {
        Subject::new("image", &self.name)
    }

    fn key(&self) -> String {
        self.id.clone()
    }

    async fn observe(&self, images: &Images) -> Result<ImageLeft, Error> {
        match images.image(&self.id).await? {
            Some(image) if image.is_imported_now() => {
                let tasks = images.tasks(&self.id).await?;
                Ok(ImageLeft::Importing { image, tasks })
            }
            Some(image) => Ok(ImageLeft::Alone(Some(image))),
            None => {
                images.forget(&self.id);
                Ok(ImageLeft::Alone(None))
            }
        }
    }

    fn diff(&self, seen: &ImageLeft) -> Result<Delta<ImageDeletion>, Conflict> {
        let (image, tasks) = match seen {
            ImageLeft::Alone(None) => return Ok(Delta::Satisfied),
            ImageLeft::Alone(Some(image)) => (image, &[][..]),
            ImageLeft::Importing { image, tasks } => (image, tasks.as_slice()),
        };
        match image.status.as_str() {
            // Glance keeps what is deleted, and shows it to nobody but its own clean-up.
            "deleted" | "pending_delete" => Ok(Delta::Satisfied),
            "active" | "deactivated" if self.only_unfinished => Ok(Delta::Satisfied),
            _ if image.is_imported_now() => {
                let import = newest_import(tasks);
                Ok(Delta::Wait(format!(
                    "Glance still imports it ({import}); it is deleted when that ends"
                )))
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

    /// An import of gigabytes takes minutes to end. One that is copied says each minute how far it is (Glance
    /// 25, `async_/flows/api_image_import.py`); a conversion says nothing.
    fn poll_policy(&self) -> PollPolicy {
        let policy = PollPolicy::new(Duration::from_secs(2), Duration::from_mins(30));
        policy.stalled(Duration::from_mins(3)).unanswered(UNANSWERED)
    }
}

impl Describe for ImageDeletion {
    fn describe(&self) -> Diff {
        let subject = Subject::new("image", &self.name);
        Diff::new(ChangeKind::Delete, subject, format!("was {}, {}", self.id, self.was))
    }
}
