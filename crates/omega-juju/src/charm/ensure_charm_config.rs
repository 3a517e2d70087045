//! Ensures the configuration of a charm, and that its units have it.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::Timestamp;
use omega_core::{
    ChangeKind, Conflict, Context, Delta, Describe, Desired, Diff, EnsureError, Evidence, Note,
    Outcome, PollPolicy, Subject, ensure, join_at_most, nearest_name, values::UnitName,
};
use serde::{Deserialize, Serialize};

use super::{
    CharmConfigObserved, CharmOption, InvalidSetting, Lines, Model, UnitConfig, Upgrade,
    observed::{SERVICE, written},
    setting::{Config, check_name, check_value},
};
use crate::{
    Error, ServiceName,
    channel::{JujuStatus, UnitStatus},
};

/// Options of an application's charm, and their values.
///
/// # Guarantees
///
/// Only these options are written, all in one `juju config`. What the charm does not have, or has with
/// another type, is refused. No option that may hold a secret is read or written.
///
/// It holds when Juju has the values and each unit of the application has them too: for
/// `reserved-host-memory` and `resume-guests-state-on-host-boot` of nova-compute, by what nova-compute's
/// own oslo.config reads on the unit. Where the charm writes another option is not known, so there
/// Juju's word is all.
///
/// # Caveats
///
/// A unit that is paused ignores its configuration until it is resumed. A charm that manages its own
/// upgrades (`action-managed-upgrade` is false) runs a pending one with any change: the plan warns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Stored")]
#[non_exhaustive]
pub struct CharmConfig {
    /// The application.
    pub application: String,
    /// Values by option: integers, `true` or `false`, and strings.
    pub settings: BTreeMap<String, String>,
    /// Options that should have the charm's default: what restores the state before.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub reset: BTreeSet<String>,
}

/// As it is stored: not checked yet.
#[derive(Deserialize)]
struct Stored {
    application: String,
    settings: BTreeMap<String, String>,
    #[serde(default)]
    reset: BTreeSet<String>,
}

impl TryFrom<Stored> for CharmConfig {
    type Error = InvalidSetting;
    fn try_from(stored: Stored) -> Result<Self, InvalidSetting> {
        let Stored { application, settings, reset } = stored;
        if format!("{application}/0").parse::<UnitName>().is_err() {
            return Err(InvalidSetting::Application(application));
        }
        if settings.is_empty() && reset.is_empty() {
            return Err(InvalidSetting::Nothing);
        }
        settings.keys().chain(&reset).try_for_each(|name| check_name(name))?;
        settings.iter().try_for_each(|(name, value)| check_value(name, value))?;
        Ok(Self { application, settings, reset })
    }
}

/// How long the hooks of all units may take, on machines with much to do, and how long nothing may
/// change meanwhile.
const POLL: PollPolicy = PollPolicy::new(Duration::from_secs(5), Duration::from_mins(10))
    .stalled(Duration::from_mins(5));

/// How many units are asked at the same time.
const AT_ONCE: usize = 8;

/// Sets the options, and returns once every unit of the application has them.
///
/// ```no_run
/// # use omega_juju::charm::{CharmConfig, Model, ensure_charm_config};
/// # async fn f(ctx: &omega_core::Context, model: &Model) -> Result<(), Box<dyn std::error::Error>> {
/// let memory = [("reserved-host-memory".to_owned(), "8192".to_owned())];
/// let config = CharmConfig::new("nova-compute", memory.into())?;
/// let done = ensure_charm_config(ctx, model, &config).await?;
/// println!("changed: {}", done.changed());
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// Refuses an option that the charm does not have, and a value that is not of its type. If units don't
/// get the values, it names them, with what Juju says of them.
pub async fn ensure_charm_config(
    ctx: &Context,
    model: &Model,
    config: &CharmConfig,
) -> Result<Outcome<CharmConfigObserved>, EnsureError<Error>> {
    ensure(ctx, model, config).await
}

/// One `juju config`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
#[expect(missing_docs, reason = "the fields are as in `CharmConfig`; `before`: as it was shown")]
pub enum CharmConfigChange {
    /// `juju config APPLICATION KEY=VALUE...`
    Set {
        application: String,
        settings: BTreeMap<String, String>,
        before: BTreeMap<String, String>,
    },
    /// `juju config APPLICATION --reset KEY,...`
    Reset { application: String, keys: BTreeSet<String>, before: BTreeMap<String, String> },
}

impl CharmConfig {
    /// Returns that the options of this application have these values.
    ///
    /// # Errors
    ///
    /// Fails if `juju config KEY=VALUE` can't take one as it is, or if one may be a secret.
    pub fn new(
        application: impl Into<String>,
        settings: BTreeMap<String, String>,
    ) -> Result<Self, InvalidSetting> {
        let application = application.into();
        Self::try_from(Stored { application, settings, reset: BTreeSet::new() })
    }

