//! Ensures that an image is in Glance, from bytes whose digest is known.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use futures::{future::try_join, stream::empty};
use jiff::Timestamp;
use omega_core::{
    Conflict, Context, Delta, Desired, EnsureError, Note, Outcome, PollPolicy, Subject, Touched,
    chain, ensure, values::Sha512,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    DeleteImage, Image, ImageChange, ImageName, ImageSource, ImageTask, Images, InvalidImage,
    KubernetesVersion, SourceError, SourceInfo, Upload,
    checked::{can_keep, checked},
    existing_image::newest_import,
    spec::supported_distro,
    wire::SOURCE_SHA512,
};
use crate::{
    Error,
    request::{ByteStream, Upload as Body},
};

/// How long Glance may be away while an image is made: it may be restarted.
pub(super) const UNANSWERED: Duration = Duration::from_mins(1);

/// Ensures that an image is active whose bytes come from `image`'s source and have its digest.
///
/// The bytes go to Glance as one stream that is hashed on the way, and are imported only if the digest
/// is right. Whatever fails, nothing is left in Glance.
///
/// # Errors
///
/// Refuses if another image has the name, if the cloud has no `glance-direct`, and if the source can't
/// be imported.
pub async fn stage_image(
    ctx: &Context,
    images: &Images,
    image: &StagedImage,
) -> Result<Outcome<ImageObserved>, EnsureError<Error>> {
    ensure(ctx, images, image).await
}

/// An image for Magnum's driver, and where its bytes come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StagedImage {
    /// Its name.
    pub name: ImageName,
    /// The distribution: Magnum requires it of an image (`ubuntu`).
    pub os_distro: String,
    /// What the driver installs.
    pub kube_version: KubernetesVersion,
    /// The digest of the source's bytes. Glance's own is that of what it converted them to.
    pub sha512: Sha512,
    /// Where the bytes come from.
    pub source: ImageSource,
    /// Where a copy of them goes, if anywhere.
    pub keep: Option<PathBuf>,
}

impl StagedImage {
    /// Returns an image of the distribution `ubuntu`, without a copy on this machine.
    pub fn new(
        name: ImageName,
        kube_version: KubernetesVersion,
        sha512: Sha512,
        source: ImageSource,
    ) -> Self {
        Self { name, os_distro: "ubuntu".to_owned(), kube_version, sha512, source, keep: None }
    }

    /// Returns the same, of another distribution.
    ///
    /// # Errors
    ///
    /// Fails if Magnum's driver knows no such distribution.
    pub fn with_os_distro(self, os_distro: &str) -> Result<Self, InvalidImage> {
        supported_distro(os_distro)?;
        Ok(Self { os_distro: os_distro.to_owned(), ..self })
    }
}

/// The images of the name, and what is needed to make one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ImageObserved {
    /// All that have the name.
    pub images: Vec<Image>,
    /// How images can be imported; empty if there is one already.
    pub import_methods: Vec<String>,
    /// The source, if it is needed.
    pub source: Option<SourceInfo>,
    /// Why it can't be used.
    pub unusable: Option<String>,
    /// The imports of the image, if one is under way or has failed.
    pub tasks: Vec<ImageTask>,
    /// How far this process has come with images of the name that it makes.
    pub uploads: BTreeMap<String, Upload>,
    /// An id that no image has.
    pub fresh_id: String,
    /// Why no copy can be kept, if one is wanted and there is no image yet.
    #[serde(default)]
    pub unkept: Option<String>,
    /// The image that this process was making and that is gone.
    #[serde(default)]
    pub gone: Option<String>,
}

