//! A merged bundle, with the place of everything in it.

use std::collections::HashMap;

use super::{
    super::yaml::{Place, Value},
    merge::Removals,
};

/// A bundle after its overlays were merged.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Bundle {
    /// Its applications, in the order of the files.
    pub applications: Vec<Application>,
    /// Its relations.
    pub relations: Vec<Relation>,
    /// The whole of it.
    pub root: Value,
    by_name: HashMap<String, usize>,
}

/// An application.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Application {
    /// Its name.
    pub name: String,
    /// Where its name is.
    pub place: Place,
    /// What the bundle says of it.
    pub value: Value,
    /// Where overlays removed options, by their names; without a name all of them.
    removed: Vec<(String, Place)>,
}

/// A relation between two applications.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Relation {
    /// Its ends.
    pub ends: [End; 2],
}

/// One end of a relation.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct End {
    /// The application.
    pub application: String,
    /// The endpoint, if the bundle names one.
    pub endpoint: Option<String>,
    /// Where it is.
    pub place: Place,
}

impl Bundle {
    pub(super) fn new(root: Value, removals: &Removals) -> Self {
        // `juju-merge` says that nobody reads the old name any more.
        let entries = root.get("applications").or_else(|| root.get("services"));
        let entries = entries.map(Value::entries).unwrap_or_default();
        let applications: Vec<Application> = entries
            .iter()
            .map(|entry| Application {
                name: entry.key.clone(),
                place: entry.place,
                value: entry.value.clone(),
                removed: removals
                    .iter()
                    .filter(|(application, ..)| *application == entry.key)
                    .map(|(_, option, place)| (option.clone(), *place))
                    .collect(),
            })
            .collect();
        let by_name = applications.iter().enumerate();
        let by_name =
            by_name.map(|(nth, one): (usize, &Application)| (one.name.clone(), nth)).collect();
        let relations = root.get("relations").map(Value::items).unwrap_or_default();
        Self {
            applications,
            relations: relations.iter().flat_map(relations_of).collect(),
            root,
            by_name,
        }
    }

    /// Returns the applications of a charm.
    pub fn of<'a>(&'a self, charm: &'a str) -> impl Iterator<Item = &'a Application> {
        self.applications.iter().filter(move |application| application.charm() == Some(charm))
    }

    /// Returns the application of this name.
    pub fn application(&self, name: &str) -> Option<&Application> {
        self.by_name.get(name).and_then(|nth| self.applications.get(*nth))
    }

    /// Returns the relations of an application: its own end, and the other one.
    pub fn relations_of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a End, &'a End)> {
        self.relations.iter().flat_map(move |Relation { ends: [one, other] }| {
            let both = [(one, other), (other, one)];
            both.into_iter().filter(move |(own, _)| own.application == name)
        })
    }

    /// Returns whether an application has a relation with one of a charm, at this endpoint of its own;
    /// a relation without endpoints may be it.
    pub fn is_related(&self, name: &str, endpoint: &str, charm: &str) -> bool {
        self.relations_of(name).any(|(own, other)| {
            own.endpoint.as_deref().is_none_or(|own| own == endpoint)
                && self.application(&other.application).and_then(Application::charm) == Some(charm)
        })
    }
}

impl Application {
    /// Returns the name of its charm, without store and directory (`ch:magnum`, `./magnum_r70.charm`).
    pub fn charm(&self) -> Option<&str> {
        let charm = self.text("charm")?;
        let name = charm.rsplit(['/', ':']).next().unwrap_or(charm);
        let name = name.strip_suffix(".charm").unwrap_or(name);
        // `cs:magnum-70`, `ch:amd64/jammy/magnum-70`
        match name.rsplit_once('-') {
            Some((name, revision)) if revision.parse::<u32>().is_ok() => Some(name),
            Some(_) | None => Some(name),
        }
    }

    /// Returns whether its charm is a directory or a file, not of Charmhub.
    pub fn is_local(&self) -> bool {
        self.text("charm")
            .is_some_and(|charm| charm.starts_with(['.', '/']) || charm.starts_with("local:"))
    }

    /// Returns one of its own keys (`channel`).
    pub fn field(&self, key: &str) -> Option<&Value> {
        self.value.get(key).filter(|value| !value.is_null())
    }

    /// Returns the text of one of its own keys.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.value.get(key).and_then(Value::text)
    }

    /// Returns the value of an option, if it is set.
    pub fn option(&self, name: &str) -> Option<&Value> {
        self.value.get("options").and_then(|all| all.get(name)).filter(|value| !value.is_null())
    }

    /// Returns the text of an option.
    pub fn option_text(&self, name: &str) -> Option<&str> {
        self.option(name).and_then(Value::text)
    }

    /// Returns the boolean of an option as Juju takes it: without quotes the words of goyaml v2
    /// (resolve.go); of what is text then, those of Go's `strconv.ParseBool` (juju/charm v12, config.go).
    pub fn option_flag(&self, name: &str) -> Option<bool> {
        let value = self.option(name)?;
        let text = value.text()?;
        match text {
            "y" | "Y" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" if !value.is_quoted() => {
                Some(true)
            }
            "n" | "N" | "no" | "No" | "NO" | "off" | "Off" | "OFF" if !value.is_quoted() => {
                Some(false)
            }
            "0" | "1" if !value.is_quoted() => None,
            "1" | "t" | "T" | "true" | "True" | "TRUE" => Some(true),
            "0" | "f" | "F" | "false" | "False" | "FALSE" => Some(false),
            _ => None,
        }
    }

    /// Returns the number of its units. Without `num_units` there are none: Juju then deploys a
    /// subordinate, or an application without units.
    pub fn units(&self) -> Option<u32> {
        self.text("num_units").map_or(Some(0), |text| text.parse().ok())
    }

    /// Returns where an option is, or where an overlay removed it, or else where the application is.
    pub fn option_place(&self, name: &str) -> Place {
        let removed = || {
            let mut of = self.removed.iter().rev();
            of.find(|(option, _)| option == name || option.is_empty()).map(|(_, place)| *place)
        };
        self.option(name).map(|value| value.place).or_else(removed).unwrap_or(self.place)
    }
}

/// A relation is a pair, each end one endpoint or a list of them: then each goes with each (juju/charm
/// v12, bundledata.go).
fn relations_of(value: &Value) -> Vec<Relation> {
    let [one, other] = value.items() else { return Vec::new() };
    let others = ends(other);
    ends(one)
        .into_iter()
        .flat_map(|one| {
            others.iter().map(move |other| Relation { ends: [one.clone(), other.clone()] })
        })
        .collect()
}

fn ends(value: &Value) -> Vec<End> {
    match value.text() {
        Some(text) => {
            let (application, endpoint) =
                text.split_once(':').map_or((text, None), |(a, e)| (a, Some(e)));
            let endpoint = endpoint.map(ToOwned::to_owned);
            vec![End { application: application.to_owned(), endpoint, place: value.place }]
        }
        None => value.items().iter().flat_map(ends).collect(),
    }
}
