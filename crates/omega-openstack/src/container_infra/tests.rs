//! The proofs and the gates on the simulator: what is left afterwards, whatever happens.

use std::{collections::BTreeMap, ops::ControlFlow, time::Duration};

use omega_core::{Failure, FailureClass, Gate as _, Verdict};

use super::*;
use crate::{
    Service,
    sim::{Cloud, Fate, Fault},
};

fn cloud() -> Cloud {
    let cloud = Cloud::new();
    cloud.add_image("k8s", true);
    cloud.add_image("plain", false);
    cloud.add_cluster("mgmt", "bystander", Some("HEALTHY"), "Ready");
    cloud
}

fn spec() -> TemplateSpec {
    TemplateSpec {
        image: "k8s".into(),
        external_network: "public".into(),
        flavor: "m1.medium".into(),
        master_flavor: "m1.medium".into(),
        network_driver: NetworkDriver::Calico,
        dns_nameserver: None,
        labels: BTreeMap::new(),
    }
}

fn options() -> ProofOptions {
    ProofOptions { every: Duration::from_secs(30), ..ProofOptions::new("omega-proof") }
}

fn cluster() -> ClusterSpec {
    let template = ProofTemplate::ThrowAway(spec());
    ClusterSpec { template, keypair: Some("op".into()), master_count: 1, node_count: 1 }
}

fn quiet(_: &ProofStep) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

async fn proved(cloud: &Cloud) -> Result<ClusterProof, ProofError> {
    let magnum = ContainerInfra::new(cloud.admin("mgmt"));
    prove_cluster(&magnum, &cluster(), &options(), &mut quiet).await
}

/// Returns what there is besides the bystander.
fn left(cloud: &Cloud) -> Vec<String> {
    let (templates, clusters) = cloud.magnum_names();
    templates.into_iter().chain(clusters.into_iter().filter(|name| name != "bystander")).collect()
}

fn assert_clean(cloud: &Cloud) {
    assert_eq!(left(cloud), Vec::<String>::new());
    let (_, clusters) = cloud.magnum_names();
    assert_eq!(clusters, ["bystander"], "what was not made here stays");
}

/// Returns the failure without the time in the names.
fn told(error: ProofError) -> String {
    let failure = Failure::from(error);
    let Failure { class, found, next, touched, .. } = &failure;
    let parts = [
        Some(format!("{class:?}, touched {touched:?}: {failure}")),
        found.as_ref().map(|found| format!("found: {found}")),
        next.as_ref().map(|next| format!("next: {next}")),
    ];
    let text = parts.into_iter().flatten().collect::<Vec<_>>().join("\n");
    let time =
        text.split("omega-proof-").nth(1).map(|rest| rest.chars().take(17).collect::<String>());
    time.map_or(text.clone(), |time| text.replace(&time, "TIME"))
}

