//! Restores from a journal: undoes or removes what this crate changed.

use std::sync::Arc;

use omega_core::{Desired, Step, step};
use serde::Deserialize as _;
use serde_json::Value;

use crate::{
    access::{Mint, RemovedKubeconfig},
    echo::RemovedEcho,
    egress::RemovedPod,
    workload::ManagedWorkload,
};

/// One operation of this crate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Operation {
    /// [`Desired::KIND`].
    pub kind: &'static str,
    /// The kind of the desired fact that undoes it; `None` if it can't be undone.
    pub undo: Option<&'static str>,
    /// Whether a run creates it for its own use and removes it again.
    pub temporary: bool,
}

const fn lasting<D: Desired>() -> Operation {
    Operation { kind: D::KIND, undo: None, temporary: false }
}

const fn temporary<D: Desired>() -> Operation {
    Operation { kind: D::KIND, undo: Some(<D::Undo as Desired>::KIND), temporary: true }
}

/// Every operation of this crate. A test fails if one is missing, as a journal could not restore it.
pub const OPERATIONS: [Operation; 11] = [
    lasting::<crate::access::DriverRights>(),
    lasting::<crate::access::MintedKubeconfig>(),
    lasting::<crate::access::RetargetedKubeconfig>(),
    lasting::<crate::stuck::ReleaseFinalizers>(),
    lasting::<crate::stuck::ReplaceCredentials>(),
    temporary::<crate::access::ProofKubeconfig>(),
    temporary::<crate::egress::ProbePod>(),
    temporary::<crate::echo::Echo>(),
    lasting::<RemovedKubeconfig>(),
    lasting::<RemovedPod>(),
    lasting::<RemovedEcho>(),
];

/// Returns the step that makes the desired fact of `kind` true, on the management cluster and the
/// machine of `mint`, or on a workload cluster that it knows. `None` if this crate restores no such kind.
///
/// # Errors
///
/// Fails if `desired` does not parse as that kind.
pub fn restore(
    kind: &str,
    desired: &Value,
    mint: &Mint,
) -> Result<Option<Box<dyn Step>>, serde_json::Error> {
    Ok(match kind {
        RemovedPod::KIND => {
            let management = Arc::new(mint.management().clone());
            Some(step(&management, RemovedPod::deserialize(desired)?))
        }
        RemovedEcho::KIND => {
            let removed = RemovedEcho::deserialize(desired)?;
            let (management, cluster) = (mint.management().clone(), removed.cluster.clone());
            Some(step(&Arc::new(ManagedWorkload::new(management, cluster)), removed))
        }
        RemovedKubeconfig::KIND => {
            Some(step(&Arc::new(mint.clone()), RemovedKubeconfig::deserialize(desired)?))
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, path::Path};

    use omega_core::{
        kubeconfig::{AuthKind, KubeconfigFacts},
        testing::defined_kinds,
        values::Sha256,
    };
    use serde_json::json;

    use super::*;
    use crate::{Management, sim::Apiserver};

    #[tokio::test]
    async fn every_operation_is_registered_and_what_undoes_it_can_be_restored() {
        let found = defined_kinds(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"));
        let known: BTreeSet<String> = OPERATIONS.iter().map(|one| one.kind.to_owned()).collect();
        assert_eq!(known, found, "an operation that is not in the registry can't be rolled back");
        let facts = KubeconfigFacts {
            sha256: Sha256::of(b""),
            size: 0,
            context: "lab".to_owned(),
            server: "https://127.77.2.1:6443".parse().unwrap(),
            ca_pem: None,
            auth: AuthKind::Token,
            token_expires: None,
            account: None,
        };
        let noon = "2026-11-21T12:00:00Z".parse().unwrap();
        let management = Management::over(Apiserver::with_accounts(noon), "sim");
        let mint = Mint::new(management, &facts, noon);
        let stored = |kind: &str| match kind {
            RemovedPod::KIND => json!({"namespace": "default", "name": "omega-egress-1"}),
            RemovedEcho::KIND => json!({
                "cluster": {"namespace": "magnum-1", "name": "c1"}, "kind": "service",
                "namespace": "default", "name": "omega-lb-1",
            }),
            RemovedKubeconfig::KIND => json!({"path": "/home/x.proof-1"}),
            other => panic!("how is {other} stored?"),
        };
        for operation in OPERATIONS {
            let Some(kind) = operation.undo else { continue };
            let step = restore(kind, &stored(kind), &mint).unwrap().unwrap();
            assert_eq!(step.id().kind, kind);
            assert!(restore(kind, &json!([]), &mint).is_err(), "{kind}");
        }
        assert!(restore("juju.file.v1", &json!({}), &mint).unwrap().is_none());
    }
}
