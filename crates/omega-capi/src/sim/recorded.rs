use http::StatusCode;
use serde_json::{Value, json};
use tower::service_fn;

use super::{
    connection::Fault,
    discovery::{self, list},
    objects::Collection,
    recording::Exchange,
    request::{Answer, ApiRequest, ApiResponse, JSON, Next, status},
    state::{Shared, State},
};

pub(super) const CRDS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
const AGGREGATED: &str = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

/// The last layer: recorded answers, and those derived from the current definitions.
pub(super) fn recorded(state: &Shared) -> Next {
    let state = state.clone();
    Next::new(service_fn(move |request: ApiRequest| {
        let answer = state.lock().recorded(&request);
        async move { Ok(answer) }
    }))
}

impl State {
    fn recorded(&self, request: &ApiRequest) -> ApiResponse {
        let recorded = |path: &str| self.recording.find("admin", path, None).map(exchange);
        let with_query = || recorded(&format!("{}?{}", request.path, request.query));
        let answer = self.derived(request).or_else(|| recorded(&request.path)).or_else(with_query);
        // The answer for an unknown path is plain text.
        let unknown = || recorded("/apis/nosuch.example.org");
        answer.or_else(unknown).unwrap_or_else(|| unavailable().into())
    }

    /// Answers what depends on the definitions: discovery, and the definitions themselves.
    fn derived(&self, request: &ApiRequest) -> Option<ApiResponse> {
        let ApiRequest { path, query, accept, .. } = request;
        if path == "/apis" {
            return Some(self.groups(accept));
        }
        if let ("/version", Some(version)) = (path.as_str(), &self.version) {
            let mut body = self.recording.find("admin", path, None)?.body.clone();
            let mut parts = version.trim_start_matches('v').split('.');
            body["gitVersion"] = version.as_str().into();
            body["major"] = parts.next()?.into();
            body["minor"] = parts.next()?.into();
            return Some((StatusCode::OK, body).into());
        }
        if path == CRDS {
            let mut body = self.recording.find("admin", CRDS, None)?.body.clone();
            body["items"] = self.crds.as_ref().clone().into();
            return Some(Collection::of(CRDS, &body).answer(path, query, accept)?.into());
        }
        let served = discovery::served(&self.crds);
        let mut parts = path.strip_prefix("/apis/")?.split('/');
        let group = parts.next()?;
        let known = |crd: &Value| crd["spec"]["group"] == group;
        let recorded = self.recording.find("admin", CRDS, None)?;
        if !list(&recorded.body["items"]).iter().any(known) {
            return None; // built in
        }
        let body = match (parts.next(), parts.next()) {
            (None, _) => {
                let mut body = discovery::group(group, served.get(group)?);
                body["kind"] = "APIGroup".into();
                body["apiVersion"] = "v1".into();
                body
            }
            (Some(version), None) => {
                let (_, crds) = served.get(group)?.iter().find(|(v, _)| *v == version)?;
                discovery::resources(group, version, crds)
            }
            (Some(_), Some(_)) => return None,
        };
        Some((StatusCode::OK, body).into())
    }

    fn groups(&self, accept: &str) -> ApiResponse {
        let aggregated = accept.contains(AGGREGATED) && self.fault != Some(Fault::Old);
        let (accept, key) = if aggregated { (AGGREGATED, "items") } else { (JSON, "groups") };
        let Some(recorded) = self.recording.find("admin", "/apis", Some(accept)) else {
            return unavailable().into();
        };
        let mut body = recorded.body.clone();
        let crds = self.recording.find("admin", CRDS, None);
        let custom = crds.map_or(&[] as &[_], |crds| list(&crds.body["items"]));
        let builtin = |entry: &&Value| {
            let name = if aggregated { &entry["metadata"]["name"] } else { &entry["name"] };
            custom.iter().all(|crd| crd["spec"]["group"] != *name)
        };
        let mut entries: Vec<Value> = list(&body[key]).iter().filter(builtin).cloned().collect();
        for (group, versions) in discovery::served(&self.crds) {
            let make = if aggregated { discovery::aggregated } else { discovery::group };
            entries.push(make(group, &versions));
        }
        if let Some(Fault::Stale(stale)) = &self.fault {
            let stale = entries.iter_mut().filter(|e| e["metadata"]["name"] == stale.as_str());
            for version in stale.flat_map(|e| e["versions"].as_array_mut().into_iter().flatten()) {
                version["freshness"] = "Stale".into();
                version["resources"] = json!([]);
            }
        }
        body[key] = entries.into();
        ApiResponse {
            content_type: recorded.content_type.clone(),
            ..ApiResponse::from((StatusCode::OK, body))
        }
    }
}

/// Returns a recorded answer.
pub(super) fn exchange(exchange: &Exchange) -> ApiResponse {
    let content_type = exchange.content_type.clone();
    ApiResponse { status: exchange.status(), content_type, bytes: exchange.bytes() }
}

/// Returns the answer to a continue token from before the last compaction (not recorded; from
/// `apiserver/pkg/storage/errors.go`).
pub(super) fn expired() -> Answer {
    let message = "The provided continue parameter is too old to display a consistent list result.";
    status(StatusCode::GONE, "Expired", message)
}

/// Returns the answer of a server without its store (not recorded; from its source).
pub(super) fn unavailable() -> Answer {
    let message = "the server is currently unable to handle the request";
    status(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", message)
}