impl StagedImage {
    /// Decides for the one image that there is.
    fn of_one(&self, image: &Image, seen: &ImageObserved) -> Result<Delta<ImageChange>, Conflict> {
        if image.hidden {
            return Err(Conflict::new(
                format!("image {} ({}) is hidden: its name finds nothing", self.name, image.id),
                format!("openstack image set --unhidden {}, or choose another name", image.id),
            ));
        }
        match (image.status.as_str(), seen.uploads.get(&image.id)) {
            ("active", _) => self.of_active(image),
            ("deactivated", _) => Err(Conflict::new(
                format!("image {} ({}) is deactivated", self.name, image.id),
                format!("openstack image set --activate {}", image.id),
            )),
            (_, _) if image.is_imported_now() => {
                let same = image.source_sha512 == Some(self.sha512.to_string());
                if !same {
                    return Err(self
                        .conflict("another client is importing it, with other bytes", &image.id));
                }
                Ok(Delta::Wait(format!("import: {}", newest_import(&seen.tasks))))
            }
            (_, None) => Err(self.conflict(
                format!(
                    "it is {} since {}: another client makes it, or one was killed",
                    image.status,
                    image.updated_at.as_deref().unwrap_or("an unknown time"),
                ),
                &image.id,
            )),
            (_, Some(Upload { imported: true, .. })) => Err(Self::failed_import(image, seen)),
            ("queued", Some(Upload { sent: None, .. })) => {
                Ok(Delta::Changes(vec![self.stage(&image.id, seen), self.import(&image.id)]))
            }
            ("uploading", Some(Upload { sent: Some(sent), .. })) if image.size == Some(*sent) => {
                Ok(Delta::Changes(vec![self.import(&image.id)]))
            }
            (status, Some(Upload { sent, .. })) => {
                let bytes = |count: Option<u64>| {
                    count.map_or_else(
                        || "an unknown number of bytes".to_owned(),
                        |n| format!("{n} bytes"),
                    )
                };
                let why = format!("it is {status} and not ready for its import");
                let (sent, staged) = (bytes(*sent), bytes(image.size));
                Err(Conflict::new(why, "run the same command again")
                    .seen(format!("{sent} staged, as sent"), format!("{staged} staged")))
            }
        }
    }

    fn stage(&self, id: &str, seen: &ImageObserved) -> ImageChange {
        ImageChange::Stage {
            id: id.to_owned(),
            name: self.name.to_string(),
            source: self.source.to_string(),
            length: seen.source.as_ref().and_then(|source| source.length),
        }
    }

    fn import(&self, id: &str) -> ImageChange {
        ImageChange::Import { id: id.to_owned(), name: self.name.to_string() }
    }

    /// Refuses what is wrong before an image is made.
    fn of_none(&self, seen: &ImageObserved) -> Result<(), Conflict> {
        if let Some(id) = &seen.gone {
            let why = format!(
                "image {} ({id}) was being made by this run, and is gone: another client deleted or renamed it",
                self.name
            );
            let next = "find out who did (glance-api's log), then run the same command again";
            return Err(Conflict::new(why, next));
        }
        supported_distro(&self.os_distro)
            .map_err(|why| Conflict::new(why.to_string(), "give the image's distribution"))?;
        if let Some(why) = &seen.unusable {
            let next = "give a whole qcow2 file (qemu-img convert -O qcow2)";
            return Err(Conflict::new(why.clone(), next));
        }
        if let Some(why) = &seen.unkept {
            let next =
                "name a file that does not exist, in a directory that does; or leave the copy out";
            return Err(Conflict::new(why.clone(), next));
        }
        if !seen.import_methods.iter().any(|method| method == "glance-direct") {
            let next = "enable it: enabled_import_methods in glance-api.conf";
            let found = seen.import_methods.join(", ");
            return Err(Conflict::new("Glance offers no import with glance-direct", next)
                .seen("glance-direct", found));
        }
        Ok(())
    }

    /// Sends the bytes; and once more from the beginning if Glance refused the token before it read any, which
    /// the session has forgotten then.
    async fn send(&self, ctx: &Context, images: &Images, id: &str) -> Result<(), Error> {
        match self.send_once(ctx, images, id).await {
            Err(Error::Refused(refusal)) if refusal.status == 401 => {
                self.send_once(ctx, images, id).await
            }
            sent => sent,
        }
    }

