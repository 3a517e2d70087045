use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use omega_capi::{Combination, Rule, ServedVersionsFit, Setup};
use omega_core::{
    Failure, FailureClass, Item, Label as _, Section, TargetPlan,
    kubeconfig::{AuthKind, Kubeconfig, KubeconfigFacts},
    step,
    values::Sha256,
};
use omega_juju::{
    Unit, UnitPath,
    gates::{AuthenticateManagement, DriverLoaded, ListReleases, ReachManagement},
    operations::{
        ConvergeServices, EnsureHelm, InjectConfigDir, LeftoverPolicy, PinDriver, PlaceKubeconfig,
        RemoveLeftovers, StageDropin, capture_pre_state,
    },
};
use omega_openstack::{
    container_infra::{ClusterHealth, ClusterList, MagnumAnswers},
    identity::TrusteeDomain,
    network::SgRule,
};
use pep440_rs::Version;

use super::{
    Clients, Coherent,
    resolve::{capi_helm, combination, helm, namespaces, pip_source, refused, rules, value},
};
use crate::{
    command::setup,
    engine::{Task, WayBack},
    site::{Site, Trust},
};

/// What the runbook is read for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Purpose<'a> {
    /// To show what would be done, with what is accepted although it is broken.
    Plan(&'a [Rule]),
    /// To do it: what may have changed is asked again each time, as before and after a write.
    Apply(&'a [Rule]),
    /// To say whether it is done, which a cron job asks: in few requests.
    Verify,
}

impl Purpose<'_> {
    fn live(self) -> bool {
        matches!(self, Self::Apply(_))
    }
}

/// Everything that phase 07 wants to be true, resolved from the site file.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) rules: Vec<SgRule>,
    pub(crate) kubeconfig: PlaceKubeconfig,
    pub(crate) driver: PinDriver,
    pub(crate) helm: EnsureHelm,
    pub(crate) dropin: StageDropin,
    pub(crate) config_dir: InjectConfigDir,
    pub(crate) leftovers: RemoveLeftovers,
    pub(crate) services: ConvergeServices,
    facts: KubeconfigFacts,
    helm_sha256: Sha256,
    dropin_sha256: Sha256,
    path: UnitPath,
    version: Version,
    options: BTreeMap<String, String>,
    combination: Combination,
    setup: Setup,
    trust: Trust,
    clusters: ClusterList,
    namespaces: Vec<String>,
}

impl Wanted {
    /// Resolves the site. The clusters are listed once, for their namespaces; a cloud that can't
    /// list them says so when it is asked as a gate.
    ///
    /// # Errors
    ///
    /// Refuses what is incoherent before anything is looked at.
    pub(crate) async fn new(
        site: &Site,
        kubeconfig: &Kubeconfig,
        world: &Clients,
        policy: LeftoverPolicy,
    ) -> Result<Self, Failure> {
        let path: UnitPath = value("management.path", site.management.path.get_ref())?;
        let version: Version = value("driver.version", &site.driver.get_ref().version)?;
        let capi_helm = capi_helm(site, &path)?;
        let dropin = StageDropin::new(&capi_helm, &version).map_err(refused)?;
        let digest = dropin.sha256().ok_or_else(|| {
            Failure::new(FailureClass::Error, "the drop-in has no digest, which can't be")
        })?;
        let options = capi_helm.effective();
        let remove = policy == LeftoverPolicy::Remove;
        let services = ConvergeServices::graft(&version, digest, &options, remove);
        let token = kubeconfig.facts.auth == AuthKind::Token;
        let source = site.management.kubeconfig.display().to_string();
        let clusters = ClusterList::once((*world.magnum).clone());
        Ok(Self {
            rules: rules(site, kubeconfig)?,
            kubeconfig: PlaceKubeconfig::new(path.clone(), kubeconfig, &source, Timestamp::now()),
            driver: PinDriver::new(version.clone(), pip_source(site)).with_token(token),
            helm: helm(site, world.helm_size),
            helm_sha256: site.helm.get_ref().sha256,
            dropin_sha256: digest,
            dropin,
            config_dir: InjectConfigDir::graft(),
            leftovers: RemoveLeftovers::new(policy),
            services,
            namespaces: namespaces(site, world, &clusters).await,
            combination: combination(site)?,
            setup: setup(site)?,
            facts: kubeconfig.facts.clone(),
            path,
            version,
            options,
            trust: site.trust.clone(),
            clusters,
        })
    }

    /// Returns phase 07 as a task: the cloud, then unit after unit, then the clusters.
    /// `said`: the flags of the command.
    pub(crate) fn task(
        &self,
        site: &str,
        said: &str,
        world: &Clients,
        purpose: Purpose<'_>,
    ) -> Task {
        let mut legs = vec![self.cloud(world, purpose)];
        legs.extend(world.units.iter().map(|unit| self.unit(unit)));
        let units = world.units.clone();
        Task {
            name: "graft".to_owned(),
            site: site.to_owned(),
            again: format!("omega-cli apply graft{said}"),
            legs,
            afterwards: vec![self.after(world, purpose.live())],
            pre_state: Some(Box::new(move || Box::pin(pre_state(units.clone())))),
            counts: world.counts(),
            endpoints: world.endpoints(),
            rolls_back: Vec::new(),
            way_back: WayBack::Last,
        }
    }

