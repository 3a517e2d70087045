//! The driver's option `api_resources`, as the driver understands it.
//!
//! magnum-capi-helm 1.4.0 reads it while it is imported (`kubernetes.py:308` to `:376`): for each
//! of its classes `json.loads(VALUE).get(CLASS, {}).get("api_version", DEFAULT)`, and for
//! `K8sControlPlane` the same with `plural_name`. What fails there keeps the driver out of
//! magnum-api and magnum-conductor alike. Everything else in it is passed over.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{Diagnostic, Retry, Touched};

/// The driver's classes that look into it. They are not always spelled as Kubernetes' kinds.
pub const CLASSES: [&str; 8] = [
    "Cluster",
    "OpenstackCluster",
    "MachineDeployment",
    "K8sControlPlane",
    "Machine",
    "Manifests",
    "HelmRelease",
    "HelmChartProxy",
];
/// The only one whose `plural_name` is read.
const PLURAL: &str = "K8sControlPlane";
const KEYS: [&str; 2] = ["api_version", "plural_name"];

/// What `api_resources` says, by name. Only entries named as one of [`CLASSES`] have an effect.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overrides(pub BTreeMap<String, Override>);

/// One entry.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    /// Instead of the class's own `apiVersion`.
    pub api_version: Option<String>,
    /// Instead of its plural; the driver honours it for `K8sControlPlane` only.
    pub plural_name: Option<String>,
    /// Other keys, which the driver does not read.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub ignored: BTreeSet<String>,
}

/// The driver could not be imported, or could not read one of its classes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OverrideError {
    /// There is nothing in it.
    #[error("an empty value is not JSON")]
    Empty,
    /// It does not parse.
    #[error("{why}")]
    NotJson {
        /// Where, and what is wrong.
        why: String,
    },
    /// It is another JSON value.
    #[error("it is not a JSON object")]
    NotObject,
    /// The entry of a class of the driver is another JSON value.
    #[error("the value of {class} is no object")]
    Entry {
        /// The class.
        class: String,
    },
    /// A value that the driver reads is no text. It is importable.
    #[error("{key} of {class} is no text")]
    Value {
        /// The class.
        class: String,
        /// `api_version` or `plural_name`.
        key: String,
    },
}

impl OverrideError {
    /// Returns what comes of it.
    pub fn outcome(&self) -> String {
        match self {
            Self::Empty | Self::NotJson { .. } | Self::NotObject | Self::Entry { .. } => {
                "the driver could not be imported".to_owned()
            }
            // `"/" in None` is a TypeError; a list or a number makes a path that nobody serves.
            Self::Value { class, .. } => format!("the driver could not read a {class}"),
        }
    }
}

impl Diagnostic for OverrideError {
    fn retry(&self) -> Retry {
        Retry::Final
    }

    fn expected(&self) -> Option<String> {
        Some("one line of JSON: an object of objects with api_version and plural_name".to_owned())
    }
    fn next(&self) -> Option<String> {
        Some("leave api_resources out; nothing needs it".to_owned())
    }
    fn touched(&self) -> Touched {
        Touched::Nothing
    }
}

impl Overrides {
    /// Reads the option's value, as oslo.config hands it on.
    ///
    /// # Errors
    ///
    /// Fails where the driver would, and for `NaN`, `Infinity`, a number beyond 64 bits and half a
    /// surrogate pair, which are no JSON and which Python takes.
    pub fn parse(text: &str) -> Result<Self, OverrideError> {
        let all = match serde_json::from_str(text) {
            Ok(Value::Object(all)) => all,
            Ok(_) => return Err(OverrideError::NotObject),
            Err(_) if text.trim().is_empty() => return Err(OverrideError::Empty),
            Err(error) => return Err(OverrideError::NotJson { why: not_json(text, &error) }),
        };
        let entries = all.into_iter().map(|(class, value)| {
            let one = entry(&class, &value)?;
            Ok((class, one))
        });
        Ok(Self(entries.collect::<Result<_, _>>()?))
    }

    /// Reads the option's value as it is written on one line of a configuration file.
    ///
    /// # Errors
    ///
    /// As [`Overrides::parse`].
    pub fn of_line(text: &str) -> Result<Self, OverrideError> {
        Self::parse(unquoted(text))
    }
}

/// Takes off one pair of quotes, as oslo.config does on one line (`iniparser.py`,
/// `_split_key_value`).
pub fn unquoted(text: &str) -> &str {
    let text = text.trim();
    if text.contains(['\n', '\r']) {
        return text;
    }
    let inner = ['\'', '"']
        .into_iter()
        .find_map(|quote| text.strip_prefix(quote).and_then(|text| text.strip_suffix(quote)));
    inner.unwrap_or(text)
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
        format!("it is not JSON ({place}): JSON has double quotes only")
    } else {
        format!("it is not JSON ({place})")
    }
}

