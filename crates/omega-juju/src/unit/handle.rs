use std::{
    collections::BTreeMap,
    fmt, mem,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use omega_core::{
    Label, Touched, patiently,
    run::{HeldLock, TargetLock},
    values::Sha256,
};
use omega_driver::requirements::{DISTRIBUTION, DRIVERS_GROUP};
use tokio::{sync::oneshot, time::Instant};

use super::{
    Access, Action, Channel, DistributionsState, DomainSnapshots, DriversState, FailureCode,
    FileState, Interpreter, Obstacle, OptionsState, Payload, Probe, ProbeFailure, ProgramState,
    ReachState, ReleasesState, Reply, ServiceName, ServiceState, SinceStart, Sources, UnitPath,
    import_memory::ImportMemory, lock::UnitLock,
};
use crate::{
    Error,
    channel::{ReadOnly, Standing},
};

/// How long probes are collected into a batch. A remote execution takes far longer (a plain ssh
/// command some 300 ms, juju seconds).
const GATHER: Duration = Duration::from_millis(5);

/// A unit's machine. Concurrent probes share one remote execution. One that fails for a moment is sent
/// again, up to three times; an action is sent once.
pub struct Unit {
    label: String,
    channel: Arc<dyn Channel>,
    sources: Sources,
    standing: Option<Standing>,
    imports: Option<ImportMemory>,
    pending: Arc<Mutex<Vec<Pending>>>,
    executions: Arc<AtomicUsize>,
    lock: Arc<UnitLock>,
}

type Answer = Result<Reply, Error>;
type Pending = (Probe, oneshot::Sender<Answer>);

impl fmt::Debug for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unit").field("label", &self.label).finish_non_exhaustive()
    }
}

impl Label for Unit {
    fn label(&self) -> String {
        self.label.clone()
    }

    fn lock(&self) -> Option<Arc<dyn TargetLock>> {
        let lock: Arc<dyn TargetLock> = self.lock.clone();
        Some(lock)
    }
}

impl Unit {
    /// Returns the unit `label`, reached by `channel`, with the content that may be written to it.
    pub fn new(label: impl Into<String>, channel: Arc<dyn Channel>, sources: Sources) -> Self {
        let (pending, executions) = (Arc::default(), Arc::default());
        let (standing, imports, label) = (None, None, label.into());
        let lock = Arc::new(UnitLock::new(&label, Arc::clone(&channel)));
        Self { label, channel, sources, standing, imports, pending, executions, lock }
    }

    /// Returns a handle on the same machine that remembers in `directory` what an import of the drivers
    /// depended on. It is not repeated within a day while nothing of that has changed on the unit: an import
    /// takes two seconds of its processor.
    #[must_use]
    pub fn remembering_imports(&self, directory: &Path) -> Self {
        let imports = Some(ImportMemory::new(directory, &self.label, &self.channel.name()));
        Self { imports, ..self.over(Arc::clone(&self.channel), Arc::clone(&self.lock)) }
    }

    /// Returns a handle on the same machine that refuses every action before it is sent.
    #[must_use]
    pub fn read_only(&self) -> Self {
        let channel: Arc<dyn Channel> = Arc::new(ReadOnly::new(Arc::clone(&self.channel)));
        let lock = Arc::new(UnitLock::new(&self.label, Arc::clone(&channel)));
        Self { imports: self.imports.clone(), ..self.over(channel, lock) }
    }

    /// Returns a handle on the same machine over this channel, which remembers no imports.
    fn over(&self, channel: Arc<dyn Channel>, lock: Arc<UnitLock>) -> Self {
        Self {
            label: self.label.clone(),
            channel,
            sources: self.sources.clone(),
            standing: self.standing.clone(),
            imports: None,
            pending: Arc::clone(&self.pending),
            executions: Arc::clone(&self.executions),
            lock,
        }
    }

