use std::collections::BTreeMap;

use omega_core::{
    Approval, Failure, FailureClass, MemoryJournal, Touched, plan,
    testing::{Tally, Undo, check_laws},
};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    super::{
        DeleteTemplate,
        law_tests::{Sim, paused},
        tests::{magnum, spec},
    },
    *,
};
use crate::{restore, sim::Cloud};

/// What is varied of a template.
#[derive(Clone, Debug)]
struct Varied {
    flavor: &'static str,
    driver: &'static str,
    dns: Option<&'static str>,
    labels: Vec<(&'static str, &'static str)>,
    hidden: bool,
}

fn any_varied() -> impl Strategy<Value = Varied> {
    let labels =
        prop::sample::select(vec![vec![], vec![("a", "1")], vec![("a", "true"), ("b", "1")]]);
    let dns = prop::sample::select(vec![None, Some("192.0.2.53"), Some("192.0.2.54")]);
    let flavor = prop::sample::select(vec!["m1.medium", "m1", "gp.mid"]);
    let driver = prop::sample::select(vec!["calico", "calico", "flannel"]);
    (flavor, driver, dns, labels, any::<bool>()).prop_map(
        |(flavor, driver, dns, labels, hidden)| Varied { flavor, driver, dns, labels, hidden },
    )
}

impl Varied {
    fn spec(&self, image: &str) -> TemplateSpec {
        let labels =
            self.labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        TemplateSpec {
            image: image.to_owned(),
            flavor: self.flavor.to_owned(),
            dns_nameserver: self.dns.map(str::to_owned),
            labels: labels.collect(),
            hidden: self.hidden,
            ..spec()
        }
    }
}

fn x(spec: TemplateSpec) -> ClusterTemplate {
    ClusterTemplate::new("x".parse().unwrap(), spec)
}

/// Two images, and templates that are nearly `x`; returns the id of the image `g8s`.
async fn cloud() -> (Cloud, String) {
    let cloud = super::super::tests::cloud();
    let id = cloud.add_glance_image("mgmt", "g8s", &json!({ "os_distro": "ubuntu" }));
    for (project, name) in [("mgmt", "x-2"), ("mgmt", "X"), ("next door", "x")] {
        let other = ContainerInfra::new(cloud.admin(project));
        other.create_template(spec().body(name)).await.unwrap();
    }
    (cloud, id)
}

async fn add(cloud: &Cloud, body: Value) -> Template {
    magnum(cloud).create_template(body).await.unwrap()
}

async fn add_cluster(cloud: &Cloud, name: &str, template: &Template) {
    let body = json!({ "name": name, "cluster_template_id": template.uuid });
    magnum(cloud).create_cluster(body).await.unwrap();
}

/// Returns the fields of the project's templates `x`.
fn templates_x(cloud: &Cloud, seen: &[String]) -> Vec<Value> {
    let start = format!("template \"{}\" \"x\" ", cloud.project("mgmt"));
    let found = seen.iter().filter_map(|line| line.strip_prefix(&start));
    found.map(|line| serde_json::from_str(line).unwrap()).collect()
}

static TEMPLATES: Tally = Tally::new();

#[test]
fn obeys_the_laws() {
    proptest!(|(
        found in prop::option::weighted(0.8, any_varied()), wanted in any_varied(),
        by_id in any::<bool>(), twin in prop::bool::weighted(0.1), used in prop::bool::weighted(0.2),
    )| {
        let case = paused().block_on(async {
            let (cloud, image) = cloud().await;
            if let Some(found) = &found {
                let mut body = found.spec(if by_id { &image } else { "g8s" }).body("x");
                body["network_driver"] = json!(found.driver);
                let made = add(&cloud, body.clone()).await;
                if twin {
                    add(&cloud, body).await;
                }
                if used {
                    add_cluster(&cloud, "c", &made).await;
                }
            }
            let holds = |seen: &Vec<String>| {
                let all = templates_x(&cloud, seen);
                let [one] = all.as_slice() else { return false };
                let labels: BTreeMap<_, _> = wanted.labels.iter().copied().collect();
                let flavors: &[&str] =
                    if wanted.flavor == "gp.mid" { &["gp.mid"] } else { &["m1", "m1.medium"] };
                [json!("g8s"), json!(image)].contains(&one["image_id"])
                    && flavors.iter().any(|flavor| one["flavor_id"] == *flavor)
                    && one["network_driver"] == "calico"
                    && one["dns_nameserver"] == json!(wanted.dns)
                    && one["labels"] == json!(labels)
                    && one["hidden"] == wanted.hidden
            };
            let desired = x(wanted.spec("g8s"));
            check_laws(|| Sim::new(&cloud), &desired, Undo::Exact, holds).await
        });
        TEMPLATES.count(case);
    });
    TEMPLATES.assert_meaningful("ensure_cluster_template");
}

