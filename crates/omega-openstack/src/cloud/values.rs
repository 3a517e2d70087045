//! Named values with their sources, and the configuration that results from them.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use omega_core::values::Secret;

use super::{
    ApplicationCredentialRef, AuthScope, CloudConfig, ConfigError, Credential, DomainRef, Origin,
    ProjectRef, UserRef,
};

/// Values by the names that clouds.yaml uses (`auth_url`, `project_name`).
#[derive(Clone, Default)]
pub(super) struct Values(BTreeMap<String, Sourced>);

#[derive(Clone)]
struct Sourced {
    value: String,
    source: String,
}

/// Old names of values.
const ALIASES: &[(&str, &str)] = &[
    ("tenant_id", "project_id"),
    ("tenant_name", "project_name"),
    ("endpoint_type", "interface"),
    ("user_name", "username"),
    ("region", "region_name"),
];

const SECRETS: &[&str] = &["password", "token", "application_credential_secret"];

impl Values {
    /// Sets a value. An empty one counts as unset, as in a shell.
    pub(super) fn set(&mut self, key: &str, value: &str, source: &str) {
        if value.is_empty() {
            return;
        }
        let new = ALIASES.iter().find(|(old, _)| *old == key).map(|(_, new)| *new);
        // The new name has priority over the old one, in any order.
        if new.is_some_and(|new| self.0.contains_key(new)) {
            return;
        }
        let sourced = Sourced { value: value.to_owned(), source: source.to_owned() };
        self.0.insert(new.unwrap_or(key).to_owned(), sourced);
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// Returns the configuration of the cloud `cloud` from the values.
    pub(super) fn resolve(
        mut self,
        cloud: &str,
        home: Option<&Path>,
    ) -> Result<CloudConfig, ConfigError> {
        let mut resolver = Resolver { cloud, used: Vec::new(), values: &mut self };
        let auth_url = resolver.require("auth_url", "set it to the URL of Keystone")?;
        let auth_url = url(&auth_url).map_err(|why| resolver.invalid("auth_url", &why))?;
        if !auth_url.username().is_empty() || auth_url.password().is_some() {
            let why = "a user or a password in it would be shown with the URL";
            return Err(resolver.invalid("auth_url", why));
        }
        let credential = resolver.credential()?;
        let scope = resolver.scope(&credential)?;
        let region = resolver.take("region_name");
        let interface = match resolver.take("interface") {
            Some(text) => text.parse().map_err(|error: super::InvalidInterface| {
                resolver.invalid("interface", &error.to_string())
            })?,
            None => super::Interface::default(),
        };
        let cacert = resolver.take("cacert").map(|path| expand(&path, home));
        let verify = resolver.verify()?;
        let origins = resolver.used;
        let cloud = cloud.to_owned();
        Ok(CloudConfig {
            cloud,
            auth_url,
            credential,
            scope,
            region,
            interface,
            cacert,
            ca: None,
            verify,
            endpoints: Vec::new(),
            origins,
        })
    }
}

struct Resolver<'a> {
    cloud: &'a str,
    used: Vec<Origin>,
    values: &'a mut Values,
}

