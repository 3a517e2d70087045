//! What an earlier teardown of the same model recorded before its first write.

use omega_core::{
    Desired, Failure, ItemState, TargetPreview,
    run::{Outcome, PlanFile, Runs},
};
use omega_juju::controller::ModelAbsent;

use super::{TEARDOWN, maas::MachineReleased};

/// The facts of an earlier run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Recorded {
    /// The model.
    pub(super) model: ModelAbsent,
    /// Its machines.
    pub(super) machines: Vec<MachineReleased>,
    /// Whether the run was completed.
    pub(super) is_done: bool,
}

/// Returns the facts of the newest run for a model of this kind; none if there is none.
///
/// # Errors
///
/// Fails if the runs can't be listed.
pub(super) fn recorded(
    runs: &Runs,
    controller: &str,
    is: impl Fn(&ModelAbsent) -> bool,
) -> Result<Option<Recorded>, Failure> {
    let (all, _) = runs.all()?;
    let ours = all.into_iter().filter(|run| run.runbook == TEARDOWN);
    Ok(ours.into_iter().find_map(|run| {
        let plan: PlanFile = runs.kept(&run.id, "plan.json")?;
        let at_controller = |target: &&TargetPreview| target.target == controller;
        let model = plan.targets.iter().find(at_controller).map(facts::<ModelAbsent>)?;
        let model = model.into_iter().find(|model| is(model))?;
        let machines = plan.targets.iter().flat_map(facts::<MachineReleased>).collect();
        let is_done = runs.outcome(&run).outcome == Outcome::Done;
        Some(Recorded { model, machines, is_done })
    }))
}

/// Returns the desired facts of one kind in a stored plan. What can't be read is left out.
fn facts<D: Desired>(target: &TargetPreview) -> Vec<D> {
    let desired = target.items().filter_map(|item| match &item.found {
        ItemState::Preview(preview) if preview.kind == D::KIND => {
            serde_json::from_value(preview.plan.get("desired")?.clone()).ok()
        }
        ItemState::Preview(_) | ItemState::Verdict(_) | ItemState::Failed(_) => None,
    });
    desired.collect()
}