    fn names(&self) -> impl Iterator<Item = &String> {
        self.settings.keys().chain(&self.reset)
    }

    fn observed(
        &self,
        status: &JujuStatus,
        config: &Config,
        units: Vec<UnitConfig>,
    ) -> CharmConfigObserved {
        let all = &config.settings;
        let known = |name: &String| Some((name.clone(), CharmOption::from(all.get(name)?)));
        let near = |name: &String| {
            let near = nearest_name(name, all.keys().map(String::as_str)).map(str::to_owned);
            (name.clone(), near)
        };
        let text = |name| all.get(name).and_then(super::setting::Shown::text);
        let by_itself = text("action-managed-upgrade").as_deref() == Some("false");
        let running = status.workload_version(&self.application);
        let origin = text("openstack-origin").filter(|_| by_itself);
        CharmConfigObserved {
            charm: config.charm.clone(),
            options: self.names().filter_map(known).collect(),
            unknown: self.names().filter(|name| !all.contains_key(*name)).map(near).collect(),
            units,
            upgrade: origin.map(|origin| Upgrade::new(&origin, running)),
        }
    }

    /// Asks a unit what its service reads.
    async fn unit(
        &self,
        model: &Model,
        unit: &UnitStatus,
        keys: &[String],
    ) -> Result<UnitConfig, Error> {
        let lines = if keys.is_empty() {
            Lines::Read(BTreeMap::new())
        } else if unit.agent.current == "lost" {
            Lines::Unread("its agent is lost".to_owned())
        } else if let Some(unusable) = unit.standing().unusable(&unit.name.to_string()) {
            Lines::Unread(unusable.why)
        } else {
            let service: ServiceName =
                SERVICE.parse().map_err(|_| Error::Source { name: SERVICE.into() })?;
            match model.options(&unit.name, &service, keys.to_vec()).await {
                Ok(lines) => Lines::Read(lines),
                // One unit that can't be asked is waited for like one that is late.
                Err(error) => Lines::Unread(error.to_string()),
            }
        };
        Ok(UnitConfig::new(unit, lines))
    }

    fn refuse_unknown(&self, seen: &CharmConfigObserved) -> Result<(), Conflict> {
        let Some((name, near)) = seen.unknown.iter().next() else { return Ok(()) };
        let why = format!("charm {} has no option {name}", seen.charm);
        let next = match near {
            Some(near) => format!("{near} is probably meant"),
            None => format!("see its options: juju config {}", self.application),
        };
        Err(Conflict::new(why, next))
    }

    /// Returns the settings that differ.
    fn differing(&self, seen: &CharmConfigObserved) -> Result<BTreeMap<String, String>, Conflict> {
        let mut differing = BTreeMap::new();
        for (name, wanted) in &self.settings {
            let Some(option) = seen.options.get(name) else { continue };
            match option.has(wanted) {
                Some(true) => {}
                Some(false) => drop(differing.insert(name.clone(), wanted.clone())),
                None => {
                    let kind = &option.kind;
                    let why =
                        format!("{wanted:?} can't be the value of {name}, whose type is {kind}");
                    let next = "give an integer for int, true or false for boolean; omega sets no other \
                                types than these and string";
                    return Err(Conflict::new(why, next).seen(kind, wanted));
                }
            }
        }
        Ok(differing)
    }
}

fn before<'a>(
    names: impl IntoIterator<Item = &'a String>,
    seen: &CharmConfigObserved,
) -> BTreeMap<String, String> {
    let of = |name: &String| Some((name.clone(), seen.options.get(name)?.shown().to_owned()));
    names.into_iter().filter_map(of).collect()
}

impl Desired for CharmConfig {
    const KIND: &'static str = "juju-model.charm-config.v1";
    type Target = Model;
    type Observed = CharmConfigObserved;
    type Change = CharmConfigChange;
    type Undo = Self;
    type Error = Error;

    fn subject(&self) -> Subject {
        Subject::new("application", &self.application)
    }

    fn key(&self) -> String {
        // The same for what sets an option and for what resets it.
        let names: BTreeSet<&str> = self.names().map(String::as_str).collect();
        let names: Vec<&str> = names.into_iter().collect();
        format!("{} {}", self.application, names.join(","))
    }

    async fn observe(&self, model: &Model) -> Result<CharmConfigObserved, Error> {
        let (status, config) = futures::join!(model.status(), model.config(&self.application));
        let status = status?;
        let Some(units) = status.units(&self.application) else {
            let why = "the model has no such application".to_owned();
            let found = status.applications().join(", ");
            return Err(Error::NoUnits { application: self.application.clone(), why, found });
        };
        let config = config?;
        let keys = self.names().filter_map(|name| written(&config.charm, name));
        let keys: Vec<String> = keys.map(|one| one.line.to_owned()).collect();
        let ask = units.into_iter().map(|unit| {
            let keys = &keys;
            async move { self.unit(model, &unit, keys).await }
        });
        let asked =
            join_at_most(ask.collect(), AT_ONCE).await.into_iter().collect::<Result<_, _>>()?;
        Ok(self.observed(&status, &config, asked))
    }

