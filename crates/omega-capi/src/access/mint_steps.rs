//! Minting, as the steps of a run.

use std::sync::Arc;

use omega_core::{Failure, Step, plan, step, step_with_proof};

use super::{
    DriverRights, Mint, MintedKubeconfig, ProofKubeconfig, RightsChange, mint::proof_path,
};

/// Returns the steps that [`mint_kubeconfig`] takes, for a plan that is shown before it is applied:
/// the rights, the kubeconfig after its proof, and at last the rights that are taken away.
///
/// [`mint_kubeconfig`]: super::mint_kubeconfig
///
/// # Errors
///
/// Fails if the rights that are there can't be read.
pub async fn mint_steps(
    mint: &Arc<Mint>,
    wanted: MintedKubeconfig,
) -> Result<Vec<Box<dyn Step>>, Failure> {
    let management = Arc::new(mint.management().clone());
    let rights = wanted.rights.clone();
    let taken = |change: &RightsChange| !matches!(change, RightsChange::Create { .. });
    let narrows = plan(&*management, &rights).await?.delta().changes().iter().any(taken);
    let minted = step_with_proof(mint, wanted, |plan, now| {
        let wanted = plan.desired();
        ProofKubeconfig {
            rights: wanted.rights.clone(),
            path: proof_path(&wanted.path, now),
            server: Some(plan.before().server.clone()),
        }
    });
    if !narrows {
        return Ok(vec![step(&management, rights), minted]);
    }
    let first = DriverRights { additive: true, ..rights.clone() };
    Ok(vec![step(&management, first), minted, step(&management, rights)])
}
