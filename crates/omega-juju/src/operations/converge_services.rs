//! Restarts daemons that do not run with what is on disk.

use std::{collections::BTreeMap, time::Duration};

use jiff::Timestamp;
use omega_core::{
    Conflict, Context, Delta, Desired, EnsureError, Evidence, Note, Outcome, PollPolicy, Subject,
    ensure, values::Sha256,
};
use omega_driver::DriverRelease;
use serde::{Deserialize, Serialize};

use super::{
    DaemonObserved, DaemonSpec, Flag, InputExpect, Reason, ServiceChange,
    daemon_observed::observe_daemon, evidence, magnum,
};
use crate::{Error, Payload, ServiceAction, ServiceName, Unit};

/// How much a computed time of a start may differ from look to look, in nanoseconds.
const ABOUT: i64 = 1_000_000_000;

/// Ensures that every daemon runs, and was started after its inputs last changed.
///
/// Magnum reads its configuration and drivers only at its start. Each process must therefore be
/// newer than the driver, the configuration directory, `/etc/default` and its systemd drop-ins; the
/// conductor's live command line must have `--config-dir`; and the options that the daemons read
/// must be those of the drop-in. Other daemons are restarted, the conductor before the API, so that
/// no request for the driver is accepted before the conductor has loaded it. If a systemd drop-in
/// changed, there is a daemon-reload first.
///
/// It is not an error if the unit lacks one of the daemons.
///
/// ```no_run
/// # use omega_juju::{Unit, operations::{ConvergeServices, converge_services}};
/// # async fn f(unit: &Unit, desired: &ConvergeServices) -> Result<(), Box<dyn std::error::Error>> {
/// let done = converge_services(unit, desired).await?;
/// println!("changed: {}", done.changed());
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// Refuses a masked service, a unit with none of the daemons, options that another file overrides,
/// and a restart before the steps that it depends on. A daemon that does not start is an error with
/// the last lines of its log.
///
/// # Caveats
///
/// A restart can't be undone. A rollback ends with another restart.
pub async fn converge_services(
    unit: &Unit,
    desired: &ConvergeServices,
) -> Result<Outcome<ServicesObserved>, EnsureError<Error>> {
    ensure(&Context::default(), unit, desired).await
}

/// The running daemons of a unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ConvergeServices {
    /// In the order in which they are restarted.
    pub daemons: Vec<DaemonSpec>,
}

/// What was observed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ServicesObserved {
    /// In the order of [`ConvergeServices::daemons`].
    pub daemons: Vec<DaemonObserved>,
}

impl ConvergeServices {
    /// Returns the desired state in which the daemons run `driver` with a drop-in that has this
    /// digest and sets `options`. `remove_leftovers`: the files of the superseded graft will be
    /// removed.
    pub fn graft(
        driver: &DriverRelease,
        dropin: Sha256,
        options: &BTreeMap<String, String>,
        remove_leftovers: bool,
    ) -> Self {
        let removed = |expect| if remove_leftovers { expect } else { InputExpect::Any };
        let daemon = |service: ServiceName, flag| {
            let over = magnum::systemd_override(&service);
            DaemonSpec::new(service, flag)
                .with_driver(driver, options)
                .expecting(&magnum::dropin(), InputExpect::Digest(dropin))
                .expecting(&magnum::old_dropin(), removed(InputExpect::Absent))
                .expecting(&over, removed(InputExpect::NoLeftover))
        };
        let conductor = daemon(magnum::conductor(), Flag::Once);
        Self { daemons: vec![conductor, daemon(magnum::api(), Flag::Any)] }
    }

    /// Returns the desired state in which the daemons run with whatever is on disk, for the end of a
    /// rollback.
    pub fn as_on_disk() -> Self {
        let conductor = DaemonSpec::new(magnum::conductor(), Flag::AsNextStart);
        Self { daemons: vec![conductor, DaemonSpec::new(magnum::api(), Flag::Any)] }
    }

