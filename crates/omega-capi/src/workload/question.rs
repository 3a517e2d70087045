use std::fmt;

use serde::{Deserialize, Serialize};

/// A check of a workload cluster, from the bottom layer up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Question {
    /// Does its API answer?
    Api,
    /// Do all nodes exist, Ready and at the right version?
    Nodes,
    /// Is there a network plugin on every node?
    Cni,
    /// Does the cloud controller manager run, and stay up?
    CloudController,
    /// Can volumes be created?
    Csi,
    /// Does DNS run?
    Dns,
    /// Is anything stuck?
    Stuck,
}

impl Question {
    /// All of them, from the bottom layer up.
    pub const ALL: [Self; 7] = [
        Self::Api,
        Self::Nodes,
        Self::Cni,
        Self::CloudController,
        Self::Csi,
        Self::Dns,
        Self::Stuck,
    ];

    /// Returns the name of its rule.
    pub fn rule(self) -> &'static str {
        match self {
            Self::Api => "workload-api",
            Self::Nodes => "workload-nodes",
            Self::Cni => "workload-cni",
            Self::CloudController => "workload-cloud-controller",
            Self::Csi => "workload-csi",
            Self::Dns => "workload-dns",
            Self::Stuck => "workload-stuck",
        }
    }

    /// Returns the decisions that it checks.
    pub fn decisions(self) -> &'static [&'static str] {
        match self {
            Self::Api | Self::Nodes | Self::Csi | Self::Dns | Self::Stuck => &["D-011"],
            Self::Cni => &["D-011", "D-031"],
            // It kept crashing where it did not reach the addresses of the APIs.
            Self::CloudController => &["D-011", "D-003"],
        }
    }

    /// Returns its name: `cloud-controller`.
    pub fn name(self) -> &'static str {
        self.rule().trim_start_matches("workload-")
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
