use std::{
    hash::{BuildHasher as _, Hasher as _, RandomState},
    io,
    sync::Arc,
    time::Duration,
};

use omega_core::{run::LOCK_LASTS, values::Secret};
use serde_json::json;
use tokio::io::{AsyncWrite, AsyncWriteExt as _};

use super::program;
use crate::{Action, Error, Fence, LockRequest, Payload, Probe};

/// A request to the agent: probes, or one action with its payload.
#[derive(Debug)]
pub(crate) struct Request {
    /// Identifies the reply.
    pub(crate) nonce: String,
    program: &'static str,
    text: String,
    payload: Option<Arc<Secret>>,
}

/// The standard input of a command: program and request, then the payload, which is not copied.
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
    /// Fails if the reader is gone.
    pub(crate) async fn write(&self, to: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
        to.write_all(&self.preamble).await?;
        if let Some(payload) = &self.payload {
            to.write_all(payload.expose()).await?;
        }
        Ok(())
    }
}

impl Request {
    /// Returns a request with probes, each of which may take `each`.
    pub(crate) fn ask(probes: &[Probe], each: Duration) -> Self {
        let (nonce, seconds) = (nonce(), each.as_secs().max(1));
        let text = json!({ "nonce": nonce, "seconds": seconds, "probes": probes });
        Self { nonce, program: program::ASK, text: text.to_string(), payload: None }
    }

    /// Returns a request with one action, which the agent aborts after `within`, and refuses if the lock of
    /// `fence` is not held.
    pub(crate) fn act(
        action: &Action,
        payload: Payload,
        within: Duration,
        fence: Option<&Fence>,
    ) -> Self {
        let (nonce, seconds) = (nonce(), within.as_secs().max(1));
        let payload = match payload {
            Payload::Null => None,
            Payload::Bytes(bytes) => Some(bytes),
        };
        let size =
            |bytes: &Arc<Secret>| json!({ "size": bytes.expose().len(), "sha256": bytes.digest() });
        let size = payload.as_ref().map(size);
        let fence = fence.map(
            |Fence { id, token }| json!({ "id": id, "token": token, "lasts": LOCK_LASTS.as_secs() }),
        );
        let text = json!({
            "nonce": nonce, "seconds": seconds, "action": action, "payload": size, "fence": fence,
        });
        Self { nonce, program: program::ACT, text: text.to_string(), payload }
    }

    /// Returns a request about the lock.
    pub(crate) fn lock(request: &LockRequest) -> Self {
        let nonce = nonce();
        let mut ask = json!(request);
        if let Some(fields) = ask.as_object_mut() {
            fields.insert("lasts".to_owned(), LOCK_LASTS.as_secs().into());
        }
        let text = json!({ "nonce": nonce, "ask": ask });
        Self { nonce, program: program::ACT, text: text.to_string(), payload: None }
    }

    /// Returns the standard input for the command [`program::from_stdin`].
    pub(crate) fn stdin(&self) -> Stdin {
        let preamble = program::preamble(self.program, self.text.as_bytes());
        Stdin { preamble, payload: self.payload.clone() }
    }

    /// Returns the same with a program in which `from` is replaced.
    #[cfg(test)]
    pub(super) fn stdin_with(&self, from: &str, to: &str) -> Stdin {
        let preamble = program::preamble(&self.program.replace(from, to), self.text.as_bytes());
        Stdin { preamble, payload: self.payload.clone() }
    }

    /// Returns a command that needs no standard input, for probes only.
    ///
    /// # Errors
    ///
    /// Fails if it would be too long.
    pub(crate) fn command(&self, unit: &str) -> Result<Vec<String>, Error> {
        program::from_arguments(unit, self.program, self.text.as_bytes())
    }
}

/// Identifies a reply among other output. It is not a secret, so the seeds of the standard library
/// are random enough.
fn nonce() -> String {
    format!("{:016x}", RandomState::new().build_hasher().finish())
}
