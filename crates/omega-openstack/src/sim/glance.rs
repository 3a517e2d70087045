//! Glance's images: created, staged, imported, deleted. An import goes on each time that it is looked at.

use std::collections::BTreeSet;

use bytes::Bytes;
use serde_json::{Value, json};

use super::{
    recorded::recorded,
    state::{State, Who},
};
use crate::{Body, Method, Request, Response};

/// How often an image is looked at before its import ends.
const LOOKS: u32 = 3;

/// Everything that Glance keeps.
#[derive(Clone, Debug, Default)]
pub(super) struct Glance {
    images: Vec<SimImage>,
    /// Ids that were ever used: Glance refuses them for ever.
    ids: BTreeSet<String>,
    pub(super) behaviour: GlanceBehaviour,
}

/// What a cloud's Glance is like.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct GlanceBehaviour {
    /// Whether it converts an import to raw.
    pub converts: bool,
    /// What becomes of imports.
    pub import: ImportFate,
    /// How images can be imported.
    pub methods: Vec<&'static str>,
    /// How many bytes it loses of what is staged, without a word.
    pub loses: u64,
    /// Whether it tells of an image's tasks; older releases have no such path.
    pub tells_tasks: bool,
    /// The status at which another client deletes each image.
    pub vanish_as: Option<&'static str>,
}

impl Default for GlanceBehaviour {
    fn default() -> Self {
        let methods = vec!["glance-direct", "web-download"];
        let (import, vanish_as) = (ImportFate::Works, None);
        Self { converts: true, import, methods, loses: 0, tells_tasks: true, vanish_as }
    }
}

/// What becomes of an import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImportFate {
    /// The image is active.
    Works,
    /// It stays `importing`, without its task.
    Fails,
    /// It is `queued` again, and the store is named.
    FailsInStore,
    /// It never ends.
    Stalls,
}

#[derive(Clone, Debug)]
struct SimImage {
    shown: Value,
    staged: Option<Bytes>,
    looks: u32,
    tasks: Vec<Value>,
}

impl State {
    pub(super) fn glance_images(&mut self, who: &Who, request: &Request) -> Option<Response> {
        let path: Vec<_> = request.path.iter().map(String::as_str).collect();
        Some(match (request.method, path.as_slice()) {
            (Method::Get, ["info", "import"]) => {
                let mut answer = recorded!("glance-import-methods-200").unchanged();
                answer.body["import-methods"]["value"] = json!(self.glance.behaviour.methods);
                answer
            }
            (Method::Get, ["images"]) => self.list_images(who, request)?,
            (Method::Post, ["images"]) => self.create_image(who, request.json()?),
            (Method::Get, ["images", id]) => match self.an_image(who, id) {
                Some(image) => Response::new(200, image.shown.clone()),
                None => absent(id),
            },
            (Method::Get, ["images", id, "tasks"]) if !self.glance.behaviour.tells_tasks => {
                absent(id)
            }
            (Method::Get, ["images", id, "tasks"]) => match self.an_image(who, id) {
                Some(image) => {
                    let mut answer = recorded!("glance-image-tasks-200").unchanged();
                    answer.body["tasks"] = json!(image.tasks);
                    answer
                }
                None => absent(id),
            },
            (Method::Put, ["images", id, "stage"]) => self.stage_image(who, id, &request.body),
            (Method::Post, ["images", id, "import"]) => self.import_image(who, id),
            (Method::Patch, ["images", id]) => self.patch_image(who, id, request.json()?),
            (Method::Delete, ["images", id]) => self.delete_image(who, id),
            _ => return None,
        })
    }

