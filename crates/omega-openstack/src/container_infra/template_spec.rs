//! The content of a cluster template that omega creates.

use std::{collections::BTreeMap, fmt};

use serde::{Deserialize, Deserializer, Serialize, de::Visitor};
use serde_json::{Map, Value, json};

use super::Template;

/// A cluster template as the driver needs it, with names as Magnum's API accepts them.
///
/// The image, the networks and the flavors are names or ids.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[expect(clippy::struct_excessive_bools, reason = "the flags are Magnum's")]
pub struct TemplateSpec {
    /// An image with the properties `os_distro` and `kube_version`.
    pub image: String,
    /// The network for floating IPs.
    pub external_network: String,
    /// The workers' flavor.
    pub flavor: String,
    /// The control plane's flavor.
    pub master_flavor: String,
    /// Always set: without it Magnum uses flannel, and the chart then installs no network plugin
    /// at all.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "Option<String>"))]
    pub network_driver: NetworkDriver,
    /// The DNS servers of the nodes' network, separated by commas.
    #[serde(default)]
    pub dns_nameserver: Option<String>,
    /// Labels, which the driver reads. A number or a boolean is taken for its text.
    #[serde(default, deserialize_with = "deserialize_labels")]
    #[cfg_attr(feature = "schema", schemars(with = "BTreeMap<String, LabelValue>"))]
    pub labels: BTreeMap<String, String>,
    /// The key pair of clusters that name none.
    #[serde(default)]
    pub keypair: Option<String>,
    /// An existing network for the nodes; without it each cluster gets one of its own.
    #[serde(default)]
    pub fixed_network: Option<String>,
    /// An existing subnet for the nodes.
    #[serde(default)]
    pub fixed_subnet: Option<String>,
    /// `cinder`. The driver ignores it.
    #[serde(default)]
    pub volume_driver: Option<String>,
    /// In GiB. The driver ignores it.
    #[serde(default)]
    pub docker_volume_size: Option<u32>,
    /// `overlay2`. The driver ignores it.
    #[serde(default)]
    pub docker_storage_driver: Option<String>,
    /// Whether clusters may have several control-plane machines. The driver ignores it, and always
    /// makes a load balancer.
    #[serde(default)]
    pub master_lb_enabled: bool,
    /// Magnum's default is true. The driver ignores it.
    #[serde(default = "yes")]
    pub floating_ip_enabled: bool,
    /// The driver ignores it.
    #[serde(default)]
    pub tls_disabled: bool,
    /// Whether other projects may use it. Only an administrator can set it.
    #[serde(default)]
    pub public: bool,
    /// Whether other projects' lists leave it out. Only an administrator can set it.
    #[serde(default)]
    pub hidden: bool,
}

fn yes() -> bool {
    true
}

/// Reads labels, for serde's `deserialize_with`. Values may be text, booleans and integers: Magnum stores the
/// text of each.
///
/// # Errors
///
/// Fails if a value is anything else.
pub fn deserialize_labels<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<BTreeMap<String, String>, D::Error> {
    let labels = BTreeMap::<String, Label>::deserialize(from)?;
    Ok(labels.into_iter().map(|(key, Label(text))| (key, text)).collect())
}

/// What a label may be, for schemas.
#[cfg(feature = "schema")]
#[derive(Debug, schemars::JsonSchema)]
#[schemars(untagged)]
pub enum LabelValue {
    /// Text.
    Text(String),
    /// A whole number.
    Number(i64),
    /// A boolean.
    Flag(bool),
}

/// The text of a label.
struct Label(String);

impl<'de> Deserialize<'de> for Label {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(LabelVisitor)
    }
}

struct LabelVisitor;

impl Visitor<'_> for LabelVisitor {
    type Value = Label;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a whole number, or true or false")
    }

    fn visit_str<E>(self, text: &str) -> Result<Label, E> {
        Ok(Label(text.to_owned()))
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Label, E> {
        Ok(Label(flag.to_string()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Label, E> {
        Ok(Label(number.to_string()))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Label, E> {
        Ok(Label(number.to_string()))
    }
}

/// A network driver that the chart installs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", rename_all = "snake_case")]
pub enum NetworkDriver {
    /// Calico.
    #[default]
    Calico,
}

/// A network driver that the chart does not install.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "network driver {0:?} is refused: use \"calico\" (for \"flannel\", Magnum's default, the charts \
     install nothing, and no node becomes Ready)"
)]
pub struct InvalidNetworkDriver(String);

impl TryFrom<String> for NetworkDriver {
    type Error = InvalidNetworkDriver;
    fn try_from(text: String) -> Result<Self, InvalidNetworkDriver> {
        if text == Self::Calico.name() { Ok(Self::Calico) } else { Err(InvalidNetworkDriver(text)) }
    }
}

impl NetworkDriver {
    fn name(self) -> &'static str {
        match self {
            Self::Calico => "calico",
        }
    }
}