    async fn send_once(&self, ctx: &Context, images: &Images, id: &str) -> Result<(), Error> {
        let source = |error| Error::Source { touched: Touched::Nothing, source: error };
        let (bytes, length) = begin(ctx, images, &self.source).await?;
        let (bytes, verdict) =
            checked(&self.source, bytes, self.sha512, self.keep.as_deref()).map_err(source)?;
        let mut request = Images::stage_request(id, Body::in_chunks(length, bytes));
        if let Some(patience) = self.source.patience() {
            request = request.stall_limit(patience);
        }
        let staged = images.stage(ctx, request).await;
        let verdict = verdict.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        match (verdict, staged) {
            (Some(Err(error)), _) => Err(Error::Source { touched: Touched::Maybe, source: error }),
            (Some(Ok(sent)), Ok(())) => {
                images.staged(id, sent);
                Ok(())
            }
            (_, Err(error)) => Err(error),
            (None, Ok(())) => {
                let request = Images::stage_request(id, Body::in_chunks(None, Box::pin(empty())));
                Err(Error::malformed(&request, None, "it came before all bytes were read"))
            }
        }
    }
}

/// Begins to read a source, unless the run is cancelled first: a server may take minutes.
async fn begin(
    ctx: &Context,
    images: &Images,
    source: &ImageSource,
) -> Result<(ByteStream, Option<u64>), Error> {
    tokio::select! {
        opened = source.open(images.downloads(), ctx) => {
            opened.map_err(|source| Error::Source { touched: Touched::Nothing, source })
        }
        () = ctx.cancel().cancelled() => Err(Error::Cancelled {
            request: format!("GET {source}"),
            timed_out: false,
            touched: Touched::Nothing,
        }),
    }
}

impl Desired for StagedImage {
    const KIND: &'static str = "openstack.image.v1";
    type Target = Images;
    type Observed = ImageObserved;
    type Change = ImageChange;
    type Undo = DeleteImage;
    type Error = Error;

    fn subject(&self) -> Subject {
        Subject::new("image", self.name.to_string())
    }

    fn key(&self) -> String {
        self.name.to_string()
    }

    async fn observe(&self, images: &Images) -> Result<ImageObserved, Error> {
        let name = self.name.as_ref();
        let (visible, hidden) = try_join(images.named(name), images.hidden(name)).await?;
        let found = [visible, hidden].concat();
        let gone = images.missing(name, &found).await?;
        let mut seen = ImageObserved {
            import_methods: Vec::new(),
            source: None,
            unusable: None,
            tasks: Vec::new(),
            uploads: images.uploads(name),
            fresh_id: fresh_id()?,
            unkept: None,
            gone,
            images: found,
        };
        match seen.images.as_slice() {
            [] if seen.gone.is_some() => {}
            [] => {
                seen.import_methods = images.import_methods().await?;
                let keep = self.keep.as_deref().map_or(Ok(()), can_keep);
                seen.unkept = keep.err().map(|why| chain(&why).join(": "));
                match self.source.probe(images.downloads()).await {
                    Ok(info) => seen.source = Some(info),
                    Err(error @ SourceError::Unusable { .. }) => {
                        seen.unusable = Some(error.to_string());
                    }
                    Err(source) => {
                        return Err(Error::Source { touched: Touched::Nothing, source });
                    }
                }
            }
            [one] if one.status != "active" => seen.tasks = images.tasks(&one.id).await?,
            _ => {}
        }
        Ok(seen)
    }

    fn diff(&self, seen: &ImageObserved) -> Result<Delta<ImageChange>, Conflict> {
        match seen.images.as_slice() {
            [] => self.of_none(seen)?,
            [one] => return self.of_one(one, seen),
            many => return Err(self.of_many(many, seen)),
        }
        let id = seen.fresh_id.clone();
        let create = ImageChange::Create {
            id: id.clone(),
            name: self.name.to_string(),
            kube_version: self.kube_version.to_string(),
        };
        Ok(Delta::Changes(vec![create, self.stage(&id, seen), self.import(&id)]))
    }

