//! Magnum's cluster templates.
//!
//! From recordings (record.py, `magnum`): lists, creation and what it refuses, deletion.
//! From the source of Magnum 18.0.1, and not recorded: PATCH. `api/controllers/v1/cluster_template.py`
//! (`patch`: what is checked, and in which order; `ClusterTemplatePatchType`), `api/controllers/v1/types.py`
//! (`JsonPatchType`), `api/utils.py` (`apply_jsonpatch`), `api/attr_validator.py` (`validate_os_resources`),
//! `db/sqlalchemy/api.py` (`_do_update_cluster_template`: what it permits while a cluster uses it),
//! `objects/cluster_template.py` (labels become text), `common/exception.py` (words and statuses).

use serde_json::{Map, Value, json};

use super::{
    magnum::{ok, theirs},
    recorded::recorded,
    state::{State, Who},
};
use crate::{Method, Request, Response};

/// `JsonPatchType.internal_attrs`
const INTERNAL: [&str; 7] =
    ["created_at", "id", "links", "updated_at", "uuid", "project_id", "user_id"];
/// `ClusterTemplatePatchType`, and what is mandatory in a creation.
const NOT_REMOVABLE: [&str; 10] = [
    "network_driver",
    "external_network_id",
    "tls_disabled",
    "public",
    "server_type",
    "coe",
    "registry_enabled",
    "cluster_distro",
    "hidden",
    "image_id",
];

impl State {
    pub(super) fn magnum_templates(&mut self, who: &Who, request: &Request) -> Option<Response> {
        let path: Vec<_> = request.path.iter().map(String::as_str).collect();
        Some(match (request.method, path.as_slice()) {
            (Method::Get, [_]) => {
                let templates: Vec<_> = self.templates.iter().filter(|t| theirs(who, t)).collect();
                recorded!("magnum-templates-none-200").with("clustertemplates", templates)
            }
            (Method::Get, [_, id]) => match self.template(who, id) {
                Some(template) => ok(template.clone()),
                None => recorded!("magnum-template-absent-404").at(id),
            },
            (Method::Post, [_]) => self.create_template(who, request.json()?),
            (Method::Patch, [_, id]) => match self.patch_template(who, id, request.json()?) {
                Ok(template) => ok(template),
                Err(refusal) => refusal,
            },
            (Method::Delete, [_, id]) => self.delete_template(who, id),
            _ => return None,
        })
    }

    fn template(&self, who: &Who, id: &str) -> Option<&Value> {
        self.templates.iter().find(|template| template["uuid"] == *id && theirs(who, template))
    }

    fn create_template(&mut self, who: &Who, body: &Value) -> Response {
        let image = body["image_id"].as_str().unwrap_or_default();
        match self.magnum_image(who, image) {
            None => return recorded!("magnum-template-absent-image").unchanged(),
            Some(false) => return recorded!("magnum-template-plain-image").unchanged(),
            Some(true) => {}
        }
        let made = recorded!("magnum-template-201");
        let mut template = made.body.clone();
        for (key, value) in body.as_object().into_iter().flatten() {
            template[key] = value.clone();
        }
        // Magnum's default.
        template["network_driver"] = match body["network_driver"].as_str() {
            Some(driver) => json!(driver),
            None => json!("flannel"),
        };
        template["labels"] = texts(&body["labels"]);
        if let Some(refusal) = self.template_refusal(who, &template) {
            return refusal;
        }
        if !who.admin && (template["public"] == true || template["hidden"] == true) {
            return may_not_publish();
        }
        template["uuid"] = json!(self.id());
        template["project_id"] = json!(who.project);
        self.templates.push(template.clone());
        Response::new(made.status, template)
    }

    fn delete_template(&mut self, who: &Who, id: &str) -> Response {
        match self.templates.iter().position(|t| t["uuid"] == *id && theirs(who, t)) {
            None => recorded!("magnum-template-absent-404").at(id),
            Some(_) if self.template_is_used(id) => recorded!("magnum-template-in-use").at(id),
            Some(index) => {
                self.templates.remove(index);
                recorded!("magnum-template-delete-204").unchanged()
            }
        }
    }

    fn template_is_used(&self, id: &str) -> bool {
        self.clusters.iter().any(|cluster| cluster.shown["cluster_template_id"] == *id)
    }

    /// Returns the template as it is after the patch, or why the patch is refused.
    fn patch_template(&mut self, who: &Who, id: &str, patch: &Value) -> Result<Value, Response> {
        let before = self.template(who, id).cloned();
        let before = before.ok_or_else(|| recorded!("magnum-template-absent-404").at(id))?;
        if !who.admin && before["project_id"] != *who.project {
            let policy = recorded!("magnum-403");
            return Err(policy.about("magnum-service:get_all", "clustertemplate:update"));
        }
        let mut after = before.clone();
        for operation in patch.as_array().into_iter().flatten() {
            patched(&mut after, operation)?;
        }
        if self.magnum_image(who, after["image_id"].as_str().unwrap_or_default()).is_none() {
            let image = after["image_id"].as_str().unwrap_or_default();
            return Err(refusal(400, &format!("Image {image} could not be found.")));
        }
        if let Some(refusal) = self.template_refusal(who, &after) {
            return Err(refusal);
        }
        let publishes = ["public", "hidden"].iter().any(|flag| before[*flag] != after[*flag]);
        if publishes && !who.admin {
            return Err(may_not_publish());
        }
        let fields = after.as_object().into_iter().flatten();
        let changed: Vec<_> =
            fields.filter(|(field, value)| before[field.as_str()] != **value).collect();
        let permitted = match changed.as_slice() {
            [(field, value)] => match field.as_str() {
                "public" => **value == true,
                "hidden" | "name" => true,
                "tags" => !value.is_null(),
                _ => false,
            },
            _ => false,
        };
        if self.template_is_used(id) && !permitted {
            return Err(recorded!("magnum-template-in-use").at(id));
        }
        after["updated_at"] = json!("2026-11-21T10:00:00+00:00");
        for template in self.templates.iter_mut().filter(|template| template["uuid"] == *id) {
            template.clone_from(&after);
        }
        Ok(after)
    }

