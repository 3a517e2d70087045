//! The seams of one run, which wait for its turn before each exchange.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context as Task, Poll},
};

use async_trait::async_trait;
use omega::{
    capi::sim::Apiserver,
    core::Context,
    juju::{Action, Channel, Error, Fence, LockRequest, Payload, Probe, Reply},
    openstack::{self, Request, StreamedResponse, TokenInfo, Transport},
    run::HeldLock,
};
use tower::{BoxError, Service};

use crate::turns::Turns;

/// A seam of one of the runs.
#[derive(Debug)]
pub(crate) struct Gated<T: ?Sized> {
    turns: Arc<Turns>,
    who: usize,
    below: Arc<T>,
}

impl<T: ?Sized> Gated<T> {
    pub(crate) fn new(turns: &Arc<Turns>, who: usize, below: Arc<T>) -> Self {
        Self { turns: Arc::clone(turns), who, below }
    }

    async fn turn(&self) {
        self.turns.exchange(self.who).await;
    }
}

#[async_trait]
impl Channel for Gated<dyn Channel> {
    fn name(&self) -> String {
        self.below.name()
    }

    async fn ask(&self, probes: &[Probe]) -> Result<Vec<Reply>, Error> {
        self.turn().await;
        self.below.ask(probes).await
    }

    async fn act(
        &self,
        action: &Action,
        payload: Payload,
        fence: Option<&Fence>,
    ) -> Result<(), Error> {
        self.turn().await;
        self.below.act(action, payload, fence).await
    }

    async fn lock(&self, request: &LockRequest) -> Result<Option<HeldLock>, Error> {
        self.turn().await;
        self.below.lock(request).await
    }
}

#[async_trait]
impl Transport for Gated<dyn Transport> {
    async fn exchange(
        &self,
        ctx: &Context,
        request: Request,
    ) -> Result<StreamedResponse, openstack::Error> {
        self.turn().await;
        self.below.exchange(ctx, request).await
    }

    async fn token_info(&self) -> Result<TokenInfo, openstack::Error> {
        self.below.token_info().await
    }

    fn label(&self) -> String {
        self.below.label()
    }
}

/// The management cluster of one of the runs.
#[derive(Clone)]
pub(crate) struct GatedServer {
    pub(crate) turns: Arc<Turns>,
    pub(crate) who: usize,
    pub(crate) below: Apiserver,
}

type HttpRequest = http::Request<kube::client::Body>;
type HttpResponse = http::Response<kube::client::Body>;

impl Service<HttpRequest> for GatedServer {
    type Response = HttpResponse;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Task<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: HttpRequest) -> Self::Future {
        let (turns, who, mut below) = (Arc::clone(&self.turns), self.who, self.below.clone());
        Box::pin(async move {
            turns.exchange(who).await;
            below.call(request).await
        })
    }
}