/// Every request that changes something, as it is sent; read against the API reference and Magnum's
/// source.
#[tokio::test]
async fn every_write_as_it_is_sent() {
    let (cloud, _) = cloud().await;
    let (ctx, magnum, built) = (Context::default(), magnum(&cloud), cloud.writes().len());
    let network = json!({ "network": { "name": "ours" } });
    let request = crate::Request::new(crate::Service::Network, crate::Method::Post, &["networks"]);
    cloud.admin("mgmt").send(request.body(network)).await.unwrap();
    let labels = BTreeMap::from([("octavia_provider".to_owned(), "amphora".to_owned())]);
    let whole = TemplateSpec {
        dns_nameserver: Some("192.0.2.53".into()),
        labels,
        keypair: Some("op".into()),
        fixed_network: Some("ours".into()),
        volume_driver: Some("cinder".into()),
        docker_volume_size: Some(5),
        docker_storage_driver: Some("overlay2".into()),
        master_lb_enabled: true,
        floating_ip_enabled: false,
        tls_disabled: true,
        public: true,
        hidden: true,
        ..spec()
    };
    ensure_cluster_template(&ctx, &magnum, &x(whole)).await.unwrap();
    let planned =
        plan(&magnum, &x(TemplateSpec { flavor: "gp.mid".into(), ..spec() })).await.unwrap();
    let shown = planned.delta().changes()[0].describe();
    let undo = planned.undo().unwrap();
    planned.apply(&ctx, &magnum).await.unwrap();
    ensure(&ctx, &magnum, &undo).await.unwrap();
    insta::assert_snapshot!("writes", cloud.writes()[built + 1..].join("\n"));
    insta::assert_snapshot!("update", format!("{shown}\n{}", shown.detail.join("\n")));
}

fn told(failure: &Failure) -> String {
    let of = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let Failure { expected, found, next, .. } = failure;
    format!("{failure}\nexpected: {}\nfound: {}\nnext: {}", of(expected), of(found), of(next))
}

async fn refused(cloud: &Cloud, template: &ClusterTemplate) -> String {
    let before = cloud.magnum_objects();
    let ctx = Context::default();
    let refused = ensure_cluster_template(&ctx, &magnum(cloud), template).await.unwrap_err();
    let failure = Failure::from(refused);
    assert_eq!((failure.class, failure.touched), (FailureClass::Refused, Touched::Nothing));
    assert_eq!(cloud.magnum_objects(), before, "nothing was changed");
    told(&failure)
}

#[tokio::test]
async fn what_is_not_changed_says_why_and_shows_each_value() {
    let (cloud, _) = cloud().await;
    let made = add(&cloud, spec().body("x")).await;
    let mut all = Vec::new();
    let image =
        TemplateSpec { image: "g8s".into(), dns_nameserver: Some("192.0.2.53".into()), ..spec() };
    all.push((
        "another image, and the stored one is not in Glance",
        refused(&cloud, &x(image)).await,
    ));
    add_cluster(&cloud, "c1", &made).await;
    add_cluster(&cloud, "c2", &made).await;
    let labels = BTreeMap::from([("a".to_owned(), "1".to_owned())]);
    let used = TemplateSpec { labels, hidden: true, ..spec() };
    all.push(("clusters use it", refused(&cloud, &x(used)).await));
    add(&cloud, spec().body("x")).await;
    all.push(("twins", refused(&cloud, &x(spec())).await));
    let all: Vec<_> = all.iter().map(|(what, told)| format!("--- {what}\n{told}")).collect();
    insta::assert_snapshot!(all.join("\n"));
}

#[tokio::test]
async fn what_magnum_permits_while_clusters_use_it_is_one_write_each() {
    let (cloud, _) = cloud().await;
    let made = add(&cloud, spec().body("x")).await;
    add_cluster(&cloud, "c", &made).await;
    let (ctx, magnum, built) = (Context::default(), magnum(&cloud), cloud.writes().len());
    let published = TemplateSpec { public: true, hidden: true, ..spec() };
    let planned = plan(&magnum, &x(published)).await.unwrap();
    assert_eq!(planned.undo(), None, "Magnum does not take public back");
    planned.apply(&ctx, &magnum).await.unwrap();
    assert_eq!(cloud.writes().len() - built, 2);
    assert!(refused(&cloud, &x(spec())).await.contains("public (to true) and hidden"));
}