    /// Returns whether the image has what Magnum needs; none if there is none.
    fn magnum_image(&self, who: &Who, text: &str) -> Option<bool> {
        let known = self.images.iter().find(|(name, _)| name == text).map(|(_, usable)| *usable);
        known.or_else(|| self.image_has_distro(who, text))
    }

    /// What is checked of a template at its creation and at each update.
    fn template_refusal(&self, who: &Who, template: &Value) -> Option<Response> {
        let text = |field: &str| template[field].as_str();
        let driver = text("network_driver").unwrap_or("flannel");
        if !["flannel", "calico"].contains(&driver) {
            return Some(recorded!("magnum-template-cilium").about("cilium", driver));
        }
        let flavors = ["flavor_id", "master_flavor_id"].into_iter().filter_map(text);
        if let Some(flavor) = flavors.into_iter().find(|flavor| !self.is_flavor(flavor)) {
            return Some(recorded!("magnum-template-absent-flavor").about("absent", flavor));
        }
        let is_part = |plural: &str, wanted: &str| {
            let parts = self.parts.get(plural).into_iter().flatten();
            let mut parts = parts.filter(|part| who.admin || part["project_id"] == *who.project);
            parts.any(|part| part["id"] == *wanted || part["name"] == *wanted)
        };
        // The network `public` is always there.
        let external = text("external_network_id").filter(|one| *one != "public");
        if let Some(network) = external.filter(|one| !is_part("networks", one)) {
            return Some(recorded!("magnum-template-absent-network").about("absent", network));
        }
        if let Some(network) = text("fixed_network").filter(|one| !is_part("networks", one)) {
            return Some(refusal(400, &format!("Unable to find fixed network {network}.")));
        }
        let subnet = text("fixed_subnet").filter(|one| !is_part("subnets", one))?;
        Some(refusal(400, &format!("Unable to find fixed subnet {subnet}.")))
    }
}

/// Applies one operation to the template.
fn patched(template: &mut Value, operation: &Value) -> Result<(), Response> {
    let refuse = |words: String| Err(refusal(400, &words));
    let path = operation["path"].as_str().unwrap_or_default();
    let field = path.trim_start_matches('/').to_owned();
    let (kind, value) = (operation["op"].as_str().unwrap_or_default(), &operation["value"]);
    if INTERNAL.contains(&field.as_str()) {
        return refuse(format!("'{path}' is an internal attribute and can not be updated"));
    }
    if template.get(&field).is_none() {
        return refuse(format!("Couldn't apply patch '{operation}'. Reason: '{field}'"));
    }
    match (kind, value) {
        ("remove", _) if NOT_REMOVABLE.contains(&field.as_str()) => {
            refuse(format!("'{path}' is a mandatory attribute and can not be removed"))
        }
        ("remove", _) => {
            template[&field] = Value::Null;
            Ok(())
        }
        (_, Value::Null) => refuse("'add' and 'replace' operations needs value".to_owned()),
        (_, Value::Object(_) | Value::Array(_)) => {
            let words = "Invalid input for field/attribute value. Value: '{}'. Wrong type.";
            refuse(words.replace("{}", &value.to_string()))
        }
        ("add", _) if !template[&field].is_null() => refuse(format!(
            "The attribute {path} has existed, please use 'replace' operation instead."
        )),
        ("replace", Value::String(text)) if field == "labels" => {
            // A literal of Python, of which JSON's objects of texts are a part.
            let Ok(labels) = serde_json::from_str::<Map<String, Value>>(text) else {
                return refuse(format!("Couldn't apply patch '{operation}'. Reason: malformed"));
            };
            template["labels"] = texts(&Value::Object(labels));
            Ok(())
        }
        _ => {
            template[&field] = value.clone();
            Ok(())
        }
    }
}

/// Labels are a dictionary of texts: a `true` becomes "True".
fn texts(labels: &Value) -> Value {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Null | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    };
    let labels = labels.as_object().into_iter().flatten();
    Value::Object(labels.map(|(key, value)| (key.clone(), json!(text(value)))).collect())
}

fn may_not_publish() -> Response {
    refusal(403, "Not authorized to set public or hidden flag for cluster template.")
}

/// A refusal in the form of those that were recorded.
fn refusal(status: u16, words: &str) -> Response {
    let mut refusal = recorded!("magnum-template-absent-flavor").unchanged();
    refusal.status = status;
    let error = &mut refusal.body["errors"][0];
    error["status"] = json!(status);
    error["title"] = json!(words.trim_end_matches('.'));
    error["detail"] = json!(words);
    refusal
}