    fn cloud(&self, world: &Clients, purpose: Purpose<'_>) -> TargetPlan {
        let rule = |rule: &SgRule| Item::Step(step(&world.network, rule.clone()));
        TargetPlan {
            target: world.network.label(),
            sections: vec![
                section(
                    "7.0",
                    "prerequisites",
                    vec![
                        Item::Gate(Box::new(self.trustee(world, purpose.live()))),
                        Item::Gate(Box::new(self.magnum())),
                    ],
                ),
                section("7.1", REACH, self.rules.iter().map(rule).collect()),
                self.fits(world, purpose),
            ],
        }
    }

    /// Before anything is changed, all of it must fit. What a graft left behind is looked at more
    /// cheaply: the versions that are served.
    fn fits(&self, world: &Clients, purpose: Purpose<'_>) -> Section {
        match purpose {
            Purpose::Plan(accepted) | Purpose::Apply(accepted) => {
                let gate = self.coherent(world, accepted.to_vec());
                section("7.3", "coherence", vec![Item::Gate(Box::new(gate))])
            }
            Purpose::Verify => {
                let gate = self.served(world);
                section("7.3", "served versions", vec![Item::Gate(Box::new(gate))])
            }
        }
    }

    fn unit(&self, unit: &Arc<Unit>) -> TargetPlan {
        let leg = vec![
            section("7.1", REACH, vec![Item::Gate(Box::new(self.reach(unit)))]),
            section(
                "7.2",
                "kubeconfig",
                vec![
                    Item::Step(step(unit, self.kubeconfig.clone())),
                    Item::Gate(Box::new(self.authenticate(unit))),
                ],
            ),
            section(
                "7.4",
                "driver and helm",
                vec![
                    Item::Step(step(unit, self.driver.clone())),
                    Item::Step(step(unit, self.helm.clone())),
                    Item::Gate(Box::new(self.releases(unit))),
                ],
            ),
            section(
                "7.6",
                "drop-in",
                vec![
                    Item::Step(step(unit, self.leftovers.clone())),
                    Item::Step(step(unit, self.dropin.clone())),
                ],
            ),
            section("7.7", "config-dir", vec![Item::Step(step(unit, self.config_dir.clone()))]),
            section(
                "7.8",
                SERVICES,
                vec![
                    Item::Step(step(unit, self.services.clone())),
                    Item::Gate(Box::new(self.loaded(unit))),
                ],
            ),
        ];
        TargetPlan { target: unit.label(), sections: leg }
    }

    pub(crate) fn after(&self, world: &Clients, live: bool) -> TargetPlan {
        let clusters =
            if live { ClusterList::live((*world.magnum).clone()) } else { self.clusters.clone() };
        let health = ClusterHealth { clusters, only: Vec::new() };
        let section = section("7.8", SERVICES, vec![Item::Gate(Box::new(health))]);
        TargetPlan { target: "clusters".to_owned(), sections: vec![section] }
    }

    pub(crate) fn trustee(&self, world: &Clients, afresh: bool) -> TrusteeDomain {
        TrusteeDomain {
            afresh,
            domain: self.trust.domain.clone(),
            admin: self.trust.admin.clone(),
            ..TrusteeDomain::new((*world.identity).clone())
        }
    }

    pub(crate) fn magnum(&self) -> MagnumAnswers {
        MagnumAnswers { clusters: self.clusters.clone() }
    }

    pub(crate) fn served(&self, world: &Clients) -> ServedVersionsFit {
        let management = (*world.management).clone();
        ServedVersionsFit { management, combination: self.combination.clone() }
    }

    pub(crate) fn coherent(&self, world: &Clients, accepted: Vec<Rule>) -> Coherent {
        Coherent {
            management: (*world.management).clone(),
            magnum: (*world.magnum).clone(),
            clusters: self.clusters.clone(),
            setup: self.setup.clone(),
            accepted,
        }
    }

    pub(crate) fn reach(&self, unit: &Arc<Unit>) -> ReachManagement {
        ReachManagement::new(unit, &self.facts)
    }

    pub(crate) fn authenticate(&self, unit: &Arc<Unit>) -> AuthenticateManagement {
        AuthenticateManagement::new(unit, &self.path, &self.facts)
    }

    pub(crate) fn releases(&self, unit: &Arc<Unit>) -> ListReleases {
        let namespaces = self.namespaces.clone();
        ListReleases::new(unit, &self.path, self.facts.sha256, self.helm_sha256, namespaces)
    }

    pub(crate) fn loaded(&self, unit: &Arc<Unit>) -> DriverLoaded {
        DriverLoaded::new(unit, &self.version, self.dropin_sha256, &self.options)
    }
}

const REACH: &str = "reach the management API";
const SERVICES: &str = "services";

fn section(number: &'static str, title: &'static str, items: Vec<Item>) -> Section {
    Section { number, title, items }
}

/// Returns what each unit was like, in one remote execution each.
async fn pre_state(units: Vec<Arc<Unit>>) -> Result<serde_json::Value, Failure> {
    let mut all = serde_json::Map::new();
    for unit in units {
        let state = capture_pre_state(&unit).await?;
        let value = serde_json::to_value(state).map_err(|error| {
            Failure::new(FailureClass::Error, "what a unit was like has no JSON form")
                .because(error.to_string())
        })?;
        all.insert(unit.label(), value);
    }
    Ok(serde_json::Value::Object(all))
}
