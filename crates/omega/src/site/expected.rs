//! What the parser finds wrong, in plain words.

use omega_core::{Failure, FailureClass, nearest_name};
use toml::de::DeValue;

/// What the parser says.
pub(super) enum Wrong<'m> {
    /// A key that its table does not have.
    Unknown { name: &'m str, known: Vec<&'m str> },
    /// A key that its table needs.
    Missing(&'m str),
    /// A value that can't be used.
    Value(&'m str),
}

impl<'m> Wrong<'m> {
    /// Reads a message of the parser.
    pub(super) fn of(message: &'m str) -> Self {
        let message = message.lines().next().unwrap_or_default();
        match quoted(message).split_first() {
            Some((name, known)) if message.starts_with("unknown field") => {
                Self::Unknown { name, known: known.to_vec() }
            }
            Some((name, _)) if message.starts_with("missing field") => Self::Missing(name),
            Some(_) | None => Self::Value(message),
        }
    }
}

/// Returns the words between backticks.
fn quoted(message: &str) -> Vec<&str> {
    message.split('`').skip(1).step_by(2).collect()
}

pub(super) fn usage(what: impl Into<String>, next: impl Into<String>) -> Failure {
    Failure::new(FailureClass::Usage, what).next(next)
}

/// Returns that a table has no key `name`. `near`: the one of `known` that was probably meant.
pub(super) fn unknown(name: &str, near: Option<&str>, known: &[&str]) -> Failure {
    let next = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("the keys here are {}", known.join(", ")),
    };
    usage(format!("unknown key `{name}`"), next)
}

/// Returns what is wrong with a text that is not TOML, and what to do.
pub(super) fn syntax(reason: &str) -> (&str, &'static str) {
    let begins = |words: &[&str]| words.iter().any(|words| reason.starts_with(words));
    let no_value = ["string values must be quoted", "invalid float", "invalid integer"];
    if begins(&no_value) {
        return ("not a value: a text is written in quotes", "write KEY = \"TEXT\"");
    }
    if begins(&["duplicate key"]) {
        return ("this key or table is there twice", "keep one of the two");
    }
    if begins(&["invalid basic string", "invalid literal string"]) {
        return ("unterminated string", "close it with the quote that it begins with");
    }
    (reason, "write KEY = VALUE, texts in quotes; a table begins with [NAME]")
}

/// Returns where it is said what `key` may be.
pub(super) fn documented(key: &str) -> String {
    match key.split_once('.') {
        Some((table, _)) => format!("see [{table}] in docs/site-file.md"),
        None => "see docs/site-file.md".to_owned(),
    }
}

/// Returns that `value` of `key` can't be used, as `message` of the parser says.
pub(super) fn unusable(key: &str, value: &DeValue<'_>, message: &str) -> Failure {
    let documented = || documented(key);
    if message.starts_with("unknown variant") {
        let known = quoted(message);
        let (given, known) = known.split_first().map_or(("", &[][..]), |(one, all)| (*one, all));
        let next = match nearest_name(given, known.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("write one of {}", known.join(", ")),
        };
        return usage(format!("{key}: `{given}` is not one of {}", known.join(", ")), next);
    }
    let of_library = message.starts_with("invalid ") || message.contains("overflowed");
    let wanted = message.split_once(", expected ").filter(|_| of_library).map(|(_, wanted)| wanted);
    let wanted = match (wanted, message) {
        (Some(wanted), _) => plain(wanted),
        (None, "wanted string or table") => plain("a string"),
        (None, _) if of_library => "a smaller number".to_owned(),
        // omega's own words.
        (None, own) => return usage(own, documented()),
    };
    let what = format!("{key}: expected {wanted}, found {}", found(value));
    usage(what, correction(&wanted, value).unwrap_or_else(documented))
}

/// Returns what the parser's library wants in the words of a site file.
fn plain(wanted: &str) -> String {
    match wanted {
        "a sequence" => "an array".to_owned(),
        "a map" => "a table".to_owned(),
        "a string" | "path string" => "a text in quotes".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "u16" => format!("a whole number from 0 to {}", u16::MAX),
        "u32" => format!("a whole number from 0 to {}", u32::MAX),
        "u64" | "usize" => "a whole number from 0 on".to_owned(),
        "i64" | "i32" => "a whole number".to_owned(),
        other if other.starts_with("struct ") => "a table".to_owned(),
        other => other.to_owned(),
    }
}

/// The longest text that is quoted.
const MOST: usize = 60;

fn found(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) if text.chars().count() > MOST => "a long text".to_owned(),
        DeValue::String(text) if text.contains('@') => "a text".to_owned(),
        DeValue::String(text) => format!("the text {text:?}"),
        DeValue::Integer(number) => number.to_string(),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(flag) => flag.to_string(),
        DeValue::Datetime(time) => time.to_string(),
        DeValue::Array(_) => "an array".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

/// Returns how the value is probably meant.
fn correction(wanted: &str, value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) if wanted == "an array" && !text.contains('@') => {
            Some(format!("write it in brackets: [{text:?}]"))
        }
        DeValue::String(text) => {
            let is_meant = match wanted {
                "true or false" => matches!(&**text, "true" | "false"),
                _ => wanted.starts_with("a whole number") && text.parse::<u32>().is_ok(),
            };
            is_meant.then(|| format!("write it without quotes: {text}"))
        }
        DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) | DeValue::Datetime(_)
            if wanted == "a text in quotes" =>
        {
            Some(format!("write it in quotes: \"{}\"", found(value)))
        }
        DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_)
        | DeValue::Array(_)
        | DeValue::Table(_) => None,
    }
}
