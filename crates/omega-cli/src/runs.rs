//! Where a run keeps what it did: `~/.local/state/omega/runs/ID/`.

use std::{
    fs,
    io::{self, Read as _},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use omega_core::{Class, Event, Failure, FileJournal, Lock, LockError, chain, persist};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// Every run on this machine.
#[derive(Clone, Debug)]
pub(crate) struct Runs(PathBuf);

/// One run that may write.
#[derive(Debug)]
pub(crate) struct RunDirectory {
    /// Its id: when it began, and four random digits.
    pub(crate) id: String,
    /// Where intents go.
    pub(crate) journal: FileJournal,
    path: PathBuf,
}

/// What is known of a run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct RunInfo {
    /// Its id.
    pub(crate) id: String,
    /// `graft`, `rollback`, or an operation's name.
    pub(crate) runbook: String,
    /// When it began.
    pub(crate) began: Timestamp,
    /// The site file.
    pub(crate) site: String,
    /// The run that it rolls back, if it does.
    pub(crate) rolls_back: Option<String>,
}

impl Runs {
    /// Returns the runs below `state`.
    pub(crate) fn new(state: &Path) -> Self {
        Self(state.join("runs"))
    }

    /// Takes the lock that keeps a second run out.
    ///
    /// # Errors
    ///
    /// Fails with [`Class::Locked`] if another run holds it.
    pub(crate) fn lock(&self, what: &str) -> Result<Lock, Failure> {
        directory(&self.0).map_err(|error| self.failure("make", &error))?;
        let holder = format!("{what}, process {}", std::process::id());
        Lock::take(&self.0.join("lock"), &holder).map_err(|error| match &error {
            LockError::Held { .. } => Failure::new(Class::Locked, error.to_string())
                .next("wait for it to end; nothing was looked at or changed"),
            LockError::Io { .. } | _ => {
                Failure { causes: chain(&error), ..Failure::new(Class::Error, "could not lock") }
            }
        })
    }

    /// Begins a run, and makes its directory durable.
    ///
    /// # Errors
    ///
    /// Fails if it can't be written: no run without a journal.
    pub(crate) fn begin(
        &self,
        runbook: &str,
        site: &str,
        rolls_back: Option<&str>,
        now: Timestamp,
    ) -> Result<RunDirectory, Failure> {
        let mut random = [0; 2];
        let id = fs::File::open("/dev/urandom")
            .and_then(|mut file| file.read_exact(&mut random))
            .map(|()| {
                let [a, b] = random;
                format!("{}-{a:02x}{b:02x}", now.strftime("%Y-%m-%dT%H-%M-%SZ"))
            })
            .map_err(|error| self.failure("name", &error))?;
        let path = self.0.join(&id);
        directory(&path).map_err(|error| self.failure("make", &error))?;
        let journal =
            FileJournal::create(&path.join("journal.jsonl")).map_err(|error| Failure {
                causes: chain(&error),
                ..Failure::new(Class::Error, format!("could not begin the journal of run {id}"))
            })?;
        let info = RunInfo {
            id: id.clone(),
            runbook: runbook.to_owned(),
            began: now,
            site: site.to_owned(),
            rolls_back: rolls_back.map(str::to_owned),
        };
        let run = RunDirectory { id, journal, path };
        run.keep("run.json", &info)?;
        Ok(run)
    }

