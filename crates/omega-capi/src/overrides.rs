//! The driver's option `api_resources`, as the driver understands it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What `api_resources` overrides, by the driver's class names.
///
/// The driver reads it while it is imported (1.4.0, `kubernetes.py`): what does not parse keeps
/// the driver out of magnum-api and magnum-conductor alike.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Overrides(pub BTreeMap<String, Override>);

/// The override of one class.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    /// Instead of the class's own `apiVersion`.
    pub api_version: Option<String>,
    /// Instead of its plural; the driver honours it for `K8sControlPlane` only.
    pub plural_name: Option<String>,
}

/// The driver would not be importable, or would fail at its first read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("api_resources breaks the driver: {0}")]
pub struct OverrideError(String);

impl omega_core::Explain for OverrideError {
    fn expected(&self) -> Option<String> {
        Some("one line of JSON: an object of objects with api_version and plural_name".to_owned())
    }
    fn next(&self) -> Option<String> {
        Some("leave api_resources out; nothing needs it".to_owned())
    }
    fn touched(&self) -> omega_core::Touched {
        omega_core::Touched::Nothing
    }
}

impl Overrides {
    /// Reads the option's value.
    ///
    /// # Errors
    ///
    /// Fails where the driver would: no JSON, no object, an entry that is no object, a value that
    /// is no text.
    pub fn parse(text: &str) -> Result<Self, OverrideError> {
        let no = |why: &str| OverrideError(why.to_owned());
        let all = match serde_json::from_str(text) {
            Ok(Value::Object(all)) => all,
            Ok(_) => return Err(no("it is no JSON object")),
            Err(_) if text.trim().is_empty() => return Err(no("it is empty")),
            Err(error) => return Err(no(&format!("it is no JSON ({error})"))),
        };
        let entry = |(class, value): (String, Value)| {
            let Value::Object(fields) = value else {
                return Err(no(&format!("the entry of `{class}` is no JSON object")));
            };
            let text = |key: &str| match fields.get(key) {
                None => Ok(None),
                Some(Value::String(text)) => Ok(Some(text.clone())),
                Some(_) => Err(no(&format!("`{key}` of `{class}` is no text"))),
            };
            let (api_version, plural_name) = (text("api_version")?, text("plural_name")?);
            Ok((class, Override { api_version, plural_name }))
        };
        Ok(Self(all.into_iter().map(entry).collect::<Result<_, _>>()?))
    }
}

#[cfg(test)]
mod tests {
    use super::Overrides;

    #[test]
    fn what_would_break_the_driver_is_refused() {
        let words = |text: &str| Overrides::parse(text).map_err(|e| e.to_string());
        assert_eq!(words("{}").unwrap(), Overrides::default());
        let cases = [
            ("", "it is empty"),
            (" ", "it is empty"),
            ("[]", "it is no JSON object"),
            (r#"{"Cluster": {},}"#, "it is no JSON (trailing comma at line 1 column 16)"),
            (r#"{"Cluster": "v1beta1"}"#, "the entry of `Cluster` is no JSON object"),
            (r#"{"Cluster": {"api_version": null}}"#, "`api_version` of `Cluster` is no text"),
        ];
        for (text, why) in cases {
            let expected = format!("api_resources breaks the driver: {why}");
            assert_eq!(words(text), Err(expected), "{text}");
        }
    }

    #[test]
    fn unknown_keys_are_kept_out_as_the_driver_ignores_them() {
        let text = r#"{"K8sControlPlane": {"plural_name": "p", "api_version": "g/v1", "x": 1}}"#;
        let overrides = Overrides::parse(text).unwrap();
        let one = &overrides.0["K8sControlPlane"];
        assert_eq!(one.api_version.as_deref(), Some("g/v1"));
        assert_eq!(one.plural_name.as_deref(), Some("p"));
    }
}
