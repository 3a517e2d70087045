use std::{collections::BTreeMap, fs, io::Write as _, path::PathBuf};

use serde::Deserialize;

/// What stands behind the stand-in.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// Unit (`magnum/0`) to machine.
    pub(crate) units: BTreeMap<String, Machine>,
    /// Application to the unit that leads it.
    #[serde(default)]
    pub(crate) leaders: BTreeMap<String, String>,
    /// A file with what `juju status --format json` prints.
    #[serde(default)]
    pub(crate) status: Option<PathBuf>,
    /// A file with the applications: what `juju config APP --format json` prints, by application.
    #[serde(default)]
    pub(crate) charms: Option<PathBuf>,
    /// The only model there is; any other is not found.
    #[serde(default)]
    pub(crate) model: Option<String>,
    /// A file with the models of the controller, which `destroy-model` changes ([`crate::models`]).
    #[serde(default)]
    pub(crate) models: Option<PathBuf>,
    /// How long every command takes more than it needs: a real one talks to a controller.
    #[serde(default)]
    pub(crate) delay_ms: u64,
    /// A file to which each command line is appended, as a line of JSON.
    #[serde(default)]
    pub(crate) log: Option<PathBuf>,
    /// What is wrong today.
    #[serde(default)]
    pub(crate) fault: Option<Fault>,
}

/// A unit's machine.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Machine {
    /// Another machine, by the OpenSSH client. `init`: a file with the id of its first process, if it runs on this host:
    /// tasks are started in it without a login, as its agent does it.
    Ssh {
        host: String,
        port: u16,
        key: PathBuf,
        known_hosts: PathBuf,
        #[serde(default)]
        init: Option<PathBuf>,
    },
    /// This machine, with these directories before its PATH (for a `sudo` that needs none).
    Local { path: Vec<PathBuf> },
}

/// What can be wrong.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Fault {
    /// No task is scheduled.
    NothingScheduled,
    /// The login has expired.
    LoginExpired,
    /// It asks for a password, and waits.
    Asks,
    /// ssh reaches nobody.
    Unreachable,
    /// The output loses its last line feeds, as of juju 4.0.3.
    Trimmed,
}

impl Config {
    #[expect(clippy::disallowed_methods, reason = "this is the program that reads it")]
    pub(crate) fn load() -> Result<Self, String> {
        let path = std::env::var("OMEGA_JUJU_STANDIN")
            .map_err(|_| "OMEGA_JUJU_STANDIN names no configuration")?;
        let text = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
        serde_json::from_str(&text).map_err(|error| format!("{path}: {error}"))
    }

    pub(crate) fn note(&self, args: &[String]) -> Result<(), String> {
        let Some(log) = &self.log else { return Ok(()) };
        let line = serde_json::to_string(args).map_err(|error| error.to_string())?;
        let file = fs::OpenOptions::new().create(true).append(true).open(log);
        file.and_then(|mut file| writeln!(file, "{line}")).map_err(|error| error.to_string())
    }

    /// Finds a unit by its name, or the one that leads an application (`magnum/leader`).
    pub(crate) fn unit(&self, name: &str) -> Result<(String, &Machine), String> {
        let name = match name.strip_suffix("/leader") {
            Some(application) => self
                .leaders
                .get(application)
                .ok_or_else(|| format!("could not determine leader for \"{application}\""))?,
            None => name,
        };
        let machine = self.units.get(name).ok_or_else(|| format!("unit \"{name}\" not found"))?;
        Ok((name.to_owned(), machine))
    }

    fn is_listed(&self, asked: &str) -> bool {
        let text = self.models.as_ref().and_then(|path| fs::read_to_string(path).ok());
        let id = asked.split_once(':').map_or(asked, |(_, id)| id);
        text.is_some_and(|text| text.contains(&format!("\"model-uuid\":\"{id}\"")))
    }

    /// Refuses a model that is not there.
    pub(crate) fn check_model(&self, model: Option<&str>) -> Result<(), String> {
        match (model, &self.model) {
            // By its id, it is one of `models`.
            (Some(asked), Some(only)) if asked != only && !self.is_listed(asked) => {
                Err(format!("model admin/{asked} not found"))
            }
            _ => Ok(()),
        }
    }
}
