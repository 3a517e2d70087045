//! A kubeconfig, read the way magnum-capi-helm reads it.
//!
//! The driver (`magnum_capi_helm/kubernetes.py`, 1.1.0 to 1.4.0) takes the current context, the
//! first entry of each name, a client certificate with its key or (from 1.3.0) a token, and a CA.
//! It does not support `exec`, `auth-provider`, `tokenFile`, `tls-server-name`, `proxy-url` and
//! `insecure-skip-tls-verify`; and paths of other files are useless on another machine.

use std::{fmt, net::IpAddr};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use url::{Host, Url};

use crate::{
    Diagnostic, Retry, Touched,
    values::{Secret, Sha256},
};

/// A kubeconfig that the driver can use, and the bytes it was read from.
#[derive(Clone, Debug)]
pub struct Kubeconfig {
    /// The bytes, as they will be written.
    pub bytes: Secret,
    /// What may be shown of it.
    pub facts: KubeconfigFacts,
}

/// What a kubeconfig says, without its secrets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KubeconfigFacts {
    /// The digest of the whole file.
    pub sha256: Sha256,
    /// Its size in bytes.
    pub size: usize,
    /// The current context's name.
    pub context: String,
    /// The API server of the current context.
    pub server: Url,
    /// The CA bundle of the current context, in PEM. `None` means the machine's own.
    pub ca_pem: Option<String>,
    /// How the driver will authenticate.
    pub auth: AuthKind,
}

/// How a kubeconfig authenticates.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthKind {
    /// With a client certificate.
    ClientCertificate {
        /// Its subject.
        subject: String,
        /// When it begins to be valid.
        not_before: Timestamp,
        /// When it expires.
        not_after: Timestamp,
    },
    /// With a bearer token, which driver 1.1.0 and 1.2.x can't use.
    Token,
}

/// Why the driver can't use a kubeconfig.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the kubeconfig can't be used: {why}")]
pub struct KubeconfigError {
    why: String,
    next: String,
}

impl Diagnostic for KubeconfigError {
    fn retry(&self) -> Retry {
        Retry::Final
    }

    fn next(&self) -> Option<String> {
        Some(self.next.clone())
    }
    fn touched(&self) -> Touched {
        Touched::Nothing
    }
}

fn no<T>(why: impl Into<String>, next: impl Into<String>) -> Result<T, KubeconfigError> {
    Err(KubeconfigError { why: why.into(), next: next.into() })
}

const FLATTEN: &str = "write a self-contained one: kubectl config view --minify --flatten --raw";

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Wire {
    current_context: Option<String>,
    #[serde(default)]
    contexts: Vec<Named>,
    #[serde(default)]
    clusters: Vec<Named>,
    #[serde(default)]
    users: Vec<Named>,
}

#[derive(Deserialize)]
struct Named {
    name: String,
    context: Option<Context>,
    cluster: Option<Cluster>,
    user: Option<User>,
}

#[derive(Clone, Deserialize)]
struct Context {
    cluster: String,
    user: String,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Cluster {
    server: Option<String>,
    certificate_authority: Option<String>,
    certificate_authority_data: Option<String>,
    #[serde(default)]
    insecure_skip_tls_verify: bool,
    tls_server_name: Option<String>,
    proxy_url: Option<String>,
}

#[derive(Clone, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct User {
    client_certificate: Option<String>,
    client_certificate_data: Option<String>,
    client_key: Option<String>,
    client_key_data: Option<String>,
    token: Option<String>,
    #[serde(rename = "tokenFile")]
    token_file: Option<String>,
    exec: Option<serde::de::IgnoredAny>,
    auth_provider: Option<serde::de::IgnoredAny>,
    username: Option<String>,
}

impl Kubeconfig {
    /// Reads `bytes` and refuses what the driver could not use at `now`.
    ///
    /// # Errors
    ///
    /// Names the first problem and the remedy.
    pub fn parse(bytes: Secret, now: Timestamp) -> Result<Self, KubeconfigError> {
        let read = Self::read(bytes)?;
        match read.facts.validity_error(now) {
            Some(error) => Err(error),
            None => Ok(read),
        }
    }

