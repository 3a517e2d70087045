//! Step 7.9: a temporary template or a whole cluster proves that the cloud can create them.

use omega_core::Severity;
use omega_core::{
    Failure, FailureClass,
    run::{Engine, Job},
};
use omega_openstack::container_infra::{
    ClusterProof, ClusterSpec, ProofOptions, ProofTemplate, TemplateSpec, prove_cluster,
    prove_template, temporary_name,
};
use serde::Serialize;

use super::GraftSpec;
use crate::{clients::Clients, site::Prove};

/// The job's name, in runs.
pub(crate) const PROVE: &str = "prove";

/// The prefix of the names of a proof's temporary resources.
const PREFIX: &str = "omega-proof";

/// What a proof creates and removes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// A cluster template.
    Template,
    /// A cluster.
    Cluster,
}

/// The result of a proof.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Proven {
    /// The template was created and removed.
    Template {
        /// Its name.
        name: String,
    },
    /// The cluster was created, became HEALTHY, and was removed.
    Cluster(Box<ClusterProof>),
}

/// Creates and removes a temporary template, or a whole cluster, as a run of its own, with the resources
/// in its journal as temporary. `site`: the site, as the operator named it.
///
/// # Errors
///
/// Refuses if the management cluster does not serve what the driver reads: a delete would then only
/// seem to work.
pub async fn prove(
    engine: &Engine,
    site: &str,
    proof: Proof,
    prove: &Prove,
    spec: &GraftSpec,
    clients: &Clients,
) -> Result<Proven, Failure> {
    let served = spec.served(clients).findings().await.map_err(|error| {
        Failure::from_error("could not read what the management cluster serves", &error)
    })?;
    if let Some(broken) = served.iter().find(|f| f.severity == Severity::Broken) {
        let what = "no proof while the driver and the management cluster do not fit together";
        let failure = Failure::new(FailureClass::Refused, what).because(broken.summary.clone());
        return Err(Failure { next: broken.remedy.clone(), ..failure });
    }
    let mut options = ProofOptions::new(PREFIX);
    options.create = prove.within;
    let job = Job::new(PROVE, site, Vec::new()).on(clients.endpoints(), clients.counts());
    let (run, ctx) = engine.begin(&job)?;
    let magnum = &clients.cloud.magnum;
    let proven = match proof {
        Proof::Template => {
            let name = temporary_name(PREFIX, ctx.now());
            let made = prove_template(&ctx, magnum, &template(prove), &name).await?;
            Proven::Template { name: made.template.name }
        }
        Proof::Cluster => {
            let proven = prove_cluster(&ctx, magnum, &cluster(prove), &options).await?;
            Proven::Cluster(Box::new(proven))
        }
    };
    run.keep("report.json", &proven)?;
    Ok(proven)
}

fn template(prove: &Prove) -> TemplateSpec {
    TemplateSpec::new(&prove.image, &prove.external_network, &prove.flavor, &prove.flavor)
}

fn cluster(prove: &Prove) -> ClusterSpec {
    let template = match &prove.template {
        Some(name) => ProofTemplate::Existing(name.clone()),
        None => ProofTemplate::ThrowAway(Box::new(template(prove))),
    };
    ClusterSpec { template, keypair: prove.keypair.clone(), master_count: 1, node_count: 1 }
}
