//! The one option that can stop the driver from importing.

use std::fmt;

use omega_core::{Explain, Note, Touched};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The value of `[capi_helm] api_resources`, as driver 1.4.0 will read it.
///
/// The driver parses it while it is imported (`json.loads`, then `.get(CLASS, {})`, then
/// `.get("api_version", DEFAULT)`; `magnum_capi_helm/kubernetes.py`). What fails there takes the
/// driver away from magnum-api and magnum-conductor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ApiResources {
    text: String,
    kinds: Vec<(String, Override)>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Override {
    plural_name: bool,
}

/// Why a value of `api_resources` is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("api_resources: {why}")]
pub struct ApiResourcesError {
    why: String,
    next: String,
    found: Option<String>,
}

impl Explain for ApiResourcesError {
    fn expected(&self) -> Option<String> {
        Some("a JSON object on one line, such as {}".to_owned())
    }
    fn found(&self) -> Option<String> {
        self.found.clone()
    }
    fn next(&self) -> Option<String> {
        Some(self.next.clone())
    }
    fn touched(&self) -> Touched {
        Touched::Nothing
    }
}

/// The driver's classes that look here, and whether it reads v1beta1 fields of theirs.
const CLASSES: [(&str, bool); 8] = [
    ("Cluster", true),
    ("OpenstackCluster", true),
    ("MachineDeployment", true),
    ("K8sControlPlane", true),
    ("Machine", true),
    ("Manifests", false),
    ("HelmRelease", false),
    ("HelmChartProxy", false),
];

fn no<T>(why: impl Into<String>, next: impl Into<String>) -> Result<T, ApiResourcesError> {
    Err(ApiResourcesError { why: why.into(), next: next.into(), found: None })
}

impl ApiResources {
    /// Reads `text` as the driver will.
    ///
    /// # Errors
    ///
    /// Refuses what would stop the driver from importing, what it would silently ignore, and what
    /// would make its health wrong for ever.
    pub fn parse(text: &str) -> Result<Self, ApiResourcesError> {
        let text = unquoted(text)?;
        let value = match serde_json::from_str::<Value>(text) {
            Ok(Value::Object(value)) => value,
            Ok(_) => return no("it is not a JSON object", "write {}, or leave the option out"),
            Err(error) => return Err(not_json(text, &error)),
        };
        let kinds = value.iter().map(|(name, value)| Ok((name.clone(), read(name, value)?)));
        Ok(Self { text: text.to_owned(), kinds: kinds.collect::<Result<_, _>>()? })
    }

    /// Returns what a person should know about it.
    pub fn notes(&self) -> Vec<Note> {
        let ignored = self
            .kinds
            .iter()
            .filter(|(name, value)| value.plural_name && name != "K8sControlPlane");
        ignored
            .map(|(name, _)| {
                Note::decision(
                    "D-042",
                    format!(
                        "api_resources: the driver ignores plural_name of {name}; it reads it of \
                         K8sControlPlane only"
                    ),
                )
            })
            .collect()
    }
}

impl fmt::Display for ApiResources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Takes off one pair of quotes, as oslo.config does on one line.
fn unquoted(text: &str) -> Result<&str, ApiResourcesError> {
    let text = text.trim();
    if text.is_empty() {
        return no(
            "an empty value is not JSON, and the driver could not be imported",
            "write {}, or leave the option out",
        );
    }
    if text.contains(['\n', '\r']) {
        return no(
            "a value of several lines; with quotes around it the driver could not be imported",
            "write it on one line",
        );
    }
    let inner = ['\'', '"']
        .into_iter()
        .find_map(|quote| text.strip_prefix(quote).and_then(|text| text.strip_suffix(quote)));
    Ok(inner.unwrap_or(text))
}