    /// Does the same without looking at the time: the client certificate may have expired.
    ///
    /// # Errors
    ///
    /// Names the first problem and the remedy.
    pub fn read(bytes: Secret) -> Result<Self, KubeconfigError> {
        let wire = read(&bytes)?;
        let (name, cluster, user) = current(&wire)?;
        let server = server(&cluster)?;
        let ca_pem = ca(&cluster)?;
        let auth = auth(&user)?;
        let (sha256, size) = (bytes.digest(), bytes.expose().len());
        let facts = KubeconfigFacts { sha256, size, context: name, server, ca_pem, auth };
        Ok(Self { bytes, facts })
    }
}

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

impl KubeconfigFacts {
    /// Returns why it can't be used at `now`: its client certificate has expired or is not valid yet.
    pub fn validity_error(&self, now: Timestamp) -> Option<KubeconfigError> {
        let AuthKind::ClientCertificate { not_before, not_after, .. } = &self.auth else {
            return None;
        };
        let (why, next) = if *not_after <= now {
            let why = format!("its client certificate expired on {not_after}");
            (why, "get a new one from the management cluster")
        } else if *not_before > now {
            let why = format!("its client certificate is not valid before {not_before}");
            (why, "wait, or check the clock of this machine")
        } else {
            return None;
        };
        Some(KubeconfigError { why, next: next.to_owned() })
    }

    /// Returns the host and the port of the API server.
    pub fn endpoint(&self) -> (String, u16) {
        let host = match self.server.host() {
            Some(Host::Domain(name)) => name.to_owned(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(address)) => address.to_string(),
            None => String::new(),
        };
        (host, self.server.port_or_known_default().unwrap_or(443))
    }
}

impl fmt::Display for AuthKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ClientCertificate { subject: _, not_before: _, not_after } => {
                write!(f, "client certificate expires {}", day(*not_after))
            }
            Self::Token => f.write_str("token"),
        }
    }
}

fn day(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d").to_string()
}

fn read(bytes: &Secret) -> Result<Wire, KubeconfigError> {
    let Ok(text) = std::str::from_utf8(bytes.expose()) else {
        return no("it is not text", FLATTEN);
    };
    if text.trim().is_empty() {
        return no("it is empty", "check the command that wrote it");
    }
    // The parser's message may quote the file, so only the place is repeated.
    serde_saphyr::from_str(text).or_else(|error| {
        let place = error.location().map_or_else(String::new, |place| {
            format!(" (line {}, column {})", place.line(), place.column())
        });
        no(
            format!("it is truncated, or not a kubeconfig in YAML{place}"),
            "compare its size and its last line with the original",
        )
    })
}

fn current(wire: &Wire) -> Result<(String, Cluster, User), KubeconfigError> {
    let use_context = "kubectl config use-context NAME --kubeconfig FILE";
    // kubectl writes the users last.
    if wire.users.is_empty() {
        return no("it has no users: is the file complete?", "get it from the cluster again");
    }
    let Some(name) = wire.current_context.clone().filter(|name| !name.is_empty()) else {
        return no("it has no current context", use_context);
    };
    // As the driver does: the first of each name.
    let Some(context) = first(&wire.contexts, &name).and_then(|named| named.context.clone()) else {
        return no(format!("its current context `{name}` is not in it"), use_context);
    };
    let cluster = first(&wire.clusters, &context.cluster).and_then(|named| named.cluster.clone());
    let user = first(&wire.users, &context.user).and_then(|named| named.user.clone());
    match (cluster, user) {
        (Some(cluster), Some(user)) => Ok((name, cluster, user)),
        (None, _) => no(format!("cluster `{}` is not in it", context.cluster), FLATTEN),
        (_, None) => no(format!("user `{}` is not in it", context.user), FLATTEN),
    }
}

fn first<'a>(list: &'a [Named], name: &str) -> Option<&'a Named> {
    list.iter().find(|named| named.name == name)
}

fn server(cluster: &Cluster) -> Result<Url, KubeconfigError> {
    let text = cluster.server.as_deref().unwrap_or_default();
    let set = "kubectl config set-cluster NAME --server https://ADDRESS:6443";
    let Ok(url) = text.parse::<Url>() else {
        return no(format!("its server `{text}` is not a URL"), set);
    };
    // The URL appears in plans, journals and messages.
    if !url.username().is_empty() || url.password().is_some() {
        return no("its server has a user or a password in it, which is not read", set);
    }
    if url.scheme() != "https" {
        return no(format!("its server `{url}` is not https"), set);
    }
    if is_here(&url) {
        let next = format!("use an address that the units can reach: {set}");
        return no(format!("its server `{url}` is an address of the local machine"), next);
    }
    let unread = [
        (cluster.insecure_skip_tls_verify, "insecure-skip-tls-verify"),
        (cluster.tls_server_name.is_some(), "tls-server-name"),
        (cluster.proxy_url.is_some(), "proxy-url"),
    ];
    match unread.into_iter().find(|(set, _)| *set) {
        Some((_, key)) => no(
            format!("it uses `{key}`, which the driver does not read"),
            "use a server address that the server's certificate covers, and the CA of that certificate",
        ),
        None => Ok(url),
    }
}

