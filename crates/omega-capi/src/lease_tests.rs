use std::time::Duration;

use omega_core::{Diagnostic as _, FailureClass, Touched};

use super::*;
use crate::sim::{Apiserver, Fault};

fn client(server: &Apiserver) -> Management {
    Management::over(server.clone(), "https://mgmt (context admin)")
}

fn wanted(id: &str) -> LockWanted {
    let holder = LockHolder::this_process("alice", "omega-cli mint-kubeconfig");
    LockWanted { id: id.to_owned(), holder, instead_of: None }
}

async fn create(management: &Management, name: &str) -> Result<Value, Error> {
    let body = json!({ "metadata": { "name": name } });
    management.send(Verb::Create, "/api/v1/namespaces", &body).await
}

fn server() -> Apiserver {
    Apiserver::with_accounts("2026-11-21T12:00:00Z".parse().unwrap())
}

#[tokio::test(start_paused = true)]
async fn the_lease_names_its_holder_and_counts_its_holders() {
    let server = server();
    let management = client(&server);
    let lock = management.lease();
    for token in 1..=3 {
        let held = lock.acquire(&wanted("one")).await.unwrap();
        assert_eq!((held.token, held.id.as_str()), (token, "one"));
        let lease = server.lease(LEASE_NAMESPACE, LEASE_NAME).unwrap();
        assert_eq!(lease["spec"]["leaseTransitions"], token);
        assert_eq!(lease["spec"]["leaseDurationSeconds"], 120);
        let holder = lease["spec"]["holderIdentity"].as_str().unwrap();
        assert!(holder.starts_with("alice@") && holder.contains("mint-kubeconfig"), "{holder}");
        assert_eq!(client(&server).lease().held().await.unwrap(), Some(held));
        lock.release().await.unwrap();
        assert_eq!(lock.held().await.unwrap(), None);
        lock.release().await.unwrap();
    }
    assert_eq!((management.requests(), server.writes().len()), (0, 0), "counted by themselves");
    assert_eq!(management.lock_requests() + 3, server.lease_requests().len());
}

#[tokio::test(start_paused = true)]
async fn the_lease_expires_by_the_clock_of_the_server() {
    let server = server();
    let (first, second) = (client(&server).lease(), client(&server).lease());
    let one = first.acquire(&wanted("one")).await.unwrap();
    let refused = |refusal| match refusal {
        Err(LockRefusal::Held(held)) => held.id,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(second.acquire(&wanted("two")).await), "one");
    let other = LockWanted { instead_of: Some("three".to_owned()), ..wanted("two") };
    assert_eq!(refused(second.acquire(&other).await), "one", "only the id that is held");
    server.advance_leases(LOCK_LASTS.saturating_sub(Duration::from_secs(10)));
    first.renew().await.unwrap();
    server.advance_leases(LOCK_LASTS.saturating_sub(Duration::from_secs(10)));
    assert_eq!(refused(second.acquire(&wanted("two")).await), "one");
    server.advance_leases(Duration::from_secs(11));
    let two = second.acquire(&wanted("two")).await.unwrap();
    assert_eq!(two.token, one.token + 1);
    let lost = first.renew().await.unwrap_err();
    assert_eq!((lost.class, lost.touched), (FailureClass::Locked, Touched::Nothing));
    first.release().await.unwrap();
    assert_eq!(first.held().await.unwrap().unwrap().id, "two", "what is of another stays");
}

