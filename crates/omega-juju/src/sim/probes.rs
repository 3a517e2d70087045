//! The replies of a simulated unit.

use omega_core::values::{FileMode, Sha256};

use super::{
    config,
    files::{Node, Owned},
    management::unreached,
    python::{DRIVER, Installed, path_of},
    services::{FREE_PATH, USER, show_args},
    unit::Machine,
};
use crate::{
    Distribution, DistributionsState, DomainSnapshots, DriversState, FailureCode, FileFacts,
    FileState, ImportInputs, Interpreter, OptionsState, OtherDistribution, Probe, ProbeFailure,
    ProgramState, ReachState, ReleasesState, Reply, Resolved, ServiceState, SinceStart,
};

fn failed(code: FailureCode, why: impl Into<String>) -> Reply {
    Reply::Failed(ProbeFailure::new(code, why))
}

fn may_be_secret(key: &str) -> bool {
    let parts = ["password", "secret", "token", "passphrase", "credential", "transport_url"];
    key == "connection" || parts.iter().any(|part| key.contains(part))
}

impl Machine {
    pub(super) fn answer(&self, probe: &Probe) -> Reply {
        match probe {
            Probe::File { path } => Reply::File(self.state(path.as_str())),
            Probe::Text { path } => self.text(path.as_str()),
            Probe::Obstacle { path, access, .. } => {
                Reply::Obstacle { found: self.obstacle(path.as_str(), access.as_ref()) }
            }
            Probe::HelmVersion { service } => {
                Reply::HelmVersion { version: self.helm_version(service.as_str()) }
            }
            Probe::Lock => Reply::Lock { held: self.lock.held().cloned() },
            Probe::Directory { path } => {
                Reply::Directory { names: self.files.names(path.as_str()) }
            }
            Probe::Service { service } => Reply::Service(self.service(service.as_str())),
            Probe::UnitFile { service } => {
                Reply::UnitFile { text: self.services.unit_file(service.as_str(), &self.files) }
            }
            Probe::ShowArgs { service } => match show_args(&self.files, service.as_str()) {
                None => Reply::ShowArgs { args: None },
                Some(Ok((args, _))) => {
                    Reply::ShowArgs { args: Some(args).filter(|args| !args.is_empty()) }
                }
                Some(Err(why)) => failed(FailureCode::InitScript, why),
            },
            Probe::Program { name, service } => {
                Reply::Program(self.program(name, service.as_str()))
            }
            Probe::Python { service, distribution, group } => {
                Reply::Python { interpreter: self.python(service.as_str(), distribution, group) }
            }
            Probe::Distributions { service, containing } => {
                Reply::Distributions(self.distributions(service.as_str(), containing))
            }
            Probe::Drivers { service, known, .. } => self.drivers(service.as_str(), known.as_ref()),
            Probe::SinceStart { service } => Reply::SinceStart(self.since_start(service.as_str())),
            Probe::Options { service, group, keys } => self.options(service.as_str(), group, keys),
            Probe::Reach { host, port, ca_pem } => {
                Reply::Reach(self.management.reach(host, *port, ca_pem.is_some()))
            }
            Probe::Authenticate { service, kubeconfig } => {
                self.authenticate(service.as_str(), kubeconfig.as_str())
            }
            Probe::Releases { service, kubeconfig, namespaces } => Reply::Releases {
                namespaces: namespaces
                    .iter()
                    .map(|name| self.releases(service.as_str(), kubeconfig.as_str(), name))
                    .collect(),
            },
            Probe::Snapshots { domains, .. } => Reply::Snapshots {
                domains: domains.iter().map(|name| self.snapshots(name)).collect(),
            },
            Probe::PackageIndex { distribution, version, .. } => {
                Reply::Source { error: self.python.index_error(distribution, version) }
            }
            Probe::Download { url } => Reply::Source { error: self.download_error(url) },
            Probe::LogTail { service } => {
                let service = self.services.all.get(service.as_str());
                Reply::LogTail { lines: service.map_or_else(Vec::new, |s| s.log.clone()) }
            }
        }
    }

