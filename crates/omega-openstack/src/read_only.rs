//! A transport that only reads.

use std::sync::Arc;

use async_trait::async_trait;
use omega_core::{Context, WriteRefused};

use crate::{Error, Method, Request, Response, StreamedResponse, TokenInfo, Transport};

/// A transport that sends reads, and refuses every other request before it is sent. It logs in as the one
/// below it does.
#[derive(Clone, Debug)]
pub struct ReadOnly(Arc<dyn Transport>);

impl ReadOnly {
    /// Lets reads through to `transport`.
    pub fn new(transport: Arc<dyn Transport>) -> Self {
        Self(transport)
    }

    /// Checks the method, whatever the caller wants with it. No request through a transport is one of
    /// [`EXCEPTIONS`](omega_core::read_only::EXCEPTIONS): the login is below it.
    fn check(&self, request: &Request) -> Result<(), Error> {
        match request.method {
            Method::Get | Method::Head => Ok(()),
            Method::Post | Method::Put | Method::Patch | Method::Delete => {
                Err(Error::ReadOnly(WriteRefused::new(request.to_string(), self.0.label())))
            }
        }
    }
}

#[async_trait]
impl Transport for ReadOnly {
    async fn exchange(&self, ctx: &Context, request: Request) -> Result<StreamedResponse, Error> {
        self.check(&request)?;
        self.0.exchange(ctx, request).await
    }

    async fn send(&self, request: Request) -> Result<Response, Error> {
        self.check(&request)?;
        self.0.send(request).await
    }

    async fn token_info(&self) -> Result<TokenInfo, Error> {
        self.0.token_info().await
    }

    async fn current_token_info(&self) -> Result<TokenInfo, Error> {
        self.0.current_token_info().await
    }

    fn label(&self) -> String {
        self.0.label()
    }

    fn recall(&self, key: &str) -> Option<String> {
        self.0.recall(key)
    }

    fn remember(&self, key: &str, value: &str) {
        self.0.remember(key, value);
    }
}

#[cfg(test)]
mod tests {
    use omega_core::{Diagnostic as _, Touched};

    use super::*;
    use crate::{Service, sim::Cloud};

    #[tokio::test]
    async fn every_method_that_can_write_is_refused_and_none_arrives() {
        let cloud = Cloud::new();
        let transport = ReadOnly::new(cloud.admin("mgmt"));
        let writes = [Method::Post, Method::Put, Method::Patch, Method::Delete];
        for method in writes {
            let request = || Request::new(Service::Network, method, &["networks"]);
            let sent = transport.send(request()).await.map(drop);
            let exchanged = transport.exchange(&Context::default(), request()).await.map(drop);
            for error in [sent.unwrap_err(), exchanged.unwrap_err()] {
                assert!(error.refused(), "{error}");
                assert_eq!(error.touched(), Touched::Nothing);
                let words = format!("{method} network /v2.0/networks was not sent to ");
                assert!(error.to_string().starts_with(&words), "{error}");
            }
        }
        assert_eq!(cloud.writes().len(), 0);
        let read = Request::new(Service::Network, Method::Get, &["networks"]);
        assert_eq!(transport.send(read).await.unwrap().status, 200);
        assert!(transport.token_info().await.is_ok(), "a login passes");
    }
}
