//! The coherence of a management cluster, and the tables of releases against recordings.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "helpers of tests")]

use std::time::Duration;

use omega_capi::{
    Error, Management,
    coherence::{Coherence, CoherenceInputs, Rule, check_coherence},
    served::{Definition, apis_of_releases, read_served_apis},
    sim::{Apiserver, Fault},
};
use omega_core::{Failure, FailureClass, Severity, Touched, Verdict};
use omega_driver::DriverRelease;

const TEMPLATES: &str = "openstackmachinetemplates.infrastructure.cluster.x-k8s.io";
const LABEL: &str = "cluster.x-k8s.io/v1beta1";

/// The check of a management cluster, without Magnum.
struct Check {
    management: Management,
    inputs: CoherenceInputs,
    accepted: Vec<Rule>,
}

impl Check {
    async fn coherence(&self) -> Result<Coherence, Error> {
        Ok(check_coherence(&read_served_apis(&self.management).await?, &self.inputs))
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        let found = self.coherence().await;
        let found = found.map_err(|error| Failure::from_error("could not ask", &error))?;
        found.judge(&self.inputs, &self.accepted).map_err(Failure::from)
    }
}

fn check_of(apiserver: &Apiserver, driver: DriverRelease) -> Check {
    let management = Management::over(apiserver.clone(), "https://127.77.2.1:6443 (context lab)");
    let chart = "0.25.1".parse().ok();
    let inputs = CoherenceInputs { driver, api_resources: None, chart, templates: Vec::new() };
    Check { management, inputs, accepted: Vec::new() }
}

async fn no(gate: &Check) -> (String, String) {
    let failure = gate.check().await.unwrap_err();
    assert_eq!((failure.class, failure.touched), (FailureClass::Refused, Touched::Nothing));
    let detail = failure.detail.unwrap();
    let next = failure.next.unwrap();
    let first = &detail["findings"][0];
    assert_eq!((&detail["schema"], &first["remedy"]), (&2.into(), &next.clone().into()));
    let rule = format!("{}: ", first["rule"].as_str().unwrap());
    (failure.causes[0].strip_prefix(&rule).unwrap().to_owned(), next)
}

#[tokio::test]
async fn the_tables_say_what_the_real_definitions_say() {
    let management = check_of(&Apiserver::default(), DriverRelease::v1_4_0()).management;
    let recorded = read_served_apis(&management).await.unwrap();
    let tables = apis_of_releases(&"1.13.2".parse().unwrap(), &"0.14.4".parse().unwrap()).unwrap();
    for ours in &tables.definitions {
        // How it is stored and converted is no matter of the release.
        let found = recorded.definition(&ours.group, &ours.plural).cloned();
        let found = found.map(|one| Definition { stored: Vec::new(), conversion: None, ..one });
        assert_eq!(found.as_ref(), Some(ours));
        for version in ["v1alpha7", "v1beta1", "v1beta2", "v1alpha1"] {
            let at = omega_driver::GroupVersion::of(&format!("{}/{version}", ours.group));
            let both = [&tables.served, &recorded.served].map(|s| s.serves(&at, &ours.plural));
            assert_eq!(both[0], both[1], "{at}/{}", ours.plural);
        }
    }
    assert_eq!(tables.definitions.len(), 12);
}

#[tokio::test]
async fn a_good_cluster_passes_and_a_missing_label_does_not() {
    let apiserver = Apiserver::default();
    let gate = check_of(&apiserver, DriverRelease::v1_4_0());
    let verdict = gate.check().await.unwrap();
    let Verdict::Pass { evidence } = verdict else { panic!("{verdict:?}") };
    let expected = "driver 1.4.0, chart 0.25.1, templates: 0, all compatible";
    assert_eq!(omega_core::Evidence::line(&evidence), expected);
    assert_eq!(gate.management.requests(), 2);

    apiserver.label(TEMPLATES, LABEL, None);
    let (why, next) = no(&gate).await;
    assert!(why.starts_with(&format!("{TEMPLATES} has no label")), "{why}");
    assert!(next.starts_with("label it, or apply the provider's release again"), "{next}");
    apiserver.label(TEMPLATES, LABEL, Some("v1beta1"));
    assert!(matches!(gate.check().await.unwrap(), Verdict::Pass { .. }));
}

#[tokio::test]
async fn what_was_accepted_passes_and_an_unsafe_delete_never() {
    let apiserver = Apiserver::default();
    apiserver.label(TEMPLATES, LABEL, None);
    let mut gate = check_of(&apiserver, DriverRelease::v1_4_0());
    gate.accepted = vec![Rule::UnsafeDelete, Rule::MissingContract, Rule::UnservedRead];
    let Verdict::Pass { evidence } = gate.check().await.unwrap() else { panic!("refused") };
    let accepted =
        "driver 1.4.0, chart 0.25.1, templates: 0, all compatible, accepted (missing-contract): ";
    let evidence = omega_core::Evidence::line(&evidence);
    assert!(evidence.starts_with(accepted), "{evidence}");
    apiserver.serve("cluster.x-k8s.io", &["v1beta2"]);
    let (why, next) = no(&gate).await;
    assert!(why.starts_with("`openstack coe cluster delete` is not safe now"), "{why}");
    assert!(next.starts_with("delete no cluster; serve v1beta1 again"), "{next}");
}

#[tokio::test]
async fn every_finding_is_there_for_who_asks_for_them() {
    let apiserver = Apiserver::default();
    apiserver.remove("addons.stackhpc.com");
    let found = check_of(&apiserver, DriverRelease::v1_3_0()).coherence().await.unwrap();
    let broken = found.findings.iter().filter(|f| f.severity == Severity::Broken);
    let broken: Vec<_> =
        broken.map(|f| (Rule::of(f).unwrap(), f.decision.as_deref().unwrap())).collect();
    let expected = [
        (Rule::UnservedRead, "D-034"), // the addons' kinds
        (Rule::UnservedRead, "D-042"), // v1alpha6
        (Rule::UnservedWrite, "D-034"),
    ];
    assert_eq!(broken, expected);
}

#[tokio::test(start_paused = true)]
async fn a_cluster_that_cannot_be_asked_is_no_answer() {
    let apiserver = Apiserver::default();
    let gate = check_of(&apiserver, DriverRelease::v1_4_0());
    for (fault, class) in [
        (Fault::Slow(Duration::from_hours(1)), FailureClass::Deadline),
        (Fault::Short(1000), FailureClass::Error),
        (Fault::Nobody, FailureClass::Error),
        (Fault::BadToken, FailureClass::Error),
    ] {
        apiserver.fail(fault.clone());
        assert_eq!(gate.check().await.unwrap_err().class, class, "{fault:?}");
    }
}