/// Kubernetes has no fencing token: the Lease is read before each write.
#[tokio::test(start_paused = true)]
async fn nothing_is_written_without_the_lock_that_was_taken() {
    let server = server();
    let (first, second) = (client(&server), client(&server));
    create(&first, "without-a-lock").await.unwrap();
    first.lease().acquire(&wanted("one")).await.unwrap();
    create(&first, "with-it").await.unwrap();
    let instead_of = Some("one".to_owned());
    second.lease().acquire(&LockWanted { instead_of, ..wanted("two") }).await.unwrap();
    let error = create(&first.clone(), "broken").await.unwrap_err();
    assert!(error.locked() && error.touched() == Touched::Nothing, "{error}");
    assert!(error.found().unwrap().contains("lock two of alice@"), "{error:?}");
    create(&second, "the-other").await.unwrap();
    server.advance_leases(LOCK_LASTS);
    assert!(create(&second, "too-late").await.unwrap_err().locked());
    assert_eq!(server.writes().len(), 3, "{:?}", server.writes());
}

#[tokio::test(start_paused = true)]
async fn a_missing_right_is_named() {
    let server = server();
    server.fail(Fault::Nobody);
    let management = client(&server);
    let Err(LockRefusal::Failed(failure)) = management.lease().acquire(&wanted("one")).await else {
        panic!("it was taken")
    };
    let right = "the right to get leases.coordination.k8s.io in default";
    assert_eq!(failure.expected.as_deref(), Some(right), "{failure:?}");
    server.clear_fault();
    let read_only = management.read_only();
    let Err(LockRefusal::Failed(failure)) = read_only.lease().acquire(&wanted("one")).await else {
        panic!("it was taken")
    };
    assert_eq!(failure.class, FailureClass::Refused, "{failure:?}");
    assert!(server.lease(LEASE_NAMESPACE, LEASE_NAME).is_none());
}

/// A request names its lock and the version that it replaces: it is sent again, and has its effect once.
#[tokio::test(start_paused = true)]
async fn an_answer_that_is_lost_costs_no_lock() {
    for lost in 0..8 {
        let server = server();
        // The first request is a look, the second takes the Lease; and again a look and the release.
        let nth = Arc::new(AtomicUsize::new(0));
        let flaky = tower::service_fn({
            let (server, nth) = (server.clone(), Arc::clone(&nth));
            move |request| {
                let (server, nth) = (server.clone(), nth.fetch_add(1, Ordering::Relaxed));
                async move {
                    let answer = tower::ServiceExt::oneshot(server, request).await;
                    if nth == lost / 2 {
                        let kind = std::io::ErrorKind::ConnectionReset;
                        let busy = http::Response::builder().status(503).header("retry-after", "1");
                        return match lost % 2 {
                            0 => Err(tower::BoxError::from(std::io::Error::from(kind))),
                            _ => Ok(busy.body(kube::client::Body::empty()).unwrap()),
                        };
                    }
                    answer
                }
            }
        });
        let lock = Management::over(flaky, "https://mgmt (context admin)").lease();
        let held = lock.acquire(&wanted("one")).await;
        assert_eq!(held.unwrap().token, 1, "{lost}");
        lock.release().await.unwrap();
        assert_eq!(client(&server).lease().held().await.unwrap(), None, "{lost}");
        assert!(nth.load(Ordering::Relaxed) > 4, "{lost}: something was sent again");
    }
}

/// What another program wrote is no reason to take its place.
#[tokio::test(start_paused = true)]
async fn a_lease_of_another_program_is_respected() {
    let server = server();
    let now = "2026-11-21T12:00:00.000000Z";
    let lease = json!({
        "metadata": { "name": "omega", "namespace": "default" },
        "spec": { "holderIdentity": "someone", "leaseDurationSeconds": 60, "renewTime": now, "later": 1 },
    });
    let management = client(&server);
    management.send_unlocked(Sent::once(Verb::Create), LEASES, &lease).await.unwrap();
    let Err(LockRefusal::Held(held)) = management.lease().acquire(&wanted("one")).await else {
        panic!("it was taken")
    };
    assert_eq!((held.id.as_str(), held.holder.who.as_str()), ("transition-0", "someone"));
    let instead_of = Some(held.id);
    let taken = management.lease().acquire(&LockWanted { instead_of, ..wanted("one") }).await;
    assert_eq!(taken.unwrap().token, 1);
}
