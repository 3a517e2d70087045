//! Finds and loads the configuration of a cloud.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
};

use omega_core::{read_regular, values::Secret};
use serde::{Deserialize, Deserializer};

use super::{CloudConfig, ConfigError, openrc, values::Values};

/// The largest configuration file that is read.
const MOST: u64 = 4 << 20;

/// The parts of the process's environment that are used to find a cloud.
///
/// The library does not read the environment itself: its caller passes in what may be used.
#[derive(Clone, Debug, Default)]
pub struct Lookup {
    /// The environment variables; only those that begin with `OS_` are used.
    pub variables: BTreeMap<String, String>,
    /// The working directory.
    pub cwd: PathBuf,
    /// The home directory.
    pub home: Option<PathBuf>,
    /// The user's configuration directory (`~/.config` or `XDG_CONFIG_HOME`).
    pub config_home: Option<PathBuf>,
    /// The machine's configuration directory (`/etc`).
    pub site: PathBuf,
}

impl CloudConfig {
    /// Finds the cloud `cloud`, or the one that the variables name or describe.
    ///
    /// The order is: `cloud`, `OS_CLOUD`, the variables if `OS_AUTH_URL` is set, the only cloud of
    /// clouds.yaml. The file is `OS_CLIENT_CONFIG_FILE`, or the first clouds.yaml that exists in the
    /// working directory, in `openstack` of the user's configuration directory, or in `openstack` of
    /// the machine's. `secure.yaml` is found the same way, and its values have priority. For a cloud
    /// from a file, only the password may come from the variables, and only if the files have none.
    ///
    /// # Errors
    ///
    /// Fails if it is not found, or has no credentials.
    pub fn load(lookup: &Lookup, cloud: Option<&str>) -> Result<Self, ConfigError> {
        let variable = |name| lookup.variables.get(name).filter(|value| !value.is_empty());
        let named = cloud.or_else(|| variable("OS_CLOUD").map(String::as_str));
        if named.is_none() && variable("OS_AUTH_URL").is_some() {
            let variables = lookup
                .variables
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str(), name.clone()));
            return from_variables(variables).resolve("environment", lookup.home.as_deref());
        }
        let Some((path, clouds)) = lookup.read("clouds", "OS_CLIENT_CONFIG_FILE")? else {
            return Err(match named {
                Some(name) => ConfigError::NoFile {
                    name: name.to_owned(),
                    searched: lookup.candidates("clouds", "OS_CLIENT_CONFIG_FILE"),
                },
                None => ConfigError::Nothing { have: Vec::new() },
            });
        };
        let have: Vec<_> = clouds.keys().cloned().collect();
        let name = match (named, have.as_slice()) {
            (Some(name), _) => name,
            (None, [only]) => only,
            (None, _) => return Err(ConfigError::Nothing { have }),
        };
        let Some(entry) = clouds.get(name) else {
            return Err(ConfigError::NoCloud { name: name.to_owned(), path, have });
        };
        let mut values = Values::default();
        entry.add_to(&mut values, &path)?;
        if let Some((path, secure)) = lookup.read("secure", "OS_CLIENT_SECURE_FILE")?
            && let Some(entry) = secure.get(name)
        {
            entry.add_to(&mut values, &path)?;
        }
        if let (false, Some(password)) = (values.has("password"), variable("OS_PASSWORD")) {
            values.set("password", password, "OS_PASSWORD");
        }
        values.resolve(name, lookup.home.as_deref())
    }

    /// Reads the cloud `cloud` of a clouds.yaml that is not a file on this machine, but in a cluster's
    /// secret. Errors name it `source`.
    ///
    /// `ca` is the PEM text that came with it. A `cacert` in the file is a path on another machine,
    /// and is not used.
    ///
    /// # Errors
    ///
    /// Fails if it is not a clouds.yaml, has no such cloud, or has no credentials. Errors quote only
    /// the names of its clouds.
    pub fn from_clouds(
        text: &Secret,
        cloud: &str,
        ca: Option<&Secret>,
        source: &str,
    ) -> Result<Self, ConfigError> {
        let path = PathBuf::from(source);
        let yaml = |why: String| ConfigError::Yaml { path: path.clone(), why };
        let text = str::from_utf8(text.expose()).map_err(|error| yaml(error.to_string()))?;
        let File { clouds } =
            serde_saphyr::from_str(text).map_err(|error| yaml(first_line(&error.to_string())))?;
        let Some(entry) = clouds.get(cloud) else {
            let have = clouds.keys().cloned().collect();
            return Err(ConfigError::NoCloud { name: cloud.to_owned(), path, have });
        };
        let mut values = Values::default();
        entry.add_to(&mut values, &path)?;
        let config = values.resolve(cloud, None)?;
        Ok(Self { cacert: None, ca: ca.cloned(), ..config })
    }

    /// Reads the variables of an openrc file, without a shell.
    ///
    /// # Errors
    ///
    /// Fails at a line that needs a shell, and if the variables have no credentials. `OS_PASSWORD` is
    /// taken from `variables` if the file has none.
    pub fn from_openrc(path: &Path, lookup: &Lookup) -> Result<Self, ConfigError> {
        let text = read(path)?;
        let file = path.display().to_string();
        let read = openrc::parse(&text, &file)?;
        let sourced = read
            .iter()
            .map(|(name, value, line)| (name.as_str(), value.as_str(), format!("{file}:{line}")));
        let mut values = from_variables(sourced);
        let password = lookup.variables.get("OS_PASSWORD");
        if let (false, Some(password)) = (values.has("password"), password) {
            values.set("password", password, "OS_PASSWORD");
        }
        values.resolve(&file, lookup.home.as_deref())
    }
}