impl TemplateSpec {
    /// Returns a template with Calico, and Magnum's defaults for everything else.
    pub fn new(
        image: impl Into<String>,
        external_network: impl Into<String>,
        flavor: impl Into<String>,
        master_flavor: impl Into<String>,
    ) -> Self {
        Self {
            image: image.into(),
            external_network: external_network.into(),
            flavor: flavor.into(),
            master_flavor: master_flavor.into(),
            network_driver: NetworkDriver::Calico,
            dns_nameserver: None,
            labels: BTreeMap::new(),
            keypair: None,
            fixed_network: None,
            fixed_subnet: None,
            volume_driver: None,
            docker_volume_size: None,
            docker_storage_driver: None,
            master_lb_enabled: false,
            floating_ip_enabled: true,
            tls_disabled: false,
            public: false,
            hidden: false,
        }
    }

    /// Returns every field of Magnum's API that this describes, with its value; null for none.
    fn fields(&self) -> [(&'static str, Value); 20] {
        [
            ("coe", json!("kubernetes")),
            ("server_type", json!("vm")),
            ("image_id", json!(self.image)),
            ("external_network_id", json!(self.external_network)),
            ("flavor_id", json!(self.flavor)),
            ("master_flavor_id", json!(self.master_flavor)),
            ("network_driver", json!(self.network_driver.name())),
            ("dns_nameserver", json!(self.dns_nameserver)),
            ("keypair_id", json!(self.keypair)),
            ("fixed_network", json!(self.fixed_network)),
            ("fixed_subnet", json!(self.fixed_subnet)),
            ("volume_driver", json!(self.volume_driver)),
            ("docker_volume_size", json!(self.docker_volume_size)),
            ("docker_storage_driver", json!(self.docker_storage_driver)),
            ("master_lb_enabled", json!(self.master_lb_enabled)),
            ("floating_ip_enabled", json!(self.floating_ip_enabled)),
            ("tls_disabled", json!(self.tls_disabled)),
            ("public", json!(self.public)),
            ("hidden", json!(self.hidden)),
            ("labels", json!(self.labels)),
        ]
    }

    /// Returns the fields that are set to something else than Magnum's default.
    pub(super) fn set_fields(&self) -> impl Iterator<Item = (&'static str, Value)> {
        self.fields().into_iter().filter(|(field, value)| !is_default(field, value))
    }

    /// Returns the names of the fields that are set to something else than Magnum's default.
    pub fn fields_set(&self) -> Vec<&'static str> {
        self.set_fields().map(|(field, _)| field).collect()
    }

    pub(super) fn body(&self, name: &str) -> Value {
        let name = ("name".to_owned(), json!(name));
        let fields = self.set_fields().map(|(field, value)| (field.to_owned(), value));
        Value::Object(std::iter::once(name).chain(fields).collect())
    }

    /// Returns the difference to `template`, among the values that Magnum itself may have set.
    pub(super) fn difference(&self, made: &Template) -> Option<String> {
        let driver = made.network_driver.as_deref().unwrap_or("none");
        let wanted = self.network_driver.name();
        (driver != wanted).then(|| format!("its network driver is {driver}, not {wanted}"))
    }

    /// Returns the fields in which `template` differs. Names and ids of one object are different
    /// texts here.
    pub(super) fn differences(&self, template: &Template) -> Vec<FieldDifference> {
        let differs = |(field, wanted): (&'static str, Value)| {
            let stored = template.value(field);
            let field = field.to_owned();
            let difference = FieldDifference { field, stored, wanted };
            (!difference.is_none()).then_some(difference)
        };
        self.fields().into_iter().filter_map(differs).collect()
    }
}

impl Template {
    /// Returns the names of the fields of [`TemplateSpec`] that are set to something else than Magnum's
    /// default.
    pub fn fields_set(&self) -> Vec<&'static str> {
        let names = TemplateSpec::new("", "", "", "").fields().map(|(field, _)| field).into_iter();
        let is_set = |field: &&'static str| {
            let value = self.value(field);
            !value.is_null() && !is_default(field, &value)
        };
        names.filter(is_set).collect()
    }
}

/// Whether Magnum 18.0.1 stores it if nothing is sent (`api/controllers/v1/cluster_template.py`).
fn is_default(field: &str, value: &Value) -> bool {
    match field {
        "server_type" => *value == "vm",
        "floating_ip_enabled" => *value == true,
        _ => value.is_null() || *value == false,
    }
}

/// A field of a template, as Magnum has it and as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FieldDifference {
    /// Its name in Magnum's API.
    pub field: String,
    /// What Magnum has; null for nothing.
    pub stored: Value,
    /// What it should have; null for nothing.
    pub wanted: Value,
}

impl FieldDifference {
    pub(super) fn new(field: &str, stored: Value, wanted: Value) -> Self {
        Self { field: field.to_owned(), stored, wanted }
    }

    /// Returns whether the two are the same for Magnum.
    pub(super) fn is_none(&self) -> bool {
        let Self { field, stored, wanted } = self;
        match (stored, wanted) {
            (Value::Object(stored), Value::Object(wanted)) => {
                self.labels().all(|label| is_same_label(stored.get(label), wanted.get(label)))
            }
            (Value::Object(labels), Value::Null) | (Value::Null, Value::Object(labels)) => {
                labels.is_empty()
            }
            (Value::Null, value) | (value, Value::Null) => {
                value.is_null() || is_default(field, value)
            }
            (stored, wanted) => stored == wanted,
        }
    }

