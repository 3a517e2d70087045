//! The simulated cloud over HTTP: one address, a path for each service, and Keystone's logins.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{HeaderMap, Request, Response, body::Incoming, header::CONTENT_TYPE};
use omega_core::Context;
use omega_openstack::{Body, Method, Service, StreamedResponse, Transport};
use serde_json::{Value, json};

use crate::{Result, world::World};

/// With what every token begins. Outside of the cache of tokens it is nowhere.
pub(crate) const TOKEN: &str = "canary-token-for-";
/// The project of the management cluster.
pub(crate) const PROJECT: &str = "capi-mgmt";
/// The projects that anybody logs in to.
const PROJECTS: [&str; 2] = ["admin", PROJECT];
const SERVICES: [Service; 9] = [
    Service::Identity,
    Service::Network,
    Service::ContainerInfra,
    Service::BlockStorage,
    Service::LoadBalancer,
    Service::Compute,
    Service::Image,
    Service::Placement,
    Service::KeyManager,
];
/// The headers of an answer that clients use.
const HEADERS: [&str; 8] = [
    "accept-ranges",
    "content-range",
    "content-type",
    "date",
    "etag",
    "location",
    "openstack-image-import-methods",
    "retry-after",
];

/// Answers one request.
pub(crate) async fn answer(
    world: &World,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await?.to_bytes();
    let uri = parts.uri;
    if uri.path().trim_end_matches('/') == "/identity/v3/auth/tokens" && parts.method == "POST" {
        let host = parts.headers.get("host").and_then(|host| host.to_str().ok());
        return login(world, host.unwrap_or_default(), &serde_json::from_slice(&body)?).await;
    }
    let token = parts.headers.get("x-auth-token").and_then(|token| token.to_str().ok());
    let Some(transport) = token.and_then(|token| of_token(world, token)) else {
        return Ok(Response::builder().status(401).body(Full::default())?);
    };
    let (service, path) = target(uri.path()).ok_or("no such service")?;
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let mut call = omega_openstack::Request::new(service, method(&parts.method)?, &path);
    call.query = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes())
        .into_owned()
        .collect();
    call.body = content(&parts.headers, body);
    call.microversion = microversion(&parts.headers);
    for name in ["range", "content-type"] {
        if let Some(value) = parts.headers.get(name).and_then(|value| value.to_str().ok()) {
            let known = if name == "range" { "Range" } else { "Content-Type" };
            call.headers.push((known, value.to_owned()));
        }
    }
    written(transport.exchange(&Context::default(), call).await?).await
}

/// A token says whose it is: `project-NAME`, or `credential-ID-SECRET` of an application credential.
fn of_token(world: &World, token: &str) -> Option<Arc<dyn Transport>> {
    let (kind, whose) = token.strip_prefix(TOKEN)?.split_once('-')?;
    match kind {
        "project" => Some(world.cloud.admin(whose)),
        "credential" => {
            let (id, secret) = whose.split_once('-')?;
            Some(world.cloud.login(PROJECT, id, secret))
        }
        _ => None,
    }
}

async fn written(response: StreamedResponse) -> Result<Response<Full<Bytes>>> {
    let mut answer = Response::builder().status(response.status);
    for name in HEADERS {
        if let Some(value) = response.headers.get(name) {
            answer = answer.header(name, value);
        }
    }
    if response.headers.get("content-type").is_none() {
        answer = answer.header(CONTENT_TYPE, "application/json");
    }
    if let Some(id) = &response.request_id {
        answer = answer.header("x-openstack-request-id", id);
    }
    let (mut body, mut whole) = (response.body, Vec::new());
    while let Some(chunk) = body.next().await? {
        whole.extend_from_slice(&chunk);
    }
    Ok(answer.body(Full::from(whole))?)
}

