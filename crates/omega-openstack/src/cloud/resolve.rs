//! The configuration that results from named values.

use std::path::{Path, PathBuf};

use omega_core::{shown_address, url_words, values::Secret};
use url::Url;

use super::{
    ApplicationCredentialRef, AuthScope, CloudConfig, ConfigError, Credential, DomainRef,
    Interface, InvalidInterface, Origin, ProjectRef, UserRef,
    keys::{self, Meaning},
    values::{Sourced, Value, Values},
};
use crate::Service;

const SECRETS: &[&str] = &["password", "token", "application_credential_secret"];

/// What a URL must not have: the client fills templates in, and omega does not.
const TEMPLATES: [&str; 4] = ["{", "}", "%(", "$("];

impl Values {
    /// Returns the configuration of the cloud `cloud` from the values.
    pub(super) fn resolve(
        mut self,
        cloud: &str,
        home: Option<&Path>,
    ) -> Result<CloudConfig, ConfigError> {
        let mut resolver = Resolver { cloud, used: Vec::new(), values: &mut self };
        let auth_url = resolver.auth_url()?;
        let credential = resolver.credential()?;
        let scope = resolver.scope(&credential)?;
        let region = resolver.region()?;
        let interfaces = resolver.interfaces()?;
        let cacert = resolver.text("cacert")?.map(|path| expand(&path, home));
        let verify = resolver.verify()?;
        let endpoints = resolver.endpoints()?;
        resolver.own()?;
        let origins = resolver.used;
        let cloud = cloud.to_owned();
        Ok(CloudConfig {
            cloud,
            auth_url,
            credential,
            scope,
            region,
            interfaces,
            cacert,
            ca: None,
            verify,
            endpoints,
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
    fn take(&mut self, key: &str) -> Option<Value> {
        let Sourced { value, source, .. } = self.values.0.get(key)?.clone();
        let secret = SECRETS.contains(&key);
        let shown = if secret { "(secret)".to_owned() } else { value.text() };
        self.used.push(Origin { key: key.to_owned(), value: shown, source });
        Some(value)
    }

    fn text(&mut self, key: &str) -> Result<Option<String>, ConfigError> {
        match self.take(key) {
            None => Ok(None),
            Some(Value::Text(text) | Value::Flag(_, text)) => Ok(Some(text)),
            Some(Value::List(_)) => Err(self.invalid(key, "it is a list, and one value is needed")),
        }
    }

    fn require(&mut self, key: &str, next: &str) -> Result<String, ConfigError> {
        self.text(key)?.ok_or_else(|| self.missing(key, next))
    }

    fn auth_url(&mut self) -> Result<Url, ConfigError> {
        let text = self.require("auth_url", "set it to the URL of Keystone")?;
        let mut url = self.url("auth_url", &text)?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err(self.invalid("auth_url", "it has a query: it ends with its path"));
        }
        // Some write the whole address that a login is sent to.
        let path = url.path().trim_end_matches('/');
        if let Some(bare) = path.strip_suffix("/auth/tokens").map(str::to_owned) {
            url.set_path(&bare);
        }
        Ok(url)
    }

    fn url(&self, key: &str, text: &str) -> Result<Url, ConfigError> {
        if TEMPLATES.iter().any(|template| text.contains(template)) {
            return Err(self.invalid(key, "it is a template: write the address itself"));
        }
        let url = url(text).map_err(|why| self.invalid(key, &why))?;
        if !url.username().is_empty() || url.password().is_some() {
            let why = "a user or a password in it would be shown with the URL";
            return Err(self.invalid(key, why));
        }
        Ok(url)
    }

    fn region(&mut self) -> Result<Option<String>, ConfigError> {
        let Some(region) = self.text("region_name")? else { return Ok(None) };
        if region.contains(',') {
            return Err(self.invalid("region_name", "it has several names: choose one"));
        }
        if TEMPLATES.iter().any(|template| region.contains(template)) {
            return Err(self.invalid("region_name", "it is a template: write the name itself"));
        }
        Ok(Some(region))
    }

    fn interfaces(&mut self) -> Result<Vec<Interface>, ConfigError> {
        let names = match self.take("interface") {
            None => return Ok(vec![Interface::default()]),
            Some(Value::List(names)) => names,
            Some(value @ (Value::Text(_) | Value::Flag(..))) => vec![value.text()],
        };
        let parsed = names.iter().map(|name| name.parse()).collect::<Result<_, InvalidInterface>>();
        parsed.map_err(|error| self.invalid("interface", &error.to_string()))
    }

    fn endpoints(&mut self) -> Result<Vec<(Service, Url)>, ConfigError> {
        let mut endpoints = Vec::new();
        for service in keys::services() {
            let keys = ["endpoint_override", "endpoint"].into_iter().flat_map(|what| {
                keys::names_of(service).iter().map(move |name| format!("{name}_{what}"))
            });
            let keys: Vec<_> = keys.filter(|key| self.values.has(key)).collect();
            let Some(key) = keys.first() else { continue };
            let Some(text) = self.text(key)? else { continue };
            endpoints.push((service, self.url(key, &text)?));
        }
        Ok(endpoints)
    }

    /// Refuses a region, an interface or a version of one service that is not the general one.
    fn own(&self) -> Result<(), ConfigError> {
        for (key, Sourced { value, .. }) in &self.values.0 {
            match keys::meaning(key) {
                Meaning::Own { of, general } => {
                    let same = match general.and_then(|general| self.values.0.get(general)) {
                        Some(general) => general.value.is(value),
                        None => {
                            general == Some("interface")
                                && value.is(&Value::Text(Interface::default().to_string()))
                        }
                    };
                    if !same {
                        let why = format!(
                            "omega has no setting of its own for {of}: use {}_endpoint_override",
                            keys::names_of(of).first().copied().unwrap_or("SERVICE")
                        );
                        return Err(self.invalid(key, &why));
                    }
                }
                Meaning::IdentityVersion if !value.text().starts_with('3') => {
                    return Err(self.invalid(key, "omega speaks version 3 of Keystone's API only"));
                }
                Meaning::IdentityVersion
                | Meaning::Value { .. }
                | Meaning::Endpoint(_)
                | Meaning::Unsupported(_)
                | Meaning::Other => {}
            }
        }
        Ok(())
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
        let said = self.text("auth_type")?;
        match self.method(said.as_deref())? {
            Method::Password => {
                let user = self.user(Method::Password)?;
                let next = "set it as OS_PASSWORD, or in a secure.yaml beside clouds.yaml";
                let password = Secret::from(self.require("password", next)?);
                Ok(Credential::Password { user, password })
            }
            Method::Token => {
                let token = self.require("token", "set it as OS_TOKEN")?;
                Ok(Credential::Token(token.into()))
            }
            Method::ApplicationCredential => {
                let which = match self.text("application_credential_id")? {
                    Some(id) => ApplicationCredentialRef::Id(id),
                    None => ApplicationCredentialRef::Named {
                        name: self.require(
                            "application_credential_name",
                            "set it, or application_credential_id",
                        )?,
                        user: self.user(Method::ApplicationCredential)?,
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

    fn user(&mut self, method: Method) -> Result<UserRef, ConfigError> {
        if let Some(id) = self.text("user_id")? {
            return Ok(UserRef::Id(id));
        }
        let name = self.require("username", "set it to the user who logs in")?;
        Ok(UserRef::Named { name, domain: self.domain("user_domain", method)? })
    }

    /// Returns the domain of a user or a project: by id, by name, or the default one. With a project, a
    /// lone `domain_id` or `domain_name` is that of both.
    fn domain(&mut self, of: &str, method: Method) -> Result<DomainRef, ConfigError> {
        let both = self.values.has("project_id") || self.values.has("project_name");
        let lone = |name: &str| if both { vec![name.to_owned()] } else { Vec::new() };
        for id in [format!("{of}_id")].into_iter().chain(lone("domain_id")) {
            if let Some(id) = self.text(&id)? {
                return Ok(DomainRef::Id(id));
            }
        }
        for name in [format!("{of}_name")].into_iter().chain(lone("domain_name")) {
            if let Some(name) = self.text(&name)? {
                return Ok(DomainRef::Name(name));
            }
        }
        for id in ["default_domain_id", "default_domain"] {
            if let Some(id) = self.text(id)? {
                return Ok(DomainRef::Id(id));
            }
        }
        if let Some(name) = self.text("default_domain_name")? {
            return Ok(DomainRef::Name(name));
        }
        if method != Method::Password {
            let next = format!("set it, or {of}_id: only with a password `default` is assumed");
            return Err(self.missing(&format!("{of}_name"), &next));
        }
        let source = "assumed, as the openstack client does".to_owned();
        self.used.push(Origin { key: format!("{of}_id"), value: "default".to_owned(), source });
        Ok(DomainRef::Id("default".to_owned()))
    }

    fn scope(&mut self, credential: &Credential) -> Result<AuthScope, ConfigError> {
        if let Credential::ApplicationCredential { .. } = credential {
            return Ok(AuthScope::Unscoped);
        }
        let system = self.text("system_scope")?;
        if let Some(other) = system.as_ref().filter(|scope| *scope != "all") {
            return Err(self.invalid("system_scope", &format!("{other:?} is not `all`")));
        }
        let narrower = ["project_id", "project_name", "domain_id", "domain_name"];
        let narrower = narrower.into_iter().find(|key| self.values.has(key));
        if let (Some(_), Some(key)) = (&system, narrower) {
            let why = format!("a login has one scope, and {key} is another: remove one of them");
            return Err(self.invalid("system_scope", &why));
        }
        if let Some(id) = self.text("project_id")? {
            return Ok(AuthScope::Project(ProjectRef::Id(id)));
        }
        if let Some(name) = self.text("project_name")? {
            let method = match credential {
                Credential::Password { .. } => Method::Password,
                Credential::Token(_) => Method::Token,
                Credential::ApplicationCredential { .. } => Method::ApplicationCredential,
            };
            let domain = self.domain("project_domain", method)?;
            return Ok(AuthScope::Project(ProjectRef::Named { name, domain }));
        }
        if let Some(id) = self.text("domain_id")? {
            return Ok(AuthScope::Domain(DomainRef::Id(id)));
        }
        if let Some(name) = self.text("domain_name")? {
            return Ok(AuthScope::Domain(DomainRef::Name(name)));
        }
        Ok(if system.is_some() { AuthScope::System } else { AuthScope::Unscoped })
    }

    /// Returns whether certificates are verified. What the client would take for something else than the
    /// wish not to is refused.
    fn verify(&mut self) -> Result<bool, ConfigError> {
        let insecure = match self.take("insecure") {
            None => false,
            Some(Value::Flag(flag, _)) => flag,
            Some(Value::Text(text)) if text.eq_ignore_ascii_case("true") => true,
            Some(Value::Text(text)) if text.eq_ignore_ascii_case("false") => false,
            Some(Value::Text(_) | Value::List(_)) => {
                return Err(self.invalid("insecure", "neither true nor false"));
            }
        };
        let verify = match self.take("verify") {
            None => true,
            Some(Value::Flag(flag, _)) => flag,
            Some(Value::Text(text)) if text.eq_ignore_ascii_case("true") => true,
            Some(Value::Text(_) | Value::List(_)) => {
                let why = "the openstack client takes this text for the path of a CA: write the path as \
                           cacert, or `insecure: true` to verify nothing";
                return Err(self.invalid("verify", why));
            }
        };
        Ok(verify && !insecure)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Method {
    Password,
    Token,
    ApplicationCredential,
}

fn url(text: &str) -> Result<Url, String> {
    let shown = shown_address(text);
    let url: Url =
        text.parse().map_err(|error| format!("{shown:?} is not a URL: {}", url_words(error)))?;
    if !["http", "https"].contains(&url.scheme()) || !url.has_host() {
        return Err(format!("{shown:?} is not http:// or https:// with a host"));
    }
    Ok(url)
}

fn expand(path: &str, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~/"), home) {
        (Some(rest), Some(home)) => home.join(rest),
        _ => PathBuf::from(path),
    }
}
