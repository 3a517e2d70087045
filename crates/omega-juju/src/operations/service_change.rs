//! A command to systemd.

use std::collections::BTreeSet;

use omega_core::{ChangeKind, Describe, Diff, Subject};
use serde::{Deserialize, Serialize};

use super::Reason;
use crate::ServiceAction;

/// One command to systemd. The reasons are for display and are not compared.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ServiceChange {
    /// The action.
    pub action: ServiceAction,
    /// The reasons.
    pub reasons: BTreeSet<Reason>,
}

impl PartialEq for ServiceChange {
    fn eq(&self, other: &Self) -> bool {
        self.action == other.action
    }
}

impl Describe for ServiceChange {
    fn describe(&self) -> Diff {
        match &self.action {
            ServiceAction::ReloadUnits => {
                let subject = Subject::new("systemd", "units");
                Diff::new(ChangeKind::Update, subject, "reload (daemon-reload)")
            }
            ServiceAction::RestartService { service } => {
                let reasons: Vec<_> = self.reasons.iter().map(ToString::to_string).collect();
                let subject = Subject::new("service", service.as_str());
                Diff::new(ChangeKind::Update, subject, format!("restart: {}", reasons.join("; ")))
                    .with("a restart can't be undone")
            }
        }
    }
}
