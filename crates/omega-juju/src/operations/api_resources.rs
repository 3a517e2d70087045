//! The one option that can stop the driver from importing.

use std::fmt;

use omega_core::{
    Diagnostic, Note, Retry, Touched,
    api_resources::{CLASSES, Override, OverrideError, Overrides, unquoted},
};
use serde::{Deserialize, Serialize};

/// The value of `[capi_helm] api_resources`, as driver 1.4.0 will read it ([`Overrides`]), and
/// with nothing in it that the driver would pass over or misread.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ApiResources {
    text: String,
    overrides: Overrides,
}

/// Why a value of `api_resources` is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("api_resources: {why}")]
pub struct ApiResourcesError {
    why: String,
    next: String,
    found: Option<String>,
}

impl Diagnostic for ApiResourcesError {
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
    fn retry(&self) -> Retry {
        Retry::Final
    }
}

/// The classes of [`CLASSES`] whose v1beta1 fields the driver reads.
const CORE: [&str; 5] =
    ["Cluster", "OpenstackCluster", "MachineDeployment", "K8sControlPlane", "Machine"];

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
        let text = one_line(text)?;
        let overrides = Overrides::parse(text).map_err(|error| broken(text, &error))?;
        for (class, one) in &overrides.0 {
            effective(class, one)?;
        }
        Ok(Self { text: text.to_owned(), overrides })
    }

    /// Returns what a person should know about it.
    pub fn notes(&self) -> Vec<Note> {
        let ignored =
            self.overrides.0.iter().filter(|(name, one)| {
                one.plural_name.is_some() && name.as_str() != "K8sControlPlane"
            });
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

/// Takes off one pair of quotes; more than one line is refused.
fn one_line(text: &str) -> Result<&str, ApiResourcesError> {
    if text.trim().contains(['\n', '\r']) {
        return no(
            "a value of several lines; with quotes around it the driver could not be imported",
            "write it on one line",
        );
    }
    Ok(unquoted(text))
}

/// What would keep the driver from importing or from reading.
fn broken(text: &str, error: &OverrideError) -> ApiResourcesError {
    let next = match error {
        OverrideError::Empty | OverrideError::NotObject => {
            "write {}, or leave the option out".to_owned()
        }
        OverrideError::Entry { class } => {
            format!(r#"write "{class}": {{"api_version": "GROUP/VERSION"}}"#)
        }
        OverrideError::Value { .. } => "write it in double quotes".to_owned(),
        OverrideError::NotJson { .. } | _ => {
            "correct it; `python3 -m json.tool` shows the place".to_owned()
        }
    };
    let found = matches!(error, OverrideError::NotJson { .. }).then(|| text.to_owned());
    ApiResourcesError { why: format!("{error}, and {}", error.outcome()), next, found }
}

/// Refuses what the driver would pass over, and what it would misread.
fn effective(name: &str, one: &Override) -> Result<(), ApiResourcesError> {
    if !CLASSES.contains(&name) {
        return Err(unknown(name));
    }
    if let Some(field) = one.ignored.first() {
        let known = ["api_version", "plural_name"];
        return no(
            format!("{name} has `{field}`, which the driver does not read"),
            format!("did you mean `{}`?", nearest(field, known).unwrap_or("api_version")),
        );
    }
    one.api_version.as_deref().map_or(Ok(()), |value| version(name, value))
}

fn version(name: &str, value: &str) -> Result<(), ApiResourcesError> {
    match value.rsplit_once('/').map(|(_, version)| version) {
        Some(version)
            if CORE.contains(&name) && !version.starts_with("v1alpha") && version != "v1beta1" =>
        {
            Err(ApiResourcesError {
                why: format!(
                    "D-042 would set {name} to {version} here. It changes the address only; driver \
                     1.4.0 goes on reading v1beta1 fields: health would be UNHEALTHY for ever, and \
                     a create would never complete"
                ),
                next: "leave it out. Where v1beta1 is no longer served no override helps: hold \
                       Cluster API back at a version that serves it (before 1.16)"
                    .to_owned(),
                found: Some(format!("{value:?}")),
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
        name => nearest(name, CLASSES),
    };
    let why = format!(
        "`{name}` is none of the driver's classes, and would be ignored (they are not always \
         spelled as Kubernetes' kinds)"
    );
    let classes = CLASSES.join(", ");
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
