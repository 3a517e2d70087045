//! Files that earlier versions wrote are still read, shown, rolled back and continued (docs/stored-formats.md).
//!
//! `fixtures/stored/RECORDED/` has what each version wrote by itself, in the directories that
//! [`recording::record`] makes.

mod future;
mod recorded;
mod recording;
mod shape;

use std::{
    fs,
    path::{Path, PathBuf},
};

use omega_core::run::Runs;
use tempfile::TempDir;

/// Every recording, oldest first: the version of the journal, and a number that grows with each addition.
/// The last one is what this version writes.
const RECORDED: [&str; 3] = ["1.0", "2.0", "2.1"];

/// The recording of what this version writes.
fn current() -> &'static str {
    RECORDED.last().copied().unwrap_or_default()
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/stored")
}

/// Copies a directory with everything in it, for its owner only.
fn copy(from: &Path, to: &Path) {
    omega_core::private_directory(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs::write(&to, fs::read(path).unwrap()).unwrap();
        }
    }
}

/// A copy of what a version left in a directory of runs, to work on.
fn state(recording: &str, part: &str) -> (TempDir, Runs) {
    let home = tempfile::tempdir().unwrap();
    copy(&fixtures().join(recording).join(part), home.path());
    let runs = Runs::new(home.path());
    (home, runs)
}

/// Every file of a directory, by its path in it.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    let mut open = vec![directory.to_path_buf()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { open.push(path) } else { all.push(path) }
        }
    }
    let relative = |path: PathBuf| path.strip_prefix(directory).unwrap().to_owned();
    let mut all: Vec<_> = all.into_iter().map(relative).collect();
    all.sort();
    all
}
