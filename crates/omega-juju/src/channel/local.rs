use std::time::Duration;

use async_trait::async_trait;
use omega_core::{Retry, Touched, run::HeldLock};

use super::{
    Deadlines, Stage,
    program::{Program, RunError},
};
use crate::{
    Action, Channel, Error, Fence, LockRequest, Payload, Probe, Reply,
    agent::{Output, Request, done, from_stdin, lock, replies},
};

/// This machine: for omega on a unit.
#[derive(Clone, Debug)]
pub struct Local {
    sudo: bool,
    deadlines: Deadlines,
}

const LABEL: &str = "this machine";

impl Local {
    /// Returns the channel. With `sudo`, the agent runs as root through `sudo -n`; without it, the
    /// agent runs as the user of this process, who should be root.
    pub fn new(sudo: bool, deadlines: Deadlines) -> Self {
        Self { sudo, deadlines }
    }

    async fn run(
        &self,
        request: &Request,
        within: Duration,
        touched: Touched,
    ) -> Result<Output, Error> {
        let mut args = from_stdin();
        if self.sudo {
            args.splice(0..0, ["sudo", "-n"].map(String::from));
        }
        let name = args.remove(0);
        let output = Program::new(name).args(args).run(Some(request.stdin()), within).await;
        output.map_err(|error| match error {
            RunError::Deadline(..) => Error::Deadline {
                unit: LABEL.to_owned(),
                stage: Stage::Agent,
                after: within,
                touched,
            },
            RunError::Start(..) => unreachable(&error, Touched::Nothing, Retry::Final),
            RunError::Broke(..) => unreachable(&error, touched, Retry::Transient),
        })
    }
}

fn unreachable(error: &RunError, touched: Touched, retry: Retry) -> Error {
    Error::Unreachable {
        unit: LABEL.to_owned(),
        via: "a local program".to_owned(),
        why: error.to_string(),
        next: Some("the agent needs python3, and sudo where omega does not run as root".to_owned()),
        touched,
        retry,
    }
}

#[async_trait]
impl Channel for Local {
    fn name(&self) -> String {
        LABEL.to_owned()
    }

    async fn ask(&self, probes: &[Probe]) -> Result<Vec<Reply>, Error> {
        let request = Request::ask(probes, self.deadlines.probe);
        let output = self.run(&request, self.deadlines.ask(), Touched::Nothing).await?;
        replies(LABEL, &output, &request.nonce, probes)
    }

    async fn act(
        &self,
        action: &Action,
        payload: Payload,
        fence: Option<&Fence>,
    ) -> Result<(), Error> {
        let request = Request::act(action, payload, self.deadlines.act_there(), fence);
        let output = self.run(&request, self.deadlines.act, Touched::Maybe).await?;
        done(LABEL, &output, &request.nonce)
    }

    async fn lock(&self, request: &LockRequest) -> Result<Option<HeldLock>, Error> {
        let request = Request::lock(request);
        let output = self.run(&request, self.deadlines.ask(), Touched::Nothing).await?;
        lock(LABEL, &output, &request.nonce)
    }
}

/// Runs a command, for tests.
#[cfg(test)]
pub(crate) async fn python3(
    command: &[String],
    stdin: crate::agent::Stdin,
    within: Duration,
) -> Output {
    let (name, args) = command.split_first().unwrap();
    Program::new(name).args(args).run(Some(stdin), within).await.unwrap()
}
