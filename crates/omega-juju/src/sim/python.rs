//! The daemons' interpreter and its pip.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{
    config::Options,
    recorded::{self, Recording, at},
    services,
};
use crate::{ActionFailure, BrokenMetadata, DriverState, FailureCode};

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
    /// Further distributions of the driver's name.
    pub(super) others: Vec<Installed>,
    /// Metadata that can't be read.
    pub(super) broken: Vec<BrokenMetadata>,
    /// A module that the driver imports and that is not installed.
    pub(super) missing: Option<String>,
    /// The entry points of other distributions.
    pub(super) rivals: Vec<DriverState>,
    /// The versions of the driver in the index; `None` if it can't be reached.
    pub(super) index: Option<BTreeSet<String>>,
    /// The stored wheels.
    pub(super) kept: BTreeSet<(String, String)>,
}

fn pip_failed(why: &str) -> ActionFailure {
    ActionFailure::new(FailureCode::Pip, format!("pip: {why}"))
}

pub(super) const DRIVER: &str = "magnum-capi-helm";

/// Where a distribution's metadata is.
pub(super) fn path_of(name: &str, found: &Installed) -> String {
    format!("{}/{}-{}.dist-info", found.location, name.replace('-', "_"), found.version)
}

/// From where pip installs a version.
pub(super) enum Source<'a> {
    Index,
    Kept,
    Wheel(&'a str),
}

impl Python {
    pub(super) fn new() -> Self {
        let reply = recorded::python(Recording::Fresh, "magnum");
        let magnum = installed(at(&reply, "distribution"), 0);
        // A similar name.
        let decoy = Installed { version: "1.4.0".to_owned(), ..magnum.clone() };
        let index = ["1.1.0", "1.3.0", "1.4.0"].map(str::to_owned).into();
        Self {
            program: recorded::text(at(&reply, "program")),
            version: recorded::text(at(&reply, "version")),
            pip: at(&reply, "pip").as_str().map(str::to_owned),
            externally_managed: at(&reply, "externally_managed").as_bool().unwrap_or_default(),
            installed: [("magnum".to_owned(), magnum), ("magnum-capi-helm-docs".to_owned(), decoy)]
                .into(),
            index: Some(index),
            others: Vec::new(),
            broken: Vec::new(),
            missing: None,
            rivals: Vec::new(),
            kept: BTreeSet::new(),
        }
    }

    pub(super) fn driver(&self) -> Option<String> {
        self.installed.get(DRIVER).map(|found| found.version.clone())
    }

    /// The drivers that Magnum finds: that of the graft, and those of others.
    pub(super) fn drivers(&self, disabled: &[String], options: &Options) -> Vec<DriverState> {
        let found = self.installed.get(DRIVER);
        let own = found.into_iter().flat_map(|found| {
            found.entry_points.iter().map(|name| DriverState {
                name: name.clone(),
                module: "magnum_capi_helm.driver:Driver".to_owned(),
                distribution: Some(DRIVER.to_owned()),
                version: Some(found.version.clone()),
                path: Some(path_of(DRIVER, found)),
                provides: ["vm/ubuntu/kubernetes", "vm/flatcar/kubernetes"]
                    .map(String::from)
                    .into(),
                beta: false,
                error: self.import_error(&found.version, options),
                code: self.missing.is_some().then_some(FailureCode::NoModule),
            })
        });
        let loaded = |driver: DriverState| {
            if disabled.contains(&driver.name) {
                return DriverState { provides: Vec::new(), error: None, ..driver };
            }
            let provides = if driver.error.is_some() { Vec::new() } else { driver.provides };
            DriverState { provides, ..driver }
        };
        own.chain(self.rivals.clone()).map(loaded).collect()
    }

    fn import_error(&self, version: &str, options: &Options) -> Option<String> {
        if let Some(module) = &self.missing {
            return Some(format!("ModuleNotFoundError: No module named '{module}'"));
        }
        let parsed = services::imports(version, options);
        (!parsed).then(|| {
            "JSONDecodeError: Expecting property name enclosed in double quotes: line 1".to_owned()
        })
    }

