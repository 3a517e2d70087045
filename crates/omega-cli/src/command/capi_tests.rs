use omega::capi::sim::{Apiserver, Fault};
use omega::driver::DriverRelease;
use omega::openstack::{Method, Request, Service, sim::Cloud};

use super::*;
use omega::rehearsal;

use crate::{environment::Environment, render::Format};

const DEPLOYMENTS: &str = "/apis/apps/v1/deployments";

fn over(apiserver: &Apiserver) -> Management {
    Management::over(apiserver.clone(), "https://127.77.2.1:6443 (context lab)")
}

fn screen() -> Screen {
    let environment = Environment {
        variables: [("COLUMNS".to_owned(), "80".to_owned())].into(),
        stdin_is_terminal: false,
        stdout_is_terminal: false,
        stderr_is_terminal: false,
    };
    Screen::new(&environment, Format::Text)
}

fn wants(driver: DriverRelease) -> CoherenceInputs {
    let chart = "0.25.1".parse().ok();
    CoherenceInputs { driver, api_resources: None, chart, templates: Vec::new() }
}

/// Makes something in Magnum, as a client does, and returns its id.
async fn make(cloud: &Cloud, what: &'static str, body: Value) -> String {
    let request = Request::new(Service::ContainerInfra, Method::Post, &[what]).body(body);
    let made = cloud.admin("capi-mgmt").send(request).await.unwrap();
    made.body["uuid"].as_str().unwrap().to_owned()
}

async fn template(cloud: &Cloud, name: &str, network: &str) -> String {
    let body = json!({
        "name": name, "image_id": "noble", "coe": "kubernetes", "network_driver": network,
        "labels": {"api_master_lb_allowed_cidrs": "10.0.0.0/8", "autoscaling": true},
    });
    make(cloud, "clustertemplates", body).await
}

async fn asked(apiserver: &Apiserver, cloud: &Cloud, accepted: &[Rule]) -> Answer {
    let magnum = ContainerInfra::new(cloud.admin("capi-mgmt"));
    let setup = wants(DriverRelease::v1_4_0());
    live_coherence(&over(apiserver), &magnum, setup, accepted, &screen()).await.unwrap()
}

/// The rules of what was found, with how much each matters.
fn found(answer: &Answer) -> Vec<(String, String)> {
    let all = answer.document["findings"].as_array().unwrap().iter();
    let text = |one: &Value, key: &str| one[key].as_str().unwrap().to_owned();
    all.map(|one| (text(one, "rule"), text(one, "severity"))).collect()
}

#[tokio::test]
async fn templates_are_read_from_magnum_and_their_clusters_counted() {
    let (apiserver, cloud) = (Apiserver::default(), rehearsal::cloud());
    cloud.add_image("noble", true);
    let calico = template(&cloud, "good", "calico").await;
    let flannel = template(&cloud, "old", "flannel").await;
    make(&cloud, "clusters", json!({ "name": "b", "cluster_template_id": calico })).await;
    let answer = asked(&apiserver, &cloud, &[]).await;
    let without = ("template-without-cni".to_owned(), "warning".to_owned());
    assert_eq!(found(&answer)[0], without);
    assert!(answer.text.contains("template old has network driver flannel"), "{}", answer.text);
    assert!(!answer.text.contains("template good says"), "{}", answer.text);
    assert!(answer.text.ends_with("Nothing is refused."), "{}", answer.text);
    assert_eq!((answer.exit, &answer.document["templates"]), (Status::Done, &json!(2)));
    assert_eq!(answer.document["refusal"], Value::Null);

    let body = json!({ "name": "c", "cluster_template_id": flannel, "node_count": 1 });
    make(&cloud, "clusters", body).await;
    let answer = asked(&apiserver, &cloud, &[]).await;
    assert_eq!(found(&answer)[0], (without.0, "broken".to_owned()));
    assert!(answer.text.contains("clusters that use it: 1"), "{}", answer.text);
    assert!(answer.text.ends_with("Refused: template-without-cni."), "{}", answer.text);
    assert_eq!(answer.exit, Status::Refused);
    assert_eq!(answer.document["refusal"]["findings"].as_array().unwrap().len(), 1);

    let answer = asked(&apiserver, &cloud, &[Rule::TemplateWithoutCni]).await;
    assert_eq!(answer.exit, Status::Done);
    assert_eq!(answer.document["accepted"], json!(["template-without-cni"]));
    let end = "Nothing is refused; accepted: template-without-cni.";
    assert!(answer.text.ends_with(end), "{}", answer.text);
}

