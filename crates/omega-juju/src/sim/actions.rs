//! The actions of a simulated unit, with the messages of the real agent.

use std::sync::Arc;

use omega_core::{Touched, values::Sha256};

use super::{
    files::{Node, Owned, digest, parent},
    python::Source,
    unit::Machine,
};
use crate::{
    Access, Action, Error, Expect, FailureCode, FileAction, PackageAction, PipSource, Placement,
    ServiceAction, UnitPath,
};

/// Why an action failed.
#[derive(Debug, Default)]
pub(super) struct Failed {
    why: String,
    code: FailureCode,
    expected: Option<String>,
    found: Option<String>,
    next: Option<String>,
    maybe: bool,
}

impl Failed {
    pub(super) fn new(code: FailureCode, why: impl Into<String>) -> Self {
        Self { why: why.into(), code, ..Self::default() }
    }

    pub(super) fn expected(self, expected: impl Into<String>) -> Self {
        Self { expected: Some(expected.into()), ..self }
    }

    fn found(self, found: impl Into<String>) -> Self {
        Self { found: Some(found.into()), ..self }
    }

    pub(super) fn next(self, next: impl Into<String>) -> Self {
        Self { next: Some(next.into()), ..self }
    }

    pub(super) fn on(self, unit: &str) -> Error {
        Error::Failed {
            unit: unit.to_owned(),
            why: self.why,
            code: self.code,
            expected: self.expected,
            found: self.found,
            next: self.next,
            touched: if self.maybe { Touched::Maybe } else { Touched::Nothing },
        }
    }
}

fn missing(path: &str) -> Failed {
    Failed::new(FailureCode::NotFound, format!("no such file or directory: {path}"))
}

fn known(owned: &Owned) -> Result<(), Failed> {
    let names = [(&owned.owner, "user"), (&owned.group, "group")];
    let unknown = names.into_iter().find(|(name, _)| !matches!(name.as_str(), "root" | "magnum"));
    let Some((name, what)) = unknown else { return Ok(()) };
    let why = format!("{what} {name} does not exist on this unit");
    Err(Failed::new(FailureCode::NoSuchUser, why)
        .expected(format!("owner {}:{}", owned.owner, owned.group)))
}

impl Machine {
    pub(super) fn perform(
        &mut self,
        action: &Action,
        payload: Option<&[u8]>,
    ) -> Result<(), Failed> {
        match action {
            Action::File(action) => self.write(action, payload),
            Action::Package(action) => self.pip(action, payload),
            Action::Service(ServiceAction::ReloadUnits) => {
                let files = self.files.clone();
                self.services.reload(&files);
                Ok(())
            }
            Action::Service(ServiceAction::RestartService { service }) => {
                self.restart(service.as_str())
            }
        }
    }

    fn write(&mut self, action: &FileAction, payload: Option<&[u8]>) -> Result<(), Failed> {
        match action {
            FileAction::MakeDirectory { path, access } => self.make_directory(path, access),
            FileAction::RemoveDirectory { path } => self.remove_directory(path),
            FileAction::PlaceFile(file) => {
                let why = || format!("the request has no content for {}", file.path);
                let none = || Failed::new(FailureCode::Incomplete, why());
                self.place(file, payload.ok_or_else(none)?)
            }
            FileAction::RestoreFile(file) => {
                let bytes = self.kept(&file.path, &file.sha256)?;
                self.place(file, &bytes)
            }
            FileAction::FetchFile { file, from } => {
                let bytes = self.download(&from.url)?;
                self.place(file, &bytes)
            }
            FileAction::MakeLink { path, target, expect } => {
                let (path, target) = (path.as_str(), target.to_owned());
                self.check(path, *expect)?;
                self.keep(path);
                self.files.put(path, Node::Link { target }, self.now);
                Ok(())
            }
            FileAction::SetFileMode { path, access } => self.set_mode(path, access),
            FileAction::RemoveFile { path, expect } => self.remove(path, *expect),
        }
    }

