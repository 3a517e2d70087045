//! A write-ahead record of what was intended and what happened.
//!
//! JSON lines. The first line names the format, its version and the run; every entry is on disk
//! before [`Journal::record`] returns. A desired fact holds no secret, so neither does a journal.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead as _, BufReader, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    sync::{Mutex, PoisonError},
};

use serde::{Deserialize, Serialize};

use crate::{
    Describe, Desired, Diff, EnsureError, Failure, FailureClass, StepId, Touched, json_words,
    sync_parent, values::Sha256,
};

mod v1;

const FORMAT: &str = "omega-journal";
const VERSION: u32 = 2;

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "entry", rename_all = "snake_case")]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum Entry {
    /// Written durably before the first change.
    Intent {
        /// The step.
        step: StepId,
        /// The desired fact.
        desired: serde_json::Value,
        /// The changes, as shown.
        changes: Vec<Diff>,
        /// What restores the previous state, if that is possible.
        undo: Option<Undo>,
        /// Whether the same run removes it again (after a crash, `runs sweep` does), or this removes such a thing: then
        /// there is no `undo`.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        temporary: bool,
        /// The fact that removes a partial result, if a partial result is useless. Once verified, there is
        /// nothing to remove.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cleanup: Option<Undo>,
    },
    /// Written before each change.
    Applying {
        /// The step.
        step: StepId,
        /// The number of the change, counted from 0.
        nth: usize,
        /// The change, as shown.
        change: Diff,
    },
    /// Written after each change that was accepted.
    Applied {
        /// The step.
        step: StepId,
        /// The number of the change, counted from 0.
        nth: usize,
    },
    /// The desired fact was observed.
    Verified {
        /// The step.
        step: StepId,
        /// What was observed.
        observed: Option<serde_json::Value>,
    },
    /// What was made as temporary, or only in part, is gone: it was looked for.
    Removed {
        /// The step that made it.
        step: StepId,
    },
    /// A document of the run was written. Who has it can tell by its digest whether it was edited.
    Document {
        /// The name of its file (`report.json`).
        name: String,
        /// The digest of its bytes.
        #[cfg_attr(feature = "schema", schemars(with = "String"))]
        sha256: Sha256,
    },
    /// The operation failed.
    Failed {
        /// The step.
        step: StepId,
        /// The error, with its causes.
        error: String,
        /// Whether anything may have changed.
        touched: Touched,
    },
}

/// A desired fact that restores a state, as a journal keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Undo {
    /// [`Desired::KIND`] of the fact that restores it.
    pub kind: String,
    /// The fact.
    pub desired: serde_json::Value,
}

impl Undo {
    pub(crate) fn of<D: Desired>(desired: &D) -> Result<Self, JournalError> {
        let desired = serde_json::to_value(desired).map_err(io::Error::from)?;
        Ok(Self { kind: D::KIND.to_owned(), desired })
    }

    /// Returns what to tell the operator if the fact can't be read. `step`: the step that it undoes.
    pub fn unreadable(&self, step: &StepId, error: &serde_json::Error) -> Failure {
        let StepId { target, kind, key } = step;
        let what =
            format!("could not read from the journal what restores {kind} {key} on {target}");
        Failure {
            expected: Some(format!("a value of {}", self.kind)),
            found: Some(json_words(error)),
            ..Failure::new(FailureClass::Error, what)
        }
        .next(
            "the run's journal.jsonl has the value; if another version of omega wrote it, use that",
        )
    }
}

impl Entry {
    /// Returns which step it is about, if it is about one.
    pub fn step(&self) -> Option<&StepId> {
        match self {
            Self::Intent { step, .. }
            | Self::Applying { step, .. }
            | Self::Applied { step, .. }
            | Self::Verified { step, .. }
            | Self::Removed { step }
            | Self::Failed { step, .. } => Some(step),
            Self::Document { .. } => None,
        }
    }

    pub(crate) fn intent<D: Desired>(
        step: StepId,
        desired: &D,
        changes: &[D::Change],
        (undo, cleanup): (Option<Undo>, Option<Undo>),
        temporary: bool,
    ) -> Result<Self, JournalError> {
        Ok(Self::Intent {
            step,
            desired: serde_json::to_value(desired).map_err(io::Error::from)?,
            changes: changes.iter().map(Describe::describe).collect(),
            undo,
            temporary,
            cleanup,
        })
    }

    pub(crate) fn applying(step: StepId, nth: usize, change: &impl Describe) -> Self {
        Self::Applying { step, nth, change: change.describe() }
    }

    pub(crate) fn end<D: Desired>(
        step: StepId,
        done: Result<&D::Observed, &EnsureError<D::Error>>,
    ) -> Self {
        match done {
            Ok(observed) => Self::Verified { step, observed: serde_json::to_value(observed).ok() },
            Err(error) => Self::Failed {
                step,
                error: crate::failure::chain(error).join(": "),
                touched: error.touched(),
            },
        }
    }
}

/// Stores entries. `record` returns only once the entry is durable. Several targets may be changed
/// at the same time, so it is shared.
pub trait Journal: Send + Sync {
    /// Appends one entry.
    ///
    /// # Errors
    ///
    /// Fails if the entry may not survive a crash.
    fn record(&self, entry: &Entry) -> Result<(), JournalError>;
}

/// The journal could not be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The file could not be read or written.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The file is not a journal.
    #[error("not a journal: {0}")]
    Format(String),
    /// A version that this program does not read, or does not append to.
    #[error("its version is {0}, and this omega reads 1 and {VERSION} and appends to {VERSION}")]
    Version(u32),
    /// A line in the middle is damaged. (An incomplete last line is left by a crash, and is dropped.)
    #[error("line {line} of the journal is damaged: {why}")]
    Damaged {
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        why: String,
    },
}

