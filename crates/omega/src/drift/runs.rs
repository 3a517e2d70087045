//! Which differences omega's own runs explain.

use jiff::Timestamp;
use omega_core::{
    Entry, Failure, StepId,
    run::{Endpoints, RunInfo, Runs, converged, different_site},
};

use super::{Difference, DifferenceKind};

/// A run of this site, and what it wrote to.
struct Ran {
    id: String,
    ended: Timestamp,
    converged: bool,
    steps: Vec<StepId>,
}

/// Adds to each difference the runs that wrote to it since it was last seen as it was, and returns all runs
/// of this site since `since`, newest first.
///
/// # Errors
///
/// Fails if the directory of runs can't be read.
pub(super) fn explain(
    all: &mut [Difference],
    runs: &Runs,
    here: &Endpoints,
    since: Timestamp,
) -> Result<Vec<String>, Failure> {
    let after = all.iter().filter_map(|one| one.since.after).min();
    let earliest = after.map_or(since, |after| after.min(since));
    let (known, _) = runs.all()?;
    let known = known.iter().filter(|run| different_site(&run.endpoints, here).is_none());
    let ran: Vec<Ran> = known.filter_map(|run| ran(runs, run, earliest)).collect();
    for one in all {
        let after = one.since.after.unwrap_or(earliest);
        let in_time = ran.iter().filter(|run| run.ended > after);
        let touched: Vec<&Ran> = in_time.filter(|run| run.touches(&one.id)).collect();
        one.runs = touched.iter().map(|run| run.id.clone()).collect();
        one.expected = touched.first().is_some_and(|run| run.explains(one));
    }
    Ok(ran.into_iter().filter(|run| run.ended > since).map(|run| run.id).collect())
}

/// Returns what a run wrote to, if it wrote something after `since`.
fn ran(runs: &Runs, run: &RunInfo, since: Timestamp) -> Option<Ran> {
    let ended = runs.last_written(&run.id).filter(|ended| *ended > since)?;
    // A journal that can't be read explains nothing.
    let entries = runs.entries(&run.id).ok()?;
    let mut steps = Vec::new();
    for entry in &entries {
        if let Entry::Applying { step, .. } | Entry::Applied { step, .. } = entry
            && !steps.contains(step)
        {
            steps.push(step.clone());
        }
    }
    let converged = converged(runs, run);
    (!steps.is_empty()).then(|| Ran { id: run.id.clone(), ended, converged, steps })
}

impl Ran {
    /// Whether it wrote to what `id` names, or to the target that a check is about.
    fn touches(&self, id: &StepId) -> bool {
        self.steps.iter().any(|step| step == id || step.target == id.target)
    }

    /// Whether the difference is what the run left: it came to its end, wrote to just that, or to the target
    /// that a check is about, and what is there is good. What another step of the target is about may have
    /// been changed by somebody else at the same time.
    fn explains(&self, one: &Difference) -> bool {
        let changed = [DifferenceKind::Changed, DifferenceKind::Appeared, DifferenceKind::Gone];
        let is_checked = one.id.kind == "gate";
        let wrote = is_checked || self.steps.contains(&one.id);
        self.converged && wrote && changed.contains(&one.kind)
    }
}
