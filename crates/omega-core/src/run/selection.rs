//! Selects the runs that a rollback undoes.

use super::{Endpoints, RunInfo, Runs, history::NO_RUNS};
use crate::{Entry, Failure, FailureClass};

/// Returns run `id`, if it was on this site.
///
/// # Errors
///
/// Fails if there is no such run, or if it was on another site.
pub fn named_run<'a>(
    id: &str,
    all: &'a [RunInfo],
    here: &Endpoints,
) -> Result<&'a RunInfo, Failure> {
    let run = all.iter().find(|run| run.id == id).ok_or_else(|| {
        Failure::new(FailureClass::Usage, format!("there is no run `{id}` on this machine"))
            .next(listed(all))
    })?;
    match moved(run, here) {
        None => Ok(run),
        Some((what, then, now)) => Err(Failure {
            expected: Some(format!("{what}: {then}")),
            found: Some(format!("{what}: {now}")),
            ..Failure::new(FailureClass::Usage, format!("run {id} was on another site"))
        }
        .next(format!("use the site file of that run; it was {}", run.site))),
    }
}

/// Returns where the runs are to be looked for.
fn listed(all: &[RunInfo]) -> &'static str {
    if all.is_empty() { NO_RUNS } else { "choose one of them: omega-cli runs" }
}

/// Returns the last run of `runbook` on this site that changed something, and the runs that it
/// resumed: those that stopped half-way. Newest first.
///
/// # Errors
///
/// Fails if there is none, or if a journal can't be read.
pub fn last_run<'a>(
    runs: &Runs,
    runbook: &str,
    all: &'a [RunInfo],
    here: &Endpoints,
) -> Result<Vec<&'a RunInfo>, Failure> {
    let of = |run: &&RunInfo| run.runbook == runbook && run.rolls_back.is_empty();
    let is_here = |run: &&RunInfo| moved(run, here).is_none();
    let mut chain: Vec<&RunInfo> = Vec::new();
    // Completed runs on other units: they belong to it if one before them does.
    let mut between: Vec<&RunInfo> = Vec::new();
    for run in all.iter().filter(of).filter(is_here) {
        let Some(newest) = chain.first() else {
            if runs.entries(&run.id)?.iter().any(is_change) {
                chain.push(run);
            }
            continue;
        };
        if rolled_back_by(runs, run, all).is_some() {
            break;
        }
        if !converged(runs, run) {
            chain.append(&mut between);
            chain.push(run);
        } else if newest.endpoints.keys().all(|target| run.endpoints.contains_key(target)) {
            break;
        } else {
            between.push(run);
        }
    }
    if chain.is_empty() {
        let what = format!("no {runbook} on this machine has changed this site");
        return Err(Failure::new(FailureClass::Usage, what).next(listed(all)));
    }
    Ok(chain)
}

/// `retarget-kubeconfig` changes the management cluster's address: an earlier run still belongs to
/// this site.
fn moved<'a>(run: &'a RunInfo, here: &'a Endpoints) -> Option<(&'a str, &'a str, &'a str)> {
    differences(&run.endpoints, here).find(|(what, _, _)| *what != "management")
}

/// Returns the first difference: what, where it was, and where it is.
pub fn different_site<'a>(
    then: &'a Endpoints,
    here: &'a Endpoints,
) -> Option<(&'a str, &'a str, &'a str)> {
    differences(then, here).next()
}

/// Whether two descriptions name the same place. One may be less precise: runs of version 1 knew a
/// Juju model by its name only, or not at all.
fn agree(one: &str, other: &str) -> bool {
    let model = |at: &str| at.split_once(", model ").map(|(_, model)| model.to_owned());
    let juju = |at: &str| at == "juju" || at.starts_with("juju, model ");
    if one == other || !(juju(one) && juju(other)) {
        return one == other;
    }
    match (model(one), model(other)) {
        (Some(one), Some(other)) if one.contains(':') && other.contains(':') => false,
        (Some(one), Some(other)) => one.rsplit(':').next() == other.rsplit(':').next(),
        (None, _) | (_, None) => true,
    }
}

fn differences<'a>(
    then: &'a Endpoints,
    here: &'a Endpoints,
) -> impl Iterator<Item = (&'a str, &'a str, &'a str)> {
    let way = |at: &str| at.split([',', ' ']).next().unwrap_or_default().to_owned();
    let both = then.iter().filter_map(|(what, then)| Some((what, then, here.get(what)?)));
    // The same unit may be reached by Juju once and by SSH another time: then it is the cloud that
    // tells. Where it was known then, and is not now, nothing does.
    let shared = |what: &str| ["cloud", "model", "management"].contains(&what);
    let untold = then.contains_key("cloud") && !here.contains_key("cloud");
    let differ = both.filter(move |(what, then, now)| {
        !agree(then, now) && (untold || shared(what) || way(then) == way(now))
    });
    differ.map(|(what, then, now)| (what.as_str(), then.as_str(), now.as_str()))
}

/// A temporary resource that was removed does not count as a change.
fn is_change(entry: &Entry) -> bool {
    matches!(entry, Entry::Intent { temporary: false, .. })
}

/// Returns the run that rolled this one back completely.
pub fn rolled_back_by<'a>(runs: &Runs, run: &RunInfo, all: &'a [RunInfo]) -> Option<&'a RunInfo> {
    all.iter().find(|one| one.rolls_back.contains(&run.id) && converged(runs, one))
}

/// Returns whether the run completed: its report has everything in the desired state.
pub fn converged(runs: &Runs, run: &RunInfo) -> bool {
    runs.report(&run.id).and_then(|report| report.get("converged")?.as_bool()).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_site_is_told_by_its_endpoints_and_older_runs_said_less() {
        let at = |unit: &str, cloud: &str| -> Endpoints {
            [("magnum/0", unit), ("cloud", cloud)].map(|(k, v)| (k.to_owned(), v.to_owned())).into()
        };
        let here = at("juju, model lab:openstack", "https://keystone");
        for same in ["juju", "juju, model openstack", "juju, model lab:openstack", "ssh, ubuntu@h"]
        {
            assert_eq!(different_site(&at(same, "https://keystone"), &here), None, "{same}");
        }
        for other in ["juju, model k8s", "juju, model other:openstack"] {
            let then = at(other, "https://keystone");
            assert_eq!(different_site(&then, &here).unwrap().0, "magnum/0", "{other}");
        }
        assert_eq!(different_site(&at("juju", "https://elsewhere"), &here).unwrap().0, "cloud");
        // Reached another way, it is the same unit only where the cloud is known to be the same.
        let unit: Endpoints = [("magnum/0".to_owned(), here["magnum/0"].clone())].into();
        let then = at("ssh, ubuntu@h", "https://keystone");
        assert_eq!(different_site(&then, &unit).unwrap().0, "magnum/0");
        assert_eq!(different_site(&at(&unit["magnum/0"], "https://keystone"), &unit), None);
        let alone = [("magnum/0".to_owned(), "ssh, ubuntu@h".to_owned())].into();
        assert_eq!(different_site(&alone, &unit), None, "the cloud was not known then either");
    }
}
