//! Step 7.9: a throw-away template or a whole cluster proves that the cloud makes them.

use std::collections::BTreeMap;

use omega_core::Severity;
use omega_core::{
    Failure, FailureClass,
    run::{Engine, Job},
};
use omega_openstack::container_infra::{
    ClusterProof, ClusterSpec, NetworkDriver, ProofOptions, ProofTemplate, TemplateSpec,
    prove_cluster, prove_template, temporary_name,
};
use serde::Serialize;

use super::GraftSpec;
use crate::{clients::Clients, site::Prove};

/// The name of a proof's run.
pub(crate) const PROVE: &str = "prove";

/// What the names of all that a proof makes begin with.
const PREFIX: &str = "omega-proof";

/// What a proof makes and removes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// A cluster template.
    Template,
    /// A cluster.
    Cluster,
}

/// What a proof showed.
#[derive(Clone, Debug, Serialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum Proven {
    /// The template was made and removed.
    Template {
        /// Its name.
        name: String,
    },
    /// The cluster was made, HEALTHY, and removed.
    Cluster(Box<ClusterProof>),
}

/// Makes and removes a throw-away template, or a whole cluster, as a run of its own: what it makes is in
/// its journal as temporary. `site`: the site, as the operator named it.
///
/// # Errors
///
/// Refuses while the management cluster does not serve what the driver reads: a delete then only
/// looks as if it worked.
pub async fn prove(
    engine: &Engine,
    site: &str,
    proof: Proof,
    prove: &Prove,
    spec: &GraftSpec,
    clients: &Clients,
) -> Result<Proven, Failure> {
    let served = spec.served(clients).findings().await.map_err(|error| {
        Failure::from_error("could not ask what the management cluster serves", &error)
    })?;
    if let Some(broken) = served.iter().find(|f| f.severity == Severity::Broken) {
        let what = "no proof while driver and cluster do not fit";
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
    TemplateSpec {
        image: prove.image.clone(),
        external_network: prove.external_network.clone(),
        flavor: prove.flavor.clone(),
        master_flavor: prove.flavor.clone(),
        network_driver: NetworkDriver::default(),
        dns_nameserver: None,
        labels: BTreeMap::new(),
    }
}

fn cluster(prove: &Prove) -> ClusterSpec {
    let template = match &prove.template {
        Some(name) => ProofTemplate::Existing(name.clone()),
        None => ProofTemplate::ThrowAway(template(prove)),
    };
    ClusterSpec { template, keypair: prove.keypair.clone(), master_count: 1, node_count: 1 }
}
