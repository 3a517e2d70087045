//! Waits until a cluster in Magnum has a status or a health.

use std::time::Duration;

use omega_core::{
    Check, Condition, Context, Desired as _, Event, Failure, FailureClass, Label as _, PollPolicy,
    Progress, ProgressUnit, StepId, Touched, WaitError, wait_for,
};

use super::{Cluster, ContainerInfra, CreateCluster};

/// What to wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// This status.
    Status(&'static str),
    /// This health.
    Health(&'static str),
}

impl Wanted {
    fn name(self) -> &'static str {
        match self {
            Self::Status(name) | Self::Health(name) => name,
        }
    }
}

/// The condition that it exists and has not failed.
#[expect(clippy::ref_option, reason = "a condition takes what was read as it was read")]
fn is_alive(seen: &Option<Cluster>) -> Check {
    match seen {
        None => Check::Failed("it is gone".to_owned()),
        Some(cluster) if cluster.has_failed() => Check::Failed(cluster.status_text()),
        Some(_) => Check::Met,
    }
}

impl Condition<Option<Cluster>> for Wanted {
    fn check(&self, seen: &Option<Cluster>) -> Check {
        let Some(cluster) = seen else { return Check::Pending("it does not exist yet".to_owned()) };
        let is = match self {
            Self::Status(_) => &cluster.status,
            Self::Health(_) => &cluster.health_status,
        };
        if is.as_deref() == Some(self.name()) { Check::Met } else { Check::Pending(stage(cluster)) }
    }
}

/// The progress of the cluster in Magnum. The text changes as long as there is progress.
fn stage(cluster: &Cluster) -> String {
    let parts = [
        Some(cluster.status_text()),
        cluster.health_status.clone(),
        cluster.stack_id.as_ref().map(|stack| format!("release {stack}")),
        // Until there is one, the driver reports a URL with an empty host.
        cluster.api_address.clone().filter(|address| address != "https://:0"),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// Why a cluster did not reach the state.
pub(super) enum NotReached {
    /// Magnum failed before its driver began.
    BeforeDriver(String),
    /// Anything else.
    Failed(Box<Failure>),
}

/// Polls until the cluster has the state.
pub(super) async fn wait_for_cluster(
    ctx: &Context,
    magnum: &ContainerInfra,
    made: &Cluster,
    wanted: Wanted,
    policy: PollPolicy,
) -> Result<Cluster, NotReached> {
    let kind = CreateCluster::KIND.to_owned();
    let step = StepId { target: magnum.label(), kind, key: made.name.clone() };
    let tell = |stage: &str, since: Duration| {
        let stage = Some(format!("waiting for {}, is {stage}", wanted.name()));
        let progress =
            Progress { unit: ProgressUnit::Seconds, done: since.as_secs(), total: None, stage };
        ctx.tell(&Event::StepProgress { step: step.clone(), progress });
    };
    let read = || magnum.cluster(&made.uuid);
    let condition = is_alive.and(wanted);
    let error = match wait_for(ctx, policy, read, &condition, tell).await {
        Ok(Some(cluster)) => return Ok(cluster),
        Ok(None) => {
            return Err(failed(FailureClass::Error, format!("the cluster {} is gone", made.name)));
        }
        Err(error) => error,
    };
    let name = &made.name;
    Err(match error {
        WaitError::Failed { why, seen: Some(cluster) } if cluster.stack_id.is_none() => {
            NotReached::BeforeDriver(why)
        }
        WaitError::Failed { why, seen: _ } => {
            let next = "find the layer: omega-cli doctor; the reason is in Cluster API's conditions or the \
                        conductor's log";
            with_next(FailureClass::Error, format!("the cluster {name} is {why}"), next)
        }
        WaitError::TimedOut(late) => {
            let minutes = late.after.as_secs().div_ceil(60);
            let limit = if late.stalled {
                format!(", and nothing changed for {minutes} min")
            } else {
                format!(" within {minutes} min")
            };
            let (wanted, why) = (wanted.name(), late.why);
            let what = format!("the cluster {name} did not become {wanted}{limit}: it is {why}");
            // The driver has no timeout and reports no failure; the reason is in Cluster API.
            let next = "look at one that stays: omega-cli ensure-cluster --name NAME, then omega-cli doctor \
                        --cluster NAME";
            with_next(FailureClass::Deadline, what, next)
        }
        WaitError::Cancelled => {
            failed(FailureClass::Interrupted, "the proof was stopped".to_owned())
        }
        WaitError::Read(error) => {
            let failure = Failure::from_error(format!("could not read the cluster {name}"), &error);
            NotReached::Failed(Box::new(Failure { touched: Touched::Maybe, ..failure }))
        }
        _ => failed(FailureClass::Error, format!("the wait for the cluster {name} ended")),
    })
}

fn failed(class: FailureClass, what: String) -> NotReached {
    let failure = Failure { touched: Touched::Maybe, ..Failure::new(class, what) };
    NotReached::Failed(Box::new(failure))
}

fn with_next(class: FailureClass, what: String, next: &str) -> NotReached {
    let failure = Failure { touched: Touched::Maybe, ..Failure::new(class, what) };
    NotReached::Failed(Box::new(failure.next(next)))
}
