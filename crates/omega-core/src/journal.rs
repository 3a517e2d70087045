//! A write-ahead record of what was intended and what came of it.
//!
//! JSON lines. The first line names the format and its version; every event is on disk before
//! [`Journal::record`] returns. A desired fact holds no secret, so neither does a journal.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead as _, BufReader, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use serde::{Deserialize, Serialize};

use crate::{Desired, Diff, EnsureError, Touched};

const FORMAT: &str = "omega-journal";
const VERSION: u32 = 1;

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// Written, durably, before the first write to the world.
    Intent {
        /// The target's label.
        target: String,
        /// [`Desired::KIND`].
        kind: String,
        /// The desired fact.
        desired: serde_json::Value,
        /// The changes, as shown.
        changes: Vec<Diff>,
        /// The desired fact that leads back, if there is one.
        undo: Option<serde_json::Value>,
    },
    /// The desired fact was observed.
    Verified {
        /// The target's label.
        target: String,
        /// [`Desired::KIND`].
        kind: String,
        /// What was observed. (The first journals lack it.)
        #[serde(default, skip_serializing_if = "Option::is_none")]
        seen: Option<serde_json::Value>,
    },
    /// The operation failed.
    Failed {
        /// The target's label.
        target: String,
        /// [`Desired::KIND`].
        kind: String,
        /// The error, with its causes.
        error: String,
        /// Whether the world may have changed.
        touched: Touched,
    },
}

impl Event {
    pub(crate) fn intent<D: Desired>(
        target: String,
        desired: &D,
        changes: &[D::Change],
        undo: Option<&D>,
    ) -> Result<Self, JournalError> {
        let value = |d: &D| serde_json::to_value(d).map_err(io::Error::from);
        Ok(Self::Intent {
            target,
            kind: D::KIND.to_owned(),
            desired: value(desired)?,
            changes: changes.iter().map(crate::Describe::describe).collect(),
            undo: undo.map(value).transpose()?,
        })
    }

    pub(crate) fn end<D: Desired>(
        target: String,
        done: Result<&D::Observed, &EnsureError<D::Error>>,
    ) -> Self {
        let kind = D::KIND.to_owned();
        match done {
            Ok(seen) => Self::Verified { target, kind, seen: serde_json::to_value(seen).ok() },
            Err(error) => Self::Failed {
                target,
                kind,
                error: crate::failure::chain(error).join(": "),
                touched: error.touched(),
            },
        }
    }
}

/// Where events go. `record` returns only once the event is durable.
pub trait Journal: Send {
    /// Appends one event.
    ///
    /// # Errors
    ///
    /// Fails if the event may not survive a crash.
    fn record(&mut self, event: Event) -> Result<(), JournalError>;
}