    /// Sets what Juju reported of the unit when it was listed.
    #[must_use]
    pub fn with_standing(self, standing: Standing) -> Self {
        Self { standing: Some(standing), ..self }
    }

    /// Returns what Juju reported of the unit when it was listed. `None` if Juju did not list it.
    pub fn standing(&self) -> Option<&Standing> {
        self.standing.as_ref()
    }

    /// Returns how many remote executions there were.
    pub fn executions(&self) -> usize {
        self.executions.load(Ordering::Relaxed)
    }

    /// Returns how many remote executions there were for the lock; they are not among the others.
    pub fn lock_requests(&self) -> usize {
        self.lock.requests()
    }

    /// Returns how the machine is reached.
    pub fn via(&self) -> String {
        self.channel.name()
    }

    /// Sends `probe`, in a batch with other concurrent probes.
    ///
    /// # Errors
    ///
    /// Fails if the machine does not answer, or the probe fails.
    pub async fn ask(&self, probe: Probe) -> Result<Reply, Error> {
        let (sender, receiver) = oneshot::channel();
        let question = probe.to_string();
        let first = {
            let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
            pending.push((probe, sender));
            pending.len() == 1
        };
        if first {
            // A separate task, since the future of the first probe may be dropped.
            tokio::spawn(flush(
                self.label.clone(),
                Arc::clone(&self.channel),
                Arc::clone(&self.pending),
                Arc::clone(&self.executions),
            ));
        }
        let unit = self.label.clone();
        match receiver.await {
            Ok(Ok(Reply::Failed(failure))) => Err(Error::Probe { unit, question, failure }),
            Ok(Ok(reply)) => Ok(reply),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(Error::Malformed {
                unit,
                why: "the channel ended without a reply".to_owned(),
                touched: Touched::Nothing,
            }),
        }
    }

    /// Performs `action`, once.
    ///
    /// # Errors
    ///
    /// The error says whether it may have had an effect.
    pub async fn act(&self, action: &Action, payload: Payload) -> Result<(), Error> {
        self.executions.fetch_add(1, Ordering::Relaxed);
        tracing::info!(unit = self.label, %action, "acting");
        let held = self.lock.for_action().await;
        let start = Instant::now();
        let done = self.channel.act(action, payload, held.as_ref()).await;
        trace("act", &format!("{} {action}", self.label), status(&done), start);
        done
    }

    /// Returns the content with this digest, as the payload of an action.
    ///
    /// # Errors
    ///
    /// Fails if it is not among the handle's sources, or its file has changed.
    pub fn source(&self, name: &str, sha256: &Sha256) -> Result<Payload, Error> {
        let bytes = self.sources.bytes(sha256);
        bytes.map(Payload::Bytes).ok_or_else(|| Error::Source { name: name.to_owned() })
    }
}

/// Typed probes. They fail as [`Unit::ask`] does.
#[expect(clippy::missing_errors_doc, reason = "documented for `Unit::ask`")]
#[expect(clippy::wildcard_enum_match_arm, reason = "every other reply is unexpected")]
impl Unit {
    /// Reads what is at `path`.
    pub async fn file(&self, path: &UnitPath) -> Result<FileState, Error> {
        match self.ask(Probe::File { path: path.clone() }).await? {
            Reply::File(state) => Ok(state),
            other => Err(self.unexpected(&other)),
        }
    }

    /// Reads what is at `path`, and its text.
    pub async fn text(&self, path: &UnitPath) -> Result<(FileState, Option<String>), Error> {
        match self.ask(Probe::Text { path: path.clone() }).await? {
            Reply::Text { state, text } => Ok((state, text)),
            other => Err(self.unexpected(&other)),
        }
    }

    /// Asks what would stop a write to `path`.
    pub async fn obstacle(
        &self,
        path: &UnitPath,
        access: Option<&Access>,
        size: u64,
    ) -> Result<Option<Obstacle>, Error> {
        let (path, access) = (path.clone(), access.cloned());
        match self.ask(Probe::Obstacle { path, access, size }).await? {
            Reply::Obstacle { found } => Ok(found),
            other => Err(self.unexpected(&other)),
        }
    }