impl Resolver<'_> {
    /// Takes a value and records where it came from.
    fn take(&mut self, key: &str) -> Option<String> {
        let Sourced { value, source } = self.values.0.get(key)?.clone();
        let secret = SECRETS.contains(&key);
        let shown = if secret { "(secret)".to_owned() } else { value.clone() };
        self.used.push(Origin { key: key.to_owned(), value: shown, source });
        Some(value)
    }

    fn require(&mut self, key: &str, next: &str) -> Result<String, ConfigError> {
        self.take(key).ok_or_else(|| self.missing(key, next))
    }

    fn missing(&self, what: &str, next: &str) -> ConfigError {
        let (what, next) = (what.to_owned(), next.to_owned());
        ConfigError::Missing { cloud: self.cloud.to_owned(), what, next }
    }

    fn invalid(&self, key: &str, why: &str) -> ConfigError {
        let source = self.values.0.get(key).map_or("nowhere", |sourced| &sourced.source);
        ConfigError::Invalid {
            cloud: self.cloud.to_owned(),
            key: key.to_owned(),
            source_: source.to_owned(),
            why: why.to_owned(),
        }
    }

    fn credential(&mut self) -> Result<Credential, ConfigError> {
        let said = self.take("auth_type");
        match self.method(said.as_deref())? {
            Method::Password => {
                let user = self.user()?;
                let next = "set it in secure.yaml or as OS_PASSWORD";
                let password = Secret::from(self.require("password", next)?);
                Ok(Credential::Password { user, password })
            }
            Method::Token => {
                let token = self.require("token", "set it as OS_TOKEN")?;
                Ok(Credential::Token(token.into()))
            }
            Method::ApplicationCredential => {
                let which = match self.take("application_credential_id") {
                    Some(id) => ApplicationCredentialRef::Id(id),
                    None => ApplicationCredentialRef::Named {
                        name: self.require(
                            "application_credential_name",
                            "set it, or application_credential_id",
                        )?,
                        user: self.user()?,
                    },
                };
                let next = "set it in secure.yaml";
                let secret = self.require("application_credential_secret", next)?.into();
                Ok(Credential::ApplicationCredential { which, secret })
            }
        }
    }

    fn method(&self, said: Option<&str>) -> Result<Method, ConfigError> {
        match said {
            Some("password" | "v3password") => Ok(Method::Password),
            Some("token" | "v3token") => Ok(Method::Token),
            Some("v3applicationcredential") => Ok(Method::ApplicationCredential),
            Some(other) => Err(self.invalid(
                "auth_type",
                &format!(
                    "{other:?} is not supported: password, v3token or v3applicationcredential"
                ),
            )),
            None if self.values.has("application_credential_secret") => {
                Ok(Method::ApplicationCredential)
            }
            None if self.values.has("token") && !self.values.has("password") => Ok(Method::Token),
            None => Ok(Method::Password),
        }
    }

    fn user(&mut self) -> Result<UserRef, ConfigError> {
        if let Some(id) = self.take("user_id") {
            return Ok(UserRef::Id(id));
        }
        let name = self.require("username", "say who is to log in")?;
        Ok(UserRef::Named { name, domain: self.domain("user_domain") })
    }

    /// Returns the domain of a user or a project: by id, by name, or the default one.
    fn domain(&mut self, of: &str) -> DomainRef {
        if let Some(id) = self.take(&format!("{of}_id")) {
            return DomainRef::Id(id);
        }
        if let Some(name) = self.take(&format!("{of}_name")) {
            return DomainRef::Name(name);
        }
        if let Some(id) = self.take("default_domain") {
            return DomainRef::Id(id);
        }
        let source = "assumed, as the openstack client does".to_owned();
        self.used.push(Origin { key: format!("{of}_id"), value: "default".to_owned(), source });
        DomainRef::Id("default".to_owned())
    }

    fn scope(&mut self, credential: &Credential) -> Result<AuthScope, ConfigError> {
        if let Credential::ApplicationCredential { .. } = credential {
            return Ok(AuthScope::Unscoped);
        }
        if let Some(id) = self.take("project_id") {
            return Ok(AuthScope::Project(ProjectRef::Id(id)));
        }
        if let Some(name) = self.take("project_name") {
            let domain = self.domain("project_domain");
            return Ok(AuthScope::Project(ProjectRef::Named { name, domain }));
        }
        if let Some(id) = self.take("domain_id") {
            return Ok(AuthScope::Domain(DomainRef::Id(id)));
        }
        if let Some(name) = self.take("domain_name") {
            return Ok(AuthScope::Domain(DomainRef::Name(name)));
        }
        match self.take("system_scope").as_deref() {
            None => Ok(AuthScope::Unscoped),
            Some("all") => Ok(AuthScope::System),
            Some(other) => Err(self.invalid("system_scope", &format!("{other:?} is not `all`"))),
        }
    }

    fn verify(&mut self) -> Result<bool, ConfigError> {
        let truth = |text: &str| match text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" | "1" => Some(true),
            "false" | "no" | "off" | "0" => Some(false),
            _ => None,
        };
        for (key, means) in [("insecure", false), ("verify", true)] {
            if let Some(text) = self.take(key) {
                let said = truth(&text);
                let said = said.ok_or_else(|| self.invalid(key, "neither true nor false"))?;
                return Ok(said == means);
            }
        }
        Ok(true)
    }
}

enum Method {
    Password,
    Token,
    ApplicationCredential,
}

fn url(text: &str) -> Result<url::Url, String> {
    let url: url::Url = text.parse().map_err(|error| format!("{text:?} is not a URL ({error})"))?;
    if !["http", "https"].contains(&url.scheme()) || !url.has_host() {
        return Err(format!("{text:?} is not http:// or https:// with a host"));
    }
    Ok(url)
}

fn expand(path: &str, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
}
