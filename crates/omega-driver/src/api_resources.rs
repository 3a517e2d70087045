//! The driver's option `api_resources`. A wrong value prevents the import of the driver.
//!
//! magnum-capi-helm 1.4.0 evaluates it at import (`kubernetes.py:308` to `:376`): for each class,
//! `json.loads(VALUE).get(CLASS, {}).get("api_version", DEFAULT)`, and for `K8sControlPlane` the
//! same with `plural_name`. If that fails, neither magnum-api nor magnum-conductor can import the
//! driver. Everything else in the value is ignored.
//!
//! [`Overrides`] is the value as the driver parses it, and fails where the driver fails.
//! [`ApiResources`] also refuses values that the driver would ignore, or with which it would misread
//! objects ([`Overrides::refusals`]).

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use omega_core::{Diagnostic, Note, Retry, Touched, nearest_name};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    ReadClass,
    options::{read_back, read_line, reference},
    oslo_config::continues_after_end,
};

const KEYS: [&str; 2] = ["api_version", "plural_name"];

/// The entries of `api_resources` by name. Only entries with the name of a [`ReadClass`] have an
/// effect.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overrides(pub BTreeMap<String, Override>);

/// One entry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    /// Replaces the `apiVersion` of the class.
    pub api_version: Option<String>,
    /// Replaces the plural; the driver reads it for `K8sControlPlane` only.
    pub plural_name: Option<String>,
    /// Other keys, which the driver does not read.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub ignored: BTreeSet<String>,
}

/// A value with which the driver could not be imported, or could not read one of its classes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the other fields are self-explanatory")]
#[non_exhaustive]
pub enum OverrideError {
    /// It is empty.
    #[error("an empty value is not JSON")]
    Empty,
    /// It does not parse.
    #[error("{why}")]
    NotJson {
        /// What is wrong, and where.
        why: String,
    },
    /// It is JSON, but not an object.
    #[error("it is not a JSON object")]
    NotObject,
    /// The entry of one of the driver's classes is not an object.
    #[error("the value of {class} is not an object")]
    Entry { class: String },
    /// Something follows an empty line, which ends a value in a configuration file.
    #[error("something follows an empty line, which ends the value")]
    EmptyLine,
    /// It refers to another option, whose value only oslo.config knows.
    #[error("it refers to the option ${name}, whose value only oslo.config knows")]
    Reference { name: String },
    /// A value that the driver reads is not a string. The driver can be imported.
    #[error("{key} of {class} is not a string")]
    Value {
        class: String,
        /// `api_version` or `plural_name`.
        key: String,
    },
}

impl OverrideError {
    /// Returns whether the driver can still be imported and fails at its first read.
    pub fn is_importable(&self) -> bool {
        matches!(self, Self::Value { .. })
    }

    /// Returns the consequence.
    pub fn outcome(&self) -> String {
        match self {
            Self::Empty | Self::NotJson { .. } | Self::NotObject | Self::Entry { .. } => {
                "the driver could not be imported".to_owned()
            }
            // `ConfigFileParseError`.
            Self::EmptyLine => "the daemons could not read their configuration".to_owned(),
            // `NoSuchOptError`.
            Self::Reference { .. } => {
                "unless that option exists the driver could not be imported".to_owned()
            }
            // `"/" in None` is a TypeError; a list or a number makes a path that is not served.
            Self::Value { class, .. } => format!("the driver could not read a {class}"),
        }
    }
}

impl Diagnostic for OverrideError {
    fn expected(&self) -> Option<String> {
        Some("one line of JSON: an object of objects with api_version and plural_name".to_owned())
    }
    fn next(&self) -> Option<String> {
        Some("leave api_resources out; nothing needs it".to_owned())
    }
    fn touched(&self) -> Touched {
        Touched::Nothing
    }
    fn retry(&self) -> Retry {
        Retry::Final
    }
}

/// Something in `api_resources` that the driver ignores.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the other fields are self-explanatory")]
#[non_exhaustive]
pub enum WithoutEffect {
    /// An entry whose name is not one of the driver's classes.
    Entry {
        name: String,
        /// The class that was probably intended.
        near: Option<ReadClass>,
    },
    /// A key that the driver does not read.
    Key { class: ReadClass, key: String },
    /// A `plural_name` for a class whose plural is fixed.
    PluralName { class: ReadClass },
}

