//! A kubeconfig with a token of ten minutes, to prove the account's rights with.

use std::{io, path::PathBuf};

use omega_core::{
    ChangeKind, Conflict, Context, Delta, Describe, Desired, Diff, PollPolicy, Subject,
};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{
    DriverRights, FileObserved, Mint, MintChange, MintError, MintObserved, MintedKubeconfig,
};

/// The least that an API server gives a token (kubernetes v1.34.4,
/// `pkg/apis/authentication/validation/validation.go`), in seconds.
const LIFETIME: u64 = 600;

/// That a kubeconfig with a token of ten minutes is at `path`, and that it may do what the driver
/// does: a [`MintedKubeconfig`] that is made to be removed again.
///
/// # Caveats
///
/// The token ends by itself. It is not bound to an object that would end it sooner: that would cost
/// two more writes for the sake of ten minutes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProofKubeconfig {
    /// Whose, and what it may do.
    pub rights: DriverRights,
    /// Where, with a name of this run.
    pub path: PathBuf,
    /// The server to write; by default the management cluster's own kubeconfig's.
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

/// That there is no file at `path`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemovedKubeconfig {
    /// The file.
    pub path: PathBuf,
}

/// Removing a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RemoveFile {
    path: PathBuf,
}

impl Desired for RemovedKubeconfig {
    const KIND: &'static str = "capi.removed-kubeconfig.v1";
    type Target = Mint;
    /// Whether it is there.
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

    fn diff(&self, there: &bool) -> Result<Delta<RemoveFile>, Conflict> {
        let remove = RemoveFile { path: self.path.clone() };
        Ok(Delta::of(if *there { vec![remove] } else { Vec::new() }))
    }

    async fn apply(&self, _: &Context, mint: &Mint, change: &RemoveFile) -> Result<(), MintError> {
        let removed = mint.local.remove(&change.path);
        removed.map_err(|source| MintError::Write { path: change.path.clone(), source })
    }
}

impl Describe for RemoveFile {
    fn describe(&self) -> Diff {
        let subject = Subject::new("proof", self.path.display().to_string());
        Diff::new(ChangeKind::Delete, subject, "its token ends by itself in ten minutes")
    }
}