fn not_json(text: &str, error: &serde_json::Error) -> ApiResourcesError {
    let place = format!("column {}", error.column());
    let bare: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    let why = if bare.contains(",}") || bare.contains(",]") {
        format!(
            "a comma before a closing bracket ({place}), as in the driver's own help text, is \
                 not JSON, and the driver could not be imported"
        )
    } else if bare.contains('\'') {
        format!("it is not JSON ({place}): JSON has double quotes only")
    } else {
        format!("it is not JSON ({place}), and the driver could not be imported")
    };
    let next = "correct it; `python3 -m json.tool` shows the place".to_owned();
    ApiResourcesError { why, next, found: Some(text.to_owned()) }
}

fn read(name: &str, value: &Value) -> Result<Override, ApiResourcesError> {
    let Some((_, core)) = CLASSES.iter().find(|(class, _)| *class == name) else {
        return Err(unknown(name));
    };
    let Value::Object(fields) = value else {
        return no(
            format!("the value of {name} is no object, and the driver could not be imported"),
            format!(r#"write "{name}": {{"api_version": "GROUP/VERSION"}}"#),
        );
    };
    let known = ["api_version", "plural_name"];
    if let Some(field) = fields.keys().find(|field| !known.contains(&field.as_str())) {
        return no(
            format!("{name} has `{field}`, which the driver does not read"),
            format!("did you mean `{}`?", nearest(field, known).unwrap_or("api_version")),
        );
    }
    version(name, *core, fields)?;
    if fields.get("plural_name").is_some_and(|plural| !plural.is_string()) {
        return no(format!("plural_name of {name} is no text"), "write it in double quotes");
    }
    Ok(Override { plural_name: fields.contains_key("plural_name") })
}

fn version(name: &str, core: bool, fields: &Map<String, Value>) -> Result<(), ApiResourcesError> {
    let Some(value) = fields.get("api_version") else { return Ok(()) };
    let version = value.as_str().and_then(|text| text.rsplit_once('/')).map(|(_, version)| version);
    match version {
        Some(version) if core && !version.starts_with("v1alpha") && version != "v1beta1" => {
            Err(ApiResourcesError {
                why: format!(
                    "D-042 would set {name} to {version} here. It changes the address only; driver \
                     1.4.0 goes on reading v1beta1 fields: health would be UNHEALTHY for ever, and \
                     a create would never complete"
                ),
                next: "leave it out. Where v1beta1 is no longer served no override helps: hold \
                       Cluster API back at a version that serves it (before 1.16)"
                    .to_owned(),
                found: Some(value.to_string()),
            })
        }
        Some(version) if !version.is_empty() => Ok(()),
        Some(_) | None => no(
            format!("api_version of {name} is not GROUP/VERSION"),
            "write it as in kubectl api-versions: \"cluster.x-k8s.io/v1beta1\"",
        ),
    }
}

fn unknown(name: &str) -> ApiResourcesError {
    let near = match name {
        // The kind's own name is not like the class that stands for it.
        "KubeadmControlPlane" => Some("K8sControlPlane"),
        name => nearest(name, CLASSES.map(|(class, _)| class)),
    };
    let why = format!(
        "`{name}` is none of the driver's classes, and would be ignored (they are not always \
         spelled as Kubernetes' kinds)"
    );
    let classes = CLASSES.map(|(class, _)| class).join(", ");
    let next = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the classes are {classes}"),
    };
    ApiResourcesError { why, next, found: Some(name.to_owned()) }
}

/// Returns the name that is most like `name`, if one is.
pub(super) fn nearest<'a>(name: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = name.to_lowercase();
    names
        .into_iter()
        .map(|near| (strsim::jaro_winkler(&name, &near.to_lowercase()), near))
        .filter(|(like, _)| *like > 0.8)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, near)| near)
}

impl TryFrom<String> for ApiResources {
    type Error = ApiResourcesError;
    fn try_from(text: String) -> Result<Self, ApiResourcesError> {
        Self::parse(&text)
    }
}

impl From<ApiResources> for String {
    fn from(value: ApiResources) -> Self {
        value.text
    }
}
