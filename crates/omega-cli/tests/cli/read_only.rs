//! `--read-only`, as an operator uses it.

use super::*;

/// Commands that change something, with what they need to be understood.
const WRITES: [&[&str]; 21] = [
    &["apply", "graft", "--yes"],
    &["apply", "graft", "--from", "x.plan"],
    &["rollback", "graft", "--yes"],
    &["runs", "sweep", "--yes"],
    &["release-stuck-delete", "--cluster", "c1", "--yes"],
    &["teardown", "--maas-profile", "admin"],
    &["stage-image", "--yes", "--manifest", "0.28.0", "--kubernetes-version", "v1.34.7"],
    &["ensure-cluster-template", "--yes"],
    &["ensure-cluster", "--yes", "--name", "c1", "--template", "t"],
    &["ensure-cluster-absent", "--yes", "--cluster", "c1"],
    &["fetch-cluster-kubeconfig", "--yes", "--cluster", "c1", "--out", "x"],
    &["ensure-guest-running", "--yes", "s"],
    &["ensure-charm-config", "--yes"],
    &["ensure-sg-rule", "--yes"],
    &["place-kubeconfig", "--yes"],
    &["pin-driver", "--yes"],
    &["ensure-helm", "--yes"],
    &["stage-dropin", "--yes"],
    &["inject-config-dir", "--yes"],
    &["converge-services", "--yes"],
    &["mint-kubeconfig", "--yes", "--out", "x", "--all-namespaces"],
];

#[test]
fn a_command_that_changes_something_is_refused_before_anything() {
    let home = Home::new();
    for words in WRITES {
        let args = [words, &["--read-only"]].concat();
        let ran = home.run(&args);
        assert_eq!(ran.code, Some(4), "{words:?}: {ran:?}");
        assert!(ran.err.contains("--read-only allows no change"), "{words:?}: {}", ran.err);
        assert!(ran.err.contains("changed   nothing"), "{words:?}: {}", ran.err);
    }
    assert_eq!(home.runs(), [""; 0]);
    assert!(!home.path().join("x").exists());
    let apply = home.run(&["--read-only", "apply", "graft", "--yes", "--output", "json"]);
    let document: Value = serde_json::from_str(&apply.out).unwrap();
    assert_eq!((&document["exit"], &document["exit_code"]), (&"refused".into(), &4.into()));
    assert_eq!(document["failure"]["touched"], "nothing");
}

/// Its listener answers nothing: what only reads gets as far as asking.
#[test]
fn with_plan_and_for_what_only_reads_it_is_no_obstacle() {
    let home = Home::new();
    for args in [
        &["stage-dropin", "--plan", "--read-only"][..],
        &["--read-only", "plan", "graft"],
        &["--read-only", "verify", "graft"],
    ] {
        let ran = home.run(args);
        assert_ne!(ran.code, Some(4), "{args:?}: {ran:?}");
        assert!(!ran.err.contains("--read-only"), "{args:?}: {}", ran.err);
    }
    assert_eq!(home.run(&["--read-only", "validate"]).code, home.run(&["validate"]).code);
    assert_eq!(home.run(&["--read-only", "rehearse", "graft", "--start", "fresh"]).code, Some(0));
}

/// A lock is broken only where one is taken.
#[test]
fn a_command_that_only_reads_breaks_no_lock() {
    let home = Home::new();
    for args in [&["verify", "graft"][..], &["locks"], &["runs"], &["check", "health"]] {
        let ran = home.run(&[args, &["--break-lock", "3f9c02ab71de"]].concat());
        assert_eq!(ran.code, Some(64), "{args:?}: {ran:?}");
        assert!(ran.err.contains("takes no lock: --break-lock has no effect"), "{}", ran.err);
    }
    let ran = home.run(&["apply", "graft", "--yes", "--break-lock", "3f9c02ab71de"]);
    assert!(!ran.err.contains("--break-lock has no effect"), "{ran:?}");
}
