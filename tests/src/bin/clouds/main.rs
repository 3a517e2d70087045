//! Reads clouds as omega does, from the cases on standard input, one a line. With `--planted` each rule
//! in turn is wrong on purpose, and what is then read is printed where it differs; `--plants` lists the
//! rules. See `tests/oracle/run`.

mod plant;

use std::{
    collections::BTreeMap,
    fs,
    io::{self, BufRead as _, Write as _},
};

use omega_core::Diagnostic as _;
use omega_openstack::{
    ApplicationCredentialRef, AuthScope, CloudConfig, Credential, DomainRef, Lookup, ProjectRef,
    UserRef,
};
use plant::Plant;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// The files and the variables that a cloud is read from.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Case {
    id: u64,
    clouds: Option<Value>,
    secure: Option<Value>,
    variables: BTreeMap<String, String>,
    /// A cloud `b`, in YAML.
    #[serde(default)]
    odd: Option<String>,
}

/// What was read.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Reading {
    id: u64,
    read: Option<Value>,
    refused: Option<String>,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut out = io::BufWriter::new(io::stdout().lock());
    match arguments.as_slice() {
        [] => cases(|case| Ok(writeln!(out, "{}", serde_json::to_string(&case.read()?)?)?))?,
        ["--planted"] => cases(|case| {
            let right = case.read()?;
            for Plant(rule, change) in Plant::ALL {
                let mut wrong = case.clone();
                change(&mut wrong);
                let reading = wrong.read()?;
                if reading != right {
                    writeln!(out, "{}", json!({ "rule": rule, "reading": reading }))?;
                }
            }
            Ok(())
        })?,
        ["--plants"] => Plant::ALL.iter().try_for_each(|plant| writeln!(out, "{}", plant.0))?,
        other => return Err(format!("not understood: {other:?}").into()),
    }
    Ok(out.flush()?)
}

fn cases(mut each: impl FnMut(Case) -> Result<()>) -> Result<()> {
    io::stdin().lock().lines().try_for_each(|line| each(serde_json::from_str(&line?)?))
}

impl Case {
    fn read(&self) -> Result<Reading> {
        let dir = tempfile::TempDir::new()?;
        for (name, file) in [("clouds.yaml", &self.clouds), ("secure.yaml", &self.secure)] {
            if let Some(file) = file {
                let text = file.to_string();
                let text = match (name, &self.odd, text.strip_suffix("}}")) {
                    ("clouds.yaml", Some(odd), Some(text)) => format!("{text}, \"b\": {odd}}}}}"),
                    _ => text,
                };
                fs::write(dir.path().join(name), text)?;
            }
        }
        let lookup = Lookup {
            variables: self.variables.clone(),
            cwd: dir.path().to_owned(),
            home: None,
            config_home: None,
            site: dir.path().join("none"),
            region: None,
        };
        let (read, refused) = match CloudConfig::load(&lookup, None) {
            Ok(config) => (Some(shown(&config)), None),
            Err(error) => {
                let parts = [Some(error.to_string()), error.found(), error.next()];
                (None, Some(parts.into_iter().flatten().collect::<Vec<_>>().join("; ")))
            }
        };
        Ok(Reading { id: self.id, read, refused })
    }
}

fn shown(config: &CloudConfig) -> Value {
    let endpoints: BTreeMap<_, _> = config
        .endpoints
        .iter()
        .map(|(service, url)| (service.to_string(), url.as_str().trim_end_matches('/').to_owned()))
        .collect();
    let interfaces: Vec<_> = config.interfaces.iter().map(ToString::to_string).collect();
    json!({
        "auth_url": config.auth_url.as_str().trim_end_matches('/'),
        "login": login(&config.credential),
        "scope": scope(&config.scope),
        "region": config.region,
        "interfaces": interfaces,
        "verify": config.verify,
        "cacert": config.cacert.as_ref().filter(|_| config.verify),
        "endpoints": endpoints,
    })
}

fn login(credential: &Credential) -> Value {
    match credential {
        Credential::Password { user: name, .. } => json!({ "password": user(name) }),
        Credential::Token(_) => json!("token"),
        Credential::ApplicationCredential { which: ApplicationCredentialRef::Id(id), .. } => {
            json!({ "application_credential": id })
        }
        Credential::ApplicationCredential {
            which: ApplicationCredentialRef::Named { name, user: owner },
            ..
        } => json!({ "application_credential": name, "of": user(owner) }),
    }
}

fn user(user: &UserRef) -> Value {
    match user {
        UserRef::Id(id) => json!({ "id": id }),
        UserRef::Named { name, domain: of } => json!({ "name": name, "domain": domain(of) }),
    }
}

fn domain(domain: &DomainRef) -> Value {
    match domain {
        DomainRef::Id(id) => json!({ "id": id }),
        DomainRef::Name(name) => json!({ "name": name }),
    }
}

fn scope(scope: &AuthScope) -> Value {
    match scope {
        AuthScope::Project(ProjectRef::Id(id)) => json!({ "project": { "id": id } }),
        AuthScope::Project(ProjectRef::Named { name, domain: of }) => {
            json!({ "project": { "name": name, "domain": domain(of) } })
        }
        AuthScope::Domain(of) => json!({ "domain": domain(of) }),
        AuthScope::System => json!("system"),
        AuthScope::Unscoped => Value::Null,
    }
}