    async fn apply(
        &self,
        ctx: &Context,
        images: &Images,
        change: &ImageChange,
    ) -> Result<(), Error> {
        match change {
            ImageChange::Create { id, name, kube_version } => {
                let body = json!({
                    "id": id,
                    "name": name,
                    "disk_format": "qcow2",
                    "container_format": "bare",
                    "os_distro": self.os_distro,
                    "kube_version": kube_version,
                    SOURCE_SHA512: self.sha512.to_string(),
                });
                images.create(id, name, body).await
            }
            ImageChange::Stage { id, .. } => self.send(ctx, images, id).await,
            ImageChange::Import { id, .. } => images.import(id).await,
            ImageChange::Set { id, properties, .. } => images.set(id, properties).await,
        }
    }

    fn undo(&self, before: &ImageObserved) -> Option<DeleteImage> {
        let made = before.images.is_empty();
        made.then(|| DeleteImage::new(self.name.to_string(), &before.fresh_id))
    }

    fn cleanup(&self, before: &ImageObserved) -> Option<DeleteImage> {
        self.undo(before).map(DeleteImage::only_unfinished)
    }

    /// A server that changed what it serves, once or twice.
    fn starts_over(&self, error: &Error) -> bool {
        matches!(error, Error::Source { source: SourceError::Changed { .. }, .. })
    }

    /// The import is requested only after Glance reports that all bytes are staged.
    fn verifies_each_change(&self) -> bool {
        true
    }

    fn notes(&self, seen: &ImageObserved, _: Timestamp) -> Vec<Note> {
        let mut notes = self.notes_after(seen);
        let there = seen.images.iter().any(|one| !seen.uploads.contains_key(&one.id));
        if let (true, Some(keep)) = (there, &self.keep) {
            let (name, keep) = (&self.name, keep.display());
            let text = format!(
                "image {name} is there already: no byte of the source was read, so none is kept in {keep}"
            );
            notes.push(Note::new(text));
        }
        notes
    }

    fn notes_after(&self, seen: &ImageObserved) -> Vec<Note> {
        let image = seen.images.first().filter(|image| image.status == "active");
        let Some(image) = image else { return Vec::new() };
        let format = image.disk_format.as_deref().unwrap_or("an unknown format");
        if format == "raw" {
            return Vec::new();
        }
        let text = format!(
            "image {} is stored as {format}, not raw: Ceph then copies it for each machine; charm-glance \
             converts imports with image-conversion=true (its default is false)",
            self.name
        );
        vec![Note::new(text)]
    }

    /// An import that says nothing new for ten minutes has stalled.
    fn poll_policy(&self) -> PollPolicy {
        let policy = PollPolicy::new(Duration::from_secs(2), Duration::from_hours(3));
        policy.stalled(Duration::from_mins(10)).unanswered(UNANSWERED)
    }
}

/// A random UUID (RFC 9562, version 4). Glance refuses one that any image ever had.
fn fresh_id() -> Result<String, Error> {
    use std::io::Read as _;
    let mut bytes = [0; 16];
    let read = std::fs::File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes));
    read.map_err(|source| Error::Source {
        touched: Touched::Nothing,
        source: SourceError::File { path: "/dev/urandom".into(), source },
    })?;
    let version_4 = u128::from_be_bytes(bytes) & !(0xf << 76) | (0x4 << 76);
    let id = version_4 & !(0x3 << 62) | (0x2 << 62);
    let part = |from: u32, digits: u32| (id >> from) & ((1 << (4 * digits)) - 1);
    Ok(format!(
        "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
        part(96, 8),
        part(80, 4),
        part(64, 4),
        part(48, 4),
        part(0, 12)
    ))
}
