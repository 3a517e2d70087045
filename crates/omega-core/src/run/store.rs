//! The files of each run: `STATE/runs/ID/`.

use std::{
    fs,
    io::{self, Read as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use jiff::Timestamp;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{Endpoints, Job};
use crate::{
    Entry, Failure, FailureClass, FileJournal, Journal as _, JournalError, Lock, LockError, chain,
    persist, private_directory, remove_abandoned, values::Sha256,
};

/// Every run on this machine.
#[derive(Clone, Debug)]
pub struct Runs(PathBuf);

/// One run that may write.
#[derive(Debug)]
pub struct RunDirectory {
    /// Its id: the time when it began, and four random digits.
    pub id: String,
    /// The journal.
    pub journal: Arc<FileJournal>,
    pub(super) path: PathBuf,
    /// As long as it is held, what the run makes for itself is not left behind.
    _alive: Arc<Lock>,
}

/// What is known of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RunInfo {
    /// Its id.
    pub id: String,
    /// `graft`, `rollback`, or an operation's name.
    pub runbook: String,
    /// When it began.
    pub began: Timestamp,
    /// The site file.
    pub site: String,
    /// What distinguishes its site from others: where the cloud is, and how each unit was reached.
    #[serde(default)]
    pub endpoints: Endpoints,
    /// The runs that it rolls back, if any, newest first.
    #[serde(default)]
    pub rolls_back: Vec<String>,
}

/// What helps against a document that is not as the run wrote it.
const RESTORE: &str = "put back a copy of it, or do what the run did again";
/// A run's report.
const REPORT: &str = "report.json";
/// The latest version of a report that is read: that of [`Report`](super::Report). Those of acceptances and probes
/// have earlier ones.
const KNOWN_REPORT: u64 = 2;
/// The lock that a run holds until it ends.
const ALIVE: &str = "alive";

impl Runs {
    /// Returns the runs below `state`.
    pub fn new(state: &Path) -> Self {
        Self(state.join("runs"))
    }

    /// Takes the lock that prevents a second run on `site`. Runs on other sites are not affected.
    ///
    /// # Errors
    ///
    /// Fails with [`FailureClass::Locked`] if another run holds it.
    pub fn lock(&self, site: &Path, what: &str) -> Result<Lock, Failure> {
        private_directory(&self.0).map_err(|error| self.failure("make", &error))?;
        let holder = format!("{what}, process {}", std::process::id());
        let site = fs::canonicalize(site).unwrap_or_else(|_| site.to_path_buf());
        let name = Sha256::of(site.as_os_str().as_encoded_bytes());
        let path = self.0.join(format!("lock-{}", name.short()));
        Lock::take(&path, &holder).map_err(|error| match &error {
            LockError::Held { .. } => Failure::new(FailureClass::Locked, error.to_string())
                .next("wait until it ends; nothing was read or changed"),
            LockError::Io { source, .. } => Failure {
                causes: chain(&error),
                ..Failure::new(FailureClass::Error, "could not lock the site for this run")
            }
            .next(elsewhere(source)),
        })
    }

    /// Begins a run, and makes its directory durable.
    ///
    /// # Errors
    ///
    /// Fails if it can't be written: no run without a journal.
    pub fn begin(&self, job: &Job, now: Timestamp) -> Result<RunDirectory, Failure> {
        let mut random = [0; 2];
        let id = fs::File::open("/dev/urandom")
            .and_then(|mut file| file.read_exact(&mut random))
            .map(|()| {
                let [a, b] = random;
                format!("{}-{a:02x}{b:02x}", now.strftime("%Y-%m-%dT%H-%M-%SZ"))
            })
            .map_err(|error| self.failure("name", &error))?;
        let path = self.0.join(&id);
        private_directory(&path).map_err(|error| self.failure("make", &error))?;
        self.remove_abandoned();
        Self::begun(job, now, &id, &path).inspect_err(|_| {
            // Nothing was done. If it can't be removed either, `all` passes over it.
            drop(fs::remove_dir_all(&path));
        })
    }

    /// Removes what killed runs left of files that they had not finished, as each new run does. It does no harm if it
    /// can't.
    pub fn remove_abandoned(&self) {
        let runs = fs::read_dir(&self.0).into_iter().flatten().flatten();
        for run in runs.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())) {
            drop(remove_abandoned(&run.path()));
        }
    }

    fn begun(job: &Job, now: Timestamp, id: &str, path: &Path) -> Result<RunDirectory, Failure> {
        let (id, path) = (id.to_owned(), path.to_owned());
        let at = path.join("journal.jsonl");
        let journal = Arc::new(FileJournal::create(&at, &id).map_err(|error| {
            let what = format!("could not create the journal of the run, {}", at.display());
            let next = match &error {
                JournalError::Io(error) => elsewhere(error),
                JournalError::Format(_)
                | JournalError::Version(_)
                | JournalError::Damaged { .. } => ELSEWHERE,
            };
            Failure { causes: chain(&error), ..Failure::new(FailureClass::Error, what) }.next(next)
        })?);
        let info = RunInfo {
            id: id.clone(),
            runbook: job.name.clone(),
            began: now,
            site: job.site.clone(),
            endpoints: job.endpoints.clone(),
            rolls_back: job.rolls_back.clone(),
        };
        let holder = format!("run {id}, process {}", std::process::id());
        let alive = Lock::take(&path.join(ALIVE), &holder).map_err(|error| {
            let what = format!("could not lock run {id}");
            let next = match &error {
                LockError::Io { source, .. } => elsewhere(source),
                LockError::Held { .. } => ELSEWHERE,
            };
            Failure { causes: chain(&error), ..Failure::new(FailureClass::Error, what) }.next(next)
        })?;
        let run = RunDirectory { id, journal, path, _alive: Arc::new(alive) };
        run.keep("run.json", &info)?;
        Ok(run)
    }

    /// Returns every run, newest first, and what is wrong with those that can't be read.
    ///
    /// # Errors
    ///
    /// Fails if the directory can't be read.
    pub fn all(&self) -> Result<(Vec<RunInfo>, Vec<Failure>), Failure> {
        let entries = match fs::read_dir(&self.0) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Default::default()),
            Err(error) => return Err(self.failure("read", &error)),
        };
        let (mut runs, mut damaged) = (Vec::new(), Vec::new());
        for entry in entries {
            let path = entry.map_err(|error| self.failure("read", &error))?.path();
            if !path.is_dir() {
                continue;
            }
            match read::<RunInfo>(&path.join("run.json")) {
                Ok(run) => runs.push(run),
                Err(error) if never_began(&path, &error) => {}
                Err(error) => damaged.push(unreadable(&path, &error)),
            }
        }
        runs.sort_by(|a, b| (b.began, &b.id).cmp(&(a.began, &a.id)));
        Ok((runs, damaged))
    }

    /// Returns whether the run goes on.
    pub(super) fn is_alive(&self, id: &str) -> bool {
        Lock::is_held(&self.0.join(id).join(ALIVE))
    }

    /// Returns when the run last wrote to its journal; none if there is none.
    pub fn last_written(&self, id: &str) -> Option<Timestamp> {
        let journal = std::fs::metadata(self.0.join(id).join("journal.jsonl")).ok()?;
        Timestamp::try_from(journal.modified().ok()?).ok()
    }

    /// Returns what run `id` recorded.
    ///
    /// # Errors
    ///
    /// Fails if there is no such run, or its journal is damaged.
    pub fn entries(&self, id: &str) -> Result<Vec<Entry>, Failure> {
        FileJournal::read(&self.path(id)?.join("journal.jsonl")).map_err(|error| {
            let failure = Failure {
                causes: chain(&error),
                ..Failure::new(
                    FailureClass::Error,
                    format!("could not read the journal of run {id}"),
                )
            };
            if matches!(error, JournalError::Version(_)) {
                return failure.next("use the version of omega that wrote it");
            }
            failure
        })
    }

    /// Returns the report of run `id`. None if there is none, or if it can't be read, or if a later version
    /// wrote it: its fields may mean something else.
    pub fn report(&self, id: &str) -> Option<serde_json::Value> {
        let report: serde_json::Value = self.kept(id, REPORT)?;
        let version = report.get("schema_version").and_then(serde_json::Value::as_u64);
        version.is_none_or(|version| version <= KNOWN_REPORT).then_some(report)
    }

    /// Returns what run `id` kept under `name`, if it did.
    pub fn kept<T: DeserializeOwned>(&self, id: &str, name: &str) -> Option<T> {
        read(&self.path(id).ok()?.join(name)).ok()
    }

    /// Returns the names of the documents whose digests run `id` recorded, each once.
    ///
    /// # Errors
    ///
    /// Fails if there is no such run, or its journal is damaged.
    pub fn documents(&self, id: &str) -> Result<Vec<String>, Failure> {
        let mut names = Vec::new();
        for entry in self.entries(id)? {
            if let Entry::Document { name, .. } = entry
                && !names.contains(&name)
            {
                names.push(name);
            }
        }
        Ok(names)
    }

    /// Returns the bytes of the document `name` of run `id`, if its digest is the one in the journal.
    ///
    /// # Errors
    ///
    /// Fails if there is no such run or document, or if the document was edited.
    pub fn document(&self, id: &str, name: &str) -> Result<Vec<u8>, Failure> {
        let path = self.path(id)?.join(name);
        let what = format!("could not use {name} of run {id}");
        let bytes = fs::read(&path)
            .map_err(|error| Failure::new(FailureClass::Error, &what).because(error.to_string()))
            .map_err(|failure| failure.next(RESTORE))?;
        let of_it = |entry: Entry| {
            let Entry::Document { name: of, sha256 } = entry else { return None };
            (of == name).then_some(sha256)
        };
        let recorded = self.entries(id)?.into_iter().rev().find_map(of_it);
        let found = Sha256::of(&bytes);
        if recorded == Some(found) {
            return Ok(bytes);
        }
        let expected =
            recorded.map_or_else(|| "a digest in the journal".to_owned(), |one| one.to_string());
        Err(Failure {
            expected: Some(expected),
            found: Some(found.to_string()),
            ..Failure::new(FailureClass::Refused, what)
        }
        .because("its digest is not the one in the journal: it was edited or damaged")
        .next(RESTORE))
    }

    /// Keeps `value` with run `id`, as [`RunDirectory::keep`] does while it runs.
    ///
    /// # Errors
    ///
    /// Fails if there is no such run, or it can't be written.
    pub fn keep(&self, id: &str, name: &str, value: &impl Serialize) -> Result<(), Failure> {
        keep(&self.path(id)?.join(name), value)
    }

    /// Returns the directory of run `id`.
    ///
    /// # Errors
    ///
    /// Fails if there is no such run.
    pub fn directory(&self, id: &str) -> Result<PathBuf, Failure> {
        self.path(id)
    }

    pub(super) fn path(&self, id: &str) -> Result<PathBuf, Failure> {
        let plain = !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        let path = self.0.join(id);
        if plain && path.is_dir() {
            return Ok(path);
        }
        Err(Failure::new(FailureClass::Usage, format!("there is no run `{id}`"))
            .next("omega-cli runs"))
    }

    fn failure(&self, verb: &str, error: &io::Error) -> Failure {
        let what = format!("could not {verb} the directory of runs, {}", self.0.display());
        Failure::new(FailureClass::Error, what).because(error.to_string()).next(elsewhere(error))
    }
}

