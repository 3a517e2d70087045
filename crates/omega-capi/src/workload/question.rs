use std::fmt;

use serde::{Deserialize, Serialize};

/// What is asked of a workload cluster, from the bottom up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Question {
    /// Does its API answer?
    Api,
    /// Are the nodes there, Ready, and at the version?
    Nodes,
    /// Is there a network plugin, everywhere?
    Cni,
    /// Does the cloud controller manager run, and stay up?
    CloudController,
    /// Can volumes be had?
    Csi,
    /// Are names resolved?
    Dns,
    /// Does everything else get on?
    Stuck,
}

impl Question {
    /// All of them, from the bottom up.
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

    /// Returns its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Nodes => "nodes",
            Self::Cni => "cni",
            Self::CloudController => "cloud-controller",
            Self::Csi => "csi",
            Self::Dns => "dns",
            Self::Stuck => "stuck",
        }
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
