//! Phase 07: the Cluster API driver on a live Magnum conductor.

mod check;
mod proof;
mod resolve;
mod spec;
mod trustee;

use std::{collections::BTreeMap, sync::Arc};

use omega_capi::{
    Management,
    coherence::{CoherenceInputs, Combination, Rule, ServedVersionsGate},
    constellation::Dependencies,
    controllers::ManagementReady,
};
use omega_core::{
    CheckRule, Failure, FailureClass, Finding, Item, Label as _, Section, TargetPlan,
    kubeconfig::{Kubeconfig, KubeconfigFacts},
    run::Job,
    step,
    values::Sha256,
};
use omega_driver::{DriverRelease, NamespacePrefix};
use omega_juju::{
    Unit, UnitPath,
    gates::{
        AuthenticateManagement, DaemonSteady, DriverImports, DriverLoaded, JujuStanding,
        LeftoverPolicy, LeftoversDecided, ListReleases, ReachManagement, SourcesReachable,
    },
    operations::{
        ConvergeServices, EnsureHelm, InjectConfigDir, PinDriver, PlaceKubeconfig, RemoveLeftovers,
        StageDropin, capture_pre_state,
    },
};
use omega_openstack::{
    container_infra::{Cluster, ClusterHealth, ClusterList, ClustersAtRest, MagnumResponds},
    identity::TrusteeDomain,
    network::SgRule,
};

use crate::{
    clients::{Clients, CloudClients},
    coherence::{Coherent, setup},
    site::Site,
};
pub use check::{SiteGate, UnitGate, check_site, check_units};
pub(crate) use proof::template_of;
pub use proof::{Proof, Proven, prove};
pub use resolve::{resolve, verification, verify};
pub use spec::{SiteSpec, value};
pub use trustee::{Trustee, trustee_domain};

/// The rules of the gates.
pub(crate) const GATES: [CheckRule; 16] = {
    let [a, b, c, d, e, f, g, h, i] = omega_juju::gates::RULES;
    [
        a,
        b,
        c,
        d,
        e,
        f,
        g,
        h,
        i,
        ServedVersionsGate::RULE,
        Coherent::RULE,
        ManagementReady::RULE,
        TrusteeDomain::RULE,
        MagnumResponds::RULE,
        ClustersAtRest::RULE,
        ClusterHealth::RULE,
    ]
};

/// What the job is for.
#[derive(Clone, Copy, Debug)]
pub enum Purpose<'a> {
    /// To show what would be done. It has the accepted rules.
    Plan(&'a [Rule]),
    /// To apply it. State that may have changed is read again each time, with the accepted rules.
    Apply(&'a [Rule]),
    /// To verify it, with few requests: a cron job may do that often.
    Verify,
}

impl Purpose<'_> {
    fn live(self) -> bool {
        matches!(self, Self::Apply(_))
    }
}

/// All desired facts of phase 07, resolved from the site file.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct GraftSpec {
    /// 7.1: the conductors reach the management API.
    pub rules: Vec<SgRule>,
    /// 7.2
    pub kubeconfig: PlaceKubeconfig,
    /// 7.4
    pub driver: PinDriver,
    /// 7.4
    pub helm: EnsureHelm,
    /// 7.6
    pub dropin: StageDropin,
    /// 7.7
    pub config_dir: InjectConfigDir,
    /// 7.8
    pub services: ConvergeServices,
    policy: LeftoverPolicy,
    facts: KubeconfigFacts,
    helm_sha256: Sha256,
    dropin_sha256: Sha256,
    path: UnitPath,
    release: DriverRelease,
    options: BTreeMap<String, String>,
    combination: Combination,
    setup: CoherenceInputs,
    trustee: Trustee,
    clusters: ClusterList,
    health: Vec<String>,
    findings: Vec<Finding>,
    namespaces: Vec<String>,
}

