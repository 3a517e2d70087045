//! The commands that are run, and the site that each is run on.

use std::{fmt, str::FromStr};

use jiff::Timestamp;
use omega::{core::Failure, sweep_site};
use omega_capi::sim::Apiserver;
use omega_juju::sim::Start;
use omega_openstack::{ClusterName, Method, Request, Service};
use serde_json::{Value, json};

use crate::{
    commands::{cloud, graft, looks, management},
    outcome::{Claim, Outcome},
    station::Station,
    world::{Result, World},
};

/// A command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Runbook {
    ApplyGraft,
    RemoveLeftovers,
    PlanGraft,
    VerifyGraft,
    Rollback,
    EnsureSgRule,
    PlaceKubeconfig,
    StageImage,
    StageImageUrl,
    MintKubeconfig,
    ReleaseStuckDelete,
    Teardown,
    Doctor,
    Drift,
    Accept,
}

/// The project of a cluster that is stuck.
pub(crate) const PROJECT: &str = "mgmt";

impl Runbook {
    /// Every one, with its name.
    pub(crate) const ALL: [(Self, &str); 15] = [
        (Self::ApplyGraft, "apply-graft"),
        (Self::RemoveLeftovers, "graft-leftovers"),
        (Self::PlanGraft, "plan-graft"),
        (Self::VerifyGraft, "verify-graft"),
        (Self::Rollback, "rollback"),
        (Self::EnsureSgRule, "ensure-sg-rule"),
        (Self::PlaceKubeconfig, "place-kubeconfig"),
        (Self::StageImage, "stage-image"),
        (Self::StageImageUrl, "stage-image-url"),
        (Self::MintKubeconfig, "mint-kubeconfig"),
        (Self::ReleaseStuckDelete, "release-stuck-delete"),
        (Self::Teardown, "teardown"),
        (Self::Doctor, "doctor"),
        (Self::Drift, "drift"),
        (Self::Accept, "accept"),
    ];

    /// Those that are run in CI: every service and every way to it.
    pub(crate) const IN_CI: [Self; 5] = [
        Self::EnsureSgRule,
        Self::PlaceKubeconfig,
        Self::VerifyGraft,
        Self::StageImage,
        Self::MintKubeconfig,
    ];

    /// Whether it only reads.
    pub(crate) fn only_reads(self) -> bool {
        matches!(
            self,
            Self::PlanGraft | Self::VerifyGraft | Self::Doctor | Self::Drift | Self::Accept
        )
    }

    /// Makes the site that it is run on.
    pub(crate) async fn world(self) -> Result<World> {
        match self {
            Self::ApplyGraft | Self::PlanGraft | Self::EnsureSgRule | Self::PlaceKubeconfig => {
                World::new(Start::Fresh)
            }
            Self::RemoveLeftovers => World::new(Start::Superseded),
            Self::StageImage | Self::StageImageUrl => World::new(Start::Fresh),
            Self::MintKubeconfig => with_accounts(),
            Self::ReleaseStuckDelete => with_stuck_cluster().await,
            Self::Teardown => Ok(World::new(Start::Fresh)?.with_teardown()),
            Self::VerifyGraft | Self::Rollback | Self::Doctor | Self::Accept => {
                grafted(&[Self::ApplyGraft]).await
            }
            Self::Drift => grafted(&[Self::ApplyGraft, Self::Drift]).await,
        }
    }

