use std::path::Path;

use omega_core::{Failure, FailureClass, TargetPreview, persist, read_regular};
use serde::{Deserialize, Serialize};

use super::Task;

const VERSION: u32 = 1;

/// The most that a plan may have: one of a hundred units has some megabytes.
const MOST: u64 = 64 << 20;

#[derive(Deserialize)]
struct Version {
    schema_version: u32,
}

/// A plan that was shown and stored. It holds what was observed and every change, no secret.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct PlanFile {
    /// The format's version.
    pub(crate) schema_version: u32,
    /// What it plans.
    pub(crate) task: String,
    /// What was shown.
    pub(crate) legs: Vec<TargetPreview>,
}

impl PlanFile {
    /// Returns the plan of `task`.
    pub(crate) fn new(task: &Task, legs: Vec<TargetPreview>) -> Self {
        Self { schema_version: VERSION, task: task.name.clone(), legs }
    }

    /// Writes it whole, readable by its owner only. What is there and is no plan stays.
    pub(crate) fn write(&self, path: &Path) -> Result<(), Failure> {
        Self::may_replace(path)?;
        serde_json::to_vec_pretty(self)
            .map_err(std::io::Error::from)
            .and_then(|bytes| persist(path, &bytes))
            .map_err(|error| {
                let what = format!("could not write the plan to {}", path.display());
                Failure::new(FailureClass::Error, what).because(error.to_string())
            })
    }

    /// Says whether nothing would be lost: nothing is there, or an empty file, or a plan.
    pub(crate) fn may_replace(path: &Path) -> Result<(), Failure> {
        let plan =
            |bytes: Vec<u8>| bytes.is_empty() || serde_json::from_slice::<Self>(&bytes).is_ok();
        if path.symlink_metadata().is_ok() && !read_regular(path, MOST).is_ok_and(plan) {
            let what = format!("{} is there, and is no plan", path.display());
            return Err(Failure::new(FailureClass::Usage, what).next("name another file"));
        }
        Ok(())
    }

    /// Reads the plan of `task` at `path`.
    pub(crate) fn read(path: &Path, task: &str) -> Result<Self, Failure> {
        let bad = |class, why: String| {
            let what = format!("{} can't be applied", path.display());
            Failure::new(class, what).because(why).next("plan again, look, and apply the new plan")
        };
        let text = read_regular(path, MOST)
            .map_err(|error| bad(FailureClass::Usage, error.to_string()))?;
        match serde_json::from_slice::<Version>(&text) {
            Ok(Version { schema_version: VERSION }) => {}
            Ok(Version { schema_version }) => {
                return Err(bad(FailureClass::Usage, format!("its version is {schema_version}")));
            }
            Err(error) => return Err(bad(FailureClass::Usage, format!("it is no plan: {error}"))),
        }
        let plan: Self = serde_json::from_slice(&text)
            .map_err(|error| bad(FailureClass::Usage, format!("it is damaged: {error}")))?;
        if plan.task != task {
            return Err(bad(FailureClass::Usage, format!("it plans {}", plan.task)));
        }
        Ok(plan)
    }
}
