//! Ways to a unit, and a juju, that only read.

use std::sync::Arc;

use async_trait::async_trait;
use omega_core::{Touched, WriteRefused, read_only::is_exception, run::HeldLock, values::UnitName};

use super::{JujuCommands, JujuModel};
use crate::{Action, Channel, Error, Fence, LockRequest, Payload, Probe, Reply};

/// Lets questions through, and refuses every action, or every command of juju that is not listed as reading
/// ([`EXCEPTIONS`](omega_core::read_only::EXCEPTIONS)), before it is sent.
#[derive(Clone, Debug)]
pub struct ReadOnly<T: ?Sized>(Arc<T>);

impl<T: ?Sized> ReadOnly<T> {
    /// Lets what reads through to `below`.
    pub fn new(below: Arc<T>) -> Self {
        Self(below)
    }
}

#[async_trait]
impl Channel for ReadOnly<dyn Channel> {
    fn name(&self) -> String {
        self.0.name()
    }

    async fn ask(&self, probes: &[Probe]) -> Result<Vec<Reply>, Error> {
        self.0.ask(probes).await
    }

    async fn act(&self, action: &Action, _: Payload, _: Option<&Fence>) -> Result<(), Error> {
        Err(Error::ReadOnly(WriteRefused::new(action.to_string(), self.0.name())))
    }

    async fn lock(&self, request: &LockRequest) -> Result<Option<HeldLock>, Error> {
        Err(Error::ReadOnly(WriteRefused::new(request.to_string(), self.0.name())))
    }
}

#[async_trait]
impl JujuCommands for ReadOnly<dyn JujuCommands> {
    async fn run(
        &self,
        doing: &str,
        command: &str,
        args: &[String],
        touched: Touched,
    ) -> Result<Vec<u8>, Error> {
        let words = ["juju", command].into_iter().chain(args.iter().map(String::as_str));
        if is_exception(words) {
            return self.0.run(doing, command, args, touched).await;
        }
        let request = format!("juju {command} (to {doing})");
        Err(Error::ReadOnly(WriteRefused::new(request, "the controller")))
    }

    fn channel(&self, unit: &UnitName, model: &JujuModel) -> Arc<dyn Channel> {
        Arc::new(ReadOnly::new(self.0.channel(unit, model)))
    }
}

#[cfg(test)]
mod tests {
    use omega_core::{Diagnostic as _, values::FileMode};

    use super::*;
    use crate::{Access, FileAction, ServiceAction, UnitPath, sim::Start};

    fn channel(unit: &crate::sim::Unit) -> ReadOnly<dyn Channel> {
        let below: Arc<dyn Channel> = Arc::new(unit.clone());
        ReadOnly::new(below)
    }

    #[tokio::test]
    async fn questions_pass_and_no_action_arrives() {
        let machine = Start::Fresh.unit("magnum/0");
        let only = channel(&machine);
        let path: UnitPath = "/etc/magnum".parse().unwrap();
        let asked = only.ask(&[Probe::File { path: path.clone() }]).await.unwrap();
        assert!(!matches!(asked.as_slice(), [Reply::Failed(_)] | []), "{asked:?}");
        let service = "magnum-conductor".parse().unwrap();
        let access = Access::root(FileMode::from_bits_truncate(0o755));
        let actions: [Action; 3] = [
            FileAction::MakeDirectory { path, access }.into(),
            ServiceAction::ReloadUnits.into(),
            ServiceAction::RestartService { service }.into(),
        ];
        for action in actions {
            let error = only.act(&action, Payload::Null, None).await.unwrap_err();
            assert!(error.refused() && error.touched() == Touched::Nothing, "{error}");
            let words = format!("{action} was not sent to {}", only.name());
            assert!(error.to_string().starts_with(&words), "{error}");
        }
        let take = crate::LockRequest::acquire(&omega_core::run::LockWanted::default());
        let error = only.lock(&take).await.unwrap_err();
        assert!(error.refused(), "{error}");
        assert_eq!((machine.writes(), machine.held()), (0, None));
    }
}
