//! Clients that only read: every client of a site is made where the switch is, and the list of what passes is
//! documented.

#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::{fs, path::Path};

use omega_core::read_only::EXCEPTIONS;

/// What makes something that can write, and the files that do: with the switch of `Connect`, or for what
/// only reads.
const MADE: [(&str, &[&str]); 9] = [
    (
        "Session::new(",
        &[
            "acceptance/connect.rs",
            "clients/connect.rs",
            "doctor/cluster/ask.rs",
            "stuck_delete/cluster_credential.rs",
        ],
    ),
    ("Management::connect", &["clients/connect.rs"]),
    ("JujuProgram {", &["clients/read_only.rs"]),
    ("Juju::new(", &["clients/units.rs"]),
    ("Ssh::lazy(", &["clients/units.rs"]),
    ("Ssh::connect", &[]),
    ("Local::new(", &["acceptance/connect.rs"]),
    ("MaasProgram {", &["teardown/connect.rs"]),
    // A program that signs a report on this machine, and `maas` below its switch.
    ("Program::new(", &["acceptance/files.rs", "teardown/maas/commands.rs"]),
];

fn sources(directory: &Path, all: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, all);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            all.push((path.display().to_string(), text));
        }
    }
}

/// The part of a file that is not a test.
fn program(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests").next().unwrap_or(text)
}

#[test]
fn every_client_is_made_where_the_switch_is() {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut all = Vec::new();
    for one in ["omega", "omega-cli"] {
        sources(&crates.join(one).join("src"), &mut all);
    }
    all.retain(|(path, _)| !path.contains("test") && !path.contains("rehearsal"));
    for (words, allowed) in MADE {
        let is_made = |text: &str| {
            let code = program(text).lines().filter(|line| !line.trim_start().starts_with("//"));
            let is =
                |line: &str| line.contains(words) && !line.contains(&format!("struct {words}"));
            code.into_iter().any(|line| is(line) && !line.trim_start().starts_with("impl "))
        };
        let made = all.iter().filter(|(_, text)| is_made(text)).map(|(path, _)| path);
        for path in made {
            let is_known = allowed.iter().any(|known| path.ends_with(&format!("src/{known}")));
            assert!(is_known, "{path} makes `{words}`: make it with Connect, which has the switch");
        }
        for known in allowed {
            let is_there = |(path, text): &(String, String)| path.ends_with(known) && is_made(text);
            assert!(all.iter().any(is_there), "{known} does not make `{words}` any more");
        }
    }
}

#[test]
fn what_passes_is_documented_with_its_reason() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/read-only.md");
    let page = fs::read_to_string(page).unwrap();
    for one in EXCEPTIONS {
        let row = format!("| `{}` | {} |", one.words, one.why);
        assert!(page.contains(&row), "docs/read-only.md lacks the row {row}");
    }
}
