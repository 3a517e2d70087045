//! Finds and loads the configuration of a cloud.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::{Path, PathBuf},
};

use omega_core::{read_regular, values::Secret};

use super::{
    CloudConfig, ConfigError,
    document::Node,
    entry::{self, ChosenRegion, Entry},
    keys::{Meaning, meaning},
    openrc,
    values::{Contradiction, Value, Values},
};

/// The name of the cloud that the `OS_*` variables describe.
pub(crate) const ENVIRONMENT: &str = "environment";

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
    /// The region that was chosen. It has priority over `OS_REGION_NAME` and over the file's only one.
    pub region: Option<String>,
}

impl CloudConfig {
    /// Finds the cloud `cloud`, or the one that the variables name or describe.
    ///
    /// The order is: `cloud`, `OS_CLOUD`, the variables if `OS_AUTH_URL` is set, the only cloud of
    /// clouds.yaml. The file is `OS_CLIENT_CONFIG_FILE`, or the first clouds.yaml that exists in the
    /// working directory, in `openstack` of the user's configuration directory, or in `openstack` of
    /// the machine's. `secure.yaml` is found the same way, and its values have priority.
    ///
    /// For a cloud from a file, the variables fill what the files leave open of the region
    /// (`OS_REGION_NAME`), the interface (`OS_INTERFACE`), the CA (`OS_CACERT`), services' addresses
    /// (`OS_NETWORK_ENDPOINT_OVERRIDE`), and the password. The openstack command reads these so, however
    /// the cloud is named; openstacksdk by itself would ignore them.
    ///
    /// # Errors
    ///
    /// Fails if it is not found, has no credentials, or says what can't be honoured; and if the variables
    /// contradict the files, where the variables count: those named above, and all beside `OS_CLOUD`.
    pub fn load(lookup: &Lookup, cloud: Option<&str>) -> Result<Self, ConfigError> {
        let variable = |name| lookup.variables.get(name).filter(|value| !value.is_empty());
        let named = cloud.or_else(|| variable("OS_CLOUD").map(String::as_str));
        if named.is_none() && variable("OS_AUTH_URL").is_some() {
            let mut values = lookup.variables(ENVIRONMENT, |_| true)?;
            if let Some(region) = &lookup.region {
                values.set("region_name", Value::Text(region.clone()), SITE);
            }
            return values.resolve(ENVIRONMENT, lookup.home.as_deref());
        }
        let clouds = lookup.read("clouds", "OS_CLIENT_CONFIG_FILE")?;
        let secure = lookup.read("secure", "OS_CLIENT_SECURE_FILE")?;
        let files: Vec<&Clouds> = clouds.iter().chain(&secure).collect();
        let Some(first) = files.first() else {
            return Err(match named {
                Some(name) => ConfigError::NoFile {
                    name: name.to_owned(),
                    searched: lookup.candidates("clouds", "OS_CLIENT_CONFIG_FILE"),
                },
                None => ConfigError::Nothing { have: Vec::new() },
            });
        };
        let have: BTreeSet<&String> = files.iter().flat_map(|file| file.names()).collect();
        let have: Vec<String> = have.into_iter().cloned().collect();
        let name = match (named, have.as_slice()) {
            (Some(name), _) => name,
            (None, [only]) => only,
            (None, _) => return Err(ConfigError::Nothing { have }),
        };
        let entries: Vec<_> = files.iter().filter_map(|file| file.entry(name)).collect();
        if entries.is_empty() {
            let path = first.path.clone();
            return Err(ConfigError::NoCloud { name: name.to_owned(), path, have });
        }
        // What a site file names is not mixed with variables that describe another cloud.
        let mixed = cloud.is_none() && named.is_some();
        let may_fill = |key: &str| {
            ["interface", "cacert"].contains(&key) || matches!(meaning(key), Meaning::Endpoint(_))
        };
        let counts = |key: &str| mixed || key == "password";
        let variables = lookup.variables(name, counts)?;
        let filling = lookup.variables(name, may_fill)?;
        let mut values = entry::values(&entries, lookup.chosen_region().as_ref())?;
        let clash = |Contradiction { key, source, with }| ConfigError::Invalid {
            cloud: name.to_owned(),
            why: format!("it contradicts {with}: unset the variable, or change the file"),
            key,
            source_: source,
        };
        values.fill(&filling, |_| true).map_err(clash)?;
        if !values.has("password") {
            values.fill(&variables, |key| key == "password").map_err(clash)?;
        }
        if mixed {
            values.contradicted_by(&variables).map_or(Ok(()), |found| Err(clash(found)))?;
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
    /// the names of its clouds, regions and keys.
    pub fn from_clouds(
        text: &Secret,
        cloud: &str,
        ca: Option<&Secret>,
        source: &str,
    ) -> Result<Self, ConfigError> {
        let path = PathBuf::from(source);
        let not_text =
            |_| ConfigError::Yaml { path: path.clone(), why: "it is not text (UTF-8)".to_owned() };
        let text = str::from_utf8(text.expose()).map_err(not_text)?;
        let clouds = Clouds::read(path.clone(), text)?;
        let Some(entry) = clouds.entry(cloud) else {
            let have = clouds.names().cloned().collect();
            return Err(ConfigError::NoCloud { name: cloud.to_owned(), path, have });
        };
        let config = entry::values(&[entry], None)?.resolve(cloud, None)?;
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
        let mut values = from_variables(&file, sourced)?;
        if !values.has("password") {
            let password = lookup.variables.get("OS_PASSWORD").cloned().unwrap_or_default();
            values.set("password", Value::Text(password), "OS_PASSWORD");
        }
        if let Some(region) = &lookup.region {
            values.set("region_name", Value::Text(region.clone()), SITE);
        }
        values.resolve(&file, lookup.home.as_deref())
    }
}

/// Variables that choose a cloud, or say nothing of one.
const SELECTORS: [&str; 2] = ["OS_CLOUD", "OS_CLOUD_NAME"];

/// Where [`Lookup::region`] comes from, in the origins.
const SITE: &str = "omega.toml";

/// Turns `OS_PROJECT_NAME` into `project_name`, and so on.
fn from_variables<'a>(
    cloud: &str,
    variables: impl Iterator<Item = (&'a str, &'a str, String)>,
) -> Result<Values, ConfigError> {
    let mut values = Values::default();
    for (name, value, source) in variables.filter(|(name, ..)| !SELECTORS.contains(name)) {
        let Some(key) = name.strip_prefix("OS_") else { continue };
        let (key, value) = (key.to_ascii_lowercase(), Value::Text(value.to_owned()));
        values.add(&key, value, &source).map_err(|why| ConfigError::Invalid {
            cloud: cloud.to_owned(),
            key,
            source_: source.clone(),
            why,
        })?;
    }
    Ok(values)
}

impl Lookup {
    fn variables(&self, cloud: &str, counts: impl Fn(&str) -> bool) -> Result<Values, ConfigError> {
        let key = |name: &str| name.strip_prefix("OS_").map(str::to_ascii_lowercase);
        let all =
            self.variables.iter().filter(|(name, _)| key(name).is_some_and(|key| counts(&key)));
        from_variables(
            cloud,
            all.map(|(name, value)| (name.as_str(), value.as_str(), name.clone())),
        )
    }

