//! Ensures that a machine is Ready in MAAS, and nobody's.

use std::time::Duration;

use omega_core::{
    ChangeKind, Conflict, Context, Delta, Describe, Desired, Diff, EnsureError, Outcome,
    PollPolicy, Subject, ensure,
};
use omega_juju::controller::Extent;
use serde::{Deserialize, Serialize};

use super::{Maas, MaasError, MaasMachine, MachineState};

/// That a machine is Ready in MAAS, and nobody's.
///
/// # Guarantees
///
/// Only a machine that its former owner still has is released. One that another user or another Juju model
/// has by now is refused, and so is one that is locked, or in a state that MAAS does not release.
///
/// # Caveats
///
/// It can't be undone. A release erases the disks only if MAAS is configured so
/// (`enable_disk_erasing_on_release`); otherwise the data stays on them until the next deployment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MachineReleased {
    /// The machine's id in MAAS.
    pub system_id: String,
    /// Its host name.
    pub hostname: String,
    /// The user who has it.
    pub owner: String,
    /// The id of the Juju model that it belongs to.
    pub model: String,
    /// How far the release must have come.
    pub extent: Extent,
    /// How long it may take, in seconds.
    pub within: u64,
}

/// Releases the machine, and returns once it is Ready.
///
/// ```no_run
/// # use omega::teardown::maas::{Maas, MachineReleased, ensure_machine_released};
/// # async fn f(ctx: &omega::core::Context, maas: &Maas) -> Result<(), Box<dyn std::error::Error>> {
/// let machine = maas.machine("4y3h7n").await?.ok_or("no such machine")?;
/// let model = machine.model().ok_or("not of a model")?.to_owned();
/// let done = ensure_machine_released(ctx, maas, &MachineReleased::of(&machine, &model)).await?;
/// println!("released: {}", done.changed());
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// Refuses a machine that another user or another model has.
pub async fn ensure_machine_released(
    ctx: &Context,
    maas: &Maas,
    machine: &MachineReleased,
) -> Result<Outcome<MachineObserved>, EnsureError<MaasError>> {
    ensure(ctx, maas, machine).await
}

/// The machine, if MAAS has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MachineObserved {
    /// The machine.
    pub machine: Option<MaasMachine>,
}

/// `maas PROFILE machine release SYSTEM_ID`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MachineRelease {
    /// The machine's id in MAAS.
    pub system_id: String,
    /// Its host name.
    pub hostname: String,
    /// The status that it has.
    pub status: String,
    /// The user who has it.
    pub owner: String,
}

impl MachineReleased {
    /// Returns that this machine is Ready within half an hour. `model`: the Juju model that it belongs to.
    pub fn of(machine: &MaasMachine, model: &str) -> Self {
        Self {
            system_id: machine.system_id.clone(),
            hostname: machine.hostname.clone(),
            owner: machine.owner().unwrap_or_default().to_owned(),
            model: model.to_owned(),
            extent: Extent::Complete,
            within: 30 * 60,
        }
    }

    /// `openstack0 (4y3h7n)`
    fn name(&self) -> String {
        format!("{} ({})", self.hostname, self.system_id)
    }

    fn refuse(&self, machine: &MaasMachine) -> Result<(), Conflict> {
        let (name, look) = (self.name(), "look at the machine in MAAS");
        if let Some(model) = machine.model().filter(|model| *model != self.model) {
            let why = format!("machine {name} is another Juju model's now");
            return Err(Conflict::new(why, look).seen(&self.model, model));
        }
        let owner = machine.owner().unwrap_or_default();
        if owner != self.owner {
            let why = format!("machine {name} is another user's now");
            return Err(Conflict::new(why, look).seen(&self.owner, owner));
        }
        if machine.locked {
            let why = format!("machine {name} is locked in MAAS");
            let next = format!("maas PROFILE machine unlock {}", self.system_id);
            return Err(Conflict::new(why, next));
        }
        Ok(())
    }
}

impl Desired for MachineReleased {
    const KIND: &'static str = "maas.machine-released.v1";
    type Target = Maas;
    type Observed = MachineObserved;
    type Change = MachineRelease;
    type Undo = Self;
    type Error = MaasError;

    fn subject(&self) -> Subject {
        Subject::new("machine", self.name())
    }

    fn key(&self) -> String {
        self.system_id.clone()
    }

    async fn observe(&self, maas: &Maas) -> Result<MachineObserved, MaasError> {
        Ok(MachineObserved { machine: maas.machine(&self.system_id).await? })
    }

    fn diff(&self, seen: &MachineObserved) -> Result<Delta<MachineRelease>, Conflict> {
        let Some(machine) = &seen.machine else {
            let why = format!("MAAS has no machine {}", self.name());
            return Err(Conflict::new(why, "look at maas PROFILE machines read"));
        };
        match machine.state() {
            MachineState::Ready if machine.owner().is_none() => Ok(Delta::Satisfied),
            MachineState::Releasing if self.extent == Extent::Begun => Ok(Delta::Satisfied),
            MachineState::Releasing => Ok(Delta::Wait(machine.shown())),
            MachineState::Allocated => {
                self.refuse(machine)?;
                Ok(Delta::of(vec![MachineRelease {
                    system_id: self.system_id.clone(),
                    hostname: self.hostname.clone(),
                    status: machine.status_name.clone(),
                    owner: self.owner.clone(),
                }]))
            }
            MachineState::Ready | MachineState::Other => {
                let why = format!("machine {} can't be released in its state", self.name());
                let next = "look at the machine in MAAS: no model uses it";
                Err(Conflict::new(why, next).seen("Deployed or Ready", &machine.status_name))
            }
        }
    }

    async fn apply(
        &self,
        _: &Context,
        maas: &Maas,
        change: &MachineRelease,
    ) -> Result<(), MaasError> {
        let comment = format!("omega: teardown of Juju model {}", self.model);
        maas.release(&change.system_id, &comment).await
    }

    fn poll_policy(&self) -> PollPolicy {
        let within = Duration::from_secs(self.within);
        PollPolicy::new(EVERY.min(within / 4), within)
    }
}

/// How often MAAS is asked: a release takes a minute at least, to power the machine off.
const EVERY: Duration = Duration::from_secs(5);

impl Describe for MachineRelease {
    fn describe(&self) -> Diff {
        let Self { system_id, hostname, status, owner } = self;
        let subject = Subject::new("machine", format!("{hostname} ({system_id})"));
        let effect = format!("release in MAAS: {status}, of user {owner}");
        Diff::new(ChangeKind::Delete, subject, effect)
    }

    /// juju may have had it released meanwhile, and failed: what is done is the same.
    fn is_shown_by(&self, approved: &Self) -> bool {
        (&self.system_id, &self.owner) == (&approved.system_id, &approved.owner)
    }
}

#[cfg(test)]
#[path = "machine_released_tests.rs"]
mod tests;
