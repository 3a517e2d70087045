use std::{
    hash::{BuildHasher as _, Hasher as _, RandomState},
    io,
    sync::Arc,
    time::Duration,
};

use omega_core::values::{Secret, Sha256};
use serde::Serialize;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use super::program::{self, Words};
use crate::{Action, Error, Payload, Probe};

/// What is sent to the agent: the questions, or one action with its payload.
#[derive(Debug)]
pub(crate) struct Request {
    /// What its reply will be known by.
    pub(crate) nonce: String,
    program: &'static str,
    text: Vec<u8>,
    payload: Option<Arc<Secret>>,
}

/// What goes to a command's standard input: the program with its request, and the payload, which is
/// not copied.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stdin {
    pub(crate) preamble: Vec<u8>,
    pub(crate) payload: Option<Arc<Secret>>,
}

impl Stdin {
    /// Writes all of it.
    ///
    /// # Errors
    ///
    /// Fails if nobody reads any more.
    pub(crate) async fn write(&self, to: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        to.write_all(&self.preamble).await?;
        if let Some(payload) = &self.payload {
            to.write_all(payload.expose()).await?;
        }
        Ok(())
    }
}

#[derive(Serialize)]
struct Ask<'a> {
    nonce: &'a str,
    seconds: u64,
    probes: &'a [Probe],
}

#[derive(Serialize)]
struct Act<'a> {
    nonce: &'a str,
    seconds: u64,
    action: &'a Action,
    payload: Option<Shape>,
}

#[derive(Serialize)]
struct Shape {
    size: usize,
    sha256: Sha256,
}

impl Request {
    /// Returns the questions, each of which may take `each`.
    pub(crate) fn ask(probes: &[Probe], each: Duration) -> Self {
        let nonce = nonce();
        let ask = Ask { nonce: &nonce, seconds: each.as_secs().max(1), probes };
        let text = serde_json::to_vec(&ask).unwrap_or_default();
        Self { nonce, program: program::ASK, text, payload: None }
    }

    /// Returns one action, which gives up by itself after `within`.
    pub(crate) fn act(action: &Action, payload: Payload, within: Duration) -> Self {
        let nonce = nonce();
        let payload = match payload {
            Payload::Null => None,
            Payload::Bytes(bytes) => Some(bytes),
        };
        let shape = payload.as_ref().map(|p| Shape { size: p.expose().len(), sha256: p.digest() });
        let seconds = within.as_secs().max(1);
        let act = Act { nonce: &nonce, seconds, action, payload: shape };
        let text = serde_json::to_vec(&act).unwrap_or_default();
        Self { nonce, program: program::ACT, text, payload }
    }

    /// Returns the command that [`Request::stdin`] is for.
    pub(crate) fn words() -> Words {
        program::from_stdin()
    }

    /// Returns what goes to the command's standard input.
    pub(crate) fn stdin(&self) -> Stdin {
        let preamble = program::preamble(self.program, &self.text);
        Stdin { preamble, payload: self.payload.clone() }
    }

    /// Returns a command that needs no standard input, for questions only.
    ///
    /// # Errors
    ///
    /// Fails if it would be too long.
    pub(crate) fn words_without_stdin(&self, unit: &str) -> Result<Words, Error> {
        program::from_arguments(unit, self.program, &self.text)
    }
}

/// Tells one reply from another and from noise. Not a secret; the standard library's seeds do.
fn nonce() -> String {
    format!("{:016x}", RandomState::new().build_hasher().finish())
}
