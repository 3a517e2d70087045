//! What is let go and removed, in which order, and after a stop half-way; on the simulators.

use std::{sync::Arc, time::Duration};

use omega_capi::{
    Management, discover_versions,
    sim::{Deleting, Upset},
};
use omega_core::{
    Done, Found, Leg, LegReport, MemoryJournal, Observer, Progress as Told, Run, Stop,
};
use omega_openstack::{ClusterMark, Method, Request, Service, Transport, sim::Cloud};
use serde_json::{Value, json};

use super::{Release, StuckCluster};

const NS: &str = "magnum-67a1";

struct Nobody;

impl Observer for Nobody {
    fn progress(&self, _: Told<'_>) {}
}

fn object(kind: &str, deleted: bool, finalizer: &str) -> Value {
    json!({
        "apiVersion": "x", "kind": kind,
        "metadata": {
            "name": "c1", "namespace": NS, "uid": format!("uid-{kind}"),
            "labels": { "cluster.x-k8s.io/cluster-name": "c1" },
            "deletionTimestamp": deleted.then_some("2026-11-21T10:00:00Z"),
            "finalizers": [finalizer],
        },
    })
}

fn server() -> Deleting {
    let server = Deleting::default();
    let infra = "openstackcluster.infrastructure.cluster.x-k8s.io";
    let path = "/apis/infrastructure.cluster.x-k8s.io/v1beta1/openstackclusters";
    server.put(path, object("OpenStackCluster", true, infra));
    let path = "/apis/cluster.x-k8s.io/v1beta2/clusters";
    server.put(path, object("Cluster", true, "cluster.cluster.x-k8s.io"));
    server
}

async fn address(cloud: &Arc<dyn Transport>, description: &str) {
    let asked = json!({ "floatingip": { "description": description } });
    let request = Request::new(Service::Network, Method::Post, &["floatingips"]).body(asked);
    assert_eq!(cloud.send(request).await.unwrap().status, 201);
}

async fn release(server: &Deleting, cloud: &Cloud) -> Release {
    let management = Arc::new(Management::over(server.clone(), "simulator"));
    let known = Arc::new(discover_versions(&management).await.unwrap());
    let cluster = StuckCluster {
        management,
        served: known,
        namespace: NS.parse().unwrap(),
        stack: "c1".to_owned(),
        patience: Duration::from_mins(10),
        wait: Duration::from_secs(5),
    };
    let held = cluster.deletion().await.unwrap().held;
    Release { cluster, held, replacement: None, project: Some(cloud.member("mgmt")) }
}

/// Runs everything but the first section, which asks a real Keystone.
async fn run(release: &Release) -> Vec<LegReport> {
    let mut legs = release.legs();
    legs[0].sections.remove(0);
    let (stop, mut journal) = (Stop::default(), MemoryJournal::default());
    let mut reports = Vec::new();
    for leg in legs {
        let looked = Leg::preview(&leg).await;
        assert!(looked.obstacle().is_none(), "{:?}", looked.obstacle());
        let run = Run {
            looked: &looked,
            approved: &looked,
            approve_waiting: true,
            journal: &mut journal,
            stop: &stop,
            progress: &Nobody,
        };
        let report = leg.run(run).await;
        let failed = report.failure().is_some();
        reports.push(report);
        if failed {
            break;
        }
    }
    reports
}

fn changed(reports: &[LegReport]) -> Vec<String> {
    let items = reports.iter().flat_map(|report| &report.items);
    let changed = items.filter(|(_, done)| *done == Done::Changed);
    changed.map(|(subject, _)| subject.to_string()).collect()
}

#[tokio::test(start_paused = true)]
async fn finalizers_go_before_what_is_left_in_the_cloud_and_a_second_run_does_nothing() {
    let (server, cloud) = (server(), Cloud::new());
    let mark = ClusterMark::new(NS, "c1");
    address(&cloud.member("mgmt"), &mark.description()).await;
    address(&cloud.member("mgmt"), &format!("{}0", mark.description())).await;
    let reports = run(&release(&server, &cloud).await).await;
    let expected = ["OpenStackCluster c1", "Cluster c1", "network of magnum-67a1/c1"];
    assert_eq!(changed(&reports), expected);
    assert_eq!(server.snapshot(), [""; 0]);
    let [left] = cloud.network_parts().try_into().unwrap();
    assert!(left.ends_with("magnum-67a1-c10"), "{left}");
    let reports = run(&release(&server, &cloud).await).await;
    assert_eq!(changed(&reports), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn what_fails_half_way_goes_on_where_it_stopped() {
    let (server, cloud) = (server(), Cloud::new());
    address(&cloud.member("mgmt"), &ClusterMark::new(NS, "c1").description()).await;
    server.spoil_write(1, Upset::Lost);
    let reports = run(&release(&server, &cloud).await).await;
    assert_eq!(changed(&reports), ["OpenStackCluster c1"]);
    assert_eq!(reports.len(), 1, "the project is not touched");
    assert_eq!(cloud.network_parts().len(), 1);
    let reports = run(&release(&server, &cloud).await).await;
    assert_eq!(changed(&reports), ["Cluster c1", "network of magnum-67a1/c1"]);
    assert_eq!(cloud.network_parts().len(), 0);
}

#[tokio::test]
async fn a_plan_shows_each_object_and_its_finalizers_in_order() {
    let (server, cloud) = (server(), Cloud::new());
    let release = release(&server, &cloud).await;
    let legs = release.legs();
    let mut shown = Vec::new();
    for item in &legs[0].sections[1].items {
        let omega_core::Item::Step(step) = item else { continue };
        let preview = step.preview().await.unwrap();
        shown.extend(preview.diffs.iter().map(ToString::to_string));
    }
    insta::assert_snapshot!(shown.join("\n"), @"
    - OpenStackCluster c1: release openstackcluster.infrastructure.cluster.x-k8s.io (of the OpenStack provider)
    - Cluster c1: release cluster.cluster.x-k8s.io (of Cluster API's core)
    ");
    let project = legs[1].preview().await;
    let gate = project.items().next().unwrap();
    let Found::Verdict(omega_core::Verdict::Deferred { until }) = &gate.found else { panic!() };
    assert_eq!(until, "OpenStackCluster c1 is gone");
    assert_eq!(server.writes(), [""; 0]);
}
