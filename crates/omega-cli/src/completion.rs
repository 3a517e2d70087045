//! Completes values: runs, decisions, units, clouds, rules, items of the acceptance, starting points.

use std::path::Path;

use clap::Command;
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};
use omega::{
    acceptance::{ItemId, Scenario},
    capi::coherence::Rule,
    clients::Connect,
    decisions,
    drift::Source,
    juju::sim::Start,
    run::Runs,
    site::Site,
};

use crate::environment::Environment;

/// Returns `command` with candidates for the values of its arguments.
pub(crate) fn with_values(command: Command) -> Command {
    let name = command.get_name().to_owned();
    let command = command.mut_args(|arg| {
        let values: fn() -> Vec<CompletionCandidate> = match (name.as_str(), arg.get_id().as_str())
        {
            ("accept", "resume") => acceptances,
            ("live", "only") => live_rules,
            ("drift" | "kubernetes", "skip") => sources_and_rules,
            (_, of_any_command) => match of_any_command {
                "run" | "resume" | "id" => runs,
                "decision" | "decisions" => decisions_with_titles,
                "units" => units,
                "cloud" => clouds,
                "rules" => rules,
                "only" => items,
                "start" => starts,
                _ => return arg,
            },
        };
        arg.add(ArgValueCandidates::new(values))
    });
    command.mut_subcommands(with_values)
}

fn runs() -> Vec<CompletionCandidate> {
    runs_of(|_| true)
}

/// The runs that `accept --resume` can go on with.
fn acceptances() -> Vec<CompletionCandidate> {
    runs_of(|run| run.runbook == "accept")
}

fn runs_of(is_meant: fn(&omega::run::RunInfo) -> bool) -> Vec<CompletionCandidate> {
    let mut all = Runs::new(&Environment::read().state()).all().unwrap_or_default().0;
    all.retain(is_meant);
    let latest = CompletionCandidate::new("latest").help(Some("the newest run".into()));
    let of = |run: omega::run::RunInfo| {
        CompletionCandidate::new(run.id).help(Some(format!("{} {}", run.runbook, run.site).into()))
    };
    std::iter::once(latest).chain(all.into_iter().map(of)).collect()
}

fn decisions_with_titles() -> Vec<CompletionCandidate> {
    let all = decisions::decisions().unwrap_or_default();
    let all = all.into_iter();
    all.map(|one| CompletionCandidate::new(one.id).help(Some(one.title.into()))).collect()
}

/// Those of the site file, and those of its application that earlier runs were on: juju is not called for
/// a completion.
fn units() -> Vec<CompletionCandidate> {
    let site = Site::read(Path::new("omega.toml")).ok();
    let Some(conductor) = site.as_ref().and_then(|site| site.conductor().ok()) else {
        return Vec::new();
    };
    let mut names: Vec<String> = conductor.unit.iter().map(|unit| unit.name.to_string()).collect();
    if let Some(application) = &conductor.application {
        names.push(format!("{application}/leader"));
        let runs = Runs::new(&Environment::read().state()).all().unwrap_or_default().0;
        let of_it = format!("{application}/");
        let known = runs.iter().flat_map(|run| run.endpoints.keys());
        let known = known.filter(|name| name.starts_with(&of_it)).cloned();
        names.extend(known.collect::<std::collections::BTreeSet<_>>());
    }
    names.into_iter().map(CompletionCandidate::new).collect()
}

/// The rules of findings that can be accepted.
fn rules() -> Vec<CompletionCandidate> {
    let all = Rule::ALL.into_iter().filter(|rule| rule.can_be_accepted());
    all.map(|rule| CompletionCandidate::new(rule.name())).collect()
}

fn items() -> Vec<CompletionCandidate> {
    let of = |id: ItemId| CompletionCandidate::new(id.name()).help(Some(id.title().into()));
    ItemId::ALL.into_iter().map(of).collect()
}

fn live_rules() -> Vec<CompletionCandidate> {
    let of =
        |rule: &omega::lint::Rule| CompletionCandidate::new(rule.id).help(Some(rule.reason.into()));
    omega::live::RULES.iter().map(of).collect()
}

/// What `drift` can leave out.
fn sources_and_rules() -> Vec<CompletionCandidate> {
    let sources = Source::ALL.into_iter().map(|source| source.name().to_owned());
    let of_drift = |check: &decisions::Check| {
        use decisions::CheckKind::{Coherence, Constellation, Graft, Live};
        [Coherence, Constellation, Graft, Live].contains(&check.kind)
    };
    let rules = decisions::checks().into_iter().filter(of_drift).map(|check| check.rule);
    sources.chain(rules).map(CompletionCandidate::new).collect()
}

/// Those of the rehearsal that is on the command line, as the shell passes it.
fn starts() -> Vec<CompletionCandidate> {
    let is_acceptance = std::env::args().any(|word| word == "acceptance");
    let graft = Start::ALL.into_iter().map(|start| (start.name(), start.title()));
    let acceptance = Scenario::ALL.into_iter().map(|one| (one.name(), one.title()));
    let all: Vec<(&str, &str)> = if is_acceptance { acceptance.collect() } else { graft.collect() };
    let of = |(name, title): (&'static str, &str)| {
        CompletionCandidate::new(name).help(Some(title.to_owned().into()))
    };
    all.into_iter().map(of).collect()
}

fn clouds() -> Vec<CompletionCandidate> {
    let machine = Environment::read().machine();
    let Ok(site) = Site::parse(Path::new("omega.toml"), "") else { return Vec::new() };
    let names = Connect::new(&site, &machine).cloud_names();
    names.into_iter().map(CompletionCandidate::new).collect()
}