impl Overrides {
    /// Parses the option's value as oslo.config passes it to the driver.
    ///
    /// # Errors
    ///
    /// Fails where the driver would, and for `NaN`, `Infinity`, a number beyond 64 bits, half a
    /// surrogate pair, and nesting deeper than 128, which Python accepts.
    pub fn of_value(text: &str) -> Result<Self, OverrideError> {
        let all = match serde_json::from_str(text) {
            Ok(Value::Object(all)) => all,
            Ok(_) => return Err(OverrideError::NotObject),
            Err(_) if text.trim().is_empty() => return Err(OverrideError::Empty),
            Err(error) => return Err(OverrideError::NotJson { why: not_json(text, &error) }),
        };
        let mut entries = BTreeMap::new();
        let mut unreadable = None;
        for (name, value) in &all {
            match entry(name, value) {
                Ok(one) => drop(entries.insert(name.clone(), one)),
                Err(error) if error.is_importable() => drop(unreadable.get_or_insert(error)),
                Err(error) => return Err(error),
            }
        }
        unreadable.map_or(Ok(Self(entries)), Err)
    }

    /// Parses the text after `api_resources =` in a configuration file, or of the site file, whose
    /// values become such lines ([`read_back`]).
    ///
    /// A value in quotes is accepted here, but not by [`Overrides::of_value`]: oslo.config removes
    /// the quotes (9.4.0, `iniparser.py:54`).
    ///
    /// # Errors
    ///
    /// As [`Overrides::of_value`].
    pub fn of_line(text: &str) -> Result<Self, OverrideError> {
        match reference(text) {
            _ if continues_after_end(text) => Err(OverrideError::EmptyLine),
            Some(name) => Err(OverrideError::Reference { name }),
            None => Self::of_value(&read_back(text)),
        }
    }

    /// Returns the entry of a class.
    pub fn of(&self, class: ReadClass) -> Option<&Override> {
        self.0.get(class.name())
    }

    /// Returns what the driver ignores, ordered by name.
    pub fn without_effect(&self) -> Vec<WithoutEffect> {
        self.0.iter().flat_map(|(name, one)| without_effect(name, one)).collect()
    }

    /// Returns what omega refuses to write, ordered by name: entries and keys that the driver
    /// ignores, and versions whose fields it does not know.
    pub fn refusals(&self) -> Vec<ApiResourcesError> {
        let of_one = |(name, one): (&String, &Override)| {
            let ignored = without_effect(name, one).into_iter().filter_map(refusal);
            let version = ReadClass::named(name).zip(one.api_version.as_deref());
            ignored.chain(version.and_then(|(class, at)| version_refusal(class, at))).collect()
        };
        self.0.iter().flat_map(|one| -> Vec<_> { of_one(one) }).collect()
    }
}

fn not_json(text: &str, error: &serde_json::Error) -> String {
    let place = match error.line() {
        1 => format!("column {}", error.column()),
        line => format!("line {line}, column {}", error.column()),
    };
    let bare: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    if bare.contains(",}") || bare.contains(",]") {
        format!(
            "a comma before a closing bracket ({place}), as in the driver's own help text, is not \
             JSON"
        )
    } else if bare.contains('\'') {
        format!("it is not JSON ({place}): JSON uses double quotes only")
    } else {
        format!("it is not JSON ({place})")
    }
}

fn entry(name: &str, value: &Value) -> Result<Override, OverrideError> {
    let class = ReadClass::named(name);
    let nothing = Map::new();
    let fields = match (value.as_object(), class) {
        (Some(fields), _) => fields,
        (None, Some(_)) => return Err(OverrideError::Entry { class: name.to_owned() }),
        (None, None) => &nothing, // the driver does not read it
    };
    let read = |key: &str| class.is_some_and(|c| key == "api_version" || c.has_plural_name());
    let text = |key: &str| match fields.get(key) {
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) if read(key) => {
            Err(OverrideError::Value { class: name.to_owned(), key: key.to_owned() })
        }
        Some(_) | None => Ok(None),
    };
    let [api_version, plural_name] = [text("api_version")?, text("plural_name")?];
    let ignored = fields.keys().filter(|key| !KEYS.contains(&key.as_str())).cloned().collect();
    Ok(Override { api_version, plural_name, ignored })
}

