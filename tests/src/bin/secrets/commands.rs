//! Every subcommand, with words to call it with.

use std::{collections::BTreeMap, io, path::Path};

use crate::desk::command;

/// Subcommands that are only a list of others.
const GROUPS: [&str; 4] = ["check", "lint", "runs", "export"];

/// What a subcommand needs to be understood and to get as far as it can, where its example does not say that.
const WORDS: [(&str, &[&str]); 9] = [
    ("plan", &["plan", "graft", "--out", "graft.plan"]),
    ("show", &["show", "graft.plan"]),
    ("runs show", &["runs", "show", "latest"]),
    ("rollback", &["rollback", "--run", "latest", "--yes"]),
    ("drift", &["drift", "--metrics-file", "omega.prom"]),
    ("accept", &["accept", "--report-dir", "reports", "--yes"]),
    ("as-built", &["as-built", "--out", "as-built.md"]),
    ("teardown", &["teardown", "--model", "openstack", "--maas-profile", "admin", "--plan"]),
    ("lint file", &["lint", "file", "magnum.conf"]),
];

/// Returns every subcommand with its words, as the program itself lists them.
pub(crate) fn all(program: &Path, home: &Path) -> io::Result<BTreeMap<String, Vec<String>>> {
    let is_one = |name: &String| !name.starts_with('-') && name != "help";
    let mut names = Vec::new();
    for name in offered(program, home, &[""])?.into_iter().filter(is_one) {
        if GROUPS.contains(&name.as_str()) {
            let inner = offered(program, home, &[&name, ""])?;
            names.extend(inner.into_iter().filter(is_one).map(|one| format!("{name} {one}")));
        }
        if name == "runs" || !GROUPS.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let mut all = BTreeMap::new();
    for name in names {
        let words = words(program, home, &name)?;
        all.insert(name, words);
    }
    Ok(all)
}

/// Returns what a shell would offer after these words.
fn offered(program: &Path, home: &Path, words: &[&str]) -> io::Result<Vec<String>> {
    let output = command(program)
        .args(["--", "omega-cli"])
        .args(words)
        .env_clear()
        .env("HOME", home)
        .env("COMPLETE", "fish")
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(text.lines().filter_map(|line| line.split('\t').next()).map(str::to_owned).collect())
}

/// Returns words that call a subcommand: its first example, with consent where it takes that.
fn words(program: &Path, home: &Path, name: &str) -> io::Result<Vec<String>> {
    if let Some((_, words)) = WORDS.iter().find(|(of, _)| *of == name) {
        return Ok(words.iter().map(|word| (*word).to_owned()).collect());
    }
    let output = command(program)
        .args(name.split(' '))
        .arg("--help")
        .env_clear()
        .env("HOME", home)
        .output()?;
    let help = String::from_utf8_lossy(&output.stdout).into_owned();
    let shown = help.split_once("Examples:\n").map_or("", |(_, shown)| shown);
    let examples = shown.lines().filter_map(|line| line.trim().strip_prefix("omega-cli "));
    let of_it = |line: &&str| {
        let rest = line.strip_prefix(name);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
    };
    let mut found: Vec<&str> = examples.filter(of_it).collect();
    // One that makes something says more than one that shows what it would make.
    found.sort_by_key(|line| line.contains("--plan"));
    let line = found.first().copied().unwrap_or(name).split(" # ").next().unwrap_or(name);
    let mut words: Vec<String> =
        line.split(' ').map(|word| word.trim_matches('\'').to_owned()).collect();
    if help.contains("--yes") && !words.iter().any(|word| word == "--plan" || word == "--yes") {
        words.push("--yes".to_owned());
    }
    Ok(words)
}
