use std::sync::Arc;

use omega_core::{Desired, Step, step};

use super::{
    ConvergeServices, EnsureHelm, InjectConfigDir, PinDriver, PlaceKubeconfig, RemoveLeftovers,
    StageDropin,
};
use crate::Unit;

/// Returns the step for a desired fact that a journal holds; `None` if `kind` is not one of this
/// crate's, or if the value can't be read as one.
///
/// ```no_run
/// # use std::sync::Arc;
/// # fn f(unit: &Arc<omega_juju::Unit>, undo: serde_json::Value) {
/// let step = omega_juju::operations::undo_step("juju.dropin.v1", undo, unit);
/// # }
/// ```
pub fn undo_step(
    kind: &str,
    desired: serde_json::Value,
    unit: &Arc<Unit>,
) -> Option<Box<dyn Step>> {
    match kind {
        PlaceKubeconfig::KIND => bind::<PlaceKubeconfig>(desired, unit),
        PinDriver::KIND => bind::<PinDriver>(desired, unit),
        EnsureHelm::KIND => bind::<EnsureHelm>(desired, unit),
        StageDropin::KIND => bind::<StageDropin>(desired, unit),
        InjectConfigDir::KIND => bind::<InjectConfigDir>(desired, unit),
        ConvergeServices::KIND => bind::<ConvergeServices>(desired, unit),
        RemoveLeftovers::KIND => bind::<RemoveLeftovers>(desired, unit),
        _ => None,
    }
}

fn bind<D: Desired<Target = Unit>>(
    desired: serde_json::Value,
    unit: &Arc<Unit>,
) -> Option<Box<dyn Step>> {
    serde_json::from_value::<D>(desired).ok().map(|desired| step(unit, desired))
}

#[cfg(test)]
mod tests {
    use omega_core::{Approval, Context, Entry, MemoryJournal, Subject, Undo};

    use super::*;
    use crate::{
        operations::world::{client, stage_dropin},
        sim::Start,
    };

    /// What a journal holds is enough to go back.
    #[tokio::test(start_paused = true)]
    async fn a_journal_leads_back() {
        let sim = Start::Fresh.unit("magnum/0");
        let before = sim.snapshot();
        let unit = Arc::new(client(&sim));
        let journal = Arc::new(MemoryJournal::default());
        let ctx = &Context::default().with_journal(journal.clone());
        assert_eq!(step(&unit, stage_dropin()).run(ctx, Approval::Fact).await, Ok(true));
        let entries = journal.entries();
        let Some(Entry::Intent { undo: Some(Undo { kind, desired }), .. }) = entries.first() else {
            panic!("{entries:?}")
        };
        let back = undo_step(kind, desired.clone(), &unit).unwrap();
        let path = "/etc/magnum/magnum.conf.d/00-capi-helm.conf";
        assert_eq!(back.subject(), Subject::new("file", path));
        assert_eq!(back.run(ctx, Approval::Fact).await, Ok(true));
        assert_eq!(sim.snapshot(), before);
    }

    #[tokio::test]
    async fn what_is_not_ours_is_none() {
        let unit = Arc::new(client(&Start::Fresh.unit("magnum/0")));
        let value = serde_json::to_value(stage_dropin()).unwrap();
        assert!(undo_step("openstack.sg-rule.v1", value.clone(), &unit).is_none());
        assert!(undo_step("juju.dropin.v2", value.clone(), &unit).is_none());
        assert!(undo_step("juju.helm.v1", value, &unit).is_none(), "of another kind");
    }
}
