//! Each call is sent with the least version that it needs.
//!
//! Source of the case: openstack/magnum, tags yoga-eom, 15.0.0 and 16.0.0, whose newest version is 1.10:
//! a request for 1.11 is answered with 406, a read as well.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use omega_core::{Context, Diagnostic as _};
use serde_json::{Value, json};

use crate::{
    Error, Method, Request, Response, StreamedResponse, TokenInfo, Transport,
    container_infra::ContainerInfra,
    service_response::{fetch, send},
    sim::Cloud,
};

/// Notes the version of each request.
#[derive(Debug)]
struct Noted {
    cloud: Arc<dyn Transport>,
    seen: Mutex<Vec<String>>,
}

#[async_trait]
impl Transport for Noted {
    async fn exchange(&self, ctx: &Context, request: Request) -> Result<StreamedResponse, Error> {
        let version = request.microversion.unwrap_or("-");
        self.seen.lock().unwrap().push(format!(
            "{version} {} {}",
            request.method,
            request.path.join("/")
        ));
        self.cloud.exchange(ctx, request).await
    }

    async fn token_info(&self) -> Result<TokenInfo, Error> {
        self.cloud.token_info().await
    }

    fn label(&self) -> String {
        "noted".to_owned()
    }
}

#[tokio::test]
async fn magnum_is_asked_for_the_least_version() {
    let cloud = Cloud::new();
    cloud.add_image("k8s", true);
    cloud.add_cluster("mgmt", "c", Some("HEALTHY"), "Ready");
    let noted = Arc::new(Noted { cloud: cloud.admin("mgmt"), seen: Mutex::default() });
    let magnum = ContainerInfra::new(Arc::<Noted>::clone(&noted));
    let clusters = magnum.clusters().await.unwrap();
    let id = &clusters[0].uuid;
    magnum.cluster(id).await.unwrap();
    magnum.node_groups(id).await.unwrap();
    magnum.templates().await.unwrap();
    magnum.cluster_ca(id).await.unwrap();
    for count in [0, 1] {
        let body = json!({ "name": "n", "node_count": count });
        drop(magnum.create_cluster(body).await);
    }
    magnum.delete_cluster(id).await.unwrap();
    let seen = noted.seen.lock().unwrap().join("\n").replace(id.as_str(), "ID");
    insta::assert_snapshot!(seen, @"
    - GET clusters/detail
    - GET clusters/ID
    1.9 GET clusters/ID/nodegroups
    - GET clustertemplates
    - GET certificates/ID
    1.10 POST clusters
    - POST clusters
    - DELETE clusters/ID
    ");
}

/// Answers each request with this.
#[derive(Debug)]
struct Always(u16, Value);

#[async_trait]
impl Transport for Always {
    async fn exchange(&self, _: &Context, _: Request) -> Result<StreamedResponse, Error> {
        Ok(Response::new(self.0, self.1.clone()).into())
    }

    async fn token_info(&self) -> Result<TokenInfo, Error> {
        Err(Error::NoProject("nobody".to_owned()))
    }

    fn label(&self) -> String {
        "always".to_owned()
    }
}

#[tokio::test]
async fn a_version_that_a_service_lacks_is_told_with_its_range() {
    let detail =
        "Version 1.9 was requested but the minor version is not supported by this service.";
    let body =
        json!({ "errors": [{ "detail": detail, "min_version": "1.1", "max_version": "1.7" }] });
    let error =
        ContainerInfra::new(Arc::new(Always(406, body))).node_groups("c").await.unwrap_err();
    insta::assert_snapshot!(format!("{error}\nnext: {}", error.next().unwrap()), @"
    GET container-infra /v1/clusters/c/nodegroups: 406: Version 1.9 was requested but the minor version is not supported by this service.; this call needs version 1.9, and the service has 1.1 to 1.7
    next: the service is older than what omega needs for this: see the releases in docs/site-file.md
    ");
}

/// A service that fails is reported with its request's id; a proxy in its place has none.
#[tokio::test]
async fn what_to_look_for_depends_on_who_answered() {
    let request = || Request::new(crate::Service::Compute, Method::Get, &["servers"]);
    let proxy = Always(503, json!("<html><title>503 Service Unavailable</title></html>"));
    let error = send(&proxy, request()).await.unwrap_err();
    insta::assert_snapshot!(format!("{error}\nnext: {}", error.next().unwrap()), @"
    GET compute /v2.1/servers: 503: 503 Service Unavailable
    next: a proxy answered in the service's place: check that the service runs, and the proxy's backends
    ");
    let mut response = Response::new(500, json!({ "computeFault": { "message": "Unexpected" } }));
    response.request_id = Some("req-7".to_owned());
    let error = crate::service_response::accept(&request(), response).unwrap_err();
    assert_eq!(error.next().unwrap(), "look for req-7 in the service's log");
    let wrong = Always(200, json!({ "servers": "x" }));
    let error = fetch::<Vec<String>>(&wrong, request(), "servers").await.unwrap_err();
    assert!(error.to_string().ends_with("it has a text in place of a list"), "{error}");
}
