//! Proves that Magnum makes a cluster template, by making one and deleting it.

use std::ops::ControlFlow;

use omega_core::{Diagnostic as _, FailureClass, Touched};
use serde::{Deserialize, Serialize};

use super::{
    ContainerInfra, Template,
    proof::{ProofError, ProofOptions, ProofStep, TemplateSpec, Watch},
};

/// What [`prove_template`] saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateProof {
    /// The template as Magnum made it; it is gone again.
    pub template: Template,
}

/// Makes a template, looks whether it is as wanted, deletes it, and looks whether it is gone.
///
/// Its name begins with `options.prefix`; nothing else is touched. The future must be driven to
/// its end, or the template stays.
///
/// ```no_run
/// # use omega_openstack::container_infra::*;
/// # async fn f(magnum: &ContainerInfra, spec: &TemplateSpec) -> Result<(), ProofError> {
/// let options = ProofOptions::new("omega-proof");
/// let proof = prove_template(magnum, spec, &options, &mut |step| {
///     println!("{step}");
///     std::ops::ControlFlow::Continue(())
/// })
/// .await?;
/// println!("{} was made and deleted", proof.template.name);
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// The error says what was left behind, if anything was.
pub async fn prove_template(
    magnum: &ContainerInfra,
    spec: &TemplateSpec,
    options: &ProofOptions,
    watch: Watch<'_>,
) -> Result<TemplateProof, ProofError> {
    let template = make(magnum, spec, options, watch).await?;
    let verdict = check(magnum, &template).await;
    let removed = remove(magnum, &template.uuid, watch).await;
    verdict.map_err(|error| with_left(error, &removed))?;
    removed?;
    Ok(TemplateProof { template })
}

/// Makes a template under a name of its own.
pub(super) async fn make(
    magnum: &ContainerInfra,
    spec: &TemplateSpec,
    options: &ProofOptions,
    watch: Watch<'_>,
) -> Result<Template, ProofError> {
    let name = options.name();
    if watch(&ProofStep::Creating(format!("template {name}"))) == ControlFlow::Break(()) {
        return Err(stopped().untouched());
    }
    let error = match magnum.create_template(spec.body(&name)).await {
        Ok(template) => return Ok(template),
        Err(error) => error,
    };
    let touched = error.touched();
    let mut failed = ProofError::call(format!("could not make the template {name}"), error);
    failed.touched = touched;
    if touched == Touched::Maybe {
        // The answer is lost, the template perhaps not. Its name is this run's alone.
        match magnum.templates().await {
            Ok(templates) => {
                for template in templates.into_iter().filter(|template| template.name == name) {
                    let removed = remove(magnum, &template.uuid, watch).await;
                    failed = with_left(failed, &removed);
                }
            }
            Err(_) => failed.left.push(format!("perhaps template {name}")),
        }
    }
    Err(failed)
}

async fn check(magnum: &ContainerInfra, made: &Template) -> Result<(), ProofError> {
    let seen = magnum.template(&made.uuid).await;
    let seen = seen.map_err(|error| ProofError::call("could not read the template back", error))?;
    let Some(seen) = seen else {
        return Err(ProofError::new("Magnum has no template of the id that it gave out"));
    };
    if seen.network_driver.as_deref() == Some("calico") {
        return Ok(());
    }
    let driver = seen.network_driver.as_deref().unwrap_or("none");
    Err(ProofError::new(format!("the template's network driver is {driver}, not calico")))
}

/// Deletes a template and looks whether it is gone.
pub(super) async fn remove(
    magnum: &ContainerInfra,
    id: &str,
    watch: Watch<'_>,
) -> Result<(), ProofError> {
    // Cleaning up is not stopped.
    let _: ControlFlow<()> = watch(&ProofStep::Deleting(format!("template {id}")));
    let left = |mut error: ProofError| {
        error.left.push(format!("template {id}"));
        error
    };
    let what = format!("could not delete the template {id}");
    let deleted = magnum.delete_template(id).await;
    // Whatever became of the request, looking tells.
    match (magnum.template(id).await, deleted) {
        (Ok(None), _) => Ok(()),
        (Ok(Some(_)), Ok(())) => {
            Err(left(ProofError::new(format!("the template {id} is still there"))))
        }
        (_, Err(error)) | (Err(error), Ok(())) => Err(left(ProofError::call(what, error))),
    }
}

pub(super) fn with_left(mut error: ProofError, removed: &Result<(), ProofError>) -> ProofError {
    if let Err(removal) = removed {
        error.left.extend(removal.left.iter().cloned());
    }
    error
}

pub(super) fn stopped() -> ProofError {
    ProofError::new("the proof was stopped").class(FailureClass::Interrupted)
}