    fn list_images(&mut self, who: &Who, request: &Request) -> Option<Response> {
        let of = |wanted: &str| request.query.iter().find(|(key, _)| key == wanted);
        let name = match of("name") {
            Some((_, pattern)) => Some(pattern.strip_prefix("eq:")?),
            None if of("limit").is_some_and(|(_, limit)| limit == "1") => return None,
            None => None,
        };
        let hidden = request.query.iter().any(|(key, value)| key == "os_hidden" && value == "true");
        let ids: Vec<_> = self.glance.images.iter().map(|i| i.shown["id"].clone()).collect();
        let mut found = Vec::new();
        for id in ids.iter().filter_map(Value::as_str) {
            found.extend(self.an_image(who, id).map(|image| image.shown.clone()));
        }
        let is_hidden = |image: &Value| image["os_hidden"] == json!(true);
        // Glance 28, `api/v2/images.py`, `_get_filters`: a tag, or the value of a property.
        let others = request
            .query
            .iter()
            .filter(|(key, _)| !["name", "limit", "os_hidden", "marker"].contains(&key.as_str()));
        let others: Vec<&(String, String)> = others.collect();
        let fits = |image: &Value| {
            others.iter().all(|(key, value)| match key.as_str() {
                "tag" => image["tags"].as_array().is_some_and(|all| all.contains(&json!(value))),
                _ => image[key] == *value,
            })
        };
        found.retain(|image| {
            name.is_none_or(|name| image["name"] == *name)
                && is_hidden(image) == hidden
                && fits(image)
        });
        let mut answer = recorded!("glance-images-none-200").unchanged();
        answer.body["images"] = json!(found);
        Some(answer)
    }

    /// Returns whether an image of this name or id has what Magnum needs; none if there is none.
    pub(super) fn image_has_distro(&self, who: &Who, text: &str) -> Option<bool> {
        let mut images = self.glance.images.iter().filter(|image| image.is_of(who));
        let image = images.find(|one| one.shown["id"] == *text || one.shown["name"] == *text)?;
        Some(image.shown["os_distro"].is_string())
    }

    /// Returns the image, which has lived on a little.
    fn an_image(&mut self, who: &Who, id: &str) -> Option<&mut SimImage> {
        let Glance { images, behaviour, .. } = &mut self.glance;
        let image = images.iter_mut().find(|image| image.shown["id"] == *id && image.is_of(who))?;
        image.look(behaviour);
        if behaviour.vanish_as.is_some_and(|status| image.shown["status"] == *status) {
            images.retain(|image| image.shown["id"] != *id);
            return None;
        }
        images.iter_mut().find(|image| image.shown["id"] == *id)
    }

    fn create_image(&mut self, who: &Who, body: &Value) -> Response {
        let id = match body["id"].as_str() {
            Some(id) => id.to_owned(),
            None => self.id(),
        };
        if !self.glance.ids.insert(id.clone()) {
            let taken = recorded!("glance-image-id-taken");
            return taken.about(&taken.asked("/body/id"), &id);
        }
        let mut answer = recorded!("glance-image-201").unchanged();
        for (key, value) in body.as_object().into_iter().flatten() {
            answer.body[key] = value.clone();
        }
        answer.body["id"] = json!(id);
        answer.body["owner"] = json!(who.project);
        let (shown, tasks) = (answer.body.clone(), Vec::new());
        self.glance.images.push(SimImage { shown, staged: None, looks: 0, tasks });
        answer
    }

    fn stage_image(&mut self, who: &Who, id: &str, body: &Body) -> Response {
        let loses = self.glance.behaviour.loses;
        let Some(image) = self.an_image(who, id) else { return absent(id) };
        let Body::Bytes(bytes) = body else { return absent(id) };
        if image.shown["status"] != "queued" {
            return recorded!("glance-stage-again").unchanged();
        }
        image.staged = Some(bytes.clone());
        image.shown["status"] = json!("uploading");
        image.shown["size"] = json!((bytes.len() as u64).saturating_sub(loses));
        recorded!("glance-stage-204").unchanged()
    }

    fn import_image(&mut self, who: &Who, id: &str) -> Response {
        let task = self.id();
        let Some(image) = self.an_image(who, id) else { return absent(id) };
        if image.shown["os_glance_import_task"].as_str().is_some_and(|task| !task.is_empty()) {
            return recorded!("glance-import-again").unchanged();
        }
        if image.shown["status"] != "uploading" {
            return recorded!("glance-import-unstaged").unchanged();
        }
        image.looks = 0;
        image.shown["os_glance_import_task"] = json!(task);
        image.tasks.push(json!({ "id": task, "status": "processing", "message": "" }));
        recorded!("glance-import-202").unchanged()
    }

