//! HTTPS with deadlines, and the mapping of what can go wrong with it.

use std::time::Duration;

use omega_core::{Touched, read_regular};
use reqwest::{Certificate, Client, redirect::Policy};
use serde_json::Value;
use url::Url;

use crate::{CloudConfig, Error, Request, Response};

/// The most that a file of certificates may have: a system's has some 200 kB.
const MOST: u64 = 16 << 20;

/// How long a connection may take to come about.
const CONNECT: Duration = Duration::from_secs(10);

/// Returns a client that trusts the CA given, or the machine's where none is given.
///
/// Redirects are not followed and no proxy is used: a token goes where the catalog says.
pub(super) fn client(config: &CloudConfig, deadline: Duration) -> Result<Client, Error> {
    let tls = |why: String| Error::Tls { cloud: config.cloud.clone(), why };
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        // Whoever installed another one first is right; a lost race is no error.
        drop(rustls::crypto::ring::default_provider().install_default());
    }
    let mut builder = Client::builder()
        .connect_timeout(CONNECT)
        .timeout(deadline)
        .redirect(Policy::none())
        .no_proxy()
        .user_agent(concat!("omega/", env!("CARGO_PKG_VERSION")));
    let given = match (&config.ca, &config.cacert) {
        (Some(text), _) => Some((text.expose().to_vec(), "the CA given".to_owned())),
        (None, Some(path)) => {
            let name = path.display().to_string();
            let pem = read_regular(path, MOST).map_err(|error| tls(format!("{name}: {error}")))?;
            Some((pem, name))
        }
        (None, None) => None,
    };
    if let Some((pem, name)) = given {
        let cas =
            Certificate::from_pem_bundle(&pem).map_err(|error| tls(format!("{name}: {error}")))?;
        if cas.is_empty() {
            return Err(tls(format!("{name} has no certificate")));
        }
        builder = builder.tls_built_in_root_certs(false);
        builder = cas.into_iter().fold(builder, reqwest::ClientBuilder::add_root_certificate);
    }
    if !config.verify {
        builder = builder.danger_accept_invalid_certs(true);
    }
    builder.build().map_err(|error| tls(chain(&error)))
}

/// Returns the error for a request that got no answer; `writes` says whether it could change
/// anything.
pub(super) fn unreachable(
    request: &Request,
    writes: bool,
    url: &Url,
    error: reqwest::Error,
) -> Error {
    let nothing_sent = error.is_connect() || error.is_builder();
    Error::Unreachable {
        request: request.to_string(),
        url: url.origin().ascii_serialization(),
        timed_out: error.is_timeout(),
        touched: if writes && !nothing_sent { Touched::Maybe } else { Touched::Nothing },
        // The URL is said already, and the query of it may be long.
        source: Box::new(error.without_url()),
    }
}

/// Reads an answer whole.
pub(super) async fn answer(
    request: &Request,
    writes: bool,
    url: &Url,
    response: reqwest::Response,
) -> Result<Response, Error> {
    let status = response.status().as_u16();
    let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
    let request_id = header("x-openstack-request-id")
        .or_else(|| header("x-compute-request-id"))
        .map(str::to_owned);
    let bytes = response.bytes().await.map_err(|error| unreachable(request, writes, url, error))?;
    let body = if bytes.is_empty() {
        Value::Null
    } else {
        serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()))
    };
    Ok(Response { status, request_id, body })
}

fn chain(error: &dyn std::error::Error) -> String {
    omega_core::chain(error).join(": ")
}
