//! What must hold before a cluster is created.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use omega_capi::Management;
use omega_core::{
    CheckRule, Evidence, Failure, Gate, Item, Label as _, Section, Severity, Subject, TargetPlan,
    Verdict, run::Job,
};
use omega_driver::{DriverRelease, options};
use omega_openstack::{
    block_storage::{VolumeQuota, VolumeTypeVisible},
    cloud_inventory::{BalancerQuota, CloudInventory, OctaviaResponds},
    compute::{Compute, ComputeQuota, FlavorFloor, Floor, KeypairExists},
    container_infra::{Cluster, ClusterQuota, ClusterShape},
    identity::{Identity, LoadBalancerRole, TrusteeDomain, UnrestrictedCredential},
    image::{ClusterImage, Images},
    key_manager::{CertManager, KeyManagerResponds},
    network::{ExternalNetwork, KnownRanges, Network, NetworkQuota, NodeNetwork},
};

use super::{ClusterSite, DriverSettings, EnsuredCluster, KubernetesSupported};
use crate::{
    clients::{CloudClients, PartialClients},
    graft::{Trustee, trustee_domain},
    site::Site,
};

/// The rules of the gates, in their order.
pub const PREREQUISITE_RULES: [CheckRule; 17] = [
    ClusterImage::RULE,
    KubernetesSupported::RULE,
    FlavorFloor::RULE,
    KeypairExists::RULE,
    ExternalNetwork::RULE,
    NodeNetwork::RULE,
    VolumeTypeVisible::RULE,
    KeyManagerResponds::RULE,
    OctaviaResponds::RULE,
    LoadBalancerRole::RULE,
    UnrestrictedCredential::RULE,
    TrusteeDomain::RULE,
    ComputeQuota::RULE,
    NetworkQuota::RULE,
    VolumeQuota::RULE,
    BalancerQuota::RULE,
    ClusterQuota::RULE,
];

/// The rule of the gate that stands for all of them where it is not known what would be created.
pub(crate) const NOT_LOOKED: CheckRule = NotLooked::RULE;

/// What the site says about clusters, beside their templates.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PrerequisiteSettings {
    /// The driver's release, which decides the labels that are read.
    pub driver: DriverRelease,
    /// The smallest flavor that it accepts.
    pub floor: Floor,
    /// Its option `csi_cinder_default_volume_type`.
    pub volume_type: Option<String>,
    /// The site's defaults for labels.
    pub labels: BTreeMap<String, String>,
    /// Where Magnum stores certificates, if the site says it.
    pub cert_manager: Option<CertManager>,
    /// The trustee domain of Magnum, and its charm.
    pub trustee: Trustee,
    /// The addresses of the site.
    pub ranges: KnownRanges,
    /// How many services of type `LoadBalancer` the cluster is to have: each takes a load balancer, a port
    /// and a floating IP.
    pub services: u64,
}

impl PrerequisiteSettings {
    /// Returns those of the site.
    ///
    /// # Errors
    ///
    /// Fails if a value in the site file is not valid.
    pub fn of(site: &Site) -> Result<Self, Failure> {
        let number = |option: &str, default: u64| {
            let text = site.capi_helm.get(option).map(|text| options::read_back(text));
            text.and_then(|text| text.trim().parse().ok()).unwrap_or(default)
        };
        let floor = Floor::default();
        Ok(Self {
            driver: DriverSettings::of(site)?.combination.driver,
            floor: Floor {
                vcpus: number("minimum_flavor_vcpus", floor.vcpus),
                ram: number("minimum_flavor_ram", floor.ram),
            },
            volume_type: site.capi_helm.get("csi_cinder_default_volume_type").cloned(),
            labels: site.capi_helm_cluster_labels.clone(),
            cert_manager: site.trust.cert_manager,
            trustee: Trustee::of(site),
            ranges: KnownRanges { pool: site.network.pool, others: site.network.ranges.clone() },
            services: 0,
        })
    }
}

/// The gates before a cluster is created.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClusterPrerequisites {
    /// What the cluster is made of.
    pub shape: ClusterShape,
    /// What the site says.
    pub settings: PrerequisiteSettings,
    /// The rules whose findings the operator accepts: they are reported, and stop nothing.
    pub accepted: Vec<String>,
}

impl ClusterPrerequisites {
    /// Returns the gates for a cluster of this shape. None of their findings is accepted.
    pub fn new(shape: ClusterShape, settings: PrerequisiteSettings) -> Self {
        let shape = shape.read_by(&settings.driver, &settings.labels);
        Self { shape, settings, accepted: Vec::new() }
    }

    /// Accepts the findings of these rules.
    #[must_use]
    pub fn accepting(self, accepted: Vec<String>) -> Self {
        Self { accepted, ..self }
    }

    /// Returns the gates before `cluster` is created. There are none if it is there, or was asked for and
    /// may still appear: then nothing is created; and none if Magnum has not exactly one template of the
    /// name, which the operation itself refuses. If Magnum does not answer, the only gate fails with that.
    pub async fn before(
        cluster: &EnsuredCluster,
        site: &ClusterSite,
        cloud: &CloudClients,
        settings: PrerequisiteSettings,
        accepted: Vec<String>,
    ) -> Vec<Item> {
        let shape = match Self::shape_before(cluster, site).await {
            Ok(Some(shape)) => shape,
            Ok(None) => return Vec::new(),
            Err(error) => {
                let what = "could not look for the cluster and its template";
                return vec![Item::gate(NotLooked(Failure::from_error(what, &error)))];
            }
        };
        let gates = Self::new(shape, settings).accepting(accepted);
        gates.items(cloud, site.management.as_ref())
    }

