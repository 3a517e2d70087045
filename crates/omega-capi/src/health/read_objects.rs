use futures::future::join_all;

use super::{Answer, Answers};
use crate::{Error, Management};

/// Reads all `paths` ([`super::HealthFacts::paths`]) at the same time.
///
/// Every path has an answer. A failure is an answer too: [`super::classify_health`] needs it.
pub async fn read_objects(management: &Management, paths: &[String]) -> Answers {
    let read = |path: &String| {
        let path = path.clone();
        async move {
            let answer = match management.get(&path, "application/json").await {
                Ok(body) => Answer::of(200, &body),
                Err(error) => answer(error),
            };
            (path, answer)
        }
    };
    Answers(join_all(paths.iter().map(read)).await.into_iter().collect())
}

fn answer(error: Error) -> Answer {
    match error {
        Error::Status { code, message, .. } => Answer::Status { code, message },
        Error::Unauthorized { .. } => Answer::Status { code: 401, message: "Unauthorized".into() },
        Error::Forbidden { message, .. } | Error::NotAdmitted { message, .. } => {
            Answer::Status { code: 403, message }
        }
        Error::Malformed { .. } => Answer::NotAnObject,
        Error::Config { .. }
        | Error::NoManagement { .. }
        | Error::Unreachable { .. }
        | Error::Deadline { .. }
        | Error::Fenced { .. }
        | Error::ReadOnly(_) => Answer::Nothing { why: error.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use http::{Request, Response};
    use kube::client::Body;

    use super::read_objects;
    use crate::{
        Management,
        health::{Answer, Answers, Object},
    };

    #[tokio::test]
    async fn every_path_has_an_answer() {
        let service = tower::service_fn(|request: Request<Body>| async move {
            let (code, body): (u16, &[u8]) = match request.uri().path() {
                "/found" => (200, br#"{"metadata": {"name": "c"}}"#),
                "/unserved" => (404, b"404 page not found\n"),
                "/refused" => (401, br#"{"kind": "Status", "code": 401, "status": "Failure"}"#),
                "/forbidden" => {
                    (403, br#"{"kind": "Status", "code": 403, "status": "Failure", "message": "no"}"#)
                }
                "/ill" => (500, br#"{"kind": "Status", "code": 500, "status": "Failure", "message": "conversion webhook"}"#),
                "/binary" => (200, b"\xff"),
                "/text" => (200, b"<html>"),
                _ => return Err("connection reset"),
            };
            Ok(Response::builder().status(code).body(Body::from(body.to_vec())).unwrap())
        });
        let management = Management::over(service, "test");
        let status = |code, message: &str| Answer::Status { code, message: message.to_owned() };
        let expected = [
            ("/found", Answer::Object(Object { name: "c".into(), ..Object::default() })),
            ("/unserved", status(404, "404 page not found")),
            ("/refused", status(401, "Unauthorized")),
            ("/forbidden", status(403, "no")),
            ("/ill", status(500, "conversion webhook")),
            ("/binary", Answer::NotAnObject),
            ("/text", Answer::NotAnObject),
            (
                "/lost",
                Answer::Nothing {
                    why: "test can't be reached: the exchange failed (connection reset)".into(),
                },
            ),
        ];
        let paths: Vec<String> = expected.iter().map(|(path, _)| (*path).to_owned()).collect();
        let answers = read_objects(&management, &paths).await;
        let expected = expected.map(|(path, answer)| (path.to_owned(), answer));
        assert_eq!(answers, Answers(expected.into_iter().collect()));
        assert_eq!(management.requests(), paths.len());
    }
}