    /// Reads the names in the directory at `path`; `None` if it does not exist.
    pub async fn names(&self, path: &UnitPath) -> Result<Option<Vec<String>>, Error> {
        match self.ask(Probe::Directory { path: path.clone() }).await? {
            Reply::Directory { names } => Ok(names),
            other => Err(self.unexpected(&other)),
        }
    }

    /// Reads a daemon's values of `keys` in the section `group`; one that is not set is absent.
    pub async fn options(
        &self,
        service: &ServiceName,
        group: &str,
        keys: Vec<String>,
    ) -> Result<BTreeMap<String, String>, Error> {
        self.configuration(service, group, keys).await.map(|state| state.values)
    }

    /// The same, with the files that set them.
    pub async fn configuration(
        &self,
        service: &ServiceName,
        group: &str,
        keys: Vec<String>,
    ) -> Result<OptionsState, Error> {
        let group = group.to_owned();
        match self.ask(Probe::Options { service: service.clone(), group, keys }).await? {
            Reply::Options(state) => Ok(state),
            other => Err(self.unexpected(&other)),
        }
    }

    /// Reads who holds the lock of the machine.
    pub async fn held(&self) -> Result<Option<HeldLock>, Error> {
        match self.ask(Probe::Lock).await? {
            Reply::Lock { held } => Ok(held),
            other => Err(self.unexpected(&other)),
        }
    }

    /// Reads which drivers a daemon finds, and whether it can import them.
    pub async fn drivers(&self, service: &ServiceName) -> Result<DriversState, Error> {
        let memory = self.imports.as_ref().map(|memory| memory.of(service));
        let last = memory.as_ref().and_then(ImportMemory::last);
        let known = last.as_ref().and_then(|last| last.inputs.clone());
        let group = DRIVERS_GROUP.to_owned();
        match (self.ask(Probe::Drivers { service: service.clone(), group, known }).await?, last) {
            (Reply::Drivers(state), _) => {
                if let Some(memory) = &memory {
                    memory.keep(&state);
                }
                Ok(DriversState { inputs: None, ..state })
            }
            (Reply::DriversUnchanged, Some(last)) => Ok(DriversState { inputs: None, ..last }),
            (other, _) => Err(self.unexpected(&other)),
        }
    }

    /// Reads whether a daemon keeps restarting, and its errors since its start.
    pub async fn since_start(&self, service: &ServiceName) -> Result<SinceStart, Error> {
        match self.ask(Probe::SinceStart { service: service.clone() }).await? {
            Reply::SinceStart(state) => Ok(state),
            other => Err(self.unexpected(&other)),
        }
    }

    /// Tests a connection: [`Probe::Reach`] and [`Probe::Authenticate`].
    pub async fn reach(&self, probe: Probe) -> Result<ReachState, Error> {
        match self.ask(probe).await? {
            Reply::Reach(state) => Ok(state),
            other => Err(self.unexpected(&other)),
        }
    }

    /// Lists the helm releases in these namespaces, in their order, as a daemon would.
    pub async fn releases(
        &self,
        service: &ServiceName,
        kubeconfig: &UnitPath,
        namespaces: &[String],
    ) -> Result<Vec<ReleasesState>, Error> {
        let (service, kubeconfig) = (service.clone(), kubeconfig.clone());
        let probe = Probe::Releases { service, kubeconfig, namespaces: namespaces.to_vec() };
        match self.ask(probe).await? {
            Reply::Releases { namespaces } => Ok(namespaces),
            other => Err(self.unexpected(&other)),
        }
    }