fn entry(class: &str, value: &Value) -> Result<Override, OverrideError> {
    let known = CLASSES.contains(&class);
    let nothing = Map::new();
    let fields = match value.as_object() {
        Some(fields) => fields,
        None if known => return Err(OverrideError::Entry { class: class.to_owned() }),
        None => &nothing, // nobody looks at it
    };
    let read = |key: &str| known && (key == "api_version" || class == PLURAL);
    let text = |key: &str| match fields.get(key) {
        Some(Value::String(text)) => Ok(Some(text.clone())),
        Some(_) if read(key) => {
            Err(OverrideError::Value { class: class.to_owned(), key: key.to_owned() })
        }
        Some(_) | None => Ok(None),
    };
    let [api_version, plural_name] = [text("api_version")?, text("plural_name")?];
    let ignored = fields.keys().filter(|key| !KEYS.contains(&key.as_str())).cloned().collect();
    Ok(Override { api_version, plural_name, ignored })
}

#[cfg(test)]
mod tests {
    use super::Overrides;

    #[test]
    fn what_would_break_the_driver_is_refused() {
        let words = |text: &str| {
            Overrides::parse(text).map_err(|error| format!("{error}, and {}", error.outcome()))
        };
        assert_eq!(words("{}"), Ok(Overrides::default()));
        let import = "and the driver could not be imported";
        let read = |class| format!("and the driver could not read a {class}");
        let cases = [
            ("", format!("an empty value is not JSON, {import}")),
            (" ", format!("an empty value is not JSON, {import}")),
            ("[]", format!("it is not a JSON object, {import}")),
            ("null", format!("it is not a JSON object, {import}")),
            (
                r#"{"Cluster": {},}"#,
                format!(
                    "a comma before a closing bracket (column 16), as in the driver's own help \
                     text, is not JSON, {import}"
                ),
            ),
            ("'{}'", format!("it is not JSON (column 1): JSON has double quotes only, {import}")),
            ("{\n1}", format!("it is not JSON (line 2, column 1), {import}")),
            (r#"{"Cluster": "v1"}"#, format!("the value of Cluster is no object, {import}")),
            (r#"{"Cluster": null}"#, format!("the value of Cluster is no object, {import}")),
            (
                r#"{"Cluster": {"api_version": null}}"#,
                format!("api_version of Cluster is no text, {}", read("Cluster")),
            ),
            (
                r#"{"K8sControlPlane": {"plural_name": 1}}"#,
                format!("plural_name of K8sControlPlane is no text, {}", read("K8sControlPlane")),
            ),
        ];
        for (text, why) in cases {
            assert_eq!(words(text), Err(why), "{text}");
        }
    }

    #[test]
    fn what_the_driver_passes_over_is_no_error() {
        for text in [
            r#"{"KubeadmControlPlane": "text"}"#,
            r#"{"cluster": {"api_version": 1}}"#,
            r#"{"Cluster": {"plural_name": null}}"#,
            r#"{"Machine": {"other": []}}"#,
        ] {
            let found = Overrides::parse(text).unwrap();
            assert!(found.0.values().all(|one| one.api_version.is_none()), "{text}");
        }
        let text = r#"{"K8sControlPlane": {"plural_name": "p", "api_version": "g/v1", "x": 1}}"#;
        let one = &Overrides::parse(text).unwrap().0["K8sControlPlane"];
        assert_eq!(one.api_version.as_deref(), Some("g/v1"));
        assert_eq!(one.plural_name.as_deref(), Some("p"));
        assert_eq!(one.ignored.iter().collect::<Vec<_>>(), ["x"]);
        let twice = r#"{"Cluster": {"api_version": "a/v1"}, "Cluster": {"api_version": "b/v2"}}"#;
        let last = &Overrides::parse(twice).unwrap().0["Cluster"];
        assert_eq!(last.api_version.as_deref(), Some("b/v2"), "Python keeps the last too");
    }

    #[test]
    fn a_line_loses_one_pair_of_quotes() {
        for line in ["{}", "'{}'", "\"{}\"", "  '{}'  "] {
            assert_eq!(Overrides::of_line(line), Ok(Overrides::default()), "{line}");
        }
        for line in ["''{}''", "'{}", "'", "'{\n}'"] {
            assert!(Overrides::of_line(line).is_err(), "{line}");
        }
        assert_eq!(Overrides::of_line("{\n}"), Ok(Overrides::default()));
    }
}
