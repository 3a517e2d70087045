//! The handle of a simulated unit.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use omega_core::{
    Retry, Touched,
    run::HeldLock,
    testing::{Fault, REFUSAL},
    values::Sha256,
};

use super::{
    files::{Files, Node, Owned},
    lock::StoredLock,
    management::Management,
    python::{DRIVER, Installed, Python},
    services::Services,
    snapshot::Snapshot,
};
use crate::{
    Action, ActionFailure, BrokenMetadata, Channel, DriverState, Error, FailureCode, Fence,
    LockRequest, Payload, Probe, Reply, Sources,
};

/// A simulated unit. Clones are the same unit.
#[derive(Clone)]
pub struct Unit(pub(super) Arc<Mutex<Machine>>);

#[derive(Clone)]
pub(super) struct Machine {
    pub(super) label: String,
    /// The time in nanoseconds since the epoch. Every probe and action advances it.
    pub(super) now: i64,
    pub(super) files: Files,
    pub(super) services: Services,
    pub(super) python: Python,
    pub(super) management: Management,
    /// The stored before-images.
    pub(super) before: BTreeMap<Sha256, Arc<Vec<u8>>>,
    /// The files that can be downloaded, by URL.
    pub(super) web: BTreeMap<String, Vec<u8>>,
    /// The domains of a hypervisor, and their snapshots.
    pub(super) domains: BTreeMap<String, Vec<String>>,
    pub(super) full: bool,
    /// Whether it fills up only after a plan was made.
    pub(super) fills_late: bool,
    /// Paths that can't be written, with what is below them, and why.
    pub(super) protected: BTreeMap<String, String>,
    pub(super) cut_off: bool,
    pub(super) executions: usize,
    pub(super) writes: usize,
    pub(super) spoiled: Option<(usize, Fault)>,
    pub(super) lock: StoredLock,
    /// Requests about the lock. They are not among the executions and writes.
    pub(super) lock_requests: usize,
}

/// 2026-11-21, 09:00 UTC.
pub(super) const EPOCH: i64 = 1_795_251_600_000_000_000;
const SECOND: i64 = 1_000_000_000;

impl fmt::Debug for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("sim::Unit").field("label", &self.lock().label).finish_non_exhaustive()
    }
}

impl Machine {
    pub(super) fn new(label: &str) -> Self {
        Self {
            label: label.to_owned(),
            now: EPOCH,
            files: Files::default(),
            services: Services::default(),
            python: Python::new(),
            management: Management::default(),
            before: BTreeMap::new(),
            web: BTreeMap::new(),
            domains: BTreeMap::new(),
            full: false,
            fills_late: false,
            protected: BTreeMap::new(),
            cut_off: false,
            executions: 0,
            writes: 0,
            spoiled: None,
            lock: StoredLock::default(),
            lock_requests: 0,
        }
    }

    pub(super) fn tick(&mut self) {
        self.now += SECOND;
    }

    fn unreachable(&self, touched: Touched, why: &str) -> Error {
        Error::Unreachable {
            unit: self.label.clone(),
            via: "memory".to_owned(),
            why: why.to_owned(),
            next: None,
            touched,
            retry: Retry::Transient,
        }
    }

    fn act(
        &mut self,
        action: &Action,
        payload: Option<&[u8]>,
        fence: Option<&Fence>,
    ) -> Result<(), Error> {
        self.tick();
        self.executions += 1;
        if self.cut_off {
            return Err(self.unreachable(Touched::Nothing, "no route to host"));
        }
        self.lock.check(fence).map_err(|failure| failure.on(&self.label))?;
        let nth = self.writes;
        self.writes += 1;
        let fault = self.spoiled.filter(|(spoiled, _)| *spoiled == nth).map(|(_, fault)| fault);
        let lost = self.unreachable(Touched::Maybe, "the connection was lost");
        match fault {
            Some(Fault::Lost) => return Err(lost),
            Some(Fault::Ignored) => return Ok(()),
            Some(Fault::Refused) => {
                return Err(ActionFailure::new(FailureCode::NotPermitted, REFUSAL).on(&self.label));
            }
            Some(Fault::AnswerLost) | None => {}
        }
        let done = self.perform(action, payload);
        if fence.is_some() {
            self.lock.renew();
        }
        done.map_err(|failure| failure.on(&self.label))?;
        if fault.is_some() { Err(lost) } else { Ok(()) }
    }
}

#[async_trait]
impl Channel for Unit {
    fn name(&self) -> String {
        "memory".to_owned()
    }