/// Whether the address is that of the local machine. Loopback addresses other than 127.0.0.1 are
/// used on purpose (network namespaces, test clouds) and count as remote.
fn is_here(url: &Url) -> bool {
    let ip: IpAddr = match url.host() {
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.');
            return name == "localhost" || name.ends_with(".localhost");
        }
        Some(Host::Ipv4(ip)) => ip.into(),
        Some(Host::Ipv6(ip)) => IpAddr::V6(ip).to_canonical(),
        None => return true,
    };
    ip.is_unspecified() || ip == IpAddr::from([127, 0, 0, 1]) || (ip.is_ipv6() && ip.is_loopback())
}

fn ca(cluster: &Cluster) -> Result<Option<String>, KubeconfigError> {
    if let Some(path) = &cluster.certificate_authority {
        return no(format!("its CA is in a separate file (`{path}`)"), FLATTEN);
    }
    let Some(data) = &cluster.certificate_authority_data else { return Ok(None) };
    let pem = STANDARD.decode(data).ok().and_then(|pem| String::from_utf8(pem).ok());
    match pem {
        Some(pem) if certificate(pem.as_bytes()).is_some() => Ok(Some(pem)),
        Some(_) | None => no("its certificate-authority-data is not a certificate", FLATTEN),
    }
}

fn auth(user: &User) -> Result<AuthKind, KubeconfigError> {
    let unread = [
        (user.exec.is_some(), "an exec plugin"),
        (user.auth_provider.is_some(), "an auth plugin"),
        (user.token_file.is_some(), "a token file"),
        (user.username.is_some(), "a user name and password"),
    ];
    if let Some((_, what)) = unread.into_iter().find(|(set, _)| *set) {
        let next = "use one with a client certificate or a token in it";
        return no(format!("it authenticates by {what}, which the driver does not support"), next);
    }
    if let Some(path) = user.client_certificate.as_ref().or(user.client_key.as_ref()) {
        return no(
            format!("its client certificate or key is in a separate file (`{path}`)"),
            FLATTEN,
        );
    }
    match (&user.client_certificate_data, &user.client_key_data, &user.token) {
        (Some(certificate), Some(key), _) => client_certificate(certificate, key),
        (_, _, Some(token)) if !token.is_empty() => Ok(AuthKind::Token),
        _ => no("it has neither a client certificate with its key nor a token", FLATTEN),
    }
}

fn client_certificate(data: &str, key: &str) -> Result<AuthKind, KubeconfigError> {
    let pem = STANDARD.decode(data).unwrap_or_default();
    let Some((subject, not_before, not_after)) = certificate(&pem) else {
        return no("its client-certificate-data is not a certificate", FLATTEN);
    };
    let key = Secret::new(STANDARD.decode(key).unwrap_or_default());
    if !key.expose().starts_with(b"-----BEGIN ") {
        return no("its client-key-data is not a key", FLATTEN);
    }
    Ok(AuthKind::ClientCertificate { subject, not_before, not_after })
}

/// Returns the digest of the first certificate in `pem`, in DER: two spellings of one certificate have
/// the same.
pub fn certificate_digest(pem: &[u8]) -> Option<Sha256> {
    let (_, pem) = x509_parser::pem::parse_x509_pem(pem).ok()?;
    pem.parse_x509().ok()?;
    Some(Sha256::of(&pem.contents))
}

/// Returns the subject and the validity of the first certificate in `pem`.
fn certificate(pem: &[u8]) -> Option<(String, Timestamp, Timestamp)> {
    let (_, pem) = x509_parser::pem::parse_x509_pem(pem).ok()?;
    let certificate = pem.parse_x509().ok()?;
    let validity = certificate.validity();
    let time = |t: x509_parser::time::ASN1Time| Timestamp::from_second(t.timestamp()).ok();
    let (begin, end) = (time(validity.not_before)?, time(validity.not_after)?);
    Some((certificate.subject().to_string(), begin, end))
}

#[cfg(test)]
#[path = "kubeconfig_tests.rs"]
mod tests;
