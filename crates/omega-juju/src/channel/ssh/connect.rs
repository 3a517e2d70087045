use std::{borrow::Cow, sync::Arc, time::Duration};

use omega_core::{Retry, Touched};
use russh::{
    Disconnect, Preferred,
    client::{Config, Handle, connect_stream},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};

use super::{
    SshTarget,
    known_hosts::KnownHosts,
    login::login,
    server_key::{Refused, ServerKey},
};
use crate::Error;

/// The interval of keepalives; after three without an answer, the connection is closed. The restart
/// of a daemon may take minutes without output.
const KEEPALIVE: Duration = Duration::from_secs(15);

/// An authenticated connection, with the connection to its jump host.
pub(crate) struct Connection {
    pub(super) handle: Handle<ServerKey>,
    pub(super) label: String,
    through: Option<Box<Connection>>,
}

impl Connection {
    /// Connects, through the jump host if there is one, and logs in.
    pub(super) async fn open(target: &SshTarget, within: Duration) -> Result<Self, Error> {
        match timeout(within, Self::dial(target)).await {
            Ok(result) => result,
            Err(_) => Err(Error::Deadline {
                unit: target.label(),
                doing: "connecting".to_owned(),
                after: within,
                touched: Touched::Nothing,
            }),
        }
    }

    async fn dial(target: &SshTarget) -> Result<Self, Error> {
        let Some(jump) = &target.jump else {
            let stream = TcpStream::connect((target.host.as_str(), target.port)).await;
            let stream = stream.map_err(|error| unreachable(target, &error.to_string()))?;
            stream.set_nodelay(true).map_err(|error| unreachable(target, &error.to_string()))?;
            return Self::over(stream, target).await;
        };
        let through = Box::pin(Self::dial(jump)).await?;
        let (host, port) = (target.host.clone(), u32::from(target.port));
        let tunnel = through.handle.channel_open_direct_tcpip(host, port, "127.0.0.1", 0).await;
        let tunnel = tunnel.map_err(|error| {
            unreachable(target, &format!("{} can't connect to it: {error}", jump.label()))
        })?;
        let connection = Self::over(tunnel.into_stream(), target).await?;
        Ok(Self { through: Some(Box::new(through)), ..connection })
    }

    /// Starts SSH on a stream, and logs in.
    pub(crate) async fn over<S>(stream: S, target: &SshTarget) -> Result<Self, Error>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let known = KnownHosts::load(&target.known_hosts).await.map_err(|(file, error)| {
            unreachable(target, &format!("{} can't be read: {error}", file.display()))
        })?;
        let algorithms = known.algorithms(&target.host, target.port);
        let config = Config {
            keepalive_interval: Some(KEEPALIVE),
            nodelay: true,
            preferred: Preferred { key: Cow::Owned(algorithms), ..Preferred::DEFAULT },
            ..Config::default()
        };
        let handler = ServerKey::new(target, known);
        let connected = connect_stream(Arc::new(config), stream, handler).await;
        let mut handle = connected.map_err(|refused| match refused {
            Refused::Key(error) => *error,
            Refused::Ssh(error) => unreachable(target, &error.to_string()),
        })?;
        if let Err(error) = login(&mut handle, target).await {
            drop(handle.disconnect(Disconnect::ByApplication, "", "").await);
            return Err(error);
        }
        Ok(Self { handle, label: target.label(), through: None })
    }

    pub(super) fn is_closed(&self) -> bool {
        self.handle.is_closed() || self.through.as_ref().is_some_and(|jump| jump.is_closed())
    }
}

fn unreachable(target: &SshTarget, why: &str) -> Error {
    Error::Unreachable {
        unit: target.label(),
        via: "ssh".to_owned(),
        why: why.to_owned(),
        next: Some(format!("check address, port and network path to {}", target.address())),
        touched: Touched::Nothing,
        retry: Retry::Transient,
    }
}
