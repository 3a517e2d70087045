//! Ensures that a server is running.

use std::{fmt, time::Duration};

use omega_core::{
    ChangeKind, Conflict, Context, Delta, Describe, Desired, Diff, EnsureError, Note, Outcome,
    PollPolicy, Subject, ensure,
};
use serde::{Deserialize, Serialize};

use super::{Compute, Guest, HostService};
use crate::Error;

#[cfg(any(test, feature = "sim"))]
pub(crate) mod contract;

/// A server of the project, named explicitly, and whether it should run.
///
/// # Guarantees
///
/// A start is sent for a server that Nova shows `SHUTOFF`, without a task and unlocked, and for no
/// other: what is paused, suspended or broken needs a decision, and is refused with what to do. A start
/// for a host whose nova-compute is down is refused too, if this login may know it: Nova would accept
/// it, and nothing would happen until the host returns.
///
/// The rollback stops the server only if the run has started it.
///
/// # Caveats
///
/// After a boot of its host a dead server reads `ACTIVE` until nova-compute compares it with the
/// hypervisor: when it starts, then every 600 s. Only `ACTIVE` with the power state 1 counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GuestRunning {
    /// Its name, which only one server of the project may have, or its id.
    pub server: String,
    /// Whether it should run.
    pub state: GuestState,
    /// How long it may take, in seconds.
    #[serde(default = "quarter_of_an_hour")]
    pub within: u64,
}

/// Whether a server should run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GuestState {
    /// It should.
    Running,
    /// It should not: what restores the state before a start.
    Stopped,
}

fn quarter_of_an_hour() -> u64 {
    15 * 60
}

/// Nova compares a server with its hypervisor once in 600 s (`sync_power_state_interval`). Longer without
/// a change is no progress.
const STALLED: Duration = Duration::from_mins(11);

/// Starts the server if it is off, and returns once it runs.
///
/// ```no_run
/// # use omega_openstack::compute::*;
/// # async fn f(ctx: &omega_core::Context, compute: &Compute) -> Result<(), Box<dyn std::error::Error>> {
/// let done = ensure_guest_running(ctx, compute, &GuestRunning::new("capi-mgmt-v2")).await?;
/// println!("started: {}", done.changed());
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// Refuses a server that is locked, or in a state that a start does not end; several of the name, and
/// none. Without progress it says what Nova shows, and the state of the host's nova-compute if this
/// login may read it.
pub async fn ensure_guest_running(
    ctx: &Context,
    compute: &Compute,
    guest: &GuestRunning,
) -> Result<Outcome<GuestObserved>, EnsureError<Error>> {
    ensure(ctx, compute, guest).await
}

/// The project's servers of the name or id, and the service on the host of the only one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct GuestObserved {
    /// The servers.
    pub servers: Vec<Guest>,
    /// The host's nova-compute, if the server does not run and this login may read it.
    pub host: Option<HostService>,
}

/// One write to Nova.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields are the server's")]
pub enum GuestChange {
    /// `POST /servers/{id}/action {"os-start": null}`
    Start { id: String, name: String },
    /// `POST /servers/{id}/action {"os-stop": null}`
    Stop { id: String, name: String },
}

impl GuestRunning {
    /// Returns that the server of this name or id runs, within 15 minutes.
    pub fn new(server: impl Into<String>) -> Self {
        let state = GuestState::Running;
        Self { server: server.into(), state, within: quarter_of_an_hour() }
    }

    fn one<'a>(&self, seen: &'a GuestObserved) -> Result<Option<&'a Guest>, Conflict> {
        let Self { server, state, .. } = self;
        match (seen.servers.as_slice(), state) {
            ([one], _) => Ok(Some(one)),
            // What is deleted does not run.
            ([], GuestState::Stopped) => Ok(None),
            ([], GuestState::Running) => {
                let why = format!("the project has no server {server:?}");
                let next = "openstack server list; `project` in [management] says which project is \
                            looked at";
                Err(Conflict::no_such(why, next))
            }
            (many, _) => {
                let ids: Vec<&str> = many.iter().map(|one| one.id.as_str()).collect();
                let why = format!("{} servers have the name {server:?}", many.len());
                let conflict = Conflict::new(why, "name the one that is meant by its id");
                Err(conflict.seen("one server", ids.join(", ")))
            }
        }
    }

    /// What is to be done about a server that is not busy, and is not as it should be.
    fn of_idle(&self, one: &Guest, host: Option<&HostService>) -> Result<Change, Conflict> {
        let Guest { id, name, .. } = one;
        let (id, name) = (id.clone(), name.clone());
        let change = match (self.state, one.status.as_str()) {
            (GuestState::Running, "SHUTOFF") => GuestChange::Start { id, name },
            (GuestState::Stopped, "ACTIVE") => GuestChange::Stop { id, name },
            _ => return Err(other_state(one)),
        };
        if one.locked == Some(true) {
            let why =
                format!("server {} is locked: somebody does not want it to change", one.named());
            let next =
                format!("ask who locked it; then openstack server unlock {}, and again", one.id);
            return Err(Conflict::new(why, next).seen("an unlocked server", one.shown()));
        }
        if let Some(host) = host.filter(|host| host.state == "down") {
            let why = format!(
                "{}: Nova would accept the request, and do nothing until the host returns",
                host.said()
            );
            let next = format!(
                "bring {} back (its machine, then nova-compute), or evacuate the server from it, then run \
                 the same command again",
                host.host
            );
            return Err(Conflict::new(why, next).seen("a host that is up", host.said()));
        }
        Ok(vec![change])
    }
}

