use std::sync::Arc;

use omega_core::{Failure, FailureClass, Gate, Item, Label as _, Section, Step, TargetPlan, step};
use omega_juju::{Unit, operations::capture_pre_state};
use omega_openstack::network::{Cidr, Flow, Ports, Protocol, SgRule, Traffic};
use serde_json::json;

use super::Session;
use crate::{
    cli::{GateName, LeftoverArgs, Operation, OperationArgs, SgRuleArgs, SiteArgs},
    engine::{Approved, Task, WayBack},
    exit::Exit,
    runbook::{Clients, Wanted},
    site::Site,
};

impl Session {
    pub(super) async fn operation(&self, operation: Operation) -> Result<Exit, Failure> {
        let plain = LeftoverArgs::default();
        match operation {
            Operation::EnsureSgRule(args) => self.sg_rule(args).await,
            Operation::PlaceKubeconfig(args) => {
                self.on_units("place-kubeconfig", &args, plain, |w, u| {
                    step(u, w.kubeconfig.clone())
                })
                .await
            }
            Operation::PinDriver(args) => {
                self.on_units("pin-driver", &args, plain, |w, u| step(u, w.driver.clone())).await
            }
            Operation::EnsureHelm(args) => {
                self.on_units("ensure-helm", &args, plain, |w, u| step(u, w.helm.clone())).await
            }
            Operation::StageDropin(args) => {
                self.on_units("stage-dropin", &args, plain, |w, u| step(u, w.dropin.clone())).await
            }
            Operation::InjectConfigDir(args) => {
                self.on_units("inject-config-dir", &args, plain, |w, u| {
                    step(u, w.config_dir.clone())
                })
                .await
            }
            Operation::ConvergeServices(args) => {
                self.on_units("converge-services", &args, plain, |w, u| step(u, w.services.clone()))
                    .await
            }
            Operation::RemoveLeftovers { common, leftovers } => {
                self.on_units("remove-leftovers", &common, leftovers, |w, u| {
                    step(u, w.leftovers.clone())
                })
                .await
            }
            Operation::CapturePreState(site) => self.pre_state(&site).await,
            Operation::Check { gate, site, workload } => match workload.cluster {
                Some(cluster) if gate == GateName::Workload => {
                    self.check_workload(&site, &cluster).await
                }
                Some(_) => {
                    Err(Failure::new(FailureClass::Usage, "--cluster is for `check workload`"))
                }
                None => self.check(gate, &site).await,
            },
        }
    }

    /// Runs one operation on each unit.
    async fn on_units(
        &self,
        name: &'static str,
        args: &OperationArgs,
        leftovers: LeftoverArgs,
        bind: impl Fn(&Wanted, &Arc<Unit>) -> Box<dyn Step>,
    ) -> Result<Exit, Failure> {
        // Before anything is looked at: that takes a while, and would be for nothing.
        let _lock = (!args.plan).then(|| self.runs.lock(name)).transpose()?;
        let site = Site::read(&args.site.site)?;
        let (wanted, world) = self.wanted(&site, &args.site, leftovers).await?;
        let leg = |unit: &Arc<Unit>| TargetPlan {
            target: unit.label(),
            sections: vec![Section {
                number: "",
                title: name,
                items: vec![Item::Step(bind(&wanted, unit))],
            }],
        };
        let legs = world.units.iter().map(leg).collect();
        self.one(name, args, leftovers.said(), legs, &world).await
    }

    async fn one(
        &self,
        name: &str,
        args: &OperationArgs,
        said: &str,
        legs: Vec<TargetPlan>,
        world: &Clients,
    ) -> Result<Exit, Failure> {
        let task = Task {
            name: name.to_owned(),
            site: args.site.site.display().to_string(),
            again: format!("omega-cli {name}{}{said}", args.site.said()),
            legs,
            afterwards: Vec::new(),
            pre_state: None,
            counts: world.counts(),
            endpoints: world.endpoints(),
            rolls_back: Vec::new(),
            way_back: WayBack::Run,
        };
        if args.plan {
            return self.shown(self.engine().plan(&task, None).await?);
        }
        self.shown(self.engine().apply(&task, Approved::Now).await?)
    }

