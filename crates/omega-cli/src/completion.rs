//! Completes values: runs, decisions, units, clouds.

use std::path::Path;

use clap::Command;
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};
use omega::{clients::Connect, decisions, run::Runs, site::Site};

use crate::environment::Environment;

/// Returns `command` with candidates for the values of its arguments.
pub(crate) fn with_values(command: Command) -> Command {
    let command = command.mut_args(|arg| {
        let values: fn() -> Vec<CompletionCandidate> = match arg.get_id().as_str() {
            "run" | "resume" | "id" => runs,
            "decision" => decisions_with_titles,
            "units" => units,
            "cloud" => clouds,
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

/// Those of the site file: juju is not called for a completion.
fn units() -> Vec<CompletionCandidate> {
    let site = Site::read(Path::new("omega.toml")).ok();
    let conductor = site.as_ref().and_then(|site| site.conductor().ok());
    let names = conductor.into_iter().flat_map(|conductor| {
        let leader = conductor.application.iter().map(|name| format!("{name}/leader"));
        let units = conductor.unit.iter().map(|unit| unit.name.to_string());
        leader.chain(units).collect::<Vec<_>>()
    });
    names.map(CompletionCandidate::new).collect()
}

fn clouds() -> Vec<CompletionCandidate> {
    let machine = Environment::read().machine();
    let Ok(site) = Site::parse(Path::new("omega.toml"), "") else { return Vec::new() };
    let names = Connect::new(&site, &machine).cloud_names();
    names.into_iter().map(CompletionCandidate::new).collect()
}
