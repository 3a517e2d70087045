//! docs/adding-an-operation.md names files and lines of the program: they are there.

use std::{fs, io, path::Path};

/// More files than this are too many for one operation.
const MOST: usize = 12;

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn page() -> io::Result<String> {
    fs::read_to_string(root().join("docs/adding-an-operation.md"))
}

#[test]
fn every_file_of_the_table_exists_or_is_new() {
    let page = page().unwrap();
    let is_row = |line: &&str| line.starts_with("| ") && line[2..].starts_with(char::is_numeric);
    let rows = page.lines().filter(is_row);
    let mut count = 0;
    for row in rows {
        let path = row.split('`').nth(1).unwrap();
        assert!(row.contains("**new**") || root().join(path).exists(), "{path} is not there");
        count += 1;
    }
    assert!((1..=MOST).contains(&count), "{count} files");
}

/// The lines around an edit are in the file, in their order; or the edit has been made.
#[test]
fn every_edit_has_its_place() {
    let page = page().unwrap();
    let mut hunks = 0;
    for edit in page.split("```diff\n").skip(1) {
        let (edit, _) = edit.split_once("\n```").unwrap();
        let path = edit.strip_prefix("--- a/").unwrap().lines().next().unwrap();
        let text = format!("\n{}", fs::read_to_string(root().join(path)).unwrap());
        for hunk in edit.split("\n@@ ").skip(1) {
            let (_, lines) = hunk.split_once('\n').unwrap();
            let is_right = has_place(&text, lines) || is_made(&text, lines);
            assert!(is_right, "{path} has no place for this edit; correct the page:\n{lines}");
            hunks += 1;
        }
    }
    assert!(hunks > 0);
}

/// Others may have put theirs between the lines before an addition and those after it.
fn has_place(text: &str, hunk: &str) -> bool {
    let lines: Vec<_> = hunk.lines().collect();
    let mut rest = text;
    lines.split(|line| line.starts_with('+')).filter(|run| !run.is_empty()).all(|run| {
        let found = rest.find(&joined(run.iter()));
        rest = found.map_or("", |at| &rest[at..]);
        found.is_some()
    })
}

fn is_made(text: &str, hunk: &str) -> bool {
    text.contains(&joined(hunk.lines().filter(|line| !line.starts_with('-'))))
}

/// Returns the lines without their signs, as they are in a file.
fn joined(lines: impl Iterator<Item = impl AsRef<str>>) -> String {
    let lines = lines.map(|line| line.as_ref().get(1..).unwrap_or_default().to_owned());
    format!("\n{}\n", lines.collect::<Vec<_>>().join("\n"))
}
