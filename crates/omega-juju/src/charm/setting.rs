//! One option of a charm.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An option of a charm, as `juju config APPLICATION --format json` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CharmOption {
    /// Its type: `int`, `boolean`, `string`, `float`, `secret`.
    pub kind: String,
    /// Where its value is from: `user`, `default` or `unset`. A value that a user has set and that
    /// equals the default is shown as `default`.
    pub source: String,
    /// Its value as text; `None` if it has none.
    pub value: Option<String>,
}

/// The output of `juju config APPLICATION --format json`.
#[derive(Debug, Deserialize)]
pub(super) struct Config {
    /// The charm's name.
    pub(super) charm: String,
    pub(super) settings: std::collections::BTreeMap<String, Shown>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Shown {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    source: String,
    #[serde(default)]
    value: Option<Value>,
}

impl Shown {
    /// Returns its value as text; `None` if it has none.
    pub(super) fn text(&self) -> Option<String> {
        let value = self.value.as_ref().filter(|value| !value.is_null())?;
        Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
    }
}

impl From<&Shown> for CharmOption {
    fn from(shown: &Shown) -> Self {
        Self { kind: shown.kind.clone(), source: shown.source.clone(), value: shown.text() }
    }
}

impl CharmOption {
    /// Returns whether a user has set it, to something else than the default.
    pub(super) fn is_set(&self) -> bool {
        self.source == "user"
    }

    /// Returns whether it has this value. `None`: the value is not of its type.
    pub(super) fn has(&self, wanted: &str) -> Option<bool> {
        let value = self.value.as_deref();
        match self.kind.as_str() {
            "int" => {
                let wanted: i64 = wanted.parse().ok()?;
                Some(value.and_then(|value| value.parse().ok()) == Some(wanted))
            }
            "boolean" => {
                let wanted = boolean(wanted)?;
                Some(value.and_then(boolean) == Some(wanted))
            }
            "string" => Some(value == Some(wanted)),
            _ => None,
        }
    }

    /// Returns its value, for people.
    pub(super) fn shown(&self) -> &str {
        self.value.as_deref().unwrap_or("not set")
    }
}

/// `true` or `false`, whatever the case.
pub(super) fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    }
}

/// A name or a value that can't be handed to `juju config KEY=VALUE`, or must not be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidSetting {
    /// Not the name of an option.
    #[error("`{0}` is not the name of a charm's option (a-z, 0-9, `-` and `_`)")]
    Name(String),
    /// The option may hold a secret.
    #[error("{0} may hold a secret, which plans and journals would keep: set it with juju")]
    Secret(String),
    /// The value is empty.
    #[error("{0} has no value: juju config --reset {0} leads back to the default")]
    Empty(String),
    /// juju would read a file.
    #[error("the value of {0} begins with @: juju would read a file instead")]
    File(String),
    /// The value has spaces at its ends, several lines, or is very long.
    #[error(
        "the value of {0} must be one line of at most 1024 characters, without spaces at its ends"
    )]
    Text(String),
    /// Nothing is set.
    #[error("no option is named")]
    Nothing,
    /// Not the name of an application.
    #[error("`{0}` is not the name of an application")]
    Application(String),
}

/// Checks the name of an option.
pub(super) fn check_name(name: &str) -> Result<(), InvalidSetting> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '_');
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.chars().all(plain) {
        return Err(InvalidSetting::Name(name.to_owned()));
    }
    let secrets = ["password", "passwd", "secret", "token", "passphrase", "credential", "private"];
    if secrets.iter().any(|part| name.contains(part)) {
        return Err(InvalidSetting::Secret(name.to_owned()));
    }
    Ok(())
}

/// Checks the value of an option.
pub(super) fn check_value(name: &str, value: &str) -> Result<(), InvalidSetting> {
    let name = || name.to_owned();
    if value.is_empty() {
        Err(InvalidSetting::Empty(name()))
    } else if value.starts_with('@') {
        Err(InvalidSetting::File(name()))
    } else if value.trim() != value || value.len() > 1024 || value.contains(char::is_control) {
        Err(InvalidSetting::Text(name()))
    } else {
        Ok(())
    }
}
