//! The real transport: HTTPS with a token from Keystone.

use std::{
    collections::BTreeSet,
    fmt,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError, atomic::Ordering},
    time::Duration,
};

use async_trait::async_trait;
use omega_core::{Context, values::Secret};
use osauth::client::AuthenticatedClient;
use url::Url;

use super::{
    cache::TokenCache,
    http::{self, Exchange, Meter, Total},
    keystone::{Keystone, KeystoneAuth},
    patience::{Answered, Patience, is_passing},
};
use crate::{
    Body, CloudConfig, Error, Limits, Method, Request, Response, StreamedResponse, TokenInfo,
    Transport, token_info::versioned,
};

/// The options of a [`Session`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SessionOptions {
    /// The directory for tokens. `None`: tokens are not stored.
    pub token_cache: Option<PathBuf>,
    /// How long a request may take; a login has as long. What is streamed has no limit in total.
    pub limits: Limits,
}

impl Default for SessionOptions {
    /// No cache, and the default limits.
    fn default() -> Self {
        Self { token_cache: None, limits: Limits::default() }
    }
}

impl SessionOptions {
    /// Stores tokens in the directory.
    #[must_use]
    pub fn token_cache(self, directory: impl Into<PathBuf>) -> Self {
        Self { token_cache: Some(directory.into()), ..self }
    }

    /// Gives up a request without progress for this long.
    #[must_use]
    pub fn stall_limit(self, limit: Duration) -> Self {
        Self { limits: Limits { ask: limit, ..self.limits }, ..self }
    }

    /// Gives up a connection or a request after these limits.
    #[must_use]
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }
}

/// A user's connection to one cloud in one scope.
///
/// It logs in when a token is first needed, and again when a service answers 401. A token from
/// the cache needs no request. A login is sent once, and its failure is shared with the other sessions
/// of the process that have the same credential, since Keystone may lock a user out. One that was not sent,
/// because a Keystone that has answered before refused the connection, is tried again.
///
/// A write is sent once. A read (`GET`, `HEAD`) is sent up to five times within its time limit, with
/// growing pauses or after the service's `Retry-After`: after a connection that was reset, that timed out,
/// or that was refused by a server that has answered before (as Keystone, or as another service), and after 429, 502, 503 and 504. A redirect
/// is never followed.
pub struct Session {
    client: AuthenticatedClient,
    keystone: Arc<Keystone>,
    limits: Limits,
}

impl Session {
    /// Prepares a session. No request is made.
    ///
    /// If the process has no cryptography provider for TLS yet, ring's is installed.
    ///
    /// # Errors
    ///
    /// Fails if the CA file can't be used.
    pub async fn new(config: CloudConfig, options: &SessionOptions) -> Result<Self, Error> {
        warn_unverified(&config);
        let cloud = config.cloud.clone();
        let inner = http::client(&config, options.limits)?;
        let key = config.token_key();
        let cache = options.token_cache.as_ref().map(|dir| TokenCache::new(dir, key));
        let keystone = Arc::new(Keystone::new(config, cache, options.limits));
        // `AuthenticatedClient::new` would log in at once, but the token may never be needed, or
        // may be in the cache.
        let mut client = AuthenticatedClient::new(inner, osauth::NoAuth::new_without_endpoint())
            .await
            .map_err(|error| Error::Tls { cloud, why: error.to_string() })?;
        client.set_auth_type(KeystoneAuth(Arc::clone(&keystone)));
        Ok(Self { client, keystone, limits: options.limits })
    }

    /// Returns its configuration, with the source of each value.
    pub fn config(&self) -> &CloudConfig {
        self.keystone.config()
    }

    /// Returns the number of HTTP requests, including logins.
    pub fn requests(&self) -> usize {
        self.keystone.requests.load(Ordering::Relaxed)
    }

    /// Returns the servers that have answered it.
    pub(crate) fn answered(&self) -> Arc<Answered> {
        Arc::clone(&self.keystone.answered)
    }

    /// Returns a session of osauth with the same authentication and catalog, for calls that this crate
    /// does not have.
    pub fn osauth(&self) -> osauth::Session {
        osauth::Session::new_with_authenticated_client(self.client.clone())
    }

    async fn once(
        &self,
        ctx: &Context,
        request: &Request,
        (token, url): (Secret, Url),
        answer: Answer,
    ) -> Result<StreamedResponse, Error> {
        let method = match request.method {
            Method::Get => reqwest::Method::GET,
            Method::Head => reqwest::Method::HEAD,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
            Method::Patch => reqwest::Method::PATCH,
            Method::Delete => reqwest::Method::DELETE,
        };
        let client = self.client.inner();
        let mut builder = client.request(method, url.clone()).query(&request.query);
        if let Some(version) = request.microversion {
            let header = format!("{} {version}", request.service);
            builder = builder.header("OpenStack-API-Version", header);
        }
        let limits = self.limits_of(request);
        let streams = answer == Answer::Streamed || matches!(request.body, Body::Stream(_));
        let exchange = Exchange {
            ctx: ctx.clone(),
            url,
            stall_limit: limits.ask,
            total: (!streams).then(|| Total::within(limits.total())),
            writes: request.writes(),
            request: request.clone(),
        };
        let meter = Arc::new(Meter::sending(&request.body));
        let builder = exchange.filled(builder, &meter)?;
        let builder = self.client.auth_type().authenticate(client, builder).await;
        let builder = builder.map_err(|error| Error::malformed(request, None, error))?;
        self.keystone.requests.fetch_add(1, Ordering::Relaxed);
        tracing::debug!(%request, "sending");
        let url = exchange.url.clone();
        let (_, response) = exchange.send(builder, meter).await?;
        self.keystone.answered.add(&url);
        Ok(StreamedResponse { withheld: self.keystone.withheld(Some(token)), ..response })
    }