    fn labels(&self) -> impl Iterator<Item = &String> {
        let keys: std::collections::BTreeSet<_> = [&self.stored, &self.wanted]
            .into_iter()
            .filter_map(Value::as_object)
            .flat_map(Map::keys)
            .collect();
        keys.into_iter()
    }

    /// Returns each value that differs: its name, what Magnum has, and what it should have. Labels are
    /// values of their own.
    pub fn values(&self) -> Vec<(String, String, String)> {
        if self.field != "labels" {
            return vec![(self.field.clone(), text(&self.stored), text(&self.wanted))];
        }
        let labels = self.labels().filter(|label| {
            !is_same_label(self.stored.get(label.as_str()), self.wanted.get(label.as_str()))
        });
        let of = |labels: &Value, label: &str| labels.get(label).map_or_else(none, text);
        labels
            .map(|label| {
                (format!("label {label}"), of(&self.stored, label), of(&self.wanted, label))
            })
            .collect()
    }

    /// Returns the operation of a JSON patch that makes it so.
    ///
    /// `replace` works for a field that is null too. Labels are sent as text, which Magnum reads as a
    /// literal of Python, as its own client does: it refuses a JSON object (18.0.1, `api/utils.py`,
    /// `apply_jsonpatch`; `api/controllers/v1/types.py`, `JsonPatchType`).
    pub(super) fn patch(&self) -> Value {
        let path = format!("/{}", self.field);
        if self.wanted.is_null() {
            return json!({ "op": "remove", "path": path });
        }
        let value = if self.wanted.is_object() {
            json!(self.wanted.to_string())
        } else {
            self.wanted.clone()
        };
        json!({ "op": "replace", "path": path, "value": value })
    }
}

impl fmt::Display for FieldDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all = self.values().into_iter();
        let all: Vec<_> =
            all.map(|(name, stored, wanted)| format!("{name}: {stored} -> {wanted}")).collect();
        f.write_str(&all.join(", "))
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => none(),
        Value::String(text) => text.clone(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    }
}

fn none() -> String {
    "none".to_owned()
}

/// A client that sends a JSON `true` finds "True" stored (Magnum 18.0.1, `objects/cluster_template.py`).
fn is_same_label(one: Option<&Value>, other: Option<&Value>) -> bool {
    match (one.map(text), other.map(text)) {
        (Some(one), Some(other)) => {
            let flag = one.eq_ignore_ascii_case("true") || one.eq_ignore_ascii_case("false");
            one == other || (flag && one.eq_ignore_ascii_case(&other))
        }
        (one, other) => one == other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_template_of_before_is_read_and_flannel_is_not() {
        let text = |driver: &str| {
            json!({
                "image": "i", "external_network": "n", "flavor": "f", "master_flavor": "m",
                "network_driver": driver, "labels": { "a": true, "b": 20, "c": "x" },
            })
        };
        let spec: TemplateSpec = serde_json::from_value(text("calico")).unwrap();
        let labels = [("a", "true"), ("b", "20"), ("c", "x")];
        let labels = labels.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
        assert_eq!(spec, TemplateSpec { labels, ..TemplateSpec::new("i", "n", "f", "m") });
        assert_eq!(serde_json::to_value(&spec).unwrap()["network_driver"], "calico");
        let refused = serde_json::from_value::<TemplateSpec>(text("flannel")).unwrap_err();
        assert!(refused.to_string().contains("use \"calico\""), "{refused}");
        for other in ["", "none", "cilium", "Calico"] {
            assert!(serde_json::from_value::<TemplateSpec>(text(other)).is_err(), "{other}");
        }
    }

    #[test]
    fn what_is_the_same_for_magnum_is_no_difference() {
        let is_same = |field: &str, stored: Value, wanted: Value| {
            FieldDifference::new(field, stored, wanted).is_none()
        };
        assert!(is_same("labels", Value::Null, json!({})));
        assert!(is_same("labels", json!({ "a": "True" }), json!({ "a": "true" })));
        assert!(is_same("labels", json!({ "a": 1 }), json!({ "a": "1" })));
        assert!(!is_same("labels", json!({ "a": "On" }), json!({ "a": "on" })));
        assert!(!is_same("labels", json!({ "a": "1", "b": "1" }), json!({ "a": "1" })));
        assert!(is_same("public", Value::Null, json!(false)));
        assert!(!is_same("floating_ip_enabled", Value::Null, json!(false)));
        assert!(!is_same("dns_nameserver", Value::Null, json!("192.0.2.53")));
        let labels = FieldDifference::new(
            "labels",
            json!({ "a": "1", "b": "1" }),
            json!({ "b": "2", "c": "3" }),
        );
        assert_eq!(labels.to_string(), "label a: 1 -> none, label b: 1 -> 2, label c: none -> 3");
    }
}
