//! The simulated management cluster over HTTP.

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, Response, body::Incoming};
use kube::client::Body;
use tower::ServiceExt as _;

use crate::{Result, world::World};

/// Answers one request.
pub(crate) async fn answer(
    world: &World,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>> {
    let (parts, body) = request.into_parts();
    let body = Body::from(body.collect().await?.to_bytes().to_vec());
    let response = world.apiserver.clone().oneshot(Request::from_parts(parts, body)).await?;
    let (parts, body) = response.into_parts();
    Ok(Response::from_parts(parts, Full::new(body.collect_bytes().await?)))
}
