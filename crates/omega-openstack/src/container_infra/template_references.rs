//! What a template's texts name: an image, flavors, networks. Magnum keeps what it was sent, a name or
//! an id, so two texts are compared by the objects that they name.

use omega_core::Conflict;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{ContainerInfra, template_name::is_uuid, template_spec::FieldDifference};
use crate::{Error, Method, Request, Service, image::Images, service_response::list};

/// The objects that a field's text names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Reference {
    /// The field.
    pub field: String,
    /// The text.
    pub text: String,
    /// The ids of the objects. Only one can be used.
    pub ids: Vec<String>,
}

impl Reference {
    /// Returns the one object that the text names, if `all` knows it.
    fn object<'a>(all: &'a [Self], field: &str, text: &Value) -> Option<&'a str> {
        let one = all.iter().find(|one| one.field == field && *text == *one.text)?;
        if let [id] = one.ids.as_slice() { Some(id) } else { None }
    }

    /// Returns whether both values of the difference name the same object.
    pub(super) fn is_same(all: &[Self], one: &FieldDifference) -> bool {
        let object = |text| Self::object(all, &one.field, text);
        object(&one.stored).is_some_and(|id| object(&one.wanted) == Some(id))
    }

    /// Adds each value that differs to the conflict.
    pub(super) fn shown(
        all: &[Self],
        differences: &[FieldDifference],
        conflict: Conflict,
    ) -> Conflict {
        let values = differences.iter().flat_map(|one| {
            let said = |name: &str, text: &str| {
                format!("{name} {text}{}", Self::remark(all, &one.field, text).unwrap_or_default())
            };
            let pair = move |(name, stored, wanted): (String, String, String)| {
                (said(&name, &wanted), said(&name, &stored))
            };
            one.values().into_iter().map(pair)
        });
        let (wanted, stored): (Vec<_>, Vec<_>) = values.unzip();
        conflict.seen(wanted.join("; "), stored.join("; "))
    }

    /// Returns what to say of the text, if it names nothing or too much.
    fn remark(all: &[Self], field: &str, text: &str) -> Option<&'static str> {
        let one = all.iter().find(|one| one.field == field && one.text == text)?;
        match one.ids.as_slice() {
            [] => Some(" (not found)"),
            [_] => None,
            _ => Some(" (several have this name)"),
        }
    }
}

#[derive(Deserialize)]
struct Listed {
    id: String,
    #[serde(default)]
    name: Option<String>,
}

impl ContainerInfra {
    /// Returns what the texts of the differences name, where they name something. A text in the form of
    /// an id is taken for one, as Magnum and the driver do.
    pub(super) async fn references(
        &self,
        differences: &[FieldDifference],
    ) -> Result<Vec<Reference>, Error> {
        let mut all = Vec::new();
        for FieldDifference { field, stored, wanted } in differences {
            for text in [stored, wanted].into_iter().filter_map(Value::as_str) {
                if let Some(ids) = self.objects(field, text).await? {
                    all.push(Reference { field: field.clone(), text: text.to_owned(), ids });
                }
            }
        }
        Ok(all)
    }

    async fn objects(&self, field: &str, text: &str) -> Result<Option<Vec<String>>, Error> {
        let get = |service, plural| Request::new(service, Method::Get, &[plural]);
        let (request, plural) = match field {
            // Nova lists all of them, with any id: `1`, `m1.medium`.
            "flavor_id" | "master_flavor_id" => (get(Service::Compute, "flavors"), "flavors"),
            _ if is_uuid(text) => return Ok(Some(vec![text.to_owned()])),
            "image_id" => {
                let images = Images::new(self.transport()).named(text).await?;
                return Ok(Some(images.into_iter().map(|image| image.id).collect()));
            }
            "external_network_id" => {
                let request = get(Service::Network, "networks").query("name", text);
                (request.query("router:external", "true"), "networks")
            }
            "fixed_network" => (get(Service::Network, "networks").query("name", text), "networks"),
            "fixed_subnet" => (get(Service::Network, "subnets").query("name", text), "subnets"),
            _ => return Ok(None),
        };
        let mut listed: Vec<Listed> = list(&*self.transport(), request, plural).await?;
        listed.retain(|one| one.id == text || one.name.as_deref() == Some(text));
        Ok(Some(listed.into_iter().map(|one| one.id).collect()))
    }
}
