//! A cloud's address, the user and the scope: one value, valid by construction.

use std::{fmt, path::PathBuf, str::FromStr};

use omega_core::values::{Secret, Sha256};
use serde_json::{Value, json};
use url::Url;

use crate::{Error, Name, Service};

/// Everything that a [`Session`](crate::Session) needs, and where each value came from.
#[derive(Clone, Debug)]
pub struct CloudConfig {
    /// The cloud's name: the entry of clouds.yaml, or where the variables came from.
    pub cloud: String,
    /// Keystone's URL, with or without `/v3`.
    pub auth_url: Url,
    /// The user.
    pub credential: Credential,
    /// The scope of the token.
    pub scope: AuthScope,
    /// The region, if the catalog has several.
    pub region: Option<String>,
    /// Which endpoints to use: the first of these that a service has.
    pub interfaces: Vec<Interface>,
    /// The CA that signed the services' certificates, a PEM file. By default the machine's own.
    pub cacert: Option<PathBuf>,
    /// The same as text, if it is not a file on this machine. It has priority over `cacert`.
    pub ca: Option<Secret>,
    /// Whether certificates are verified. `false` only if the configuration sets it.
    pub verify: bool,
    /// Where a service is, whatever the catalog says.
    pub endpoints: Vec<(Service, Url)>,
    /// Each value with its source; secrets are not shown.
    pub origins: Vec<Origin>,
}

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Origin {
    /// The name of the value (`auth_url`).
    pub key: String,
    /// The value, or a placeholder for a secret.
    pub value: String,
    /// The source (`/home/op/.config/openstack/clouds.yaml`, `OS_AUTH_URL`).
    pub source: String,
}

/// How to authenticate.
#[derive(Clone, Debug)]
pub enum Credential {
    /// A user's password.
    Password {
        /// The user.
        user: UserRef,
        /// The password.
        password: Secret,
    },
    /// An existing token.
    Token(Secret),
    /// An application credential, which has its own scope.
    ApplicationCredential {
        /// The credential.
        which: ApplicationCredentialRef,
        /// Its secret.
        secret: Secret,
    },
}

/// A user by id, or by name within a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserRef {
    /// By id.
    Id(String),
    /// By name.
    Named {
        /// The name.
        name: String,
        /// Its domain.
        domain: DomainRef,
    },
}

/// An application credential by id, or by name within its user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApplicationCredentialRef {
    /// By id.
    Id(String),
    /// By name.
    Named {
        /// The name.
        name: String,
        /// Its user.
        user: UserRef,
    },
}

/// A domain by id or by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DomainRef {
    /// By id.
    Id(String),
    /// By name.
    Name(String),
}

/// A project by id, or by name within a domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProjectRef {
    /// By id.
    Id(String),
    /// By name.
    Named {
        /// The name.
        name: String,
        /// Its domain.
        domain: DomainRef,
    },
}

/// The scope of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthScope {
    /// A project.
    Project(ProjectRef),
    /// A domain.
    Domain(DomainRef),
    /// The whole deployment.
    System,
    /// No scope, or that of the credential.
    Unscoped,
}

/// The kind of a service's endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Interface {
    /// The public one.
    #[default]
    Public,
    /// The one for services.
    Internal,
    /// The one for administrators.
    Admin,
}

impl Interface {
    /// Returns its name in a catalog.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Internal => "internal",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Interface {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Not the name of an interface.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an interface: {0:?} (public, internal or admin)")]
pub struct InvalidInterface(String);

impl FromStr for Interface {
    type Err = InvalidInterface;
    /// Parses a name, also as older clients write it (`internalURL`).
    fn from_str(text: &str) -> Result<Self, InvalidInterface> {
        match text.strip_suffix("URL").unwrap_or(text) {
            "public" => Ok(Self::Public),
            "internal" => Ok(Self::Internal),
            "admin" => Ok(Self::Admin),
            _ => Err(InvalidInterface(text.to_owned())),
        }
    }
}

impl CloudConfig {
    /// Returns the same user on the same cloud, scoped to `project`.
    ///
    /// The scope is replaced completely, so nothing of an administrator's own project is left in it.
    /// An application credential is bound to the project that it was created in. If that is not
    /// `project`, the login fails with [`crate::Error::OtherProject`].
    #[must_use]
    pub fn in_project(&self, project: ProjectRef, source: &str) -> Self {
        let mut narrowed = self.clone();
        narrowed.origins.retain(|origin| !origin.is_scope());
        for (key, value) in project.parts() {
            narrowed.origins.push(Origin {
                key: key.to_owned(),
                value: value.to_owned(),
                source: source.to_owned(),
            });
        }
        narrowed.scope = AuthScope::Project(project);
        narrowed
    }