impl GraftSpec {
    /// Resolves the site. The clusters are listed once, for their namespaces. If the cloud can't list
    /// them, a gate reports that later.
    ///
    /// # Errors
    ///
    /// Refuses a site file that contradicts itself before anything is read.
    pub async fn new(
        site: &Site,
        kubeconfig: &Kubeconfig,
        clients: &Clients,
        policy: LeftoverPolicy,
    ) -> Result<Self, Failure> {
        let clusters = ClusterList::once((*clients.cloud.magnum).clone());
        let namespaces = known_namespaces(site, &clients.cloud, &clusters).await;
        Self::with(site, kubeconfig, clients, policy, (clusters, namespaces))
    }

    /// The same with the clusters and the namespaces that the driver uses for them.
    fn with(
        site: &Site,
        kubeconfig: &Kubeconfig,
        clients: &Clients,
        policy: LeftoverPolicy,
        (clusters, namespaces): (ClusterList, Vec<String>),
    ) -> Result<Self, Failure> {
        let spec = SiteSpec::new(site);
        let dropin = spec.dropin()?;
        let digest = dropin.sha256();
        Ok(Self {
            rules: spec.rules(kubeconfig)?,
            kubeconfig: spec.kubeconfig(kubeconfig)?,
            driver: spec.driver(Some(kubeconfig))?,
            helm: spec.helm(clients.helm_size)?,
            helm_sha256: site.helm()?.sha256,
            dropin_sha256: digest,
            services: spec.services(&dropin, policy == LeftoverPolicy::Remove)?,
            dropin,
            config_dir: InjectConfigDir::graft(),
            policy,
            namespaces,
            combination: spec.combination()?,
            setup: setup(site)?,
            facts: kubeconfig.facts.clone(),
            path: spec.path()?,
            release: spec.release()?,
            options: spec.capi_helm()?.effective(),
            trustee: Trustee::of(site),
            clusters,
            health: site.health.clusters.clone(),
            findings: untested_helm(site)?.into_iter().collect(),
        })
    }

    /// Returns phase 07 as a job: the cloud, then each unit, then the clusters. `site`: the site, as
    /// the operator named it.
    pub fn job(&self, site: &str, clients: &Clients, purpose: Purpose<'_>) -> Job {
        let mut targets = vec![self.cloud(clients, purpose)];
        targets.extend(clients.units.iter().map(|unit| self.unit(unit, purpose)));
        let units = clients.units.clone();
        Job {
            afterwards: vec![self.after(clients, purpose.live())],
            pre_state: Some(Box::new(move || Box::pin(pre_state(units.clone())))),
            ..Job::new(GRAFT, site, targets)
                .on(clients.endpoints(), clients.counts())
                .with_findings(self.findings.clone())
        }
    }

    fn cloud(&self, clients: &Clients, purpose: Purpose<'_>) -> TargetPlan {
        let rule = |rule: &SgRule| Item::Step(step(&clients.cloud.network, rule.clone()));
        let trustee = Item::gate(self.trustee(clients, purpose.live()));
        let mut before = vec![trustee, Item::gate(self.magnum())];
        if !matches!(purpose, Purpose::Verify) {
            before.insert(0, Item::gate(management_ready(&clients.management)));
            before.push(Item::gate(ClustersAtRest { clusters: self.clusters.clone() }));
        }
        TargetPlan::shared(
            clients.cloud.network.label(),
            vec![
                section("7.0", "prerequisites", before),
                section("7.1", REACH, self.rules.iter().map(rule).collect()),
                self.fits(clients, purpose),
            ],
        )
    }

    /// Before a change, everything must fit together. For a verification the served versions are enough,
    /// which takes fewer requests.
    fn fits(&self, clients: &Clients, purpose: Purpose<'_>) -> Section {
        match purpose {
            Purpose::Plan(accepted) | Purpose::Apply(accepted) => {
                let gate = self.coherent(clients, accepted.to_vec());
                section("7.3", "coherence", vec![Item::gate(gate)])
            }
            Purpose::Verify => {
                let gate = self.served(clients);
                section("7.3", "served versions", vec![Item::gate(gate)])
            }
        }
    }