/// A rollback by the journal.
#[tokio::test(start_paused = true)]
async fn a_creation_is_undone_only_while_it_is_what_was_created() {
    let (cloud, _) = cloud().await;
    let journal = std::sync::Arc::new(MemoryJournal::default());
    let ctx = Context::default().with_journal(journal.clone());
    let magnum = magnum(&cloud);
    ensure_cluster_template(&ctx, &magnum, &x(spec())).await.unwrap();
    let entries = journal.entries();
    let Some(omega_core::Entry::Intent { undo: Some(undo), .. }) = entries.first() else {
        panic!("{entries:?}")
    };
    let admin = cloud.admin("mgmt");
    let undone = async || {
        let step = restore(&undo.kind, &undo.desired, &admin).unwrap().unwrap();
        let done = step.run(&Context::default(), Approval::Fact).await;
        done.map(|done| done.changed).map_err(|failure| told(&failure))
    };
    let hidden = TemplateSpec { hidden: true, ..spec() };
    ensure_cluster_template(&Context::default(), &magnum, &x(hidden)).await.unwrap();
    let changed = undone().await.unwrap_err();
    ensure_cluster_template(&Context::default(), &magnum, &x(spec())).await.unwrap();
    let made = magnum.templates_named("x").await.unwrap().templates.remove(0);
    add_cluster(&cloud, "c", &made).await;
    let used = undone().await.unwrap_err();
    let all = format!("--- changed since\n{changed}\n--- used\n{used}").replace(&made.uuid, "UUID");
    insta::assert_snapshot!(all);
    let cluster = magnum.clusters_named("c").await.unwrap().clusters.remove(0);
    while magnum.node_groups(&cluster.uuid).await.unwrap()[0].stack_id.is_none() {}
    magnum.delete_cluster(&cluster.uuid).await.unwrap();
    assert!(undone().await.unwrap(), "it waits for the cluster that goes");
    assert!(!undone().await.unwrap());
    let seen = magnum.templates_named("x").await.unwrap();
    assert!(matches!(DeleteTemplate::named("x").diff(&seen), Ok(Delta::Satisfied)));
}

#[tokio::test]
async fn what_magnum_refuses_says_what_to_check() {
    let (cloud, _) = cloud().await;
    add(&cloud, spec().body("x")).await;
    let ctx = Context::default();
    let wrong = x(TemplateSpec { flavor: "absent".into(), ..spec() });
    let failure = ensure_cluster_template(&ctx, &magnum(&cloud), &wrong).await.unwrap_err();
    let member = ContainerInfra::new(cloud.member("mgmt"));
    let public = x(TemplateSpec { public: true, ..spec() });
    let forbidden = ensure_cluster_template(&ctx, &member, &public).await.unwrap_err();
    let all = [failure, forbidden].map(|error| {
        let failure = Failure::from(error);
        format!("{failure}\nnext: {}", failure.next.as_deref().unwrap_or("-"))
    });
    insta::assert_snapshot!(all.join("\n"));
}

#[test]
fn a_name_is_no_id_and_not_empty() {
    let is_name = |text: &str| text.parse::<TemplateName>().is_ok();
    assert!(is_name("capi-k8s-v1-34") && is_name("with a space"));
    let uuid = "c5279df7-c4fb-46f3-91fd-e9966a52d29f";
    for other in ["", " x", "a\nb", uuid, &uuid.replace('-', ""), &"x".repeat(256)] {
        assert!(!is_name(other), "{other:?}");
        let stored = json!({ "name": other, "spec": spec() });
        assert!(serde_json::from_value::<ClusterTemplate>(stored).is_err(), "{other:?}");
    }
}

#[test]
fn findings_name_what_is_set_and_has_no_effect() {
    let labels = BTreeMap::from([("kube_tag".to_owned(), "v1.34.8".to_owned())]);
    let template = x(TemplateSpec { labels, master_lb_enabled: true, ..spec() });
    let found = template.findings(&DriverRelease::v1_4_0(), Some("0.25.1"));
    let rules: Vec<_> = found.iter().map(|one| one.rule.as_str()).collect();
    assert_eq!(rules, ["ignored-label", "ignored-field"]);
    assert_eq!(x(spec()).findings(&DriverRelease::v1_4_0(), Some("0.25.1")), []);
}