    fn pip(&mut self, action: &PackageAction, payload: Option<&[u8]>) -> Result<(), Failed> {
        match action {
            PackageAction::PipInstall {
                service,
                distribution,
                version,
                source,
                break_system_packages,
            } => {
                self.has_daemon(service.as_str())?;
                self.room("/var/lib/omega/wheels")?;
                let source = match source {
                    PipSource::Index { url: _ } => Source::Index,
                    PipSource::Kept => Source::Kept,
                    PipSource::Wheel { file_name, sha256 } => {
                        if payload.map(digest) != Some(*sha256) {
                            let why = "the wheel that was sent is not the planned one";
                            return Err(Failed::new(FailureCode::DigestDiffers, why)
                                .expected(format!("sha256:{sha256}")));
                        }
                        Source::Wheel(file_name)
                    }
                };
                let (switch, now) = (*break_system_packages, self.now);
                self.python.install(distribution, version, &source, switch, now)
            }
            PackageAction::PipUninstall { service, distribution, break_system_packages } => {
                self.has_daemon(service.as_str())?;
                self.python.uninstall(distribution, *break_system_packages)
            }
        }
    }

    fn has_daemon(&self, service: &str) -> Result<(), Failed> {
        if self.services.all.contains_key(service) {
            return Ok(());
        }
        let why = format!("this unit has no {service}, so there is no interpreter to install for");
        Err(Failed::new(FailureCode::NoDaemon, why))
    }

    fn room(&self, home: &str) -> Result<(), Failed> {
        if !self.full {
            return Ok(());
        }
        let why = format!("no space left on device ({home}: 0 bytes free)");
        Err(Failed::new(FailureCode::NoSpace, why)
            .next(format!("free some space in {home}, then run it again")))
    }

    fn has_parent(&self, path: &str) -> Result<(), Failed> {
        let home = parent(path);
        if self.files.is_directory(home) {
            return Ok(());
        }
        Err(missing(home).next(format!("create {home} first")))
    }

    fn make_directory(&mut self, path: &UnitPath, access: &Access) -> Result<(), Failed> {
        let (path, owned) = (path.as_str(), Owned::of(access));
        known(&owned)?;
        self.has_parent(path)?;
        if self.files.get(path).is_some() && !self.files.is_directory(path) {
            let why = format!("{path} exists and is not a directory");
            return Err(Failed::new(FailureCode::Occupied, why).expected("a directory"));
        }
        self.room(parent(path))?;
        let node = Node::Directory { owned, modified: self.now };
        self.files.put(path, node, self.now);
        Ok(())
    }

    fn remove_directory(&mut self, path: &UnitPath) -> Result<(), Failed> {
        let path = path.as_str();
        let names = self.files.names(path).ok_or_else(|| missing(path))?;
        if !names.is_empty() {
            return Err(Failed::new(FailureCode::Occupied, format!("{path} is not empty"))
                .expected("an empty directory")
                .found(names.join(", ")));
        }
        self.files.take(path, self.now);
        Ok(())
    }

    /// Refuses a path that has changed since it was planned.
    fn check(&self, path: &str, expect: Expect) -> Result<(), Failed> {
        let found = match self.files.get(path) {
            None => "nothing".to_owned(),
            Some(Node::File { bytes, .. }) => format!("a file sha256:{}", digest(bytes)),
            Some(Node::Link { .. }) => "a symbolic link".to_owned(),
            Some(Node::Directory { .. }) => "a directory".to_owned(),
            Some(Node::Special) => "neither a file nor a directory".to_owned(),
        };
        let expected = match expect {
            Expect::Absent => "nothing".to_owned(),
            Expect::Link => "a symbolic link".to_owned(),
            Expect::Sha256(sha256) => format!("a file sha256:{sha256}"),
        };
        if found == expected {
            return Ok(());
        }
        Err(Failed::new(FailureCode::Changed, format!("{path} has changed since it was read"))
            .expected(expected)
            .found(found)
            .next("plan again"))
    }

