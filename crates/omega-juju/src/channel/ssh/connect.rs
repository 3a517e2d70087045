use std::{
    borrow::Cow,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use russh::{
    Disconnect, Preferred,
    client::{Config, Handle, connect_stream},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
};

use super::{
    SshTarget,
    hop::Hop,
    known_hosts::KnownHosts,
    listening::Listening,
    login::login,
    server_key::{Refused, ServerKey},
};
use crate::{
    Error,
    channel::{SshServer, SshStage},
};

/// The interval of keepalives; after three without an answer, the connection is closed. The restart
/// of a daemon may take minutes without output.
const KEEPALIVE: Duration = Duration::from_secs(15);

/// An authenticated connection, with the connection to its jump host.
pub(crate) struct Connection {
    pub(super) handle: Handle<ServerKey>,
    pub(super) label: String,
    pub(super) server: SshServer,
    through: Option<Box<Connection>>,
}

impl Connection {
    /// Connects, through the jump host if there is one, and logs in.
    pub(super) async fn open(target: &SshTarget, within: Duration) -> Result<Self, Error> {
        Self::dial(Hop::new(target, within)).await
    }

    async fn dial(hop: Hop<'_>) -> Result<Self, Error> {
        let target = hop.target;
        let network = |why: &str| {
            let next = format!("check address, port and network path to {}", target.address());
            hop.unreachable(why, Some(next))
        };
        let Some(jump) = &target.jump else {
            let stream = TcpStream::connect((target.host.as_str(), target.port));
            let stream = hop.wait(stream, || SshStage::Tcp).await?;
            let stream = stream.map_err(|error| network(&error.to_string()))?;
            stream.set_nodelay(true).map_err(|error| network(&error.to_string()))?;
            return Self::over(stream, hop).await;
        };
        let before = hop.before(jump);
        let through = Box::pin(Self::dial(before)).await?;
        let (host, port) = (target.host.clone(), u32::from(target.port));
        let tunnel = through.handle.channel_open_direct_tcpip(host, port, "127.0.0.1", 0);
        let tunnel = before.wait(tunnel, || SshStage::Tunnel { to: hop.server() }).await?;
        let tunnel = tunnel.map_err(|error| {
            network(&format!("{} can't connect to it: {error}", before.label()))
        })?;
        let connection = Self::over(tunnel.into_stream(), hop).await?;
        Ok(Self { through: Some(Box::new(through)), ..connection })
    }

    /// Starts SSH on a stream, and logs in.
    pub(crate) async fn over<S>(stream: S, hop: Hop<'_>) -> Result<Self, Error>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let target = hop.target;
        let known = KnownHosts::load(&target.known_hosts).await.map_err(|(file, error)| {
            let next = format!("make {} readable for your user", file.display());
            hop.unreachable(&format!("{} can't be read: {error}", file.display()), Some(next))
        })?;
        let algorithms = known.algorithms(&target.host, target.port);
        let config = Config {
            keepalive_interval: Some(KEEPALIVE),
            nodelay: true,
            preferred: Preferred { key: Cow::Owned(algorithms), ..Preferred::DEFAULT },
            ..Config::default()
        };
        let banner = Arc::new(AtomicBool::new(false));
        let stream = Listening::new(stream, Arc::clone(&banner));
        let connected = connect_stream(Arc::new(config), stream, ServerKey::new(target, known));
        let reached = || {
            if banner.load(Ordering::Relaxed) { SshStage::KeyExchange } else { SshStage::Banner }
        };
        let mut handle = hop.wait(connected, reached).await?.map_err(|refused| match refused {
            Refused::Key(error) => *error,
            Refused::Ssh(error) => {
                let next =
                    format!("look at sshd on {}: ssh -v shows how far it gets", target.address());
                hop.unreachable(&error.to_string(), Some(next))
            }
        })?;
        if let Err(error) = login(&mut handle, hop).await {
            drop(handle.disconnect(Disconnect::ByApplication, "", "").await);
            return Err(error);
        }
        Ok(Self { handle, label: target.label(), server: hop.server(), through: None })
    }

    pub(super) fn is_closed(&self) -> bool {
        self.handle.is_closed() || self.through.as_ref().is_some_and(|jump| jump.is_closed())
    }
}
