//! Keystone and the services of the simulated cloud, over HTTP.

#![allow(
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a JSON value answers null, and any other error has its refusal"
)]

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;
use bytes::Bytes;
use omega_core::Context;
use omega_openstack::{
    Body, CatalogEntry, Endpoint, Error, Method, Request as CloudRequest, Service as Which,
    Transport, sim::Cloud,
};
use serde_json::{Value, json};

use crate::{
    front::Service,
    http::{Request, Response},
    wire::Kind,
};

const SERVICES: [Which; 9] = [
    Which::Identity,
    Which::Network,
    Which::ContainerInfra,
    Which::BlockStorage,
    Which::LoadBalancer,
    Which::Compute,
    Which::Image,
    Which::Placement,
    Which::KeyManager,
];

/// The cloud's services, each below its own name on one port.
pub(crate) struct CloudService {
    cloud: Cloud,
    address: SocketAddr,
    /// The projects that can be named.
    projects: Vec<String>,
    /// Who each token is of.
    tokens: Mutex<BTreeMap<String, Arc<dyn Transport>>>,
}

impl CloudService {
    pub(crate) fn new(cloud: Cloud, projects: &[&str], address: SocketAddr) -> Self {
        let projects = projects.iter().map(|name| (*name).to_owned()).collect();
        Self { cloud, address, projects, tokens: Mutex::default() }
    }

    fn is_login(request: &Request) -> bool {
        request.method == "POST" && request.path() == "/identity/v3/auth/tokens"
    }

    /// Returns the connection that a login asks for.
    fn identified(&self, body: &Value) -> Arc<dyn Transport> {
        let auth = &body["auth"];
        let credential = &auth["identity"]["application_credential"];
        if let (Some(id), Some(secret)) = (credential["id"].as_str(), credential["secret"].as_str())
        {
            let project = self.projects.last().map_or("admin", String::as_str);
            return self.cloud.login(project, id, secret);
        }
        let project = &auth["scope"]["project"];
        let by_id = |id: &str| self.projects.iter().find(|name| self.cloud.project(name) == id);
        let named = project["name"].as_str().or_else(|| {
            let found = project["id"].as_str().and_then(by_id);
            found.map(String::as_str)
        });
        self.cloud.admin(named.unwrap_or("admin"))
    }

    async fn log_in(&self, request: &Request) -> Response {
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let transport = self.identified(&body);
        let info = match transport.token_info().await {
            Ok(info) => info,
            Err(error) => return refused(&error),
        };
        let url = |entry: &CatalogEntry| {
            let which = SERVICES.iter().find(|one| one.types().contains(&&*entry.service_type));
            which.map(|one| format!("http://{}/{one}", self.address))
        };
        let catalog = info.catalog.0.iter().filter_map(|entry| {
            let url = url(entry)?;
            let endpoint = |old: &Endpoint| Endpoint { url: url.clone(), ..old.clone() };
            let endpoints = entry.endpoints.iter().map(endpoint).collect();
            Some(CatalogEntry { service_type: entry.service_type.clone(), endpoints })
        });
        let catalog: Vec<CatalogEntry> = catalog.collect();
        let expires = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
        let project = info.project.as_ref().map(|project| {
            json!({ "id": project.id, "name": project.name, "domain": { "id": "c", "name": "capi" } })
        });
        let roles: Vec<Value> = info.roles.iter().map(|r| json!({ "id": r, "name": r })).collect();
        let token = json!({ "token": {
            "expires_at": expires.to_string(), "methods": ["password"], "project": project,
            "user": { "id": info.user.id, "name": info.user.name }, "roles": roles,
            "catalog": catalog,
        } });
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        let value = format!("token-{}", tokens.len());
        tokens.insert(value.clone(), transport);
        let headers = vec![
            ("X-Subject-Token".to_owned(), value),
            ("Content-Type".to_owned(), "application/json".to_owned()),
        ];
        Response { status: 201, headers, body: token.to_string().into_bytes() }
    }

    fn bearer(&self, request: &Request) -> Option<Arc<dyn Transport>> {
        let tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.get(request.header("x-auth-token")?).cloned()
    }
}

/// Everybody may ask at the root of a service which versions it has.
fn versions(request: &Request) -> Option<Response> {
    let name = request.path().strip_prefix('/')?.strip_suffix('/')?;
    let known = SERVICES.iter().any(|one| one.to_string() == name);
    (known && request.method == "GET").then(|| {
        let headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
        let body = json!({ "versions": [{ "id": "v2.0", "status": "CURRENT" }] });
        Response { status: 200, headers, body: body.to_string().into_bytes() }
    })
}

