use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use omega_core::Touched;
use omega_juju::sim::JUJU_STATUS;
use serde_json::{Value, json};

use super::*;
use crate::acceptance::Outcome;

const CINDER: &str = "/applications/cinder/units/cinder~10";
const ROUTER: &str = "/applications/cinder/units/cinder~10/subordinates/cinder-mysql-router~10";

/// Answers with one state after another, and then with the last one again.
#[derive(Debug)]
struct States(Mutex<VecDeque<String>>);

#[async_trait]
impl JujuModel for States {
    async fn status(&self) -> Result<JujuStatus, Error> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let next = if all.len() > 1 { all.pop_front() } else { all.front().cloned() };
        next.and_then(|text| JujuStatus::parse(text.as_bytes()).ok()).ok_or(Error::Malformed {
            unit: "model".to_owned(),
            why: "juju status printed no JSON".to_owned(),
            touched: Touched::Nothing,
        })
    }
}

/// The good model, with these values in other places.
fn with(changes: &[(&str, Value)]) -> String {
    let mut status: Value = serde_json::from_str(JUJU_STATUS).unwrap();
    for (pointer, value) in changes {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        status.pointer_mut(parent).unwrap()[key.replace("~1", "/")] = value.clone();
    }
    status.to_string()
}

async fn check(states: &[String]) -> (Answer, usize) {
    let states = Arc::new(States(Mutex::new(states.iter().cloned().collect())));
    let model: Arc<dyn JujuModel> = states.clone();
    let answer = Charms { model: Ok(model) }.check(&Context::default()).await;
    (answer, states.0.lock().unwrap().len())
}

fn said(answer: &Answer) -> Vec<String> {
    let line = |one: &Finding| format!("{}: {} {}", one.rule, one.subject, one.summary);
    answer.findings.iter().map(line).collect()
}

#[tokio::test]
async fn a_model_with_nothing_wrong_passes_with_its_numbers() {
    let (answer, _) = check(&[with(&[])]).await;
    assert_eq!(answer.outcome, Outcome::Passed);
    insta::assert_snapshot!(Evidence::line(&answer.evidence), @"model serverstack-serverstack:zaza-0228b5aec1cf, applications: 17, units: 12, subordinates: 7, machines: 12");
}

/// `grep -vE 'active|idle'` shows none of these.
#[tokio::test]
async fn a_unit_whose_agent_is_idle_may_still_be_blocked() {
    let blocked = json!({ "current": "blocked", "message": "Missing relations: identity" });
    let error = json!({ "current": "error", "message": "hook failed: \"install\"" });
    let down =
        json!({ "current": "down", "message": "agent is not communicating with the server" });
    let (answer, _) = check(&[with(&[
        (&format!("{CINDER}/workload-status"), blocked),
        (&format!("{ROUTER}/workload-status"), error),
        ("/machines/7/juju-status", down),
    ])])
    .await;
    assert_eq!(answer.outcome, Outcome::Failed);
    assert_eq!(
        said(&answer),
        [
            "machine-not-started: machine 7 it is down: agent is not communicating with the server",
            "charm-not-active: unit cinder/0 it is blocked: Missing relations: identity",
            "charm-not-active: unit cinder-mysql-router/0 it is error: hook failed: \"install\"",
        ]
    );
    assert_eq!(answer.findings[1].remedy.as_deref(), Some("juju show-status-log cinder/0"));
}

#[tokio::test(start_paused = true)]
async fn a_hook_that_runs_is_waited_for_and_not_for_ever() {
    let running = json!({ "current": "executing", "message": "running update-status hook" });
    let running = with(&[(&format!("{CINDER}/juju-status"), running)]);
    let (answer, left) = check(&[running.clone(), with(&[])]).await;
    assert_eq!((answer.outcome, left), (Outcome::Passed, 1));
    let start = tokio::time::Instant::now();
    let (answer, _) = check(&[running]).await;
    assert_eq!(
        said(&answer),
        [
            "charm-not-idle: unit cinder/0 it is active, and its agent executing: running update-status \
          hook"
        ]
    );
    assert!(start.elapsed() <= SETTLE.within + SETTLE.every, "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_blocked_unit_is_not_waited_for() {
    let running = json!({ "current": "executing", "message": "" });
    let blocked = json!({ "current": "blocked", "message": "" });
    let bad = with(&[
        (&format!("{CINDER}/juju-status"), running),
        ("/applications/glance/units/glance~10/workload-status", blocked),
    ]);
    let (answer, left) = check(&[bad, with(&[])]).await;
    assert_eq!((answer.outcome, left), (Outcome::Failed, 1), "only the second state is left");
    assert_eq!(answer.findings.len(), 2);
}

#[tokio::test]
async fn an_empty_model_is_not_a_good_one() {
    let empty = r#"{"model": {"controller": "c", "name": "default"}, "applications": {}}"#;
    let (answer, _) = check(&[empty.to_owned()]).await;
    assert_eq!(answer.outcome, Outcome::Failed);
    assert_eq!(said(&answer), ["model-empty: model c:default it has no units"]);
}

#[tokio::test]
async fn an_application_without_units_is_a_warning_unless_it_is_a_subordinate() {
    let (answer, _) = check(&[with(&[("/applications/placement/units", json!({}))])]).await;
    assert_eq!(answer.outcome, Outcome::Passed);
    assert_eq!(
        said(&answer),
        [
            "application-without-units: application placement it has no units (active: Unit is ready)"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn juju_that_does_not_answer_leaves_it_open() {
    let (answer, _) = check(&["?".to_owned()]).await;
    let Outcome::NotRun { why, .. } = &answer.outcome else { panic!("{answer:?}") };
    assert!(why.starts_with("could not ask juju: "), "{why}");
}

/// SSH to the units is no help for an item that reads the whole model.
#[tokio::test(start_paused = true)]
async fn without_the_program_it_says_to_install_it() {
    let model =
        JujuCli { program: "/nowhere/juju".into(), model: None, deadlines: Deadlines::default() };
    let answer = Charms { model: Ok(Arc::new(model)) }.check(&Context::default()).await;
    let Outcome::NotRun { next, .. } = &answer.outcome else { panic!("{answer:?}") };
    let next = next.as_deref().unwrap();
    assert!(next.contains("`program` in [juju]") && !next.contains("SSH"), "{next}");
}
