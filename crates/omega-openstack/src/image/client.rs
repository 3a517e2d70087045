use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use omega_core::{Context, Label};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Downloads, Image, ImageTask, wire::ImportMethods};
use crate::{
    Error, Method, RefusalReason, Request, Service, Transport,
    container_infra::is_uuid,
    request::Upload as Body,
    service_response::{absent, accept, fetch, list, send},
    upstream_messages::image_limit,
};

/// Glance, and the way to what is to be put into it.
#[derive(Clone)]
pub struct Images {
    transport: Arc<dyn Transport>,
    downloads: Downloads,
    made: Arc<Mutex<BTreeMap<String, Made>>>,
}

/// An image that this process makes.
#[derive(Clone, Debug)]
struct Made {
    name: String,
    upload: Upload,
    /// Whether it is known to have been there, and not to be whole.
    unfinished: bool,
    /// How often in a row it was not found any more.
    missed: u32,
}

/// How far this process has come with an image that it makes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Upload {
    /// How many bytes were sent, once all were.
    pub sent: Option<u64>,
    /// Whether the import was requested.
    pub imported: bool,
}

impl Images {
    /// Returns a client for the project that `transport`'s token is scoped to.
    pub fn new(transport: Arc<dyn Transport>) -> Self {
        Self { transport, downloads: Downloads::default(), made: Arc::default() }
    }

    /// Returns a client that downloads with `downloads`.
    #[must_use]
    pub fn with_downloads(self, downloads: Downloads) -> Self {
        Self { downloads, ..self }
    }

    pub(super) fn transport(&self) -> &dyn Transport {
        &*self.transport
    }

    pub(super) fn downloads(&self) -> &Downloads {
        &self.downloads
    }

    /// Returns the images of exactly this name that the token may see, other projects' public and
    /// shared ones too. Hidden ones are not among them.
    pub(crate) async fn named(&self, name: &str) -> Result<Vec<Image>, Error> {
        self.listed(name, false).await
    }

    /// Returns the hidden images of exactly this name. Glance lists either these or the others
    /// (Glance 25, `api/v2/images.py`, `index`).
    pub(super) async fn hidden(&self, name: &str) -> Result<Vec<Image>, Error> {
        self.listed(name, true).await
    }

    async fn listed(&self, name: &str, hidden: bool) -> Result<Vec<Image>, Error> {
        // `eq:` takes the rest as it is, with colons, commas and quotes. (Glance, `common/utils.py`:
        // `in:` never removes the backslashes of a quoted name.)
        let request = Request::new(Service::Image, Method::Get, &["images"])
            .query("name", format!("eq:{name}"))
            .query("limit", "1000");
        let request = if hidden { request.query("os_hidden", "true") } else { request };
        let mut images: Vec<Image> = list(&*self.transport, request, "images").await?;
        images.retain(|image| image.name.as_deref() == Some(name));
        Ok(images)
    }

    /// Returns the images of this name or id that the token may see.
    ///
    /// # Errors
    ///
    /// Fails if Glance does not answer.
    pub async fn find(&self, name_or_id: &str) -> Result<Vec<Image>, Error> {
        if is_uuid(name_or_id) {
            return Ok(self.image(name_or_id).await?.into_iter().collect());
        }
        self.named(name_or_id).await
    }

    /// Returns how images can be imported (`glance-direct`).
    pub(super) async fn import_methods(&self) -> Result<Vec<String>, Error> {
        let request = Request::new(Service::Image, Method::Get, &["info", "import"]);
        let methods: ImportMethods = fetch(&*self.transport, request, "import-methods").await?;
        Ok(methods.value)
    }

    /// Returns the imports of an image, the newest last. Older releases, and some policies, don't tell.
    pub(super) async fn tasks(&self, id: &str) -> Result<Vec<ImageTask>, Error> {
        let request = Request::new(Service::Image, Method::Get, &["images", id, "tasks"]);
        match list(&*self.transport, request, "tasks").await {
            Err(error)
                if matches!(
                    error.reason(),
                    Some(RefusalReason::NotFound | RefusalReason::PolicyForbids)
                ) =>
            {
                Ok(Vec::new())
            }
            other => other,
        }
    }

    fn made(&self) -> MutexGuard<'_, BTreeMap<String, Made>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns how far this process has come with the images of the name that it makes.
    pub(super) fn uploads(&self, name: &str) -> BTreeMap<String, Upload> {
        let made = self.made();
        let of_name = made.iter().filter(|(_, one)| one.name == name);
        of_name.map(|(id, one)| (id.clone(), one.upload)).collect()
    }

    fn came(&self, id: &str, change: impl FnOnce(&mut Made)) {
        if let Some(one) = self.made().get_mut(id) {
            change(one);
        }
    }

    /// Notes which images of the name are there. Returns the id of one that this process was making and
    /// that is gone: it was not there twice in a row, and is found by its id neither. (A cluster of
    /// databases may be late for a moment.)
    pub(super) async fn missing(
        &self,
        name: &str,
        found: &[Image],
    ) -> Result<Option<String>, Error> {
        let mut lost = None;
        for (id, one) in self.made().iter_mut().filter(|(_, one)| one.name == name) {
            match found.iter().find(|image| image.id == *id) {
                Some(image) => (one.unfinished, one.missed) = (image.status != "active", 0),
                None if one.unfinished => {
                    one.missed += 1;
                    if one.missed > 1 {
                        lost = Some(id.clone());
                    }
                }
                None => {}
            }
        }
        let Some(id) = lost.filter(|_| found.is_empty()) else { return Ok(None) };
        let there = self.image(&id).await?.is_some_and(|image| image.name.as_deref() == Some(name));
        if there {
            return Ok(None);
        }
        self.forget(&id);
        Ok(Some(id))
    }

