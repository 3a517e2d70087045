//! Tells the program which commit it was built from.

use std::process::Command;

fn main() {
    let git = |args: &[&str]| {
        #[expect(clippy::disallowed_methods, reason = "a build script has no channel")]
        let output = Command::new("git").args(args).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
        (output.status.success() && !text.is_empty()).then_some(text)
    };
    // Of a fixed length: git's own depends on how much the clone has.
    let commit = git(&["log", "-1", "--abbrev=9", "--format=%h, %cs"]);
    let commit = commit.unwrap_or_else(|| "not known".to_owned());
    println!("cargo::rustc-env=OMEGA_COMMIT={commit}");
    if let Some(log) = git(&["rev-parse", "--git-path", "logs/HEAD"]) {
        println!("cargo::rerun-if-changed={log}");
    }
}
