use std::{collections::BTreeMap, ops::ControlFlow};

use clap::ValueEnum as _;
use omega_core::{Failure, FailureClass};
use omega_openstack::container_infra::{
    ClusterSpec, NetworkDriver, ProofOptions, ProofStep, ProofTemplate, TemplateSpec,
    prove_cluster, prove_template,
};
use serde_json::json;

use super::{Clients, Wanted};
use crate::{cli::Proof, command::Session, render, site::Prove};

/// Step 7.9: makes and deletes a throw-away template, or a whole cluster.
pub(crate) async fn prove(
    session: &Session,
    proof: Proof,
    prove: &Prove,
    wanted: &Wanted,
    world: &Clients,
) -> Result<serde_json::Value, Failure> {
    // While a version that the driver reads is unserved, a delete only looks as if it worked.
    let served = wanted.served(world).findings().await.map_err(|error| {
        Failure::from_error("could not ask what the management cluster serves", &error)
    })?;
    if let Some(broken) = served.iter().find(|f| f.severity == omega_capi::Severity::Broken) {
        return Err(Failure::new(
            FailureClass::Refused,
            "no proof while driver and cluster do not fit",
        )
        .because(broken.what.clone())
        .next(broken.remedy.clone()));
    }
    let mut options = ProofOptions::new("omega-proof");
    options.create = prove.within;
    let mut watch = |step: &ProofStep| {
        match step {
            ProofStep::Waiting { .. } => session.console.now(&step.to_string()),
            ProofStep::Creating(_)
            | ProofStep::Reached(_)
            | ProofStep::Again(_)
            | ProofStep::Deleting(_)
            | _ => session.console.say(&format!("7.9 {step}")),
        }
        if session.stop.asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let text = match proof {
        Proof::Template => {
            let spec = template(prove);
            let proof = prove_template(&world.magnum, &spec, &options, &mut watch);
            let template = proof.await.map_err(Failure::from)?.template;
            format!("7.9 proven: template {} was made and deleted.", template.name)
        }
        Proof::Cluster => {
            let spec = cluster(prove);
            let proof = prove_cluster(&world.magnum, &spec, &options, &mut watch);
            let proof = proof.await.map_err(Failure::from)?;
            format!(
                "7.9 proven: cluster {} CREATE_COMPLETE after {}, HEALTHY {} later, deleted in {}.",
                proof.cluster.name,
                render::seconds(proof.created_in),
                render::seconds(proof.healthy_in),
                render::seconds(proof.deleted_in),
            )
        }
    };
    session.console.done();
    session.screen.prose(&text);
    Ok(json!({ "what": proof.to_possible_value().map(|v| v.get_name().to_owned()), "text": text }))
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