    fn patch_image(&mut self, who: &Who, id: &str, patch: &Value) -> Response {
        let Some(image) = self.an_image(who, id) else { return absent(id) };
        for change in patch.as_array().into_iter().flatten() {
            let name = change["path"].as_str().unwrap_or_default().trim_start_matches('/');
            match image.shown.as_object_mut() {
                Some(all) if change["op"] == "remove" => drop(all.remove(name)),
                _ => image.shown[name] = change["value"].clone(),
            }
        }
        Response::new(200, image.shown.clone())
    }

    fn delete_image(&mut self, who: &Who, id: &str) -> Response {
        if self.an_image(who, id).is_none() {
            return absent(id);
        }
        self.glance.images.retain(|image| image.shown["id"] != *id);
        recorded!("glance-image-delete-204").unchanged()
    }

    /// Makes an image that is active, as another client would; returns its id.
    pub(super) fn new_image(&mut self, project: &str, name: &str, properties: &Value) -> String {
        let id = self.id();
        let mut shown = recorded!("glance-image-active-200").body.clone();
        for key in ["os_distro", "kube_version", "omega_source_sha512"] {
            shown[key] = Value::Null;
        }
        (shown["id"], shown["name"], shown["owner"]) = (json!(id), json!(name), json!(project));
        for (key, value) in properties.as_object().into_iter().flatten() {
            shown[key] = value.clone();
        }
        self.glance.ids.insert(id.clone());
        self.glance.images.push(SimImage { shown, staged: None, looks: 0, tasks: Vec::new() });
        id
    }

    /// Returns every image, without its id, in an order of its own.
    pub(super) fn image_things(&self) -> Vec<String> {
        let keys = [
            "owner",
            "name",
            "status",
            "disk_format",
            "os_distro",
            "kube_version",
            "omega_source_sha512",
            "os_hidden",
        ];
        let show = |image: &SimImage| {
            let values: Vec<_> = keys.iter().map(|key| image.shown[*key].to_string()).collect();
            values.join(" ")
        };
        let mut all: Vec<_> = self.glance.images.iter().map(show).collect();
        all.sort();
        all
    }
}

impl SimImage {
    fn is_of(&self, who: &Who) -> bool {
        who.admin || self.shown["owner"] == *who.project || self.shown["visibility"] == "public"
    }

    fn look(&mut self, behaviour: &GlanceBehaviour) {
        if self.shown["os_glance_import_task"].as_str().is_none_or(str::is_empty) {
            return;
        }
        self.shown["status"] = json!("importing");
        self.looks += 1;
        if self.looks < LOOKS {
            return;
        }
        let task = |status: &str, message: &str| json!({ "id": "t", "status": status, "message": message });
        let failed = recorded!("glance-image-tasks-failed-200").body["tasks"][0]["message"].clone();
        let failed = task("failure", failed.as_str().unwrap_or_default());
        let (ended, status) = match behaviour.import {
            ImportFate::Stalls => return,
            ImportFate::Fails => (failed, "importing"),
            ImportFate::FailsInStore => {
                self.shown["os_glance_failed_import"] = json!("local");
                (failed, "queued")
            }
            ImportFate::Works => {
                let active = recorded!("glance-image-active-200").body.clone();
                let keys: &[&str] = if behaviour.converts {
                    &[
                        "disk_format",
                        "size",
                        "virtual_size",
                        "os_hash_algo",
                        "os_hash_value",
                        "checksum",
                    ]
                } else {
                    &[]
                };
                for key in keys {
                    self.shown[*key] = active[*key].clone();
                }
                (task("success", "Copied 1 MiB"), "active")
            }
        };
        self.shown["status"] = json!(status);
        self.shown["os_glance_import_task"] = Value::Null;
        self.tasks = vec![ended];
    }
}

fn absent(id: &str) -> Response {
    recorded!("glance-image-404").at(id)
}