    fn chosen_region(&self) -> Option<ChosenRegion> {
        if let Some(name) = self.region.clone() {
            return Some(ChosenRegion { name, source: SITE.to_owned(), overrides: true });
        }
        let name = self.variables.get("OS_REGION_NAME").filter(|name| !name.is_empty())?.clone();
        Some(ChosenRegion { name, source: "OS_REGION_NAME".to_owned(), overrides: false })
    }

    /// Returns where a file of this `stem` (`clouds`, `secure`) is looked for, in order: the first that exists is
    /// read. `variable` names one in the place of all.
    pub fn candidates(&self, stem: &str, variable: &str) -> Vec<PathBuf> {
        if let Some(path) = self.variables.get(variable).filter(|path| !path.is_empty()) {
            return vec![PathBuf::from(path)];
        }
        let user = self.config_home.as_ref().map(|dir| dir.join("openstack"));
        let site = ["xdg/openstack", "openstack"].map(|dir| Some(self.site.join(dir)));
        [Some(self.cwd.clone()), user]
            .into_iter()
            .chain(site)
            .flatten()
            .flat_map(|dir| {
                ["yaml", "yml", "json"].map(|extension| dir.join(format!("{stem}.{extension}")))
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
            return Clouds::read(path, &text).map(Some);
        }
        Ok(None)
    }
}

fn read(path: &Path) -> Result<String, ConfigError> {
    read_regular(path, MOST)
        .and_then(|bytes| {
            let not_text = |_| io::Error::new(io::ErrorKind::InvalidData, "it is not text (UTF-8)");
            String::from_utf8(bytes).map_err(not_text)
        })
        .map_err(|source| ConfigError::File { path: path.to_owned(), source })
}

/// A file of clouds.
struct Clouds {
    path: PathBuf,
    source: String,
    all: Node,
}

impl Clouds {
    fn read(path: PathBuf, text: &str) -> Result<Self, ConfigError> {
        let wrong = |why: String| ConfigError::Yaml { path: path.clone(), why };
        let is_json = path.extension().is_some_and(|extension| extension == "json");
        let file = if is_json { Node::read_json(text) } else { Node::read(text) };
        let file = file.map_err(wrong)?;
        let clouds = match &file {
            Node::Empty => Node::Empty,
            Node::Map(_) => file.get("clouds").cloned().unwrap_or(Node::Empty),
            Node::Flag(..) | Node::Text(_) | Node::List(_) | Node::Odd => {
                return Err(wrong("it is not a list of keys and values".to_owned()));
            }
        };
        match clouds {
            Node::Empty | Node::Map(_) => {}
            Node::Flag(..) | Node::Text(_) | Node::List(_) | Node::Odd => {
                return Err(wrong("`clouds` is not a list of clouds by name".to_owned()));
            }
        }
        let source = path.display().to_string();
        Ok(Self { path, source, all: clouds })
    }

    fn names(&self) -> impl Iterator<Item = &String> {
        self.all.entries().iter().map(|(name, _)| name)
    }

    fn entry<'a>(&'a self, cloud: &'a str) -> Option<Entry<'a>> {
        let node = self.all.get(cloud)?;
        Some(Entry { cloud, source: &self.source, node })
    }
}
