//! The trustee gate on the simulator, with domains and users of nearly the names.

use omega_core::{Gate as _, Verdict};

use std::sync::Arc;

use super::{CredentialStatus, Identity, TrusteeDomain, check_application_credential};
use crate::{Error, Service, contract, sim::Cloud};

#[tokio::test]
async fn the_simulator_knows_an_application_credential() {
    let cloud = Cloud::new();
    let open = async |id: String, secret: String| cloud.login("mgmt", &id, &secret);
    contract::application_credential(cloud.member("mgmt"), open).await;
}

#[tokio::test]
async fn a_credential_whose_user_lost_a_role_is_refused_and_silence_is_no_refusal() {
    let cloud = Cloud::new();
    let (id, secret) = cloud.add_credential("mgmt");
    let ask = async || {
        let opened: Arc<_> = cloud.login("mgmt", &id, &secret);
        check_application_credential(&*opened, Some(&id)).await
    };
    assert!(matches!(ask().await, Ok(CredentialStatus::Accepted(_))));
    cloud.revoke_credential_role("mgmt");
    assert!(matches!(ask().await, Ok(CredentialStatus::Refused { .. })));
    cloud.take_down(Service::Identity);
    let Err(Error::Login { source, .. }) = ask().await else { panic!("nobody answered") };
    assert!(matches!(*source, Error::Unreachable { .. }), "{source:?}");
}

fn decoys() -> Cloud {
    let cloud = Cloud::new();
    for domain in ["magnum-old", "Magnum", "capi"] {
        cloud.add_domain(domain, true);
        cloud.add_user(domain, "magnum_domain_admin", Some("admin"));
    }
    cloud
}

fn gate(cloud: &Cloud) -> TrusteeDomain {
    TrusteeDomain::new(Identity::new(cloud.admin("admin")))
}

#[tokio::test]
async fn what_domain_setup_makes_passes_and_then_costs_one_request() {
    let cloud = decoys();
    cloud.domain_setup();
    for requests in [3, 1] {
        let before = cloud.requests();
        let verdict = gate(&cloud).check().await.unwrap();
        assert!(matches!(verdict, Verdict::Pass { .. }), "{verdict:?}");
        assert_eq!(cloud.requests() - before, requests);
    }
    assert_eq!(cloud.writes(), Vec::<String>::new(), "a gate only reads");
}

#[tokio::test]
async fn what_is_missing_is_refused_with_the_charms_action() {
    let mut lines = Vec::new();
    let cloud = decoys();
    lines.push(gate(&cloud).check().await);
    cloud.add_domain("magnum", true);
    cloud.add_user("magnum", "magnum_domain_admin2", Some("admin"));
    lines.push(gate(&cloud).check().await);
    cloud.add_user("magnum", "magnum_domain_admin", None);
    lines.push(gate(&cloud).check().await);
    let cloud = decoys();
    cloud.add_domain("magnum", false);
    lines.push(gate(&cloud).check().await);
    let cloud = decoys();
    cloud.deny(Service::Identity);
    lines.push(gate(&cloud).check().await);
    let lines = lines.into_iter().map(|line| match line {
        Ok(Verdict::Fail(finding)) => {
            format!("{}: {}", finding.summary, finding.remedy.unwrap())
        }
        Ok(other) => format!("{other:?}"),
        Err(failure) => format!("{failure}: {}", failure.next.as_deref().unwrap()),
    });
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"), @r#"
    there is no domain "magnum": run the charm's action on the leader: juju run magnum/leader domain-setup
    the domain "magnum" has no user "magnum_domain_admin": run the charm's action on the leader: juju run magnum/leader domain-setup
    "magnum_domain_admin" has no role on the domain "magnum": run the charm's action on the leader: juju run magnum/leader domain-setup
    the domain "magnum" is disabled: openstack domain set --enable magnum
    could not read the domain magnum of cloud rehearsal, project admin: GET identity /v3/domains: 403: You are not authorized to perform the requested action: identity:list_domains. (req-00000000-0000-4000-8000-000000000001): use a user with a role that permits it on this scope (the service's policy refused it)
    "#);
}