/// Turns `OS_PROJECT_NAME` into `project_name`, and so on.
fn from_variables<'a>(variables: impl Iterator<Item = (&'a str, &'a str, String)>) -> Values {
    let mut values = Values::default();
    for (name, value, source) in variables {
        if let Some(key) = name.strip_prefix("OS_") {
            values.set(&key.to_ascii_lowercase(), value, &source);
        }
    }
    values
}

impl Lookup {
    fn candidates(&self, stem: &str, variable: &str) -> Vec<PathBuf> {
        if let Some(path) = self.variables.get(variable).filter(|path| !path.is_empty()) {
            return vec![PathBuf::from(path)];
        }
        let user = self.config_home.as_ref().map(|dir| dir.join("openstack"));
        [Some(self.cwd.clone()), user, Some(self.site.join("openstack"))]
            .into_iter()
            .flatten()
            .flat_map(|dir| {
                ["yaml", "yml"].map(|extension| dir.join(format!("{stem}.{extension}")))
            })
            .collect()
    }

    fn read(&self, stem: &str, variable: &str) -> Result<Option<Clouds>, ConfigError> {
        for path in self.candidates(stem, variable) {
            let text = match read(&path) {
                Ok(text) => text,
                Err(ConfigError::File { source, .. })
                    if source.kind() == io::ErrorKind::NotFound
                        && !self.variables.contains_key(variable) =>
                {
                    continue;
                }
                Err(error) => return Err(error),
            };
            let File { clouds } = serde_saphyr::from_str(&text).map_err(|error| {
                ConfigError::Yaml { path: path.clone(), why: first_line(&error.to_string()) }
            })?;
            return Ok(Some((path, clouds)));
        }
        Ok(None)
    }
}

fn read(path: &Path) -> Result<String, ConfigError> {
    read_regular(path, MOST)
        .and_then(|bytes| String::from_utf8(bytes).map_err(io::Error::other))
        .map_err(|source| ConfigError::File { path: path.to_owned(), source })
}

/// Returns the first line of the error. The others quote the file, which may have a password.
fn first_line(error: &str) -> String {
    error.lines().next().unwrap_or_default().to_owned()
}

/// The clouds of a file, and its path.
type Clouds = (PathBuf, BTreeMap<String, Entry>);

#[derive(Debug, Default, Deserialize)]
struct File {
    #[serde(default)]
    clouds: BTreeMap<String, Entry>,
}

/// One cloud of the file. Unknown keys are ignored.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Entry {
    auth: BTreeMap<String, Option<Scalar>>,
    auth_type: Option<Scalar>,
    region_name: Option<Scalar>,
    interface: Option<Scalar>,
    endpoint_type: Option<Scalar>,
    cacert: Option<Scalar>,
    verify: Option<Scalar>,
    insecure: Option<Scalar>,
    profile: Option<Scalar>,
    // Some files have it beside `auth` instead of in it.
    project_name: Option<Scalar>,
    project_id: Option<Scalar>,
}

/// A scalar as it is written, so that a password of digits stays the same.
#[derive(Debug)]
struct Scalar(String);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self)
    }
}

impl Entry {
    fn add_to(&self, values: &mut Values, path: &Path) -> Result<(), ConfigError> {
        if let Some(Scalar(profile)) = &self.profile {
            let why =
                format!("profile {profile:?} is not supported: write its values into the file");
            return Err(ConfigError::Yaml { path: path.to_owned(), why });
        }
        let source = path.display().to_string();
        let outer = [
            ("auth_type", &self.auth_type),
            ("region_name", &self.region_name),
            ("interface", &self.interface),
            ("endpoint_type", &self.endpoint_type),
            ("cacert", &self.cacert),
            ("verify", &self.verify),
            ("insecure", &self.insecure),
            ("project_name", &self.project_name),
            ("project_id", &self.project_id),
        ];
        let inner = self.auth.iter().map(|(key, value)| (key.as_str(), value));
        for (key, value) in outer.into_iter().chain(inner) {
            if let Some(Scalar(value)) = value {
                values.set(key, value, &source);
            }
        }
        Ok(())
    }
}