    async fn ask(&self, probes: &[Probe]) -> Result<Vec<Reply>, Error> {
        let mut machine = self.lock();
        machine.tick();
        machine.executions += 1;
        if machine.cut_off {
            return Err(machine.unreachable(Touched::Nothing, "no route to host"));
        }
        Ok(probes.iter().map(|probe| machine.answer(probe)).collect())
    }

    async fn act(
        &self,
        action: &Action,
        payload: Payload,
        fence: Option<&Fence>,
    ) -> Result<(), Error> {
        let bytes = match &payload {
            Payload::Null => None,
            Payload::Bytes(secret) => Some(secret.expose()),
        };
        self.lock().act(action, bytes, fence)
    }

    async fn lock(&self, request: &LockRequest) -> Result<Option<HeldLock>, Error> {
        let mut machine = Self::lock(self);
        machine.lock_requests += 1;
        if machine.cut_off {
            return Err(machine.unreachable(Touched::Nothing, "no route to host"));
        }
        machine.change_lock(request).map_err(|failure| failure.on(&machine.label))
    }
}

impl Unit {
    /// Returns an independent unit in the same state, with no executions or writes yet.
    #[must_use]
    pub fn copy(&self) -> Self {
        let mut machine = self.lock().clone();
        (machine.executions, machine.writes, machine.spoiled) = (0, 0, None);
        (machine.lock, machine.lock_requests) = (StoredLock::default(), 0);
        Self(Arc::new(Mutex::new(machine)))
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Machine> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change<T>(&self, change: impl FnOnce(&mut Machine) -> T) -> T {
        change(&mut self.lock())
    }

    /// Returns a client for it, with the content that may be written to it.
    pub fn client(&self, sources: Sources) -> crate::Unit {
        crate::Unit::new(self.lock().label.clone(), Arc::new(self.clone()), sources)
    }

    /// Returns its state, for comparison.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::of(&self.lock())
    }

    /// Returns the number of writes.
    pub fn writes(&self) -> usize {
        self.lock().writes
    }

    /// Returns who holds its lock.
    pub fn held(&self) -> Option<HeldLock> {
        self.lock().lock.held().cloned()
    }

    /// Returns the number of requests about its lock. They are not among the remote executions and writes.
    pub fn lock_requests(&self) -> usize {
        self.lock().lock_requests
    }

    /// Returns the number of remote executions.
    pub fn executions(&self) -> usize {
        self.lock().executions
    }

    /// Makes the `nth` write fail, counted from 0.
    pub fn inject_fault(&self, nth: usize, fault: Fault) {
        self.lock().spoiled = Some((nth, fault));
    }

    /// Sets whether the disk is full.
    pub fn fill_disk(&self, full: bool) {
        let mut machine = self.lock();
        (machine.full, machine.fills_late) = (full, false);
    }

    /// Lets the disk fill up after a plan was made, so that no plan tells it.
    pub fn fill_disk_late(&self) {
        let mut machine = self.lock();
        (machine.full, machine.fills_late) = (true, true);
    }

    /// Makes a path and what is below it unwritable: `why` is the operating system's message.
    pub fn protect(&self, path: &str, why: &str) {
        self.lock().protected.insert(path.to_owned(), why.to_owned());
    }

    /// Sets whether it is cut off from the network.
    pub fn cut_off(&self, cut_off: bool) {
        self.lock().cut_off = cut_off;
    }

    /// Advances the clock by `seconds`.
    pub fn wait(&self, seconds: i64) {
        let mut machine = self.lock();
        machine.now += seconds * SECOND;
        machine.lock.ahead += Duration::from_secs(seconds.unsigned_abs());
    }

    /// Changes the management cluster.
    pub fn with_management(&self, change: impl FnOnce(&mut Management)) {
        change(&mut self.lock().management);
    }

    /// Makes it a hypervisor with this domain and its snapshots.
    pub fn set_domain(&self, name: &str, snapshots: &[&str]) {
        let snapshots = snapshots.iter().map(|one| (*one).to_owned()).collect();
        self.lock().domains.insert(name.to_owned(), snapshots);
    }

    /// Makes `bytes` available for download.
    pub fn offer(&self, url: &str, bytes: &[u8]) {
        self.lock().web.insert(url.to_owned(), bytes.to_vec());
    }

    /// Sets pip's version (`None`: there is no pip), and whether the interpreter is externally
    /// managed.
    pub fn set_pip(&self, pip: Option<&str>, externally_managed: bool) {
        let python = &mut self.lock().python;
        python.pip = pip.map(str::to_owned);
        python.externally_managed = externally_managed;
    }

    /// Sets the interpreter's version.
    pub fn set_python(&self, version: &str) {
        version.clone_into(&mut self.lock().python.version);
    }

    /// Makes the package index unreachable.
    pub fn lose_index(&self) {
        self.lock().python.index = None;
    }