    /// Requires new processes instead of those in `seen`, which were started with what is being
    /// rolled back.
    #[must_use]
    pub fn after(mut self, seen: &ServicesObserved) -> Self {
        for (spec, seen) in self.daemons.iter_mut().zip(&seen.daemons) {
            // The same process must not look like a new one at the next look.
            let slack = if seen.state.started_about { ABOUT } else { 0 };
            let started = seen.state.started_ns.map(|started| started.saturating_add(slack));
            spec.started_after = spec.started_after.max(started);
        }
        self
    }

    fn pairs<'a>(
        &'a self,
        seen: &'a ServicesObserved,
    ) -> impl Iterator<Item = (&'a DaemonSpec, &'a DaemonObserved)> {
        self.daemons.iter().zip(&seen.daemons)
    }
}

impl Desired for ConvergeServices {
    const KIND: &'static str = "juju.services.v1";
    type Target = Unit;
    type Observed = ServicesObserved;
    type Change = ServiceChange;
    type Undo = Self;
    type Error = Error;

    fn subject(&self) -> Subject {
        let names: Vec<_> = self.daemons.iter().map(|daemon| daemon.service.as_str()).collect();
        Subject::new("service", names.join(", "))
    }

    fn key(&self) -> String {
        self.subject().name
    }

    async fn observe(&self, unit: &Unit) -> Result<ServicesObserved, Error> {
        let daemons = self.daemons.iter().map(|spec| observe_daemon(unit, spec));
        Ok(ServicesObserved { daemons: futures::future::try_join_all(daemons).await? })
    }

    fn diff(&self, seen: &ServicesObserved) -> Result<Delta<ServiceChange>, Conflict> {
        if !seen.daemons.iter().any(DaemonObserved::exists) {
            let next = "check the unit's name: Magnum does not run here";
            return Err(Conflict::new(format!("this unit has none of {}", self.key()), next));
        }
        let (mut changes, mut by, mut reload) = (Vec::new(), None, false);
        for (spec, seen) in self.pairs(seen).filter(|(_, seen)| seen.exists()) {
            spec.refuse_masked(seen)?;
            let reasons = spec.reasons(seen);
            if reasons.is_empty() {
                spec.in_effect(seen)?;
                continue;
            }
            // A rollback may restore a drop-in that is not on disk yet.
            reload |= spec.needs_reload(seen) || spec.started_after.is_some();
            let service = spec.service.clone();
            by = by.or_else(|| Some(not_yet(&service, &spec.not_yet(seen)?)));
            let action = ServiceAction::RestartService { service };
            changes.push(ServiceChange { action, reasons });
        }
        if reload {
            let (action, reasons) = (ServiceAction::ReloadUnits, [Reason::Systemd].into());
            changes.insert(0, ServiceChange { action, reasons });
        }
        Ok(match by {
            Some(by) => Delta::Blocked { by, changes },
            None => Delta::of(changes),
        })
    }

    async fn apply(&self, _: &Context, unit: &Unit, change: &ServiceChange) -> Result<(), Error> {
        unit.act(&change.action.clone().into(), Payload::Null).await
    }

    fn evidence(&self, seen: &ServicesObserved) -> Vec<Evidence> {
        let of = |(spec, seen): (&DaemonSpec, &DaemonObserved)| {
            evidence::of_daemon(spec.service.as_str(), seen)
        };
        self.pairs(seen).flat_map(of).collect()
    }

    fn notes(&self, seen: &ServicesObserved, _: Timestamp) -> Vec<Note> {
        let absent = self.pairs(seen).filter(|(_, seen)| !seen.exists());
        absent.map(|(spec, _)| Note::new(format!("this unit has no {}", spec.service))).collect()
    }

    fn poll_policy(&self) -> PollPolicy {
        PollPolicy::new(Duration::from_secs(2), Duration::from_mins(1))
    }
}

fn not_yet(service: &ServiceName, what: &str) -> Conflict {
    let why = format!("{service} can't be restarted yet: {what}");
    Conflict::new(why, "run the previous steps first")
}

#[cfg(test)]
#[path = "converge_services_tests.rs"]
mod tests;