impl RunDirectory {
    /// Keeps `value` with the run, durably, readable by its owner only.
    ///
    /// # Errors
    ///
    /// Fails if it can't be written.
    pub fn keep(&self, name: &str, value: &impl Serialize) -> Result<(), Failure> {
        keep(&self.path.join(name), value)
    }

    /// Returns what the run has recorded so far.
    ///
    /// # Errors
    ///
    /// Fails if its journal can't be read.
    pub fn entries(&self) -> Result<Vec<Entry>, Failure> {
        FileJournal::read(&self.path.join("journal.jsonl")).map_err(|error| Failure {
            causes: chain(&error),
            ..Failure::new(FailureClass::Error, "could not read the run's own journal")
        })
    }

    /// Keeps the bytes of a document with the run in the same way, records their digest in the journal,
    /// and returns where it is.
    ///
    /// # Errors
    ///
    /// Fails if it can't be written.
    pub fn keep_document(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, Failure> {
        let path = self.path.join(name);
        let what = || format!("could not write {}", path.display());
        persist(&path, bytes).map_err(|error| {
            Failure::new(FailureClass::Error, what()).because(error.to_string())
        })?;
        let entry = Entry::Document { name: name.to_owned(), sha256: Sha256::of(bytes) };
        self.journal.record(&entry).map_err(|error| Failure {
            causes: chain(&error),
            ..Failure::new(FailureClass::Error, format!("could not record the digest of {name}"))
        })?;
        Ok(path)
    }
}

fn keep(path: &Path, value: &impl Serialize) -> Result<(), Failure> {
    let bytes = serde_json::to_vec_pretty(value).map_err(io::Error::from);
    bytes.and_then(|bytes| persist(path, &bytes)).map_err(|error| {
        Failure::new(FailureClass::Error, format!("could not write {}", path.display()))
            .because(error.to_string())
            .next(elsewhere(&error))
    })
}

/// What to say of a run whose description can't be read: only one that is read and makes no sense is
/// damaged.
fn unreadable(path: &Path, error: &io::Error) -> Failure {
    let at = path.display();
    let why = format!("run.json: {error}");
    if !matches!(error.kind(), io::ErrorKind::PermissionDenied) {
        let what = format!("run {at} is damaged");
        let next = format!(
            "read its journal.jsonl, which has what was written; then remove it: rm -r '{at}'"
        );
        return Failure::new(FailureClass::Error, what).because(why).next(next);
    }
    let next = format!(
        "it may be of another user (sudo?): list the runs as that user, or make it yours: sudo chown -R \"$USER\" '{at}'"
    );
    Failure::new(FailureClass::Error, format!("run {at} can't be read")).because(why).next(next)
}

const ELSEWHERE: &str =
    "check that directory, or keep the runs in another one: XDG_STATE_HOME=DIRECTORY";

/// Returns what to do if the runs can't be kept where they are, because of `error`.
fn elsewhere(error: &io::Error) -> &'static str {
    let kind = error.kind();
    if matches!(kind, io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
        "free space on that file system, or keep the runs on another one: XDG_STATE_HOME=DIRECTORY"
    } else if matches!(kind, io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem) {
        "be the user whose directory it is, and let nobody else write to it (chmod go-w); or keep the \
         runs in another directory: XDG_STATE_HOME=DIRECTORY"
    } else {
        ELSEWHERE
    }
}

