//! Why a daemon must be restarted, and what must be done before.

use std::collections::BTreeSet;

use omega_core::Conflict;
use omega_driver::requirements::DISTRIBUTION;

use super::{
    DaemonObserved, DaemonSpec, Flag, InputExpect, OptionsObserved, Reason, daemon_args, magnum,
};
use crate::{FileState, OptionSource, ProbeFailure};

impl DaemonSpec {
    /// Returns why the daemon must be restarted; empty if it runs as desired.
    pub(crate) fn reasons(&self, seen: &DaemonObserved) -> BTreeSet<Reason> {
        let mut reasons = BTreeSet::new();
        let leftover = seen.drop_in.leftover;
        if seen.drop_in.unread {
            reasons.insert(Reason::Systemd);
        }
        let Some(started) = seen.state.started_ns.filter(|_| seen.runs()) else {
            reasons.insert(Reason::NotRunning);
            return reasons;
        };
        let inputs = self.inputs.iter().zip(&seen.inputs);
        let newer = inputs.filter(|(input, state)| {
            modified(state).is_some_and(|at| at >= started) || !input.is_expected(state, leftover)
        });
        reasons.extend(newer.map(|(input, _)| input.reason));
        let found = seen.python.distribution();
        if found.is_some_and(|found| found.modified_ns >= started) || !self.is_driver(seen) {
            reasons.insert(Reason::Driver);
        }
        if !self.command_line(seen) {
            reasons.insert(Reason::CommandLine);
        }
        if self.started_after.is_some_and(|after| started <= after) {
            reasons.insert(Reason::RolledBack);
        }
        reasons
    }

    fn is_driver(&self, seen: &DaemonObserved) -> bool {
        self.driver.is_none() || seen.python.release() == self.driver
    }

    /// Returns whether a restart needs a daemon-reload: the units changed, or will have.
    pub(super) fn needs_reload(&self, seen: &DaemonObserved) -> bool {
        let removed = self.inputs.iter().any(|input| input.expect == InputExpect::NoLeftover);
        seen.drop_in.unread || (removed && seen.drop_in.leftover)
    }

    fn command_line(&self, seen: &DaemonObserved) -> bool {
        let live = daemon_args::count(&seen.state.cmdline, &magnum::conf_d());
        let next = seen.next_start(self.needs_reload(seen));
        match self.flag {
            Flag::Any => true,
            Flag::Once => live == 1 && next.is_none_or(|next| next == 1),
            Flag::AsNextStart => next.is_none_or(|next| live == next),
        }
    }

    /// Returns which previous step is not done yet, if any.
    pub(super) fn not_yet(&self, seen: &DaemonObserved) -> Option<String> {
        let mut inputs = self.inputs.iter().zip(&seen.inputs);
        let leftover = seen.drop_in.leftover;
        if let Some((input, _)) = inputs.find(|(input, state)| !input.is_expected(state, leftover))
        {
            return Some(format!("{} does not have its planned state yet", input.path));
        }
        if !self.is_driver(seen) {
            return Some(format!("{DISTRIBUTION} does not have the pinned version yet"));
        }
        let next = seen.next_start(self.needs_reload(seen));
        (self.flag == Flag::Once && next.is_some_and(|next| next != 1)).then(|| {
            format!("its next start would not have --config-dir {} once", magnum::conf_d())
        })
    }

    pub(super) fn refuse_masked(&self, seen: &DaemonObserved) -> Result<(), Conflict> {
        if seen.state.load != "masked" {
            return Ok(());
        }
        let why = format!("{} is masked", self.service);
        let next = format!("if it should run, systemctl unmask {}", self.service);
        Err(Conflict::new(why, next))
    }

    /// Refuses options that another file overrides.
    pub(super) fn in_effect(&self, seen: &DaemonObserved) -> Result<(), Conflict> {
        let values = match &seen.options {
            OptionsObserved::Values(values) => values,
            OptionsObserved::Unknown(ProbeFailure { why, .. }) => {
                let what =
                    format!("the options of {} could not be determined: {why}", self.service);
                return Err(Conflict::new(what, "look at its configuration files and their modes"));
            }
        };
        let other = self.options.iter().find(|(key, value)| values.get(*key) != Some(*value));
        let Some((key, value)) = other else { return Ok(()) };
        let why = format!("{} reads another value for {key} in [capi_helm]", self.service);
        let next = not_from_dropin(key, seen.set.get(key).map(Vec::as_slice).unwrap_or_default());
        let found = values.get(key).cloned().unwrap_or_else(|| "nothing".to_owned());
        Err(Conflict::new(why, next).seen(value.clone(), found))
    }
}

/// What to do about an option that does not have the drop-in's value. `set`: the files that set it.
pub(crate) fn not_from_dropin(key: &str, set: &[OptionSource]) -> String {
    let dropin = magnum::dropin();
    let by = set.last().filter(|by| by.file != dropin.as_str());
    match by {
        Some(by) if set.iter().any(|source| source.file == dropin.as_str()) => {
            format!("{}, and is read after {dropin}: remove the option there", sets(key, by))
        }
        Some(by) => format!("{}, and {dropin} does not", sets(key, by)),
        None => format!(
            "another file sets {key}: find it (grep -rn {key} /etc/magnum/) and remove the option there"
        ),
    }
}

/// As in "/etc/magnum/magnum.conf.d/50-site.conf:3 sets key = value".
pub(super) fn sets(key: &str, by: &OptionSource) -> String {
    format!("{} sets {key} = {}", by.place(), by.value)
}

fn modified(state: &FileState) -> Option<i64> {
    match state {
        FileState::Regular(facts) => Some(facts.modified_ns),
        FileState::Link { target: _, resolved } => resolved.as_ref().map(|facts| facts.modified_ns),
        FileState::Directory { modified_ns, .. } => Some(*modified_ns),
        FileState::Absent | FileState::Special => None,
    }
}