    /// Returns the same with a service at another address than the catalog's.
    #[must_use]
    pub fn at_endpoint(mut self, service: Service, url: Url) -> Self {
        self.endpoints.retain(|(known, _)| *known != service);
        self.endpoints.push((service, url));
        self
    }

    /// Returns the CA that the configuration names, as PEM. None: the machine's own CAs are trusted.
    ///
    /// # Errors
    ///
    /// Fails if the file can't be read, or is not text.
    pub fn ca_pem(&self) -> Result<Option<String>, Error> {
        let Some((pem, name)) = crate::session::given_ca(self)? else { return Ok(None) };
        let no_text =
            |_| Error::Tls { cloud: self.cloud.clone(), why: format!("{name} is not text") };
        String::from_utf8(pem).map(Some).map_err(no_text)
    }

    /// Checks that a client can be made: that the CA it names can be read and used. Nothing is sent.
    ///
    /// # Errors
    ///
    /// As [`Session::new`](crate::Session::new).
    pub fn check_tls(&self) -> Result<(), Error> {
        crate::session::client(self, crate::Limits::default()).map(drop)
    }

    /// Returns the cloud and the scope, as the operator named them.
    pub fn label(&self) -> String {
        match (&self.scope, &self.credential) {
            (AuthScope::Project(project), _) => format!("cloud {}, project {project}", self.cloud),
            (AuthScope::Domain(domain), _) => format!("cloud {}, domain {domain}", self.cloud),
            (AuthScope::System, _) => format!("cloud {}, system scope", self.cloud),
            (AuthScope::Unscoped, Credential::ApplicationCredential { which, .. }) => {
                format!("cloud {}, {which}", self.cloud)
            }
            (AuthScope::Unscoped, Credential::Password { .. } | Credential::Token(_)) => {
                format!("cloud {}, no scope", self.cloud)
            }
        }
    }

    /// Returns the user who logs in.
    pub(crate) fn who(&self) -> String {
        match &self.credential {
            Credential::Password { user, .. } => user.to_string(),
            Credential::Token(_) => "the owner of the token".to_owned(),
            Credential::ApplicationCredential { which, .. } => which.to_string(),
        }
    }

    /// Returns the body of `POST /v3/auth/tokens`. It contains the secret.
    pub(crate) fn login_body(&self) -> Value {
        let mut auth = json!({ "identity": self.credential.identity() });
        // An application credential has its own scope; Keystone rejects another one.
        let bound = matches!(self.credential, Credential::ApplicationCredential { .. });
        if let (false, Some(scope)) = (bound, self.scope.wire())
            && let Some(auth) = auth.as_object_mut()
        {
            auth.insert("scope".to_owned(), scope);
        }
        json!({ "auth": auth })
    }

    /// Returns a text that distinguishes tokens of different logins. It contains no secret.
    pub(crate) fn token_key(&self) -> Sha256 {
        let who = match &self.credential {
            Credential::Password { user, .. } => user.wire(),
            Credential::Token(token) => json!(token.digest().to_string()),
            Credential::ApplicationCredential { which, .. } => which.wire(),
        };
        let key = json!([self.auth_url.as_str(), who, self.scope.wire()]);
        Sha256::of(key.to_string().as_bytes())
    }

