//! What undoes or removes what this crate did, as a journal names it.

use std::sync::Arc;

use omega_core::{Desired, Diagnostic, Retry, Step, Touched, Undo, step};
use serde_json::Value;

use crate::{
    access::{Mint, RemovedKubeconfig},
    egress::RemovedPod,
};

/// One operation of this crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Operation {
    /// [`Desired::KIND`].
    pub kind: &'static str,
    /// The kind of the fact that undoes it; none if it can't be undone.
    pub undo: Option<&'static str>,
    /// Whether a run makes it for itself and removes it again.
    pub temporary: bool,
}

const fn lasting<D: Desired>() -> Operation {
    Operation { kind: D::KIND, undo: None, temporary: false }
}

const fn temporary<D: Desired>() -> Operation {
    Operation { kind: D::KIND, undo: Some(<D::Undo as Desired>::KIND), temporary: true }
}

/// Every operation of this crate. One that is missing here is one that no journal leads back from:
/// a test walks them.
pub const OPERATIONS: [Operation; 9] = [
    lasting::<crate::access::DriverRights>(),
    lasting::<crate::access::MintedKubeconfig>(),
    lasting::<crate::access::RetargetedKubeconfig>(),
    lasting::<crate::stuck::ReleaseFinalizers>(),
    lasting::<crate::stuck::ReplaceCredentials>(),
    temporary::<crate::access::ProofKubeconfig>(),
    temporary::<crate::egress::ProbePod>(),
    lasting::<RemovedKubeconfig>(),
    lasting::<RemovedPod>(),
];

/// A journal's fact can't be restored by this crate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RestoreError {
    /// Its kind is none that restores anything here.
    #[error("{kind} is no fact that restores a state on the management cluster")]
    UnknownKind {
        /// The kind.
        kind: String,
    },
    /// It can't be read.
    #[error("the stored {kind} can't be read: {why}")]
    Unreadable {
        /// The kind.
        kind: String,
        /// Why.
        why: String,
    },
}

impl Diagnostic for RestoreError {
    fn retry(&self) -> Retry {
        Retry::Final
    }
    fn touched(&self) -> Touched {
        Touched::Nothing
    }
}

/// Returns the step that restores what `undo` says, on the management cluster and the machine of
/// `mint`.
///
/// # Errors
///
/// Fails if it is of another crate, or of another version.
pub fn restore(undo: &Undo, mint: &Arc<Mint>) -> Result<Box<dyn Step>, RestoreError> {
    let Undo { kind, desired } = undo;
    match kind.as_str() {
        RemovedPod::KIND => {
            let management = Arc::new(mint.management().clone());
            Ok(step(&management, read::<RemovedPod>(desired)?))
        }
        RemovedKubeconfig::KIND => Ok(step(mint, read::<RemovedKubeconfig>(desired)?)),
        _ => Err(RestoreError::UnknownKind { kind: kind.clone() }),
    }
}

fn read<D: Desired>(desired: &Value) -> Result<D, RestoreError> {
    let unreadable = |why: serde_json::Error| RestoreError::Unreadable {
        kind: D::KIND.to_owned(),
        why: why.to_string(),
    };
    serde_json::from_value(desired.clone()).map_err(unreadable)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, fs, path::Path};

    use omega_core::{
        kubeconfig::{AuthKind, KubeconfigFacts},
        values::Sha256,
    };
    use serde_json::json;

    use super::*;
    use crate::{Management, sim::Apiserver};

    fn kinds_in(directory: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                kinds_in(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                let kinds = text
                    .lines()
                    .filter_map(|line| line.split_once("const KIND: &'static str = \""));
                found.extend(kinds.map(|(_, rest)| rest.trim_end_matches("\";").to_owned()));
            }
        }
    }

    #[tokio::test]
    async fn every_operation_is_registered_and_what_undoes_it_can_be_restored() {
        let mut found = BTreeSet::new();
        kinds_in(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut found);
        let known: BTreeSet<String> = OPERATIONS.iter().map(|one| one.kind.to_owned()).collect();
        assert_eq!(known, found, "an operation that is not in the registry can't be rolled back");
        let facts = KubeconfigFacts {
            sha256: Sha256::of(b""),
            size: 0,
            context: "lab".to_owned(),
            server: "https://127.77.2.1:6443".parse().unwrap(),
            ca_pem: None,
            auth: AuthKind::Token,
        };
        let noon = "2026-11-21T12:00:00Z".parse().unwrap();
        let management = Management::over(Apiserver::with_accounts(noon), "sim");
        let mint = Arc::new(Mint::new(management, &facts, noon));
        let stored = |kind: &str| match kind {
            RemovedPod::KIND => json!({"namespace": "default", "name": "omega-egress-1"}),
            RemovedKubeconfig::KIND => json!({"path": "/home/x.proof-1"}),
            other => panic!("how is {other} stored?"),
        };
        for operation in OPERATIONS {
            let Some(kind) = operation.undo else { continue };
            let undo = Undo { kind: kind.to_owned(), desired: stored(kind) };
            assert_eq!(restore(&undo, &mint).unwrap().id().kind, kind);
        }
        let other = Undo { kind: "juju.file.v1".to_owned(), desired: json!({}) };
        assert!(matches!(restore(&other, &mint), Err(RestoreError::UnknownKind { .. })));
        let odd = Undo { kind: RemovedPod::KIND.to_owned(), desired: json!({}) };
        assert!(matches!(restore(&odd, &mint), Err(RestoreError::Unreadable { .. })));
    }
}
