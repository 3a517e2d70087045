//! A kubeconfig that omega writes.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;
use url::Url;

use super::{KubeconfigError, error::no};
use crate::values::Secret;

/// What a kubeconfig with one cluster, one user and one context is made of.
#[derive(Clone, Copy, Debug)]
pub struct NewKubeconfig<'a> {
    /// The name of the cluster.
    pub cluster: &'a str,
    /// The name of the user and of the context.
    pub user: &'a str,
    /// The API server.
    pub server: &'a Url,
    /// The CA bundle of the API server, in PEM. `None` means the machine's own.
    pub ca_pem: Option<&'a str>,
    /// What the user authenticates with.
    pub credential: NewCredential<'a>,
}

/// What a new kubeconfig authenticates with.
#[derive(Clone, Copy, Debug)]
pub enum NewCredential<'a> {
    /// A bearer token.
    Token(&'a Secret),
    /// A client certificate.
    Certificate {
        /// The certificate, in PEM.
        certificate_pem: &'a str,
        /// Its private key, in PEM.
        key_pem: &'a Secret,
    },
}

impl NewKubeconfig<'_> {
    /// Returns the text, which needs no other file.
    ///
    /// # Errors
    ///
    /// Fails if a token is not text.
    pub fn text(&self) -> Result<Secret, KubeconfigError> {
        let Self { cluster, user, server, ca_pem, credential } = self;
        let next = "check what issued it";
        let credential = match credential {
            NewCredential::Token(token) => match std::str::from_utf8(token.expose()) {
                Ok(token) => json!({ "token": token }),
                Err(_) => return no("its token is not text", next),
            },
            NewCredential::Certificate { certificate_pem, key_pem } => json!({
                "client-certificate-data": STANDARD.encode(certificate_pem),
                "client-key-data": STANDARD.encode(key_pem.expose()),
            }),
        };
        let server = server.as_str().trim_end_matches('/');
        let mut at = json!({ "server": server });
        if let (Some(pem), Some(at)) = (ca_pem, at.as_object_mut()) {
            at.insert("certificate-authority-data".to_owned(), json!(STANDARD.encode(pem)));
        }
        let document = json!({
            "apiVersion": "v1", "kind": "Config",
            "clusters": [{ "name": cluster, "cluster": at }],
            "users": [{ "name": user, "user": credential }],
            "contexts": [{ "name": user, "context": { "cluster": cluster, "user": user } }],
            "current-context": user,
        });
        // One line for each value, so that a person can find and cut it.
        let options = serde_saphyr::ser_options! { prefer_block_scalars: false };
        match serde_saphyr::to_string_with_options(&document, options) {
            Ok(text) => Ok(Secret::from(text)),
            Err(_) => no("it can't be written as YAML", next),
        }
    }
}
