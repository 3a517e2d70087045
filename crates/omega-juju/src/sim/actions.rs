//! The actions of a simulated unit, with the messages of the real agent.

use std::sync::Arc;

use omega_core::{Touched, values::Sha256};

use super::{
    files::{Node, Owned, parent},
    python::Source,
    unit::Machine,
};
use crate::{
    Access, Action, ActionFailure, Expect, FailureCode, FileAction, Obstacle, PackageAction,
    PipSource, Placement, ServiceAction, UnitPath,
};

fn missing(path: &str) -> ActionFailure {
    ActionFailure::new(FailureCode::NotFound, format!("no such file or directory: {path}"))
}

fn known(owned: &Owned) -> Result<(), ActionFailure> {
    let names = [(&owned.owner, "user"), (&owned.group, "group")];
    let users = ["root", "magnum", "openstack"];
    let unknown = names.into_iter().find(|(name, _)| !users.contains(&name.as_str()));
    let Some((name, what)) = unknown else { return Ok(()) };
    let why = format!("{what} {name} does not exist on this unit");
    Err(ActionFailure::new(FailureCode::NoSuchUser, why)
        .expected(format!("owner {}:{}", owned.owner, owned.group)))
}

impl Machine {
    pub(super) fn perform(
        &mut self,
        action: &Action,
        payload: Option<&[u8]>,
    ) -> Result<(), ActionFailure> {
        match action {
            Action::File(action) => self.write(action, payload),
            Action::Package(action) => self.pip(action, payload),
            Action::Service(ServiceAction::ReloadUnits) => {
                self.services.reload(&self.files);
                Ok(())
            }
            Action::Service(ServiceAction::RestartService { service }) => {
                self.restart(service.as_str())
            }
        }
    }

