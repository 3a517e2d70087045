//! Step 7.9: a temporary template or a whole cluster proves that the cloud can create them.

use std::{sync::Arc, time::Duration};

use omega_core::{
    Context, Failure, FailureClass, Severity,
    run::{Engine, Job},
};
use omega_openstack::container_infra::{
    Cluster, ClusterProof, ClusterSpec, DiagnoseCluster, ProofOptions, ProofTemplate, TemplateSpec,
    prove_cluster, prove_template, temporary_name,
};
use serde::Serialize;

use super::GraftSpec;
use crate::{
    clients::Clients,
    doctor::{Doctor, DoctorOptions},
    site::{Prove, Site},
};

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
/// in its journal as temporary. `named`: the site, as the operator named it. If a cluster does not become
/// healthy, the doctor says why before it is deleted.
///
/// # Errors
///
/// Fails if the site has no `[prove]`. Refuses if the management cluster does not serve what the driver reads: a delete would then only
/// seem to work.
pub async fn prove(
    engine: &Engine,
    named: &str,
    proof: Proof,
    site: &Site,
    spec: &GraftSpec,
    clients: &Clients,
) -> Result<Proven, Failure> {
    let prove = site.prove()?;
    let served = spec.served(clients).findings().await.map_err(|error| {
        Failure::from_error("could not read what the management cluster serves", &error)
    })?;
    if let Some(broken) = served.iter().find(|f| f.severity == Severity::Broken) {
        let what =
            "nothing can be proven while the driver and the management cluster are not compatible";
        let failure = Failure::new(FailureClass::Refused, what).because(broken.summary.clone());
        return Err(Failure { next: broken.remedy.clone(), ..failure });
    }
    let mut options = ProofOptions::new(PREFIX);
    options.create = prove.within;
    let (reading, asked) = (clients.into(), DoctorOptions::default());
    let doctor = Doctor::new(site, Some(spec.facts.clone()), reading, asked)?;
    options.diagnose = Some(diagnose(doctor, prove.within));
    let job = Job::new(PROVE, named, Vec::new()).on(clients.endpoints(), clients.counts());
    let (run, ctx) = engine.begin(&job)?;
    let magnum = &clients.cloud.magnum;
    let proven = match proof {
        Proof::Template => {
            let name = temporary_name(PREFIX, ctx.now());
            let made = prove_template(&ctx, magnum, &template_of(prove), &name).await?;
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

/// How long the doctor may take while the cluster waits to be deleted.
const DIAGNOSIS: Duration = Duration::from_mins(2);

/// Names the first broken layer of a cluster. What has not moved for half of `within` is what it waited for.
fn diagnose(doctor: Doctor, within: Duration) -> DiagnoseCluster {
    Arc::new(move |cluster: Cluster| {
        let doctor = doctor.clone().only_cluster(&cluster.uuid, within / 2);
        Box::pin(async move {
            let ctx = Context::default();
            let report = tokio::time::timeout(DIAGNOSIS, doctor.examine(&ctx)).await;
            let first = report.ok()?.ok()?.first?.finding;
            Some(format!("first broken layer: {}: {}", first.subject, first.summary))
        })
    })
}

/// Returns the template that `[prove]` describes.
pub(crate) fn template_of(prove: &Prove) -> TemplateSpec {
    let control_plane = prove.master_flavor.as_ref().unwrap_or(&prove.flavor);
    let Prove { image, external_network, flavor, .. } = prove;
    TemplateSpec {
        dns_nameserver: prove.dns_nameserver.clone(),
        labels: prove.labels.clone(),
        ..TemplateSpec::new(image, external_network, flavor, control_plane)
    }
}

fn cluster(prove: &Prove) -> ClusterSpec {
    let template = match &prove.template {
        Some(name) => ProofTemplate::Existing(name.clone()),
        None => ProofTemplate::ThrowAway(Box::new(template_of(prove))),
    };
    ClusterSpec { template, keypair: prove.keypair.clone(), master_count: 1, node_count: 1 }
}
