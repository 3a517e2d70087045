//! A MAAS: the client.

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use omega_core::{Label, Touched, patiently};
use serde::de::DeserializeOwned;

use super::{MaasCommands, MaasError, MaasMachine};

/// A MAAS, through one profile of its command line.
pub struct Maas {
    commands: Arc<dyn MaasCommands>,
    profile: String,
    executions: AtomicUsize,
}

impl fmt::Debug for Maas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Maas").field("profile", &self.profile).finish_non_exhaustive()
    }
}

impl Label for Maas {
    fn label(&self) -> String {
        format!("MAAS profile {}", self.profile)
    }
}

impl Maas {
    /// Returns the MAAS behind these commands. Nothing is sent.
    pub fn new(commands: Arc<dyn MaasCommands>, profile: impl Into<String>) -> Self {
        Self { commands, profile: profile.into(), executions: AtomicUsize::new(0) }
    }

    /// Returns the profile's name.
    pub fn profile(&self) -> &str {
        &self.profile
    }

    /// Returns how often `maas` was run.
    pub fn executions(&self) -> usize {
        self.executions.load(Ordering::Relaxed)
    }

    /// Returns every machine.
    ///
    /// # Errors
    ///
    /// Fails if MAAS does not answer, or not with the expected JSON.
    pub async fn machines(&self) -> Result<Vec<MaasMachine>, MaasError> {
        self.ask("list the machines", &["machines", "read"]).await
    }

    /// Returns a machine; none if MAAS has no such machine.
    ///
    /// # Errors
    ///
    /// As [`Maas::machines`].
    pub async fn machine(&self, system_id: &str) -> Result<Option<MaasMachine>, MaasError> {
        let doing = format!("read machine {system_id}");
        match self.ask(&doing, &["machine", "read", system_id]).await {
            Ok(machine) => Ok(Some(machine)),
            Err(error) if error.is_absent() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Releases a machine. Its disks are erased only if MAAS is configured so.
    pub(super) async fn release(&self, system_id: &str, comment: &str) -> Result<(), MaasError> {
        let doing = format!("release machine {system_id}");
        let comment = format!("comment={comment}");
        let args = ["machine", "release", system_id, comment.as_str()];
        self.run(&doing, &args, Touched::Maybe).await.map(drop)
    }

    async fn ask<T: DeserializeOwned>(&self, doing: &str, args: &[&str]) -> Result<T, MaasError> {
        patiently(|| async {
            let printed = self.run(doing, args, Touched::Nothing).await?;
            serde_json::from_slice(&printed).map_err(|error| {
                // serde's own words can quote a value.
                let why = format!("to {doing}: not the expected JSON (line {})", error.line());
                MaasError::Malformed { why, touched: Touched::Nothing }
            })
        })
        .await
    }

    async fn run(
        &self,
        doing: &str,
        args: &[&str],
        touched: Touched,
    ) -> Result<Vec<u8>, MaasError> {
        self.executions.fetch_add(1, Ordering::Relaxed);
        let start = Instant::now();
        let answer = self.commands.run(doing, args, touched).await;
        let took_ms = u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        let status = if answer.is_ok() { "ok" } else { "failed" };
        let what = format!("maas {}", args.first().copied().unwrap_or_default());
        tracing::info!(target: "omega_trace", kind = "exec", what, status, took_ms, "trace");
        answer
    }
}
