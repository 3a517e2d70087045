//! What both a real cloud and `sim::Cloud` must do: one source, run on either.
//!
//! Everything is asserted from outside, by raw requests, so that a client that is wrong both ways
//! does not pass. What is made has names of its own and is removed; bystanders are looked at.
//! The contract of one operation is in the operation's file (`mod contract`); here is what calls
//! them all, and what several share.

mod cloud_inventory;
mod credential;
mod images;
mod orphans;
mod prerequisites;

pub use crate::compute::ensure_guest_running::contract::guests;
pub use crate::container_infra::admin_certificate::contract::cluster_certificates;
pub use crate::container_infra::cluster_values::contract::cluster_values;
pub use crate::container_infra::ensure_cluster_template::contract::cluster_templates;
pub use crate::load_balancer::ensure_load_balancer_active::contract::failovers;
pub use crate::network::ensure_sg_rule::contract::{group_names, near_matches, refusals, sg_rules};
pub use cloud_inventory::cloud_inventory;
pub use credential::application_credential;
pub use images::images;
pub use orphans::cluster_orphans;
pub use prerequisites::cluster_prerequisites;

use std::sync::Arc;

use omega_core::{Context, Gate as _, Verdict, ensure};

use crate::{
    Request, Response, Transport,
    container_infra::{
        ClusterHealth, ClusterList, ContainerInfra, CreateTemplate, DeleteCluster, DeleteTemplate,
        MagnumResponds, Template, TemplateSpec, prove_template, temporary_name,
    },
    identity::{Identity, TrusteeDomain},
};

/// Everything that needs a cloud with all services and its administrator in a project, and nothing
/// else. `cloud`: for each part its own connection, to one cloud or to fresh ones.
///
/// # Panics
///
/// Panics if the contract is broken.
pub async fn all<F: Future<Output = Arc<dyn Transport>>>(cloud: impl Fn() -> F) {
    sg_rules(cloud().await).await;
    near_matches(cloud().await).await;
    group_names(cloud().await).await;
    refusals(cloud().await).await;
    trustee_domain(cloud().await).await;
}

/// The trustee domain is there, and a domain of nearly its name is not.
///
/// # Panics
///
/// Panics if the contract is broken.
#[expect(clippy::expect_used, reason = "a contract is a test")]
pub async fn trustee_domain(cloud: Arc<dyn Transport>) {
    let gate = TrusteeDomain::new(Identity::new(Arc::clone(&cloud)));
    for _ in 0..2 {
        let verdict = gate.check().await.expect("asked");
        assert!(matches!(verdict, Verdict::Pass { .. }), "{verdict:?}");
    }
    for (domain, admin) in [("magnum2", "magnum_domain_admin"), ("magnum", "magnum_domain")] {
        let (domain, admin) = (domain.to_owned(), admin.to_owned());
        let verdict = TrusteeDomain { domain, admin, ..gate.clone() }.check().await;
        let Ok(Verdict::Fail(finding)) = &verdict else { unreachable_verdict(&verdict) };
        let remedy = finding.remedy.as_deref().unwrap_or_default();
        assert!(remedy.contains("domain-setup"), "{remedy}");
    }
}

/// Magnum lists clusters, and creates and deletes a template.
///
/// # Panics
///
/// Panics if the contract is broken.
#[expect(clippy::expect_used, reason = "a contract is a test")]
pub async fn magnum(cloud: Arc<dyn Transport>, spec: TemplateSpec) {
    let magnum = ContainerInfra::new(Arc::clone(&cloud));
    let clusters = ClusterList::live(magnum.clone());
    let verdict = MagnumResponds { clusters: clusters.clone() }.check().await.expect("asked");
    assert!(matches!(verdict, Verdict::Pass { .. }), "{verdict:?}");
    let only = vec!["omega-contract-absent".to_owned()];
    let verdict = ClusterHealth { clusters, only }.check().await;
    assert!(matches!(verdict, Ok(Verdict::Fail(_))), "{verdict:?}");

    let before = magnum.templates().await.expect("listed");
    let ctx = Context::default();
    let name = temporary_name("omega-contract", ctx.now());
    let proof = prove_template(&ctx, &magnum, &spec, &name).await.expect("proved");
    assert_eq!(proof.template.network_driver.as_deref(), Some("calico"));
    assert_eq!(proof.template.name, name);
    assert_eq!(magnum.templates().await.expect("listed"), before, "nothing is left behind");

    let create = CreateTemplate { name: name.clone(), spec: spec.clone() };
    assert!(ensure(&ctx, &magnum, &create).await.expect("created").changed());
    assert!(!ensure(&ctx, &magnum, &create).await.expect("found").changed());
    let decoy = CreateTemplate { name: format!("{name}-2"), spec: spec.clone() };
    ensure(&ctx, &magnum, &decoy).await.expect("created");
    let delete = DeleteTemplate::named(&name);
    assert!(ensure(&ctx, &magnum, &delete).await.expect("deleted").changed());
    assert!(!ensure(&ctx, &magnum, &delete).await.expect("gone").changed());
    let names = |all: &[Template]| all.iter().map(|one| one.name.clone()).collect::<Vec<_>>();
    assert!(names(&magnum.templates().await.expect("listed")).contains(&decoy.name));
    ensure(&ctx, &magnum, &DeleteTemplate::named(&decoy.name)).await.expect("deleted");
    let gone = DeleteCluster::named("omega-contract-absent");
    assert!(!ensure(&ctx, &magnum, &gone).await.expect("not there").changed());

    let absent = TemplateSpec { image: "omega-contract-absent".to_owned(), ..spec };
    let error = prove_template(&ctx, &magnum, &absent, &name).await.expect_err("no such image");
    assert!(
        error.next.as_deref().is_some_and(|next| next.contains("check the image's name")),
        "{error:?}"
    );
    assert_eq!(magnum.templates().await.expect("listed"), before, "nothing is left behind");
}

#[expect(clippy::panic, reason = "a contract is a test")]
fn unreachable_verdict(verdict: &Result<Verdict, omega_core::Failure>) -> ! {
    panic!("not a refusal with a remedy: {verdict:?}")
}

#[expect(clippy::expect_used, reason = "a contract is a test")]
pub(crate) async fn send(cloud: &Arc<dyn Transport>, request: Request) -> Response {
    cloud.send(request).await.expect("an answer")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Cloud;

    fn sim() -> Arc<dyn Transport> {
        let cloud = Cloud::new();
        cloud.domain_setup();
        cloud.add_domain("magnum3", true);
        cloud.add_image("k8s", true);
        cloud.add_group("another", "omega contract & +/?");
        cloud.admin("admin")
    }

    #[tokio::test]
    async fn the_simulator_keeps_the_contract() {
        all(async || sim()).await;
        let spec = TemplateSpec::new("k8s", "public", "m1.medium", "m1.medium");
        magnum(sim(), spec.clone()).await;
        let cloud = Cloud::new();
        cloud.add_network("owner", "public", "203.0.113.0/24", true);
        cluster_prerequisites(cloud.admin("admin"), cloud.member("other"), spec).await;
    }
}
