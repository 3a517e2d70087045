//! What an import of the drivers found on a unit, kept on this machine until something changes there.

use std::{
    io,
    path::{Path, PathBuf},
};

use jiff::{SignedDuration, Timestamp};
use omega_core::{persist, private_directory, read_regular, values::Sha256};
use serde::{Deserialize, Serialize};

use super::{DriversState, ServiceName};

/// The version of the format. A file of another one counts as none.
const VERSION: u32 = 1;
/// The largest file that is read, in bytes: most of it is the packed paths, some 10 KiB.
const MOST: u64 = 1 << 18;
/// How long an import counts. What the comparison can't see (the kernel's limits, say) is found after this time.
const LASTS: SignedDuration = SignedDuration::from_hours(24);
/// The most that is sent with a probe: with Juju it stands on a command line.
const SENT: usize = 32 << 10;

/// Where imports of one unit are kept.
#[derive(Clone, Debug)]
pub(super) struct ImportMemory {
    directory: PathBuf,
    /// What tells the unit from others of its name.
    unit: String,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    #[serde(default)]
    version: u32,
    imported_at: Timestamp,
    drivers: DriversState,
}

impl ImportMemory {
    pub(super) fn new(directory: &Path, label: &str, via: &str) -> Self {
        Self { directory: directory.to_path_buf(), unit: format!("{label}\n{via}") }
    }

    /// Returns the memory of one daemon's interpreter.
    pub(super) fn of(&self, service: &ServiceName) -> Self {
        Self { directory: self.directory.clone(), unit: format!("{}\n{service}", self.unit) }
    }

    fn file(&self) -> PathBuf {
        self.directory.join(format!("imports-{}.json", Sha256::of(self.unit.as_bytes())))
    }

    /// Returns what the last import found. A damaged file counts as none.
    pub(super) fn last(&self) -> Option<DriversState> {
        let bytes = read_regular(&self.file(), MOST).ok()?;
        let Kept { version, imported_at, drivers } = serde_json::from_slice(&bytes).ok()?;
        if version != VERSION {
            return None;
        }
        let age = Timestamp::now().duration_since(imported_at);
        let counts = age >= SignedDuration::ZERO && age < LASTS;
        counts.then_some(DriversState { imported_at: Some(imported_at), ..drivers })
    }

    /// Keeps what an import found. Without `inputs` it can't be compared, and what was kept does not count
    /// any more. Everything works without.
    pub(super) fn keep(&self, drivers: &DriversState) {
        let path = self.file();
        let sent = drivers.inputs.as_ref().map(|inputs| inputs.paths.len());
        let written = if sent.is_some_and(|sent| sent <= SENT) {
            let drivers = drivers.clone();
            let kept = Kept { version: VERSION, imported_at: Timestamp::now(), drivers };
            let bytes = serde_json::to_vec(&kept).map_err(io::Error::from);
            private_directory(&self.directory).and(bytes).and_then(|bytes| persist(&path, &bytes))
        } else {
            std::fs::remove_file(&path)
        };
        match written {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(path = %path.display(), %error, "an import was not remembered");
            }
            Ok(()) | Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ImportInputs;

    fn state(paths: &str) -> DriversState {
        let inputs = ImportInputs { paths: paths.to_owned(), state: "s".to_owned() };
        DriversState { inputs: Some(inputs), ..DriversState::default() }
    }

    fn aged(memory: &ImportMemory, hours: i64) {
        let imported_at = Timestamp::now() - SignedDuration::from_hours(hours);
        let kept = Kept { version: VERSION, imported_at, drivers: state("p") };
        let kept = serde_json::to_vec(&kept).unwrap();
        persist(&memory.file(), &kept).unwrap();
    }

    #[test]
    fn an_import_counts_for_a_day_and_while_its_file_is_whole() {
        let home = tempfile::tempdir().unwrap();
        let memory = ImportMemory::new(home.path(), "magnum/0", "juju");
        assert_eq!(memory.last(), None);
        memory.keep(&state("p"));
        let last = memory.last().unwrap();
        assert_eq!(last.inputs, state("p").inputs);
        assert!(last.imported_at.is_some());
        aged(&memory, 23);
        assert!(memory.last().is_some());
        aged(&memory, 25);
        assert_eq!(memory.last(), None, "too old");
        aged(&memory, -1);
        assert_eq!(memory.last(), None, "of the future: a clock was changed");
        std::fs::write(memory.file(), "{").unwrap();
        assert_eq!(memory.last(), None, "damaged");
    }

    /// Files of this format exist: whoever changes it, changes the version.
    #[test]
    fn a_stored_import_is_read_and_one_of_another_version_is_not() {
        let home = tempfile::tempdir().unwrap();
        let memory = ImportMemory::new(home.path(), "magnum/0", "juju");
        let stored = r#"{"version":1,"imported_at":"@","drivers":{"drivers":[],"disabled":[],"disabled_in":null,"enabled_beta":[],"inputs":{"paths":"p","state":"s"}}}"#;
        let stored = stored.replace('@', &Timestamp::now().to_string());
        std::fs::write(memory.file(), &stored).unwrap();
        let last = memory.last().unwrap();
        assert_eq!(last.inputs, state("p").inputs);
        let (imported_at, drivers) = (last.imported_at.unwrap(), state("p"));
        let kept = Kept { version: VERSION, imported_at, drivers };
        assert_eq!(serde_json::to_string(&kept).unwrap(), stored);
        for other in [r#""version":2,"#, ""] {
            let stored = stored.replace(r#""version":1,"#, other);
            std::fs::write(memory.file(), stored).unwrap();
            assert_eq!(memory.last(), None, "{other}");
        }
    }

    #[test]
    fn what_cannot_be_compared_is_not_kept() {
        let home = tempfile::tempdir().unwrap();
        let memory = ImportMemory::new(home.path(), "magnum/0", "juju");
        for drivers in [DriversState::default(), state(&"p".repeat(SENT + 1))] {
            memory.keep(&state("p"));
            memory.keep(&drivers);
            assert_eq!(memory.last(), None);
        }
        let service = |name: &str| name.parse::<ServiceName>().unwrap();
        memory.of(&service("magnum-conductor")).keep(&state("p"));
        assert_eq!(memory.of(&service("magnum-api")).last(), None, "another interpreter");
    }
}
