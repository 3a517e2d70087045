//! A step that is tested with a temporary resource before it is done.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::{
    Approval, Context, Delta, Desired, Failure, Plan, Preview, Step, StepDone, StepId, Subject,
    run::TargetLock,
    step::{Bound, sealed::Sealed},
    with_temporary,
};

/// Binds `desired` to `target`. If there is something to change, the fact that `proof` returns for
/// the plan is first made true as a temporary resource and removed again. If that fails, nothing is
/// changed.
///
/// For example, a token of ten minutes proves that an account has its rights before one of ninety
/// days is created.
pub fn step_with_proof<D, T, F>(target: &Arc<D::Target>, desired: D, proof: F) -> Box<dyn Step>
where
    D: Desired,
    D::Target: 'static,
    T: Desired<Target = D::Target>,
    F: Fn(&Plan<D>, Timestamp) -> T + Send + Sync + 'static,
{
    Box::new(Proven { bound: Bound { target: Arc::clone(target), desired }, proof })
}

struct Proven<D: Desired, F> {
    bound: Bound<D>,
    proof: F,
}

impl<D: Desired, F> Sealed for Proven<D, F> {}

#[async_trait]
impl<D, T, F> Step for Proven<D, F>
where
    D: Desired,
    D::Target: 'static,
    T: Desired<Target = D::Target>,
    F: Fn(&Plan<D>, Timestamp) -> T + Send + Sync,
{
    fn id(&self) -> StepId {
        self.bound.id()
    }

    fn subject(&self) -> Subject {
        self.bound.subject()
    }

    async fn preview(&self, now: Timestamp) -> Result<Preview, Failure> {
        self.bound.preview(now).await
    }

    fn covered(&self, fresh: &Preview, approved: &Preview) -> Result<(), Failure> {
        self.bound.covered(fresh, approved)
    }

    fn lock(&self) -> Option<Arc<dyn TargetLock>> {
        self.bound.lock()
    }

    async fn run(&self, ctx: &Context, approval: Approval<'_>) -> Result<StepDone, Failure> {
        let target = &*self.bound.target;
        let plan = self.bound.approved(ctx, approval).await?;
        if matches!(plan.delta(), Delta::Satisfied) {
            return Ok(self.bound.done(plan.execute(ctx, target).await?));
        }
        let proof = (self.proof)(&plan, ctx.now());
        let done =
            with_temporary(ctx, target, &proof, |_| async { Ok(plan.execute(ctx, target).await?) });
        Ok(self.bound.done(done.await?))
    }
}
