//! What was observed, as facts for the comparison of two looks.

use jiff::Timestamp;
use omega_core::Evidence;

use super::{DaemonObserved, DriverObserved, OptionsObserved};
use crate::{FileFacts, FileState};

/// The longest line of a file that is shown.
const LINE: usize = 100;

/// Returns what is at a path: kind, digest, owner and mode, and when it was last written.
pub(super) fn of_file(state: &FileState) -> Vec<Evidence> {
    match state {
        FileState::Absent => vec![Evidence::holds("absent")],
        FileState::Special => vec![Evidence::holds("neither a file nor a directory")],
        FileState::Regular(facts) => of_facts(facts),
        FileState::Link { target, resolved } => {
            let link = [Evidence::text("link to", target)];
            link.into_iter().chain(resolved.iter().flat_map(of_facts)).collect()
        }
        FileState::Directory { owner, group, mode, modified_ns } => {
            let access = Evidence::text("directory of", format!("{owner}:{group} {mode}"));
            [access].into_iter().chain(time("modified", *modified_ns)).collect()
        }
    }
}

fn of_facts(facts: &FileFacts) -> Vec<Evidence> {
    let FileFacts { sha256, owner, group, mode, modified_ns, .. } = facts;
    let access = Evidence::text("access", format!("{owner}:{group} {mode}"));
    let digest = Evidence::text("sha256", sha256.to_string());
    [digest, access].into_iter().chain(time("modified", *modified_ns)).collect()
}

/// Returns the first line of a text, which often says who wrote it.
pub(super) fn first_line(text: Option<&str>) -> Option<Evidence> {
    let line = text?.lines().find(|line| !line.trim().is_empty())?;
    Some(Evidence::text("first line", line.chars().take(LINE).collect::<String>()))
}

/// Returns a time on the unit's clock; none if it can't be one.
pub(super) fn time(fact: &str, ns: i64) -> Option<Evidence> {
    let time = Timestamp::from_nanosecond(i128::from(ns)).ok()?;
    // Whole seconds are enough to date a change, and are what other programs show.
    let time = Timestamp::from_second(time.as_second()).ok()?;
    Some(Evidence::time(fact, time))
}

/// Returns the installed driver.
pub(super) fn of_driver(seen: &DriverObserved) -> Vec<Evidence> {
    let Some(python) = &seen.0 else { return vec![Evidence::holds("no interpreter")] };
    let mut found = vec![Evidence::text("Python", &python.version)];
    match seen.distribution() {
        Some(driver) => {
            found.push(Evidence::text("driver", &driver.version));
            found.push(Evidence::list("entry points", &driver.entry_points));
            found.extend(time("driver installed", driver.modified_ns));
        }
        None => found.push(Evidence::text("driver", "none")),
    }
    let others = python.others.iter().map(|one| format!("{} {}", one.version, one.location));
    let others: Vec<String> = others.collect();
    found.extend((!others.is_empty()).then(|| Evidence::list("further drivers", others)));
    found
}

/// Returns a daemon: its process, its command line, and the options that it reads.
pub(super) fn of_daemon(name: &str, seen: &DaemonObserved) -> Vec<Evidence> {
    let state = &seen.state;
    let fact = |what: &str| format!("{name} {what}");
    if !seen.exists() {
        return vec![Evidence::text(&fact("state"), "absent")];
    }
    let mut found = vec![Evidence::text(&fact("state"), format!("{} {}", state.active, state.sub))];
    found.extend(state.started_ns.and_then(|ns| time(&fact("started"), ns)));
    found.push(Evidence::count(&fact("automatic restarts"), state.restarts as usize));
    found.push(Evidence::list(&fact("command line"), &state.cmdline));
    found.push(Evidence::text(&fact("user"), format!("{}:{}", state.user, state.group)));
    let drop_ins = state.drop_ins.iter().map(ToString::to_string);
    found.push(Evidence::list(&fact("systemd drop-ins"), drop_ins));
    if let Some(driver) = seen.python.distribution() {
        found.push(Evidence::text(&fact("driver on disk"), &driver.version));
        found.extend(time(&fact("driver installed"), driver.modified_ns));
    }
    match &seen.options {
        OptionsObserved::Values(values) => {
            let values = values.iter().map(|(key, value)| format!("{key} = {value}"));
            found.push(Evidence::list(&fact("options"), values));
        }
        OptionsObserved::Unknown(failure) => {
            found.push(Evidence::text(&fact("options not read:"), &failure.why));
        }
    }
    found
}
