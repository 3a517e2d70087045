use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The name of a Juju unit: `magnum/0`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct UnitName {
    application: String,
    number: u32,
}

/// Not the name of a unit.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the name of a unit (application/number): {0:?}")]
pub struct InvalidUnitName(String);

impl UnitName {
    /// Returns the application's name.
    pub fn application(&self) -> &str {
        &self.application
    }

    /// Returns the unit's number.
    pub fn number(&self) -> u32 {
        self.number
    }
}

/// Juju's rule: `[a-z][a-z0-9]*(-[a-z0-9]*[a-z][a-z0-9]*)*` (juju/names `ApplicationSnippet`).
fn is_application(name: &str) -> bool {
    let alnum = |part: &str| part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let letter = |part: &str| part.bytes().any(|b| b.is_ascii_lowercase());
    name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.split('-').all(|part| alnum(part) && letter(part))
}

impl FromStr for UnitName {
    type Err = InvalidUnitName;
    fn from_str(text: &str) -> Result<Self, InvalidUnitName> {
        let invalid = || InvalidUnitName(text.to_owned());
        let (application, number) = text.split_once('/').ok_or_else(invalid)?;
        let canonical = number == "0" || !number.starts_with(['0', '+']);
        let number = number.parse().map_err(|_| invalid())?;
        if !canonical || !is_application(application) {
            return Err(invalid());
        }
        Ok(Self { application: application.to_owned(), number })
    }
}

impl fmt::Display for UnitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.application, self.number)
    }
}

impl TryFrom<String> for UnitName {
    type Error = InvalidUnitName;
    fn try_from(text: String) -> Result<Self, InvalidUnitName> {
        text.parse()
    }
}

impl From<UnitName> for String {
    fn from(name: UnitName) -> Self {
        name.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_jujus() {
        for good in ["magnum/0", "magnum-k8s/12", "a/1", "nova-compute-a1/3"] {
            assert_eq!(good.parse::<UnitName>().unwrap().to_string(), good);
        }
        for bad in [
            "magnum",
            "magnum/",
            "/0",
            "magnum/01",
            "Magnum/0",
            "magnum/-1",
            "magnum/+1",
            "m;id/0",
            "magnum-1/0",
            "magnum/leader",
            "-a/0",
            "magnum/0/1",
        ] {
            assert!(bad.parse::<UnitName>().is_err(), "{bad}");
        }
    }
}
