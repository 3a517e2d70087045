//! A server on this machine in front of a simulator: it has the faults.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

use crate::{
    fault::Fault,
    http::{Io, Request, Response},
    wire::{Kind, NO_TOKEN, Verdict, Wire},
};

/// How long nothing listens, where it does again. A client that asks again does so after 200 and 600 ms.
const AWAY: Duration = Duration::from_millis(400);

/// How often an address is tried, and the pause between.
const TRIES: usize = 60;
const BETWEEN: Duration = Duration::from_millis(50);

/// The simulator behind a server.
#[async_trait]
pub(crate) trait Service: Send + Sync {
    /// Returns the words of a request without what differs between runs, and what it is for.
    fn describe(&self, request: &Request) -> (String, Kind);
    /// Executes it.
    async fn answer(&self, request: Request) -> Response;
}

/// A server. It ends when it is dropped.
pub(crate) struct Front(Arc<Server>);

struct Server {
    name: String,
    service: Arc<dyn Service>,
    wire: Wire,
    tls: Option<TlsAcceptor>,
    address: SocketAddr,
    /// The task that accepts connections.
    accepting: Mutex<Option<JoinHandle<()>>>,
    /// Grows when every connection is to be closed.
    closed: watch::Sender<u64>,
    /// Whether it must not listen again.
    ended: Mutex<bool>,
}

impl Drop for Front {
    fn drop(&mut self) {
        drop(self.0.stop());
    }
}

/// Each site has an address of its own, and each process a network: 127.128.0.0/16 to 127.254.0.0/16.
pub(crate) fn own_address() -> Ipv4Addr {
    static NEXT: AtomicU32 = AtomicU32::new(0x7f80_0001);
    let network = (std::process::id() % 127) << 16;
    Ipv4Addr::from(NEXT.fetch_add(1, Ordering::Relaxed) + network)
}

/// Listens at an address where nothing listens any more. A program that another case starts just now has a
/// copy of what listened, until it is that program.
async fn listener(address: SocketAddr) -> io::Result<TcpListener> {
    for _ in 0..TRIES {
        match TcpListener::bind(address).await {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                tokio::time::sleep(BETWEEN).await;
            }
            listener => return listener,
        }
    }
    TcpListener::bind(address).await
}

impl Front {
    /// Starts one.
    pub(crate) async fn start(
        (name, address): (&str, SocketAddr),
        wire: &Wire,
        tls: Option<TlsAcceptor>,
        service: Arc<dyn Service>,
    ) -> io::Result<Self> {
        let listening = listener(address).await?;
        let server = Arc::new(Server {
            name: name.to_owned(),
            service,
            wire: wire.clone(),
            tls,
            address,
            accepting: Mutex::default(),
            closed: watch::Sender::new(0),
            ended: Mutex::new(false),
        });
        match wire.refuses_first(name) {
            None => server.accept(listening),
            Some(fault) => {
                drop(listening);
                server.come_back(fault);
            }
        }
        Ok(Self(server))
    }

    /// Ends it, and returns when nothing listens at its address.
    pub(crate) async fn close(self) {
        *self.0.ended.lock().unwrap_or_else(PoisonError::into_inner) = true;
        if let Some(task) = self.0.stop() {
            drop(task.await);
        }
    }
}

impl Server {
    fn accept(self: &Arc<Self>, listener: TcpListener) {
        let server = Arc::clone(self);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = Arc::clone(&server);
                drop(tokio::spawn(async move { drop(server.connection(stream).await) }));
            }
        });
        *self.accepting.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
    }

    fn stop(&self) -> Option<JoinHandle<()>> {
        let task = self.accepting.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(task) = &task {
            task.abort();
        }
        self.closed.send_modify(|epoch| *epoch += 1);
        task
    }

    /// Listens again after a moment, unless it does not at all.
    fn come_back(self: &Arc<Self>, fault: Fault) {
        if fault.goes_on() {
            return;
        }
        let server = Arc::clone(self);
        drop(tokio::spawn(async move {
            tokio::time::sleep(AWAY).await;
            let ended = || *server.ended.lock().unwrap_or_else(PoisonError::into_inner);
            for _ in 0..TRIES {
                if ended() {
                    return;
                }
                match TcpListener::bind(server.address).await {
                    Ok(listener) => return server.accept(listener),
                    Err(_) => tokio::time::sleep(BETWEEN).await,
                }
            }
        }));
    }

    async fn connection(self: Arc<Self>, stream: TcpStream) -> io::Result<()> {
        let mut closed = self.closed.subscribe();
        stream.set_nodelay(true)?;
        // What is dropped without an answer is a reset.
        stream.set_zero_linger()?;
        let mut io: Box<dyn Io> = match &self.tls {
            Some(tls) => Box::new(tls.accept(stream).await?),
            None => Box::new(stream),
        };
        let mut rest = Vec::new();
        loop {
            let request = tokio::select! {
                request = Request::read(&mut *io, &mut rest) => request?,
                _ = closed.changed() => return Ok(()),
            };
            let Some(request) = request else { return Ok(()) };
            let bodiless = request.method == "HEAD";
            let (line, kind) = self.service.describe(&request);
            let token = request.header("x-auth-token").map_or(NO_TOKEN, |_| "");
            let whole = format!(
                "{token}{} {} {}",
                request.method,
                request.target,
                String::from_utf8_lossy(&request.body)
            );
            let verdict = self.wire.arrive(&self.name, &line, kind, whole);
            let answer = self.executed(request, verdict).await;
            if let Some(fault) = verdict.then_refuse {
                if let Some(task) = self.stop() {
                    drop(task.await);
                }
                self.come_back(fault);
            }
            match (verdict.fault, answer) {
                (None, Some(answer)) => answer.write(&mut *io, bodiless).await?,
                (Some(fault), _) if fault.hangs() => {
                    // As long as the client waits.
                    drop(Request::read(&mut *io, &mut rest).await);
                    return Ok(());
                }
                (Some(fault), _) if fault.page().is_some() => {
                    let page = Response::page(fault.page().unwrap_or_default());
                    page.write(&mut *io, bodiless).await?;
                }
                (Some(fault), Some(answer)) => {
                    return answer.write_spoiled(&mut *io, fault, &self.wire).await;
                }
                (_, None) => return Ok(()),
            }
            if verdict.then_refuse.is_some() {
                return io_end(&mut *io).await;
            }
        }
    }

    async fn executed(&self, request: Request, verdict: Verdict) -> Option<Response> {
        if verdict.fault.is_some_and(|fault| !fault.executes()) {
            return None;
        }
        let answer = self.service.answer(request).await;
        self.wire.answered(verdict.nth, answer.status);
        Some(answer)
    }
}

/// Ends a connection in an orderly way: what was written arrives.
async fn io_end(io: &mut dyn Io) -> io::Result<()> {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    io.shutdown().await?;
    let read = io.read_u8();
    drop(tokio::time::timeout(Duration::from_millis(200), read).await);
    Ok(())
}
