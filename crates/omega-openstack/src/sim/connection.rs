//! One user's connection to the simulated cloud, and its faults.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, LazyLock},
};

use async_trait::async_trait;
use omega_core::{Context, Touched, testing::Fault};
use tokio::sync::Notify;

use super::{
    Cloud, blobs,
    recorded::recorded,
    state::{State, Who, refused},
};
use crate::{
    Body, Catalog, Error, Headers, LoginMethod, Method, Name, Request, Response, Service,
    StreamedResponse, TokenInfo, Transport, TransportCause,
};

/// What all clones of a cloud share.
#[derive(Clone, Debug)]
pub(super) struct Inner {
    pub(super) state: State,
    pub(super) writes: Vec<String>,
    pub(super) requests: usize,
    pub(super) fault: Option<(usize, Fault)>,
    /// The request whose response never arrives, and whether it has an effect.
    pub(super) frozen: Option<(usize, bool)>,
    pub(super) notify: Arc<Notify>,
    pub(super) hints: BTreeMap<String, String>,
}

impl Inner {
    fn take(&mut self, who: &Who, request: &Request) -> Result<Response, Error> {
        self.requests += 1;
        let id = format!("req-00000000-0000-4000-8000-{:012x}", self.requests);
        let date = self.state.date();
        let numbered = |response| Response {
            request_id: Some(id),
            headers: Headers::keep([("date", date.as_str())]),
            ..response
        };
        if self.state.down.contains(&request.service) {
            return Err(lost(request, Touched::Nothing));
        }
        if !request.writes() {
            return Ok(numbered(self.state.answer(who, request)));
        }
        let nth = self.writes.len();
        let body = match &request.body {
            Body::Json(body) => format!(" {body}"),
            Body::Bytes(bytes) => format!(" {} bytes", bytes.len()),
            Body::None | Body::Stream(_) => String::new(),
        };
        self.writes.push(format!("{request}{body}"));
        match self.fault.filter(|(faulty, _)| *faulty == nth).map(|(_, fault)| fault) {
            None => Ok(numbered(self.state.answer(who, request))),
            Some(Fault::Lost) => Err(lost(request, Touched::Maybe)),
            Some(Fault::AnswerLost) => {
                self.state.answer(who, request);
                Err(lost(request, Touched::Maybe))
            }
            Some(Fault::Refused) => Ok(numbered(refused(request.service))),
            Some(Fault::Ignored) => {
                // It seems to work, but has no effect.
                let before = self.state.clone();
                let answer = self.state.answer(who, request);
                self.state = before;
                Ok(numbered(answer))
            }
        }
    }
}

fn lost(request: &Request, touched: Touched) -> Error {
    Error::Unreachable {
        request: request.to_string(),
        url: format!("http://{}.sim", request.service),
        cause: TransportCause::Reset,
        touched,
        source: "connection reset".into(),
    }
}

fn unlisted(service: Service) -> Error {
    Error::NoEndpoint {
        cloud: "rehearsal".to_owned(),
        service: service.to_string(),
        interface: "public".to_owned(),
        region: String::new(),
        have: Vec::new(),
    }
}

/// The recorded catalog, read once because every request uses it.
static CATALOG: LazyLock<Catalog> = LazyLock::new(|| {
    let token = recorded!("keystone-token-201").body["token"].clone();
    serde_json::from_value(token["catalog"].clone()).unwrap_or_default()
});

/// One user's connection to the cloud.
#[derive(Clone)]
pub(super) struct Connection {
    pub(super) cloud: Cloud,
    pub(super) who: Who,
    /// The id and the secret, if it uses an application credential.
    pub(super) credential: Option<(String, String)>,
}

#[async_trait]
impl Transport for Connection {
    async fn exchange(&self, ctx: &Context, request: Request) -> Result<StreamedResponse, Error> {
        if self.credential.is_some() {
            // A token of a deleted credential is invalid.
            self.token_info().await?;
        }
        let request = blobs::received(ctx, request).await?;
        let frozen = {
            let mut inner = self.cloud.lock();
            let frozen = inner.frozen.filter(|(nth, _)| inner.requests >= *nth);
            if let Some((nth, true)) = frozen
                && inner.requests == nth
            {
                inner.requests += 1;
                inner.state.answer(&self.who, &request);
            }
            frozen.is_some()
        };
        if frozen {
            self.cloud.lock().notify.notify_one();
            std::future::pending::<()>().await;
        }
        let mut inner = self.cloud.lock();
        if request.service == Service::KeyManager && !inner.state.key_manager {
            return Err(unlisted(request.service));
        }
        let answer = inner.take(&self.who, &request)?;
        Ok(match inner.state.blob(&request, &answer) {
            Some(blob) => blob.into_answer(ctx, &request, answer),
            None => answer.into(),
        })
    }

    async fn token_info(&self) -> Result<TokenInfo, Error> {
        let down = self.cloud.lock().state.down.contains(&Service::Identity);
        if let Some((id, secret)) = &self.credential {
            let request = Request::new(Service::Identity, Method::Post, &["auth", "tokens"]);
            let said = if down {
                Err(lost(&request, Touched::Nothing))
            } else {
                self.cloud.lock().state.log_in(id, secret, &request)
            };
            let cloud = "rehearsal".to_owned();
            let user = format!("application credential {id}");
            return said.map_err(|source| Error::Login {
                cloud,
                user,
                next: None,
                source: Arc::new(source),
            });
        }
        if down {
            let request = Request::new(Service::Identity, Method::Post, &["auth", "tokens"]);
            let source = Arc::new(lost(&request, Touched::Nothing));
            let (cloud, user) = ("rehearsal".to_owned(), self.who.project_name.clone());
            return Err(Error::Login { cloud, user, next: None, source });
        }
        let catalog = CATALOG.clone();
        let user = self.who.user().to_owned();
        let Who { project, project_name, admin } = self.who.clone();
        let mut roles = vec!["member".to_owned(), "reader".to_owned()];
        if admin {
            roles.push("admin".to_owned());
        }
        let project = Some(Name { id: project, name: project_name });
        roles.extend(self.cloud.lock().state.more_roles.clone());
        let user = Name { id: user.clone(), name: user };
        let login = LoginMethod::Other(vec!["password".to_owned()]);
        Ok(TokenInfo { login, ..TokenInfo::new(user, project, roles, catalog) })
    }

    fn label(&self) -> String {
        format!("cloud rehearsal, project {}", self.who.project_name)
    }

    fn recall(&self, key: &str) -> Option<String> {
        self.cloud.lock().hints.get(key).cloned()
    }

    fn remember(&self, key: &str, value: &str) {
        self.cloud.lock().hints.insert(key.to_owned(), value.to_owned());
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Connection").field(&self.label()).finish()
    }
}
