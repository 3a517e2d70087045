//! A kubeconfig, read the way both of its readers read it: magnum-capi-helm, and helm with kubectl.
//!
//! The driver (`magnum_capi_helm/kubernetes.py`, 1.1.0 to 1.4.0) reads YAML with `PyYAML`. It takes the
//! current context, a client certificate with its key or (from 1.3.0) a token, and a CA. It does not
//! support `exec`, `auth-provider`, `tokenFile`, `tls-server-name`, `proxy-url`, impersonation and
//! `insecure-skip-tls-verify`; and paths of other files are useless on another machine. helm and
//! kubectl (client-go) hold every entry to its type. What only one of them takes is refused with the
//! other's name. An empty text or null means that a field is absent, where it does for both.
//! `tests/oracle/run` compares this with both readers.

mod reader;
mod scalar;
mod types;
mod yaml;

use std::{fmt, net::IpAddr};

use base64::{
    Engine as _, alphabet,
    engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD, URL_SAFE_NO_PAD},
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::json;
use url::{Host, Url};

use crate::{
    Diagnostic, Retry, Touched,
    values::{Secret, Sha256},
};
pub use reader::Reader;
use yaml::Node;

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
    /// When its token expires, if it has one that says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_expires: Option<Timestamp>,
    /// The service account whose token it has, as `NAMESPACE/NAME`, if it has one that says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
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
    reader: Option<Reader>,
}

impl KubeconfigError {
    /// Returns the reader that would refuse it although the other takes it; none if neither can use
    /// it, or if a field is not supported.
    pub fn reader(&self) -> Option<Reader> {
        self.reader
    }
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
    Err(KubeconfigError { why: why.into(), next: next.into(), reader: None })
}

/// `reader` refuses it because of `why`.
fn refused_by(reader: Reader, why: &str, next: &str) -> KubeconfigError {
    let why = format!("{why}: {reader} refuses that");
    KubeconfigError { why, next: next.to_owned(), reader: Some(reader) }
}

fn driver<T>(why: &str, next: &str) -> Result<T, KubeconfigError> {
    Err(refused_by(Reader::Driver, why, next))
}

/// The parser's message may quote the file, so only the line and the column are repeated.
fn is_no_kubeconfig(place: Option<(usize, usize)>) -> KubeconfigError {
    let place =
        place.map_or_else(String::new, |(line, column)| format!(" (line {line}, column {column})"));
    KubeconfigError {
        why: format!("it is truncated, or not a kubeconfig in YAML{place}"),
        next: "compare its size and its last line with the original".to_owned(),
        reader: None,
    }
}

const FLATTEN: &str = "write a self-contained one: kubectl config view --minify --flatten --raw";

/// Go's standard encoding (`encoding/base64`), without its line breaks.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
);

