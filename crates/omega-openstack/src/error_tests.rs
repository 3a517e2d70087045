use omega_core::{EnsureError, Failure, FailureClass};

use super::*;

#[test]
fn the_cloud_of_the_variables_is_said_in_words() {
    let login = |cloud: &str| Error::Login {
        cloud: cloud.to_owned(),
        user: "admin".to_owned(),
        next: None,
        source: Arc::new(Error::NoProject("p".to_owned())),
    };
    let words = "could not log in to the cloud of the OS_* variables as admin";
    assert_eq!(login(ENVIRONMENT).to_string(), words);
    assert_eq!(login("site").to_string(), "could not log in to site as admin");
}

/// Whatever the operation: a write that a signal ends is an interruption, and one that a deadline ends
/// is not.
#[test]
fn a_cancelled_write_is_an_interruption() {
    let failure = |timed_out| {
        let source = Error::Cancelled {
            request: "PUT image /v2/images/i/stage".to_owned(),
            timed_out,
            touched: Touched::Maybe,
        };
        Failure::from(EnsureError::Apply {
            subject: "image i on cloud c".to_owned(),
            change: "stage".to_owned(),
            touched: Touched::Nothing,
            source,
        })
    };
    let cancelled = failure(false);
    assert_eq!(cancelled.class, FailureClass::Interrupted);
    assert_eq!(cancelled.message, "stopped while changing image i on cloud c");
    assert!(cancelled.next.unwrap().starts_with("run the same command again"));
    assert_eq!(failure(true).class, FailureClass::Deadline);
    let error =
        Error::Cancelled { request: "GET".into(), timed_out: false, touched: Touched::Nothing };
    assert_eq!(Failure::from_error("could not read", &error).class, FailureClass::Interrupted);
}

#[test]
fn certificates_are_not_blamed_without_https() {
    for (url, next) in [
        ("http://10.0.0.1:9292/v2/images", "check the address, and the route to it"),
        ("https://10.0.0.1/v2/images", "check the address, the route to it, and cacert for HTTPS"),
    ] {
        let error = Error::Unreachable {
            request: "GET image /v2/images".to_owned(),
            url: url.to_owned(),
            cause: TransportCause::Other,
            touched: Touched::Nothing,
            source: "odd".into(),
        };
        assert_eq!(error.next().as_deref(), Some(next));
    }
}

/// Whoever answered: the service, or a proxy with a page of its own.
#[test]
fn every_refusal_says_what_to_do_next() {
    let refusal = |status, write, message: &str| Refusal {
        request: "GET network /v2.0/networks".to_owned(),
        write,
        status,
        kind: None,
        message: message.to_owned(),
        request_id: None,
        retry_after: None,
        url: None,
        next: None,
    };
    for status in (300..=308).chain(400..=431).chain(500..=511) {
        for write in [false, true] {
            for id in [None, Some("req-1".to_owned())] {
                let refusal = Refusal { request_id: id, ..refusal(status, write, "no") };
                let error = Error::Refused(Box::new(refusal));
                assert!(error.next().is_some(), "{error}, {write}");
            }
        }
    }
    let proxy = Error::Refused(Box::new(refusal(409, false, "from the proxy")));
    assert!(proxy.next().unwrap().starts_with("a proxy answered"), "{proxy}");
    let size = Error::Refused(Box::new(refusal(413, true, "from the proxy")));
    assert!(size.next().unwrap().contains("limit on the size"), "{size}");
}
