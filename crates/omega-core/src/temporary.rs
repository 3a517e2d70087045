//! Temporary resources: a run creates them and always removes them again.

use crate::{
    Context, Delta, Desired, Event, Failure, FailureClass, StepId, Touched,
    context::Purpose,
    ensure::{ensure, id, name, plan_in_time},
    journal::{Entry, Undo},
};

/// Creates `desired`, passes what was observed to `work`, and removes it again.
///
/// `desired` must name something that does not exist yet: its name is chosen for this run. The intent
/// is recorded as temporary, with the fact that removes it, so that the next run or `runs sweep` can
/// remove what a killed run leaves ([`leftovers`](crate::leftovers)).
///
/// # Guarantees
///
/// The resource is removed even if `work` fails, if creating it fails half-way, or if the run is
/// cancelled. The removal itself can't be cancelled.
///
/// # Errors
///
/// The first error is returned: `work`'s before that of the removal. If something may have been left
/// behind, the failure names it.
pub async fn with_temporary<D: Desired, T: Send, F>(
    ctx: &Context,
    target: &D::Target,
    desired: &D,
    work: impl FnOnce(D::Observed) -> F + Send,
) -> Result<T, Failure>
where
    F: Future<Output = Result<T, Failure>> + Send,
{
    let plan = plan_in_time(ctx, target, desired).await?;
    let subject = name(target, desired);
    let refuse = |why: &str| {
        let what = format!("could not create the temporary {subject}");
        Failure::new(FailureClass::Refused, what).because(why)
    };
    if matches!(plan.delta(), Delta::Satisfied) {
        return Err(refuse("it exists already, and this run did not create it"));
    }
    let Some(mut undo) = plan.undo() else {
        return Err(refuse("there is no operation that removes it"));
    };
    ctx.tell(&Event::Note { text: format!("creating the temporary {subject}") });
    let made = match plan.ready(ctx, target).await {
        Ok(plan) => plan.execute(&ctx.for_purpose(Purpose::Temporary), target).await,
        Err(error) => return Err(error.into()),
    };
    let done = match made {
        Ok(outcome) => {
            let made = outcome.into_observed();
            if let Some(removal) = desired.removal(&made) {
                undo = removal;
            }
            work(made).await
        }
        Err(error) if error.touched() == Touched::Nothing => {
            // Nothing was created, so the next sweep need not look for it.
            drop(ctx.record(&Entry::Removed { step: id(target, desired) }));
            return Err(error.into());
        }
        Err(error) => Err(error.into()),
    };
    ctx.tell(&Event::Note { text: format!("removing the temporary {subject}") });
    let removed = ensure(&ctx.uncancelled(), target, &undo).await;
    if removed.is_ok() {
        // If the journal can't be written any more, the next sweep looks for it once more.
        drop(ctx.record(&Entry::Removed { step: id(target, desired) }));
    }
    match (done, removed) {
        (done, Ok(_)) => done,
        (Ok(_), Err(error)) => Err(left(error.into(), &subject)),
        (Err(failure), Err(error)) => {
            let why = Failure::from(error).to_string();
            Err(left(failure, &subject).because(why))
        }
    }
}

fn left(failure: Failure, subject: &str) -> Failure {
    let found = match failure.found.clone() {
        Some(found) => format!("{found}; left behind: {subject}"),
        None => format!("left behind: {subject}"),
    };
    let sweep = "remove what is left behind: omega-cli runs sweep";
    let next = match failure.next.clone() {
        Some(next) if next.contains(sweep) => next,
        Some(next) => format!("{next}; {sweep}"),
        None => sweep.to_owned(),
    };
    Failure { found: Some(found), next: Some(next), touched: Touched::Maybe, ..failure }
}

/// Returns what a journal says was made by a run for itself, or only in part, and not removed, with
/// what removes it: in the order in which it is to be removed.
pub fn leftovers(entries: &[Entry]) -> Vec<(StepId, Undo)> {
    let (mut left, mut unfinished): (Vec<(StepId, Undo)>, Vec<&StepId>) = Default::default();
    for entry in entries {
        match entry {
            Entry::Intent { step, undo: Some(undo), temporary: true, .. } => {
                left.push((step.clone(), undo.clone()));
            }
            Entry::Intent { step, cleanup: Some(cleanup), .. } => {
                left.push((step.clone(), cleanup.clone()));
                unfinished.push(step);
            }
            Entry::Verified { step, .. } if unfinished.contains(&step) => {
                left.retain(|(made, _)| made != step);
            }
            Entry::Removed { step } => left.retain(|(made, _)| made != step),
            Entry::Intent { .. }
            | Entry::Applying { .. }
            | Entry::Applied { .. }
            | Entry::Verified { .. }
            | Entry::Document { .. }
            | Entry::Failed { .. } => {}
        }
    }
    left.reverse();
    left
}

#[cfg(test)]
#[path = "temporary_tests.rs"]
mod tests;

#[cfg(test)]
mod cleanup_tests;
