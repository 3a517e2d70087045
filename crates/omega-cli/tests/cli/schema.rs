//! Compares a document with a JSON schema, of the keywords that the published schemas use.

use serde_json::Value;

/// Keywords that say nothing about which values are valid.
const SILENT: [&str; 12] = [
    "$schema",
    "$defs",
    "title",
    "description",
    "default",
    "format",
    "examples",
    "minimum",
    "maximum",
    "deprecated",
    "readOnly",
    "writeOnly",
];

/// Returns where and why `value` is not as `schema` says.
pub(crate) fn differences(schema: &Value, value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare(schema, schema, value, "$", &mut found);
    found
}

fn compare(root: &Value, schema: &Value, value: &Value, at: &str, found: &mut Vec<String>) {
    let Some(keywords) = schema.as_object() else {
        if schema == &Value::Bool(false) {
            found.push(format!("{at}: nothing is allowed here"));
        }
        return;
    };
    for (keyword, wanted) in keywords {
        match keyword.as_str() {
            "$ref" => {
                let name = wanted.as_str().unwrap().strip_prefix("#/$defs/").unwrap();
                compare(root, &root["$defs"][name], value, at, found);
            }
            "type" => {
                let types: Vec<&str> = match wanted.as_array() {
                    Some(all) => all.iter().map(|one| one.as_str().unwrap()).collect(),
                    None => vec![wanted.as_str().unwrap()],
                };
                if !types.iter().any(|name| is(name, value)) {
                    found.push(format!("{at}: {value} is not {types:?}"));
                }
            }
            "enum" if !wanted.as_array().unwrap().contains(value) => {
                found.push(format!("{at}: {value} is not one of {wanted}"));
            }
            "const" if wanted != value => found.push(format!("{at}: {value} is not {wanted}")),
            "properties" => {
                for (name, inner) in wanted.as_object().unwrap() {
                    if let Some(value) = value.get(name) {
                        compare(root, inner, value, &format!("{at}.{name}"), found);
                    }
                }
            }
            "required" if value.is_object() => {
                for name in wanted.as_array().unwrap() {
                    if value.get(name.as_str().unwrap()).is_none() {
                        found.push(format!("{at}: {name} is missing"));
                    }
                }
            }
            "enum" | "const" | "required" => {}
            "additionalProperties" => {
                let known = &schema["properties"];
                for (name, value) in value.as_object().into_iter().flatten() {
                    if known.get(name).is_none() {
                        compare(root, wanted, value, &format!("{at}.{name}"), found);
                    }
                }
            }
            "items" => {
                for (nth, value) in value.as_array().into_iter().flatten().enumerate() {
                    compare(root, wanted, value, &format!("{at}[{nth}]"), found);
                }
            }
            "anyOf" | "oneOf" => {
                let each = wanted.as_array().unwrap().iter().map(|inner| {
                    let mut inside = Vec::new();
                    compare(root, inner, value, at, &mut inside);
                    inside
                });
                let each: Vec<_> = each.collect();
                if each.iter().all(|inside| !inside.is_empty()) {
                    found.push(format!("{at}: none of {keyword} fits: {each:?}"));
                }
            }
            "allOf" => {
                for inner in wanted.as_array().unwrap() {
                    compare(root, inner, value, at, found);
                }
            }
            other => assert!(SILENT.contains(&other), "{at}: keyword {other} is not known"),
        }
    }
}

fn is(name: &str, value: &Value) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "array" => value.is_array(),
        _ => {
            assert_eq!(name, "object", "a type that JSON has");
            value.is_object()
        }
    }
}