    pub(super) fn put_driver(&mut self, version: &str, now: i64) {
        let reply = recorded::python(Recording::Grafted, DRIVER);
        let driver = installed(at(&reply, "distribution"), now);
        let driver = Installed { version: version.to_owned(), ..driver };
        self.installed.insert(DRIVER.to_owned(), driver);
    }

    fn ready(&self, switch: bool) -> Result<(), ActionFailure> {
        let Some(pip) = &self.pip else {
            return Err(ActionFailure::new(
                FailureCode::NoProgram,
                format!("{} has no pip", self.program),
            ));
        };
        let version = pip.split('.').map(|part| part.parse::<u32>().unwrap_or_default());
        if switch && version.lt([23, 0, 1]) {
            return Err(pip_failed("no such option: --break-system-packages"));
        }
        if self.externally_managed && !switch {
            return Err(pip_failed("error: externally-managed-environment"));
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
    ) -> Result<(), ActionFailure> {
        let kept = (name.to_owned(), version.to_owned());
        if self.pip.is_none() {
            self.ready(switch)?;
        }
        match source {
            Source::Kept if !self.kept.contains(&kept) => {
                let why = format!("no wheel of {name} {version} is stored on this unit");
                return Err(ActionFailure::new(FailureCode::NotKept, why)
                    .expected("/var/lib/omega/wheels")
                    .next("provide the wheel, or an index that has it"));
            }
            Source::Kept => {}
            Source::Wheel(file) => {
                let mut parts = file.split('-');
                let same = parts.next().is_some_and(|part| part.replace('_', "-") == name);
                if !same || parts.next() != Some(version) {
                    return Err(pip_failed(&format!("ERROR: {file} is not {name} {version}")));
                }
            }
            Source::Index => self.on_index(name, version)?,
        }
        self.ready(switch)?;
        self.keep(name);
        self.put_driver(version, now);
        Ok(())
    }

    /// Why pip does not find a version in the index, as the agent tells it.
    pub(super) fn index_error(&self, name: &str, version: &str) -> Option<String> {
        let Some(all) = &self.index else {
            return Some(format!(
                "Could not fetch URL https://index.invalid/simple/{name}/: connection error"
            ));
        };
        (!all.contains(version)).then(|| {
            let all: Vec<&str> = all.iter().map(String::as_str).collect();
            format!("it has no {name} {version}, only {}", all.join(", "))
        })
    }

    fn on_index(&self, name: &str, version: &str) -> Result<(), ActionFailure> {
        let all = match &self.index {
            Some(versions) if versions.contains(version) => return Ok(()),
            Some(versions) => versions.iter().map(String::as_str).collect::<Vec<_>>().join(", "),
            None => "none".to_owned(),
        };
        Err(pip_failed(&format!(
            "ERROR: Could not find a version that satisfies the requirement \
             {name}=={version} (from versions: {all}); ERROR: No matching distribution found for \
             {name}=={version}"
        )))
    }

    fn keep(&mut self, name: &str) {
        if let Some(found) = self.installed.get(name) {
            self.kept.insert((name.to_owned(), found.version.clone()));
        }
    }

    pub(super) fn uninstall(&mut self, name: &str, switch: bool) -> Result<(), ActionFailure> {
        if !self.installed.contains_key(name) {
            return Err(ActionFailure::new(
                FailureCode::NotFound,
                format!("{name} is not installed"),
            ));
        }
        self.ready(switch)?;
        self.keep(name);
        self.installed.remove(name);
        Ok(())
    }
}

fn installed(reply: &Value, now: i64) -> Installed {
    Installed {
        version: recorded::text(at(reply, "version")),
        location: recorded::text(at(reply, "location")),
        entry_points: recorded::texts(at(reply, "entry_points")),
        modified: now,
    }
}