/// Keeps nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoJournal;

impl Journal for NoJournal {
    fn record(&self, _entry: &Entry) -> Result<(), JournalError> {
        Ok(())
    }
}

/// Keeps entries in memory.
#[derive(Debug, Default)]
pub struct MemoryJournal(Mutex<Vec<Entry>>);

impl MemoryJournal {
    /// Returns what was recorded so far.
    pub fn entries(&self) -> Vec<Entry> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Journal for MemoryJournal {
    fn record(&self, entry: &Entry) -> Result<(), JournalError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(entry.clone());
        Ok(())
    }
}

#[derive(Serialize, Deserialize)]
struct Header {
    format: String,
    version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    run: Option<String>,
}

/// A journal in a file that only its owner can read.
#[derive(Debug)]
pub struct FileJournal(Mutex<File>);

impl FileJournal {
    /// Creates the journal of `run` at `path`, which must not exist, and syncs it and its directory.
    ///
    /// # Errors
    ///
    /// Fails if the file exists or can't be made durable.
    pub fn create(path: &Path, run: &str) -> Result<Self, JournalError> {
        let file = OpenOptions::new().append(true).create_new(true).mode(0o600).open(path)?;
        let journal = Self(Mutex::new(file));
        let run = Some(run.to_owned());
        journal.line(&Header { format: FORMAT.to_owned(), version: VERSION, run })?;
        sync_parent(path)?;
        Ok(journal)
    }

    /// Opens the journal at `path` to append entries about the removal of its temporary resources.
    ///
    /// # Errors
    ///
    /// Fails if it is not a journal of the current version: older ones can only be read.
    pub fn reopen(path: &Path) -> Result<Self, JournalError> {
        let header = lines(path)?.0;
        if header.version != VERSION {
            return Err(JournalError::Version(header.version));
        }
        let file = OpenOptions::new().append(true).open(path)?;
        // A crash may have left an incomplete line. It was never reported as durable, and would damage
        // the next entry.
        let bytes = std::fs::read(path)?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        file.set_len(whole as u64)?;
        file.sync_data()?;
        Ok(Self(Mutex::new(file)))
    }

    /// Reads every entry of the journal at `path`, of any version.
    ///
    /// A last line without a line feed is left by a crash. It was never reported as durable, and is
    /// dropped.
    ///
    /// # Errors
    ///
    /// Fails if it is not a journal, has an unknown version, or is damaged before its last line.
    pub fn read(path: &Path) -> Result<Vec<Entry>, JournalError> {
        let (header, lines) = lines(path)?;
        let mut entries = Vec::new();
        let mut lines = lines.into_iter().peekable();
        while let Some((number, line, whole)) = lines.next() {
            let parsed = match header.version {
                1 => serde_json::from_slice::<v1::Event>(&line).map(Entry::from),
                _ => serde_json::from_slice(&line),
            };
            match parsed {
                Ok(entry) => entries.push(entry),
                Err(_) if lines.peek().is_none() && !whole => {}
                Err(error) => return Err(damaged(number, &error)),
            }
        }
        Ok(entries)
    }

    /// Returns the number of the last line of the journal at `path`, if it is incomplete: it is not among
    /// the entries. A crash leaves that, and a file that was cut later has it too.
    ///
    /// # Errors
    ///
    /// As [`FileJournal::read`].
    pub fn cut_line(path: &Path) -> Result<Option<usize>, JournalError> {
        let (_, lines) = lines(path)?;
        let last = lines.last().filter(|(_, _, whole)| !whole);
        Ok(last.map(|(number, ..)| *number))
    }

    fn line(&self, value: &impl Serialize) -> Result<(), JournalError> {
        let mut line = serde_json::to_vec(value).map_err(io::Error::from)?;
        line.push(b'\n');
        let mut file = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(&line)?;
        Ok(file.sync_data()?)
    }
}

/// A line's number, its bytes, and whether it is complete.
type Line = (usize, Vec<u8>, bool);

fn lines(path: &Path) -> Result<(Header, Vec<Line>), JournalError> {
    let mut reader = BufReader::new(File::open(path)?);
    let mut all = Vec::new();
    loop {
        let mut line = Vec::new();
        if reader.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let whole = line.last() == Some(&b'\n');
        line.truncate(line.len() - usize::from(whole));
        all.push((all.len() + 1, line, whole));
    }
    if all.is_empty() {
        return Err(JournalError::Damaged { line: 1, why: "the file is empty".to_owned() });
    }
    let (_, first, _) = all.remove(0);
    match serde_json::from_slice::<Header>(&first) {
        Ok(header) if header.format == FORMAT && (1..=VERSION).contains(&header.version) => {
            Ok((header, all))
        }
        Ok(header) if header.format == FORMAT => Err(JournalError::Version(header.version)),
        Ok(_) => Err(JournalError::Format(String::from_utf8_lossy(&first).into())),
        Err(error) => Err(damaged(1, &error)),
    }
}

fn damaged(line: usize, error: &serde_json::Error) -> JournalError {
    // The place in the line would be reported as one in the file.
    let why = json_words(error);
    let why = why.split(" (line ").next().unwrap_or_default().to_owned();
    JournalError::Damaged { line, why }
}

impl Journal for FileJournal {
    fn record(&self, entry: &Entry) -> Result<(), JournalError> {
        self.line(entry)
    }
}

#[cfg(test)]
#[path = "journal_tests.rs"]
mod tests;
