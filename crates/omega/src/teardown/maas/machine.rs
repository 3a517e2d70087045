//! A machine, as MAAS shows it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What Juju writes into a machine's owner data when it deploys it (juju 3.6, `environs/tags/tags.go`,
/// `JujuModel`; `internal/provider/maas/environ.go`, `tagInstance`). MAAS removes it with the release.
pub(super) const MODEL: &str = "juju-model-uuid";

/// A machine of a MAAS (`src/maasserver/api/machines.py`, `DISPLAYED_MACHINE_FIELDS`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct MaasMachine {
    /// Its id in MAAS.
    pub system_id: String,
    /// Its host name.
    pub hostname: String,
    /// Its status, as a number.
    pub status: u32,
    /// The status's name (`Deployed`).
    pub status_name: String,
    /// The message of its last event.
    pub status_message: Option<String>,
    /// The user to whom it is allocated.
    pub owner: Option<String>,
    /// What that user wrote to it.
    pub owner_data: BTreeMap<String, String>,
    /// Whether it is locked against changes.
    pub locked: bool,
}

/// What a machine's status means for its release.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MachineState {
    /// It is in nobody's hands.
    Ready,
    /// It may be released (`src/maasserver/models/node.py`, `RELEASABLE_STATUSES`).
    Allocated,
    /// It is being released: it powers down or erases its disks.
    Releasing,
    /// It is neither: it is commissioned, tested, rescued or retired.
    Other,
}

impl MaasMachine {
    /// Returns what its status means. The numbers are MAAS's (`src/maasserver/enum.py`, `NODE_STATUS`).
    pub fn state(&self) -> MachineState {
        match self.status {
            4 => MachineState::Ready,
            // Reserved, Deployed, Broken, Deploying, Allocated, Failed deployment, Releasing failed,
            // Failed disk erasing.
            5 | 6 | 8 | 9 | 10 | 11 | 13 | 15 => MachineState::Allocated,
            12 | 14 => MachineState::Releasing,
            _ => MachineState::Other,
        }
    }

    /// Returns the user to whom it is allocated. MAAS writes an empty name or null for none.
    pub fn owner(&self) -> Option<&str> {
        self.owner.as_deref().filter(|owner| !owner.is_empty())
    }

    /// Returns the id of the Juju model that it was deployed for.
    pub fn model(&self) -> Option<&str> {
        self.owner_data.get(MODEL).map(String::as_str)
    }

    /// Returns whether it is Ready and nobody's.
    pub fn is_free(&self) -> bool {
        self.state() == MachineState::Ready && self.owner().is_none()
    }

    /// `openstack1 (4y3h7n) is Releasing (powering off)`
    pub(in crate::teardown) fn shown(&self) -> String {
        let message = self.status_message.as_deref().filter(|text| !text.is_empty());
        let message = message.map(|text| format!(" ({text})")).unwrap_or_default();
        format!("{} ({}) is {}{message}", self.hostname, self.system_id, self.status_name)
    }
}
