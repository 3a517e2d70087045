use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use crate::Namespace;

/// The maximum length of a label's value.
const LABEL: usize = 63;

/// A `ServiceAccount`: `omega/magnum-driver`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Account {
    /// Its namespace.
    pub namespace: Namespace,
    /// Its name: like a namespace's, a DNS label.
    name: Namespace,
}

/// The text is not the name of an account.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not NAMESPACE/NAME of a ServiceAccount (at most 62 of a-z, 0-9 and - together)")]
pub struct InvalidAccount(String);

impl Account {
    /// Returns its name in its namespace.
    pub fn name(&self) -> &str {
        self.name.as_str()
    }

    /// Returns its user name in Kubernetes.
    pub fn user(&self) -> String {
        format!("system:serviceaccount:{}:{}", self.namespace, self.name)
    }

    /// Returns the value of [`MARK`](super::objects::MARK) on its objects.
    pub(super) fn mark(&self) -> String {
        format!("{}.{}", self.namespace, self.name)
    }

    /// Returns the name of its roles and bindings.
    pub(super) fn role(&self) -> String {
        format!("{}:{}", self.namespace, self.name)
    }
}

impl FromStr for Account {
    type Err = InvalidAccount;

    fn from_str(text: &str) -> Result<Self, InvalidAccount> {
        let invalid = || InvalidAccount(text.to_owned());
        let (namespace, name) = text.split_once('/').ok_or_else(invalid)?;
        let account = Self {
            namespace: namespace.parse().map_err(|_| invalid())?,
            name: name.parse().map_err(|_| invalid())?,
        };
        if account.mark().len() <= LABEL { Ok(account) } else { Err(invalid()) }
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
