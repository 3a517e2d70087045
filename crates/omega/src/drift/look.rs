//! One look at a site: everything is read once, and nothing is written.

use std::time::Duration;

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use omega_core::{
    Failure, FailureClass, StepId, TargetPlan, kubeconfig::RENEW_WITHIN, nearest_name, preview,
    run::Endpoints,
};

use super::{
    Observation, Source, expiry,
    observation::distinct,
    sources::{CoherenceView, ConstellationView},
};
use crate::decisions::checks;

/// What one look found.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Look {
    /// When it began.
    pub at: Timestamp,
    /// How long it took.
    pub took: Duration,
    /// What distinguishes the site from others.
    pub endpoints: Endpoints,
    /// What was observed.
    pub observations: Vec<Observation>,
    /// What could not be asked at all.
    pub blind: Vec<Blind>,
    /// The rules and sources that were not looked at, by name.
    pub skipped: Vec<String>,
}

/// A source that could not be asked, and why.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Blind {
    /// The source.
    pub source: Source,
    /// Why.
    pub failure: Failure,
}

/// What is to be read of one source.
#[derive(Debug)]
pub struct View {
    /// The source.
    pub source: Source,
    /// What is read, or why it can't be.
    pub what: Result<Reading, Failure>,
}

/// What is read of one source.
#[derive(Debug)]
#[non_exhaustive]
pub enum Reading {
    /// Steps and checks of a runbook. The steps are compared, and never run.
    Items(Vec<TargetPlan>),
    /// Driver, chart, Cluster API and templates.
    Coherence(Box<CoherenceView>),
    /// The controllers.
    Constellation(Box<ConstellationView>),
}

/// How a site is looked at.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LookOptions {
    /// How long before its end a credential is reported.
    pub expires_within: SignedDuration,
    /// Rules and sources that are not looked at, by name.
    pub skip: Vec<String>,
}

impl Default for LookOptions {
    fn default() -> Self {
        Self { expires_within: RENEW_WITHIN, skip: Vec::new() }
    }
}

impl LookOptions {
    /// Returns whether this rule or source is not looked at.
    pub fn skips(&self, name: &str) -> bool {
        self.skip.iter().any(|one| one == name)
    }

    /// Checks that each name of [`skip`](Self::skip) is one of a source or a rule. What has a space, a slash or a
    /// dot may be the key or the kind of one observation.
    ///
    /// # Errors
    ///
    /// Names the first that is not, and the one that is nearest to it. Fails too if every source is skipped.
    pub fn check_names(&self) -> Result<(), Failure> {
        if Source::ALL.into_iter().all(|source| self.skips(source.name())) {
            let failure = Failure::new(FailureClass::Usage, "every source is skipped");
            return Err(failure.next("leave one of them: nothing would be looked at"));
        }
        let sources = Source::ALL.into_iter().map(|source| source.name().to_owned());
        let all: Vec<String> = sources.chain(checks().into_iter().map(|one| one.rule)).collect();
        let names = || all.iter().map(String::as_str);
        let is_key = |name: &str| name.contains([' ', '/', '.']);
        let is_unknown = |name: &&String| !is_key(name) && !names().any(|one| one == *name);
        let Some(name) = self.skip.iter().find(is_unknown) else { return Ok(()) };
        let what = format!("there is no rule or source {name:?}, so it can't be skipped");
        let next = nearest_name(name, names()).map_or_else(
            || "`omega-cli decisions` lists the rules".to_owned(),
            |near| format!("did you mean {near}? `omega-cli decisions` lists the rules"),
        );
        Err(Failure::new(FailureClass::Usage, what).next(next))
    }
}

impl Look {
    /// When it ended. What it found may have happened until then.
    pub fn ended(&self) -> Timestamp {
        self.at.saturating_add(self.took).unwrap_or(self.at)
    }

    /// Whether what `before` tells of was not to be looked at this time.
    pub(super) fn skips(&self, before: &Observation) -> bool {
        self.leaves_out(before.source, &before.id)
    }

    /// The same of a difference that was reported.
    pub(super) fn leaves_out(&self, source: Source, id: &StepId) -> bool {
        let names = [source.name(), &id.key, &id.kind];
        self.skipped.iter().any(|skipped| names.contains(&skipped.as_str()))
    }

    pub(super) fn is_blind(&self, source: Source) -> bool {
        self.blind.iter().any(|blind| blind.source == source)
    }

    /// Returns a look that ended before it found anything.
    pub fn failed(
        at: Timestamp,
        took: Duration,
        sources: &[Source],
        failure: &Failure,
        options: &LookOptions,
    ) -> Self {
        let blind = |source: &Source| Blind { source: *source, failure: failure.clone() };
        let blind = sources.iter().map(blind).collect();
        Self {
            at,
            took,
            endpoints: Endpoints::new(),
            observations: Vec::new(),
            blind,
            skipped: options.skip.clone(),
        }
    }
}

/// Reads everything of `views` at the same time. Nothing is written.
pub async fn look(
    views: Vec<View>,
    endpoints: Endpoints,
    at: Timestamp,
    options: &LookOptions,
) -> Look {
    let began = tokio::time::Instant::now();
    let asked = views.into_iter().filter(|view| !options.skips(view.source.name()));
    let (mut observations, mut blind) = (Vec::new(), Vec::new());
    for (source, found) in
        join_all(asked.map(|view| async move { (view.source, read(view, at).await) })).await
    {
        match found {
            Ok(found) => observations.extend(found),
            Err(failure) => blind.push(Blind { source, failure }),
        }
    }
    let is_asked = |one: &Observation| !options.skips(&one.id.key) && !options.skips(&one.id.kind);
    observations.retain(is_asked);
    let mut observations = distinct(observations);
    observations.extend(expiry::ends(&observations, at, options.expires_within));
    let skipped = options.skip.clone();
    Look { at, took: began.elapsed(), endpoints, observations, blind, skipped }
}

async fn read(view: View, now: Timestamp) -> Result<Vec<Observation>, Failure> {
    let source = view.source;
    match view.what? {
        Reading::Items(targets) => {
            let looked = preview(&targets, now).await;
            let items = looked.iter().flat_map(|target| {
                target.items().map(|item| Observation::of_item(source, &target.target, item))
            });
            Ok(items.collect())
        }
        Reading::Coherence(view) => view.read().await,
        Reading::Constellation(view) => view.read().await,
    }
}
