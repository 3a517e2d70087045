//! SECURITY.md names what shows each promise: the tests, cases and scripts are there.

#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod named;

use std::{fs, path::Path};

use named::{has_test, places};

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn page() -> String {
    fs::read_to_string(root().join("SECURITY.md")).unwrap()
}

/// Returns each promise with what shows it: the rows of the tables below "What omega promises".
fn promises(page: &str) -> Vec<(String, Vec<String>)> {
    let (_, rest) = page.split_once("\n## What omega promises\n").unwrap();
    let (part, _) = rest.split_once("\n## ").unwrap();
    let rows = part.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let rows = rows.filter(|row| *row != "promise | shown by");
    rows.map(|row| {
        let (promise, shown) = row.split_once(" | ").unwrap();
        let names = shown.split('`').skip(1).step_by(2).map(str::to_owned);
        (promise.to_owned(), names.collect())
    })
    .collect()
}

/// Returns what is wrong with a name: a test `CRATE::[FILE::]FUNCTION`, a case `tests/lab/run CASE`, or a file.
fn fault(name: &str) -> Option<String> {
    if let Some(case) = name.strip_prefix("tests/lab/run ") {
        return (!has_case(case)).then(|| format!("the lab has no case {case}"));
    }
    if !name.contains("::") {
        return (!root().join(name).is_file()).then(|| format!("{name} is not there"));
    }
    match places(name).as_slice() {
        [_] => None,
        [] => Some(format!("there is no test {name}")),
        several => Some(format!("{name} is in {several:?}: name the file too")),
    }
}

fn has_case(case: &str) -> bool {
    let files = fs::read_dir(root().join("tests/lab/cases")).unwrap();
    let mut texts = files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap());
    texts.any(|text| text.lines().any(|line| line.starts_with(&format!("define {case} "))))
}

#[test]
fn every_promise_is_shown_by_what_is_there() {
    let promises = promises(&page());
    assert!(promises.len() > 30, "{}", promises.len());
    let mut wrong = Vec::new();
    for (promise, names) in &promises {
        if names.is_empty() {
            wrong.push(format!("nothing shows it: {promise}"));
        }
        let faults = names.iter().filter_map(|name| fault(name));
        wrong.extend(faults.map(|fault| format!("{fault}: {promise}")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_is_not_there_is_noticed() {
    assert!(fault("omega::no_such_test_is_there").is_some());
    assert!(fault("omega-juju::what_is_shown").is_some(), "in several files");
    assert!(fault("tests/lab/run wrong-host").is_some(), "a part of a name is none");
    assert!(fault("packaging/no-such-script").is_some());
    assert!(!has_test("fn a() {}", "a"));
    let rows = "\n## What omega promises\n\n| promise | shown by |\n|---|---|\n| It holds | nothing |\n\n## Else\n";
    assert_eq!(promises(rows), [("It holds".to_owned(), Vec::new())]);
}

/// What the page links to is there.
#[test]
fn every_link_leads_somewhere() {
    let page = page();
    let links = page.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    let mut count = 0;
    for (link, _) in links {
        let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
        let text = fs::read_to_string(root().join(path)).unwrap_or_default();
        let anchors = text.lines().filter_map(|line| line.strip_prefix("## "));
        let mut anchors = anchors.map(|heading| heading.to_lowercase().replace(' ', "-"));
        assert!(!text.is_empty(), "{path} is not there");
        assert!(anchor.is_empty() || anchors.any(|of| of == anchor), "{path} has no {anchor}");
        count += 1;
    }
    assert!(count > 0);
}
