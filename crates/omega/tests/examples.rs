//! The examples do what they say: each is built with the tests, and run.

#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper of tests, which starts the examples themselves"
)]

use std::{env, path::PathBuf, process::Command};

/// What the example prints.
fn output(name: &str) -> String {
    // .../target/debug/deps/examples-HASH, beside .../target/debug/examples.
    let me = env::current_exe().unwrap();
    let path: PathBuf = me.parent().unwrap().parent().unwrap().join("examples").join(name);
    let output =
        Command::new(&path).output().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (out, err) = (text(output.stdout), text(output.stderr));
    assert!(output.status.success(), "{name}: {out}{err}");
    out
}

#[test]
fn the_graft_changes_and_verifies() {
    let out = output("graft");
    assert!(out.contains("changed in run 2") && out.ends_with("exit 0\n"), "{out}");
}

#[test]
fn one_operation_changes_once_and_is_undone() {
    let out = output("one_operation");
    let lines = "changed: true\nchanged again: false\nundone: true\n";
    assert!(out.ends_with(lines), "{out}");
}

#[test]
fn somebody_elses_operation_is_rolled_back_with_ours() {
    let out = output("own_runbook");
    assert!(out.starts_with("changed: 2\n") && out.contains("undone: 2\n"), "{out}");
}

#[test]
fn the_doctor_names_what_to_fix_first() {
    let out = output("doctor");
    let first = "fix first: [capi_helm] kubeconfig_file is not set for the conductor: the drop-in \
                 does not exist\nnext: omega-cli apply graft\n";
    assert!(out.contains("kube-api Ok: ") && out.ends_with(first), "{out}");
}
