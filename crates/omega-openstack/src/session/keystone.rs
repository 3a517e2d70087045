//! Keystone as an authentication type of osauth: any method, any scope, with renewal.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use async_trait::async_trait;
use jiff::Timestamp;
use omega_core::{
    Context,
    values::{Secret, Withheld},
};
use osauth::{AuthType, EndpointFilters, ErrorKind};
use reqwest::{Client, RequestBuilder};
use tokio::sync;
use url::Url;

use super::{
    cache::{Cached, TokenCache},
    http::{Exchange, Meter, Total},
    logins::{Logins, answered},
    patience::{Answered, Patience},
    token::Token,
};
use crate::{
    AuthScope, CloudConfig, Credential, Error, Limits, Method, Request, Service, StreamedResponse,
    TokenInfo, service_response::accept, token_info::versioned,
};

/// The header that carries a token.
const TOKEN: &str = "X-Auth-Token";

/// Gets tokens, caches them, and renews them.
#[derive(Debug)]
pub(super) struct Keystone {
    config: CloudConfig,
    cache: Option<TokenCache>,
    /// Locked during a login, so that two concurrent calls log in once.
    token: sync::Mutex<Option<Token>>,
    /// Shared with every session of this process that has the same credential.
    logins: Arc<Logins>,
    hints: Mutex<BTreeMap<String, String>>,
    /// Whether the token is of an earlier process: its roles and catalog may have changed since.
    is_old: AtomicBool,
    limits: Limits,
    pub(super) requests: AtomicUsize,
    /// The servers that have answered a session of the same cloud. Keystone may share its port with other services.
    pub(super) answered: Arc<Answered>,
}

impl Keystone {
    /// Loads the cache. No request is made.
    pub(super) fn new(config: CloudConfig, cache: Option<TokenCache>, limits: Limits) -> Self {
        let Cached { token, hints } =
            cache.as_ref().map(|cache| cache.load(Timestamp::now())).unwrap_or_default();
        let logins = Logins::of(&config);
        let answered = answered(&config);
        if token.is_some() {
            logins.proven();
        }
        Self {
            is_old: AtomicBool::new(token.is_some()),
            logins,
            config,
            cache,
            token: sync::Mutex::new(token),
            hints: Mutex::new(hints),
            limits,
            requests: AtomicUsize::new(0),
            answered,
        }
    }

    pub(super) fn config(&self) -> &CloudConfig {
        &self.config
    }

    /// Returns a valid token, from the cache or by logging in.
    pub(super) async fn fresh(&self, client: &Client) -> Result<(Secret, TokenInfo), Error> {
        let mut held = self.token.lock().await;
        if let Some(token) = held.as_ref().filter(|token| token.lives(Timestamp::now())) {
            return Ok((token.value.clone(), token.grant.clone()));
        }
        let token = self.log_in(client).await?;
        self.is_old.store(false, Ordering::Relaxed);
        let fresh = (token.value.clone(), token.grant.clone());
        *held = Some(token);
        Ok(fresh)
    }

    /// Drops the token if it is of an earlier process; returns whether it was.
    pub(super) async fn forget_old(&self) -> bool {
        let mut held = self.token.lock().await;
        let was_old = self.is_old.swap(false, Ordering::Relaxed) && held.is_some();
        if was_old {
            *held = None;
        }
        was_old
    }

    /// Drops `rejected`, unless another call has already replaced it.
    pub(super) async fn forget(&self, rejected: &Secret) {
        let mut held = self.token.lock().await;
        let same = |token: &Token| token.value.expose() == rejected.expose();
        if held.as_ref().is_some_and(same) {
            *held = None;
        }
    }

    pub(super) fn recall(&self, key: &str) -> Option<String> {
        self.hints().get(key).cloned()
    }

    pub(super) fn remember(&self, key: &str, value: &str) {
        let hints = {
            let mut hints = self.hints();
            if hints.insert(key.to_owned(), value.to_owned()).is_some_and(|old| old == value) {
                return;
            }
            hints.clone()
        };
        // The holder of the lock is about to store the token with its hints.
        if let (Some(cache), Ok(token)) = (&self.cache, self.token.try_lock()) {
            cache.store(token.as_ref(), &hints);
        }
    }

    fn hints(&self) -> MutexGuard<'_, BTreeMap<String, String>> {
        self.hints.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn log_in(&self, client: &Client) -> Result<Token, Error> {
        tracing::debug!(cloud = %self.config.cloud, "logging in");
        let asked = self.logins.once(self.config.token_key(), self.ask_patiently(client)).await;
        let token = asked.map_err(|source| Error::Login {
            cloud: self.config.cloud.clone(),
            user: self.config.who(),
            next: self.next(&source),
            source,
        })?;
        if let Some(cache) = &self.cache {
            cache.store(Some(&token), &self.hints());
        }
        Ok(token)
    }

    /// A login that Keystone received is not repeated, whatever came of it.
    async fn ask_patiently(&self, client: &Client) -> Result<Token, Error> {
        let ctx = Context::default();
        let mut patience = Patience::with_a_read(&ctx, self.limits.ask);
        loop {
            match self.ask_for_token(client).await {
                Err(error)
                    if self.answered.was_restarting(&error) && patience.again(&ctx, None).await => {
                }
                answer => return answer,
            }
        }
    }