    /// Reads the snapshots of these domains from libvirt, in their order. `program`: virsh.
    ///
    /// # Errors
    ///
    /// As [`Unit::ask`].
    pub async fn snapshots(
        &self,
        program: &str,
        domains: &[String],
    ) -> Result<Vec<DomainSnapshots>, Error> {
        let (program, domains) = (program.to_owned(), domains.to_vec());
        match self.ask(Probe::Snapshots { program, domains }).await? {
            Reply::Snapshots { domains } => Ok(domains),
            other => Err(self.unexpected(&other)),
        }
    }

    /// Asks whether the unit could get something from outside: [`Probe::PackageIndex`] or
    /// [`Probe::Download`]. Returns why not.
    ///
    /// # Errors
    ///
    /// As [`Unit::ask`].
    pub async fn source_error(&self, probe: Probe) -> Result<Option<String>, Error> {
        match self.ask(probe).await? {
            Reply::Source { error } => Ok(error),
            other => Err(self.unexpected(&other)),
        }
    }

    /// Reads the versions of the distributions of a daemon's interpreter whose names contain one of
    /// `parts`.
    pub async fn distributions(
        &self,
        service: &ServiceName,
        parts: &[&str],
    ) -> Result<DistributionsState, Error> {
        let containing = parts.iter().map(|part| (*part).to_owned()).collect();
        match self.ask(Probe::Distributions { service: service.clone(), containing }).await? {
            Reply::Distributions(state) => Ok(state),
            other => Err(self.unexpected(&other)),
        }
    }

    /// Reads the state of a service.
    pub async fn service(&self, service: &ServiceName) -> Result<ServiceState, Error> {
        match self.ask(Probe::Service { service: service.clone() }).await? {
            Reply::Service(state) => Ok(state),
            other => Err(self.unexpected(&other)),
        }
    }

    /// Reads the arguments for a service's next start; `None` if it has no init script.
    pub async fn show_args(&self, service: &ServiceName) -> Result<Option<Vec<String>>, Error> {
        match self.ask(Probe::ShowArgs { service: service.clone() }).await? {
            Reply::ShowArgs { args } => Ok(args),
            other => Err(self.unexpected(&other)),
        }
    }

    /// Reads a service's unit file and its drop-ins as systemd prints them, without secrets; `None` if
    /// systemd does not know the service.
    pub async fn unit_file(&self, service: &ServiceName) -> Result<Option<String>, Error> {
        match self.ask(Probe::UnitFile { service: service.clone() }).await? {
            Reply::UnitFile { text } => Ok(text),
            other => Err(self.unexpected(&other)),
        }
    }

    /// Reads which program a daemon finds under a name.
    pub async fn program(&self, name: &str, daemon: &ServiceName) -> Result<ProgramState, Error> {
        let probe = Probe::Program { name: name.to_owned(), service: daemon.clone() };
        match self.ask(probe).await? {
            Reply::Program(state) => Ok(state),
            other => Err(self.unexpected(&other)),
        }
    }

    /// Reads the version of the helm that a daemon finds; `None` if it does not run.
    pub async fn helm_version(&self, daemon: &ServiceName) -> Result<Option<String>, Error> {
        match self.ask(Probe::HelmVersion { service: daemon.clone() }).await? {
            Reply::HelmVersion { version } => Ok(version),
            other => Err(self.unexpected(&other)),
        }
    }

    /// Reads a daemon's interpreter and the driver in it; `None` if the unit does not have the daemon.
    pub async fn python(&self, daemon: &ServiceName) -> Result<Option<Interpreter>, Error> {
        let (distribution, group) = (DISTRIBUTION.to_owned(), DRIVERS_GROUP.to_owned());
        let probe = Probe::Python { service: daemon.clone(), distribution, group };
        match self.ask(probe).await? {
            Reply::Python { interpreter } => Ok(interpreter),
            other => Err(self.unexpected(&other)),
        }
    }

