//! The job: D-018's four phases.

use std::sync::Arc;

use omega_core::{
    Evidence, Failure, Gate, Item, Label as _, Section, Subject, TargetPlan, Verdict,
    run::{Endpoints, Job},
    step,
};
use omega_juju::controller::ModelAbsent;
use omega_openstack::cloud_inventory::{CloudInventory, ResourceKind};
use serde_json::{Value, json};

use super::{
    Found, TEARDOWN,
    gates::{
        CloudUnread, Consumers, LostResources, MaasNamed, OtherApplications, TEARDOWN_RULES,
        WorkloadClusters,
    },
    waits::{BothSides, MODEL_GONE, ModelGone},
};

/// The titles of D-018's phases.
const CAPTURE: (&str, &str) = ("1", "what there is, and what is lost");
const DESTROY: (&str, &str) = ("2", "destroy the model");
const RELEASE: (&str, &str) = ("3", "release the machines");
const VERIFY: (&str, &str) = ("4", "verify both sides");

fn section((number, title): (&str, &str), items: Vec<Item>) -> Section {
    Section::new(number, title, items)
}

impl Found {
    /// Returns the job. `site`: the site, as the operator named it.
    pub fn job(&self, site: &str) -> Job {
        let clients = &self.clients;
        let mut endpoints = Endpoints::new();
        endpoints.insert("juju".to_owned(), clients.controller.via());
        endpoints.extend(clients.maas.iter().map(|maas| ("maas".to_owned(), maas.label())));
        let targets = match &self.absent {
            Some(absent) => self.targets(absent),
            None => vec![self.nothing()],
        };
        let mut job = Job::new(TEARDOWN, site, targets).on(endpoints, clients.counts());
        job.pre_state = self.content.is_some().then(|| self.pre_state());
        job
    }

    /// A run has destroyed the model, and was completed.
    fn nothing(&self) -> TargetPlan {
        let gate = NotListed { model: self.wanted.model.clone() };
        let label = self.clients.controller.label();
        TargetPlan::shared(label, vec![section(VERIFY, vec![Item::gate(gate)])])
    }

    fn targets(&self, absent: &ModelAbsent) -> Vec<TargetPlan> {
        let controller = &self.clients.controller;
        let gone = || ModelGone { controller: Arc::clone(controller), model: absent.clone() };
        let model = vec![
            section(CAPTURE, self.model_gates()),
            section(
                DESTROY,
                vec![Item::Step(step(controller, absent.clone())), Item::wait(gone())],
            ),
        ];
        let mut targets = self.lost();
        targets.push(TargetPlan::shared(controller.label(), model));
        if let Some(maas) = &self.clients.maas {
            let steps = self.machines.iter().map(|fact| Item::Step(step(maas, fact.clone())));
            let steps = section(RELEASE, steps.collect());
            targets.push(TargetPlan::shared(maas.label(), vec![steps]));
        }
        let maas = self.clients.maas.clone();
        let both = BothSides { juju: gone(), maas, machines: self.machines.clone() };
        let both = section(VERIFY, vec![Item::wait(both)]);
        targets.push(TargetPlan::shared("both sides", vec![both]));
        targets
    }

    /// What the model holds that must not be destroyed by accident. A model that is being destroyed is no
    /// longer asked.
    fn model_gates(&self) -> Vec<Item> {
        let Some(model) = self.model.as_ref().filter(|_| self.content.is_some()) else {
            return Vec::new();
        };
        let (controller, model) = (|| Arc::clone(&self.clients.controller), || model.clone());
        let mut gates = vec![
            Item::gate(OtherApplications {
                controller: controller(),
                model: model(),
                bundle: self.wanted.bundle.clone(),
                is_accepted: self
                    .wanted
                    .accepted
                    .iter()
                    .any(|rule| TEARDOWN_RULES.contains(&rule.as_str())),
            }),
            Item::gate(Consumers { controller: controller(), model: model() }),
        ];
        if self.clients.maas.is_none() && model().is_on_maas() {
            gates.push(Item::gate(MaasNamed { cloud: model().cloud }));
        }
        gates
    }

    /// What is lost in the cloud, as long as there is one.
    fn lost(&self) -> Vec<TargetPlan> {
        if self.content.is_none() {
            return Vec::new();
        }
        let (label, items) = match &self.clients.cloud {
            Err(why) => ("cloud".to_owned(), vec![Item::gate(CloudUnread { why: why.clone() })]),
            Ok(inventory) => (inventory.label(), self.lost_in(inventory)),
        };
        vec![TargetPlan::shared(label, vec![section(CAPTURE, items)])]
    }

    fn lost_in(&self, inventory: &CloudInventory) -> Vec<Item> {
        let clusters = self.clients.clusters.as_ref().map(|(site, driver)| {
            Item::gate(WorkloadClusters { site: Arc::clone(site), driver: driver.clone() })
        });
        let judged = clusters.is_some();
        let others = ResourceKind::ALL.into_iter();
        let others = others.filter(|kind| !(judged && *kind == ResourceKind::Cluster));
        let lost = |kind| Item::gate(LostResources { inventory: inventory.clone(), kind });
        clusters.into_iter().chain(others.map(lost)).collect()
    }

    /// Records everything by name before the first write.
    fn pre_state(&self) -> omega_core::run::PreState {
        let (model, content) = (self.model.clone(), self.content.clone());
        let machines = self.machines.clone();
        let cloud = self.clients.cloud.clone();
        Box::new(move || {
            let (model, content, machines) = (json!(model), json!(content), json!(machines));
            let cloud = cloud.clone();
            Box::pin(async move {
                let cloud = match cloud {
                    Ok(inventory) => everything(&inventory).await,
                    Err(why) => json!({ "unread": why.to_string() }),
                };
                Ok(
                    json!({ "model": model, "content": content, "machines": machines, "cloud": cloud }),
                )
            })
        })
    }
}

/// Returns every resource of the cloud, by kind. What can't be listed is recorded as such.
async fn everything(inventory: &CloudInventory) -> Value {
    let mut all = serde_json::Map::new();
    for kind in ResourceKind::ALL {
        let listed = match inventory.resources(kind).await {
            Ok(found) => json!(found),
            Err(error) => json!({ "unread": error.to_string() }),
        };
        all.insert(kind.to_string(), listed);
    }
    Value::Object(all)
}

/// That the controller lists no such model.
struct NotListed {
    model: String,
}

#[async_trait::async_trait]
impl Gate for NotListed {
    fn rule(&self) -> &'static str {
        MODEL_GONE.name
    }

    fn subject(&self) -> Subject {
        Subject::new("model", &self.model)
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        let gone = Evidence::holds("juju lists it no more: a run has destroyed it");
        Ok(Verdict::shown([gone]))
    }
}