#[tokio::test(start_paused = true)]
async fn a_cluster_is_made_seen_healthy_and_deleted() {
    let cloud = cloud();
    let magnum = ContainerInfra::new(cloud.admin("mgmt"));
    let mut steps = Vec::new();
    let mut watch = |step: &ProofStep| {
        if !matches!(step, ProofStep::Waiting { .. }) {
            steps
                .push(step.to_string().chars().filter(|c| !c.is_ascii_digit()).collect::<String>());
        }
        ControlFlow::Continue(())
    };
    let proof = prove_cluster(&magnum, &cluster(), &options(), &mut watch).await.unwrap();
    assert_eq!(proof.cluster.health_status.as_deref(), Some("HEALTHY"));
    assert!(proof.cluster.name.starts_with("omega-proof-"));
    assert_eq!(proof.repeated, None);
    insta::assert_snapshot!(steps.join("\n"), @"
    making template omega-proof-
    making cluster omega-proof-
    cluster CREATE_COMPLETE
    cluster HEALTHY
    deleting cluster ----
    cluster is gone
    deleting template ----
    ");
    assert_clean(&cloud);
}

#[tokio::test(start_paused = true)]
async fn an_existing_template_is_used_and_stays() {
    let cloud = cloud();
    let magnum = ContainerInfra::new(cloud.admin("mgmt"));
    for name in ["v1-34", "v1-34-2", "twice", "twice"] {
        magnum.create_template(spec().body(name)).await.unwrap();
    }
    let with =
        |name: &str| ClusterSpec { template: ProofTemplate::Existing(name.into()), ..cluster() };
    prove_cluster(&magnum, &with("v1-34"), &options(), &mut quiet).await.unwrap();
    let writes = cloud.writes().len();
    let mut errors = Vec::new();
    for name in ["v1", "twice"] {
        let error = prove_cluster(&magnum, &with(name), &options(), &mut quiet).await.unwrap_err();
        errors.push(told(error));
    }
    insta::assert_snapshot!(errors.join("\n\n"), @r#"
    Error, touched Nothing: there is no cluster template "v1"
    next: correct the name, or describe a template to be made for the proof

    Refused, touched Nothing: 2 templates are named "twice"
    next: give the id (openstack coe cluster template list)
    "#);
    assert_eq!(cloud.writes().len(), writes, "a refusal writes nothing");
    assert_eq!(left(&cloud), ["v1-34", "v1-34-2", "twice", "twice"]);
}

#[tokio::test(start_paused = true)]
async fn a_failure_before_the_driver_is_repeated_once() {
    let why = || Fate::FailsBeforeDriver("Failed to create trustee or trust".into());
    let cloud = cloud();
    cloud.fates(vec![why()]);
    let proof = proved(&cloud).await.unwrap();
    assert_eq!(proof.repeated.as_deref(), Some("CREATE_FAILED: Failed to create trustee or trust"));
    assert_clean(&cloud);

    cloud.fates(vec![why(), why(), why()]);
    insta::assert_snapshot!(told(proved(&cloud).await.unwrap_err()), @"Error, touched Maybe: the cluster could not be made: CREATE_FAILED: Failed to create trustee or trust");
    assert_clean(&cloud);
}

#[tokio::test(start_paused = true)]
async fn whatever_fails_is_told_and_cleaned_up() {
    let stderr = "Unexpected error while running command.\nStderr: 'deprecated\nError: no matches for kind \"Cluster\"\n'";
    let fates = [
        Fate::FailsInDriver(stderr.into()),
        Fate::Stalls,
        Fate::Unhealthy("Infrastructure not ready.".into()),
    ];
    let mut told_all = Vec::new();
    for fate in fates {
        let cloud = cloud();
        cloud.fates(vec![fate]);
        told_all.push(told(proved(&cloud).await.unwrap_err()));
        assert_clean(&cloud);
    }
    insta::assert_snapshot!(told_all.join("\n\n"), @r#"
    Error, touched Maybe: the cluster omega-proof-TIME is CREATE_FAILED: Error: no matches for kind "Cluster"
    next: ask Cluster API and the conductor's log for the reason

    Deadline, touched Maybe: the cluster omega-proof-TIME was not CREATE_COMPLETE within 30 min: it is CREATE_IN_PROGRESS
    next: the reason is in Cluster API's conditions: kubectl describe cluster

    Deadline, touched Maybe: the cluster omega-proof-TIME was not HEALTHY within 5 min: it is CREATE_COMPLETE, UNHEALTHY
    next: the reason is in Cluster API's conditions: kubectl describe cluster
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_delete_that_fails_once_is_repeated() {
    let cloud = cloud();
    cloud.fates(vec![Fate::DeleteFailsOnce]);
    proved(&cloud).await.unwrap();
    assert_clean(&cloud);
    assert_eq!(
        cloud
            .writes()
            .iter()
            .filter(|w| w.starts_with("DELETE container-infra /v1/clusters/"))
            .count(),
        2
    );
}

#[tokio::test(start_paused = true)]
async fn a_stop_cleans_up() {
    for stop_at in 0..6 {
        let cloud = cloud();
        let magnum = ContainerInfra::new(cloud.admin("mgmt"));
        let mut steps = 0;
        let mut watch = |_: &ProofStep| {
            steps += 1;
            if steps > stop_at { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let proof = prove_cluster(&magnum, &cluster(), &options(), &mut watch).await;
        if let Err(error) = proof {
            assert_eq!(error.class, FailureClass::Interrupted, "{error:?}");
            assert_eq!(error.left, Vec::<String>::new());
        }
        assert_clean(&cloud);
    }
}

/// Each write of the proof is lost, or its answer is: nothing may stay behind unsaid.
#[tokio::test(start_paused = true)]
async fn a_lost_write_leaves_nothing_unsaid() {
    let writes = {
        let cloud = cloud();
        proved(&cloud).await.unwrap();
        cloud.writes().len()
    };
    assert_eq!(writes, 4, "template, cluster, and both away");
    for nth in 0..writes {
        for fault in [Fault::Lost, Fault::AnswerLost] {
            let cloud = cloud();
            cloud.spoil_write(nth, fault);
            let proof = proved(&cloud).await;
            let left = left(&cloud);
            match proof {
                Ok(_) => assert_eq!(left, Vec::<String>::new(), "{nth} {fault:?}"),
                Err(error) => assert_eq!(
                    left.is_empty(),
                    error.left.is_empty(),
                    "{nth} {fault:?} {error:?} {left:?}"
                ),
            }
        }
    }
}

#[tokio::test]
async fn a_template_that_magnum_refuses_says_what_to_mend() {
    let cloud = cloud();
    let magnum = ContainerInfra::new(cloud.admin("mgmt"));
    let mut errors = Vec::new();
    for image in ["absent", "plain"] {
        let spec = TemplateSpec { image: image.into(), ..spec() };
        let error = prove_template(&magnum, &spec, &options(), &mut quiet).await.unwrap_err();
        errors.push(told(error));
    }
    insta::assert_snapshot!(errors.join("\n\n"), @"
    Error, touched Nothing: could not make the template omega-proof-TIME: POST container-infra /v1/clustertemplates: 400: Cluster type (vm, Unset, kubernetes) not supported. (req-00000000-0000-4000-8000-000000000001)
    next: Magnum found no such image: check its name and that the project may see it

    Error, touched Nothing: could not make the template omega-proof-TIME: POST container-infra /v1/clustertemplates: 400: Cluster type (vm, None, kubernetes) not supported. (req-00000000-0000-4000-8000-000000000002)
    next: set the image's properties: openstack image set --property os_distro=ubuntu --property kube_version=vX.Y.Z IMAGE
    ");
    assert_clean(&cloud);
}

fn shown(verdict: &Verdict) -> String {
    let Verdict::Pass { evidence } = verdict else { panic!("{verdict:?}") };
    omega_core::Evidence::line(evidence)
}

#[tokio::test]
async fn a_verification_asks_once_for_all_gates() {
    let cloud = cloud();
    cloud.page_size(1);
    cloud.add_cluster("other", "foreign", Some("UNHEALTHY"), "Infrastructure not ready.");
    let magnum = ContainerInfra::new(cloud.member("mgmt"));
    let clusters = ClusterList::once(magnum.clone());
    let answers = MagnumAnswers { clusters: clusters.clone() }.check().await.unwrap();
    insta::assert_snapshot!(shown(&answers), @"1 clusters, 1 of the Cluster API driver");
    let health = ClusterHealth { clusters: clusters.clone(), only: vec![] }.check().await.unwrap();
    insta::assert_snapshot!(shown(&health), @"HEALTHY bystander");
    assert_eq!(cloud.requests(), 2, "a page with the cluster, and an empty one");
    let admin = ClusterList::live(ContainerInfra::new(cloud.admin("mgmt")));
    let health = ClusterHealth { clusters: admin, only: vec![] }.check().await.unwrap();
    assert!(matches!(health, Verdict::Fail(_)), "an administrator sees the other project's");

    cloud.deny(Service::ContainerInfra);
    let failure = MagnumAnswers { clusters: ClusterList::live(magnum) }.check().await.unwrap_err();
    insta::assert_snapshot!(format!("{failure}\nnext: {}", failure.next.as_deref().unwrap_or("-")), @"
    could not list the clusters of cloud rehearsal, project mgmt: GET container-infra /v1/clusters/detail: 403: Policy doesn't allow magnum-service:get_all to be performed. (req-00000000-0000-4000-8000-000000000006)
    next: use a user whose role on this scope permits it; the service's policy says no
    ");
}