    fn keep(&mut self, path: &str) {
        if let Some(Node::File { bytes, .. }) = self.files.get(path) {
            let bytes = Arc::clone(bytes);
            self.before.insert(digest(&bytes), bytes);
        }
    }

    fn kept(&self, path: &UnitPath, sha256: &Sha256) -> Result<Vec<u8>, Failed> {
        let none = || {
            let why = format!("the before-image of {path} is not stored on this unit");
            Failed::new(FailureCode::NotKept, why)
                .expected(format!("/var/lib/omega/before/{sha256}"))
                .found("nothing")
        };
        self.before.get(sha256).map(|bytes| bytes.to_vec()).ok_or_else(none)
    }

    fn download(&self, url: &str) -> Result<Vec<u8>, Failed> {
        self.web.get(url).cloned().ok_or_else(|| {
            let why = format!("{url} can't be downloaded: connection refused");
            Failed::new(FailureCode::Download, why).next(
                "check the unit's access to that address (proxy, egress), or provide the file locally",
            )
        })
    }

    fn place(&mut self, place: &Placement, bytes: &[u8]) -> Result<(), Failed> {
        let path = place.path.as_str();
        if digest(bytes) != place.sha256 {
            let why = format!("the content for {path} is not the planned one");
            return Err(Failed::new(FailureCode::DigestDiffers, why)
                .expected(format!("sha256:{}", place.sha256))
                .found(format!("sha256:{}, {} bytes", digest(bytes), bytes.len())));
        }
        let owned = Owned::of(&place.access);
        known(&owned)?;
        self.has_parent(path)?;
        self.check(path, place.expect)?;
        self.room(parent(path))?;
        self.keep(path);
        self.files.write(path, bytes, owned, self.now);
        Ok(())
    }

    fn set_mode(&mut self, path: &UnitPath, access: &Access) -> Result<(), Failed> {
        let (path, owned) = (path.as_str(), Owned::of(access));
        known(&owned)?;
        match self.files.0.get_mut(path) {
            Some(Node::File { owned: had, .. }) => {
                *had = owned;
                Ok(())
            }
            Some(_) => {
                Err(Failed::new(FailureCode::Occupied, format!("{path} is not a regular file")))
            }
            None => Err(missing(path)),
        }
    }

    fn remove(&mut self, path: &UnitPath, expect: Expect) -> Result<(), Failed> {
        let path = path.as_str();
        self.check(path, expect)?;
        if expect == Expect::Absent {
            let why = format!("{path} does not exist, so it can't be removed");
            return Err(Failed::new(FailureCode::NotFound, why));
        }
        self.keep(path);
        self.files.take(path, self.now);
        Ok(())
    }

    pub(super) fn restart(&mut self, name: &str) -> Result<(), Failed> {
        let load = self.services.load_state(name);
        if load != "loaded" {
            return Err(Failed::new(FailureCode::NotLoaded, format!("{name} can't be restarted"))
                .expected("a service that is loaded")
                .found(load));
        }
        let (files, python) = (self.files.clone(), self.python.clone());
        self.services.restart(name, &files, &python, self.now).map_err(|lines| {
            let shown = |line: &&str| !line.trim_matches([' ', '^']).is_empty();
            let lines: Vec<_> = lines.iter().map(|line| line.trim()).filter(shown).collect();
            let last = lines.get(lines.len().saturating_sub(3)..).unwrap_or_default().join(" | ");
            let found =
                format!("activating/auto-restart, result exit-code; last log lines: {last}");
            let failed = Failed::new(FailureCode::WouldNotStart, format!("{name} did not start"))
                .expected("active/running")
                .found(found)
                .next(format!("look at journalctl -u {name}, then run it again"));
            Failed { maybe: true, ..failed }
        })
    }
}