fn without_effect(name: &str, one: &Override) -> Vec<WithoutEffect> {
    let Some(class) = ReadClass::named(name) else {
        return vec![WithoutEffect::Entry { name: name.to_owned(), near: near(name) }];
    };
    let keys = one.ignored.iter().map(|key| WithoutEffect::Key { class, key: key.clone() });
    let plural = one.plural_name.is_some() && !class.has_plural_name();
    keys.chain(plural.then_some(WithoutEffect::PluralName { class })).collect()
}

fn near(name: &str) -> Option<ReadClass> {
    match name {
        // The name of this kind does not resemble that of its class.
        "KubeadmControlPlane" => Some(ReadClass::K8sControlPlane),
        name => nearest_name(name, ReadClass::ALL.map(ReadClass::name)).and_then(ReadClass::named),
    }
}

/// A value of `[capi_helm] api_resources` that driver 1.4.0 reads completely and correctly. It is
/// displayed and stored as written to the file, without quotes around it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ApiResources {
    text: String,
    overrides: Overrides,
}

/// Why a value of `api_resources` is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the other fields are self-explanatory")]
#[non_exhaustive]
pub enum ApiResourcesError {
    /// It spans several lines.
    #[error(
        "api_resources: a value of several lines; with quotes around it the driver could not be \
         imported"
    )]
    SeveralLines,
    /// The driver could not parse it.
    #[error("api_resources: {error}, and {}", error.outcome())]
    Unreadable {
        error: OverrideError,
        /// What was read.
        text: String,
    },
    /// The name of an entry is not one of the driver's classes.
    #[error(
        "api_resources: `{name}` is not one of the driver's classes and would be ignored (their \
         names can differ from the Kubernetes kinds)"
    )]
    UnknownClass {
        name: String,
        /// The class that was probably intended.
        near: Option<ReadClass>,
    },
    /// An entry has a key that the driver does not read.
    #[error("api_resources: {} has `{key}`, which the driver does not read", class.name())]
    UnreadKey { class: ReadClass, key: String },
    /// A class would be read at a version whose fields the driver does not know.
    #[error(
        "api_resources: D-042 would set {} to {} here. It changes the address only; driver 1.4.0 \
         still reads v1beta1 fields: health would stay UNHEALTHY, and a create would never complete",
        class.name(), version(api_version)
    )]
    OtherFields { class: ReadClass, api_version: String },
    /// An `api_version` has no group.
    #[error("api_resources: api_version of {} is not GROUP/VERSION", class.name())]
    NotGroupVersion { class: ReadClass },
}

fn version(api_version: &str) -> &str {
    api_version.rsplit_once('/').map_or(api_version, |(_, version)| version)
}

impl Diagnostic for ApiResourcesError {
    fn expected(&self) -> Option<String> {
        match self {
            Self::SeveralLines | Self::Unreadable { .. } => {
                Some("a JSON object on one line, such as {}".to_owned())
            }
            // They are one.
            Self::UnknownClass { .. }
            | Self::UnreadKey { .. }
            | Self::OtherFields { .. }
            | Self::NotGroupVersion { .. } => None,
        }
    }
    fn found(&self) -> Option<String> {
        match self {
            Self::Unreadable { error: OverrideError::NotJson { .. }, text } => Some(text.clone()),
            Self::UnknownClass { name, .. } => Some(name.clone()),
            Self::OtherFields { api_version, .. } => Some(format!("{api_version:?}")),
            Self::SeveralLines
            | Self::Unreadable { .. }
            | Self::UnreadKey { .. }
            | Self::NotGroupVersion { .. } => None,
        }
    }
    fn next(&self) -> Option<String> {
        Some(match self {
            Self::SeveralLines => "write it on one line".to_owned(),
            Self::Unreadable { error, .. } => correction(error),
            Self::UnknownClass { near: Some(near), .. } => {
                format!("did you mean `{}`?", near.name())
            }
            Self::UnknownClass { near: None, .. } => {
                format!("the classes are {}", ReadClass::ALL.map(ReadClass::name).join(", "))
            }
            Self::UnreadKey { key, .. } => {
                format!("did you mean `{}`?", nearest_name(key, KEYS).unwrap_or("api_version"))
            }
            Self::OtherFields { .. } => "leave it out. Where v1beta1 is no longer served, no \
                                         override helps: stay on a version of Cluster API that \
                                         serves it (before 1.16)"
                .to_owned(),
            Self::NotGroupVersion { .. } => {
                "write it as in kubectl api-versions: \"cluster.x-k8s.io/v1beta1\"".to_owned()
            }
        })
    }
    fn touched(&self) -> Touched {
        Touched::Nothing
    }
    fn retry(&self) -> Retry {
        Retry::Final
    }
}

