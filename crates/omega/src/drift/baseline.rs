//! What is compared with: the state of the site as it was recorded or accepted.

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "what else there is, or will be, is treated alike"
)]

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use omega_core::{
    Failure, FailureClass, Lock, LockError, StepId, chain, json_words, persist, private_directory,
    read_regular, remove_abandoned,
    run::{Endpoints, different_site},
    values::Sha256,
};
use serde::{Deserialize, Serialize};

use super::{Difference, Observation, Source};

/// The version of the format.
const VERSION: u32 = 1;
/// The largest baseline that is read. A hundred units have a few megabytes.
const MOST: u64 = 64 << 20;

/// What is compared with, and what has been reported.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Baseline {
    /// The version of this format.
    pub schema_version: u32,
    /// The site, as the operator named it.
    pub site: String,
    /// What distinguishes the site from others.
    pub endpoints: Endpoints,
    /// When it was recorded, or last accepted.
    pub recorded: Timestamp,
    /// When the site was last looked at.
    pub looked: Timestamp,
    /// How often it was looked at.
    pub looks: u64,
    /// How often something new was found, by kind.
    #[serde(default)]
    pub found: BTreeMap<String, u64>,
    /// The sources that were read at least once.
    pub seen: Vec<Source>,
    /// What was observed.
    pub records: Vec<Record>,
    /// What has been reported and is not over.
    pub open: Vec<Difference>,
}

/// One observation that others are compared with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Record {
    /// What was observed.
    pub observation: Observation,
    /// The last look that found it so; none if it was never seen.
    pub agreed: Option<Timestamp>,
}

impl Baseline {
    pub(super) fn new(site: &str, endpoints: Endpoints, now: Timestamp) -> Self {
        Self {
            schema_version: VERSION,
            site: site.to_owned(),
            endpoints,
            recorded: now,
            looked: now,
            looks: 0,
            found: BTreeMap::new(),
            seen: Vec::new(),
            records: Vec::new(),
            open: Vec::new(),
        }
    }

    pub(super) fn record(&self, id: &StepId) -> Option<&Record> {
        self.records.iter().find(|record| record.observation.id == *id)
    }

    pub(super) fn put(&mut self, observation: Observation, agreed: Option<Timestamp>) {
        let record = Record { observation, agreed };
        match self.records.iter_mut().find(|one| one.observation.id == record.observation.id) {
            Some(one) => *one = record,
            None => self.records.push(record),
        }
    }

    /// Checks that it is of the site with these endpoints.
    ///
    /// # Errors
    ///
    /// Tells what differs, with [`FailureClass::Stale`].
    pub fn is_of(&self, here: &Endpoints) -> Result<(), Failure> {
        let Some((what, then, now)) = different_site(&self.endpoints, here) else { return Ok(()) };
        let failure = Failure::new(FailureClass::Stale, "the baseline is of another site");
        Err(Failure {
            expected: Some(format!("{what}: {then}")),
            found: Some(format!("{what}: {now}")),
            ..failure
        }
        .next("use the site file that it was recorded with; if this is the same site at a new address, record it anew: omega-cli drift --accept"))
    }
}

/// The baselines on this machine: `STATE/drift/SITE/baseline.json`.
#[derive(Clone, Debug)]
pub struct Baselines(PathBuf);

/// The baseline of one site. Nobody else can use it as long as this is held.
#[derive(Debug)]
pub struct BaselineFile {
    path: PathBuf,
    _lock: Lock,
}

impl Baselines {
    /// Returns the baselines below `state`.
    pub fn new(state: &Path) -> Self {
        Self(state.join("drift"))
    }

    /// Takes the baseline of `site`, the path of its site file.
    ///
    /// # Errors
    ///
    /// Fails with [`FailureClass::Locked`] if another process looks at the same site.
    pub fn take(&self, site: &Path) -> Result<BaselineFile, Failure> {
        let site = fs::canonicalize(site).unwrap_or_else(|_| site.to_path_buf());
        let name = Sha256::of(site.as_os_str().as_encoded_bytes());
        let home = self.0.join(name.short());
        let failed = |error: &io::Error| {
            let what = format!("could not use the directory of the baseline, {}", home.display());
            Failure::new(FailureClass::Error, what).because(error.to_string()).next(
                "make it a directory of yours that only you can write to, or name another: XDG_STATE_HOME",
            )
        };
        private_directory(&home).map_err(|error| failed(&error))?;
        let holder = format!("drift, process {}", std::process::id());
        let lock = Lock::take(&home.join("lock"), &holder);
        let lock = lock.map_err(|error| match &error {
            LockError::Held { holder } => {
                let what = format!("this site is being looked at already ({holder})");
                Failure::new(FailureClass::Locked, what)
                    .next("wait until it ends; a `drift --watch` ends when it is stopped, and reports the changes itself")
            }
            _ => Failure {
                causes: chain(&error),
                ..Failure::new(FailureClass::Error, "could not lock the baseline")
            },
        })?;
        remove_abandoned(&home).map_err(|error| failed(&error))?;
        Ok(BaselineFile { path: home.join("baseline.json"), _lock: lock })
    }
}

#[derive(Deserialize)]
struct Version {
    schema_version: u32,
}

impl BaselineFile {
    /// Returns where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the baseline; none if there is none yet. What a killed process left of a new one is not
    /// read: it never had this name.
    ///
    /// # Errors
    ///
    /// Fails if it is damaged, or if a newer version wrote it.
    pub fn read(&self) -> Result<Option<Baseline>, Failure> {
        let bytes = match read_regular(&self.path, MOST) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.unusable(error.to_string())),
        };
        match serde_json::from_slice::<Version>(&bytes) {
            Ok(Version { schema_version: VERSION }) => {}
            Ok(Version { schema_version }) => {
                let why =
                    format!("its version is {schema_version}, and this omega reads {VERSION}");
                return Err(self.unusable(why));
            }
            Err(error) => {
                return Err(self.unusable(format!("it is damaged: {}", json_words(&error))));
            }
        }
        let read = serde_json::from_slice(&bytes);
        read.map(Some)
            .map_err(|error| self.unusable(format!("it is damaged: {}", json_words(&error))))
    }

    /// Replaces the baseline: the old one is kept until the new one is durable.
    ///
    /// # Errors
    ///
    /// Fails if it can't be written.
    pub fn write(&self, baseline: &Baseline) -> Result<(), Failure> {
        let bytes = serde_json::to_vec(baseline).map_err(io::Error::from);
        bytes.and_then(|bytes| persist(&self.path, &bytes)).map_err(|error| {
            let what = format!("could not write the baseline, {}", self.path.display());
            let kept = if self.path.exists() { "the old one is still there; " } else { "" };
            Failure::new(FailureClass::Error, what)
                .because(error.to_string())
                .next(format!("{kept}make room and look again"))
        })
    }

    fn unusable(&self, why: String) -> Failure {
        let path = self.path.display();
        let what = format!("the baseline can't be used: {path}");
        Failure::new(FailureClass::Usage, what).because(why).next(format!(
            "use the version of omega that wrote it; or move it away, and what is there now becomes the baseline: mv '{path}' '{path}.old'"
        ))
    }
}

#[cfg(test)]
#[path = "baseline_tests.rs"]
mod tests;
