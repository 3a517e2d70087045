//! Named values with their sources.

use std::collections::BTreeMap;

use super::keys::{self, Meaning};

/// Values by the names that clouds.yaml uses (`auth_url`, `project_name`).
#[derive(Clone, Default)]
pub(super) struct Values(pub(super) BTreeMap<String, Sourced>);

/// A value as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// A text.
    Text(String),
    /// `true`, `no` and so on without quotes, with its text.
    Flag(bool, String),
    /// A list of texts.
    List(Vec<String>),
}

/// A value with its source.
#[derive(Clone)]
pub(super) struct Sourced {
    pub(super) value: Value,
    pub(super) source: String,
    /// Whether it has an old name.
    old: bool,
}

impl Value {
    pub(super) fn text(&self) -> String {
        match self {
            Self::Text(text) | Self::Flag(_, text) => text.clone(),
            Self::List(texts) => texts.join(", "),
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::Text(text) => text.is_empty(),
            Self::List(texts) => texts.is_empty(),
            Self::Flag(..) => false,
        }
    }

    /// Returns whether both mean the same: `publicURL` is `public`.
    pub(super) fn is(&self, other: &Self) -> bool {
        let bare = |value: &Self| {
            let text = value.text();
            text.strip_suffix("URL").map(str::to_owned).unwrap_or(text)
        };
        bare(self) == bare(other)
    }
}

impl Values {
    /// Sets a value. An empty one counts as unset, as in a shell.
    pub(super) fn set(&mut self, key: &str, value: Value, source: &str) {
        if !value.is_empty() {
            let sourced = Sourced { value, source: source.to_owned(), old: false };
            self.0.insert(key.to_owned(), sourced);
        }
    }

    /// Adds what a file or the variables say under `key`, in any of its spellings.
    ///
    /// # Errors
    ///
    /// Says why the key can't be honoured.
    pub(super) fn add(&mut self, key: &str, value: Value, source: &str) -> Result<(), String> {
        if value.is_empty() {
            return Ok(());
        }
        let (name, old, weaker) = match keys::meaning(key) {
            Meaning::Value { name, old, old_is_weaker, .. } => (name, old, old_is_weaker),
            Meaning::Endpoint(_) | Meaning::Own { .. } | Meaning::IdentityVersion => {
                (key.to_owned(), false, false)
            }
            Meaning::Unsupported(next) => return Err(format!("it is not supported: {next}")),
            Meaning::Other => return Ok(()),
        };
        let new = Sourced { value, source: source.to_owned(), old };
        match self.0.get(&name) {
            Some(there) if there.value.is(&new.value) => return Ok(()),
            // A new name has priority over a weak old one, in any order.
            Some(there) if there.old == old || !(weaker || there.old && is_weak(&name)) => {
                return Err(format!("it contradicts {name}, which is also there"));
            }
            Some(_) if old => return Ok(()),
            None | Some(_) => {}
        }
        self.0.insert(name, new);
        Ok(())
    }

    /// Takes over all of `other`. Of an `endpoint_type` and an `interface` in two places, the client
    /// follows the first, whichever place it has.
    pub(super) fn override_with(&mut self, other: Self) {
        let stays = self.0.get("interface").filter(|there| there.old).cloned();
        let new = other.0.get("interface").is_some_and(|new| new.old);
        self.0.extend(other.0);
        if let (Some(stays), false) = (stays, new) {
            self.0.insert("interface".to_owned(), stays);
        }
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// Takes over what `other` says and this does not, of these kinds.
    ///
    /// # Errors
    ///
    /// Returns the key and both sources if they contradict each other.
    pub(super) fn fill(
        &mut self,
        other: &Self,
        which: impl Fn(&str) -> bool,
    ) -> Result<(), Contradiction> {
        for (key, new) in other.0.iter().filter(|(key, _)| which(key)) {
            match self.0.get(key) {
                Some(there) if there.value.is(&new.value) => {}
                Some(there) => {
                    let (key, source) = (key.clone(), new.source.clone());
                    return Err(Contradiction { key, source, with: there.source.clone() });
                }
                None => {
                    self.0.insert(key.clone(), new.clone());
                }
            }
        }
        Ok(())
    }

    /// Returns the first value of `other` that says more than this, or something else.
    pub(super) fn contradicted_by(&self, other: &Self) -> Option<Contradiction> {
        let new = |(key, new): &(&String, &Sourced)| {
            let there = self.0.get(*key);
            // The region has been settled, and a password is the default.
            let default = key.as_str() == "auth_type" && new.value.text().ends_with("password");
            if key.as_str() == "region_name" || there.is_none() && default {
                return false;
            }
            there.is_none_or(|there| !there.value.is(&new.value))
        };
        other.0.iter().find(new).map(|(key, new)| Contradiction {
            key: key.clone(),
            source: new.source.clone(),
            with: self
                .0
                .get(key)
                .map_or_else(|| "the file".to_owned(), |there| there.source.clone()),
        })
    }
}

/// Two sources that say something else about one value.
pub(super) struct Contradiction {
    pub(super) key: String,
    pub(super) source: String,
    pub(super) with: String,
}

fn is_weak(name: &str) -> bool {
    ["project_id", "project_name", "username", "token"].contains(&name)
}
