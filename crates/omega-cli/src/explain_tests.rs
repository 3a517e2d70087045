//! What the decisions quote of omega is there: commands, options, keys of the site file, rules, paths.

use std::{fs, path::Path};

use clap::error::ErrorKind;
use omega::{
    decisions::{Decision, checks, decisions},
    site::Site,
};
use schemars::schema_for;
use serde_json::Value;

use crate::help;

/// Every text that says something of omega.
fn texts() -> Vec<(String, String)> {
    let of = |one: Decision| {
        let Decision { id, truth, contradiction, unchecked, omega, .. } = one;
        let more = truth.into_iter().chain(contradiction).chain(unchecked);
        let all: Vec<_> = omega.into_iter().map(|claim| claim.says).chain(more).collect();
        all.into_iter().map(|text| (id.clone(), text)).collect::<Vec<_>>()
    };
    decisions().unwrap().into_iter().flat_map(of).collect()
}

/// What stands between backticks.
fn quoted(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

#[test]
fn whatever_a_decision_quotes_is_there() {
    let mut wrong = Vec::new();
    let mut kinds = [0; 5];
    for (id, text) in texts() {
        assert!(text.matches('`').count() % 2 == 0, "{id}: a backtick is not closed: {text}");
        for one in quoted(&text) {
            match kind(one) {
                Some(kind) => kinds[kind] += 1,
                None => wrong.push(format!("{id}: `{one}`")),
            }
        }
    }
    assert!(wrong.is_empty(), "no command, option, key, rule or path: {wrong:#?}");
    assert!(kinds.iter().take(3).all(|count| *count > 0), "{kinds:?}");
}

/// A command that is named by its whole name is quoted, so that it is tested.
#[test]
fn every_command_that_a_decision_names_is_quoted() {
    let command = help::command();
    let names: Vec<&str> = command.get_subcommands().map(clap::Command::get_name).collect();
    for (id, text) in texts() {
        let plain: String = text.split('`').step_by(2).collect::<Vec<_>>().join("`");
        for name in names.iter().filter(|name| name.contains('-')) {
            let words = plain.split(|c: char| c.is_whitespace() || ",;:.()".contains(c));
            assert!(!words.into_iter().any(|word| word == *name), "{id}: quote {name}: {text}");
        }
    }
}

/// The command that checks a rule can be pasted.
#[test]
fn every_command_that_checks_a_rule_is_one_that_the_program_takes() {
    for check in checks() {
        for command in &check.commands {
            let words = shlex::split(&format!("omega-cli {command}")).unwrap();
            let parsed = help::command().try_get_matches_from(words);
            assert!(parsed.is_ok(), "{}: {command}: {}", check.rule, parsed.unwrap_err());
        }
    }
}

#[test]
fn what_is_not_there_is_found() {
    for good in ["lint bundle", "--prove", "management.server", "driver-loaded", "/usr/bin/helm"] {
        assert!(kind(good).is_some(), "{good}");
    }
    for bad in [
        "lint bundles",
        "explain --no-such",
        "--no-such",
        "management.srever",
        "driver-loadde",
        "/usr/bin/hlem",
        "no_such_option",
    ] {
        assert_eq!(kind(bad), None, "{bad}");
    }
}

/// Which kind of thing it is that omega has: a command, an option, a key, a rule, a path or another name of
/// its sources.
fn kind(text: &str) -> Option<usize> {
    if is_command(text) {
        return Some(0);
    }
    if text.starts_with("--") {
        return is_option(text).then_some(1);
    }
    if is_key(text) {
        return Some(2);
    }
    if checks().iter().any(|check| check.rule == text) {
        return Some(3);
    }
    text.starts_with('/').then(|| is_path(text)).filter(|found| *found).map(|_| 4)
}

/// The program takes these words; that something is missing is no mistake of the text.
fn is_command(text: &str) -> bool {
    let words = shlex::split(&format!("omega-cli {text}")).unwrap_or_default();
    let first = words.get(1).map(String::as_str).unwrap_or_default();
    if help::command().find_subcommand(first).is_none() {
        return false;
    }
    let missing = [
        ErrorKind::MissingRequiredArgument,
        ErrorKind::MissingSubcommand,
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand,
        // `release-stuck-delete --credential-from`: the value is left out.
        ErrorKind::InvalidValue,
    ];
    match help::command().try_get_matches_from(&words) {
        Ok(_) => true,
        Err(error) if error.kind() == ErrorKind::InvalidValue => {
            // A wrong value of a subcommand (`lint bundles`) is not a value that is left out.
            error.to_string().contains("a value is required")
        }
        Err(error) => missing.contains(&error.kind()),
    }
}

fn is_option(text: &str) -> bool {
    fn has(command: &clap::Command, long: &str) -> bool {
        command.get_arguments().any(|arg| arg.get_long() == Some(long))
            || command.get_subcommands().any(|one| has(one, long))
    }
    let long = text.trim_start_matches("--");
    // An option of pip that `pin-driver` gives.
    has(&help::command(), long) || long == "break-system-packages" && in_sources(text)
}

/// `TABLE.KEY` of the site file.
fn is_key(text: &str) -> bool {
    let schema = serde_json::to_value(schema_for!(Site)).unwrap();
    let mut at = &schema;
    let mut parts = text.split('.').peekable();
    if text.split('.').count() < 2 {
        return false;
    }
    parts.all(|part| {
        at = match at.get("properties").and_then(|all| all.get(part)) {
            Some(next) => resolved(&schema, next),
            None => return false,
        };
        true
    })
}

/// Follows references and optional values.
fn resolved<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    if let Some(path) = schema.get("$ref").and_then(Value::as_str) {
        let name = path.trim_start_matches("#/$defs/");
        return root.get("$defs").and_then(|all| all.get(name)).unwrap_or(schema);
    }
    let any = schema.get("anyOf").or_else(|| schema.get("allOf")).and_then(Value::as_array);
    match any.and_then(|all| all.iter().find(|one| one.get("$ref").is_some())) {
        Some(one) => resolved(root, one),
        None => schema,
    }
}

fn is_path(text: &str) -> bool {
    in_sources(text)
}

/// Whether the sources of the libraries have the text.
fn in_sources(text: &str) -> bool {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let names = ["omega-juju", "omega-driver", "omega-core", "omega-capi", "omega-openstack"];
    names.iter().any(|name| has_text(&crates.join(name).join("src"), text))
}

fn has_text(directory: &Path, text: &str) -> bool {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.into_iter().any(|path| {
        if path.is_dir() {
            return has_text(&path, text);
        }
        fs::read_to_string(&path).is_ok_and(|all| all.contains(text))
    })
}
