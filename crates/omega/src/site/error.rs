use std::{fmt, ops::Range, path::Path};

use omega_core::{Failure, FailureClass};

/// A mistake in the site file, and its place.
#[derive(Debug, PartialEq, Eq)]
pub struct SiteError {
    message: String,
    snippet: Option<String>,
}

impl fmt::Display for SiteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        self.snippet.iter().try_for_each(|snippet| write!(f, "\n{snippet}"))
    }
}

impl From<SiteError> for Failure {
    fn from(error: SiteError) -> Self {
        Self::new(FailureClass::Usage, error.to_string())
    }
}

impl SiteError {
    pub(super) fn unreadable(path: &Path, why: &str) -> Self {
        Self {
            message: format!("can't read the site file {}: {why}", path.display()),
            snippet: None,
        }
    }

    /// Points at `span` of `text`.
    pub(super) fn at(path: &Path, text: &str, span: Range<usize>, why: impl Into<String>) -> Self {
        let message = format!("{} in {}", why.into(), path.display());
        Self { message, snippet: Some(snippet(text, span, None)) }
    }

    /// Says what the parser found, where, and what was probably meant.
    pub(super) fn toml(path: &Path, text: &str, error: &toml::de::Error) -> Self {
        let words = error.message().lines().next().unwrap_or_default();
        let quoted: Vec<&str> = words.split('`').skip(1).step_by(2).collect();
        let (message, hint) = match quoted.split_first() {
            Some((unknown, known)) if words.starts_with("unknown field") => {
                let hint = nearest(unknown, known.iter().copied())
                    .map(|name| format!("did you mean `{name}`?"));
                (format!("unknown key `{unknown}`"), hint)
            }
            Some((missing, _)) if words.starts_with("missing field") => {
                (format!("the key `{missing}` is missing"), None)
            }
            Some(_) | None => (words.to_owned(), None),
        };
        let message = format!("{message} in {}", path.display());
        let snippet = error.span().map(|span| snippet(text, span, hint.as_deref()));
        Self { message, snippet }
    }
}

/// The line before, the line, and a mark under what is meant.
fn snippet(text: &str, span: Range<usize>, hint: Option<&str>) -> String {
    let start = span.start.min(text.len());
    let before = text.get(..start).unwrap_or_default();
    let number = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count();
    let line = masked(text.lines().nth(number - 1).unwrap_or_default());
    let length = text.get(span).unwrap_or_default().lines().next().unwrap_or_default();
    let mark = "^".repeat(length.chars().count().clamp(1, 60));
    let gutter = " ".repeat(number.to_string().len());
    let previous = number.checked_sub(2).and_then(|nth| text.lines().nth(nth));
    let previous = previous.map_or_else(String::new, |line| {
        format!("  {:>width$} | {}\n", number - 1, masked(line), width = gutter.len())
    });
    let hint = hint.map_or_else(String::new, |hint| format!(" {hint}"));
    let pad = " ".repeat(column);
    format!("{previous}  {number} | {line}\n  {gutter} | {pad}{mark}{hint}")
}

/// Words of keys, of a file or of an address's query, whose value nobody should see.
const SECRET: [&str; 5] = ["password", "passwd", "secret", "token", "apikey"];

/// Hides what may be a secret: what stands before an `@` in an address, and the value of a key that
/// is called so. What comes after it on the line moves, which is better than to show it.
fn masked(line: &str) -> String {
    let lower = line.to_ascii_lowercase();
    if let Some(end) = SECRET.iter().filter_map(|word| Some(lower.find(word)? + word.len())).min()
        && let Some(value) = line.get(end..).and_then(|rest| rest.find('=')).map(|at| end + at + 1)
    {
        return format!("{} …", without_users(line.get(..value).unwrap_or_default()));
    }
    without_users(line)
}

fn without_users(line: &str) -> String {
    let mut shown = String::new();
    for (nth, part) in line.split('@').enumerate() {
        if nth > 0 {
            let keep = shown.rfind(['/', '"', '\'', ' ']).map_or(0, |at| at + 1);
            shown.truncate(keep);
            shown.push_str("…@");
        }
        shown.push_str(part);
    }
    shown
}

/// Returns the name nearest to `wrong`, if one is near: at most a third of its letters differ.
pub(crate) fn nearest<'a>(wrong: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    names
        .map(|name| (strsim::levenshtein(wrong, name), name))
        .filter(|(distance, _)| *distance <= wrong.chars().count().div_ceil(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_be_a_secret_is_not_shown() {
        for line in [
            "password = \"hunter2\"",
            "os_token=hunter2",
            "index = \"https://pypi.example/simple?token=hunter2\"",
            "x = { Client_Secret = 'hunter2' }",
            "index = \"https://u:hunter2@pypi.example\"",
        ] {
            let shown = masked(line);
            assert!(!shown.contains("hunter2") && shown.contains('…'), "{line}: {shown}");
        }
        let plain = "kubeconfig = \"mgmt.kubeconfig\" # no secrets here";
        assert_eq!(masked(plain), plain);
    }

    #[test]
    fn the_nearest_name_is_near() {
        let names = ["kubeconfig", "project", "security_group", "sources"];
        assert_eq!(nearest("kubeconfg", names.into_iter()), Some("kubeconfig"));
        assert_eq!(nearest("source", names.into_iter()), Some("sources"));
        assert_eq!(nearest("password", names.into_iter()), None);
    }
}
