//! What a simulated unit does when it is told, in the real agent's words.

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

    fn expected(self, expected: impl Into<String>) -> Self {
        Self { expected: Some(expected.into()), ..self }
    }

    fn found(self, found: impl Into<String>) -> Self {
        Self { found: Some(found.into()), ..self }
    }

    fn next(self, next: impl Into<String>) -> Self {
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
                let why = || format!("the bytes for {} did not come with the request", file.path);
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
            FileAction::MakeLink { path, target, expect } => self.make_link(path, target, *expect),
            FileAction::SetFileMode { path, access } => self.set_mode(path, access),
            FileAction::RemoveFile { path, expect } => self.remove(path, *expect),
        }
    }

    fn pip(&mut self, action: &PackageAction, payload: Option<&[u8]>) -> Result<(), Failed> {
        let failed = |(code, why)| Failed::new(code, why);
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
                            let why = "the wheel that came is not the one that was planned";
                            return Err(Failed::new(FailureCode::DigestDiffers, why)
                                .expected(format!("sha256:{sha256}")));
                        }
                        Source::Wheel(file_name)
                    }
                };
                let (switch, now) = (*break_system_packages, self.now);
                let done = self.python.install(distribution, version, &source, switch, now);
                done.map_err(|(code, why)| {
                    let kept = code == FailureCode::NotKept;
                    let failed = failed((code, why));
                    if !kept {
                        return failed;
                    }
                    let next = "give the wheel, or an index that has it";
                    failed.expected("/var/lib/omega/wheels").next(next)
                })
            }
            PackageAction::PipUninstall { service, distribution, break_system_packages } => {
                self.has_daemon(service.as_str())?;
                self.python.uninstall(distribution, *break_system_packages).map_err(failed)
            }
        }
    }

    fn has_daemon(&self, service: &str) -> Result<(), Failed> {
        if self.services.all.contains_key(service) {
            return Ok(());
        }
        Err(Failed::new(
            FailureCode::NoDaemon,
            format!("this unit has no {service}, so no interpreter to install for"),
        ))
    }

    fn room(&self, home: &str) -> Result<(), Failed> {
        if !self.full {
            return Ok(());
        }
        Err(Failed::new(
            FailureCode::NoSpace,
            format!("no space left on device ({home}: 0 bytes free)"),
        )
        .next(format!("make room in {home}, then run it again")))
    }

    fn known(owned: &Owned) -> Result<(), Failed> {
        let names = [(&owned.owner, "user"), (&owned.group, "group")];
        let stranger =
            names.into_iter().find(|(name, _)| !matches!(name.as_str(), "root" | "magnum"));
        match stranger {
            None => Ok(()),
            Some((name, what)) => {
                Err(Failed::new(FailureCode::NoSuchUser, format!("there is no {what} {name} here"))
                    .expected(format!("owner {}:{}", owned.owner, owned.group)))
            }
        }
    }

    fn make_directory(&mut self, path: &UnitPath, access: &Access) -> Result<(), Failed> {
        let owned = Owned::of(access);
        Self::known(&owned)?;
        let path = path.as_str();
        if !self.has_directory(path) {
            let home = parent(path);
            return Err(Failed::new(
                FailureCode::NotFound,
                format!("no such file or directory: {home}"),
            )
            .next(format!("make {home} first")));
        }
        if self.files.get(path).is_some() && !self.files.is_directory(path) {
            return Err(Failed::new(
                FailureCode::Occupied,
                format!("{path} is there, and is not a directory"),
            )
            .expected("a directory"));
        }
        self.room(parent(path))?;
        let node = Node::Directory { owned, modified: self.now };
        self.files.put(path, node, self.now);
        Ok(())
    }

    fn remove_directory(&mut self, path: &UnitPath) -> Result<(), Failed> {
        let path = path.as_str();
        let Some(names) = self.files.names(path) else {
            return Err(Failed::new(
                FailureCode::NotFound,
                format!("no such file or directory: {path}"),
            ));
        };
        if !names.is_empty() {
            return Err(Failed::new(FailureCode::Occupied, format!("{path} is not empty"))
                .expected("an empty directory")
                .found(names.join(", ")));
        }
        self.files.take(path, self.now);
        Ok(())
    }

    /// Refuses if what is there is not what the plan saw.
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
        Err(Failed::new(FailureCode::Changed, format!("{path} changed since it was looked at"))
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
        match self.before.get(sha256) {
            Some(bytes) => Ok(bytes.to_vec()),
            None => Err(Failed::new(
                FailureCode::NotKept,
                format!("the before-image of {path} is not kept here"),
            )
            .expected(format!("/var/lib/omega/before/{sha256}"))
            .found("nothing")),
        }
    }

    fn download(&self, url: &str) -> Result<Vec<u8>, Failed> {
        self.web.get(url).cloned().ok_or_else(|| {
            Failed::new(
                FailureCode::Download,
                format!("{url} can't be downloaded: connection refused"),
            )
            .next(
                "check the unit's way to that address (proxy, egress), or place the file from here",
            )
        })
    }

    fn place(&mut self, place: &Placement, bytes: &[u8]) -> Result<(), Failed> {
        let path = place.path.as_str();
        if digest(bytes) != place.sha256 {
            let found = format!("sha256:{}, {} bytes", digest(bytes), bytes.len());
            return Err(Failed::new(
                FailureCode::DigestDiffers,
                format!("the bytes for {path} are not what was planned"),
            )
            .expected(format!("sha256:{}", place.sha256))
            .found(found));
        }
        let owned = Owned::of(&place.access);
        Self::known(&owned)?;
        if !self.has_directory(path) {
            let home = parent(path);
            return Err(Failed::new(
                FailureCode::NotFound,
                format!("no such file or directory: {home}"),
            )
            .next(format!("make {home} first")));
        }
        self.check(path, place.expect)?;
        self.room(parent(path))?;
        self.keep(path);
        self.files.write(path, bytes, owned, self.now);
        Ok(())
    }

    fn make_link(&mut self, path: &UnitPath, target: &str, expect: Expect) -> Result<(), Failed> {
        let path = path.as_str();
        self.check(path, expect)?;
        self.keep(path);
        self.files.put(path, Node::Link { target: target.to_owned() }, self.now);
        Ok(())
    }

    fn set_mode(&mut self, path: &UnitPath, access: &Access) -> Result<(), Failed> {
        let owned = Owned::of(access);
        Self::known(&owned)?;
        let path = path.as_str();
        match self.files.get(path).cloned() {
            // Its content is not touched, nor its time.
            Some(Node::File { bytes, owned: _, modified }) => {
                let node = Node::File { bytes, owned, modified };
                self.files.0.insert(path.to_owned(), node);
                Ok(())
            }
            Some(_) => {
                Err(Failed::new(FailureCode::Occupied, format!("{path} is not a regular file")))
            }
            None => Err(Failed::new(
                FailureCode::NotFound,
                format!("no such file or directory: {path}"),
            )),
        }
    }

    fn remove(&mut self, path: &UnitPath, expect: Expect) -> Result<(), Failed> {
        let path = path.as_str();
        self.check(path, expect)?;
        if expect == Expect::Absent {
            return Err(Failed::new(
                FailureCode::NotFound,
                format!("there is nothing at {path} to remove"),
            ));
        }
        self.keep(path);
        self.files.take(path, self.now);
        Ok(())
    }

    pub(super) fn restart(&mut self, name: &str) -> Result<(), Failed> {
        let load = match self.services.all.get(name) {
            None => "not-found",
            Some(service) if service.masked => "masked",
            Some(_) => "loaded",
        };
        if load != "loaded" {
            return Err(Failed::new(FailureCode::NotLoaded, format!("{name} can't be restarted"))
                .expected("a service that is loaded")
                .found(load));
        }
        let (files, python) = (self.files.clone(), self.python.clone());
        self.services.restart(name, &files, &python, self.now).map_err(|words| {
            let last = words.iter().rev().map(|line| line.trim());
            let last: Vec<_> =
                last.filter(|line| !line.trim_matches([' ', '^']).is_empty()).take(3).collect();
            let last = last.into_iter().rev().collect::<Vec<_>>().join(" | ");
            Failed {
                maybe: true,
                ..Failed::new(FailureCode::WouldNotStart, format!("{name} would not start"))
                    .expected("active/running")
                    .found(format!(
                        "activating/auto-restart, result exit-code; its last words: {last}"
                    ))
                    .next(format!("journalctl -u {name}; then run it again"))
            }
        })
    }
}