#[tokio::test]
async fn what_the_cluster_serves_decides_and_not_the_tables() {
    let (apiserver, cloud) = (Apiserver::default(), rehearsal::cloud());
    assert_eq!(asked(&apiserver, &cloud, &[]).await.exit, Status::Done);
    apiserver.serve("cluster.x-k8s.io", &["v1beta2"]);
    let answer = asked(&apiserver, &cloud, &[Rule::UnservedRead, Rule::UnservedWrite]).await;
    assert_eq!(answer.exit, Status::Refused);
    let refusal = &answer.document["refusal"];
    let rules: Vec<_> =
        refusal["findings"].as_array().unwrap().iter().map(|f| &f["rule"]).collect();
    assert_eq!(rules, ["unsafe-delete"]);
    assert!(refusal["accepted"].as_array().unwrap().len() > 1, "{refusal:#}");
}

#[tokio::test]
async fn who_does_not_answer_is_named() {
    let (apiserver, cloud) = (Apiserver::default(), rehearsal::cloud());
    let magnum = ContainerInfra::new(cloud.admin("capi-mgmt"));
    cloud.take_down(Service::ContainerInfra);
    let setup = wants(DriverRelease::v1_4_0());
    let failure =
        live_coherence(&over(&apiserver), &magnum, setup, &[], &screen()).await.unwrap_err();
    assert!(failure.message.starts_with("could not list the cluster"), "{failure:?}");
    apiserver.fail(Fault::Nobody);
    let failure = versions(&over(&apiserver), &screen()).await.unwrap_err();
    assert_eq!(failure.message, "could not read the served versions of the management cluster");
}

