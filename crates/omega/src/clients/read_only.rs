//! The one switch for clients that only read.

use std::sync::Arc;

use omega_core::ClientMode;
use omega_juju::{
    Channel,
    channel::{JujuCommands, JujuProgram, ReadOnly as ReadOnlyWay},
};
use omega_openstack::{ReadOnly, Transport};

use super::{Clients, CloudClients, Connect};
use crate::teardown::maas::{MaasCommands, ReadOnlyMaas};

impl Connect<'_> {
    /// Connects with clients that refuse to send a write: the transports of the cloud, the ways to units,
    /// juju, MAAS, the management cluster and the workload clusters. Nothing below them is asked, and
    /// [`EXCEPTIONS`](omega_core::read_only::EXCEPTIONS) lists what passes besides plain reads. Files on this
    /// machine are not the site: they are still written.
    #[must_use]
    pub fn read_only(self) -> Self {
        self.in_mode(ClientMode::ReadOnly)
    }

    /// Connects with clients that send what `mode` allows.
    #[must_use]
    pub fn in_mode(self, mode: ClientMode) -> Self {
        Self { mode, ..self }
    }

    /// Returns what the clients may send.
    pub fn mode(&self) -> ClientMode {
        self.mode
    }

    /// Returns the transport as the switch says.
    pub(crate) fn transport(&self, transport: Arc<dyn Transport>) -> Arc<dyn Transport> {
        limited(transport, self.mode)
    }

    /// Returns the way to a machine as the switch says.
    pub(crate) fn channel(&self, channel: Arc<dyn Channel>) -> Arc<dyn Channel> {
        match self.mode {
            ClientMode::ReadWrite => channel,
            ClientMode::ReadOnly => Arc::new(ReadOnlyWay::new(channel)),
        }
    }

    /// Returns the program `juju` in this model, or in the current one.
    pub(crate) fn juju_commands(&self, model: Option<String>) -> Arc<dyn JujuCommands> {
        let program = self.juju_program().to_path_buf();
        let juju: Arc<dyn JujuCommands> =
            Arc::new(JujuProgram { program, model, deadlines: self.deadlines() });
        match self.mode {
            ClientMode::ReadWrite => juju,
            ClientMode::ReadOnly => Arc::new(ReadOnlyWay::new(juju)),
        }
    }

    /// Returns these commands of MAAS as the switch says.
    pub(crate) fn maas_commands(&self, maas: Arc<dyn MaasCommands>) -> Arc<dyn MaasCommands> {
        match self.mode {
            ClientMode::ReadWrite => maas,
            ClientMode::ReadOnly => Arc::new(ReadOnlyMaas(maas)),
        }
    }
}

/// Returns the transport with what `mode` allows.
pub(crate) fn limited(transport: Arc<dyn Transport>, mode: ClientMode) -> Arc<dyn Transport> {
    match mode {
        ClientMode::ReadWrite => transport,
        ClientMode::ReadOnly => Arc::new(ReadOnly::new(transport)),
    }
}

impl CloudClients {
    /// Returns the same clients, which refuse to send a write.
    #[must_use]
    pub fn read_only(&self) -> Self {
        let only =
            |transport: &Arc<dyn Transport>| limited(Arc::clone(transport), ClientMode::ReadOnly);
        let requests = Arc::clone(&self.requests);
        let (operator, narrowed) = (only(&self.operator), only(&self.narrowed));
        Self::over(operator, narrowed, self.keystone.clone(), move || requests())
    }
}

impl Clients {
    /// Returns the same clients, which refuse to send a write.
    #[must_use]
    pub fn read_only(&self) -> Self {
        Self {
            cloud: self.cloud.read_only(),
            management: Arc::new(self.management.read_only()),
            units: self.units.iter().map(|unit| Arc::new(unit.read_only())).collect(),
            mint: self.mint.as_ref().map(|mint| Arc::new(mint.read_only())),
            helm_size: self.helm_size,
        }
    }
}
