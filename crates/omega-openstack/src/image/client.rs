use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
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
};

/// Glance, and the way to what is to be put into it.
#[derive(Clone)]
pub struct Images {
    transport: Arc<dyn Transport>,
    downloads: Downloads,
    uploads: Arc<Mutex<BTreeMap<String, Upload>>>,
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
        Self { transport, downloads: Downloads::default(), uploads: Arc::default() }
    }

    /// Returns a client that downloads with `downloads`.
    #[must_use]
    pub fn with_downloads(self, downloads: Downloads) -> Self {
        Self { downloads, ..self }
    }

    pub(super) fn downloads(&self) -> &Downloads {
        &self.downloads
    }

    /// Returns the images of exactly this name that the token may see, other projects' public and
    /// shared ones too. Hidden ones are not among them.
    pub(crate) async fn named(&self, name: &str) -> Result<Vec<Image>, Error> {
        // `eq:` takes the rest as it is, with colons, commas and quotes. (Glance, `common/utils.py`:
        // `in:` never removes the backslashes of a quoted name.)
        let request = Request::new(Service::Image, Method::Get, &["images"])
            .query("name", format!("eq:{name}"))
            .query("limit", "1000");
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

    /// Returns how far this process has come with the images that it makes.
    pub(super) fn uploads(&self) -> BTreeMap<String, Upload> {
        self.uploads.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn came(&self, id: &str, change: impl FnOnce(&mut Upload)) {
        let mut all = self.uploads.lock().unwrap_or_else(PoisonError::into_inner);
        change(all.entry(id.to_owned()).or_default());
    }

    pub(super) async fn create(&self, id: &str, body: Value) -> Result<(), Error> {
        // Before the request: its answer may be lost.
        self.came(id, |_| ());
        send(&*self.transport, Request::new(Service::Image, Method::Post, &["images"]).body(body))
            .await
    }

    /// Stages the bytes. That all were sent is kept by [`staged`](Self::staged): only the caller knows
    /// how many they were.
    pub(super) async fn stage(&self, ctx: &Context, request: Request) -> Result<(), Error> {
        let response = self.transport.exchange(ctx, request.clone()).await?.json().await?;
        accept(&request, response).map(drop)
    }

    pub(super) fn stage_request(id: &str, body: Body) -> Request {
        Request::new(Service::Image, Method::Put, &["images", id, "stage"]).upload(body)
    }

    pub(super) fn staged(&self, id: &str, sent: u64) {
        self.came(id, |upload| upload.sent = Some(sent));
    }

    pub(super) async fn import(&self, id: &str) -> Result<(), Error> {
        self.came(id, |upload| upload.imported = true);
        let body = json!({ "method": { "name": "glance-direct" } });
        let path = ["images", id, "import"];
        send(&*self.transport, Request::new(Service::Image, Method::Post, &path).body(body)).await
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
