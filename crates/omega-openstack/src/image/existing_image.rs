//! What [`StagedImage`] makes of images that have its name already.

use omega_core::{Conflict, Delta};

use super::{
    Image, ImageChange, ImageObserved, ImageTask, KubernetesVersion, StagedImage,
    wire::SOURCE_SHA512,
};

impl StagedImage {
    pub(super) fn conflict(&self, why: impl Into<String>, id: &str) -> Conflict {
        let next = format!("choose another name, or delete it: openstack image delete {id}");
        Conflict::new(format!("image {} ({id}): {}", self.name, why.into()), next)
    }

    /// Decides for one that is active: its bytes and its properties have to be the ones wanted.
    pub(super) fn of_active(&self, image: &Image) -> Result<Delta<ImageChange>, Conflict> {
        let digest = self.sha512.to_string();
        // What was not converted has the digest of the source, whoever put it there.
        let unconverted = image.disk_format.as_deref() == Some("qcow2")
            && image.os_hash_algo.as_deref() == Some("sha512")
            && image.os_hash_value.as_ref() == Some(&digest);
        match &image.source_sha512 {
            Some(found) if *found == digest => {}
            Some(found) => {
                let why = "it was made of other bytes";
                let expected = format!("sha512 {digest}");
                return Err(self
                    .conflict(why, &image.id)
                    .seen(expected, format!("sha512 {found}")));
            }
            None if unconverted => {}
            None => {
                let why = format!("nothing says which bytes it was made of (no {SOURCE_SHA512})");
                return Err(self.conflict(why, &image.id));
            }
        }
        let same_version =
            |found: &str| found.parse().is_ok_and(|v: KubernetesVersion| v == self.kube_version);
        let version = image.kube_version.as_deref().filter(|found| !same_version(found));
        let distro = image.os_distro.as_deref().filter(|found| *found != self.os_distro);
        let wanted = [
            ("os_distro", self.os_distro.as_str(), distro),
            ("kube_version", self.kube_version.as_ref(), version),
        ];
        for (name, wanted, other) in wanted {
            let Some(other) = other.filter(|other| !other.is_empty()) else { continue };
            let next = format!(
                "ask for what it has, or choose another name; if the property is wrong: openstack image set \
                 --property {name}={wanted} {}",
                image.id
            );
            let why =
                format!("image {} ({}) has these bytes, and another {name}", self.name, image.id);
            return Err(Conflict::new(why, next)
                .seen(format!("{name} {wanted}"), format!("{name} {other}")));
        }
        let is_set = |value: &Option<String>| value.as_ref().is_some_and(|value| !value.is_empty());
        let properties: Vec<_> = [
            ("os_distro", self.os_distro.clone(), is_set(&image.os_distro)),
            ("kube_version", self.kube_version.to_string(), is_set(&image.kube_version)),
            (SOURCE_SHA512, digest, is_set(&image.source_sha512)),
        ]
        .into_iter()
        .filter(|(.., is_set)| !is_set)
        .map(|(name, wanted, _)| (name.to_owned(), wanted))
        .collect();
        if properties.is_empty() {
            return Ok(Delta::Satisfied);
        }
        let (id, name) = (image.id.clone(), self.name.to_string());
        Ok(Delta::Changes(vec![ImageChange::Set { id, name, properties }]))
    }

    pub(super) fn failed_import(image: &Image, seen: &ImageObserved) -> Conflict {
        let stores = image.failed_stores().map(|stores| format!(" into {stores}"));
        let why = format!("Glance could not import it{}", stores.unwrap_or_default());
        let next = "glance-api's log has the reason: often the conversion, the store's space or quota, or a \
                    staged file that another unit has (see --endpoint)";
        Conflict::new(why, next)
            .seen("an active image", format!("{}; {}", image.status, newest_import(&seen.tasks)))
    }

    /// Two images of a name are one too many, whoever made them.
    pub(super) fn of_many(&self, many: &[Image], seen: &ImageObserved) -> Conflict {
        let shown = many.iter().map(|image| {
            let hidden = if image.hidden { " (hidden)" } else { "" };
            format!("{}{hidden}", image.id)
        });
        let shown: Vec<_> = shown.collect();
        let is_ours =
            |image: &&Image| image.status != "active" && seen.uploads.contains_key(&image.id);
        let next = match many.iter().find(is_ours) {
            Some(ours) => format!(
                "another client makes one at the same time. This run removes its own ({}): when the other \
                 has ended too, run the same command again, on one machine",
                ours.id
            ),
            None => "delete or rename all but one: openstack image delete ID".to_owned(),
        };
        let why = format!("{} images are named {}", many.len(), self.name);
        Conflict::new(why, next).seen("one image", shown.join(", "))
    }
}

/// Returns what the newest import says.
pub(super) fn newest_import(tasks: &[ImageTask]) -> String {
    match tasks.last() {
        Some(ImageTask { status, message: Some(message), .. }) if !message.is_empty() => {
            format!("{status}, {message}")
        }
        Some(ImageTask { status, .. }) => status.clone(),
        None => "Glance gives no details".to_owned(),
    }
}
