//! One cloud of the files, as named values: spelling, place and region are settled here.

use super::{
    ConfigError,
    document::Node,
    keys::{Meaning, meaning},
    values::{Value, Values},
};

/// The region that was chosen outside of the file.
#[derive(Clone, Debug)]
pub(super) struct ChosenRegion {
    pub(super) name: String,
    pub(super) source: String,
    /// Whether it may differ from the file's only region.
    pub(super) overrides: bool,
}

/// One file's entry of the cloud.
#[derive(Clone, Copy)]
pub(super) struct Entry<'a> {
    pub(super) cloud: &'a str,
    pub(super) source: &'a str,
    pub(super) node: &'a Node,
}

/// Returns the values of a cloud. A later entry has priority, and the values of a region over all.
pub(super) fn values(
    entries: &[Entry<'_>],
    chosen: Option<&ChosenRegion>,
) -> Result<Values, ConfigError> {
    let mut all = Values::default();
    for entry in entries {
        all.override_with(entry.values()?);
    }
    let regions: Option<(&Entry<'_>, Vec<Region<'_>>)> = entries
        .iter()
        .rev()
        .find_map(|entry| entry.regions().transpose().map(|regions| Ok((entry, regions?))))
        .transpose()?;
    let region = match &regions {
        Some((entry, regions)) => entry.choose(regions, chosen)?.map(|region| (entry, region)),
        None => None,
    };
    if let Some((entry, Region { values: Some(values), .. })) = region {
        all.override_with(Entry { node: values, ..**entry }.values()?);
    }
    let name = region.map(|(entry, region)| (region.name.as_str(), entry.source));
    let name = chosen.map(|chosen| (chosen.name.as_str(), chosen.source.as_str())).or(name);
    if let Some((name, source)) = name {
        let mut named = Values::default();
        named.set("region_name", Value::Text(name.to_owned()), source);
        all.override_with(named);
    }
    Ok(all)
}

/// A region of the file, with values of its own.
struct Region<'a> {
    name: String,
    values: Option<&'a Node>,
}

impl<'a> Entry<'a> {
    fn invalid(&self, key: &str, why: impl Into<String>) -> ConfigError {
        ConfigError::Invalid {
            cloud: self.cloud.to_owned(),
            key: key.to_owned(),
            source_: self.source.to_owned(),
            why: why.into(),
        }
    }

    fn values(&self) -> Result<Values, ConfigError> {
        let mut values = Values::default();
        let Node::Map(entries) = self.node else {
            return match self.node {
                Node::Empty => Ok(values),
                Node::Flag(..) | Node::Text(_) | Node::List(_) | Node::Map(_) | Node::Odd => {
                    Err(self.invalid("the cloud", "it is not a list of keys and values"))
                }
            };
        };
        self.unique(entries)?;
        for (key, node) in entries {
            if key == "auth" {
                let Node::Map(inside) = node else {
                    if *node == Node::Empty {
                        continue;
                    }
                    return Err(self.invalid("auth", "it is not a list of keys and values"));
                };
                self.unique(inside)?;
                for (key, node) in inside {
                    self.add(&mut values, key, node, true)?;
                }
            } else if key != "regions" && !(normal(key) == "region_name" && is_several(node)) {
                self.add(&mut values, key, node, false)?;
            }
        }
        Ok(values)
    }

    /// Refuses a key that is there twice, also in two spellings: a client takes the last one.
    fn unique(&self, entries: &[(String, Node)]) -> Result<(), ConfigError> {
        for (nth, (key, _)) in entries.iter().enumerate() {
            let mut before = entries.iter().take(nth);
            if let Some((other, _)) = before.find(|(other, _)| normal(other) == normal(key)) {
                let why = if other == key {
                    "it is there twice".to_owned()
                } else {
                    format!("it is also there as {other}")
                };
                return Err(self.invalid(key, why));
            }
        }
        Ok(())
    }

    fn add(
        &self,
        values: &mut Values,
        key: &str,
        node: &Node,
        inside: bool,
    ) -> Result<(), ConfigError> {
        let name = normal(key);
        let meaning = meaning(&name);
        if *node == Node::Empty {
            return Ok(());
        }
        let is_read_here = match &meaning {
            Meaning::Value { beside, .. } => !(inside && *beside),
            Meaning::Unsupported(_) => true,
            Meaning::Endpoint(_)
            | Meaning::Own { .. }
            | Meaning::IdentityVersion
            | Meaning::Other => !inside,
        };
        if !is_read_here {
            let why = match meaning {
                Meaning::Other => "no login method has such a key",
                Meaning::Value { .. }
                | Meaning::Endpoint(_)
                | Meaning::Own { .. }
                | Meaning::IdentityVersion
                | Meaning::Unsupported(_) => {
                    "it is below auth, where the openstack client refuses it: write it beside auth"
                }
            };
            return Err(self.invalid(&format!("auth.{key}"), why));
        }
        // The client passes these three over where they are spelt with a hyphen.
        if key != name && ["auth-type", "endpoint-type", "auth-plugin"].contains(&key) {
            let why = format!("the openstack client does not read it: write it as {name}");
            return Err(self.invalid(key, why));
        }
        if let Meaning::Other = meaning {
            return Ok(());
        }
        let value = self.value(&name, node)?;
        values.add(&name, value, self.source).map_err(|why| self.invalid(key, why))
    }