    /// Returns what would be created; None if nothing is.
    async fn shape_before(
        cluster: &EnsuredCluster,
        site: &ClusterSite,
    ) -> Result<Option<ClusterShape>, omega_openstack::Error> {
        let seen = site.magnum.clusters_named(&cluster.name).await?;
        // With `retry` a failed one is deleted, and created again.
        let replaced = cluster.retry && seen.clusters.iter().all(Cluster::has_failed);
        if !(seen.clusters.is_empty() || replaced) || seen.may_still_appear(cluster.asked_after) {
            return Ok(None);
        }
        let template = site.magnum.template(&cluster.values.template).await?;
        Ok(template.map(|template| ClusterShape::of(&template, &cluster.values)))
    }

    /// Returns the gates as items of a job. `cloud`: in the cluster's project.
    pub fn items(&self, cloud: &CloudClients, management: Option<&Arc<Management>>) -> Vec<Item> {
        let gates = self.gates(cloud, management).into_iter();
        let before = |gate: Box<dyn Gate>| {
            let accepted = self.accepted.iter().any(|rule| rule == gate.rule());
            Item::gate(BeforeCreate { gate, accepted })
        };
        gates.map(before).collect()
    }

    fn gates(
        &self,
        cloud: &CloudClients,
        management: Option<&Arc<Management>>,
    ) -> Vec<Box<dyn Gate>> {
        let Self { shape, settings, .. } = self;
        let narrowed = || Arc::clone(&cloud.narrowed);
        let compute = Compute::new(narrowed());
        let inventory = CloudInventory::new(narrowed());
        let identity = Identity::new(narrowed());
        let images = Images::new(narrowed());
        let network = Network::new(narrowed());
        let (image, shape) = (shape.image.clone(), shape.clone());
        vec![
            Box::new(ClusterImage { images: images.clone(), name: image.clone() }),
            Box::new(KubernetesSupported { images, image, management: management.cloned() }),
            Box::new(FlavorFloor {
                compute: compute.clone(),
                shape: shape.clone(),
                floor: settings.floor,
            }),
            Box::new(KeypairExists { compute: compute.clone(), name: shape.keypair.clone() }),
            Box::new(ExternalNetwork {
                network: network.clone(),
                name: shape.external_network.clone(),
            }),
            Box::new(NodeNetwork {
                network: network.clone(),
                shape: shape.clone(),
                ranges: settings.ranges.clone(),
            }),
            Box::new(VolumeTypeVisible {
                inventory: inventory.clone(),
                configured: settings.volume_type.clone(),
            }),
            Box::new(KeyManagerResponds {
                inventory: inventory.clone(),
                configured: settings.cert_manager,
            }),
            Box::new(OctaviaResponds { inventory: inventory.clone() }),
            Box::new(LoadBalancerRole { identity: identity.clone() }),
            Box::new(UnrestrictedCredential { identity }),
            Box::new(KnownTrusteeDomain(trustee_domain(&settings.trustee, cloud, true))),
            Box::new(ComputeQuota { compute, shape: shape.clone() }),
            Box::new(NetworkQuota {
                network,
                inventory: inventory.clone(),
                shape: shape.clone(),
                services: settings.services,
            }),
            Box::new(VolumeQuota { inventory: inventory.clone(), shape }),
            Box::new(BalancerQuota { inventory, services: settings.services }),
            Box::new(ClusterQuota { magnum: (*cloud.magnum).clone() }),
        ]
    }
}

/// Returns the gates alone, as a job to plan. `at`: the site, as the operator named it.
pub fn check_prerequisites(
    gates: &ClusterPrerequisites,
    cloud: &CloudClients,
    clients: &PartialClients,
    at: &str,
) -> Job {
    let items = gates.items(cloud, clients.management.as_ref());
    let section = Section::new("", "prerequisites of a cluster", items);
    let target = TargetPlan::shared(cloud.network.label(), vec![section]);
    Job::new("check", at, vec![target]).on(clients.endpoints(), clients.counts())
}

/// A gate before the creation. The creation itself takes what it asks for (quota), so it is not checked
/// again afterwards.
struct BeforeCreate {
    gate: Box<dyn Gate>,
    /// Whether the operator accepts what it finds.
    accepted: bool,
}

#[async_trait]
impl Gate for BeforeCreate {
    fn rule(&self) -> &'static str {
        self.gate.rule()
    }

    fn subject(&self) -> Subject {
        self.gate.subject()
    }

    fn is_only_before(&self) -> bool {
        true
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        let verdict = self.gate.check().await?;
        if let Verdict::Fail(finding) = &verdict
            && self.accepted
            && finding.is_broken()
        {
            let accepted = Evidence::holds("accepted by the operator (--accept)");
            let finding = (**finding).clone().severity(Severity::Warning);
            return Ok(Verdict::fail(finding.shown_by([accepted])));
        }
        Ok(verdict)
    }
}

/// Whether anything is to be created could not be found out.
struct NotLooked(Failure);

impl NotLooked {
    /// Its rule, and the decisions that it checks.
    pub(super) const RULE: CheckRule = CheckRule::new("prerequisites", &[]);
}

#[async_trait]
impl Gate for NotLooked {
    fn rule(&self) -> &'static str {
        Self::RULE.name
    }

    fn subject(&self) -> Subject {
        Subject::new("cluster", "whether it is to be created")
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        Err(self.0.clone())
    }
}

/// The trustee domain, as far as this login may know.
struct KnownTrusteeDomain(TrusteeDomain);

#[async_trait]
impl Gate for KnownTrusteeDomain {
    fn rule(&self) -> &'static str {
        self.0.rule()
    }

    fn subject(&self) -> Subject {
        self.0.subject()
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        self.0.known().await
    }
}
