//! Which subcommands may change the site: the others get clients that refuse to send a write.

use omega::core::{ClientMode, Failure, FailureClass};

/// What a subcommand may do to the site. Files on this machine (a plan, a baseline, a report, a site file)
/// are not the site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It contacts nothing, or only reads. It gets clients that only read.
    Reads,
    /// It may change something. With `--plan` it only reads.
    Writes,
    /// The site file says whether it changes something. It finds that out by itself.
    Depends,
}

use Effect::{Depends, Reads, Writes};

/// Every subcommand without subcommands of its own, and `runs`.
const EFFECTS: &[(&str, Effect)] = &[
    ("init", Reads),
    ("validate", Reads),
    ("plan", Reads),
    ("show", Reads),
    ("apply", Writes),
    ("verify", Reads),
    ("rollback", Writes),
    ("doctor", Reads),
    ("drift", Reads),
    ("accept", Depends),
    ("lint bundle", Reads),
    ("lint network", Reads),
    ("lint site", Reads),
    ("lint templates", Reads),
    ("lint file", Reads),
    // The simulators in this process are no site.
    ("rehearse", Reads),
    ("explain", Reads),
    ("decisions", Reads),
    ("as-built", Reads),
    ("export kubernetes", Reads),
    ("runs", Reads),
    ("locks", Reads),
    ("runs show", Reads),
    ("runs sweep", Writes),
    ("release-stuck-delete", Writes),
    ("teardown", Writes),
    ("schema", Reads),
    ("completions", Reads),
    ("man", Reads),
    ("stage-image", Writes),
    ("ensure-cluster-template", Writes),
    ("ensure-cluster", Writes),
    ("ensure-cluster-absent", Writes),
    ("fetch-cluster-kubeconfig", Writes),
    ("ensure-load-balancer-active", Writes),
    ("ensure-guest-running", Writes),
    ("ensure-charm-config", Writes),
    ("ensure-sg-rule", Writes),
    ("place-kubeconfig", Writes),
    ("pin-driver", Writes),
    ("ensure-helm", Writes),
    ("stage-dropin", Writes),
    ("inject-config-dir", Writes),
    ("converge-services", Writes),
    ("remove-leftovers", Writes),
    ("capture-pre-state", Reads),
    ("check reach", Reads),
    ("check authenticate", Reads),
    ("check releases", Reads),
    ("check driver", Reads),
    ("check served-versions", Reads),
    ("check coherence", Reads),
    ("check trustee-domain", Reads),
    ("check magnum", Reads),
    ("check management", Reads),
    ("check health", Reads),
    ("check cluster-prerequisites", Reads),
    ("check live", Reads),
    ("check workload", Reads),
    ("served-versions", Reads),
    ("check-coherence", Reads),
    ("check-constellation", Reads),
    ("read-releases", Reads),
    ("mint-kubeconfig", Writes),
    // It changes a file, and is asked for as the others are.
    ("retarget-kubeconfig", Writes),
    ("probe-pod-egress", Writes),
];

/// The subcommand that was called.
#[derive(Clone, Debug)]
pub(crate) struct Called {
    /// Its name in full (`runs show`).
    pub(crate) name: String,
    /// Whether `--plan` was given.
    pub(crate) plan: bool,
}

impl Called {
    /// Returns what it may do. A name that is not in the table may do anything: a test finds it.
    fn effect(&self) -> Effect {
        let known = EFFECTS.iter().find(|(name, _)| *name == self.name);
        known.map_or(Writes, |(_, effect)| *effect)
    }

    /// Returns what its clients may send.
    pub(crate) fn mode(&self, read_only: bool) -> ClientMode {
        if read_only || self.plan || self.effect() == Reads {
            ClientMode::ReadOnly
        } else {
            ClientMode::ReadWrite
        }
    }

    /// Fails if it may change something, and must not.
    pub(crate) fn allowed(&self, read_only: bool) -> Result<(), Failure> {
        match self.effect() {
            Writes if read_only && !self.plan => Err(self.refused()),
            Writes | Reads | Depends => Ok(()),
        }
    }

    /// Fails if it takes no lock, and is to break one.
    pub(crate) fn locks(&self, breaks: bool) -> Result<(), Failure> {
        if !breaks || self.effect() != Reads {
            return Ok(());
        }
        let what =
            format!("{} changes nothing and takes no lock: --break-lock has no effect", self.name);
        let next = "give it to the command that the lock refused";
        Err(Failure::new(FailureClass::Usage, what).next(next))
    }

    /// Returns the failure of a command that would change something with `--read-only`.
    pub(crate) fn refused(&self) -> Failure {
        let name = &self.name;
        let what = format!("{name} changes something, and --read-only allows no change");
        let next = match name.as_str() {
            "apply" => "to see what it would change, use omega-cli plan graft; to change it, leave out --read-only"
                .to_owned(),
            _ => "to see what it would change, add --plan; to change it, leave out --read-only".to_owned(),
        };
        Failure::new(FailureClass::Refused, what).next(next)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use clap::Command;

    use super::*;

    fn leaves(command: &Command, within: &str, all: &mut Vec<(String, bool)>) {
        for one in command.get_subcommands().filter(|one| one.get_name() != "help") {
            let name = format!("{within} {}", one.get_name()).trim().to_owned();
            if !one.is_subcommand_required_set() {
                let plans = one
                    .get_arguments()
                    .any(|arg| arg.get_id() == "plan" && arg.get_long().is_some());
                all.push((name.clone(), plans));
            }
            leaves(one, &name, all);
        }
    }

    /// A new subcommand has to be decided about.
    #[test]
    fn every_subcommand_is_in_the_table_once() {
        let mut all = Vec::new();
        leaves(&crate::help::command(), "", &mut all);
        let commands: BTreeSet<&str> = all.iter().map(|(name, _)| name.as_str()).collect();
        let listed: BTreeSet<&str> = EFFECTS.iter().map(|(name, _)| *name).collect();
        assert_eq!(listed, commands);
        assert_eq!(listed.len(), EFFECTS.len(), "one is twice in the table");
        for (name, plans) in &all {
            let effect = Called { name: name.clone(), plan: false }.effect();
            // `apply` has a `plan` of its own; a bundle is a file of this machine.
            assert_eq!(
                *plans,
                (effect != Reads && name != "apply") || name == "lint bundle",
                "{name} has --plan, or lacks it"
            );
        }
    }

    #[test]
    fn what_only_reads_gets_clients_that_only_read() {
        let called = |name: &str, plan| Called { name: name.to_owned(), plan };
        for (name, plan, read_only, mode, refused) in [
            ("plan", false, false, ClientMode::ReadOnly, false),
            ("doctor", false, true, ClientMode::ReadOnly, false),
            ("apply", false, false, ClientMode::ReadWrite, false),
            ("apply", false, true, ClientMode::ReadOnly, true),
            ("ensure-cluster", true, false, ClientMode::ReadOnly, false),
            ("ensure-cluster", true, true, ClientMode::ReadOnly, false),
            ("ensure-cluster", false, true, ClientMode::ReadOnly, true),
            ("runs sweep", false, true, ClientMode::ReadOnly, true),
            ("accept", false, false, ClientMode::ReadWrite, false),
            ("accept", false, true, ClientMode::ReadOnly, false),
        ] {
            let called = called(name, plan);
            assert_eq!(called.mode(read_only), mode, "{name} {plan} {read_only}");
            assert_eq!(called.allowed(read_only).is_err(), refused, "{name} {plan} {read_only}");
        }
        let failure = called("apply", false).allowed(true).unwrap_err();
        assert_eq!(failure.class, FailureClass::Refused);
    }
}