fn correction(error: &OverrideError) -> String {
    match error {
        OverrideError::Empty | OverrideError::NotObject => {
            "write {}, or leave the option out".to_owned()
        }
        OverrideError::Entry { class } => {
            format!(r#"write "{class}": {{"api_version": "GROUP/VERSION"}}"#)
        }
        OverrideError::Value { .. } => "write it in double quotes".to_owned(),
        OverrideError::EmptyLine => "write it on one line".to_owned(),
        OverrideError::Reference { .. } => "write `$$` for a dollar sign".to_owned(),
        OverrideError::NotJson { .. } => {
            "correct it; `python3 -m json.tool` shows the place".to_owned()
        }
    }
}

fn refusal(ignored: WithoutEffect) -> Option<ApiResourcesError> {
    match ignored {
        WithoutEffect::Entry { name, near } => Some(ApiResourcesError::UnknownClass { name, near }),
        WithoutEffect::Key { class, key } => Some(ApiResourcesError::UnreadKey { class, key }),
        WithoutEffect::PluralName { .. } => None,
    }
}

fn version_refusal(class: ReadClass, api_version: &str) -> Option<ApiResourcesError> {
    match api_version.rsplit_once('/') {
        None | Some((_, "") | ("", _)) => Some(ApiResourcesError::NotGroupVersion { class }),
        Some((_, version))
            if class.is_read_as_v1beta1()
                && version != "v1beta1"
                && !version.starts_with("v1alpha") =>
        {
            Some(ApiResourcesError::OtherFields { class, api_version: api_version.to_owned() })
        }
        Some(_) => None,
    }
}

impl ApiResources {
    /// Parses `text` as the driver will read it from one line of its drop-in.
    ///
    /// # Errors
    ///
    /// Refuses a value that would prevent the import of the driver, that it would ignore in part, or
    /// with which it would report a wrong health.
    pub fn parse(text: &str) -> Result<Self, ApiResourcesError> {
        let (overrides, refusals) = Self::read(text)?;
        match refusals.into_iter().next() {
            Some(refusal) => Err(refusal),
            None => Ok(Self { text: read_line(text), overrides }),
        }
    }

    /// Returns everything for which [`ApiResources::parse`] refuses `text`.
    pub fn mistakes(text: &str) -> Vec<ApiResourcesError> {
        Self::read(text).map_or_else(|error| vec![error], |(_, refusals)| refusals)
    }

    fn read(text: &str) -> Result<(Overrides, Vec<ApiResourcesError>), ApiResourcesError> {
        if text.trim().contains(['\n', '\r']) {
            return Err(ApiResourcesError::SeveralLines);
        }
        let unreadable = |error| ApiResourcesError::Unreadable { error, text: read_line(text) };
        let overrides = Overrides::of_line(text).map_err(unreadable)?;
        let refusals = overrides.refusals();
        Ok((overrides, refusals))
    }

    /// Returns the entries.
    pub fn overrides(&self) -> &Overrides {
        &self.overrides
    }

    /// Returns notes for the operator.
    pub fn notes(&self) -> Vec<Note> {
        let note = |ignored| match ignored {
            WithoutEffect::PluralName { class } => Some(Note::decision(
                "D-042",
                format!(
                    "api_resources: the driver ignores plural_name of {}; it reads plural_name of \
                     K8sControlPlane only",
                    class.name()
                ),
            )),
            // `parse` refuses these.
            WithoutEffect::Entry { .. } | WithoutEffect::Key { .. } => None,
        };
        self.overrides.without_effect().into_iter().filter_map(note).collect()
    }
}

impl fmt::Display for ApiResources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
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

#[cfg(test)]
#[path = "api_resources_tests.rs"]
mod tests;
