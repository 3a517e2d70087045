//! The table is what the simulators are asked: nothing is missing, and nothing is too much.

use std::{collections::BTreeSet, sync::Arc};

use omega_capi::{
    Management,
    constellation::{Constellation, ConstellationTested},
    sim::Apiserver,
};
use omega_core::Gate;
use omega_juju::{gates::LeftoverPolicy, sim::Start};
use omega_openstack::sim::Cloud;

use super::{super::sources, *};
use crate::{
    drift::{Reading, View, look},
    graft::Purpose,
    live::{ManagementMachine, ManagementVersion, RULES},
    test_harness::Site,
};

type Rights = BTreeSet<(String, String, String)>;

/// What one of the sources or rules needs, by the table.
fn declared(name: &str) -> Rights {
    let meant = |row: &&Row| row.rule.unwrap_or(row.source.name()) == name;
    let rights = |row: &'static Row| {
        let of = |verb: &&str| (row.group.to_owned(), row.resource.to_owned(), (*verb).to_owned());
        row.verbs.iter().map(of)
    };
    READS.iter().filter(meant).flat_map(rights).collect()
}

fn server() -> Apiserver {
    let server = Apiserver::default();
    server.define("images", "openstack.k-orc.cloud", &["v1alpha1"]);
    server.store_list("/api/v1/nodes", "Node");
    server
}

#[tokio::test]
async fn each_source_reads_what_the_table_says_and_nothing_else() {
    for source in [Source::Graft, Source::Coherence, Source::Constellation] {
        let mut site = Site::new(&[Start::Grafted130]);
        site.apiserver.define("images", "openstack.k-orc.cloud", &["v1alpha1"]);
        let fresh = site.apiserver.fork();
        site.clients.management = Arc::new(Management::over(fresh.clone(), "sim"));
        let Site { clients, parsed, .. } = &site;
        let what = match source {
            Source::Coherence => sources::coherence_view(parsed, clients, &[]),
            Source::Constellation => sources::constellation_view(parsed, &clients.management),
            Source::Graft | Source::Live => {
                let spec = site.spec(LeftoverPolicy::Undecided).await;
                let job = spec.job("omega.toml", clients, Purpose::Verify);
                Ok(Reading::Items(job.targets.into_iter().chain(job.afterwards).collect()))
            }
        };
        let at = "2026-11-21T12:00:00Z".parse().unwrap();
        let views = vec![View { source, what }];
        let found = look(views, clients.endpoints(), at, &LookOptions::default()).await;
        assert!(!found.observations.is_empty(), "{source:?}");
        assert!(
            !fresh.requested().is_empty(),
            "{source:?} reads something of the management cluster"
        );
        assert_eq!(fresh.rights_used(), declared(source.name()), "{source:?}");
    }
}

#[tokio::test]
async fn each_live_rule_reads_what_the_table_says_and_nothing_else() {
    for rule in RULES {
        let server = if rule.id == BY_SERVER { Apiserver::with_clusters() } else { server() };
        let management = Arc::new(Management::over(server.clone(), "sim"));
        let gate: Box<dyn Gate> = if rule.id == BY_SERVER {
            let cloud = Cloud::new();
            cloud.add_server("mgmt", "capi-mgmt-v2", "ACTIVE");
            Box::new(ManagementMachine {
                transport: cloud.member("mgmt"),
                server: "capi-mgmt-v2".to_owned(),
                subnet: None,
                management: Ok((management, ("10.12.7.40".to_owned(), 6443))),
            })
        } else if rule.id == BY_NODES {
            Box::new(ManagementVersion { management, decided: "1.34".to_owned() })
        } else if rule.id == BY_RELEASES {
            let tested = Constellation::of(&"0.25.1".parse().unwrap()).unwrap();
            Box::new(ConstellationTested { management: (*management).clone(), tested })
        } else {
            // They have no client of the management cluster: `live/connect.rs`.
            assert_eq!(declared(rule.id), Rights::new(), "{}", rule.id);
            continue;
        };
        gate.check().await.unwrap();
        assert_eq!(server.rights_used(), declared(rule.id), "{}", rule.id);
    }
}

#[test]
fn what_is_skipped_needs_no_right() {
    let shown = |skip: &[&str]| {
        let skip = skip.iter().map(|&name| name.to_owned()).collect();
        let all = management_reads(&LookOptions { skip, ..LookOptions::default() });
        let one = |read: &ManagementRead| {
            format!("{}/{} {}", read.group, read.resource, read.verbs.join(","))
        };
        all.iter().map(one).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(shown(&[BY_RELEASES]), @"
    /nodes list
    apiextensions.k8s.io/customresourcedefinitions list
    apps/deployments list
    cluster.x-k8s.io/clusters list
    cluster.x-k8s.io/machinehealthchecks list
    cluster.x-k8s.io/machines list
    ");
    assert!(shown(&[]).contains("/secrets get,list"));
    assert_eq!(
        shown(&["live", "constellation"]),
        "apiextensions.k8s.io/customresourcedefinitions list"
    );
    assert_eq!(shown(&["live", "coherence", "constellation"]), "");
}
