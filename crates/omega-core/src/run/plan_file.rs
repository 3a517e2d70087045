use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Endpoints, Job, different_site};
use crate::{Failure, FailureClass, TargetPreview, json_words, persist, read_regular};

const VERSION: u32 = 2;

/// The largest plan file that is read. The plan of a hundred units has a few megabytes.
const MOST: u64 = 64 << 20;

#[derive(Deserialize)]
struct Version {
    schema_version: u32,
}

/// A plan that was shown and stored. It has what was observed and every change, but no secret, and
/// it is bound to its site.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PlanFile {
    /// The format's version.
    pub schema_version: u32,
    /// The job's name.
    pub task: String,
    /// The site: its cloud, its model, its management cluster, and how each unit is reached. (Plans of
    /// version 1 lack it.)
    #[serde(default)]
    pub endpoints: Endpoints,
    /// What was shown.
    #[serde(alias = "legs")]
    pub targets: Vec<TargetPreview>,
}

impl PlanFile {
    /// Returns the plan of `job`.
    pub fn new(job: &Job, targets: Vec<TargetPreview>) -> Self {
        let endpoints = job.endpoints.clone();
        Self { schema_version: VERSION, task: job.name.clone(), endpoints, targets }
    }

    /// Writes it atomically, readable by its owner only. A file that is not a plan is not replaced.
    ///
    /// # Errors
    ///
    /// Fails if it can't be written.
    pub fn write(&self, path: &Path) -> Result<(), Failure> {
        may_replace(path)?;
        serde_json::to_vec_pretty(self)
            .map_err(std::io::Error::from)
            .and_then(|bytes| persist(path, &bytes))
            .map_err(|error| {
                let what = format!("could not write the plan to {}", path.display());
                Failure::new(FailureClass::Error, what).because(error.to_string())
            })
    }

    /// Reads the plan of `task` at `path`, to apply it.
    ///
    /// # Errors
    ///
    /// Fails if it is not a plan, not one of `task`, or damaged.
    pub fn read(path: &Path, task: &str) -> Result<Self, Failure> {
        let bad = |why: String| {
            let what = format!("{} can't be applied", path.display());
            Failure::new(FailureClass::Usage, what)
                .because(why)
                .next("make a new plan, review it, and apply it")
        };
        let plan = Self::parse(path, &bad)?;
        if plan.task != task {
            return Err(bad(format!("it is a plan for {}", plan.task)));
        }
        Ok(plan)
    }

    /// Reads the plan at `path`, to show it.
    ///
    /// # Errors
    ///
    /// Fails if it is not a plan, or damaged.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let bad = |why: String| {
            let what = format!("{} can't be shown", path.display());
            Failure::new(FailureClass::Usage, what)
                .because(why)
                .next("omega-cli plan graft --out FILE")
        };
        Self::parse(path, &bad)
    }

    fn parse(path: &Path, bad: &dyn Fn(String) -> Failure) -> Result<Self, Failure> {
        let text = read_regular(path, MOST).map_err(|error| bad(error.to_string()))?;
        match serde_json::from_slice::<Version>(&text) {
            Ok(Version { schema_version: 1..=VERSION }) => {}
            Ok(Version { schema_version }) => {
                let why = format!(
                    "its version is {schema_version}, and this omega reads 1 and {VERSION}"
                );
                return Err(bad(why)
                    .next("make a new plan, or use the version of omega that made this one"));
            }
            Err(error) => return Err(bad(format!("not a plan file: {}", json_words(&error)))),
        }
        serde_json::from_slice(&text)
            .map_err(|error| bad(format!("it is damaged: {}", json_words(&error))))
    }

    /// Checks that `job` is for the site that this plan was made for.
    ///
    /// # Errors
    ///
    /// Tells what differs. A plan of version 1 does not know its site, so it is stale.
    pub fn is_for(&self, job: &Job) -> Result<(), Failure> {
        let again = "make a new plan, review it, and apply it";
        if self.schema_version < VERSION {
            let what = "the plan is stale: it was made by an older version";
            return Err(Failure::new(FailureClass::Stale, what).next(again));
        }
        match different_site(&self.endpoints, &job.endpoints) {
            None => Ok(()),
            Some((what, then, now)) => {
                let failure = Failure::new(FailureClass::Stale, "the plan is for another site");
                Err(Failure {
                    expected: Some(format!("{what}: {then}")),
                    found: Some(format!("{what}: {now}")),
                    ..failure
                }
                .next("use the site file that it was made for, or make a new plan"))
            }
        }
    }
}

/// Checks that a plan can be written to `path` without losing anything: there is no file, an empty
/// one, or a plan.
///
/// # Errors
///
/// Fails on anything else.
pub fn may_replace(path: &Path) -> Result<(), Failure> {
    let plan =
        |bytes: Vec<u8>| bytes.is_empty() || serde_json::from_slice::<PlanFile>(&bytes).is_ok();
    if path.symlink_metadata().is_ok() && !read_regular(path, MOST).is_ok_and(plan) {
        let what = format!("{} exists and is not a plan file", path.display());
        return Err(Failure::new(FailureClass::Usage, what).next("choose another file"));
    }
    Ok(())
}