    fn write(&mut self, action: &FileAction, payload: Option<&[u8]>) -> Result<(), ActionFailure> {
        match action {
            FileAction::MakeDirectory { path, access } => self.make_directory(path, access),
            FileAction::RemoveDirectory { path } => self.remove_directory(path),
            FileAction::PlaceFile(file) => {
                let why = || format!("the request has no content for {}", file.path);
                let none = || ActionFailure::new(FailureCode::Incomplete, why());
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

    fn pip(&mut self, action: &PackageAction, payload: Option<&[u8]>) -> Result<(), ActionFailure> {
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
                        if payload.map(Sha256::of) != Some(*sha256) {
                            let why = "the wheel that was sent is not the planned one";
                            return Err(ActionFailure::new(FailureCode::DigestDiffers, why)
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

    fn has_daemon(&self, service: &str) -> Result<(), ActionFailure> {
        if self.services.all.contains_key(service) {
            return Ok(());
        }
        let why = format!("this unit has no {service}, so there is no interpreter to install for");
        Err(ActionFailure::new(FailureCode::NoDaemon, why))
    }

    /// What would stop a write to a path, as the agent tells it.
    pub(super) fn obstacle(&self, path: &str, access: Option<&Access>) -> Option<Obstacle> {
        let known = || access.map_or(Ok(()), |access| known(&Owned::of(access)));
        let stopped = known()
            .and_then(|()| access.map_or(Ok(()), |_| self.has_parent(path)))
            .and_then(|()| self.writable(path))
            .and_then(|()| if self.fills_late { Ok(()) } else { self.room(parent(path)) });
        let ActionFailure { why, code, expected, next, .. } = stopped.err()?;
        Some(Obstacle { why, code, expected, next })
    }

    /// Refuses a path on a file system that is mounted read-only, and one that is immutable.
    pub(super) fn writable(&self, path: &str) -> Result<(), ActionFailure> {
        let below = |home: &String| {
            path == *home || path.starts_with(&format!("{}/", home.trim_end_matches('/')))
        };
        let Some(why) = self.protected.iter().find(|(home, _)| below(home)).map(|(_, why)| why)
        else {
            return Ok(());
        };
        Err(ActionFailure::new(FailureCode::NotPermitted, format!("{path}: {why}")))
    }

    pub(super) fn room(&self, home: &str) -> Result<(), ActionFailure> {
        if !self.full {
            return Ok(());
        }
        let why = format!("no space left on device ({home}: 0 bytes free)");
        Err(ActionFailure::new(FailureCode::NoSpace, why)
            .next(format!("free some space in {home}, then run it again")))
    }

    fn has_parent(&self, path: &str) -> Result<(), ActionFailure> {
        let home = parent(path);
        if self.files.is_directory(home) {
            return Ok(());
        }
        Err(missing(home).next(format!("create {home} first")))
    }

    fn make_directory(&mut self, path: &UnitPath, access: &Access) -> Result<(), ActionFailure> {
        let (path, owned) = (path.as_str(), Owned::of(access));
        known(&owned)?;
        self.has_parent(path)?;
        if self.files.get(path).is_some() && !self.files.is_directory(path) {
            let why = format!("{path} exists and is not a directory");
            return Err(ActionFailure::new(FailureCode::Occupied, why).expected("a directory"));
        }
        self.writable(path)?;
        self.room(parent(path))?;
        let node = Node::Directory { owned, modified: self.now };
        self.files.put(path, node, self.now);
        Ok(())
    }

    fn remove_directory(&mut self, path: &UnitPath) -> Result<(), ActionFailure> {
        let path = path.as_str();
        let names = self.files.names(path).ok_or_else(|| missing(path))?;
        if !names.is_empty() {
            return Err(ActionFailure::new(FailureCode::Occupied, format!("{path} is not empty"))
                .expected("an empty directory")
                .found(names.join(", ")));
        }
        self.files.take(path, self.now);
        Ok(())
    }

    /// Refuses a path that has changed since it was planned.
    fn check(&self, path: &str, expect: Expect) -> Result<(), ActionFailure> {
        let found = match self.files.get(path) {
            None => "nothing".to_owned(),
            Some(Node::File { bytes, .. }) => format!("a file sha256:{}", Sha256::of(bytes)),
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
        Err(ActionFailure::new(
            FailureCode::Changed,
            format!("{path} has changed since it was read"),
        )
        .expected(expected)
        .found(found)
        .next("plan again"))
    }

    fn keep(&mut self, path: &str) {
        if let Some(Node::File { bytes, .. }) = self.files.get(path) {
            let bytes = Arc::clone(bytes);
            self.before.insert(Sha256::of(&bytes), bytes);
        }
    }

    fn kept(&self, path: &UnitPath, sha256: &Sha256) -> Result<Vec<u8>, ActionFailure> {
        let none = || {
            let why = format!("the before-image of {path} is not stored on this unit");
            ActionFailure::new(FailureCode::NotKept, why)
                .expected(format!("/var/lib/omega/before/{sha256}"))
                .found("nothing")
        };
        self.before.get(sha256).map(|bytes| bytes.to_vec()).ok_or_else(none)
    }

    /// Why a URL can't be downloaded, as the agent tells it.
    pub(super) fn download_error(&self, url: &str) -> Option<String> {
        (!self.web.contains_key(url)).then(|| "connection refused".to_owned())
    }

    fn download(&self, url: &str) -> Result<Vec<u8>, ActionFailure> {
        self.web.get(url).cloned().ok_or_else(|| {
            let why = format!("{url} can't be downloaded: connection refused");
            ActionFailure::new(FailureCode::Download, why).next(
                "check the unit's access to that address (proxy, egress), or provide the file locally",
            )
        })
    }

    fn place(&mut self, place: &Placement, bytes: &[u8]) -> Result<(), ActionFailure> {
        let path = place.path.as_str();
        if Sha256::of(bytes) != place.sha256 {
            let why = format!("the content for {path} is not the planned one");
            return Err(ActionFailure::new(FailureCode::DigestDiffers, why)
                .expected(format!("sha256:{}", place.sha256))
                .found(format!("sha256:{}, {} bytes", Sha256::of(bytes), bytes.len())));
        }
        let owned = Owned::of(&place.access);
        known(&owned)?;
        self.has_parent(path)?;
        self.check(path, place.expect)?;
        self.writable(path)?;
        self.room(parent(path))?;
        self.keep(path);
        self.files.write(path, bytes, owned, self.now);
        Ok(())
    }

    fn set_mode(&mut self, path: &UnitPath, access: &Access) -> Result<(), ActionFailure> {
        let (path, owned) = (path.as_str(), Owned::of(access));
        known(&owned)?;
        self.writable(path)?;
        match self.files.0.get_mut(path) {
            Some(Node::File { owned: had, .. }) => {
                *had = owned;
                Ok(())
            }
            Some(_) => Err(ActionFailure::new(
                FailureCode::Occupied,
                format!("{path} is not a regular file"),
            )),
            None => Err(missing(path)),
        }
    }

    fn remove(&mut self, path: &UnitPath, expect: Expect) -> Result<(), ActionFailure> {
        let path = path.as_str();
        self.check(path, expect)?;
        if expect == Expect::Absent {
            let why = format!("{path} does not exist, so it can't be removed");
            return Err(ActionFailure::new(FailureCode::NotFound, why));
        }
        self.writable(path)?;
        self.keep(path);
        self.files.take(path, self.now);
        Ok(())
    }

    pub(super) fn restart(&mut self, name: &str) -> Result<(), ActionFailure> {
        let load = self.services.load_state(name);
        if load != "loaded" {
            return Err(ActionFailure::new(
                FailureCode::NotLoaded,
                format!("{name} can't be restarted"),
            )
            .expected("a service that is loaded")
            .found(load));
        }
        self.services.restart(name, &self.files, &self.python, self.now).map_err(|lines| {
            let shown = |line: &&str| !line.trim_matches([' ', '^']).is_empty();
            let lines: Vec<_> = lines.iter().map(|line| line.trim()).filter(shown).collect();
            let last = lines.get(lines.len().saturating_sub(3)..).unwrap_or_default().join(" | ");
            let found =
                format!("activating/auto-restart, result exit-code; last log lines: {last}");
            let why = format!("{name} did not start");
            let failure = ActionFailure::new(FailureCode::WouldNotStart, why)
                .expected("active/running")
                .found(found)
                .next(format!("look at journalctl -u {name}, then run it again"));
            ActionFailure { touched: Touched::Maybe, ..failure }
        })
    }
}
