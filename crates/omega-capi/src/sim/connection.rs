//! The connection, and what can go wrong until a fault is cleared.

use std::{io, time::Duration};

use http::StatusCode;
use tower::{BoxError, Service as _, ServiceExt as _};

use super::{
    recorded::{exchange, expired, unavailable},
    request::{Answering, ApiRequest, ApiResponse, Next},
    state::{Shared, State},
};

/// What goes wrong, until [`Apiserver::clear_fault`](super::Apiserver::clear_fault).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// Every request comes without credentials.
    Anonymous,
    /// Every request comes with a token that is not known.
    BadToken,
    /// Every request comes from a user without rights.
    Nobody,
    /// Every request to this path comes from a user without rights.
    NobodyAt(String),
    /// A list's next page can't be had: its token is too old.
    Expired,
    /// Every answer takes so long.
    Slow(Duration),
    /// Every answer ends after so many bytes.
    Short(usize),
    /// The answer to this path breaks off: an error of the connection.
    Broken(String),
    /// This path answers 503, as while the server starts.
    Unavailable(String),
    /// Aggregated discovery is not known (Kubernetes 1.25 and earlier).
    Old,
    /// This group is marked stale.
    Stale(String),
}

/// The error of a connection that breaks off (hyper's words).
pub(super) fn broken() -> BoxError {
    io::Error::new(io::ErrorKind::ConnectionReset, "connection closed before message completed")
        .into()
}

/// The layer of the connection.
pub(super) fn connection(state: Shared, request: ApiRequest, next: Next) -> Answering {
    Box::pin(async move {
        let (fault, refusal) = {
            let mut state = state.lock();
            state.received.paths.push(request.path.clone());
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

/// Returns what is answered to whoever the fault makes of the client.
fn refusal(state: &State, request: &ApiRequest) -> Option<ApiResponse> {
    let recorded = |who: &str, path: &str| state.recording.find(who, path, None).map(exchange);
    let path = request.path.as_str();
    match state.fault.as_ref()? {
        Fault::Anonymous => recorded("anonymous", "/apis"),
        Fault::BadToken => recorded("bad token", "/apis"),
        // Discovery is open to whoever has a name.
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
