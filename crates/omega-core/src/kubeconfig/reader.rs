use std::fmt;

use serde::{Deserialize, Serialize};

/// A program that reads the kubeconfig of the management cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reader {
    /// magnum-capi-helm: PyYAML's `safe_load`, then a session of requests.
    Driver,
    /// kubectl and helm: client-go, with `sigs.k8s.io/yaml`.
    Go,
}

impl fmt::Display for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Driver => "the driver (PyYAML)",
            Self::Go => "Go's client (helm, kubectl)",
        })
    }
}