/// The lines of `text` that hold `word`, and those below them that belong to them.
fn about(text: &str, word: &str) -> String {
    let mut of_it = false;
    let lines = text.lines().filter(|line| {
        let below = line.starts_with("     ");
        of_it = (of_it && below) || line.contains(word);
        of_it
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn every_version_is_listed_with_its_marks() {
    let apiserver = Apiserver::default();
    apiserver.serve("cluster.x-k8s.io", &["v1beta2"]);
    let answer = versions(&over(&apiserver), &screen()).await.unwrap();
    insta::assert_snapshot!(about(&answer.text, " clusters"), @r"
      =  kind         clusters
                      v1beta2 (stored); v1beta1 (not served, deprecated); contracts:
                      v1beta1, v1beta2
    ");
    insta::assert_snapshot!(about(&answer.text, " openstackclusters"), @r"
      =  kind         openstackclusters
                      v1beta1 (stored); contracts: v1beta1
    ");
    assert_eq!(answer.exit, Status::Done);
    assert_eq!(answer.document["unsettled"], json!([]));
    let kinds = answer.document["surface"]["definitions"].as_array().unwrap();
    assert_eq!(kinds.len(), answer.text.lines().filter(|line| line.contains("kind  ")).count());
}

#[tokio::test]
async fn what_is_not_as_tested_is_a_no() {
    let apiserver = Apiserver::default();
    let tested = Constellation::of(&"0.25.1".parse().unwrap()).unwrap();
    let compare = async || constellation(&over(&apiserver), &tested, &screen()).await.unwrap();
    let answer = compare().await;
    insta::assert_snapshot!(about(&answer.text, "cluster-api-provider-openstack"), @r"
      =  same         cluster-api-provider-openstack
                      tested v0.14.4, found v0.14.4
    ");
    // A cluster of an older chart is no reason to stop.
    insta::assert_snapshot!(about(&answer.text, "magnum-decoy"), @r"
      =  older        magnum-decoy/c9-cyusd2b67a45
                      openstack-cluster: tested 0.25.1, found 0.10.1
                      revision 1, status failed; next: its last change failed; find
                      the reason: helm history c9-cyusd2b67a45 --namespace
                      magnum-decoy
    ");
    assert!(answer.text.ends_with("\nThese versions were tested together (D-034)."));
    assert_eq!(answer.exit, Status::Done);

    let newer = json!({
        "metadata": {"name": "capo-controller-manager", "namespace": "capo-system"},
        "spec": {"template": {"spec": {"containers": [
            {"name": "manager", "image": "x/capi-openstack-controller:v0.15.0"},
        ]}}},
    });
    apiserver.put(DEPLOYMENTS, newer);
    let answer = compare().await;
    insta::assert_snapshot!(about(&answer.text, "cluster-api-provider-openstack"), @r"
      !  newer        cluster-api-provider-openstack
                      tested v0.14.4, found v0.15.0
                      deployment capo-system/capo-controller-manager, image
                      x/capi-openstack-controller:v0.15.0; next: no known chart was
                      tested with it: go back to v0.14.4
    ");
    assert!(answer.text.ends_with("\nThese versions were not tested together (D-034)."));
    assert_eq!(answer.exit, Status::Gate);

    apiserver.remove_object(DEPLOYMENTS, "capo-controller-manager");
    let answer = compare().await;
    insta::assert_snapshot!(about(&answer.text, "cluster-api-provider-openstack"), @r"
      !  missing      cluster-api-provider-openstack    tested v0.14.4, found -
                      no deployment has the image capi-openstack-controller; next:
                      install cluster-api-provider-openstack v0.14.4
    ");
    assert_eq!(answer.exit, Status::Gate);
}

/// A release that nobody can read hides no other, and is no "as tested".
#[tokio::test]
async fn a_release_that_can_not_be_read_is_an_error() {
    let apiserver = Apiserver::default();
    let secret = json!({
        "type": "helm.sh/release.v1",
        "metadata": {
            "name": "sh.helm.release.v1.broken.v3", "namespace": "magnum-decoy",
            "labels": {"owner": "helm", "name": "broken", "version": "3"},
        },
        "data": {"release": "bm90IGEgcmVsZWFzZQ=="},
    });
    apiserver.put("/api/v1/secrets", secret);
    let listed = releases(&over(&apiserver), &[], &screen()).await.unwrap();
    assert_eq!(listed.exit, Status::Error);
    assert_eq!(listed.document["releases"].as_array().unwrap().len(), 8);
    assert_eq!(listed.document["unreadable"][0]["name"], "broken");
    let tested = Constellation::of(&"0.25.1".parse().unwrap()).unwrap();
    let compared = constellation(&over(&apiserver), &tested, &screen()).await.unwrap();
    assert_eq!(compared.exit, Status::Error);
    let line = about(&compared.text, "unreadable");
    assert!(line.starts_with("  !  unreadable   magnum-decoy/broken"), "{line}");
    assert_eq!(line, about(&listed.text, "unreadable"));
}

#[tokio::test]
async fn releases_are_listed_where_it_was_asked() {
    let apiserver = Apiserver::default();
    let management = over(&apiserver);
    let all = releases(&management, &[], &screen()).await.unwrap();
    // When they were recorded does not matter.
    let dated = about(&all.text, "c9-cyusd2b67a45");
    let lines = dated.lines().map(|line| line.split_once(", 20").map_or(line, |(line, _)| line));
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"), @r"
      =  deployed     magnum-6741a4d1b29346e5a2f4c6ad38f0a2c1/c9-cyusd2b67a45
                      openstack-cluster 0.25.1, revision 11
      !  failed       magnum-decoy/c9-cyusd2b67a45
                      openstack-cluster 0.10.1, revision 1
    ");
    assert_eq!(all.document["releases"].as_array().unwrap().len(), 8);
    let decoy = "magnum-decoy".parse().unwrap();
    let one = releases(&management, &[decoy], &screen()).await.unwrap();
    assert_eq!(one.text, about(&all.text, "magnum-decoy"));
    let empty = "magnum-deco".parse().unwrap();
    let none = releases(&management, &[empty], &screen()).await.unwrap();
    let nothing = "There are no releases in magnum-deco, or the namespace does not exist.";
    assert_eq!((none.text.as_str(), none.exit), (nothing, Status::Done));
    apiserver.fail(Fault::Nobody);
    let failure = releases(&management, &[], &screen()).await.unwrap_err();
    assert_eq!(failure.next.unwrap(), "give the namespaces that it may read: --namespace NAME");
}

#[path = "../../tests/cli/schema.rs"]
mod schema;

/// On the simulators: what each of them prints when it ends well.
#[tokio::test]
async fn documents_are_of_their_schemas() {
    use crate::documents::Document;
    let (apiserver, cloud) = (Apiserver::default(), rehearsal::cloud());
    let over = over(&apiserver);
    let tested = Constellation::of(&"0.25.1".parse().unwrap()).unwrap();
    cloud.add_image("noble", true);
    template(&cloud, "old", "flannel").await;
    for (answer, document, command) in [
        (versions(&over, &screen()).await, Document::ServedVersions, "served-versions"),
        (Ok(asked(&apiserver, &cloud, &[]).await), Document::CheckCoherence, "check-coherence"),
        (
            constellation(&over, &tested, &screen()).await,
            Document::CheckConstellation,
            "check-constellation",
        ),
        (releases(&over, &[], &screen()).await, Document::ReadReleases, "read-releases"),
    ] {
        let whole = answer.unwrap().whole(command);
        let found = schema::differences(&document.schema(), &whole);
        assert!(found.is_empty(), "{command}: {found:#?}");
    }
}
