//! Where a test is that a document names.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests")]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Returns the files that have the test `CRATE::FUNCTION` or `CRATE::FILE::FUNCTION`.
pub(crate) fn places(name: &str) -> Vec<PathBuf> {
    let parts: Vec<&str> = name.split("::").collect();
    let ([root, .., function], within) = (parts.as_slice(), &parts[1..parts.len() - 1]) else {
        return Vec::new();
    };
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let root = if *root == "omega-tests" { crates.join("../tests") } else { crates.join(root) };
    let mut found = Vec::new();
    for directory in ["src", "tests"] {
        search(&root.join(directory), function, &mut found);
    }
    let path = within.join("/");
    found.retain(|file| file.with_extension("").to_string_lossy().contains(&path));
    found
}

fn search(directory: &Path, function: &str, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(directory) else { return };
    for path in entries.map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            search(&path, function, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            if has_test(&text, function) {
                found.push(path);
            }
        }
    }
}

/// Returns whether a function of that name has the attribute of a test in the lines right above it.
pub(crate) fn has_test(text: &str, function: &str) -> bool {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let head = [format!("fn {function}("), format!("async fn {function}(")];
    let is_head = |line: &str| head.iter().any(|head| line.starts_with(head));
    let places = lines.iter().enumerate().filter(|(_, line)| is_head(line));
    places.into_iter().any(|(at, _)| {
        let above = lines[..at].iter().rev().take_while(|line| {
            line.starts_with("#[") || line.starts_with("///") || line.starts_with(')')
        });
        let tests = ["#[test]", "#[tokio::test"];
        above.into_iter().any(|line| tests.iter().any(|test| line.starts_with(test)))
    })
}