    fn snapshots(&self, domain: &str) -> DomainSnapshots {
        let snapshots = self.domains.get(domain).cloned();
        // virsh's own words (libvirt 9.0.0, src/qemu/qemu_driver.c).
        let absent = || format!("error: failed to get domain '{domain}'");
        let error = snapshots.is_none().then(absent);
        DomainSnapshots { domain: domain.to_owned(), snapshots, error }
    }

    fn facts(&self, real: &str) -> Option<FileFacts> {
        match self.files.0.get(real)? {
            Node::File { bytes, owned, modified } => Some(FileFacts {
                sha256: Sha256::of(bytes),
                size: bytes.len() as u64,
                owner: owned.owner.clone(),
                group: owned.group.clone(),
                mode: FileMode::from_bits_truncate(owned.mode),
                modified_ns: *modified,
            }),
            Node::Link { .. } | Node::Directory { .. } | Node::Special => None,
        }
    }

    pub(super) fn state(&self, path: &str) -> FileState {
        match self.files.get(path) {
            None => FileState::Absent,
            Some(Node::Special) => FileState::Special,
            Some(Node::Link { target }) => {
                let resolved = self.files.real(path).and_then(|real| self.facts(&real));
                FileState::Link { target: target.clone(), resolved }
            }
            Some(Node::Directory { owned: Owned { owner, group, mode }, modified }) => {
                FileState::Directory {
                    owner: owner.clone(),
                    group: group.clone(),
                    mode: FileMode::from_bits_truncate(*mode),
                    modified_ns: *modified,
                }
            }
            Some(Node::File { .. }) => {
                let facts = self.files.real(path).and_then(|real| self.facts(&real));
                facts.map_or(FileState::Absent, FileState::Regular)
            }
        }
    }

    fn text(&self, path: &str) -> Reply {
        let state = self.state(path);
        let text = match &state {
            FileState::Regular(facts) if facts.size <= 65_536 => {
                let bytes = self.files.file(path).map(|(bytes, _)| bytes.to_vec());
                bytes.and_then(|bytes| String::from_utf8(bytes).ok())
            }
            FileState::Regular(_)
            | FileState::Absent
            | FileState::Link { .. }
            | FileState::Directory { .. }
            | FileState::Special => None,
        };
        Reply::Text { state, text }
    }

    fn service(&self, name: &str) -> ServiceState {
        let found = self.services.all.get(name);
        let process = found.and_then(|service| service.process.as_ref());
        let is_failed = found.is_some_and(|service| service.failed);
        let (active, sub, result) = match (process, is_failed) {
            (Some(_), _) => ("active", "running", "success"),
            (None, true) => ("activating", "auto-restart", "exit-code"),
            (None, false) => ("inactive", "dead", "success"),
        };
        ServiceState {
            load: self.services.load_state(name).to_owned(),
            active: active.to_owned(),
            sub: sub.to_owned(),
            result: result.to_owned(),
            pid: process.map(|process| process.pid),
            started_ns: process.map(|process| process.started),
            started_about: false,
            cmdline: process.map_or_else(Vec::new, |process| process.cmdline.clone()),
            user: if found.is_some() { self.services.user.as_str() } else { "root" }.to_owned(),
            group: if found.is_some() { self.services.user.as_str() } else { "root" }.to_owned(),
            restarts: found.map_or(0, |service| service.restarts),
            exec_start: found.map_or_else(String::new, |s| s.exec_start.join(" ; ")),
            drop_ins: found
                .into_iter()
                .flat_map(|service| &service.drop_ins)
                .filter_map(|path| path.parse().ok())
                .collect(),
            needs_reload: self.services.needs_reload(name, &self.files),
        }
    }

    fn path_of(&self, service: &str) -> (Vec<String>, bool) {
        let found = self.services.all.get(service).and_then(|service| service.process.as_ref());
        if let Some(process) = found {
            return (process.path.clone(), true);
        }
        let path = match show_args(&self.files, service) {
            Some(Ok((_, path))) => path,
            Some(Err(_)) | None => FREE_PATH.to_owned(),
        };
        (path.split(':').map(str::to_owned).collect(), false)
    }

