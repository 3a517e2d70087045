use std::sync::Arc;

use omega_core::{Failure, Step, plan, step, step_with_proof};

use super::{
    DriverRights, Mint, MintedKubeconfig, ProofKubeconfig, RightsChange, mint::proof_path,
};

/// Returns [`mint_kubeconfig`] as the steps of a run: add rights, test them and mint the kubeconfig,
/// and remove the rights that are no longer needed.
///
/// [`mint_kubeconfig`]: super::mint_kubeconfig
///
/// # Errors
///
/// Fails if the current rights can't be read.
pub async fn mint_steps(
    mint: &Arc<Mint>,
    wanted: MintedKubeconfig,
) -> Result<Vec<Box<dyn Step>>, Failure> {
    let management = Arc::new(mint.management().clone());
    let rights = wanted.rights.clone();
    let removes = |change: &RightsChange| !matches!(change, RightsChange::Create { .. });
    let narrows = plan(&*management, &rights).await?.delta().changes().iter().any(removes);
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