    async fn ask_for_token(&self, client: &Client) -> Result<Token, Error> {
        let request = Request::new(Service::Identity, Method::Post, &["auth", "tokens"]);
        let mut url = versioned(self.config.auth_url.clone(), Service::Identity, None);
        if let Ok(mut path) = url.path_segments_mut() {
            path.extend(&request.path);
        }
        self.requests.fetch_add(1, Ordering::Relaxed);
        let builder = client.post(url.clone());
        let exchange = Exchange {
            ctx: Context::default(),
            request: request.clone().body(self.config.login_body()),
            url: url.clone(),
            stall_limit: self.limits.ask,
            total: Some(Total::within(self.limits.total())),
            // A login never changes anything.
            writes: false,
        };
        let meter = Arc::new(Meter::sending(&exchange.request.body));
        let builder = exchange.filled(builder, &meter)?;
        let (headers, response) = exchange.send(builder, meter).await?;
        self.answered.add(&url);
        let response = StreamedResponse { withheld: self.withheld(None), ..response };
        let value = headers.get("x-subject-token");
        let value = value.map(|value| Secret::new(value.as_bytes().to_vec()));
        let response = response.json().await?;
        let response = accept(&request, response)?;
        let token = Token::read(&request, response, value)?;
        self.within(&token)?;
        Ok(token)
    }

    /// Returns the secrets that a service was sent: `token`, and that of a login.
    pub(super) fn withheld(&self, token: Option<Secret>) -> Withheld {
        let of_login = match &self.config.credential {
            Credential::Password { password: secret, .. }
            | Credential::Token(secret)
            | Credential::ApplicationCredential { secret, .. } => secret.clone(),
        };
        Withheld::new(token.into_iter().chain([of_login]))
    }

    /// Checks that the token is for the requested project: an application credential has its own.
    fn within(&self, token: &Token) -> Result<(), Error> {
        let (AuthScope::Project(wanted), Credential::ApplicationCredential { .. }) =
            (&self.config.scope, &self.config.credential)
        else {
            return Ok(());
        };
        let found = token.grant.project.as_ref();
        if found.is_some_and(|found| wanted.is(found, token.domain.as_ref())) {
            return Ok(());
        }
        let found = found.map_or("none", |found| &found.name);
        let (cloud, wanted) = (self.config.cloud.clone(), wanted.to_string());
        Err(Error::OtherProject { cloud, wanted, found: found.to_owned() })
    }

    fn next(&self, error: &Error) -> Option<String> {
        let source = |key: &str| {
            let origin = self.config.origins.iter().find(|origin| origin.key == key);
            origin.map(|origin| format!(" (from {})", origin.source)).unwrap_or_default()
        };
        if let Error::Malformed { .. } = error {
            return Some(format!(
                "check auth_url{}: it is Keystone's own address; and the proxy or load balancer in front of it",
                source("auth_url")
            ));
        }
        match error.refusal()?.status {
            401 => Some(format!(
                "check the user{}, the password{}, the project and their domains",
                source("username"),
                source("password")
            )),
            300..=399 | 404 | 405 => Some(format!(
                "check auth_url{}: it is Keystone's own address, with https if it has TLS",
                source("auth_url")
            )),
            _ => None,
        }
    }
}

/// The same for osauth. A separate type, because the trait is foreign and the session shares the
/// value.
#[derive(Clone, Debug)]
pub(super) struct KeystoneAuth(pub(super) Arc<Keystone>);

#[async_trait]
impl AuthType for KeystoneAuth {
    async fn authenticate(
        &self,
        client: &Client,
        request: RequestBuilder,
    ) -> Result<RequestBuilder, osauth::Error> {
        let (token, _) = self.0.fresh(client).await.map_err(|error| foreign(&error))?;
        let mut value = reqwest::header::HeaderValue::from_bytes(token.expose())
            .map_err(|error| osauth::Error::new(ErrorKind::InvalidInput, error.to_string()))?;
        value.set_sensitive(true);
        Ok(request.header(TOKEN, value))
    }

    async fn get_endpoint(
        &self,
        client: &Client,
        service_type: &str,
        filters: &EndpointFilters,
    ) -> Result<Url, osauth::Error> {
        let (_, grant) = self.0.fresh(client).await.map_err(|error| foreign(&error))?;
        let found = filters.interfaces.iter().find_map(|interface| {
            let (interface, region) = (interface.to_string(), filters.region.as_deref());
            grant.catalog.find(service_type, &interface, region)
        });
        found.ok_or_else(|| {
            let what = format!("no endpoint for {service_type}");
            osauth::Error::new(ErrorKind::EndpointNotFound, what)
        })
    }

    async fn refresh(&self, client: &Client) -> Result<(), osauth::Error> {
        let (token, _) = self.0.fresh(client).await.map_err(|error| foreign(&error))?;
        self.0.forget(&token).await;
        self.0.fresh(client).await.map(|_| ()).map_err(|error| foreign(&error))
    }
}

/// osauth's error is only text, so the session gets the token first to keep its own error.
fn foreign(error: &Error) -> osauth::Error {
    let kind = match error {
        Error::Login { .. } => ErrorKind::AuthenticationFailed,
        Error::NoEndpoint { .. } => ErrorKind::EndpointNotFound,
        Error::Unreachable { .. } | Error::Refused(_) | Error::Malformed { .. } => {
            ErrorKind::ProtocolError
        }
        Error::NoProject(_)
        | Error::OtherProject { .. }
        | Error::LacksRole { .. }
        | Error::Cancelled { .. }
        | Error::Source { .. }
        | Error::ReadOnly(_)
        | Error::Tls { .. } => ErrorKind::OperationFailed,
    };
    osauth::Error::new(kind, omega_core::chain(error).join(": "))
}
