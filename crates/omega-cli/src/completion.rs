//! Completes values: runs, decisions, units, clouds, rules, items of the acceptance, starting points.

use std::path::Path;

use clap::Command;
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};
use omega::{
    acceptance::{ItemId, Scenario},
    capi::coherence::Rule,
    clients::Connect,
    decisions,
    juju::sim::Start,
    run::Runs,
    site::Site,
};

use crate::environment::Environment;

/// Returns `command` with candidates for the values of its arguments.
pub(crate) fn with_values(command: Command) -> Command {
    let command = command.mut_args(|arg| {
        let values: fn() -> Vec<CompletionCandidate> = match arg.get_id().as_str() {
            "run" | "resume" | "id" => runs,
            "decision" => decisions_with_titles,
            "units" => units,
            "cloud" => clouds,
            "rules" => rules,
            "only" => items,
            "start" => starts,
            _ => return arg,
        };
        arg.add(ArgValueCandidates::new(values))
    });
    command.mut_subcommands(with_values)
}

fn runs() -> Vec<CompletionCandidate> {
    let all = Runs::new(&Environment::read().state()).all().unwrap_or_default().0;
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

/// Those of both rehearsals: what is rehearsed is not known here.
fn starts() -> Vec<CompletionCandidate> {
    let graft = Start::ALL.into_iter().map(|start| ("graft", start.name(), start.title()));
    let acceptance = Scenario::ALL.into_iter().map(|one| ("acceptance", one.name(), one.title()));
    let of = |(what, name, title): (&str, &'static str, &str)| {
        CompletionCandidate::new(name).help(Some(format!("{what}: {title}").into()))
    };
    graft.chain(acceptance).map(of).collect()
}

fn clouds() -> Vec<CompletionCandidate> {
    let machine = Environment::read().machine();
    let Ok(site) = Site::parse(Path::new("omega.toml"), "") else { return Vec::new() };
    let names = Connect::new(&site, &machine).cloud_names();
    names.into_iter().map(CompletionCandidate::new).collect()
}