fn refused(error: &Error) -> Response {
    let refusal = match error {
        Error::Login { source, .. } => source.refusal(),
        other => other.refusal(),
    };
    let status = refusal.map_or(503, |refusal| refusal.status);
    let said = json!({ "error": { "code": status, "message": error.to_string(), "title": "No" } });
    Response { status, headers: Vec::new(), body: said.to_string().into_bytes() }
}

/// Replaces what differs between two runs: ids, and names with a time.
pub(crate) fn plain(path: &str) -> String {
    let digits = |part: &str| part.chars().filter(char::is_ascii_digit).count();
    let part = |part: &str| if digits(part) > 3 { "*".to_owned() } else { part.to_owned() };
    path.split('/').map(part).collect::<Vec<_>>().join("/")
}

#[async_trait]
impl Service for CloudService {
    fn describe(&self, request: &Request) -> (String, Kind) {
        let kind = match request.method.as_str() {
            "GET" | "HEAD" => Kind::Read,
            _ if Self::is_login(request) => Kind::Login,
            _ => Kind::Write,
        };
        (format!("{} {}", request.method, plain(request.path())), kind)
    }

    async fn answer(&self, request: Request) -> Response {
        if Self::is_login(&request) {
            return self.log_in(&request).await;
        }
        if let Some(versions) = versions(&request) {
            return versions;
        }
        let Some(transport) = self.bearer(&request) else {
            let said = json!({ "error": { "code": 401, "message": "no such token" } });
            let body = said.to_string().into_bytes();
            return Response { status: 401, headers: Vec::new(), body };
        };
        let Some(asked) = translated(&request) else {
            return Response { status: 404, headers: Vec::new(), body: b"{}".to_vec() };
        };
        match transport.exchange(&Context::default(), asked).await {
            Err(error) => refused(&error),
            Ok(mut answer) => {
                let mut body = Vec::new();
                while let Ok(Some(part)) = answer.body.next().await {
                    body.extend_from_slice(&part);
                }
                let kept = [
                    "date",
                    "content-type",
                    "content-range",
                    "etag",
                    "location",
                    "retry-after",
                    "openstack-image-import-methods",
                    "accept-ranges",
                ];
                let header =
                    |name: &str| Some((name.to_owned(), answer.headers.get(name)?.to_owned()));
                let mut headers: Vec<_> = kept.into_iter().filter_map(header).collect();
                if let Some(id) = &answer.request_id {
                    headers.push(("X-Openstack-Request-Id".to_owned(), id.clone()));
                }
                Response { status: answer.status, headers, body }
            }
        }
    }
}

fn method(name: &str) -> Option<Method> {
    Some(match name {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "PATCH" => Method::Patch,
        "DELETE" => Method::Delete,
        _ => return None,
    })
}

/// Returns the request as the simulator takes it: the path without the service and its version.
fn translated(request: &Request) -> Option<CloudRequest> {
    let url = url::Url::parse(&format!("http://x{}", request.target)).ok()?;
    let mut path: Vec<String> = Vec::new();
    for segment in url.path_segments()? {
        let text = format!("http://x/?s={segment}").parse::<url::Url>().ok()?;
        path.push(text.query_pairs().next().map(|(_, value)| value.into_owned())?);
    }
    let service = SERVICES.into_iter().find(|one| Some(&one.to_string()) == path.first())?;
    let version = usize::from(!service.version().is_empty());
    let rest: Vec<&str> = path.iter().skip(1 + version).map(String::as_str).collect();
    let mut asked = CloudRequest::new(service, method(&request.method)?, &rest);
    asked.query = url.query_pairs().map(|(k, v)| (k.into_owned(), v.into_owned())).collect();
    for name in ["Range", "Content-Type"] {
        if let Some(value) = request.header(name) {
            asked.headers.push((name, value.to_owned()));
        }
    }
    if let Some(version) = request.header("openstack-api-version") {
        let number = version.rsplit(' ').next().unwrap_or_default();
        asked.microversion = Some(microversion(number));
    }
    let is_json = request.header("content-type").is_some_and(|kind| kind.contains("json"));
    asked.body = if request.body.is_empty() && !is_json {
        Body::None
    } else if is_json {
        Body::Json(serde_json::from_slice(&request.body).ok()?)
    } else {
        Body::Bytes(Bytes::from(request.body.clone()))
    };
    Some(asked)
}

/// The microversions that omega asks for live as long as the program.
fn microversion(number: &str) -> &'static str {
    static KNOWN: Mutex<BTreeMap<String, &'static str>> = Mutex::new(BTreeMap::new());
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    known.entry(number.to_owned()).or_insert_with(|| Box::leak(number.into()))
}
