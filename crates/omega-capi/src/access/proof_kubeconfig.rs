use std::{io, path::PathBuf};

use omega_core::{
    ChangeKind, Conflict, Context, Delta, Describe, Desired, Diff, PollPolicy, Subject,
};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{
    DriverRights, FileObserved, Mint, MintChange, MintError, MintObserved, MintedKubeconfig,
};

/// The minimum lifetime of a token in seconds (kubernetes v1.34.4,
/// `pkg/apis/authentication/validation/validation.go`).
const LIFETIME: u64 = 600;

/// Ensures that a kubeconfig with a token of ten minutes is at `path`, and that it has the rights that
/// the driver needs: a temporary [`MintedKubeconfig`] to test these rights.
///
/// # Caveats
///
/// The token expires by itself. Binding it to an object that is deleted earlier would cost two more
/// writes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProofKubeconfig {
    /// The account and its rights.
    pub rights: DriverRights,
    /// The file, unique for this run.
    pub path: PathBuf,
    /// The server to write; by default that of the management cluster's own kubeconfig.
    pub server: Option<Url>,
}

impl ProofKubeconfig {
    fn minted(&self) -> MintedKubeconfig {
        let Self { rights, path, server } = self.clone();
        MintedKubeconfig { rights, path, lifetime: LIFETIME, renew_before: None, server }
    }
}

impl Desired for ProofKubeconfig {
    const KIND: &'static str = "capi.proof-kubeconfig.v1";
    type Target = Mint;
    type Observed = MintObserved;
    type Change = MintChange;
    type Undo = RemovedKubeconfig;
    type Error = MintError;

    fn subject(&self) -> Subject {
        Subject::new("proof", self.path.display().to_string())
    }

    fn key(&self) -> String {
        self.path.display().to_string()
    }

    async fn observe(&self, mint: &Mint) -> Result<MintObserved, MintError> {
        self.minted().observe(mint).await
    }

    fn diff(&self, seen: &MintObserved) -> Result<Delta<MintChange>, Conflict> {
        self.minted().diff(seen)
    }

    async fn apply(
        &self,
        ctx: &Context,
        mint: &Mint,
        change: &MintChange,
    ) -> Result<(), MintError> {
        self.minted().apply(ctx, mint, change).await
    }

    fn undo(&self, before: &MintObserved) -> Option<RemovedKubeconfig> {
        let absent = matches!(before.file, FileObserved::Absent);
        absent.then(|| RemovedKubeconfig { path: self.path.clone() })
    }

    fn poll_policy(&self) -> PollPolicy {
        self.minted().poll_policy()
    }
}

/// Ensures that there is no file at `path`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovedKubeconfig {
    /// The file.
    pub path: PathBuf,
}

/// Removes a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoveFile {
    path: PathBuf,
}

impl Desired for RemovedKubeconfig {
    const KIND: &'static str = "capi.removed-kubeconfig.v1";
    type Target = Mint;
    /// Whether the file exists.
    type Observed = bool;
    type Change = RemoveFile;
    type Undo = Self;
    type Error = MintError;

    fn subject(&self) -> Subject {
        Subject::new("proof", self.path.display().to_string())
    }

    fn key(&self) -> String {
        self.path.display().to_string()
    }

    async fn observe(&self, mint: &Mint) -> Result<bool, MintError> {
        match mint.local.read(&self.path) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(source) => Err(MintError::Read { path: self.path.clone(), source }),
        }
    }

    fn diff(&self, exists: &bool) -> Result<Delta<RemoveFile>, Conflict> {
        let remove = RemoveFile { path: self.path.clone() };
        Ok(Delta::of(if *exists { vec![remove] } else { Vec::new() }))
    }

    async fn apply(&self, _: &Context, mint: &Mint, change: &RemoveFile) -> Result<(), MintError> {
        let removed = mint.local.remove(&change.path);
        removed.map_err(|source| MintError::Write { path: change.path.clone(), source })
    }
}

impl Describe for RemoveFile {
    fn describe(&self) -> Diff {
        let subject = Subject::new("proof", self.path.display().to_string());
        Diff::new(ChangeKind::Delete, subject, "its token expires by itself in ten minutes")
    }
}
