//! Images as lists have them, with every property.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Images;
use crate::{Error, Method, Request, Service, service_response::list};

/// An image of a list, with the properties that were given to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ListedImage {
    /// Its id.
    pub id: String,
    /// Its name.
    #[serde(default)]
    pub name: Option<String>,
    /// `active`, `queued`, ...
    pub status: String,
    /// `qcow2`, `raw`, ...
    #[serde(default)]
    pub disk_format: Option<String>,
    /// The project that owns it.
    #[serde(default)]
    pub owner: Option<String>,
    /// When it was created. Glance writes UTC, in one form.
    #[serde(default)]
    pub created_at: String,
    /// Its tags.
    #[serde(default)]
    pub tags: Vec<String>,
    /// Everything else: properties are texts.
    #[serde(flatten)]
    pub properties: BTreeMap<String, Value>,
}

impl ListedImage {
    /// Returns a property that has a text.
    pub fn property(&self, name: &str) -> Option<&str> {
        self.properties.get(name)?.as_str().filter(|text| !text.is_empty())
    }

    /// Returns its name, or else its id.
    pub fn shown(&self) -> &str {
        self.name.as_deref().filter(|name| !name.is_empty()).unwrap_or(&self.id)
    }
}

impl Images {
    /// Returns the images with this tag that the token may see, the newest first. Hidden ones are not among
    /// them.
    ///
    /// # Errors
    ///
    /// Fails if Glance does not answer.
    pub async fn tagged(&self, tag: &str) -> Result<Vec<ListedImage>, Error> {
        self.with_value("tag", tag).await
    }

    /// Returns the images whose property has this value that the token may see, the newest first.
    /// (Glance 28, `api/v2/images.py`: what is no field of its own filters by a property.)
    ///
    /// # Errors
    ///
    /// Fails if Glance does not answer.
    pub async fn with_value(&self, key: &str, value: &str) -> Result<Vec<ListedImage>, Error> {
        self.newest_first(Self::whole_list().query(key, value)).await
    }

    /// Returns every image that the token may see, the newest first. Hidden ones are not among them.
    ///
    /// # Errors
    ///
    /// Fails if Glance does not answer.
    pub async fn all(&self) -> Result<Vec<ListedImage>, Error> {
        self.newest_first(Self::whole_list()).await
    }

    fn whole_list() -> Request {
        Request::new(Service::Image, Method::Get, &["images"]).query("limit", "1000")
    }

    async fn newest_first(&self, request: Request) -> Result<Vec<ListedImage>, Error> {
        let mut all: Vec<ListedImage> = list(self.transport(), request, "images").await?;
        all.sort_by(|a, b| b.created_at.cmp(&a.created_at));
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::sim::Cloud;

    #[tokio::test]
    async fn images_are_found_by_tag_and_by_property_and_the_newest_is_first() {
        let cloud = Cloud::new();
        let add = |name: &str, properties| cloud.add_glance_image("services", name, &properties);
        add("old", json!({"tags": ["amphora"], "created_at": "2026-01-02T00:00:00Z"}));
        add("new", json!({"tags": ["x", "amphora"], "created_at": "2026-03-01T00:00:00Z"}));
        add("near", json!({"tags": ["amphora-2"], "version_name": "20260101"}));
        add("hidden", json!({"os_hidden": true}));
        let images = Images::new(cloud.admin("services"));
        let names = |all: Vec<ListedImage>| -> Vec<String> {
            all.iter().map(|one| one.shown().to_owned()).collect()
        };
        assert_eq!(names(images.tagged("amphora").await.unwrap()), ["new", "old"]);
        let found = images.with_value("version_name", "20260101").await.unwrap();
        assert_eq!(found[0].property("version_name"), Some("20260101"));
        assert_eq!(names(found), ["near"]);
        assert_eq!(images.all().await.unwrap().len(), 3);
        let member = Images::new(cloud.member("other"));
        assert_eq!(member.tagged("amphora").await.unwrap(), [], "another project's are not seen");
    }
}
