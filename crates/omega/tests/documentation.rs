//! docs/adding-an-operation.md names files and lines of the program: they are there.

use std::{fs, path::Path};

/// More files than this are too many for one operation.
const MOST: usize = 12;

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

fn page() -> String {
    fs::read_to_string(root().join("docs/adding-an-operation.md")).unwrap()
}

#[test]
fn every_file_of_the_table_exists_or_is_new() {
    let page = page();
    let rows = page.lines().filter(|line| line.starts_with("| ") && line.contains(" | `"));
    let mut count = 0;
    for row in rows {
        let path = row.split('`').nth(1).unwrap();
        let exists = root().join(path).exists();
        assert_ne!(exists, row.contains("**new**"), "{path}: it exists: {exists}");
        count += 1;
    }
    assert!((1..=MOST).contains(&count), "{count} files");
}

/// An edit is found by the lines around it, which must be in the file once.
#[test]
fn every_edit_has_its_place() {
    let page = page();
    let mut hunks = 0;
    for edit in page.split("```diff\n").skip(1) {
        let (edit, _) = edit.split_once("\n```").unwrap();
        let path = edit.strip_prefix("--- a/").unwrap().lines().next().unwrap();
        let text = fs::read_to_string(root().join(path)).unwrap();
        for hunk in edit.split("\n@@ ").skip(1) {
            let before = hunk.lines().skip(1).filter(|line| !line.starts_with('+'));
            let before: Vec<_> = before.map(|line| line.get(1..).unwrap_or_default()).collect();
            let before = format!("\n{}\n", before.join("\n"));
            let found = format!("\n{text}").matches(&before).count();
            assert_eq!(found, 1, "{path} has this so often:{before}");
            hunks += 1;
        }
    }
    assert!(hunks > 0);
}
