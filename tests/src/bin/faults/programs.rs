//! The harness's end of the programs that omega starts: `juju` and `maas`, with their faults.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use async_trait::async_trait;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{UnixListener, UnixStream},
    task::JoinHandle,
};

use crate::{
    fault::{Fault, TOO_LARGE},
    standin::{Part, SOCKET},
    wire::{Kind, Wire},
};

/// How a program was started.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    /// Its name: `juju`.
    pub(crate) program: String,
    pub(crate) args: Vec<String>,
    pub(crate) stdin: Vec<u8>,
}

/// What a program prints, and its exit status.
#[derive(Clone, Debug, Default)]
pub(crate) struct Printed {
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    pub(crate) status: u8,
    /// Whether it does not end by itself.
    pub(crate) stays: bool,
}

/// What is behind the programs.
#[async_trait]
pub(crate) trait Behind: Send + Sync {
    /// Returns the words of a call, and what it is for.
    fn describe(&self, call: &Call) -> (String, Kind);
    /// What is to be executed, to recognise the same once more.
    fn whole(&self, call: &Call) -> String;
    /// Executes it.
    async fn run(&self, call: &Call) -> Printed;
    /// Returns what the program prints when this fault happens; none if it does not end.
    fn spoiled(&self, call: &Call, fault: Fault, executed: Option<Printed>) -> Option<Printed>;
}

/// The programs of one run. They end when this is dropped.
pub(crate) struct Programs {
    directory: PathBuf,
    task: JoinHandle<()>,
}

impl Drop for Programs {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Programs {
    /// Puts `names` into `directory`. `front`: what they are called among those that listen.
    pub(crate) fn start(
        directory: &Path,
        names: &[&str],
        front: &'static str,
        wire: &Wire,
        behind: Arc<dyn Behind>,
    ) -> io::Result<Self> {
        std::fs::create_dir_all(directory)?;
        let own = std::env::current_exe()?;
        for name in names {
            std::os::unix::fs::symlink(&own, directory.join(name))?;
        }
        let listener = UnixListener::bind(directory.join(SOCKET))?;
        let wire = wire.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (wire, behind) = (wire.clone(), Arc::clone(&behind));
                drop(tokio::spawn(async move {
                    drop(serve(stream, front, &wire, &*behind).await);
                }));
            }
        });
        Ok(Self { directory: directory.to_owned(), task })
    }

    /// Returns the path of a program.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}

async fn part(stream: &mut UnixStream) -> io::Result<Vec<u8>> {
    let length = stream.read_u32().await?;
    let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    stream.read_exact(&mut bytes).await?;
    Ok(bytes)
}

async fn serve(
    mut stream: UnixStream,
    front: &str,
    wire: &Wire,
    behind: &dyn Behind,
) -> io::Result<()> {
    let (program, args) = serde_json::from_slice(&part(&mut stream).await?)?;
    let call = Call { program, args, stdin: part(&mut stream).await? };
    let (line, kind) = behind.describe(&call);
    let verdict = wire.arrive(front, &line, kind, behind.whole(&call));
    let executed = match verdict.fault {
        Some(fault) if !fault.executes() => None,
        _ => Some(behind.run(&call).await),
    };
    if executed.is_some() {
        wire.answered(verdict.nth, 200);
    }
    let printed = match verdict.fault {
        None => executed,
        Some(Fault::Huge | Fault::Endless) => return flood(&mut stream, wire).await,
        Some(fault) => behind.spoiled(&call, fault, executed),
    };
    let Some(Printed { stdout, stderr, status, stays }) = printed else {
        // Until the program is killed.
        drop(stream.read_u8().await);
        return Ok(());
    };
    send(&mut stream, Part::Stdout, &stdout).await?;
    send(&mut stream, Part::Stderr, &stderr).await?;
    if stays {
        drop(stream.read_u8().await);
        return Ok(());
    }
    stream.write_u8(Part::Exit.byte()).await?;
    stream.write_u32(status.into()).await?;
    stream.flush().await
}

async fn send(stream: &mut UnixStream, part: Part, bytes: &[u8]) -> io::Result<()> {
    stream.write_u8(part.byte()).await?;
    stream.write_u32(u32::try_from(bytes.len()).map_err(io::Error::other)?).await?;
    stream.write_all(bytes).await
}

/// Prints 10 GB, as long as somebody reads them.
async fn flood(stream: &mut UnixStream, wire: &Wire) -> io::Result<()> {
    let chunk = vec![b'a'; 64 << 10];
    let mut left = TOO_LARGE;
    while left > 0 {
        send(stream, Part::Stdout, &chunk).await?;
        wire.sent(chunk.len() as u64);
        left -= chunk.len() as u64;
    }
    Ok(())
}
