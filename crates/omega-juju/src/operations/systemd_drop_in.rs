//! The systemd drop-in of a daemon that `systemctl edit` and the superseded graft write.

use serde::{Deserialize, Serialize};

use super::magnum;
use crate::{Error, ServiceName, ServiceState, Unit};

/// A daemon's `override.conf`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct DropInObserved {
    /// The command in `ExecStart`.
    pub start: Option<String>,
    /// Whether it is the drop-in of the superseded graft.
    pub leftover: bool,
    /// Whether the daemon's units changed since the last daemon-reload.
    pub unread: bool,
}

impl DropInObserved {
    pub(super) fn of(text: &str, service: &ServiceState) -> Self {
        let starts = text.lines().filter_map(|line| line.trim().strip_prefix("ExecStart="));
        let starts: Vec<_> = starts.map(str::trim).collect();
        // The superseded graft resets ExecStart and sets it to a daemon with --config-dir.
        let leftover = matches!(starts.as_slice(), ["", start] if start.contains("--config-dir"));
        let start = starts.last().filter(|start| !start.is_empty());
        let start = start.map(|start| (*start).to_owned());
        Self { start, leftover, unread: service.needs_reload }
    }
}

/// Reads the drop-in of `daemon`.
pub(super) async fn observe_drop_in(
    unit: &Unit,
    daemon: &ServiceName,
) -> Result<DropInObserved, Error> {
    let path = magnum::systemd_override(daemon);
    let ((_, text), service) = futures::try_join!(unit.text(&path), unit.service(daemon))?;
    Ok(DropInObserved::of(text.as_deref().unwrap_or_default(), &service))
}