    /// Forgets an image that is gone.
    pub(super) fn forget(&self, id: &str) {
        self.made().remove(id);
    }

    pub(super) async fn create(&self, id: &str, name: &str, body: Value) -> Result<(), Error> {
        let (name, upload) = (name.to_owned(), Upload::default());
        let made = Made { name, upload, unfinished: false, missed: 0 };
        // Before the request: its answer may be lost.
        drop(self.made().insert(id.to_owned(), made));
        let request = Request::new(Service::Image, Method::Post, &["images"]).body(body);
        send(&*self.transport, request).await.map_err(advised)?;
        self.came(id, |one| one.unfinished = true);
        Ok(())
    }

    /// Stages the bytes. That all were sent is kept by [`staged`](Self::staged): only the caller knows
    /// how many they were.
    pub(super) async fn stage(&self, ctx: &Context, request: Request) -> Result<(), Error> {
        let response = self.transport.exchange(ctx, request.clone()).await?.json().await?;
        accept(&request, response).map(drop).map_err(advised)
    }

    pub(super) fn stage_request(id: &str, body: Body) -> Request {
        Request::new(Service::Image, Method::Put, &["images", id, "stage"]).upload(body)
    }

    pub(super) fn staged(&self, id: &str, sent: u64) {
        self.came(id, |one| one.upload.sent = Some(sent));
    }

    pub(super) async fn import(&self, id: &str) -> Result<(), Error> {
        self.came(id, |one| one.upload.imported = true);
        let body = json!({ "method": { "name": "glance-direct" } });
        let path = ["images", id, "import"];
        let request = Request::new(Service::Image, Method::Post, &path).body(body);
        send(&*self.transport, request).await.map_err(advised)
    }

    pub(super) async fn set(&self, id: &str, properties: &[(String, String)]) -> Result<(), Error> {
        let patch = properties.iter().map(
            |(name, value)| json!({ "op": "add", "path": format!("/{name}"), "value": value }),
        );
        let request = Request::new(Service::Image, Method::Patch, &["images", id])
            .header("Content-Type", "application/openstack-images-v2.1-json-patch")
            .body(patch.collect());
        send(&*self.transport, request).await
    }

    pub(super) async fn delete(&self, id: &str) -> Result<(), Error> {
        send(&*self.transport, Request::new(Service::Image, Method::Delete, &["images", id])).await
    }

    /// Returns the image with the id; none where there is none.
    pub(super) async fn image(&self, id: &str) -> Result<Option<Image>, Error> {
        let request = Request::new(Service::Image, Method::Get, &["images", id]);
        absent(fetch(&*self.transport, request, "").await)
    }
}

/// Adds what to do about a refusal of an image's record, its bytes or its import.
fn advised(error: Error) -> Error {
    let Error::Refused(mut refusal) = error else { return error };
    refusal.next = match refusal.status {
        413 => Some(image_limit(&refusal.message)),
        404 => Some("another client deleted the image, or --endpoint is not Glance: glance-api's log tells; \
                     run the same command again"),
        409 => Some("another client works on the image, or another unit has what was staged: run the same \
                     command again, with --endpoint of one unit if there are several"),
        _ => None,
    }
    .map(str::to_owned);
    Error::Refused(refusal)
}

impl Label for Images {
    fn label(&self) -> String {
        self.transport.label()
    }
}

impl fmt::Debug for Images {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Images").field(&self.label()).finish()
    }
}

#[cfg(test)]
mod tests {
    use omega_core::Diagnostic as _;

    use super::*;
    use crate::Response;

    #[test]
    fn every_refusal_of_bytes_and_imports_says_what_to_do() {
        let path = ["images", "5", "import"];
        let request = Request::new(Service::Image, Method::Post, &path);
        let page = |reason: &str| {
            let status = "413 Request Entity Too Large";
            let page = format!(
                "<html>\n <head>\n  <title>{status}</title>\n </head>\n <body>\n  <h1>{status}</h1>\n  \
                 {reason}<br /><br />\n\n\n </body>\n</html>"
            );
            Response::new(413, json!(page))
        };
        let plain = |status, text: &str| Response::new(status, json!(format!("{text}\n\n   ")));
        let told = [
            plain(404, "404 Not Found\n\nNo image found with ID 5"),
            plain(409, "409 Conflict\n\nImage status transition from uploading to uploading is not allowed"),
            plain(409, "409 Conflict\n\nImage has active task"),
            page("Image exceeds the storage quota: The size of the data 5 will exceed the limit. 3 bytes remaining."),
            page("Project p is over a limit for [Resource image_size_total is over limit of 5]"),
            page("The incoming image is too large: The provided image is too large."),
            page("Image storage media is full: There is not enough disk space"),
            page("nginx/1.18.0"),
        ]
        .map(|answer| {
            let error = advised(accept(&request, answer).unwrap_err());
            format!("{error}\n  next: {}", error.next().unwrap())
        });
        insta::assert_snapshot!(told.join("\n"));
    }
}