    fn value(&self, key: &str, node: &Node) -> Result<Value, ConfigError> {
        Ok(match node {
            Node::Flag(flag, text) => Value::Flag(*flag, text.clone()),
            Node::Text(text) => Value::Text(text.clone()),
            Node::List(items) => {
                let texts = items.iter().map(|item| match item {
                    Node::Text(text) => Some(text.clone()),
                    Node::Empty | Node::Flag(..) | Node::List(_) | Node::Map(_) | Node::Odd => None,
                });
                let texts = texts.collect::<Option<Vec<_>>>();
                Value::List(texts.ok_or_else(|| self.invalid(key, "it is not a list of names"))?)
            }
            Node::Empty | Node::Map(_) => return Err(self.invalid(key, "it is not one value")),
            Node::Odd => {
                return Err(self.invalid(key, "it has a YAML tag: write the value without it"));
            }
        })
    }

    /// Returns the regions that the file knows. None if it says nothing of regions.
    fn regions(&self) -> Result<Option<Vec<Region<'a>>>, ConfigError> {
        if let Some(regions) = self.node.get("regions").filter(|node| **node != Node::Empty) {
            let Node::List(regions) = regions else {
                return Err(self.invalid("regions", "it is not a list"));
            };
            let regions = regions.iter().map(|region| self.region(region));
            return regions.collect::<Result<Vec<_>, _>>().map(Some);
        }
        let known = self.node.entries().iter().rev().find(|(key, _)| normal(key) == "region_name");
        let names: Vec<String> = match known.map(|(_, node)| node) {
            None | Some(Node::Empty) => return Ok(None),
            Some(Node::List(names)) => {
                let regions = names.iter().map(|name| self.region(name));
                return regions.collect::<Result<Vec<_>, _>>().map(Some);
            }
            Some(Node::Text(names)) => names.split(',').map(str::to_owned).collect(),
            Some(Node::Flag(_, text)) => vec![text.clone()],
            Some(Node::Map(_) | Node::Odd) => {
                return Err(self.invalid("region_name", "it is not one value"));
            }
        };
        let names: Vec<_> = names.into_iter().filter(|name| !name.is_empty()).collect();
        if names.is_empty() {
            return Ok(None);
        }
        Ok(Some(names.into_iter().map(|name| Region { name, values: None }).collect()))
    }

    fn region(&self, node: &'a Node) -> Result<Region<'a>, ConfigError> {
        let wrong = || self.invalid("regions", "a region is its name, or its `name` and `values`");
        match node {
            Node::Text(name) => Ok(Region { name: name.clone(), values: None }),
            Node::Map(entries) => {
                let known = |(key, _): &(String, Node)| key == "name" || key == "values";
                match node.get("name") {
                    Some(Node::Text(name)) if entries.iter().all(known) => {
                        Ok(Region { name: name.clone(), values: node.get("values") })
                    }
                    Some(_) | None => Err(wrong()),
                }
            }
            Node::Empty | Node::Flag(..) | Node::List(_) | Node::Odd => Err(wrong()),
        }
    }

    /// Returns the region to use. None is guessed: the client would take the first one.
    fn choose<'r>(
        &self,
        regions: &'r [Region<'a>],
        chosen: Option<&ChosenRegion>,
    ) -> Result<Option<&'r Region<'a>>, ConfigError> {
        let names = || regions.iter().map(|one| one.name.as_str()).collect::<Vec<_>>().join(", ");
        match (chosen, regions) {
            (Some(chosen), regions) => {
                let found = regions.iter().find(|region| region.name == chosen.name);
                match (found, regions) {
                    (Some(found), _) => Ok(Some(found)),
                    (None, [only]) if chosen.overrides && only.values.is_none() => Ok(None),
                    (None, _) => Err(ConfigError::Invalid {
                        cloud: self.cloud.to_owned(),
                        key: "region_name".to_owned(),
                        source_: chosen.source.clone(),
                        why: format!("it is {}, and {} has {}", chosen.name, self.source, names()),
                    }),
                }
            }
            (None, []) => Ok(None),
            (None, [only]) => Ok(Some(only)),
            (None, _) => {
                let why = format!("there are {}: choose one with OS_REGION_NAME", names());
                Err(self.invalid("regions", why))
            }
        }
    }
}

/// Returns a key as it is compared: the client reads `region-name` as `region_name`.
pub(super) fn normal(key: &str) -> String {
    key.replace('-', "_")
}

fn is_several(node: &Node) -> bool {
    match node {
        Node::List(_) => true,
        Node::Text(text) => text.contains(','),
        Node::Empty | Node::Flag(..) | Node::Map(_) | Node::Odd => false,
    }
}
