//! What Nova and its simulator must both do with a server that is started and stopped.
#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "a contract is a test")]

use std::sync::Arc;

use omega_core::{Context, chain, ensure, plan};
use serde_json::{Value, json};

use super::{Compute, GuestRunning, GuestState, ensure_guest_running};
use crate::{Method, Request, Response, Service, Transport, contract::send};

/// A server is stopped and started, a second start changes nothing, and what Nova refuses is refused.
/// `server`: the id of one of the cloud's project that is `ACTIVE`, and stays so.
///
/// Written from Nova's source (26.2, `compute/api.py`, `api/openstack/compute/servers.py`). To be seen in
/// the lab: the fields of microversion 2.9, both messages of a 409, and `os-services`.
///
/// # Panics
///
/// Panics if the contract is broken.
pub async fn guests(cloud: Arc<dyn Transport>, server: &str) {
    let (ctx, compute) = (Context::default(), Compute::new(Arc::clone(&cloud)));
    let running = GuestRunning::new(server);
    let stopped = GuestRunning { state: GuestState::Stopped, ..running.clone() };
    let before = show(&cloud, server).await;
    for (field, is) in [
        ("status", json!("ACTIVE")),
        ("locked", json!(false)),
        ("OS-EXT-STS:power_state", json!(1)),
        ("OS-EXT-STS:task_state", Value::Null),
    ] {
        assert_eq!(before[field], is, "{field}: {before}");
    }
    assert!(!ensure_guest_running(&ctx, &compute, &running).await.expect("it runs").changed());
    let again = act(&cloud, server, "os-start").await;
    assert_eq!(again.status, 409, "{}", again.body);
    assert!(again.body["conflictingRequest"]["message"].is_string(), "{}", again.body);

    assert!(ensure(&ctx, &compute, &stopped).await.expect("stopped").changed());
    assert_eq!(show(&cloud, server).await["status"], "SHUTOFF");
    // By its name it is the same one.
    let name = before["name"].as_str().expect("a name");
    let planned = plan(&compute, &GuestRunning::new(name)).await.expect("planned");
    assert_eq!(planned.delta().changes().len(), 1);
    let host = before["OS-EXT-SRV-ATTR:host"].as_str().expect("an administrator sees the host");
    let found = compute.guests(server).await.expect("found");
    let service = compute.host_service(&found[0]).await.expect("asked").expect("an administrator");
    assert_eq!((service.host.as_str(), service.state.as_str()), (host, "up"));

    let locked = act(&cloud, server, "lock").await;
    assert_eq!(locked.status, 202, "{}", locked.body);
    let refused = plan(&compute, &running).await.expect_err("it is locked");
    let refused = chain(&refused).join(": ");
    assert!(refused.contains("locked"), "{refused}");
    act(&cloud, server, "unlock").await;

    assert!(planned.apply(&ctx, &compute).await.expect("started").changed());
    let after = show(&cloud, server).await;
    assert_eq!((&after["status"], &after["OS-EXT-STS:power_state"]), (&json!("ACTIVE"), &json!(1)));
    let absent = "00000000-0000-4000-8000-00000000dead";
    assert_eq!(act(&cloud, absent, "os-start").await.status, 404);
    plan(&compute, &GuestRunning::new(absent)).await.expect_err("there is none");
    let near = GuestRunning::new(format!("{name}x"));
    plan(&compute, &near).await.expect_err("a near match is another server");
}

async fn act(cloud: &Arc<dyn Transport>, server: &str, action: &str) -> Response {
    let path = ["servers", server, "action"];
    let body = json!({ action: null });
    send(cloud, Request::new(Service::Compute, Method::Post, &path).body(body)).await
}

async fn show(cloud: &Arc<dyn Transport>, server: &str) -> Value {
    let request = Request::new(Service::Compute, Method::Get, &["servers", server]);
    let request = Request { microversion: Some("2.9"), ..request };
    send(cloud, request).await.body["server"].clone()
}
