use std::{io, time::Duration};

use http::StatusCode;
use tower::{BoxError, Service as _, ServiceExt as _};

use super::{
    leases::is_lease,
    recorded::{exchange, expired, unavailable},
    request::{Answering, ApiRequest, ApiResponse, Next},
    state::{Shared, State},
};

/// A fault, until [`Apiserver::clear_fault`](super::Apiserver::clear_fault).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Every request has no credentials.
    Anonymous,
    /// Every request has an unknown token.
    BadToken,
    /// Every request is from a user without rights.
    Nobody,
    /// Every request to this path is from a user without rights.
    NobodyAt(String),
    /// The next page of a list fails: its token is too old.
    Expired,
    /// Every answer takes this long.
    Slow(Duration),
    /// Every answer ends after this many bytes.
    Short(usize),
    /// The connection breaks in the answer to this path.
    Broken(String),
    /// This path answers 503, like a server that starts.
    Unavailable(String),
    /// There is no aggregated discovery (Kubernetes 1.25 and earlier).
    Old,
    /// This group is marked as stale.
    Stale(String),
}

/// The error of a broken connection, as hyper reports it.
pub(super) fn broken() -> BoxError {
    io::Error::new(io::ErrorKind::ConnectionReset, "connection closed before message completed")
        .into()
}

/// The layer of the connection.
pub(super) fn connection(state: Shared, request: ApiRequest, next: Next) -> Answering {
    Box::pin(async move {
        let (fault, refusal) = {
            let mut state = state.lock();
            if is_lease(&request.path) {
                state.leases.requests.push(format!("{} {}", request.method, request.path));
            } else {
                state.received.paths.push(request.path.clone());
            }
            (state.fault.clone(), refusal(&state, &request))
        };
        let mut next = next;
        let path = request.path.clone();
        let mut response = match refusal {
            Some(refusal) => refusal,
            None => next.ready().await?.call(request).await?,
        };
        match fault {
            Some(Fault::Slow(pause)) => tokio::time::sleep(pause).await,
            Some(Fault::Short(length)) => response.bytes.truncate(length),
            Some(Fault::Broken(at)) if at == path => return Err(broken()),
            _ => {}
        }
        Ok(response)
    })
}

/// Returns the answer to the client that the fault simulates.
fn refusal(state: &State, request: &ApiRequest) -> Option<ApiResponse> {
    let recorded = |who: &str, path: &str| state.recording.find(who, path, None).map(exchange);
    let path = request.path.as_str();
    match state.fault.as_ref()? {
        Fault::Anonymous => recorded("anonymous", "/apis"),
        Fault::BadToken => recorded("bad token", "/apis"),
        // Every authenticated user may read discovery.
        Fault::Nobody if path.split('/').count() > 4 || path.starts_with("/api/") => {
            recorded("nobody", path).or_else(|| Some(forbidden(path)))
        }
        Fault::NobodyAt(at) if at == path => {
            recorded("nobody", path).or_else(|| Some(forbidden(path)))
        }
        Fault::Expired if request.query.contains("continue=") => Some(expired().into()),
        Fault::Unavailable(at) if at == path => Some(unavailable().into()),
        Fault::Nobody
        | Fault::NobodyAt(_)
        | Fault::Expired
        | Fault::Unavailable(_)
        | Fault::Slow(_)
        | Fault::Short(_)
        | Fault::Broken(_)
        | Fault::Old
        | Fault::Stale(_) => None,
    }
}

fn forbidden(path: &str) -> ApiResponse {
    let message = format!("forbidden: User \"nobody\" cannot get path \"{path}\"");
    super::request::status(StatusCode::FORBIDDEN, "Forbidden", &message).into()
}