    fn unit(&self, unit: &Arc<Unit>, purpose: Purpose<'_>) -> TargetPlan {
        let mut before = vec![Item::gate(self.reach(unit))];
        if !matches!(purpose, Purpose::Verify) {
            let sources = SourcesReachable::new(unit, &self.driver, &self.helm);
            before.extend(sources.map(Item::gate));
        }
        let sections = vec![
            section("7.1", REACH, before),
            section(
                "7.2",
                "kubeconfig",
                vec![
                    Item::Step(step(unit, self.kubeconfig.clone())),
                    Item::gate(self.authenticate(unit)),
                ],
            ),
            section(
                "7.4",
                "driver and helm",
                vec![
                    Item::Step(step(unit, self.driver.clone())),
                    Item::gate(self.imports(unit)),
                    Item::Step(step(unit, self.helm.clone())),
                    Item::gate(self.releases(unit)),
                ],
            ),
            section(
                "7.6",
                "drop-in",
                vec![self.leftovers(unit), Item::Step(step(unit, self.dropin.clone()))],
            ),
            section("7.7", "config-dir", vec![Item::Step(step(unit, self.config_dir.clone()))]),
            section(
                "7.8",
                SERVICES,
                vec![
                    Item::Step(step(unit, self.services.clone())),
                    Item::gate(self.loaded(unit)),
                    Item::gate(DaemonSteady::new(unit, &self.services)),
                ],
            ),
        ];
        let standing = JujuStanding::new(unit).map(|gate| vec![Item::gate(gate)]);
        let standing = standing.map(|items| section("7.0", "juju", items));
        let sections = standing.into_iter().chain(sections).collect();
        TargetPlan::unit(unit.label(), sections)
    }

    fn after(&self, clients: &Clients, live: bool) -> TargetPlan {
        let magnum = (*clients.cloud.magnum).clone();
        let clusters = if live { ClusterList::live(magnum) } else { self.clusters.clone() };
        let health = ClusterHealth { clusters, only: self.health.clone() };
        TargetPlan::shared("clusters", vec![section("7.8", SERVICES, vec![Item::gate(health)])])
    }

    /// Returns the decision about the leftovers of the superseded graft on `unit`.
    pub fn leftovers(&self, unit: &Arc<Unit>) -> Item {
        leftovers(unit, self.policy)
    }

    fn trustee(&self, clients: &Clients, uncached: bool) -> TrusteeDomain {
        trustee_domain(&self.trustee, &clients.cloud, uncached)
    }

    fn magnum(&self) -> MagnumResponds {
        MagnumResponds { clusters: self.clusters.clone() }
    }

    /// Returns the gate that the management cluster serves the versions that the driver reads.
    pub fn served(&self, clients: &Clients) -> ServedVersionsGate {
        let management = (*clients.management).clone();
        ServedVersionsGate { management, combination: self.combination.clone() }
    }

    /// Returns the gate that driver, chart, Cluster API and templates fit together.
    pub fn coherent(&self, clients: &Clients, accepted: Vec<Rule>) -> Coherent {
        let gate = Coherent::new(&clients.management, &clients.cloud.magnum, self.setup.clone());
        Coherent { clusters: self.clusters.clone(), accepted, ..gate }
    }

    /// Returns the gate that `unit` reaches the management API.
    pub fn reach(&self, unit: &Arc<Unit>) -> ReachManagement {
        ReachManagement::new(unit, &self.facts)
    }

    /// Returns the gate that the daemon on `unit` logs in there with its kubeconfig.
    pub fn authenticate(&self, unit: &Arc<Unit>) -> AuthenticateManagement {
        AuthenticateManagement::new(unit, &self.path, &self.facts)
    }

    /// Returns the gate that helm on `unit` lists the releases of the clusters' namespaces.
    pub fn releases(&self, unit: &Arc<Unit>) -> ListReleases {
        let namespaces = self.namespaces.clone();
        ListReleases::new(unit, &self.path, self.facts.sha256, self.helm_sha256, namespaces)
    }

