//! What the decisions say of omega is so: each statement names rules or tests, and these are there.

mod named;

use std::{collections::BTreeSet, path::PathBuf};

use named::{has_test, places};
use omega::decisions::{Check, Decision, checks, decisions};

/// Every statement is shown by a rule or a test; only that omega does nothing is not, and then no rule
/// checks the decision.
#[test]
fn every_statement_about_omega_is_shown_by_something() {
    let (all, checks) = (decisions().unwrap(), checks());
    let rules: BTreeSet<&str> = checks.iter().map(|check| check.rule.as_str()).collect();
    let mut wrong = Vec::new();
    for Decision { id, omega, .. } in &all {
        let own: Vec<&Check> = checks.iter().filter(|check| check.decisions.contains(id)).collect();
        assert!(!omega.is_empty(), "{id} says nothing of omega");
        for claim in omega {
            let says = &claim.says;
            for rule in &claim.rules {
                assert!(rules.contains(rule.as_str()), "{id}: there is no rule {rule}: {says}");
            }
            let shown = !claim.rules.is_empty() || !claim.tests.is_empty();
            assert!(shown || says.starts_with("Nothing"), "{id}: nothing shows it: {says}");
            let idle = says.starts_with("Nothing") && !own.is_empty();
            if idle {
                wrong.push(format!("{id}: {} checks it: {says}", own[0].rule));
            }
        }
        let named = |check: &&Check| omega.iter().any(|claim| claim.rules.contains(&check.rule));
        if !own.is_empty() && !own.iter().any(named) {
            wrong.push(format!("{id}: no statement names a rule of it, such as {}", own[0].rule));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Each test that a statement names is there once, with the attribute that makes it run.
#[test]
fn every_test_that_a_statement_names_is_there() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for Decision { id, omega, .. } in decisions().unwrap() {
        for name in omega.into_iter().flat_map(|claim| claim.tests) {
            count += 1;
            match places(&name).as_slice() {
                [_] => {}
                [] => wrong.push(format!("{id}: there is no test {name}")),
                several => wrong.push(format!("{id}: {name} is in {several:?}: name the file too")),
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(count > 60, "{count}");
}

#[test]
fn a_function_that_is_no_test_shows_nothing() {
    assert!(has_test("#[tokio::test(start_paused = true)]\nasync fn a() {}", "a"));
    assert!(has_test("    #[test]\n    /// It holds.\n    fn a() {}", "a"));
    assert!(!has_test("fn a() {}\n#[test]\nfn b() {}", "a"));
    assert!(!has_test("#[test]\nfn ab() {}", "a"));
    assert!(!has_test("#[test]\nfn b() {}\nfn a() {}", "a"));
    assert_eq!(places("omega::no_such_test_is_there"), [] as [PathBuf; 0]);
    assert!(places("omega-juju::what_is_shown").len() > 1, "the file must be named");
    assert_eq!(places("omega-juju::pin_driver_tests::what_is_shown").len(), 1);
}