    fn program(&self, name: &str, service: &str) -> ProgramState {
        let (path, live) = self.path_of(service);
        let found = path.iter().find_map(|home| {
            let candidate = format!("{home}/{name}");
            let real = self.files.real(&candidate)?;
            let (bytes, owned) = self.files.file(&real)?;
            let found = Resolved {
                path: candidate.parse().ok()?,
                real: real.parse().ok()?,
                sha256: Sha256::of(bytes),
            };
            owned.lets(USER, 1).then_some(found)
        });
        ProgramState { path, live, found }
    }

    fn python(&self, service: &str, name: &str, group: &str) -> Option<Interpreter> {
        self.services.all.get(service)?;
        let described = |found: &Installed| Distribution {
            version: found.version.clone(),
            location: found.location.clone(),
            path: path_of(name, found),
            entry_points: if group == "magnum.drivers" {
                found.entry_points.clone()
            } else {
                Vec::new()
            },
            modified_ns: found.modified,
        };
        let others = if name == DRIVER { self.python.others.as_slice() } else { &[] };
        let broken = if name == DRIVER { self.python.broken.as_slice() } else { &[] };
        Some(Interpreter {
            program: self.python.program.parse().ok()?,
            version: self.python.version.clone(),
            externally_managed: self.python.externally_managed,
            pip: self.python.pip.clone(),
            distribution: self.python.installed.get(name).map(described),
            others: others.iter().map(described).collect(),
            broken: broken.to_vec(),
            obstacle: None,
        })
    }

    /// What the program of the simulator prints: its own text has the version.
    fn helm_version(&self, service: &str) -> Option<String> {
        let found = self.program("helm", service).found?;
        let (bytes, _) = self.files.file(found.real.as_str())?;
        let text = String::from_utf8_lossy(bytes).into_owned();
        let word = text.split_whitespace().find(|word| word.matches('.').count() == 2)?;
        Some(format!("{word}+g0000000"))
    }

    fn distributions(&self, service: &str, containing: &[String]) -> DistributionsState {
        if !self.services.all.contains_key(service) {
            return DistributionsState::default();
        }
        let named = self.python.installed.iter();
        let named = named.filter(|(name, _)| containing.iter().any(|word| name.contains(word)));
        let other = |found: &Installed| OtherDistribution {
            name: DRIVER.to_owned(),
            version: found.version.clone(),
            path: path_of(DRIVER, found),
        };
        DistributionsState {
            versions: named.map(|(name, found)| (name.clone(), found.version.clone())).collect(),
            others: self.python.others.iter().map(other).collect(),
            broken: self.python.broken.clone(),
        }
    }

    /// The configuration on disk, as a process with the arguments of the running one would read it.
    fn configuration(&self, service: &str) -> Result<config::Loaded, Box<Reply>> {
        let Some(found) = self.services.all.get(service) else {
            let why = format!("this unit has no {service}");
            return Err(Box::new(failed(FailureCode::NoDaemon, why)));
        };
        let args = match &found.process {
            Some(process) => process.cmdline.clone(),
            None => match show_args(&self.files, service) {
                Some(Ok((args, _))) => args,
                Some(Err(why)) => return Err(Box::new(failed(FailureCode::InitScript, why))),
                None => Vec::new(),
            },
        };
        config::load(&self.files, "magnum", service, &args, USER)
            .map_err(|why| Box::new(failed(FailureCode::Configuration, why)))
    }

