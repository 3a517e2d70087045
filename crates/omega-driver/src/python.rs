//! JSON values as Python evaluates and prints them: the status reasons that the driver writes
//! contain the `repr` of a list.

use serde_json::Value;

/// Returns `bool(value)`.
pub fn truth(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(is) => *is,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
    }
}

/// Returns `str(value)`.
pub fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| repr(value), str::to_owned)
}

/// Returns `repr(value)`. Floating point numbers that Python prints with an exponent may differ.
pub fn repr(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) => quoted(text),
        Value::Array(items) => list(items.iter().map(repr)),
        Value::Object(fields) => {
            let field =
                |(key, value): (&String, &Value)| format!("{}: {}", quoted(key), repr(value));
            format!("{{{}}}", fields.iter().map(field).collect::<Vec<_>>().join(", "))
        }
    }
}

/// Returns the `repr` of a list, given the `repr` of its items.
pub fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(", "))
}

/// Quotes as Python does: with single quotes, unless only double quotes avoid an escape.
fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut out = String::from(quote);
    for c in text.chars() {
        match c {
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\\' => out.push_str("\\\\"),
            c if c == quote => out.extend(['\\', c]),
            c if printable(c) => out.push(c),
            c => out.push_str(&escaped(u32::from(c))),
        }
    }
    out.push(quote);
    out
}

fn escaped(code: u32) -> String {
    match code {
        ..0x100 => format!("\\x{code:02x}"),
        0x100..0x1_0000 => format!("\\u{code:04x}"),
        0x1_0000.. => format!("\\U{code:08x}"),
    }
}

/// Rust escapes the same categories as Python's `isprintable`. After another character, it does not
/// escape combining characters.
fn printable(c: char) -> bool {
    matches!(c, '"' | '\'') || format!("a{c}").escape_debug().count() == 2
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{repr, text};

    /// Printed by Python 3.11: `print(repr(json.loads(...)))`.
    #[test]
    fn values_are_printed_as_python_prints_them() {
        let golden = [
            (json!(["Ready", null, true, false]), "['Ready', None, True, False]"),
            (json!([1, -2, 1.5, 0.0]), "[1, -2, 1.5, 0.0]"),
            (json!({"a": [], "b": {}}), "{'a': [], 'b': {}}"),
            (json!("it's"), r#""it's""#),
            (json!("a\"b"), r#"'a"b'"#),
            (json!("it's \"so\""), r#"'it\'s "so"'"#),
            (json!("\t\n\r\\"), r"'\t\n\r\\'"),
            (json!("\u{1}\u{7f}\u{a0}\u{ad}"), r"'\x01\x7f\xa0\xad'"),
            (json!("\u{2028}\u{200b}\u{e000}"), r"'\u2028\u200b\ue000'"),
            (json!("\u{10ffff}"), r"'\U0010ffff'"),
            (json!("é\u{301}ー字😀 "), "'é\u{301}ー字😀 '"),
        ];
        for (value, printed) in golden {
            assert_eq!(repr(&value), printed);
        }
        assert_eq!(text(&json!("it's")), "it's");
        assert_eq!(text(&json!(["x"])), "['x']");
    }
}
