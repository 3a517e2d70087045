//! Secrets that can be recognised wherever they come out, also in part and encoded.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use omega_core::values::Sha256;

use crate::service::in_url;

/// A secret of the operator or of a service.
#[derive(Clone, Debug)]
pub(crate) struct Canary {
    /// What it is: `the password in clouds.yaml`.
    pub(crate) name: &'static str,
    /// The part that is looked for: letters and digits, which no quoting changes.
    core: String,
    /// Whether the value has characters that shells, URLs, JSON and YAML quote.
    special: bool,
    /// What shows that a text has the secret or a part of it, plain or in base64. Quoting changes none of these.
    needles: Vec<String>,
}

/// The characters that one quoting or another has to change.
const SPECIAL: &str = "'\"\\ &%#$:/@";
/// How many characters in a row of a secret are a leak.
const PART: usize = 9;

impl Canary {
    /// Returns a secret of letters and digits, as a token is.
    pub(crate) fn token(name: &'static str) -> Self {
        // Not hexadecimal: no digest has it by chance.
        let letter = |byte: u8| char::from(b'g' + byte % 16);
        let digest = Sha256::of(name.as_bytes()).to_string();
        let core: String =
            digest.bytes().map(|byte| letter(byte.wrapping_mul(7))).take(28).collect();
        let needles = needles(&core);
        Self { name, core, special: false, needles }
    }

    /// Returns a secret with characters that are quoted, as a password may have.
    pub(crate) fn password(name: &'static str) -> Self {
        Self { special: true, ..Self::token(name) }
    }

    /// Returns the secret.
    pub(crate) fn value(&self) -> String {
        if self.special {
            format!("{}{SPECIAL}{}", self.core, self.core)
        } else {
            self.core.clone()
        }
    }

    /// Returns the secret as a URL has it.
    pub(crate) fn in_url(&self) -> String {
        in_url(&self.value())
    }

    /// Returns the secret as a value of YAML, TOML, JSON or a shell script.
    pub(crate) fn quoted(&self) -> String {
        serde_json::Value::from(self.value()).to_string()
    }

    /// Returns the secret for a shell script.
    pub(crate) fn in_shell(&self) -> String {
        format!("'{}'", self.value().replace('\'', r"'\''"))
    }

    /// Returns whether `text` has the secret or a part of it.
    pub(crate) fn is_in(&self, text: &str) -> bool {
        self.needles.iter().any(|needle| text.contains(needle))
    }
}

fn needles(core: &str) -> Vec<String> {
    let starts = (0..=core.len() - PART).step_by(PART / 2);
    let parts = starts.filter_map(|at| core.get(at..at + PART)).map(str::to_owned);
    // Base64 of what begins at any byte: its first and last characters depend on what is beside it.
    let encoded =
        (0..3).map(|skip| part_of(&STANDARD.encode(core.get(skip..).unwrap_or_default())));
    parts.chain(encoded).collect()
}

/// The beginning of a text in base64, which depends on nothing that follows.
fn part_of(encoded: &str) -> String {
    encoded.get(..16).unwrap_or(encoded).to_owned()
}

/// A key whose body is looked for line by line.
#[derive(Clone, Debug)]
pub(crate) struct Lines {
    pub(crate) name: &'static str,
    lines: Vec<String>,
}

impl Lines {
    /// Returns the lines of a PEM file between its first and last, plain and as kubeconfigs have them.
    pub(crate) fn of(name: &'static str, pem: &str) -> Self {
        let body: Vec<&str> = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        let mut lines: Vec<String> = Vec::new();
        for line in body {
            // The first characters of a key say what kind of key it is: they are no secret.
            let part = line.get(line.len().saturating_sub(24)..).unwrap_or(line);
            lines.push(part.to_owned());
            lines.extend(
                (0..3).map(|skip| part_of(&STANDARD.encode(part.get(skip..).unwrap_or_default()))),
            );
        }
        lines.retain(|line| line.len() >= 12);
        Self { name, lines }
    }

    /// Returns whether `text` has a line of it.
    pub(crate) fn is_in(&self, text: &str) -> bool {
        self.lines.iter().any(|line| text.contains(line))
    }
}

/// Everything that is looked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Canaries {
    pub(crate) words: Vec<Canary>,
    pub(crate) keys: Vec<Lines>,
}

impl Canaries {
    /// Returns the names of the secrets that `text` has.
    pub(crate) fn found_in(&self, text: &[u8]) -> Vec<&'static str> {
        let text = &String::from_utf8_lossy(text);
        let words = self.words.iter().filter(|one| one.is_in(text)).map(|one| one.name);
        let keys = self.keys.iter().filter(|one| one.is_in(text)).map(|one| one.name);
        words.chain(keys).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The search would be worthless if it missed an encoding.
    #[test]
    fn a_secret_is_found_in_every_encoding_and_nothing_else_is() {
        let (canary, other) = (Canary::password("one"), Canary::password("two"));
        let value = canary.value();
        let mut forms = vec![value.clone(), canary.quoted(), canary.in_url(), canary.in_shell()];
        for before in ["", "a", "ab"] {
            forms.push(STANDARD.encode(format!("{before}{value} and more")));
        }
        forms.push(format!("{value:?}"));
        forms.push(value[..14].to_owned());
        for form in forms {
            assert!(canary.is_in(&form), "{form}");
            assert!(!other.is_in(&form), "{form}");
        }
        assert!(!canary.is_in(&Sha256::of(b"x").to_string()));
    }

    #[test]
    fn a_line_of_a_key_is_found_plain_and_in_base64() {
        let pem = "-----BEGIN X-----\nMIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgabcdefghijklmnop\n-----END X-----\n";
        let key = Lines::of("key", pem);
        assert!(key.is_in(pem));
        assert!(key.is_in(&STANDARD.encode(pem)));
        assert!(!key.is_in("-----BEGIN X-----"));
    }
}
