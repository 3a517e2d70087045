use std::{pin::pin, time::Duration};

use omega_core::{Retry, Touched};
use russh::{Channel, ChannelMsg, ChannelReadHalf, Sig, client::Msg};
use tokio::{io::AsyncWriteExt as _, time::timeout};

use super::{connect::Connection, hop::late};
use crate::{
    Error,
    agent::{Output, Stdin},
    channel::{SshStage, Stage},
};

/// The maximum number of bytes that are read from each stream.
const MOST: usize = 64 << 20;

impl Connection {
    /// Opens a session. Nothing is executed.
    ///
    /// # Errors
    ///
    /// Fails if the connection is lost, or the server opens none in time.
    pub(super) async fn session(&self, within: Duration) -> Result<Channel<Msg>, Error> {
        let open = timeout(within, self.handle.channel_open_session()).await;
        let late = |_| late(&self.label, self.server.clone(), SshStage::Session, within);
        open.map_err(late)?.map_err(|error| self.broke(&error.to_string(), Touched::Nothing))
    }

    fn broke(&self, why: &str, touched: Touched) -> Error {
        Error::Unreachable {
            unit: self.label.clone(),
            via: "ssh".to_owned(),
            why: why.to_owned(),
            next: Some(
                "check that the machine and its sshd run, then run the same command again"
                    .to_owned(),
            ),
            touched,
            retry: Retry::Transient,
        }
    }

    /// Executes one command line in a session, with all of `stdin`.
    ///
    /// # Errors
    ///
    /// The error says whether the command may have run.
    pub(super) async fn execute(
        &self,
        channel: Channel<Msg>,
        line: &str,
        stdin: &Stdin,
        within: Duration,
        touched: Touched,
    ) -> Result<Output, Error> {
        channel.exec(true, line).await.map_err(|error| self.broke(&error.to_string(), touched))?;
        let (mut read, write) = channel.split();
        let writing = async {
            let mut input = write.make_writer();
            // A command may end without reading: its output matters, not this error.
            drop(stdin.write(&mut input).await);
            drop(input.shutdown().await);
        };
        match timeout(within, gather(&mut read, writing)).await {
            Ok(Ok(output)) => Ok(output),
            Ok(Err(why)) => Err(self.broke(why, touched)),
            Err(_) => {
                // sshd signals the process group. A process that sudo runs as root may survive that,
                // but has its own deadline.
                drop(write.signal(Sig::TERM).await);
                drop(write.close().await);
                Err(Error::Deadline {
                    unit: self.label.clone(),
                    stage: Stage::Agent,
                    after: within,
                    touched,
                })
            }
        }
    }
}

/// Reads until the channel closes, and writes concurrently, so that a command that never reads its
/// standard input does not block the output.
async fn gather(
    read: &mut ChannelReadHalf,
    writing: impl Future<Output = ()>,
) -> Result<Output, &'static str> {
    let (mut output, mut writing, mut written) = (Output::default(), pin!(writing), false);
    loop {
        let message = tokio::select! {
            message = read.wait() => message,
            () = &mut writing, if !written => {
                written = true;
                continue;
            }
        };
        match message {
            Some(ChannelMsg::Data { data }) => keep(&mut output.stdout, &data),
            Some(ChannelMsg::ExtendedData { data, ext: 1 }) => keep(&mut output.stderr, &data),
            Some(ChannelMsg::ExitStatus { exit_status }) => {
                output.status = i32::try_from(exit_status).ok();
            }
            Some(ChannelMsg::ExitSignal { signal_name, .. }) => {
                output.signal = Some(format!("{signal_name:?}"));
            }
            Some(ChannelMsg::Failure) => return Err("the server refuses to execute commands"),
            Some(ChannelMsg::Close) => return Ok(output),
            None if output.status.is_some() || output.signal.is_some() => return Ok(output),
            None => return Err("the connection was lost before the command ended"),
            Some(_) => {}
        }
    }
}

fn keep(kept: &mut Vec<u8>, data: &[u8]) {
    let room = MOST.saturating_sub(kept.len());
    kept.extend_from_slice(data.get(..room.min(data.len())).unwrap_or_default());
}