/// Whether this directory is from a run that was killed before it wrote its description. Such a run
/// changed nothing.
fn never_began(path: &Path, error: &io::Error) -> bool {
    let journal = path.join("journal.jsonl");
    let empty = match fs::metadata(&journal) {
        Ok(found) => found.len() == 0,
        Err(error) => error.kind() == io::ErrorKind::NotFound,
    };
    let written = !empty && FileJournal::read(&journal).map_or(true, |all| !all.is_empty());
    error.kind() == io::ErrorKind::NotFound && !written
}

fn read<T: DeserializeOwned>(path: &Path) -> io::Result<T> {
    Ok(serde_json::from_slice(&fs::read(path)?)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(name: &str, rolls_back: &[String]) -> Job {
        Job { rolls_back: rolls_back.to_vec(), ..Job::new(name, "omega.toml", Vec::new()) }
    }

    #[test]
    fn runs_are_listed_newest_first_and_only_by_their_ids() {
        let dir = tempfile::tempdir().unwrap();
        let runs = Runs::new(dir.path());
        assert!(runs.all().unwrap().0.is_empty());
        let at = |second| Timestamp::from_second(second).unwrap();
        let first = runs.begin(&job("graft", &[]), at(1_000_000_000)).unwrap();
        let second = runs
            .begin(&job("rollback", std::slice::from_ref(&first.id)), at(1_000_000_001))
            .unwrap();
        let (all, damaged) = runs.all().unwrap();
        assert!(damaged.is_empty());
        let ids: Vec<_> = all.into_iter().map(|run| run.id).collect();
        assert_eq!(ids, [second.id, first.id.clone()]);
        assert!(first.id.starts_with("2001-09-09T01-46-40Z-"));
        assert_eq!(runs.entries(&first.id).unwrap(), []);
        for bad in ["../x", "", "2001"] {
            assert_eq!(runs.entries(bad).unwrap_err().class, FailureClass::Usage, "{bad}");
        }
    }

    #[test]
    fn the_next_run_removes_what_a_killed_one_had_not_finished() {
        let dir = tempfile::tempdir().unwrap();
        let runs = Runs::new(dir.path());
        let at = |second| Timestamp::from_second(second).unwrap();
        let killed = runs.begin(&job("graft", &[]), at(1_000_000_000)).unwrap();
        let part = killed.path.join(".omega-AbCdEf.new");
        fs::write(&part, "{\"exit\": ").unwrap();
        let kept = killed.path.clone();
        drop(killed);
        drop(runs.begin(&job("graft", &[]), at(1_000_000_001)).unwrap());
        assert!(!part.exists());
        assert!(["run.json", "journal.jsonl"].iter().all(|name| kept.join(name).exists()));
    }

    /// A run that can't be read is never passed over.
    #[test]
    fn a_damaged_run_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let runs = Runs::new(dir.path());
        let run = runs.begin(&job("graft", &[]), Timestamp::from_second(1).unwrap()).unwrap();
        fs::write(run.path.join("run.json"), "{\"id\": ").unwrap();
        let (all, damaged) = runs.all().unwrap();
        assert!(all.is_empty());
        assert!(damaged[0].message.contains(&run.id), "{damaged:?}");
        assert_eq!(runs.resolve("latest").unwrap_err(), damaged[0], "it may be the newest");
        // Ended before it began.
        fs::remove_file(run.path.join("run.json")).unwrap();
        assert_eq!(runs.all().unwrap().1, []);
        fs::remove_file(run.path.join("journal.jsonl")).unwrap();
        assert_eq!(runs.all().unwrap().1, [], "killed before it had a journal");
        fs::write(run.path.join("journal.jsonl"), "?").unwrap();
        assert_eq!(runs.all().unwrap().1.len(), 1);
    }

    /// Its record must not be removed because another user made it.
    #[test]
    fn a_run_that_may_not_be_read_is_not_called_damaged() {
        let path = Path::new("/runs/2026-01-01T00-00-00Z-0001");
        let denied = unreadable(path, &io::Error::from(io::ErrorKind::PermissionDenied));
        assert_eq!(denied.message, format!("run {} can't be read", path.display()));
        let next = denied.next.unwrap();
        assert!(next.contains("another user") && !next.contains("rm "), "{next}");
        let eof = unreadable(path, &io::Error::from(io::ErrorKind::UnexpectedEof));
        assert!(eof.message.ends_with("is damaged"), "{}", eof.message);
    }

    #[test]
    fn a_directory_that_others_can_write_to_is_not_trusted() {
        let dir = tempfile::tempdir().unwrap();
        let runs = Runs::new(dir.path());
        drop(runs.lock(Path::new("omega.toml"), "apply graft").unwrap());
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        fs::set_permissions(dir.path().join("runs"), open).unwrap();
        let error = runs.lock(Path::new("omega.toml"), "apply graft").unwrap_err();
        assert!(error.causes[0].contains("other users can write to it"), "{error:?}");
        assert!(error.next.unwrap().contains("chmod go-w"), "what to do is said");
    }

    #[test]
    fn a_second_run_is_kept_out_and_told_by_whom() {
        let dir = tempfile::tempdir().unwrap();
        let runs = Runs::new(dir.path());
        let _held = runs.lock(Path::new("omega.toml"), "apply graft").unwrap();
        let error = runs.lock(Path::new("omega.toml"), "apply graft").unwrap_err();
        assert_eq!(error.class, FailureClass::Locked);
        assert!(error.message.contains("apply graft, process "), "{}", error.message);
        assert!(runs.lock(Path::new("other.toml"), "apply graft").is_ok(), "another site");
    }
}