    /// Returns every run, the newest first.
    ///
    /// # Errors
    ///
    /// Fails if the directory can't be read; a run without its description is left out.
    pub(crate) fn all(&self) -> Result<Vec<RunInfo>, Failure> {
        let entries = match fs::read_dir(&self.0) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(self.failure("read", &error)),
        };
        let info = |entry: io::Result<fs::DirEntry>| -> Option<RunInfo> {
            read(&entry.ok()?.path().join("run.json")).ok()
        };
        let mut runs: Vec<RunInfo> = entries.filter_map(info).collect();
        runs.sort_by(|a, b| (b.began, &b.id).cmp(&(a.began, &a.id)));
        Ok(runs)
    }

    /// Returns what run `id` recorded.
    ///
    /// # Errors
    ///
    /// Fails if there is no such run, or its journal is damaged.
    pub(crate) fn events(&self, id: &str) -> Result<Vec<Event>, Failure> {
        FileJournal::read(&self.path(id)?.join("journal.jsonl")).map_err(|error| Failure {
            causes: chain(&error),
            ..Failure::new(Class::Error, format!("could not read the journal of run {id}"))
        })
    }

    /// Returns what run `id` kept under `name`, if it did.
    pub(crate) fn kept<T: DeserializeOwned>(&self, id: &str, name: &str) -> Option<T> {
        read(&self.path(id).ok()?.join(name)).ok()
    }

    /// Keeps `value` with run `id`, as [`RunDirectory::keep`] does while it runs.
    ///
    /// # Errors
    ///
    /// Fails if there is no such run, or it can't be written.
    pub(crate) fn keep(&self, id: &str, name: &str, value: &impl Serialize) -> Result<(), Failure> {
        keep(&self.path(id)?.join(name), value)
    }

    fn path(&self, id: &str) -> Result<PathBuf, Failure> {
        let plain = !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let path = self.0.join(id);
        if plain && path.is_dir() {
            return Ok(path);
        }
        Err(Failure::new(Class::Usage, format!("there is no run `{id}`")).next("omega-cli runs"))
    }

    fn failure(&self, verb: &str, error: &io::Error) -> Failure {
        let what = format!("could not {verb} the directory of runs, {}", self.0.display());
        Failure::new(Class::Error, what).because(error.to_string())
    }
}

impl RunDirectory {
    /// Keeps `value` with the run, durably, readable by its owner only.
    ///
    /// # Errors
    ///
    /// Fails if it can't be written.
    pub(crate) fn keep(&self, name: &str, value: &impl Serialize) -> Result<(), Failure> {
        keep(&self.path.join(name), value)
    }
}

fn keep(path: &Path, value: &impl Serialize) -> Result<(), Failure> {
    let bytes = serde_json::to_vec_pretty(value).map_err(io::Error::from);
    bytes.and_then(|bytes| persist(path, &bytes)).map_err(|error| {
        Failure::new(Class::Error, format!("could not write {}", path.display()))
            .because(error.to_string())
    })
}

fn read<T: DeserializeOwned>(path: &Path) -> io::Result<T> {
    Ok(serde_json::from_slice(&fs::read(path)?)?)
}

/// Makes a directory that only its owner can enter.
fn directory(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_listed_newest_first_and_only_by_their_ids() {
        let dir = tempfile::tempdir().unwrap();
        let runs = Runs::new(dir.path());
        assert!(runs.all().unwrap().is_empty());
        let at = |second| Timestamp::from_second(second).unwrap();
        let first = runs.begin("graft", "omega.toml", None, at(1_000_000_000)).unwrap();
        let second = runs.begin("rollback", "x", Some(&first.id), at(1_000_000_001)).unwrap();
        let ids: Vec<_> = runs.all().unwrap().into_iter().map(|run| run.id).collect();
        assert_eq!(ids, [second.id, first.id.clone()]);
        assert!(first.id.starts_with("2001-09-09T01-46-40Z-"));
        assert_eq!(runs.events(&first.id).unwrap(), []);
        for bad in ["../x", "", "2001"] {
            assert_eq!(runs.events(bad).unwrap_err().class, Class::Usage, "{bad}");
        }
    }

    #[test]
    fn a_second_run_is_kept_out_and_told_by_whom() {
        let dir = tempfile::tempdir().unwrap();
        let runs = Runs::new(dir.path());
        let _held = runs.lock("apply graft").unwrap();
        let error = runs.lock("apply graft").unwrap_err();
        assert_eq!(error.class, Class::Locked);
        assert!(error.message.contains("apply graft, process "), "{}", error.message);
    }
}