    fn unexpected(&self, reply: &Reply) -> Error {
        let text = format!("{reply:?}");
        let kind = text.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
        Error::Malformed {
            unit: self.label.clone(),
            why: format!("a reply of kind {kind}"),
            touched: Touched::Nothing,
        }
    }
}

/// Reports a remote execution to `--trace`.
fn trace(kind: &str, what: &str, status: &str, start: Instant) {
    let took_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
    tracing::info!(target: "omega_trace", kind, what, status, took_ms, "trace");
}

fn status<T>(answer: &Result<T, Error>) -> &'static str {
    answer.as_ref().map_or_else(Error::name, |_| "ok")
}

async fn flush(
    label: String,
    channel: Arc<dyn Channel>,
    pending: Arc<Mutex<Vec<Pending>>>,
    executions: Arc<AtomicUsize>,
) {
    tokio::time::sleep(GATHER).await;
    let batch = mem::take(&mut *pending.lock().unwrap_or_else(PoisonError::into_inner));
    let mut probes: Vec<Probe> = Vec::with_capacity(batch.len());
    for (probe, _) in &batch {
        if !probes.contains(probe) {
            probes.push(probe.clone());
        }
    }
    let start = Instant::now();
    let answer = patiently(|| {
        executions.fetch_add(1, Ordering::Relaxed);
        channel.ask(&probes)
    });
    let answer = answer.await;
    let what = format!("{label} {} probes by {}", probes.len(), channel.name());
    trace("exec", &what, status(&answer), start);
    for (probe, sender) in batch {
        let nth = probes.iter().position(|other| *other == probe);
        let reply = answer.as_ref().map_err(Clone::clone).map(|replies| {
            let none = || {
                let why = "no reply to this probe";
                Reply::Failed(ProbeFailure::new(FailureCode::Unexpected, why))
            };
            nth.and_then(|nth| replies.get(nth)).cloned().unwrap_or_else(none)
        });
        // The receiver may have been dropped.
        drop(sender.send(reply));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Fence, LockRequest};
    use async_trait::async_trait;

    #[derive(Debug, Default)]
    struct Counting(Mutex<Vec<usize>>);

    #[async_trait]
    impl Channel for Counting {
        fn name(&self) -> String {
            "counting".into()
        }
        async fn ask(&self, probes: &[Probe]) -> Result<Vec<Reply>, Error> {
            self.0.lock().unwrap().push(probes.len());
            Ok(probes.iter().map(|_| Reply::File(FileState::Absent)).collect())
        }
        async fn act(&self, _: &Action, _: Payload, _: Option<&Fence>) -> Result<(), Error> {
            Ok(())
        }
        async fn lock(&self, _: &LockRequest) -> Result<Option<HeldLock>, Error> {
            Ok(None)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn concurrent_probes_are_one_execution_without_duplicates() {
        let channel = Arc::new(Counting::default());
        let unit = Unit::new("magnum/0", channel.clone(), Sources::default());
        let path = |p: &str| p.parse::<UnitPath>().unwrap();
        let (a, b) = (path("/a"), path("/b"));
        let (one, two, three) = tokio::join!(unit.file(&a), unit.file(&b), unit.file(&a));
        assert_eq!([one.unwrap(), two.unwrap(), three.unwrap()], [const { FileState::Absent }; 3]);
        assert_eq!(*channel.0.lock().unwrap(), [2]);
        unit.file(&a).await.unwrap();
        assert_eq!(*channel.0.lock().unwrap(), [2, 1], "nothing is remembered");
        assert_eq!(unit.executions(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn the_future_of_the_first_probe_may_be_dropped() {
        let unit = Unit::new("magnum/0", Arc::new(Counting::default()), Sources::default());
        let path = "/a".parse::<UnitPath>().unwrap();
        let mut first = Box::pin(unit.file(&path));
        assert!(futures::poll!(&mut first).is_pending());
        let second = unit.file(&path);
        drop(first);
        assert_eq!(second.await.unwrap(), FileState::Absent);
    }
}