    fn drivers(&self, service: &str, known: Option<&ImportInputs>) -> Reply {
        let loaded = match self.configuration(service) {
            Ok(loaded) => loaded,
            Err(refused) => return *refused,
        };
        let list = |key: &str| {
            let value = loaded.options.get(&("drivers".to_owned(), key.to_owned()));
            let names = value.map_or("", String::as_str).split(',').map(str::trim);
            names.filter(|name| !name.is_empty()).map(str::to_owned).collect::<Vec<_>>()
        };
        let disabled = list("disabled_drivers");
        let sets = loaded.set("drivers", "disabled_drivers");
        let drivers = self.python.drivers(&disabled, &loaded.options);
        let sound = drivers.iter().all(|one| one.error.is_none());
        let inputs = sound.then(|| self.import_inputs(&loaded.files));
        if known.is_some() && known == inputs.as_ref() {
            return Reply::DriversUnchanged;
        }
        Reply::Drivers(DriversState {
            drivers,
            broken: self.python.broken.clone(),
            disabled_in: sets.last().map(|source| source.file.clone()),
            enabled_beta: list("enabled_beta_drivers"),
            disabled,
            inputs,
            imported_at: None,
        })
    }

    /// The interpreter with its packages, and the files of the configuration with their times.
    fn import_inputs(&self, files: &[String]) -> ImportInputs {
        let states: Vec<_> = files.iter().map(|file| self.files.0.get(file)).collect();
        let state = Sha256::of(format!("{:?} {states:?}", self.python).as_bytes()).to_string();
        ImportInputs { paths: files.join("\n"), state }
    }

    fn since_start(&self, service: &str) -> SinceStart {
        let Some(found) = self.services.all.get(service) else { return SinceStart::default() };
        SinceStart {
            now_ns: self.now,
            started_ns: found.process.as_ref().map(|process| process.started),
            replaced: false,
            restarts: found.restarts,
            errors: found.log.len(),
            last_error: found.log.last().cloned(),
        }
    }

    fn options(&self, service: &str, group: &str, keys: &[String]) -> Reply {
        if let Some(key) = keys.iter().find(|key| may_be_secret(key)) {
            let why = format!("{key} may hold a secret and is not read");
            return failed(FailureCode::Secret, why);
        }
        match self.configuration(service) {
            Err(refused) => *refused,
            Ok(loaded) => {
                let value = |key: &String| {
                    let value = loaded.options.get(&(group.to_owned(), key.clone()))?;
                    Some((key.clone(), value.clone()))
                };
                let set = |key: &String| {
                    Some((key.clone(), loaded.set(group, key))).filter(|(_, set)| !set.is_empty())
                };
                Reply::Options(OptionsState {
                    values: keys.iter().filter_map(value).collect(),
                    set: keys.iter().filter_map(set).collect(),
                    files: loaded.files,
                })
            }
        }
    }

    fn authenticate(&self, service: &str, kubeconfig: &str) -> Reply {
        if !self.services.all.contains_key(service) {
            return failed(FailureCode::NoDaemon, format!("this unit has no {service}"));
        }
        let unread = |code, why: &str| {
            let state = unreached(code, &format!("{why}: {kubeconfig}"));
            Reply::Reach(ReachState { millis: 644, ..state })
        };
        match (self.files.file(kubeconfig), self.files.read(kubeconfig, USER)) {
            (None, _) => unread(FailureCode::NotFound, "No such file or directory"),
            (Some(_), None) => unread(FailureCode::NotPermitted, "Permission denied"),
            (Some(_), Some(text)) => Reply::Reach(self.management.authenticate(&text)),
        }
    }

    fn releases(&self, service: &str, kubeconfig: &str, namespace: &str) -> ReleasesState {
        let program = self.program("helm", service);
        let (code, error) = match (program.found, self.files.read(kubeconfig, USER)) {
            (Some(_), Some(text)) => return self.management.list(namespace, &text),
            (None, _) => (
                FailureCode::NoProgram,
                format!(
                    "[Errno 2] No such file or directory: 'helm' (PATH={})",
                    program.path.join(":")
                ),
            ),
            (Some(_), None) => (
                FailureCode::ProgramFailed,
                format!(
                    "Error: Kubernetes cluster unreachable: stat {kubeconfig}: no such file or \
                     directory"
                ),
            ),
        };
        let namespace = namespace.to_owned();
        ReleasesState { namespace, releases: None, error: Some(error), code: Some(code) }
    }
}