/// Returns the service, and the path after its version.
fn target(path: &str) -> Option<(Service, Vec<String>)> {
    let mut segments = path.trim_matches('/').split('/');
    let name = segments.next()?;
    let service = SERVICES.into_iter().find(|service| service.to_string() == name)?;
    let rest: Vec<&str> = segments.collect();
    let rest = match rest.as_slice() {
        [version, rest @ ..] if *version == service.version() => rest,
        all => all,
    };
    // The decoder is that of forms, where these mean something.
    let kept = [("+", "%2B"), ("&", "%26"), ("=", "%3D")];
    let plain = |segment: &&str| {
        let text =
            kept.iter().fold((*segment).to_owned(), |text, (sign, code)| text.replace(sign, code));
        let mut pairs = url::form_urlencoded::parse(text.as_bytes());
        pairs.next().map(|(name, _)| name.into_owned()).unwrap_or_default()
    };
    Some((service, rest.iter().map(plain).collect()))
}

fn method(method: &hyper::Method) -> Result<Method> {
    Ok(match method.as_str() {
        "GET" => Method::Get,
        "HEAD" => Method::Head,
        "POST" => Method::Post,
        "PUT" => Method::Put,
        "PATCH" => Method::Patch,
        "DELETE" => Method::Delete,
        other => return Err(format!("the method {other} is not known").into()),
    })
}

fn content(headers: &HeaderMap, body: Bytes) -> Body {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    match serde_json::from_slice(&body) {
        Ok(value) if kind.contains("json") => Body::Json(value),
        _ if body.is_empty() => Body::None,
        _ => Body::Bytes(body),
    }
}

/// The clients name one microversion each; the simulators compare it.
fn microversion(headers: &HeaderMap) -> Option<&'static str> {
    let named = headers.get("openstack-api-version")?.to_str().ok()?;
    let version = named.rsplit(' ').next()?;
    // They are few, so that what is kept for ever is small.
    static KNOWN: std::sync::Mutex<Vec<&'static str>> = std::sync::Mutex::new(Vec::new());
    let mut known = KNOWN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(found) = known.iter().copied().find(|one| *one == version) {
        return Some(found);
    }
    let new: &'static str = Box::leak(version.to_owned().into_boxed_str());
    known.push(new);
    Some(new)
}

async fn login(world: &World, host: &str, body: &Value) -> Result<Response<Full<Bytes>>> {
    let wanted = body.pointer("/auth/scope/project");
    let field = |key: &str| wanted.and_then(|project| project.get(key)?.as_str());
    let by_id = |id: &str| PROJECTS.into_iter().find(|name| world.cloud.project(name) == id);
    let project = field("name").or_else(|| field("id").and_then(by_id)).unwrap_or("admin");
    let credential = body.pointer("/auth/identity/application_credential");
    let part = |key: &str| credential.and_then(|one| one.get(key)?.as_str());
    let (method, project, token) = match part("id").zip(part("secret")) {
        Some((id, secret)) => {
            ("application_credential", PROJECT, format!("{TOKEN}credential-{id}-{secret}"))
        }
        None => ("password", project, format!("{TOKEN}project-{project}")),
    };
    let Some(transport) = of_token(world, &token) else { return Err("no such login".into()) };
    let Ok(info) = transport.token_info().await else {
        return Ok(Response::builder().status(401).body(Full::default())?);
    };
    let listed = |service: &Service| {
        let endpoint = |interface: &str| {
            json!({ "interface": interface, "region": "RegionOne", "region_id": "RegionOne",
                "url": format!("http://{host}/{service}") })
        };
        let (name, all) = (service.to_string(), ["public", "internal", "admin"].map(endpoint));
        json!({ "type": name, "name": name, "endpoints": all })
    };
    let domain = json!({ "id": "default", "name": "capi" });
    let roles: Vec<_> = info.roles.iter().map(|role| json!({ "id": role, "name": role })).collect();
    let expires = jiff::Timestamp::now().checked_add(jiff::SignedDuration::from_hours(12))?;
    let scope = info.project.as_ref();
    let described = json!({
        "expires_at": expires.strftime("%Y-%m-%dT%H:%M:%S.000000Z").to_string(),
        "methods": [method],
        "user": { "id": info.user.id, "name": info.user.name, "domain": domain },
        "project": { "id": scope.map(|one| &one.id), "name": project, "domain": domain },
        "roles": roles,
        "catalog": SERVICES.iter().map(listed).collect::<Vec<_>>(),
    });
    let answer = Response::builder().status(201).header(CONTENT_TYPE, "application/json");
    let answer = answer.header("x-subject-token", token);
    Ok(answer.body(Full::from(json!({ "token": described }).to_string()))?)
}
