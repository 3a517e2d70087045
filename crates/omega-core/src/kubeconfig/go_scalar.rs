//! What a plain scalar of YAML is to Go: `sigs.k8s.io/yaml` 1.4 and 1.6, `goyaml.v2/resolve.go`
//! (client-go 0.32 and 0.34).

use crate::pyyaml::{Kind, Scalar, is_null};

/// The boolean that Go takes a scalar for.
pub(super) fn go_flag(scalar: &Scalar) -> Option<bool> {
    go_bool(&scalar.text).filter(|_| scalar.kind == Kind::Plain)
}

fn go_bool(plain: &str) -> Option<bool> {
    match plain {
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            Some(true)
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            Some(false)
        }
        _ => None,
    }
}

/// Whether Go takes it for text. A time is text to it.
pub(super) fn go_text(plain: &str) -> bool {
    !is_null(plain) && go_bool(plain).is_none() && !go_number(plain)
}

fn go_number(plain: &str) -> bool {
    match plain.bytes().next() {
        Some(b'.') => is_float(plain) || is_special_float(plain),
        Some(b'+' | b'-' | b'0'..=b'9') => {
            let digits = plain.replace('_', "");
            go_integer(&digits) || is_float(&digits) || is_special_float(plain)
        }
        _ => false,
    }
}

/// As `strconv.ParseInt` with base 0.
fn go_integer(text: &str) -> bool {
    let lower = unsigned(text).to_ascii_lowercase();
    let prefixed = |prefix| lower.strip_prefix(prefix);
    let (radix, digits) = if let Some(hex) = prefixed("0x") {
        (16, hex)
    } else if let Some(bits) = prefixed("0b") {
        (2, bits)
    } else if let Some(octal) = prefixed("0o").or(prefixed("0").filter(|rest| !rest.is_empty())) {
        (8, octal)
    } else {
        (10, lower.as_str())
    };
    all(digits, |c| c.is_digit(radix)) && u64::from_str_radix(digits, radix).is_ok()
}

/// `[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?`
fn is_float(text: &str) -> bool {
    let text = unsigned(text);
    let (number, exponent) = match text.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, Some(unsigned(exponent))),
        None => (text, None),
    };
    let (whole, rest) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    let is_number = digits(whole) && digits(rest) && (!whole.is_empty() || !rest.is_empty());
    is_number && exponent.is_none_or(|text| !text.is_empty() && digits(text))
}

fn is_special_float(text: &str) -> bool {
    let infinite = matches!(unsigned(text), ".inf" | ".Inf" | ".INF");
    infinite || matches!(text, ".nan" | ".NaN" | ".NAN")
}

fn unsigned(text: &str) -> &str {
    text.strip_prefix(['+', '-']).unwrap_or(text)
}

fn all(text: &str, is: impl Fn(char) -> bool) -> bool {
    !text.is_empty() && text.chars().all(is)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reader_has_its_own_idea_of_text() {
        let py_text = |text: &str| Scalar { text: text.to_owned(), kind: Kind::Plain }.is_text();
        // Text to Go, text to PyYAML. Compared with both readers by tests/oracle/run.
        let cases = [
            ("mgmt", true, true),
            ("admin@mgmt", true, true),
            ("2024", false, false),
            ("08", false, true),
            ("017", false, false),
            ("0o17", false, true),
            ("0x1f", false, false),
            ("1_000", false, false),
            ("1e5", false, true),
            ("1.5", false, false),
            ("1.5e3", false, true),
            ("1.5e+3", false, false),
            ("1.2.3", true, true),
            (".5", false, false),
            (".inf", false, false),
            ("yes", false, false),
            ("y", false, true),
            ("Off", false, false),
            ("1:30", true, false),
            ("01:30", true, true),
            ("10.0.0.1:6443", true, true),
            ("2024-01-31", true, false),
            ("2024-1-31", true, true),
            ("2024-01-31T10:00:00Z", true, false),
            ("=", true, false),
            ("~", false, false),
            ("", false, false),
            ("-", true, true),
            ("+1", false, false),
            ("0b11", false, false),
        ];
        for (text, go, py) in cases {
            assert_eq!((go_text(text), py_text(text)), (go, py), "{text}");
        }
    }
}
