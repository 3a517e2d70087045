//! What would stop the changes of a plan, told by the plan.

use futures::future::try_join_all;
use omega_core::{Conflict, Delta};

use super::{FileChange, Sent};
use crate::{Access, Error, FileAction, Interpreter, Obstacle, Unit, UnitPath, error::answered};

/// Returns what would stop the first of these changes that something stops. Without changes, nothing is
/// asked.
///
/// # Errors
///
/// As [`Unit::ask`].
pub(super) async fn of_files(
    unit: &Unit,
    delta: &Result<Delta<FileChange>, Conflict>,
) -> Result<Option<Obstacle>, Error> {
    let Ok(Delta::Changes(changes)) = delta else { return Ok(None) };
    let made: Vec<&UnitPath> = changes.iter().filter_map(made).collect();
    // A directory that the plan makes was asked for itself.
    let asked = changes.iter().filter(|change| !made.contains(&&path(change).parent()));
    let asked = asked.map(|change| async {
        answered(unit.obstacle(path(change), access(change), size(change)).await)
    });
    let found = try_join_all(asked).await?;
    Ok(found.into_iter().find_map(|found| found.ok().flatten()))
}

/// Returns what would stop pip in this interpreter, if it has to change a package.
///
/// # Errors
///
/// As [`Unit::ask`].
pub(super) async fn of_pip<C>(
    unit: &Unit,
    delta: &Result<Delta<C>, Conflict>,
    python: &Interpreter,
) -> Result<Option<Obstacle>, Error> {
    if !matches!(delta, Ok(Delta::Changes(_))) {
        return Ok(None);
    }
    let Some(path) = installs_in(python) else { return Ok(None) };
    Ok(answered(unit.obstacle(&path, None, PACKAGE).await)?.ok().flatten())
}

/// More than the driver and its stored wheel need, in bytes.
const PACKAGE: u64 = 1 << 20;

/// A path beside which pip writes: in the directory of the installed distribution, or in that of the
/// interpreter's libraries. Debian's own packages stay where they are: pip writes to /usr/local.
fn installs_in(python: &Interpreter) -> Option<UnitPath> {
    let installed = python.distribution.as_ref().map(|found| found.location.as_str());
    let of_pip = installed.filter(|location| !location.starts_with("/usr/lib/"));
    if let Some(location) = of_pip.filter(|location| location.starts_with('/')) {
        return format!("{}/magnum_capi_helm", location.trim_end_matches('/')).parse().ok();
    }
    let home = match python.program.parent().parent().as_str() {
        "/usr" | "/" => "/usr/local".to_owned(),
        home => home.to_owned(),
    };
    format!("{home}/lib/python3").parse().ok()
}

/// Refuses changes that `obstacle` would stop.
pub(super) fn refuse<C>(
    delta: Delta<C>,
    obstacle: Option<&Obstacle>,
) -> Result<Delta<C>, Conflict> {
    match (&delta, obstacle) {
        (Delta::Changes(_), Some(Obstacle { why, code: _, expected, next })) => {
            let next = next.as_deref().unwrap_or("correct that on the unit, then plan again");
            let conflict = Conflict::new(why.clone(), next);
            Err(match expected {
                Some(expected) => conflict.seen(expected.clone(), "nothing"),
                None => conflict,
            })
        }
        _ => Ok(delta),
    }
}

fn made(change: &FileChange) -> Option<&UnitPath> {
    match &change.action {
        FileAction::MakeDirectory { path, .. } => Some(path),
        FileAction::RemoveDirectory { .. }
        | FileAction::PlaceFile(_)
        | FileAction::RestoreFile(_)
        | FileAction::FetchFile { .. }
        | FileAction::MakeLink { .. }
        | FileAction::SetFileMode { .. }
        | FileAction::RemoveFile { .. } => None,
    }
}

fn path(change: &FileChange) -> &UnitPath {
    match &change.action {
        FileAction::MakeDirectory { path, .. }
        | FileAction::RemoveDirectory { path }
        | FileAction::MakeLink { path, .. }
        | FileAction::SetFileMode { path, .. }
        | FileAction::RemoveFile { path, .. } => path,
        FileAction::PlaceFile(file)
        | FileAction::RestoreFile(file)
        | FileAction::FetchFile { file, .. } => &file.path,
    }
}

fn access(change: &FileChange) -> Option<&Access> {
    match &change.action {
        FileAction::MakeDirectory { access, .. } | FileAction::SetFileMode { access, .. } => {
            Some(access)
        }
        FileAction::PlaceFile(file)
        | FileAction::RestoreFile(file)
        | FileAction::FetchFile { file, .. } => Some(&file.access),
        FileAction::RemoveDirectory { .. }
        | FileAction::MakeLink { .. }
        | FileAction::RemoveFile { .. } => None,
    }
}

fn size(change: &FileChange) -> u64 {
    match &change.sent {
        Sent::Nothing => 0,
        Sent::Text(text) => text.len() as u64,
        Sent::Source { size, .. } => *size as u64,
    }
}
