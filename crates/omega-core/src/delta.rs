//! The difference between the desired and the observed state.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Conflict, Subject};

/// The outcome of comparing a desired fact with an observation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delta<C> {
    /// The observed state is the desired state.
    Satisfied,
    /// Not satisfied yet; all there is to do is wait (a port still in `BUILD`).
    Wait(String),
    /// Apply these, in this order. Never empty: build it with [`Delta::of`].
    Changes(Vec<C>),
    /// These are needed, but other steps of the same runbook have to be done first. A plan shows
    /// them; applying them too early is refused.
    Blocked {
        /// Why they can't be made yet.
        by: Conflict,
        /// The changes, in order.
        changes: Vec<C>,
    },
}

impl<C> Delta<C> {
    /// Returns `Satisfied` when there is nothing to change.
    pub fn of(changes: Vec<C>) -> Self {
        if changes.is_empty() { Self::Satisfied } else { Self::Changes(changes) }
    }

    /// Returns the changes to make, now or once other steps are done.
    pub fn changes(&self) -> &[C] {
        match self {
            Self::Satisfied | Self::Wait(_) => &[],
            Self::Changes(changes) | Self::Blocked { by: _, changes } => changes,
        }
    }
}

impl<C: Describe + PartialEq> Delta<C> {
    /// Returns whether doing `self` does nothing that `approved` did not show.
    ///
    /// Some or all of the approved changes may have been made in the meantime; the remaining ones
    /// must be a subsequence of them.
    pub fn within(&self, approved: &Self) -> bool {
        match (self, approved) {
            (Self::Satisfied, _) | (Self::Wait(_), Self::Wait(_)) => true,
            (Self::Wait(_), _) | (_, Self::Satisfied | Self::Wait(_)) => false,
            (now, then) => {
                let mut then = then.changes().iter();
                now.changes().iter().all(|change| then.any(|other| change.is_shown_by(other)))
            }
        }
    }
}

/// A typed change that can show itself to a person.
pub trait Describe {
    /// Returns the exact effect of this change. It never contains a secret.
    fn describe(&self) -> Diff;

    /// Returns whether doing this does nothing that `approved` did not show. Override it where a
    /// change names something that is known only once it is made (the id of an image).
    fn is_shown_by(&self, approved: &Self) -> bool
    where
        Self: PartialEq,
    {
        self == approved
    }
}

/// Create, update, or delete.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub enum ChangeKind {
    /// A new object.
    Create,
    /// An existing object changes.
    Update,
    /// An object is removed.
    Delete,
}

impl ChangeKind {
    /// Returns its sign in a plan.
    pub fn sign(self) -> char {
        match self {
            Self::Create => '+',
            Self::Update => '~',
            Self::Delete => '-',
        }
    }
}

/// One rendered change. The program prints it; the journal stores it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Diff {
    /// Create, update or delete.
    pub verb: ChangeKind,
    /// What is changed.
    pub subject: Subject,
    /// The effect in one line (`1.3.0 -> 1.4.0`).
    pub effect: String,
    /// More lines, with the details.
    pub detail: Vec<String>,
}

impl Diff {
    /// Returns a change without detail.
    pub fn new(verb: ChangeKind, subject: Subject, effect: impl Into<String>) -> Self {
        Self { verb, subject, effect: effect.into(), detail: Vec::new() }
    }

    /// Adds a line of detail.
    #[must_use]
    pub fn with(mut self, detail: impl Into<String>) -> Self {
        self.detail.push(detail.into());
        self
    }
}

impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.verb.sign(), self.subject, self.effect)
    }
}

#[cfg(test)]
mod tests {
    use super::Delta::{Blocked, Changes, Satisfied, Wait};
    use crate::{ChangeKind, Conflict, Describe, Diff, Subject};

    impl Describe for &'static str {
        fn describe(&self) -> Diff {
            Diff::new(ChangeKind::Update, Subject::new("test", *self), "")
        }
    }

    #[test]
    fn what_is_left_of_an_approved_plan_is_within_it() {
        let approved = Changes(vec!["mkdir", "write"]);
        assert!(Satisfied.within(&approved));
        assert!(Changes(vec!["write"]).within(&approved));
        assert!(approved.within(&approved));
        assert!(!Changes(vec!["write", "mkdir"]).within(&approved), "the order is part of it");
        assert!(!Changes(vec!["write", "write"]).within(&approved));
        assert!(!Changes(vec!["remove"]).within(&approved));
        assert!(!approved.within(&Wait(String::new())), "waiting approves nothing");
        assert!(!approved.within(&Satisfied));
    }

    #[test]
    fn what_was_shown_as_blocked_is_approved_for_the_time_after() {
        let blocked = |changes| Blocked { by: Conflict::new("later", "first the other"), changes };
        let approved = blocked(vec!["reload", "restart"]);
        assert!(Changes(vec!["restart"]).within(&approved));
        assert!(blocked(vec!["reload"]).within(&approved));
        assert!(!Changes(vec!["stop"]).within(&approved));
        assert!(!approved.within(&Satisfied) && !approved.within(&Wait(String::new())));
    }
}