    fn diff(&self, seen: &CharmConfigObserved) -> Result<Delta<CharmConfigChange>, Conflict> {
        self.refuse_unknown(seen)?;
        let application = || self.application.clone();
        let mut changes = Vec::new();
        let settings = self.differing(seen)?;
        if !settings.is_empty() {
            let before = before(settings.keys(), seen);
            changes.push(CharmConfigChange::Set { application: application(), settings, before });
        }
        let set = |name: &&String| seen.options.get(*name).is_some_and(CharmOption::is_set);
        let keys: BTreeSet<String> = self.reset.iter().filter(set).cloned().collect();
        if !keys.is_empty() {
            let before = before(&keys, seen);
            changes.push(CharmConfigChange::Reset { application: application(), keys, before });
        }
        if !changes.is_empty() {
            return Ok(Delta::Changes(changes));
        }
        Ok(seen.waiting().map_or(Delta::Satisfied, Delta::Wait))
    }

    async fn apply(
        &self,
        _: &Context,
        model: &Model,
        change: &CharmConfigChange,
    ) -> Result<(), Error> {
        match change {
            CharmConfigChange::Set { application, settings, .. } => {
                model.set(application, settings).await
            }
            CharmConfigChange::Reset { application, keys, .. } => {
                model.reset(application, keys).await
            }
        }
    }

    fn undo(&self, before: &CharmConfigObserved) -> Option<Self> {
        let application = self.application.clone();
        let (mut settings, mut reset) = (BTreeMap::new(), BTreeSet::new());
        for (name, option) in &before.options {
            match option.value.clone().filter(|_| option.is_set()) {
                Some(value) => drop(settings.insert(name.clone(), value)),
                None => drop(reset.insert(name.clone())),
            }
        }
        // A former value that juju config KEY=VALUE can't take can't be restored.
        Self::try_from(Stored { application, settings, reset }).ok()
    }

    /// The options only: the states of units change as hooks run.
    fn evidence(&self, seen: &CharmConfigObserved) -> Vec<Evidence> {
        let option = |(name, option): (&String, &CharmOption)| {
            format!("{name} = {} ({})", option.shown(), option.source)
        };
        let options = Evidence::list("options", seen.options.iter().map(option));
        vec![Evidence::text("charm", &seen.charm), options]
    }

    fn notes(&self, seen: &CharmConfigObserved, _: Timestamp) -> Vec<Note> {
        let mut notes = Vec::new();
        if matches!(self.diff(seen), Ok(Delta::Changes(_))) {
            notes.extend(seen.upgrade.as_ref().and_then(Upgrade::note));
            notes.extend(seen.units.iter().filter_map(UnitConfig::held).map(Note::new));
            if self.settings.get("resume-guests-state-on-host-boot").is_some_and(|on| on == "true")
            {
                let text = "servers run again after their host has booted: D-041 wants an outage to be \
                            noticed, so have alerts for it";
                notes.push(Note::decision("D-043", text));
            }
            if seen.charm == SERVICE && !seen.units.is_empty() {
                let text = "the hook restarts nova-compute on every unit; servers keep running";
                notes.push(Note::new(text));
            }
        }
        let unseen = seen.options.keys().filter(|name| written(&seen.charm, name).is_none());
        let unseen: Vec<&str> = unseen.map(String::as_str).collect();
        if !unseen.is_empty() {
            let names = unseen.join(", ");
            notes.push(Note::new(format!(
                "where the charm writes {names} is not known: that the units have it is not checked"
            )));
        }
        if seen.units.is_empty() {
            notes.push(Note::new(format!("{} has no units", self.application)));
        }
        notes
    }

    fn poll_policy(&self) -> PollPolicy {
        POLL
    }
}

impl Describe for CharmConfigChange {
    fn describe(&self) -> Diff {
        let was = |before: &BTreeMap<String, String>, name: &String| {
            before.get(name).cloned().unwrap_or_else(|| "not set".to_owned())
        };
        let (application, effects): (_, Vec<String>) = match self {
            Self::Set { application, settings, before } => {
                let each = settings.iter();
                let each = each.map(|(name, to)| format!("{name}: {} -> {to}", was(before, name)));
                (application, each.collect())
            }
            Self::Reset { application, keys, before } => {
                let each = keys.iter();
                let each = each.map(|name| format!("{name}: {} -> the default", was(before, name)));
                (application, each.collect())
            }
        };
        let subject = Subject::new("application", application);
        Diff::new(ChangeKind::Update, subject, effects.join(", "))
    }
}

#[cfg(test)]
mod tests;