/// The journal could not be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The file system said no.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// The file is not a journal, or one of a version that this program does not read.
    #[error("not a journal of version {VERSION}: {0}")]
    Format(String),
    /// A line in the middle is damaged. (A torn last line is a crash, and is dropped.)
    #[error("line {line} of the journal is damaged")]
    Damaged {
        /// Counted from 1.
        line: usize,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// Keeps nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoJournal;

impl Journal for NoJournal {
    fn record(&mut self, _event: Event) -> Result<(), JournalError> {
        Ok(())
    }
}

/// Keeps events in memory.
#[derive(Clone, Debug, Default)]
pub struct MemoryJournal(pub Vec<Event>);

impl Journal for MemoryJournal {
    fn record(&mut self, event: Event) -> Result<(), JournalError> {
        self.0.push(event);
        Ok(())
    }
}

#[derive(Serialize, Deserialize)]
struct Header {
    format: String,
    version: u32,
}

/// A journal in a file that only its owner can read.
#[derive(Debug)]
pub struct FileJournal(File);

impl FileJournal {
    /// Creates the journal at `path`, which must not exist, and syncs it and its directory.
    ///
    /// # Errors
    ///
    /// Fails if the file exists or can't be made durable.
    pub fn create(path: &Path) -> Result<Self, JournalError> {
        let file = OpenOptions::new().append(true).create_new(true).mode(0o600).open(path)?;
        let mut journal = Self(file);
        journal.line(&Header { format: FORMAT.to_owned(), version: VERSION })?;
        if let Some(dir) = path.parent() {
            File::open(dir)?.sync_all()?;
        }
        Ok(journal)
    }

    /// Reads every event of the journal at `path`.
    ///
    /// A last line without its end is what a crash leaves: it was not promised, and is dropped.
    ///
    /// # Errors
    ///
    /// Fails if it is no journal, of another version, or damaged before its last line.
    pub fn read(path: &Path) -> Result<Vec<Event>, JournalError> {
        let mut lines = BufReader::new(File::open(path)?).split(b'\n').enumerate();
        let not_ours = |what: &[u8]| JournalError::Format(String::from_utf8_lossy(what).into());
        let first = match lines.next() {
            Some((_, line)) => line?,
            None => return Err(not_ours(b"it is empty")),
        };
        match serde_json::from_slice::<Header>(&first) {
            Ok(Header { format, version }) if format == FORMAT && version == VERSION => {}
            Ok(_) | Err(_) => return Err(not_ours(&first)),
        }
        let whole = std::fs::read(path)?.ends_with(b"\n");
        let mut events = Vec::new();
        let mut lines = lines.peekable();
        while let Some((number, line)) = lines.next() {
            match serde_json::from_slice(&line?) {
                Ok(event) => events.push(event),
                Err(_) if lines.peek().is_none() && !whole => {}
                Err(source) => return Err(JournalError::Damaged { line: number + 1, source }),
            }
        }
        Ok(events)
    }

    fn line(&mut self, value: &impl Serialize) -> Result<(), JournalError> {
        let mut line = serde_json::to_vec(value).map_err(io::Error::from)?;
        line.push(b'\n');
        self.0.write_all(&line)?;
        Ok(self.0.sync_data()?)
    }
}

impl Journal for FileJournal {
    fn record(&mut self, event: Event) -> Result<(), JournalError> {
        self.line(&event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verified() -> Event {
        Event::Verified {
            target: "magnum/0".into(),
            kind: "juju.file.v1".into(),
            seen: Some(serde_json::json!({ "sha256": null })),
        }
    }

    #[test]
    fn what_was_recorded_is_read_back_and_only_the_owner_can_read_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.jsonl");
        let mut journal = FileJournal::create(&path).unwrap();
        journal.record(verified()).unwrap();
        journal.record(verified()).unwrap();
        assert_eq!(FileJournal::read(&path).unwrap(), [verified(), verified()]);
        let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&path).unwrap());
        assert_eq!(mode & 0o777, 0o600);
        let again = FileJournal::create(&path).unwrap_err();
        assert!(matches!(again, JournalError::Io(e) if e.kind() == io::ErrorKind::AlreadyExists));
    }

    #[test]
    fn a_torn_last_line_is_dropped_and_a_damaged_middle_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.jsonl");
        let mut journal = FileJournal::create(&path).unwrap();
        journal.record(verified()).unwrap();
        journal.0.write_all(br#"{"event":"verif"#).unwrap();
        assert_eq!(FileJournal::read(&path).unwrap(), [verified()]);
        journal.0.write_all(b"\n").unwrap();
        journal.record(verified()).unwrap();
        let damaged = FileJournal::read(&path).unwrap_err();
        assert!(matches!(damaged, JournalError::Damaged { line: 3, .. }), "{damaged:?}");
    }

    /// Journals are read by later versions: this text is version 1, for ever.
    #[test]
    fn version_1_is_still_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.jsonl");
        std::fs::write(&path, include_str!("../fixtures/journal-v1.jsonl")).unwrap();
        let events = FileJournal::read(&path).unwrap();
        assert_eq!(events.len(), 3);
        assert!(matches!(&events[0], Event::Intent { undo: Some(_), .. }));
        assert!(events.iter().any(|event| matches!(event, Event::Verified { seen: None, .. })));
        std::fs::write(&path, r#"{"format":"omega-journal","version":2}"#).unwrap();
        assert!(matches!(FileJournal::read(&path).unwrap_err(), JournalError::Format(_)));
    }
}
