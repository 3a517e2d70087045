//! Keystone's application credentials: created, read by their owner, used, deleted.

use serde_json::{Value, json};

use super::{
    recorded::recorded,
    state::{State, Who},
};
use crate::{
    Error, LoginMethod, Method, Name, Request, Response, TokenInfo, service_response::accept,
};

/// An application credential.
#[derive(Clone, Debug)]
pub(super) struct AppCredential {
    pub(super) id: String,
    pub(super) project: String,
    /// Its user has lost a role, or it has expired: Keystone's answer is the same.
    pub(super) lapsed: bool,
    /// Whether it may make other credentials.
    pub(super) unrestricted: bool,
    secret: String,
    user: String,
    name: String,
    expires_at: Value,
}

impl State {
    /// Creates one; returns its id and secret.
    pub(super) fn new_credential(
        &mut self,
        project: &str,
        user: &str,
        name: &str,
    ) -> (String, String) {
        let (id, secret) = (self.id().replace('-', ""), format!("secret-{}", self.serial()));
        self.credentials.push(AppCredential {
            id: id.clone(),
            project: project.to_owned(),
            lapsed: false,
            unrestricted: false,
            secret: secret.clone(),
            user: user.to_owned(),
            name: name.to_owned(),
            expires_at: Value::Null,
        });
        (id, secret)
    }

    /// Answers requests about application credentials only.
    pub(super) fn application_credentials(
        &mut self,
        who: &Who,
        request: &Request,
    ) -> Option<Response> {
        let path: Vec<_> = request.path.iter().map(String::as_str).collect();
        let ["users", user, "application_credentials", rest @ ..] = path.as_slice() else {
            return None;
        };
        match (request.method, rest) {
            (Method::Post, []) => {
                let asked = request.json()?.get("application_credential")?;
                let name = asked["name"].as_str()?;
                let (id, secret) = self.new_credential(&who.project, user, name);
                let made = self.credentials.last_mut()?;
                made.expires_at = asked["expires_at"].clone();
                let mut body = json!({ "application_credential": made.show() });
                body["application_credential"]["id"] = json!(id);
                body["application_credential"]["secret"] = json!(secret);
                Some(Response::new(201, body))
            }
            (Method::Get, []) => {
                let ours = self.credentials.iter().filter(|one| one.user == *user);
                let all: Vec<_> = ours.map(AppCredential::show).collect();
                Some(Response::new(200, json!({ "application_credentials": all, "links": {} })))
            }
            (Method::Get, [id]) => {
                let one = self.credentials.iter().find(|one| one.id == *id)?;
                let body = json!({ "application_credential": one.show() });
                Some(Response::new(200, body))
            }
            (Method::Delete, [id]) => {
                self.credentials.retain(|one| one.id != *id);
                Some(Response::new(204, Value::Null))
            }
            _ => None,
        }
    }

    /// Answers a login.
    pub(super) fn log_in(
        &self,
        id: &str,
        secret: &str,
        request: &Request,
    ) -> Result<TokenInfo, Error> {
        let Some(one) = self.credentials.iter().find(|one| one.id == id) else {
            let gone = recorded!("keystone-credential-deleted");
            let path = "/body/auth/identity/application_credential/id";
            let was = gone.request.pointer(path).and_then(Value::as_str).unwrap_or_default();
            return Err(refused(request, gone.about(was, id)));
        };
        if one.lapsed || one.secret != secret {
            return Err(refused(request, recorded!("keystone-credential-expired").unchanged()));
        }
        let token = recorded!("keystone-credential-201").body["token"].clone();
        let names = |value: &Value| value["name"].as_str().map(str::to_owned);
        let roles = token["roles"].as_array().into_iter().flatten().filter_map(names).collect();
        let name = self.projects.iter().find(|(_, id)| *id == one.project);
        let name = name.map(|(name, _)| name.clone()).unwrap_or_default();
        let user = Name { id: one.user.clone(), name: one.user.clone() };
        let project = Some(Name { id: one.project.clone(), name });
        let catalog = serde_json::from_value(token["catalog"].clone()).unwrap_or_default();
        let login = LoginMethod::ApplicationCredential {
            name: one.name.clone(),
            restricted: !one.unrestricted,
        };
        Ok(TokenInfo { login, ..TokenInfo::new(user, project, roles, catalog) })
    }
}

impl AppCredential {
    fn show(&self) -> Value {
        let itself = recorded!("keystone-credential-itself-200");
        let mut shown = itself.body["application_credential"].clone();
        shown["id"] = json!(self.id);
        shown["name"] = json!(self.name);
        shown["user_id"] = json!(self.user);
        shown["project_id"] = json!(self.project);
        shown["expires_at"] = self.expires_at.clone();
        shown
    }
}

/// The client's error for this answer.
fn refused(request: &Request, answer: Response) -> Error {
    match accept(request, answer) {
        Ok(answer) => Error::malformed(request, None, format!("{} to a login", answer.status)),
        Err(error) => error,
    }
}
