//! An application credential is accepted while it exists, and refused afterwards.

use std::sync::Arc;

use serde_json::{Value, json};

use super::send;
use crate::{
    LoginMethod, Method, Request, Service, Transport,
    identity::{CredentialStatus, check_application_credential},
};

/// `open` returns a new connection without a token for the credential with the id and the secret.
///
/// # Panics
///
/// Panics if the contract is broken.
#[expect(clippy::expect_used, reason = "a contract is a test")]
pub async fn application_credential<F>(cloud: Arc<dyn Transport>, open: F)
where
    F: AsyncFn(String, String) -> Arc<dyn Transport>,
{
    let grant = cloud.token_info().await.expect("a token");
    let user = grant.user.id;
    let make = async |name: &str, expires: Value| {
        let path = ["users", &user, "application_credentials"];
        let asked = json!({ "name": name, "expires_at": expires });
        let request = Request::new(Service::Identity, Method::Post, &path)
            .body(json!({ "application_credential": asked }));
        let answer = send(&cloud, request).await;
        assert_eq!(answer.status, 201, "{}", answer.body);
        let of = |key: &str| answer.body["application_credential"][key].as_str().map(str::to_owned);
        (of("id").expect("an id"), of("secret").expect("a secret"))
    };
    // Without a time zone, as Keystone accepts and returns it.
    let end = "2097-11-21T16:00:00.000000";
    let (id, secret) = make("omega-contract", json!(end)).await;
    let (decoy, decoys) = make("omega-contract-2", Value::Null).await;
    // The token says that it is restricted, as Keystone makes them if nothing else is asked.
    let login = open(id.clone(), secret.clone()).await.token_info().await.expect("a token").login;
    let name = "omega-contract".to_owned();
    assert_eq!(login, LoginMethod::ApplicationCredential { name, restricted: true });
    assert!(!matches!(grant.login, LoginMethod::ApplicationCredential { .. }));
    let ask = async |id: &str, secret: &str| {
        let opened = open(id.to_owned(), secret.to_owned()).await;
        check_application_credential(&*opened, Some(id)).await.expect("asked")
    };
    let accepted = ask(&id, &secret).await;
    let CredentialStatus::Accepted(accepted) = &accepted else { refused(&accepted) };
    assert_eq!(accepted.project, grant.project);
    assert!(!accepted.roles.is_empty(), "{accepted:?}");
    assert_eq!(accepted.expires.map(|end| end.to_string()), Some("2097-11-21T16:00:00Z".into()));
    let CredentialStatus::Refused { words } = ask(&id, &decoys).await else { not_refused() };
    assert_eq!(words, "The request you have made requires authentication.", "another's secret");

    let remove = async |id: &str| {
        let path = ["users", &user, "application_credentials", id];
        let answer = send(&cloud, Request::new(Service::Identity, Method::Delete, &path)).await;
        assert_eq!(answer.status, 204, "{}", answer.body);
    };
    remove(&id).await;
    let CredentialStatus::Refused { words } = ask(&id, &secret).await else { not_refused() };
    assert_eq!(words, format!("Could not find Application Credential: {id}."));
    let other = ask(&decoy, &decoys).await;
    let CredentialStatus::Accepted(other) = &other else { refused(&other) };
    assert_eq!(other.expires, None);
    remove(&decoy).await;
}

#[expect(clippy::panic, reason = "a contract is a test")]
fn refused(answer: &CredentialStatus) -> ! {
    panic!("not accepted: {answer:?}")
}

#[expect(clippy::panic, reason = "a contract is a test")]
fn not_refused() -> ! {
    panic!("a credential that is no good was accepted")
}
