//! What errors of libraries say, in omega's words.

use serde_json::error::Category;
use url::ParseError;

/// Returns why a text is not a URL, as the end of a sentence.
pub fn url_words(error: ParseError) -> &'static str {
    match error {
        ParseError::EmptyHost => "it has no host",
        ParseError::IdnaError | ParseError::InvalidDomainCharacter => {
            "its host has a character that a name can't have"
        }
        ParseError::InvalidPort => "its port is not a number up to 65535",
        ParseError::InvalidIpv4Address => "its host looks like an IPv4 address, but is not one",
        ParseError::InvalidIpv6Address => "its host in brackets is not an IPv6 address",
        ParseError::RelativeUrlWithoutBase
        | ParseError::RelativeUrlWithCannotBeABaseBase
        | ParseError::SetHostOnCannotBeABaseUrl => "it has no scheme (https://)",
        ParseError::Overflow => "it is too long",
        _ => "it is not in the form https://HOST:PORT/PATH",
    }
}

/// Returns a text that was to be an address, as it may be shown: without what is before an `@`, which may have a
/// password. A text that is not a URL has no parts that could be left out by their names.
pub fn shown_address(text: &str) -> String {
    let Some((users, rest)) = text.rsplit_once('@') else { return text.to_owned() };
    let scheme =
        users.split_once("://").map_or(String::new(), |(scheme, _)| format!("{scheme}://"));
    format!("{scheme}…@{rest}")
}

/// Returns what is wrong with a text that is to be JSON of some kind, as a sentence without its subject:
/// `it ends too early (line 1, column 7)`.
pub fn json_words(error: &serde_json::Error) -> String {
    let what = match error.classify() {
        Category::Eof => "it ends too early".to_owned(),
        Category::Syntax => "it is not valid JSON".to_owned(),
        Category::Io => "it could not be read".to_owned(),
        Category::Data => data(error),
    };
    match (error.line(), error.column()) {
        // A value that was parsed before has no lines.
        (0, _) => what,
        (line, column) => format!("{what} (line {line}, column {column})"),
    }
}

/// serde's sentences (serde 1, `core/src/de/mod.rs`), without the names of this program's types.
fn data(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let text = text.split(" at line ").next().unwrap_or_default();
    let key = |rest: &str| rest.split('`').nth(1).unwrap_or(rest).to_owned();
    if let Some(rest) = text.strip_prefix("missing field ") {
        return format!("`{}` is missing", key(rest));
    }
    if let Some(rest) = text.strip_prefix("duplicate field ") {
        return format!("`{}` is there twice", key(rest));
    }
    if let Some(rest) = text.strip_prefix("unknown field ") {
        return format!("`{}` is not a key that it can have", key(rest));
    }
    // The variant is a text, see below.
    if let Some((_, known)) =
        text.strip_prefix("unknown variant ").and_then(|rest| rest.rsplit_once("`, expected "))
    {
        return format!("it has a word that is not known in place of {known}");
    }
    for kind in ["invalid type: ", "invalid value: "] {
        let found = text.strip_prefix(kind).and_then(|rest| rest.split_once(", expected "));
        if let Some((found, expected)) = found {
            let found = match found {
                "sequence" => "a list".to_owned(),
                "map" => "an object".to_owned(),
                "null" => "null".to_owned(),
                // It may be a secret: the text has another form than was expected, or another place.
                text if text.starts_with("string ") => "a text".to_owned(),
                // integer `1`, boolean `true`
                other => format!("the {other}"),
            };
            return format!("it has {found} in place of {}", plain(expected));
        }
    }
    plain(text)
}

/// Returns a text with the kinds of JSON in place of Rust's.
fn plain(text: &str) -> String {
    let mut words = text.split(' ').peekable();
    let mut plain = Vec::new();
    while let Some(word) = words.next() {
        let of_rust = ["struct", "enum", "variant"].contains(&word) && words.next().is_some();
        plain.push(if of_rust { "an object" } else { word });
    }
    plain.join(" ").replace("a sequence", "a list").replace("a map", "an object")
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::{Value, json};

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its errors count")]
    struct Project {
        id: String,
    }

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "snake_case")]
    enum Word {
        One,
        Two,
    }

    #[test]
    fn no_sentence_of_a_library_and_no_type_of_this_program_is_shown() {
        let of_text = |text: &str| json_words(&serde_json::from_str::<Project>(text).unwrap_err());
        let of_value =
            |value: Value| json_words(&serde_json::from_value::<Project>(value).unwrap_err());
        for (said, expected) in [
            (of_text("{\"id\": "), "it ends too early (line 1, column 7)"),
            (of_text("nothing"), "it is not valid JSON (line 1, column 2)"),
            (of_text("{}"), "`id` is missing (line 1, column 2)"),
            (of_value(json!({})), "`id` is missing"),
            (of_value(json!({ "id": "a", "nam": 1 })), "`nam` is not a key that it can have"),
            (of_value(json!("x")), "it has a text in place of an object"),
            (of_value(json!({ "id": [] })), "it has a list in place of a string"),
        ] {
            assert_eq!(said, expected);
        }
        let word = serde_json::from_value::<Word>(json!("secret")).unwrap_err();
        assert_eq!(json_words(&word), "it has a word that is not known in place of `one` or `two`");
        let list = serde_json::from_value::<Vec<Project>>(json!(1)).unwrap_err();
        assert_eq!(json_words(&list), "it has the integer `1` in place of a list");
    }

    #[test]
    fn an_address_that_is_no_url_is_told_in_plain_words() {
        let why = |text: &str| url_words(text.parse::<url::Url>().unwrap_err());
        assert_eq!(why("10.0.0.1:5000/v3"), "it has no scheme (https://)");
        assert_eq!(why("https://"), "it has no host");
        assert_eq!(why("https://k:x"), "its port is not a number up to 65535");
        for (text, shown) in [
            ("http://u:p@ss@h:x/v3", "http://…@h:x/v3"),
            ("u:pass@h", "…@h"),
            ("http://h:x/v3", "http://h:x/v3"),
        ] {
            assert_eq!(shown_address(text), shown);
        }
        assert_eq!(why("https://[::x]"), "its host in brackets is not an IPv6 address");
    }
}
