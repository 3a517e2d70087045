use http::StatusCode;
use omega_core::testing::{Fault, REFUSAL};
use tower::{Service as _, ServiceExt as _};

use super::{
    authorize::{Attributes, forbidden},
    connection::broken,
    leases::is_lease,
    request::{Answering, ApiRequest, Effect, Next, status},
    state::{Shared, State},
};

/// The layer that counts requests and simulates faults of writes.
pub(super) fn write_faults(state: Shared, request: ApiRequest, mut next: Next) -> Answering {
    Box::pin(async move {
        let (fault, refused) = {
            let mut state = state.lock();
            let fault = state.receive(&request);
            (fault, state.writes_forbidden && request.effect() == Effect::Write)
        };
        if refused && let Some(attributes) = Attributes::of(&request.method, &request.path) {
            return Ok(forbidden("nobody", &attributes).into());
        }
        match fault {
            Some(Fault::Lost) => Err(broken()),
            Some(Fault::Refused) => {
                Ok(status(StatusCode::UNPROCESSABLE_ENTITY, "Invalid", REFUSAL).into())
            }
            Some(Fault::Ignored) => next.ready().await?.call(request.dry_run()).await,
            Some(Fault::AnswerLost) => {
                next.ready().await?.call(request).await?;
                Err(broken())
            }
            None => next.ready().await?.call(request).await,
        }
    })
}

impl State {
    /// Counts a request, and returns its fault.
    fn receive(&mut self, request: &ApiRequest) -> Option<Fault> {
        let line = || format!("{} {} {}", request.method, request.path, request.body);
        match request.effect() {
            // The lock is no write of the operation.
            Effect::Write if is_lease(&request.path) => None,
            Effect::Read => None,
            Effect::Review => {
                self.received.reviews += 1;
                None
            }
            Effect::DryRun => {
                self.received.dry_runs.push(line());
                None
            }
            Effect::Write => {
                let nth = self.received.writes.len();
                self.received.writes.push(line());
                if let Some(name) = self.raced.take() {
                    self.touch(&name);
                }
                self.write_fault.filter(|(faulty, _)| *faulty == nth).map(|(_, fault)| fault)
            }
        }
    }
}
