//! Proves that Magnum creates cluster templates: creates one and deletes it.

use omega_core::{Context, Failure, FailureClass, with_temporary};
use serde::{Deserialize, Serialize};

use super::{ContainerInfra, CreateTemplate, Template, TemplateSpec};

/// The result of [`prove_template`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TemplateProof {
    /// The template as Magnum created it. It is deleted again.
    pub template: Template,
}

/// Creates the template `name`, verifies it, deletes it, and verifies that it is gone. Nothing else is
/// changed. The name must be unique to this run ([`temporary_name`](super::temporary_name)).
///
/// ```no_run
/// # use omega_core::{Context, Failure};
/// # use omega_openstack::container_infra::*;
/// # async fn f(ctx: &Context, magnum: &ContainerInfra, spec: &TemplateSpec) -> Result<(), Failure> {
/// let name = temporary_name("omega-proof", ctx.now());
/// let proof = prove_template(ctx, magnum, spec, &name).await?;
/// println!("{} was created and deleted", proof.template.name);
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// The failure names what was left behind, if anything was. The journal of `ctx` has it too.
pub async fn prove_template(
    ctx: &Context,
    magnum: &ContainerInfra,
    spec: &TemplateSpec,
    name: &str,
) -> Result<TemplateProof, Failure> {
    let desired = CreateTemplate { name: name.to_owned(), spec: spec.clone() };
    with_temporary(ctx, magnum, &desired, async |seen| {
        let template = seen.templates.into_iter().next();
        let template = template.ok_or_else(|| unseen(&format!("template {name}")))?;
        Ok(TemplateProof { template })
    })
    .await
}

/// The failure if an object that was just observed is missing in the answer.
pub(super) fn unseen(what: &str) -> Failure {
    Failure::new(FailureClass::Error, format!("Magnum did not list the {what}"))
}
