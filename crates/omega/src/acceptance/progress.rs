//! What a run has found so far, kept with it: a run that is killed is continued from there.

use omega_core::{
    Failure, FailureClass, json_words,
    run::{RunDirectory, Runs},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{AcceptanceReport, Answer, ItemId, ItemReport, SCHEMA_VERSION};

/// The report as it was when the run began: without items.
const BEGUN: &str = "begun.json";

fn name(id: ItemId) -> String {
    format!("{id}.json")
}

/// Keeps the report of a run that begins.
///
/// # Errors
///
/// Fails if it can't be written: then nothing is checked.
pub(super) fn begin(run: &RunDirectory, report: &AcceptanceReport) -> Result<(), Failure> {
    keep_as(run, BEGUN, report)
}

/// Keeps an item that is done.
///
/// # Errors
///
/// Fails if it can't be written.
pub(super) fn keep(run: &RunDirectory, item: &ItemReport) -> Result<(), Failure> {
    keep_as(run, &name(item.id), item)
}

fn keep_as(run: &RunDirectory, name: &str, value: &impl Serialize) -> Result<(), Failure> {
    let bytes = serde_json::to_vec_pretty(value).map_err(|error| {
        Failure::new(FailureClass::Error, format!("could not write {name} as JSON"))
            .because(error.to_string())
    })?;
    run.keep_document(name, &bytes).map(drop)
}

/// Returns what run `id` had found when it ended without a report; None if it had not begun. The items that it
/// had not finished are not checked. What was written and whose digest was not recorded yet counts as
/// unfinished.
///
/// # Errors
///
/// Fails if a part was edited, or can't be read.
pub(super) fn read(runs: &Runs, id: &str) -> Result<Option<AcceptanceReport>, Failure> {
    let recorded = runs.documents(id)?;
    if !recorded.iter().any(|name| name == BEGUN) {
        return Ok(None);
    }
    let mut report: AcceptanceReport = parsed(runs, id, BEGUN)?;
    for item in ItemId::ALL.into_iter().filter(|item| !report.not_selected.contains(item)) {
        let name = name(item);
        report.items.push(if recorded.contains(&name) {
            parsed(runs, id, &name)?
        } else {
            let answer = Answer::not_run("the run was killed before it was checked", AGAIN);
            ItemReport::new(item, answer, report.started, 0.0)
        });
    }
    report.interrupted = true;
    report.decide();
    Ok(Some(report))
}

/// How an item is checked that was not.
pub(super) const AGAIN: &str = "omega-cli accept --resume RUN";

/// The items of a report have the version of the report.
#[derive(Deserialize)]
struct Version {
    schema_version: Option<u32>,
}

/// Reads a document of a run that is what this version writes.
pub(super) fn parsed<T: DeserializeOwned>(runs: &Runs, id: &str, name: &str) -> Result<T, Failure> {
    let bytes = runs.document(id, name)?;
    let other = |why: String| {
        let what = format!("{name} of run {id} is not one of an acceptance of this version");
        Failure::new(FailureClass::Usage, what).because(why).next(
            "use the version of omega that wrote it, or begin a new acceptance, without --resume",
        )
    };
    match serde_json::from_slice(&bytes) {
        Ok(Version { schema_version: None | Some(SCHEMA_VERSION) }) => {}
        Ok(Version { schema_version: Some(found) }) => {
            let why = format!("its version is {found}, and this omega reads {SCHEMA_VERSION}");
            return Err(other(why));
        }
        Err(error) => return Err(other(json_words(&error))),
    }
    serde_json::from_slice(&bytes).map_err(|error| other(json_words(&error)))
}
