//! The daemons' interpreter and its pip.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::recorded::{self, Recording, at};
use crate::FailureCode;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Installed {
    pub(super) version: String,
    pub(super) location: String,
    pub(super) entry_points: Vec<String>,
    pub(super) modified: i64,
}

#[derive(Clone, Debug)]
pub(super) struct Python {
    pub(super) program: String,
    pub(super) version: String,
    pub(super) pip: Option<String>,
    pub(super) externally_managed: bool,
    pub(super) installed: BTreeMap<String, Installed>,
    /// Versions of the driver on the index; `None` if it can't be reached.
    pub(super) index: Option<BTreeSet<String>>,
    /// Wheels kept of what was replaced.
    pub(super) kept: BTreeSet<(String, String)>,
}

/// Why pip is not even started, or what it answers.
pub(super) type No = (FailureCode, String);

fn pip_says(words: &str) -> No {
    (FailureCode::Pip, format!("pip: {words}"))
}

pub(super) const DRIVER: &str = "magnum-capi-helm";

/// Where pip takes a version from.
pub(super) enum Source<'a> {
    Index,
    Kept,
    Wheel(&'a str),
}

impl Python {
    pub(super) fn new() -> Self {
        let told = recorded::python(Recording::Fresh, "magnum");
        let magnum = installed(at(&told, "distribution"), 0);
        // A near name, to be told apart.
        let decoy = Installed { version: "1.4.0".to_owned(), ..magnum.clone() };
        let index = ["1.1.0", "1.3.0", "1.4.0"].map(str::to_owned).into();
        Self {
            program: recorded::text(at(&told, "program")),
            version: recorded::text(at(&told, "version")),
            pip: at(&told, "pip").as_str().map(str::to_owned),
            externally_managed: at(&told, "externally_managed").as_bool().unwrap_or_default(),
            installed: [("magnum".to_owned(), magnum), ("magnum-capi-helm-docs".to_owned(), decoy)]
                .into(),
            index: Some(index),
            kept: BTreeSet::new(),
        }
    }

    pub(super) fn driver(&self) -> Option<String> {
        self.installed.get(DRIVER).map(|found| found.version.clone())
    }

    pub(super) fn put_driver(&mut self, version: &str, now: i64) {
        let told = recorded::python(Recording::Grafted, DRIVER);
        let driver = installed(at(&told, "distribution"), now);
        let driver = Installed { version: version.to_owned(), ..driver };
        self.installed.insert(DRIVER.to_owned(), driver);
    }

    fn ready(&self, switch: bool) -> Result<(), No> {
        let Some(pip) = &self.pip else {
            return Err((FailureCode::NoProgram, format!("{} has no pip", self.program)));
        };
        let knows = pip.split('.').map(|part| part.parse::<u32>().unwrap_or_default());
        if switch && knows.lt([23, 0, 1]) {
            return Err(pip_says("no such option: --break-system-packages"));
        }
        if self.externally_managed && !switch {
            return Err(pip_says("error: externally-managed-environment"));
        }
        Ok(())
    }

    pub(super) fn install(
        &mut self,
        name: &str,
        version: &str,
        source: &Source<'_>,
        switch: bool,
        now: i64,
    ) -> Result<(), No> {
        let kept = (name.to_owned(), version.to_owned());
        if self.pip.is_none() {
            self.ready(switch)?;
        }
        match source {
            Source::Kept if !self.kept.contains(&kept) => {
                let why = format!("no wheel of {name} {version} is kept here");
                return Err((FailureCode::NotKept, why));
            }
            Source::Kept => {}
            Source::Wheel(file) => {
                let mut parts = file.split('-');
                let same = parts.next().is_some_and(|part| part.replace('_', "-") == name);
                if !same || parts.next() != Some(version) {
                    return Err(pip_says(&format!("ERROR: {file} is not {name} {version}")));
                }
            }
            Source::Index => self.on_index(name, version)?,
        }
        self.ready(switch)?;
        self.keep(name);
        self.put_driver(version, now);
        Ok(())
    }

    fn on_index(&self, name: &str, version: &str) -> Result<(), No> {
        let Some(versions) = &self.index else {
            return Err(pip_says(&format!(
                "ERROR: Could not find a version that satisfies the requirement \
                 {name}=={version} (from versions: none); ERROR: No matching distribution found \
                 for {name}=={version}"
            )));
        };
        if versions.contains(version) {
            return Ok(());
        }
        let all: Vec<_> = versions.iter().map(String::as_str).collect();
        Err(pip_says(&format!(
            "ERROR: Could not find a version that satisfies the requirement \
             {name}=={version} (from versions: {}); ERROR: No matching distribution found for \
             {name}=={version}",
            all.join(", ")
        )))
    }

    fn keep(&mut self, name: &str) {
        if let Some(found) = self.installed.get(name) {
            self.kept.insert((name.to_owned(), found.version.clone()));
        }
    }

    pub(super) fn uninstall(&mut self, name: &str, switch: bool) -> Result<(), No> {
        if !self.installed.contains_key(name) {
            return Err((FailureCode::NotFound, format!("{name} is not installed")));
        }
        self.ready(switch)?;
        self.keep(name);
        self.installed.remove(name);
        Ok(())
    }
}

fn installed(told: &Value, now: i64) -> Installed {
    Installed {
        version: recorded::text(at(told, "version")),
        location: recorded::text(at(told, "location")),
        entry_points: recorded::words(at(told, "entry_points")),
        modified: now,
    }
}