    /// Returns what distinguishes logins of different users, and with different secrets. It is never
    /// stored.
    pub(crate) fn credential_key(&self) -> Sha256 {
        let key = json!([self.auth_url.as_str(), self.credential.identity()]);
        Sha256::of(key.to_string().as_bytes())
    }
}

impl Origin {
    fn is_scope(&self) -> bool {
        let keys = ["project_id", "project_name", "project_domain_id", "project_domain_name"];
        keys.contains(&self.key.as_str())
            || ["domain_id", "domain_name", "system_scope"].contains(&self.key.as_str())
    }
}

fn text(secret: &Secret) -> String {
    String::from_utf8_lossy(secret.expose()).into_owned()
}

impl Credential {
    fn identity(&self) -> Value {
        match self {
            Self::Password { user, password } => {
                let mut user = user.wire();
                if let Some(user) = user.as_object_mut() {
                    user.insert("password".to_owned(), json!(text(password)));
                }
                json!({ "methods": ["password"], "password": { "user": user } })
            }
            Self::Token(token) => json!({ "methods": ["token"], "token": { "id": text(token) } }),
            Self::ApplicationCredential { which, secret } => {
                let mut which = which.wire();
                if let Some(which) = which.as_object_mut() {
                    which.insert("secret".to_owned(), json!(text(secret)));
                }
                json!({ "methods": ["application_credential"], "application_credential": which })
            }
        }
    }
}

impl UserRef {
    fn wire(&self) -> Value {
        match self {
            Self::Id(id) => json!({ "id": id }),
            Self::Named { name, domain } => json!({ "name": name, "domain": domain.wire() }),
        }
    }
}

impl ApplicationCredentialRef {
    fn wire(&self) -> Value {
        match self {
            Self::Id(id) => json!({ "id": id }),
            Self::Named { name, user } => json!({ "name": name, "user": user.wire() }),
        }
    }
}

impl DomainRef {
    fn wire(&self) -> Value {
        match self {
            Self::Id(id) => json!({ "id": id }),
            Self::Name(name) => json!({ "name": name }),
        }
    }
}

impl ProjectRef {
    /// Returns whether it is `project`, of `domain`. Names are compared as in Keystone's database:
    /// ignoring case.
    pub(crate) fn is(&self, project: &Name, domain: Option<&Name>) -> bool {
        match self {
            Self::Id(id) => project.id == *id,
            Self::Named { name, domain: wanted } => {
                let home = domain.is_none_or(|domain| match wanted {
                    DomainRef::Id(id) => domain.id == *id,
                    DomainRef::Name(name) => domain.name.eq_ignore_ascii_case(name),
                });
                home && project.name.eq_ignore_ascii_case(name)
            }
        }
    }

    fn wire(&self) -> Value {
        match self {
            Self::Id(id) => json!({ "id": id }),
            Self::Named { name, domain } => json!({ "name": name, "domain": domain.wire() }),
        }
    }

    fn parts(&self) -> Vec<(&'static str, &str)> {
        match self {
            Self::Id(id) => vec![("project_id", id)],
            Self::Named { name, domain: DomainRef::Id(id) } => {
                vec![("project_name", name), ("project_domain_id", id)]
            }
            Self::Named { name, domain: DomainRef::Name(domain) } => {
                vec![("project_name", name), ("project_domain_name", domain)]
            }
        }
    }
}

impl AuthScope {
    fn wire(&self) -> Option<Value> {
        match self {
            Self::Project(project) => Some(json!({ "project": project.wire() })),
            Self::Domain(domain) => Some(json!({ "domain": domain.wire() })),
            Self::System => Some(json!({ "system": { "all": true } })),
            Self::Unscoped => None,
        }
    }
}

impl fmt::Display for UserRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "user {id}"),
            Self::Named { name, domain } => write!(f, "user {name} of domain {domain}"),
        }
    }
}

impl fmt::Display for ApplicationCredentialRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "application credential {id}"),
            Self::Named { name, user } => write!(f, "application credential {name} of {user}"),
        }
    }
}

impl fmt::Display for DomainRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(text) | Self::Name(text) => f.write_str(text),
        }
    }
}

impl fmt::Display for ProjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(text) | Self::Named { name: text, .. } => f.write_str(text),
        }
    }
}
