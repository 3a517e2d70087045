//! An account by name.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::Namespace;

/// The most that the value of a label may have.
const LABEL: usize = 63;

/// A `ServiceAccount`: `omega/magnum-driver`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Account {
    /// Its namespace.
    pub namespace: Namespace,
    /// Its name, which fits where a namespace's would.
    name: Namespace,
}

/// Not the name of an account.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not NAMESPACE/NAME of a ServiceAccount (a-z, 0-9 and - inside, at most 62 together): {0:?}"
)]
pub struct InvalidAccount(String);

impl Account {
    /// Returns its name in its namespace.
    pub fn name(&self) -> &str {
        self.name.as_str()
    }

    /// Returns the user that it authenticates as.
    pub fn user(&self) -> String {
        format!("system:serviceaccount:{}:{}", self.namespace, self.name)
    }

    /// What marks the objects that were made for it.
    pub(super) fn mark(&self) -> String {
        format!("{}.{}", self.namespace, self.name)
    }

    /// The name of its roles and bindings.
    pub(super) fn role(&self) -> String {
        format!("{}:{}", self.namespace, self.name)
    }
}

impl FromStr for Account {
    type Err = InvalidAccount;

    fn from_str(text: &str) -> Result<Self, InvalidAccount> {
        let no = || InvalidAccount(text.to_owned());
        let (namespace, name) = text.split_once('/').ok_or_else(no)?;
        let account = Self {
            namespace: namespace.parse().map_err(|_| no())?,
            name: name.parse().map_err(|_| no())?,
        };
        if account.mark().len() <= LABEL { Ok(account) } else { Err(no()) }
    }
}

impl TryFrom<String> for Account {
    type Error = InvalidAccount;
    fn try_from(text: String) -> Result<Self, InvalidAccount> {
        text.parse()
    }
}

impl From<Account> for String {
    fn from(account: Account) -> Self {
        account.to_string()
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::Account;

    #[test]
    fn what_would_be_another_path_or_no_label_is_no_account() {
        let account: Account = "omega/magnum-driver".parse().unwrap();
        assert_eq!(account.user(), "system:serviceaccount:omega:magnum-driver");
        assert_eq!(account.to_string(), "omega/magnum-driver");
        let long = format!("{}/{}", "a".repeat(31), "b".repeat(32));
        for bad in ["omega", "omega/", "/x", "a/b/c", "a/..", "A/b", "a/b c", &long] {
            assert!(bad.parse::<Account>().is_err(), "{bad}");
        }
    }
}
