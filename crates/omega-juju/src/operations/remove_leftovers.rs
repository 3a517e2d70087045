//! Deals with what the superseded graft left behind.

use jiff::Timestamp;
use omega_core::{
    ChangeKind, Conflict, Context, Delta, Describe, Desired, Diff, EnsureError, Note, Outcome,
    Subject, ensure,
};
use serde::{Deserialize, Serialize};

use super::{FileChange, Image, magnum};
use crate::{Action, Error, FileState, Payload, ServiceName, Unit, UnitPath};

/// Removes, or keeps, what the superseded graft left on the unit.
///
/// That graft wrote `99-capi.conf` and a systemd drop-in for each daemon that replaces
/// `ExecStart`. A drop-in that does something else is somebody's: it is reported and left alone.
///
/// ```no_run
/// # use omega_juju::{Unit, operations::{LeftoverPolicy, RemoveLeftovers, remove_leftovers}};
/// # async fn f(unit: &Unit) -> Result<(), Box<dyn std::error::Error>> {
/// let done = remove_leftovers(unit, &RemoveLeftovers::new(LeftoverPolicy::Remove)).await?;
/// println!("changed: {}", done.changed());
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// Refuses, where there is something, until it is said what to do with it.
pub async fn remove_leftovers(
    unit: &Unit,
    desired: &RemoveLeftovers,
) -> Result<Outcome<LeftoversObserved>, EnsureError<Error>> {
    ensure(&Context::default(), unit, desired).await
}

/// What should become of the superseded graft's files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoveLeftovers {
    /// The decision.
    pub policy: LeftoverPolicy,
}

/// The operator's decision about leftovers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeftoverPolicy {
    /// None yet.
    Undecided,
    /// They stay.
    Keep,
    /// They go.
    Remove,
    /// They are as they were.
    Restore {
        /// What was where.
        files: Vec<(UnitPath, Image)>,
    },
}

/// What was observed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftoversObserved {
    /// Where the superseded graft put something.
    pub files: Vec<LeftoverObserved>,
}

/// One path at which the superseded graft put something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftoverObserved {
    /// The path.
    pub path: UnitPath,
    /// What is there.
    pub state: FileState,
    /// Its text.
    pub text: Option<String>,
    /// For a systemd drop-in: the daemon, and whether systemd applies the drop-in (as good as it
    /// can: it reads nothing for a daemon that is not there).
    pub applied: Option<(ServiceName, bool)>,
}

/// One write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeftoverChange {
    /// To a file.
    File(Box<FileChange>),
    /// `systemctl daemon-reload`.
    Reload,
}

impl Describe for LeftoverChange {
    fn describe(&self) -> Diff {
        match self {
            Self::File(change) => change.describe(),
            Self::Reload => Diff::new(
                ChangeKind::Update,
                Subject::new("systemd", "its units"),
                "read again (daemon-reload)",
            ),
        }
    }
}

impl LeftoverObserved {
    fn there(&self) -> bool {
        self.state != FileState::Absent
    }

    /// Whether it is what the superseded graft writes: `ExecStart` emptied, and set to a daemon
    /// with `--config-dir`.
    fn is_leftover(&self) -> bool {
        if self.applied.is_none() {
            return self.there();
        }
        let text = self.text.as_deref().unwrap_or_default();
        let starts = text.lines().filter_map(|line| line.trim().strip_prefix("ExecStart="));
        let starts: Vec<_> = starts.map(str::trim).collect();
        matches!(starts.as_slice(), ["", start] if start.contains("--config-dir"))
    }

    /// Whether systemd applies a file that is gone, or does not yet apply one that is there.
    fn is_stale(&self) -> bool {
        self.applied.as_ref().is_some_and(|(_, applied)| *applied != self.there())
    }

    fn is_foreign(&self) -> bool {
        self.there() && !self.is_leftover()
    }
}

impl RemoveLeftovers {
    /// Returns the fact that this was done with them.
    pub fn new(policy: LeftoverPolicy) -> Self {
        Self { policy }
    }

    fn files(
        seen: &LeftoversObserved,
        images: &[(UnitPath, Image)],
    ) -> Result<Vec<LeftoverChange>, Conflict> {
        let mut changes = Vec::new();
        let mut reload = false;
        for file in &seen.files {
            let wanted = images.iter().find(|(path, _)| *path == file.path);
            let change = match wanted {
                Some((path, image)) => FileChange::back(path, image, &file.state)?,
                None => None,
            };
            let known = wanted.is_some() || !file.there();
            reload |= known && file.applied.is_some() && (change.is_some() || file.is_stale());
            changes.extend(change.map(|change| LeftoverChange::File(Box::new(change))));
        }
        changes.extend(reload.then_some(LeftoverChange::Reload));
        Ok(changes)
    }
}

impl Desired for RemoveLeftovers {
    const KIND: &'static str = "juju.leftovers.v1";
    type Target = Unit;
    type Observed = LeftoversObserved;
    type Change = LeftoverChange;
    type Undo = Self;
    type Error = Error;

