//! The real transport: HTTPS with a token from Keystone.

use std::{fmt, path::PathBuf, sync::Arc, sync::atomic::Ordering, time::Duration};

use async_trait::async_trait;
use omega_core::values::Secret;
use osauth::client::AuthenticatedClient;
use url::Url;

use super::{
    cache::TokenCache,
    http,
    keystone::{Keystone, KeystoneAuth},
};
use crate::{CloudConfig, Error, Grant, Method, Request, Response, Transport, grant::versioned};

/// How a [`Session`] behaves.
#[derive(Clone, Debug)]
pub struct SessionOptions {
    /// The directory for tokens; none are kept where it is none.
    pub token_cache: Option<PathBuf>,
    /// How long one request may take, a login included.
    pub deadline: Duration,
}

impl Default for SessionOptions {
    /// No cache, one minute.
    fn default() -> Self {
        Self { token_cache: None, deadline: Duration::from_mins(1) }
    }
}

/// A user's connection to one cloud in one scope.
///
/// It logs in when a token is first needed, and once more when a service says 401. A token from
/// the cache costs no request. A request is otherwise sent once, never again.
pub struct Session {
    client: AuthenticatedClient,
    keystone: Arc<Keystone>,
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
        let cloud = config.cloud.clone();
        let inner = http::client(&config, options.deadline)?;
        let key = config.token_key();
        let cache = options.token_cache.as_ref().map(|dir| TokenCache::new(dir, key));
        let keystone = Arc::new(Keystone::new(config, cache));
        // `AuthenticatedClient::new` would log in at once; the token may never be needed, or come
        // from the cache.
        let mut client = AuthenticatedClient::new(inner, osauth::NoAuth::new_without_endpoint())
            .await
            .map_err(|error| Error::Tls { cloud, why: error.to_string() })?;
        client.set_auth_type(KeystoneAuth(Arc::clone(&keystone)));
        Ok(Self { client, keystone })
    }

    /// Returns how it was configured, with the source of each value.
    pub fn config(&self) -> &CloudConfig {
        self.keystone.config()
    }

    /// Returns how many HTTP requests were sent, logins included.
    pub fn requests(&self) -> usize {
        self.keystone.requests.load(Ordering::Relaxed)
    }

    /// Returns the same authentication and catalog as a session of osauth, for calls that this
    /// crate does not make.
    pub fn osauth(&self) -> osauth::Session {
        osauth::Session::new_with_authenticated_client(self.client.clone())
    }

    async fn once(&self, request: &Request, url: &Url) -> Result<Response, Error> {
        let method = match request.method {
            Method::Get => reqwest::Method::GET,
            Method::Post => reqwest::Method::POST,
            Method::Put => reqwest::Method::PUT,
            Method::Delete => reqwest::Method::DELETE,
        };
        let client = self.client.inner();
        let mut builder = client.request(method, url.clone()).query(&request.query);
        if let Some(version) = request.microversion {
            let header = format!("{} {version}", request.service);
            builder = builder.header("OpenStack-API-Version", header);
        }
        if let Some(body) = &request.body {
            builder = builder.json(body);
        }
        let builder = self.client.auth_type().authenticate(client, builder).await;
        let builder = builder.map_err(|error| Error::malformed(request, None, error))?;
        self.keystone.requests.fetch_add(1, Ordering::Relaxed);
        tracing::debug!(%request, "sending");
        let writes = request.writes();
        let sent = builder.send().await;
        let answer = sent.map_err(|error| http::unreachable(request, writes, url, error))?;
        http::answer(request, writes, url, answer).await
    }

    fn url(&self, request: &Request, grant: &Grant) -> Result<Url, Error> {
        let CloudConfig { cloud, interface, region, .. } = self.config();
        let endpoint =
            grant.catalog.endpoint(cloud, request.service, *interface, region.as_deref())?;
        let mut url = versioned(endpoint, request.service);
        if let Ok(mut path) = url.path_segments_mut() {
            path.extend(&request.path);
        }
        Ok(url)
    }

    /// Returns a token first, where its errors are whole: osauth keeps only their text.
    async fn fresh(&self) -> Result<(Secret, Grant), Error> {
        self.keystone.fresh(self.client.inner()).await
    }
}

#[async_trait]
impl Transport for Session {
    async fn send(&self, request: Request) -> Result<Response, Error> {
        let (token, grant) = self.fresh().await?;
        let response = self.once(&request, &self.url(&request, &grant)?).await?;
        if response.status != 401 {
            return Ok(response);
        }
        // The service's gatekeeper refused the token; the request never reached the service, so
        // sending it again with a new token repeats nothing. Once.
        self.keystone.forget(&token).await;
        let (_, grant) = self.fresh().await?;
        self.once(&request, &self.url(&request, &grant)?).await
    }

    async fn grant(&self) -> Result<Grant, Error> {
        Ok(self.fresh().await?.1)
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
