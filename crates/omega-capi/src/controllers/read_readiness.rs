use std::time::{Duration, Instant};

use jiff::{Timestamp, fmt::rfc2822};

use crate::{Error, Management};

/// The readiness of an API server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Readiness {
    /// Whether all of its checks pass.
    pub ready: bool,
    /// The failed checks (`etcd failed: reason withheld`).
    pub failed: Vec<String>,
    /// What answered, if that is not an API server: the page of a proxy.
    pub not_kubernetes: Option<String>,
    /// Its clock, to the second.
    pub clock: Option<Timestamp>,
    /// How long the response took.
    pub took: Duration,
}

/// Reads `GET /readyz?verbose`, for which every authenticated user has the right (the role
/// system:public-info-viewer).
///
/// # Errors
///
/// Fails if the server does not answer. A failed check is not an error.
pub async fn read_readiness(management: &Management) -> Result<Readiness, Error> {
    let began = Instant::now();
    let (code, date, body) = management.answer("/readyz?verbose").await?;
    let took = began.elapsed();
    let clock = date.and_then(|date| rfc2822::parse(&date).ok()).map(|zoned| zoned.timestamp());
    let failed = body.lines().filter_map(|line| line.strip_prefix("[-]")).map(str::to_owned);
    let failed: Vec<String> = failed.collect();
    // The page of a proxy can have status 200, too.
    let ready = code == 200 && (body.trim() == "ok" || body.contains("readyz check passed"));
    let answer = format!("HTTP {code}: {}", body.chars().take(200).collect::<String>());
    // An API server that refuses the request itself answers with a Status.
    let is_status = serde_json::from_str::<serde_json::Value>(&body)
        .is_ok_and(|body| body.get("kind").is_some_and(|kind| kind == "Status"));
    let (failed, not_kubernetes) = match (ready || !failed.is_empty(), is_status) {
        (true, _) => (failed, None),
        (false, true) => (vec![answer], None),
        (false, false) => (failed, Some(answer)),
    };
    Ok(Readiness { ready, failed, not_kubernetes, clock, took })
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http::{Request, Response};
    use kube::client::Body;

    use super::read_readiness;
    use crate::{Error, Management};

    fn answers(code: u16, body: &'static str) -> Management {
        let service = tower::service_fn(move |_: Request<Body>| async move {
            let answer =
                Response::builder().status(code).header("Date", "Sat, 21 Nov 2026 16:00:01 GMT");
            Ok::<_, Infallible>(answer.body(Body::from(body.as_bytes().to_vec())).unwrap())
        });
        Management::over(service, "test")
    }

    #[tokio::test]
    async fn a_check_that_fails_is_named_and_is_no_error() {
        let ill =
            answers(500, "[+]ping ok\n[-]etcd failed: reason withheld\nreadyz check failed\n");
        let told = read_readiness(&ill).await.unwrap();
        assert!(!told.ready);
        assert_eq!(told.failed, ["etcd failed: reason withheld"]);
        assert_eq!(told.clock.unwrap().to_string(), "2026-11-21T16:00:01Z");
        let well =
            read_readiness(&answers(200, "[+]ping ok\nreadyz check passed\n")).await.unwrap();
        assert!(well.ready && well.failed.is_empty());
        let proxy = read_readiness(&answers(502, "<html>Bad Gateway")).await.unwrap();
        assert_eq!(proxy.not_kubernetes.as_deref(), Some("HTTP 502: <html>Bad Gateway"));
        let page = read_readiness(&answers(200, "<html>It works!")).await.unwrap();
        assert_eq!(
            (page.ready, page.not_kubernetes.as_deref()),
            (false, Some("HTTP 200: <html>It works!"))
        );
        let busy = answers(429, r#"{"kind": "Status", "message": "too many requests"}"#);
        let busy = read_readiness(&busy).await.unwrap();
        assert_eq!((busy.failed.len(), busy.not_kubernetes), (1, None));
        let refused = read_readiness(&answers(401, "{}")).await.unwrap_err();
        assert!(matches!(refused, Error::Unauthorized { .. }), "{refused:?}");
    }
}