/// Decodes base64 in lines. Anything else between is refused, as Go does.
fn base64(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text.replace(['\r', '\n'], "")).ok()
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
        let document = document(&bytes)?;
        let current = current(&document)?;
        types::check(&document)?;
        let server = server(current.cluster)?;
        let ca_pem = ca(current.cluster)?;
        let credential = credential(current.user)?;
        let (sha256, size) = (bytes.digest(), bytes.expose().len());
        let (token_expires, account) = match &credential {
            Credential::Token(token) => (token_expires(token.expose()), account(token.expose())),
            Credential::Certificate { .. } => (None, None),
        };
        let auth = credential.kind()?;
        let context = current.context;
        let facts =
            KubeconfigFacts { sha256, size, context, server, ca_pem, auth, token_expires, account };
        Ok(Self { bytes, facts })
    }

    /// Returns a kubeconfig that says the same of the current context, in the plainest form: each parser
    /// takes it alike.
    ///
    /// # Errors
    ///
    /// Fails as [`Kubeconfig::read`] does.
    pub fn plain(&self) -> Result<Secret, KubeconfigError> {
        let document = document(&self.bytes)?;
        let credential = credential(current(&document)?.user)?;
        let KubeconfigFacts { context, server, ca_pem, .. } = &self.facts;
        let new = NewKubeconfig {
            cluster: context,
            user: context,
            server,
            ca_pem: ca_pem.as_deref(),
            credential: match &credential {
                Credential::Token(token) => NewCredential::Token(token),
                Credential::Certificate { certificate_pem, key_pem } => {
                    NewCredential::Certificate { certificate_pem, key_pem }
                }
            },
        };
        new.text()
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
    /// Returns when its credential expires: its client certificate, or a token that says so.
    pub fn expires(&self) -> Option<Timestamp> {
        match &self.auth {
            AuthKind::ClientCertificate { not_after, .. } => Some(*not_after),
            AuthKind::Token => self.token_expires,
        }
    }

    /// Returns whether its credential expires within [`RENEW_WITHIN`] of `now`.
    pub fn expires_soon(&self, now: Timestamp) -> bool {
        expires_soon(self.expires(), now)
    }

    /// Returns why it can't be used at `now`: its client certificate or token has expired or is not
    /// valid yet.
    pub fn validity_error(&self, now: Timestamp) -> Option<KubeconfigError> {
        let (what, not_before) = match &self.auth {
            AuthKind::ClientCertificate { not_before, .. } => {
                ("client certificate", Some(*not_before))
            }
            AuthKind::Token => ("token", None),
        };
        let expired = self.expires().filter(|end| *end <= now);
        let early = not_before.filter(|begin| *begin > now);
        let (why, next) = match (expired, early) {
            (Some(end), _) => {
                let why = format!("its {what} expired on {end}");
                (why, "get a new one from the management cluster")
            }
            (None, Some(begin)) => {
                let why = format!("its {what} is not valid before {begin}");
                (why, "wait, or check the clock of this machine")
            }
            (None, None) => return None,
        };
        Some(KubeconfigError { why, next: next.to_owned(), reader: None })
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

/// How long before its end a credential should be renewed.
pub const RENEW_WITHIN: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Returns whether `expires` is within [`RENEW_WITHIN`] of `now`.
pub fn expires_soon(expires: Option<Timestamp>, now: Timestamp) -> bool {
    let soon = now.checked_add(RENEW_WITHIN).ok();
    expires.zip(soon).is_some_and(|(end, soon)| end <= soon)
}

/// Returns when a token of a service account expires; `None` if it does not say so. Its signature is
/// not verified: only the API server can do that.
pub fn token_expires(token: &[u8]) -> Option<Timestamp> {
    #[derive(Deserialize)]
    struct Claims {
        exp: i64,
    }
    let claims: Claims = claims(token)?;
    Timestamp::from_second(claims.exp).ok()
}

/// Returns the service account that a token names: `system:serviceaccount:NAMESPACE:NAME`
/// (apiserver 0.34, `pkg/authentication/serviceaccount/util.go`).
fn account(token: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Claims {
        sub: String,
    }
    let claims: Claims = claims(token)?;
    let (namespace, name) = claims.sub.strip_prefix("system:serviceaccount:")?.split_once(':')?;
    Some(format!("{namespace}/{name}"))
}

/// Parses the payload of a JSON Web Token.
fn claims<T: DeserializeOwned>(token: &[u8]) -> Option<T> {
    let text = std::str::from_utf8(token).ok()?;
    let mut parts = text.split('.');
    let (_, claims, _) = (parts.next()?, parts.next()?, parts.next()?);
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
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

fn document(bytes: &Secret) -> Result<Node, KubeconfigError> {
    let Ok(text) = std::str::from_utf8(bytes.expose()) else {
        return no("it is not text", FLATTEN);
    };
    if text.trim().is_empty() {
        return no("it is empty", "check the command that wrote it");
    }
    let document = yaml::read(text)?;
    if !matches!(document, Node::Map(_)) {
        return Err(is_no_kubeconfig(Some((1, 1))));
    }
    Ok(document)
}

/// The current context, and what it names.
struct Current<'a> {
    context: String,
    cluster: &'a Node,
    user: &'a Node,
}

fn current(document: &Node) -> Result<Current<'_>, KubeconfigError> {
    let use_context = "kubectl config use-context NAME --kubeconfig FILE";
    let is_empty = |list: &str| match document.get(list) {
        Some(Node::List(all)) => all.is_empty(),
        Some(Node::Scalar(_) | Node::Map(_)) | None => true,
    };
    // kubectl writes the users last.
    if is_empty("users") {
        return no("it has no users: is the file complete?", "get it from the cluster again");
    }
    let Some(context) = text(document, "current-context")? else {
        return no("it has no current context", use_context);
    };
    let Some(entry) = named(document, "contexts", "context", &context)? else {
        return no(format!("its current context `{context}` is not in it"), use_context);
    };
    let (cluster, user) = (text(entry, "cluster")?, text(entry, "user")?);
    let (cluster, user) = (cluster.unwrap_or_default(), user.unwrap_or_default());
    match (
        named(document, "clusters", "cluster", &cluster)?,
        named(document, "users", "user", &user)?,
    ) {
        (Some(cluster), Some(user)) => Ok(Current { context, cluster, user }),
        (None, _) => no(format!("cluster `{cluster}` is not in it"), FLATTEN),
        (_, None) => no(format!("user `{user}` is not in it"), FLATTEN),
    }
}

/// Returns what the entry with this name in `list` holds. The driver looks at the name of each entry
/// before.
fn named<'a>(
    document: &'a Node,
    list: &str,
    what: &str,
    name: &str,
) -> Result<Option<&'a Node>, KubeconfigError> {
    let Some(Node::List(all)) = document.get(list) else { return Ok(None) };
    let mut found = None;
    for one in all {
        if one.get("name").is_none() {
            return driver(&format!("an entry of its {list} has no name"), FLATTEN);
        }
        if text(one, "name")?.as_deref() == Some(name) {
            found = one.get(what).filter(|value| !value.is_null());
        }
    }
    Ok(found)
}