    /// Returns a token, and where its catalog sends the request. A catalog of an earlier process that does
    /// not have the service may be outdated: then it logs in again.
    async fn addressed(&self, request: &Request) -> Result<(Secret, Url), Error> {
        let (token, grant) = self.fresh().await?;
        match self.url(request, &grant) {
            Err(Error::NoEndpoint { .. }) if self.keystone.forget_old().await => {
                let (token, grant) = self.fresh().await?;
                Ok((token, self.url(request, &grant)?))
            }
            url => Ok((token, url?)),
        }
    }

    /// Sends the request, and once more with a new token if the service refuses the token.
    async fn with_token(
        &self,
        ctx: &Context,
        request: &Request,
        kind: Answer,
    ) -> Result<StreamedResponse, Error> {
        let (token, url) = self.addressed(request).await?;
        let response = self.once(ctx, request, (token.clone(), url), kind).await?;
        let again = match &request.body {
            Body::Stream(upload) => upload.is_repeatable(),
            Body::None | Body::Json(_) | Body::Bytes(_) => true,
        };
        if response.status != 401 {
            return Ok(response);
        }
        self.keystone.forget(&token).await;
        if !again {
            return Ok(response);
        }
        // The service's middleware refused the token, so the request never reached the service.
        // Sending it once more with a new token repeats no change.
        let (token, grant) = self.fresh().await?;
        let url = self.url(request, &grant)?;
        self.once(ctx, request, (token, url), kind).await
    }

    fn patience(&self, ctx: &Context, request: &Request) -> Patience {
        Patience::new(ctx, request, self.limits_of(request).ask)
    }

    fn limits_of(&self, request: &Request) -> Limits {
        Limits { ask: request.stall_limit.unwrap_or(self.limits.ask), ..self.limits }
    }

    fn url(&self, request: &Request, grant: &TokenInfo) -> Result<Url, Error> {
        let CloudConfig { cloud, interfaces, region, endpoints, .. } = self.config();
        let given = endpoints.iter().find(|(service, _)| *service == request.service);
        let endpoint = match given {
            Some((_, url)) => url.clone(),
            None => {
                grant.catalog.endpoint(cloud, request.service, interfaces, region.as_deref())?
            }
        };
        let project = grant.project.as_ref().map(|project| project.id.as_str());
        let mut url = versioned(endpoint, request.service, project);
        if let Ok(mut path) = url.path_segments_mut() {
            path.extend(&request.path);
        }
        Ok(url)
    }

    /// Returns a valid token.
    pub(crate) async fn token(&self) -> Result<Secret, Error> {
        Ok(self.fresh().await?.0)
    }

    /// Gets a token first, to keep its complete error: osauth keeps only the text.
    async fn fresh(&self) -> Result<(Secret, TokenInfo), Error> {
        self.keystone.fresh(self.client.inner()).await
    }
}

/// How an answer is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    /// Bit by bit, for as long as bytes arrive.
    Streamed,
    /// As a whole, within a limit.
    Whole,
}

/// Says once for each address that nobody checks who answers there.
fn warn_unverified(config: &CloudConfig) {
    static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    if config.verify {
        return;
    }
    // Keystone may be asked without TLS, and another service with it.
    let what = if config.auth_url.scheme() == "https" { "password" } else { "token" };
    let mut said = SAID.lock().unwrap_or_else(PoisonError::into_inner);
    if said.insert(config.auth_url.to_string()) {
        let keys = ["insecure", "verify"];
        let origin = config.origins.iter().find(|one| keys.contains(&one.key.as_str()));
        let source = origin.map(|one| format!("{} in {}", one.key, one.source)).unwrap_or_default();
        tracing::warn!(
            target: "omega_security",
            "the certificates of cloud {} are not verified ({source}): whoever answers in place of {} or \
             of another service gets the {what}",
            config.cloud,
            config.auth_url
        );
    }
}

#[async_trait]
impl Transport for Session {
    async fn exchange(&self, ctx: &Context, request: Request) -> Result<StreamedResponse, Error> {
        let mut patience = self.patience(ctx, &request);
        loop {
            let answer = self.with_token(ctx, &request, Answer::Streamed).await;
            let asked = match &answer {
                Ok(response) if is_passing(response.status) => response.headers.retry_after(),
                Err(error) if self.keystone.answered.may_again(error) => None,
                Ok(_) | Err(_) => return answer,
            };
            if !patience.again(ctx, asked).await {
                return answer;
            }
        }
    }

    /// Also sends a read again whose response breaks off in its body.
    async fn send(&self, request: Request) -> Result<Response, Error> {
        let ctx = Context::default();
        let mut patience = self.patience(&ctx, &request);
        loop {
            let answer = match self.with_token(&ctx, &request, Answer::Whole).await {
                Ok(response) => response.json().await,
                Err(error) => Err(error),
            };
            let asked = match &answer {
                Ok(response) if is_passing(response.status) => response.headers.retry_after(),
                Err(error) if self.keystone.answered.may_again(error) => None,
                Ok(_) | Err(_) => return answer,
            };
            if !patience.again(&ctx, asked).await {
                return answer;
            }
        }
    }

    async fn token_info(&self) -> Result<TokenInfo, Error> {
        Ok(self.fresh().await?.1)
    }

    async fn current_token_info(&self) -> Result<TokenInfo, Error> {
        self.keystone.forget_old().await;
        self.token_info().await
    }

    fn label(&self) -> String {
        self.config().label()
    }

    fn recall(&self, key: &str) -> Option<String> {
        self.keystone.recall(key)
    }

    fn remember(&self, key: &str, value: &str) {
        self.keystone.remember(key, value);
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Session").field(&self.label()).finish()
    }
}
