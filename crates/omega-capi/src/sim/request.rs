//! Requests, answers, and layers made of functions.

use futures::future::BoxFuture;
use http::{Method, Request, Response, StatusCode, header};
use kube::client::Body;
use serde_json::{Value, json};
use tower::{BoxError, Layer, layer::layer_fn, service_fn, util::BoxCloneService};

use super::state::Shared;

pub(super) const JSON: &str = "application/json";
/// Reviews of own rights: POSTs that change nothing.
pub(super) const ACCESS_REVIEWS: &str = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
pub(super) const RULES_REVIEWS: &str = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";

/// The parts of a request that matter here.
#[derive(Clone, Debug)]
pub(super) struct ApiRequest {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) query: String,
    pub(super) accept: String,
    pub(super) content_type: String,
    pub(super) body: Value,
    /// Without a token the client is an administrator.
    pub(super) token: Option<String>,
}

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    Read,
    Review,
    DryRun,
    Write,
}

impl ApiRequest {
    pub(super) async fn read(
        request: Request<Body>,
        token: Option<String>,
    ) -> Result<Self, BoxError> {
        let (parts, body) = request.into_parts();
        let bytes = body.collect_bytes().await?;
        let header = |name| {
            let value = parts.headers.get(name);
            let text = value.and_then(|v: &http::HeaderValue| v.to_str().ok());
            text.unwrap_or_default().to_owned()
        };
        Ok(Self {
            method: parts.method.clone(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            accept: Some(header(header::ACCEPT)).filter(|a| !a.is_empty()).unwrap_or(JSON.into()),
            content_type: header(header::CONTENT_TYPE),
            body: serde_json::from_slice(&bytes).unwrap_or_default(),
            token,
        })
    }

    pub(super) fn is_dry_run(&self) -> bool {
        self.query.split('&').any(|one| one == "dryRun=All")
    }

    pub(super) fn effect(&self) -> Effect {
        if self.method == Method::GET {
            Effect::Read
        } else if [ACCESS_REVIEWS, RULES_REVIEWS].contains(&self.path.as_str()) {
            Effect::Review
        } else if self.is_dry_run() {
            Effect::DryRun
        } else {
            Effect::Write
        }
    }

    /// Returns the same request as a dry run.
    pub(super) fn dry_run(mut self) -> Self {
        let and = if self.query.is_empty() { "" } else { "&" };
        self.query = format!("{}{and}dryRun=All", self.query);
        self
    }
}

/// An answer in JSON.
pub(super) type Answer = (StatusCode, Value);

/// Any answer.
#[derive(Clone, Debug)]
pub(super) struct ApiResponse {
    pub(super) status: StatusCode,
    pub(super) content_type: String,
    pub(super) bytes: Vec<u8>,
}

impl From<Answer> for ApiResponse {
    fn from((status, body): Answer) -> Self {
        Self { status, content_type: JSON.to_owned(), bytes: body.to_string().into_bytes() }
    }
}

impl ApiResponse {
    pub(super) fn into_http(self, date: Option<String>) -> Result<Response<Body>, BoxError> {
        let mut response =
            Response::builder().status(self.status).header(header::CONTENT_TYPE, self.content_type);
        if let Some(date) = date {
            response = response.header(header::DATE, date);
        }
        Ok(response.body(Body::from(self.bytes))?)
    }
}

/// Returns an error as a `Status` of Kubernetes.
pub(super) fn status(code: StatusCode, reason: &str, message: &str) -> Answer {
    let body = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": reason, "code": code.as_u16(),
    });
    (code, body)
}

/// The next layer.
pub(super) type Next = BoxCloneService<ApiRequest, ApiResponse, BoxError>;
pub(super) type Answering = BoxFuture<'static, Result<ApiResponse, BoxError>>;

/// Returns a layer that handles each request with this function.
pub(super) fn layer(
    state: &Shared,
    handle: fn(Shared, ApiRequest, Next) -> Answering,
) -> impl Layer<Next, Service = Next> + use<> {
    let state = state.clone();
    layer_fn(move |next: Next| {
        let state = state.clone();
        Next::new(service_fn(move |request| handle(state.clone(), request, next.clone())))
    })
}