type Change = Vec<GuestChange>;

/// A state that neither a start nor a stop ends.
fn other_state(one: &Guest) -> Conflict {
    let (id, status) = (&one.id, one.status.as_str());
    let next = match status {
        "PAUSED" => format!("openstack server unpause {id}"),
        "SUSPENDED" => format!("openstack server resume {id}"),
        "ERROR" => format!(
            "openstack server show {id} -c fault; once its cause is gone: openstack server reboot --hard \
             {id}"
        ),
        "SHELVED" | "SHELVED_OFFLOADED" => format!("openstack server unshelve {id}"),
        "RESCUE" => format!("openstack server unrescue {id}"),
        "VERIFY_RESIZE" => {
            format!("openstack server resize confirm {id}, or openstack server resize revert {id}")
        }
        "SOFT_DELETED" => format!("openstack server restore {id}"),
        _ => format!("openstack server show {id}"),
    };
    let why = format!("server {} is {status}, which a start does not end", one.named());
    Conflict::new(why, next).seen("ACTIVE, or SHUTOFF without a task", one.shown())
}

/// Statuses that Nova itself leaves.
const PASSING: [&str; 7] =
    ["BUILD", "REBOOT", "HARD_REBOOT", "REBUILD", "RESIZE", "MIGRATING", "PASSWORD"];

impl Desired for GuestRunning {
    const KIND: &'static str = "openstack.guest.v1";
    type Target = Compute;
    type Observed = GuestObserved;
    type Change = GuestChange;
    type Undo = Self;
    type Error = Error;

    fn subject(&self) -> Subject {
        Subject::new("server", &self.server)
    }

    fn key(&self) -> String {
        self.server.clone()
    }

    async fn observe(&self, compute: &Compute) -> Result<GuestObserved, Error> {
        let servers = compute.guests(&self.server).await?;
        let host = match servers.as_slice() {
            [one] if !one.runs() => compute.host_service(one).await?,
            _ => None,
        };
        Ok(GuestObserved { servers, host })
    }

    fn diff(&self, seen: &GuestObserved) -> Result<Delta<GuestChange>, Conflict> {
        let Some(one) = self.one(seen)? else { return Ok(Delta::Satisfied) };
        let host = seen.host.as_ref();
        let at = || host.map_or_else(|| one.on_host(), HostService::said);
        if let Some(task) = &one.task {
            let status = &one.status;
            return Ok(Delta::Wait(format!(
                "it is {status}, and its task {task} does not end: {}",
                at()
            )));
        }
        match (self.state, one.status.as_str()) {
            (GuestState::Running, "ACTIVE") if one.runs() => Ok(Delta::Satisfied),
            (GuestState::Stopped, "SHUTOFF") => Ok(Delta::Satisfied),
            (GuestState::Running, "ACTIVE") => Ok(Delta::Wait(format!(
                "Nova shows ACTIVE, but the power state {}: its host has probably just booted, and \
                 nova-compute compares it with the hypervisor when it starts, then every 600 s: {}",
                one.power(),
                at()
            ))),
            (_, status) if PASSING.contains(&status) => {
                Ok(Delta::Wait(format!("it is {status}: {}", at())))
            }
            _ => Ok(Delta::Changes(self.of_idle(one, host)?)),
        }
    }

    async fn apply(
        &self,
        _: &Context,
        compute: &Compute,
        change: &GuestChange,
    ) -> Result<(), Error> {
        // That somebody was faster is an error: a rollback would stop what this run has not started.
        match change {
            GuestChange::Start { id, .. } => compute.act(id, "os-start").await,
            GuestChange::Stop { id, .. } => compute.act(id, "os-stop").await,
        }
    }

    fn undo(&self, before: &GuestObserved) -> Option<Self> {
        let [one] = before.servers.as_slice() else { return None };
        let state = match (self.state, one.status.as_str()) {
            (GuestState::Running, "SHUTOFF") => GuestState::Stopped,
            (GuestState::Stopped, "ACTIVE") => GuestState::Running,
            _ => return None,
        };
        // By its id: the name may be another server's by then.
        Some(Self { server: one.id.clone(), state, within: self.within })
    }

    fn notes_after(&self, _: &GuestObserved) -> Vec<Note> {
        let text = "what is not highly available is started by hand, so that an outage is noticed: find \
                    out why the server was off before you rely on it";
        match self.state {
            GuestState::Running => vec![Note::decision("D-041", text)],
            GuestState::Stopped => Vec::new(),
        }
    }

    fn poll_policy(&self) -> PollPolicy {
        let within = Duration::from_secs(self.within);
        PollPolicy::new(Duration::from_secs(5), within).stalled(STALLED.min(within))
    }
}

impl Describe for GuestChange {
    fn describe(&self) -> Diff {
        let (id, name, effect) = match self {
            Self::Start { id, name } => (id, name, "SHUTOFF -> ACTIVE (os-start)"),
            Self::Stop { id, name } => (id, name, "ACTIVE -> SHUTOFF (os-stop)"),
        };
        Diff::new(ChangeKind::Update, Subject::new("server", format!("{name} ({id})")), effect)
    }
}

impl fmt::Display for GuestState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Running => "running",
            Self::Stopped => "stopped",
        })
    }
}

#[cfg(test)]
mod tests;