    async fn sg_rule(&self, args: SgRuleArgs) -> Result<Exit, Failure> {
        let lock = || self.runs.lock("ensure-sg-rule");
        let _lock = (!args.common.plan).then(lock).transpose()?;
        let site = Site::read(&args.common.site.site)?;
        let kubeconfig = self.kubeconfig(&site)?;
        let world = self.connect_cloud(&site, &kubeconfig).await?;
        let (_, api_port) = kubeconfig.facts.endpoint();
        let group = args.group.as_ref().unwrap_or(&site.management.security_group);
        let remotes =
            if args.remotes.is_empty() { site.management.sources.get_ref() } else { &args.remotes };
        let traffic = traffic(&args, api_port)?;
        let mut items = Vec::new();
        for remote in remotes {
            let peer: Cidr = remote.parse().map_err(|e| usage(format!("--remote: {e}")))?;
            let flow = Flow::new(traffic, peer).map_err(|error| usage(error.to_string()))?;
            let rule = SgRule::ingress(group, flow);
            let rule = if args.absent { rule.absent() } else { rule };
            items.push(Item::Step(step(&world.network, rule)));
        }
        let section = Section { number: "", title: "ensure-sg-rule", items };
        let said = args.said();
        let leg = TargetPlan { target: world.network.label(), sections: vec![section] };
        self.one("ensure-sg-rule", &args.common, &said, vec![leg], &world).await
    }

    async fn pre_state(&self, args: &SiteArgs) -> Result<Exit, Failure> {
        let site = Site::read(&args.site)?;
        let kubeconfig = self.kubeconfig(&site)?;
        let world = self.connect(&site, &kubeconfig, &args.units).await?;
        let mut all = serde_json::Map::new();
        for unit in &world.units {
            let state = serde_json::to_value(capture_pre_state(unit).await?)
                .map_err(|error| Failure::new(FailureClass::Error, error.to_string()))?;
            let pretty = serde_json::to_string_pretty(&state).unwrap_or_default();
            self.screen.text(&format!("{}\n{pretty}", unit.label()));
            all.insert(unit.label(), state);
        }
        Ok(self.ends(Exit::Done, json!({ "units": all })))
    }

    async fn check(&self, gate: GateName, args: &SiteArgs) -> Result<Exit, Failure> {
        let site = Site::read(&args.site)?;
        let (wanted, world) = self.wanted(&site, args, LeftoverArgs::default()).await?;
        let per_unit = |of: &dyn Fn(&Arc<Unit>) -> Box<dyn Gate>| -> Vec<TargetPlan> {
            world.units.iter().map(|unit| asked(unit.label(), of(unit))).collect()
        };
        let cloud = |gate| vec![asked(world.network.label(), gate)];
        let (legs, afterwards) = match gate {
            GateName::Reach => (per_unit(&|unit| Box::new(wanted.reach(unit))), vec![]),
            GateName::Authenticate => {
                (per_unit(&|unit| Box::new(wanted.authenticate(unit))), vec![])
            }
            GateName::Releases => (per_unit(&|unit| Box::new(wanted.releases(unit))), vec![]),
            GateName::Driver => (per_unit(&|unit| Box::new(wanted.loaded(unit))), vec![]),
            GateName::ServedVersions => (cloud(Box::new(wanted.served(&world))), vec![]),
            GateName::Coherence => (cloud(Box::new(wanted.coherent(&world, vec![]))), vec![]),
            // It needs a cluster, which the command line asks for; see `check_workload`.
            GateName::Workload => (vec![], vec![]),
            GateName::TrusteeDomain => (cloud(Box::new(wanted.trustee(&world, true))), vec![]),
            GateName::Magnum => (cloud(Box::new(wanted.magnum())), vec![]),
            GateName::Health => (vec![], vec![wanted.after(&world, false)]),
        };
        let task = Task {
            name: "check".to_owned(),
            site: args.site.display().to_string(),
            again: String::new(),
            legs,
            afterwards,
            pre_state: None,
            counts: world.counts(),
            endpoints: world.endpoints(),
            rolls_back: Vec::new(),
            way_back: WayBack::None,
        };
        self.shown(self.engine().plan(&task, None).await?)
    }
}

fn asked(target: String, gate: Box<dyn Gate>) -> TargetPlan {
    let section = Section { number: "", title: "check", items: vec![Item::Gate(gate)] };
    TargetPlan { target, sections: vec![section] }
}

fn usage(why: String) -> Failure {
    Failure::new(FailureClass::Usage, why).next("omega-cli ensure-sg-rule --help")
}

fn traffic(args: &SgRuleArgs, api_port: u16) -> Result<Traffic, Failure> {
    let protocol: Protocol =
        args.protocol.parse().map_err(|e| usage(format!("--protocol: {e}")))?;
    let ports: Option<Ports> = match &args.port {
        Some(port) => Some(port.parse().map_err(|e| usage(format!("--port: {e}")))?),
        None if protocol.has_ports() => {
            Some(Ports::one(api_port).map_err(|error| usage(error.to_string()))?)
        }
        None => None,
    };
    Ok(ports.map_or(Traffic::Whole(protocol), |ports| Traffic::Ports(protocol, ports)))
}