    fn subject(&self) -> Subject {
        Subject::new("leftover", "of the superseded graft")
    }

    fn key(&self) -> String {
        "superseded-graft".to_owned()
    }

    async fn observe(&self, unit: &Unit) -> Result<LeftoversObserved, Error> {
        let daemons = [magnum::conductor(), magnum::api()];
        let overrides = daemons.iter().map(|daemon| async move {
            let path = magnum::systemd_override(daemon);
            let ((state, text), service) =
                futures::try_join!(unit.text(&path), unit.service(daemon))?;
            // Of a daemon that is not there systemd reads nothing, however often it is told to.
            let there = state != FileState::Absent;
            let read = service.drop_ins.contains(&path);
            let applied = if service.load == "not-found" { there } else { read };
            Ok(LeftoverObserved { path, state, text, applied: Some((daemon.clone(), applied)) })
        });
        let dropin = async {
            let path = magnum::old_dropin();
            let (state, text) = unit.text(&path).await?;
            Ok(LeftoverObserved { path, state, text, applied: None })
        };
        let (first, rest) = futures::try_join!(dropin, futures::future::try_join_all(overrides))?;
        Ok(LeftoversObserved { files: std::iter::once(first).chain(rest).collect() })
    }

    fn diff(&self, seen: &LeftoversObserved) -> Result<Delta<LeftoverChange>, Conflict> {
        let leftovers = || seen.files.iter().filter(|file| file.is_leftover());
        match &self.policy {
            LeftoverPolicy::Keep => Ok(Delta::Satisfied),
            LeftoverPolicy::Undecided => match leftovers().next() {
                None => Ok(Delta::Satisfied),
                Some(_) => Err(undecided(leftovers())),
            },
            LeftoverPolicy::Remove => {
                let gone: Vec<_> =
                    leftovers().map(|file| (file.path.clone(), Image::Absent)).collect();
                Ok(Delta::of(Self::files(seen, &gone)?))
            }
            LeftoverPolicy::Restore { files } => Ok(Delta::of(Self::files(seen, files)?)),
        }
    }

    async fn apply(&self, _: &Context, unit: &Unit, change: &LeftoverChange) -> Result<(), Error> {
        match change {
            LeftoverChange::File(change) => change.perform(unit).await,
            LeftoverChange::Reload => unit.act(&Action::ReloadUnits, Payload::Null).await,
        }
    }

    fn undo(&self, before: &LeftoversObserved) -> Option<Self> {
        let image = |file: &LeftoverObserved| Some((file.path.clone(), Image::of(&file.state)?));
        let ours = |path: &UnitPath| match &self.policy {
            LeftoverPolicy::Restore { files } => files.iter().any(|(other, _)| other == path),
            LeftoverPolicy::Undecided | LeftoverPolicy::Keep | LeftoverPolicy::Remove => false,
        };
        let files = before.files.iter().filter(|file| file.is_leftover() || ours(&file.path));
        Some(Self::new(LeftoverPolicy::Restore { files: files.filter_map(image).collect() }))
    }

    fn notes(&self, seen: &LeftoversObserved, _: Timestamp) -> Vec<Note> {
        let foreign = seen.files.iter().filter(|file| file.is_foreign()).map(|file| {
            Note::new(format!("{} is not the superseded graft's, and is left alone", file.path))
        });
        let stale = seen.files.iter().filter(|file| file.is_stale() && !file.is_foreign());
        let stale = stale.map(|file| {
            Note::new(format!(
                "systemd has not read its units since {} came or went (systemctl daemon-reload)",
                file.path
            ))
        });
        let kept = (self.policy == LeftoverPolicy::Keep).then_some(&seen.files);
        let kept = kept.into_iter().flatten().filter(|file| file.is_leftover()).map(kept_note);
        foreign.chain(stale).chain(kept).collect()
    }
}

fn kept_note(file: &LeftoverObserved) -> Note {
    match &file.applied {
        None => Note::decision(
            "D-007",
            format!(
                "{} stays: of its options Magnum 18 knows kubeconfig_file only (there is no \
                 enabled_drivers), and being read last it wins",
                file.path
            ),
        ),
        Some((daemon, _)) => Note::decision(
            "D-037",
            format!(
                "{} stays: it starts {daemon} without its init script, so that \
                 /etc/default/{daemon} is not read and --log-file is lost",
                file.path
            ),
        ),
    }
}

fn undecided<'a>(files: impl Iterator<Item = &'a LeftoverObserved>) -> Conflict {
    let files: Vec<_> = files.map(|file| file.path.to_string()).collect();
    Conflict::new(
        "the superseded graft left files here, and what becomes of them is yours to say",
        "say --remove-leftovers or --keep-leftovers",
    )
    .seen("none of its files, or a decision", files.join(", "))
}

#[cfg(test)]
#[path = "remove_leftovers_tests.rs"]
mod tests;