    /// Returns the gate that the daemon on `unit` can import the driver, and uses it.
    pub fn imports(&self, unit: &Arc<Unit>) -> DriverImports {
        DriverImports::new(unit, &self.release, self.dropin_sha256)
    }

    /// Returns the gate that the daemon on `unit` runs with the driver and its options.
    pub fn loaded(&self, unit: &Arc<Unit>) -> DriverLoaded {
        DriverLoaded::new(unit, &self.release, self.dropin_sha256, &self.options)
    }
}

/// Returns a warning if the site pins another helm than its chart was tested with.
fn untested_helm(site: &Site) -> Result<Option<Finding>, Failure> {
    let chart = value("chart.version", &site.chart()?.version)?;
    Ok(Dependencies::helm_finding(&chart, &site.helm()?.version))
}

/// Returns the removal of the superseded graft's leftovers on `unit`, if that was decided, or the gate
/// that asks for a decision.
pub fn leftovers(unit: &Arc<Unit>, policy: LeftoverPolicy) -> Item {
    if policy == LeftoverPolicy::Remove {
        Item::Step(step(unit, RemoveLeftovers::default()))
    } else {
        Item::gate(LeftoversDecided::new(unit, policy))
    }
}

/// Returns the gate of 7.0: Magnum answers.
pub fn magnum_responds(cloud: &CloudClients) -> MagnumResponds {
    MagnumResponds { clusters: ClusterList::once((*cloud.magnum).clone()) }
}

/// Returns the gate of 7.0: the management cluster works.
pub fn management_ready(management: &Management) -> ManagementReady {
    ManagementReady { management: management.clone() }
}

/// Returns the gate of 7.8: the clusters `only` are HEALTHY, or every one that Magnum lists if it is
/// empty.
pub fn clusters_are_healthy(cloud: &CloudClients, only: Vec<String>) -> ClusterHealth {
    ClusterHealth { clusters: ClusterList::live((*cloud.magnum).clone()), only }
}

/// Returns the prefix that the driver puts before a project's id to name its namespace.
pub(crate) fn namespace_prefix(site: &Site) -> NamespacePrefix {
    NamespacePrefix::of_options(&site.capi_helm)
}

/// The job's name, in runs and stored plans.
pub const GRAFT: &str = "graft";

const REACH: &str = "reach the management API";
const SERVICES: &str = "services";

fn section(number: &str, title: &str, items: Vec<Item>) -> Section {
    Section::new(number, title, items)
}

/// Returns the namespaces that the driver uses, as far as the cloud tells: a gate reports what it does not.
async fn known_namespaces(
    site: &Site,
    cloud: &CloudClients,
    clusters: &ClusterList,
) -> Vec<String> {
    let listed = clusters.read().await.unwrap_or_default();
    let project = cloud.network.project_id().await.ok();
    namespaces(&namespace_prefix(site), &listed, project.as_deref())
}

/// Returns the namespaces that the driver uses: one for each project with a cluster, and that of the
/// management project.
fn namespaces(
    prefix: &NamespacePrefix,
    clusters: &[Cluster],
    project: Option<&str>,
) -> Vec<String> {
    let of_clusters = clusters.iter().filter_map(|cluster| cluster.helm_namespace(prefix));
    let of_project = project.map(|project| prefix.namespace(project));
    let mut all: Vec<String> = of_clusters.chain(of_project).collect();
    all.sort();
    all.dedup();
    all
}

/// Returns the state of each unit, with one remote execution each.
async fn pre_state(units: Vec<Arc<Unit>>) -> Result<serde_json::Value, Failure> {
    let mut all = serde_json::Map::new();
    for unit in units {
        let state = capture_pre_state(&unit).await?;
        let value = serde_json::to_value(state).map_err(|error| {
            Failure::new(FailureClass::Error, "the state of a unit could not be written as JSON")
                .because(error.to_string())
        })?;
        all.insert(unit.label(), value);
    }
    Ok(serde_json::Value::Object(all))
}

#[cfg(test)]
#[path = "apply_tests.rs"]
mod tests;
