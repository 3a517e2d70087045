//! The laws of creating and deleting templates and clusters.

use std::collections::BTreeMap;

use omega_core::testing::{Fault, Tally, Undo, World, check_laws};
use proptest::prelude::*;

use super::{
    tests::{cloud, magnum, spec},
    *,
};
use crate::sim::{Cloud, Fate};

pub(super) struct Sim {
    cloud: Cloud,
    target: ContainerInfra,
    built: usize,
}

impl Sim {
    pub(super) fn new(cloud: &Cloud) -> Self {
        Self { cloud: cloud.fork(), target: magnum(cloud), built: cloud.writes().len() }.bound()
    }

    fn bound(self) -> Self {
        Self { target: magnum(&self.cloud), ..self }
    }
}

impl World for Sim {
    type Target = ContainerInfra;
    type Snapshot = Vec<String>;

    fn target(&self) -> &ContainerInfra {
        &self.target
    }
    fn snapshot(&self) -> Vec<String> {
        self.cloud.magnum_objects()
    }
    fn writes(&self) -> usize {
        self.cloud.writes().len() - self.built
    }
    fn inject_fault(&self, nth: usize, fault: Fault) {
        self.cloud.inject_fault(self.built + nth, fault);
    }
}

/// What is there, by name: near matches of `x` among it.
fn any_things() -> impl Strategy<Value = Vec<(&'static str, &'static str, bool)>> {
    let project = prop::sample::select(vec!["mgmt", "mgmt", "next door"]);
    let name = prop::sample::select(vec!["x", "x", "x-2", "X"]);
    prop::collection::vec((project, name, any::<bool>()), 0..3)
}

pub(super) fn paused() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().start_paused(true).build().unwrap()
}

/// Templates that are there; every second one has another network driver.
async fn with_templates(things: &[(&'static str, &'static str, bool)]) -> Cloud {
    let cloud = cloud();
    for (project, name, same) in things {
        let mut body = spec().body(name);
        if !same {
            body["network_driver"] = serde_json::json!("flannel");
        }
        let magnum = ContainerInfra::new(cloud.admin(project));
        magnum.create_template(body).await.unwrap();
    }
    cloud
}

/// Returns how many things of this kind and name the project `mgmt` has.
fn count(cloud: &Cloud, seen: &[String], noun: &str, name: &str) -> usize {
    let start = format!("{noun} \"{}\" \"{name}\" ", cloud.project("mgmt"));
    seen.iter().filter(|line| line.starts_with(&start)).count()
}

static TEMPLATES: Tally = Tally::new();
static NO_TEMPLATES: Tally = Tally::new();
static CLUSTERS: Tally = Tally::new();
static NO_CLUSTERS: Tally = Tally::new();

#[test]
fn creating_a_template_obeys_the_laws() {
    proptest!(|(things in any_things())| {
        let case = paused().block_on(async {
            let cloud = with_templates(&things).await;
            let desired = CreateTemplate { name: "x".into(), spec: spec() };
            let holds = |seen: &Vec<String>| count(&cloud, seen, "template", "x") == 1;
            check_laws(|| Sim::new(&cloud), &desired, Undo::Exact, holds).await
        });
        TEMPLATES.count(case);
    });
    TEMPLATES.assert_meaningful("creating a cluster template");
}

#[test]
fn deleting_a_template_obeys_the_laws() {
    proptest!(|(things in any_things(), user in any::<Option<bool>>())| {
        let case = paused().block_on(async {
            let cloud = with_templates(&things).await;
            let magnum = magnum(&cloud);
            let seen = magnum.templates_named("x").await.unwrap();
            if let (Some(template), Some(going)) = (seen.templates.first(), user) {
                let body = serde_json::json!({ "name": "c", "cluster_template_id": template.uuid });
                let id = magnum.create_cluster(body).await.unwrap();
                if going {
                    magnum.delete_cluster(&id).await.unwrap();
                }
            }
            let desired = DeleteTemplate::named("x");
            let holds = |seen: &Vec<String>| count(&cloud, seen, "template", "x") == 0;
            check_laws(|| Sim::new(&cloud), &desired, Undo::None, holds).await
        });
        NO_TEMPLATES.count(case);
    });
    NO_TEMPLATES.assert_meaningful("deleting a cluster template");
}

/// Clusters that are there, of the template `t` or another one.
async fn with_clusters(things: &[(&'static str, &'static str, bool)]) -> (Cloud, String) {
    let cloud = with_templates(&[("mgmt", "t", true), ("mgmt", "u", true)]).await;
    let templates = magnum(&cloud).templates().await.unwrap();
    for (project, name, same) in things {
        let template = templates.iter().find(|t| t.name == if *same { "t" } else { "u" });
        let body = serde_json::json!({
            "name": name, "cluster_template_id": template.unwrap().uuid, "master_count": 1,
        });
        ContainerInfra::new(cloud.admin(project)).create_cluster(body).await.unwrap();
    }
    (cloud, templates[0].uuid.clone())
}

#[test]
fn creating_a_cluster_obeys_the_laws() {
    proptest!(|(things in any_things())| {
        let case = paused().block_on(async {
            let (cloud, template) = with_clusters(&things).await;
            let desired = CreateCluster {
                name: "x".into(), template, keypair: Some("op".into()), master_count: 1, node_count: 2, labels: BTreeMap::new(),
            };
            let holds = |seen: &Vec<String>| count(&cloud, seen, "cluster", "x") == 1;
            check_laws(|| Sim::new(&cloud), &desired, Undo::Exact, holds).await
        });
        CLUSTERS.count(case);
    });
    CLUSTERS.assert_meaningful("creating a cluster");
}

#[test]
fn deleting_a_cluster_obeys_the_laws() {
    proptest!(|(things in any_things(), fails in any::<bool>(), going in any::<bool>())| {
        let case = paused().block_on(async {
            let (cloud, _) = with_clusters(&things).await;
            let magnum = magnum(&cloud);
            let ours = magnum.clusters_named("x").await.unwrap().clusters;
            for one in ours.iter().filter(|_| going) {
                // Going, or failed to go.
                cloud.set_fate(&one.uuid, if fails { &Fate::DeleteFailsOnce } else { &Fate::Healthy });
                magnum.delete_cluster(&one.uuid).await.unwrap();
                for _ in 0..if fails { 4 } else { 0 } {
                    magnum.clusters().await.unwrap();
                }
            }
            let desired = DeleteCluster::named("x");
            let holds = |seen: &Vec<String>| count(&cloud, seen, "cluster", "x") == 0;
            check_laws(|| Sim::new(&cloud), &desired, Undo::None, holds).await
        });
        NO_CLUSTERS.count(case);
    });
    NO_CLUSTERS.assert_meaningful("deleting a cluster");
}