/// Returns the text of a field; `None` if it is absent, null or empty.
fn text(of: &Node, key: &str) -> Result<Option<String>, KubeconfigError> {
    match of.get(key) {
        Some(found) if found.is_null() => Ok(None),
        Some(Node::Scalar(one)) if one.plain && !scalar::go_text(&one.text) => types::not_text(key),
        Some(Node::Scalar(one)) if one.plain && !scalar::py_text(&one.text) => {
            driver(&format!("{key} is not text without quotes"), "write the value in quotes")
        }
        Some(Node::Scalar(one)) => Ok(Some(one.text.clone()).filter(|text| !text.is_empty())),
        Some(Node::List(_) | Node::Map(_)) | None => Ok(None),
    }
}

/// Whether a field is there with a value that is not the zero value.
fn is_set(of: &Node, key: &str) -> bool {
    match of.get(key) {
        Some(found) if found.is_null() => false,
        Some(Node::Scalar(one)) if one.plain && scalar::go_bool(&one.text) == Some(false) => false,
        Some(Node::Scalar(one)) => !one.text.is_empty(),
        Some(Node::List(all)) => !all.is_empty(),
        Some(Node::Map(_)) => true,
        None => false,
    }
}

fn server(cluster: &Node) -> Result<Url, KubeconfigError> {
    let set = "kubectl config set-cluster NAME --server https://ADDRESS:6443";
    let text = text(cluster, "server")?.unwrap_or_default();
    let Ok(url) = text.trim_end_matches('/').parse::<Url>() else {
        return no(format!("its server `{text}` is not a URL"), set);
    };
    // The URL appears in plans, journals and messages.
    if !url.username().is_empty() || url.password().is_some() {
        return no("its server has a user or a password in it, which is not read", set);
    }
    if url.scheme() != "https" {
        return no(format!("its server `{url}` is not https"), set);
    }
    // A URL drops blanks, and the driver appends paths to the text.
    if text.contains(|c: char| c.is_whitespace() || c.is_control() || "?#\\".contains(c)) {
        return no(format!("its server `{url}` has blanks, a query or a fragment"), set);
    }
    if is_here(&url) {
        let next = format!("use an address that the units can reach: {set}");
        return no(format!("its server `{url}` is an address of the local machine"), next);
    }
    let unread = ["insecure-skip-tls-verify", "tls-server-name", "proxy-url"];
    match unread.into_iter().find(|key| is_set(cluster, key)) {
        Some(key) => no(
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

/// Returns what `KEY-data` holds; `None` if it is absent for both readers. The driver takes a `KEY` that
/// is there for the path of a file, and a `KEY-data` that is there for the file's content, empty or not.
/// It fails on null.
fn data(of: &Node, key: &str) -> Result<Option<Vec<u8>>, KubeconfigError> {
    let name = format!("{key}-data");
    let content = of.get(&name);
    if of.get(key).is_some() && content.is_some() {
        let why = format!("it has an empty `{key}` beside `{name}`");
        return driver(&why, &format!("remove the line `{key}`"));
    }
    let Some(content) = content else { return Ok(None) };
    if content.is_null() {
        return driver(&format!("its `{name}` is null"), &format!("remove the line `{name}`"));
    }
    // That it is base64 was checked.
    let bytes = text(of, &name)?.and_then(|text| base64(&text));
    Ok(Some(bytes.unwrap_or_default()))
}

/// The driver takes an empty file for one.
fn empty<T>(key: &str) -> Result<T, KubeconfigError> {
    driver(&format!("its `{key}-data` is empty"), &format!("remove the line `{key}-data`"))
}

fn ca(cluster: &Node) -> Result<Option<String>, KubeconfigError> {
    if let Some(path) = text(cluster, "certificate-authority")? {
        return no(format!("its CA is in a separate file (`{path}`)"), FLATTEN);
    }
    let Some(pem) = data(cluster, "certificate-authority")? else { return Ok(None) };
    if pem.is_empty() {
        return empty("certificate-authority");
    }
    match String::from_utf8(pem) {
        Ok(pem) if certificate(pem.as_bytes()).is_some() => Ok(Some(pem)),
        Ok(_) | Err(_) => no("its certificate-authority-data is not a certificate", FLATTEN),
    }
}

/// What the driver authenticates with.
enum Credential {
    Token(Secret),
    Certificate { certificate_pem: String, key_pem: Secret },
}

impl Credential {
    fn kind(&self) -> Result<AuthKind, KubeconfigError> {
        let Self::Certificate { certificate_pem, .. } = self else { return Ok(AuthKind::Token) };
        match certificate(certificate_pem.as_bytes()) {
            Some((subject, not_before, not_after)) => {
                Ok(AuthKind::ClientCertificate { subject, not_before, not_after })
            }
            None => no("its client-certificate-data is not a certificate", FLATTEN),
        }
    }
}

fn credential(user: &Node) -> Result<Credential, KubeconfigError> {
    let unread = [
        ("exec", "an exec plugin"),
        ("auth-provider", "an auth plugin"),
        ("tokenFile", "a token file"),
        ("username", "a user name and password"),
        ("password", "a user name and password"),
        ("as", "impersonation"),
        ("as-uid", "impersonation"),
        ("as-groups", "impersonation"),
        ("as-user-extra", "impersonation"),
    ];
    if let Some((_, what)) = unread.into_iter().find(|(key, _)| is_set(user, key)) {
        let next = "use one with a client certificate or a token in it";
        return no(format!("it authenticates by {what}, which the driver does not support"), next);
    }
    for key in ["client-certificate", "client-key"] {
        if let Some(path) = text(user, key)? {
            let why = format!("its client certificate or key is in a separate file (`{path}`)");
            return no(why, FLATTEN);
        }
    }
    let (certificate, key) = (data(user, "client-certificate")?, data(user, "client-key")?);
    match (certificate, key, text(user, "token")?) {
        (Some(certificate), Some(_), _) if certificate.is_empty() => empty("client-certificate"),
        (Some(_), Some(key), _) if key.is_empty() => empty("client-key"),
        (Some(certificate), Some(key), _) => {
            let key_pem = Secret::new(key);
            let Ok(certificate_pem) = String::from_utf8(certificate) else {
                return no("its client-certificate-data is not a certificate", FLATTEN);
            };
            if !key_pem.expose().starts_with(b"-----BEGIN ") || !is_whole(key_pem.expose()) {
                return no("its client-key-data is not a key", FLATTEN);
            }
            Ok(Credential::Certificate { certificate_pem, key_pem })
        }
        // No header has such characters.
        (_, _, Some(token)) if token.contains(|c: char| c != '\t' && !(' '..='~').contains(&c)) => {
            driver("its token has a line break or is not ASCII", "write it on one line")
        }
        (None, _, Some(token)) => Ok(Credential::Token(Secret::from(token))),
        (Some(certificate), None, Some(token)) if certificate.is_empty() => {
            Ok(Credential::Token(Secret::from(token)))
        }
        (Some(_), None, Some(_)) => Err(refused_by(
            Reader::Go,
            "it has a token, and a client certificate without its key",
            "remove the client certificate",
        )),
        (_, _, None) => {
            driver("it has neither a client certificate with its key nor a token", FLATTEN)
        }
    }
}

/// Whether no block of `pem` is cut off.
fn is_whole(pem: &[u8]) -> bool {
    let Ok(text) = str::from_utf8(pem) else { return false };
    text.matches("-----").count() == 4 * text.matches("-----BEGIN ").count()
}

/// Returns the digest of the first certificate in `pem`, in DER: two spellings of one certificate have
/// the same.
pub fn certificate_digest(pem: &[u8]) -> Option<Sha256> {
    let (_, pem) = x509_parser::pem::parse_x509_pem(pem).ok()?;
    pem.parse_x509().ok()?;
    Some(Sha256::of(&pem.contents))
}

/// Returns the subject and the validity of the first certificate in `pem`, in which none is cut off.
fn certificate(pem: &[u8]) -> Option<(String, Timestamp, Timestamp)> {
    if !is_whole(pem) {
        return None;
    }
    let (_, pem) = x509_parser::pem::parse_x509_pem(pem).ok()?;
    let certificate = pem.parse_x509().ok()?;
    let validity = certificate.validity();
    let time = |t: x509_parser::time::ASN1Time| Timestamp::from_second(t.timestamp()).ok();
    let (begin, end) = (time(validity.not_before)?, time(validity.not_after)?);
    Some((certificate.subject().to_string(), begin, end))
}

#[cfg(test)]
#[path = "kubeconfig_reader_tests.rs"]
mod reader_tests;
#[cfg(test)]
#[path = "kubeconfig_tests.rs"]
mod tests;
