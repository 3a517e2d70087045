use std::fmt;

use serde::{Deserialize, Serialize};

/// The name of a cluster template: 1 to 255 characters, none of them a control character, and not an
/// id, which Magnum would look up as one (18.0.1, `api/utils.py`, `get_resource`).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TemplateName(String);

/// A text that is no name for a cluster template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a name for a cluster template ({0}): {1:?}")]
pub struct InvalidTemplateName(&'static str, String);

impl TryFrom<String> for TemplateName {
    type Error = InvalidTemplateName;
    fn try_from(text: String) -> Result<Self, InvalidTemplateName> {
        match name_fault(&text).or_else(|| is_uuid(&text).then_some("it is an id")) {
            Some(why) => Err(InvalidTemplateName(why, text.chars().take(80).collect())),
            None => Ok(Self(text)),
        }
    }
}

/// Returns why a text is refused as a name. OpenStack takes control characters, and what lists names then
/// breaks.
pub(crate) fn name_fault(text: &str) -> Option<&'static str> {
    if text.trim().is_empty() {
        Some("it is empty")
    } else if text.trim() != text {
        Some("it begins or ends with a space")
    } else if text.chars().count() > 255 {
        Some("it has more than 255 characters")
    } else if text.chars().any(char::is_control) {
        Some("it has a control character")
    } else {
        None
    }
}

/// Whether OpenStack takes the text for an id (oslo.utils, `uuidutils.is_uuid_like`).
pub(crate) fn is_uuid(text: &str) -> bool {
    let digits = text.bytes().filter(|byte| *byte != b'-');
    digits.clone().count() == 32 && digits.clone().all(|byte| byte.is_ascii_hexdigit())
}

impl std::str::FromStr for TemplateName {
    type Err = InvalidTemplateName;
    fn from_str(text: &str) -> Result<Self, InvalidTemplateName> {
        text.to_owned().try_into()
    }
}

impl From<TemplateName> for String {
    fn from(name: TemplateName) -> Self {
        name.0
    }
}

impl AsRef<str> for TemplateName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TemplateName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