    /// Installs a driver, as if with pip.
    pub fn install_driver(&self, version: &str) {
        self.change(|machine| {
            machine.tick();
            machine.python.put_driver(version, machine.now);
        });
    }

    /// Removes the driver's entry point.
    pub fn damage_driver(&self) {
        if let Some(found) = self.lock().python.installed.get_mut(DRIVER) {
            found.entry_points.clear();
        }
    }

    /// Adds a second distribution of the driver beside the one that is there.
    pub fn add_copy(&self, version: &str, location: &str) {
        let mut machine = self.lock();
        let now = machine.now;
        if let Some(found) = machine.python.installed.get(DRIVER).cloned() {
            let (version, location) = (version.to_owned(), location.to_owned());
            machine.python.others.push(Installed { version, location, modified: now, ..found });
        }
    }

    /// Adds metadata that can't be read.
    pub fn break_metadata(&self, path: &str) {
        let why = "its METADATA can't be read: no Name and Version".to_owned();
        self.lock().python.broken.push(BrokenMetadata { path: path.to_owned(), why });
    }

    /// Removes a module that the driver imports (`None`: puts it back).
    pub fn lose_module(&self, module: Option<&str>) {
        self.lock().python.missing = module.map(str::to_owned);
    }

    /// Installs another distribution with a driver.
    pub fn install_rival(&self, name: &str, distribution: &str, provides: &str) {
        self.lock().python.rivals.push(DriverState {
            name: name.to_owned(),
            module: format!("{}.driver:Driver", distribution.replace('-', "_")),
            distribution: Some(distribution.to_owned()),
            version: Some("0.32.0".to_owned()),
            path: None,
            provides: vec![provides.to_owned()],
            beta: false,
            error: None,
            code: None,
        });
    }

    /// Lets systemd have restarted a service so often.
    pub fn crash(&self, service: &str, restarts: u32) {
        self.change(|machine| {
            machine.tick();
            let now = machine.now;
            if let Some(found) = machine.services.all.get_mut(service) {
                found.restarts = restarts;
                if let Some(process) = &mut found.process {
                    process.started = now;
                    process.pid += 1;
                }
            }
        });
    }

    /// Lets a service have logged errors since its start.
    pub fn log_errors(&self, service: &str, lines: &[&str]) {
        if let Some(found) = self.lock().services.all.get_mut(service) {
            found.log = lines.iter().map(|line| (*line).to_owned()).collect();
        }
    }

    /// Sets the user and the group of the daemons.
    pub fn set_user(&self, user: &str) {
        user.clone_into(&mut self.lock().services.user);
    }

    /// Writes a file.
    pub fn write(&self, path: &str, bytes: &[u8], owner: &str, group: &str, mode: u32) {
        self.change(|machine| {
            machine.tick();
            machine.files.write(path, bytes, Owned::new(owner, group, mode), machine.now);
        });
    }

    /// Creates a directory that belongs to root.
    pub fn make_directory(&self, path: &str) {
        let owned = Owned::new("root", "root", 0o755);
        self.change(|machine| {
            let node = Node::Directory { owned, modified: machine.now };
            machine.files.put(path, node, machine.now);
        });
    }

    /// Creates a symbolic link.
    pub fn link(&self, path: &str, target: &str) {
        let node = Node::Link { target: target.to_owned() };
        self.change(|machine| machine.files.put(path, node, machine.now));
    }

    /// Removes what is at a path.
    pub fn remove(&self, path: &str) {
        self.change(|machine| {
            machine.tick();
            machine.files.take(path, machine.now);
        });
    }

    /// Returns the text of a file.
    pub fn read(&self, path: &str) -> Option<String> {
        self.lock().files.read(path, "root")
    }

    /// Removes a daemon.
    pub fn without(&self, service: &str) {
        self.change(|machine| {
            machine.services.all.remove(service);
            machine.files.take(&format!("/etc/init.d/{service}"), machine.now);
        });
    }

    /// Masks a service.
    pub fn mask(&self, service: &str) {
        if let Some(service) = self.lock().services.all.get_mut(service) {
            service.masked = true;
        }
    }

    /// Stops a service.
    pub fn stop(&self, service: &str) {
        if let Some(service) = self.lock().services.all.get_mut(service) {
            service.process = None;
        }
    }

    /// Restarts a service, ignoring failures.
    pub fn restart(&self, service: &str) {
        self.change(|machine| {
            machine.tick();
            drop(machine.restart(service));
        });
    }

    /// `systemctl daemon-reload`.
    pub fn reload(&self) {
        self.change(|machine| machine.services.reload(&machine.files));
    }
}
