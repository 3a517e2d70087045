//! Named values with their sources, and the configuration that results from them.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use omega_core::values::Secret;
use url::Url;

use super::{
    ApplicationCredentialRef, AuthScope, CloudConfig, ConfigError, Credential, DomainRef,
    Interface, InvalidInterface, Origin, ProjectRef, UserRef,
    keys::{self, Meaning},
};
use crate::Service;

/// Values by the names that clouds.yaml uses (`auth_url`, `project_name`).
#[derive(Clone, Default)]
pub(super) struct Values(BTreeMap<String, Sourced>);

/// A value as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// A text.
    Text(String),
    /// `true`, `no` and so on without quotes, with its text.
    Flag(bool, String),
    /// A list of texts.
    List(Vec<String>),
}

#[derive(Clone)]
struct Sourced {
    value: Value,
    source: String,
    /// Whether it has an old name.
    old: bool,
}

const SECRETS: &[&str] = &["password", "token", "application_credential_secret"];

/// What a URL must not have: the client fills templates in, and omega does not.
const TEMPLATES: [&str; 4] = ["{", "}", "%(", "$("];

impl Value {
    fn text(&self) -> String {
        match self {
            Self::Text(text) | Self::Flag(_, text) => text.clone(),
            Self::List(texts) => texts.join(", "),
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::Text(text) => text.is_empty(),
            Self::List(texts) => texts.is_empty(),
            Self::Flag(..) => false,
        }
    }

    /// Returns whether both mean the same: `publicURL` is `public`.
    fn is(&self, other: &Self) -> bool {
        let bare = |value: &Self| {
            let text = value.text();
            text.strip_suffix("URL").map(str::to_owned).unwrap_or(text)
        };
        bare(self) == bare(other)
    }
}

impl Values {
    /// Sets a value. An empty one counts as unset, as in a shell.
    pub(super) fn set(&mut self, key: &str, value: Value, source: &str) {
        if !value.is_empty() {
            let sourced = Sourced { value, source: source.to_owned(), old: false };
            self.0.insert(key.to_owned(), sourced);
        }
    }

    /// Adds what a file or the variables say under `key`, in any of its spellings.
    ///
    /// # Errors
    ///
    /// Says why the key can't be honoured.
    pub(super) fn add(&mut self, key: &str, value: Value, source: &str) -> Result<(), String> {
        if value.is_empty() {
            return Ok(());
        }
        let (name, old, weaker) = match keys::meaning(key) {
            Meaning::Value { name, old, old_is_weaker, .. } => (name, old, old_is_weaker),
            Meaning::Endpoint(_) | Meaning::Own { .. } | Meaning::IdentityVersion => {
                (key.to_owned(), false, false)
            }
            Meaning::Unsupported(next) => return Err(format!("it is not supported: {next}")),
            Meaning::Other => return Ok(()),
        };
        let new = Sourced { value, source: source.to_owned(), old };
        match self.0.get(&name) {
            None => {}
            Some(there) if there.value.is(&new.value) => return Ok(()),
            // A new name has priority over a weak old one, in any order.
            Some(there) if there.old == old || !(weaker || there.old && is_weak(&name)) => {
                return Err(format!("it contradicts {name}, which is there as well"));
            }
            Some(_) if old => return Ok(()),
            Some(_) => {}
        }
        self.0.insert(name, new);
        Ok(())
    }

    pub(super) fn override_with(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// Takes over what `other` says and this does not, of these kinds.
    ///
    /// # Errors
    ///
    /// Returns the key and both sources if they contradict each other.
    pub(super) fn fill(
        &mut self,
        other: &Self,
        which: impl Fn(&str) -> bool,
    ) -> Result<(), Contradiction> {
        for (key, new) in other.0.iter().filter(|(key, _)| which(key)) {
            match self.0.get(key) {
                Some(there) if there.value.is(&new.value) => {}
                Some(there) => {
                    let (key, source) = (key.clone(), new.source.clone());
                    return Err(Contradiction { key, source, with: there.source.clone() });
                }
                None => {
                    self.0.insert(key.clone(), new.clone());
                }
            }
        }
        Ok(())
    }

    /// Returns the first value of `other` that says more than this, or something else.
    pub(super) fn contradicted_by(&self, other: &Self) -> Option<Contradiction> {
        let new = |(key, new): &(&String, &Sourced)| {
            let there = self.0.get(*key);
            // The region has been settled, and a password is the default.
            let default = key.as_str() == "auth_type" && new.value.text().ends_with("password");
            if key.as_str() == "region_name" || there.is_none() && default {
                return false;
            }
            there.is_none_or(|there| !there.value.is(&new.value))
        };
        other.0.iter().find(new).map(|(key, new)| Contradiction {
            key: key.clone(),
            source: new.source.clone(),
            with: self
                .0
                .get(key)
                .map_or_else(|| "the file".to_owned(), |there| there.source.clone()),
        })
    }

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

/// Two sources that say something else about one value.
pub(super) struct Contradiction {
    pub(super) key: String,
    pub(super) source: String,
    pub(super) with: String,
}

fn is_weak(name: &str) -> bool {
    ["project_id", "project_name", "username", "token"].contains(&name)
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
                let which = match self.text("application_credential_id")? {
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
        if let Some(id) = self.text("user_id")? {
            return Ok(UserRef::Id(id));
        }
        let name = self.require("username", "say who is to log in")?;
        Ok(UserRef::Named { name, domain: self.domain("user_domain")? })
    }

    /// Returns the domain of a user or a project: by id, by name, or the default one. With a project, a
    /// lone `domain_id` or `domain_name` is that of both.
    fn domain(&mut self, of: &str) -> Result<DomainRef, ConfigError> {
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
            let domain = self.domain("project_domain")?;
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

enum Method {
    Password,
    Token,
    ApplicationCredential,
}

fn url(text: &str) -> Result<Url, String> {
    let url: Url = text.parse().map_err(|error| format!("{text:?} is not a URL ({error})"))?;
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