    /// Runs it.
    pub(crate) async fn run(self, station: &Station) -> Outcome {
        if matches!(
            self,
            Self::ApplyGraft
                | Self::RemoveLeftovers
                | Self::StageImage
                | Self::StageImageUrl
                | Self::Accept
        ) && let Err(failure) = sweep(station).await
        {
            return Outcome::failed(&failure);
        }
        let outcome = match self {
            Self::ApplyGraft | Self::RemoveLeftovers => graft::apply(station).await,
            Self::PlanGraft => graft::plan(station).await,
            Self::VerifyGraft => graft::verification(station).await,
            Self::Rollback => graft::roll_back(station).await,
            Self::PlaceKubeconfig => graft::place_kubeconfig(station).await,
            Self::EnsureSgRule => cloud::ensure_sg_rule(station).await,
            Self::StageImage => cloud::stage_file(station).await,
            Self::StageImageUrl => cloud::stage_url(station).await,
            Self::Teardown => cloud::teardown(station).await,
            Self::MintKubeconfig => management::mint_kubeconfig(station).await,
            Self::ReleaseStuckDelete => management::release_stuck_delete(station).await,
            Self::Doctor => looks::doctor(station).await,
            Self::Drift => looks::drift(station).await,
            Self::Accept => looks::accept(station).await,
        };
        outcome.unwrap_or_else(|failure| Outcome::failed(&failure))
    }
}

/// Removes what an earlier command left, as omega-cli does at the beginning of these.
async fn sweep(station: &Station) -> std::result::Result<(), Failure> {
    if !station.runs.leftovers()?.is_empty() {
        drop(sweep_site(&station.runs, station.ctx(), &station.connect(), &[]).await?);
    }
    Ok(())
}

/// A site after these commands.
async fn grafted(commands: &[Runbook]) -> Result<World> {
    let world = World::new(Start::Grafted130)?;
    for command in commands {
        let station = Station::open(&world, None).await?;
        let outcome = command.run(&station).await;
        station.close().await;
        // The first look of drift ends with the state of what it can't see.
        if outcome.claim != Claim::Done {
            return Err(format!("the site could not be made: {}", outcome.words).into());
        }
    }
    Ok(world)
}

fn with_accounts() -> Result<World> {
    let server = Apiserver::with_accounts(Timestamp::now());
    World::over(omega::rehearsal::cloud(), server, Vec::new())
}

/// A cluster that is stuck deleting, its credential, and what it leaves in the cloud.
async fn with_stuck_cluster() -> Result<World> {
    let server = Apiserver::with_clusters();
    let cloud = omega::rehearsal::cloud();
    let namespace = format!("magnum-{}", cloud.project(PROJECT));
    server.put("/api/v1/namespaces", json!({ "metadata": { "name": namespace } }));
    let infra = "openstackcluster.infrastructure.cluster.x-k8s.io";
    let path = "/apis/infrastructure.cluster.x-k8s.io/v1beta1/openstackclusters";
    server.put(path, held(&namespace, "OpenStackCluster", infra));
    let path = "/apis/cluster.x-k8s.io/v1beta2/clusters";
    server.put(path, held(&namespace, "Cluster", "cluster.cluster.x-k8s.io"));
    let member = cloud.member(PROJECT);
    let marked = ClusterName::new(&namespace, "c1").description();
    for description in [marked, "somebody else's".to_owned()] {
        let asked = json!({ "floatingip": { "description": description } });
        let request = Request::new(Service::Network, Method::Post, &["floatingips"]).body(asked);
        drop(member.send(request).await?);
    }
    let mut world = World::over(cloud, server, Vec::new())?;
    world.has_credential = true;
    Ok(world)
}

fn held(namespace: &str, kind: &str, finalizer: &str) -> Value {
    json!({
        "apiVersion": "x", "kind": kind,
        "metadata": {
            "name": "c1", "namespace": namespace, "uid": format!("uid-{kind}"),
            "labels": { "cluster.x-k8s.io/cluster-name": "c1" },
            "deletionTimestamp": "2026-11-21T10:00:00Z", "finalizers": [finalizer],
        },
    })
}

impl fmt::Display for Runbook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = Self::ALL.into_iter().find(|(one, _)| one == self);
        f.write_str(known.map_or("?", |(_, name)| name))
    }
}

impl FromStr for Runbook {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let known = Self::ALL.into_iter().find(|(_, name)| *name == text);
        known.map(|(one, _)| one).ok_or_else(|| {
            format!("no runbook {text:?}: {}", Self::ALL.map(|(_, name)| name).join(", "))
        })
    }
}
