//! What is to be torn down.

use std::{collections::BTreeSet, time::Duration};

use omega_core::{Failure, FailureClass, Label as _, run::Runs};
use omega_juju::controller::{Extent, ListedModel, ModelAbsent, ModelContent, StorageFate};

use super::{
    TeardownClients,
    maas::{Maas, MaasMachine, MachineReleased},
    recorded::{Recorded, recorded},
};

/// What an operator wants torn down.
#[derive(Clone, Debug)]
pub struct Teardown {
    /// The model: `openstack`, or `admin/openstack` with its owner.
    pub model: String,
    /// What becomes of its storage.
    pub storage: Option<StorageFate>,
    /// The applications of the bundle, if it was named. Without one, applications whose charm is not of a
    /// Charmed OpenStack are others.
    pub bundle: Option<BTreeSet<String>>,
    /// The rules whose findings are accepted ([`TEARDOWN_RULES`](super::TEARDOWN_RULES)).
    pub accepted: Vec<String>,
    /// How long the model and the machines may take.
    pub within: Duration,
}

/// What there is to tear down.
#[derive(Debug)]
#[non_exhaustive]
pub struct Found {
    pub(super) wanted: Teardown,
    pub(super) clients: TeardownClients,
    /// The model, if it is listed.
    pub(super) model: Option<ListedModel>,
    /// What it holds, if nobody has begun to destroy it.
    pub(super) content: Option<ModelContent>,
    /// That it is gone; none if a run has destroyed it, and was completed.
    pub(super) absent: Option<ModelAbsent>,
    /// That its machines are nobody's.
    pub(super) machines: Vec<MachineReleased>,
}

impl Teardown {
    /// Reads what there is. A model whose destruction has begun, or that is gone, is completed from the
    /// record of the run that began it.
    ///
    /// # Errors
    ///
    /// Fails if juju or MAAS does not answer, if several models have the name, or none has it and no run on
    /// this machine has destroyed one that had: then the name is wrong.
    pub async fn find(self, clients: TeardownClients, runs: &Runs) -> Result<Found, Failure> {
        let unread = |error: &_| Failure::from_error("could not read the Juju model", error);
        let controller = &clients.controller;
        let all = controller.models().await.map_err(|error| unread(&error))?;
        let named: Vec<&ListedModel> =
            all.iter().filter(|model| model.is_named(&self.model)).collect();
        let model = match named.as_slice() {
            [] => None,
            [one] => Some((*one).clone()),
            many => return Err(ambiguous(&self.model, many)),
        };
        let record = self.record(runs, &controller.label(), model.as_ref())?;
        if model.is_none() && record.is_none() {
            return Err(unlisted(&self.model, &all));
        }
        let record = record.filter(|record| model.is_some() || !record.is_done);
        let content = match &model {
            Some(model) if model.is_alive() && !model.is_controller => {
                Some(controller.content(model).await.map_err(|error| unread(&error))?)
            }
            Some(_) | None => None,
        };
        let absent = model.as_ref().map(ModelAbsent::of);
        let absent = absent.or_else(|| record.as_ref().map(|record| record.model.clone()));
        let absent = absent.map(|fact| self.of_model(fact));
        let known = record.map(|record| record.machines).unwrap_or_default();
        let machines = match (&clients.maas, &absent) {
            (Some(maas), Some(absent)) => {
                self.machines(maas, &absent.uuid, content.as_ref(), known).await?
            }
            (Some(_) | None, _) => Vec::new(),
        };
        Ok(Found { wanted: self, clients, model, content, absent, machines })
    }

    /// Returns what an earlier run recorded: of a model that is being destroyed, or of one that is no longer
    /// listed.
    fn record(
        &self,
        runs: &Runs,
        controller: &str,
        model: Option<&ListedModel>,
    ) -> Result<Option<Recorded>, Failure> {
        if model.is_some_and(ListedModel::is_alive) {
            // Juju says what it holds now.
            return Ok(None);
        }
        let is = |fact: &ModelAbsent| match model {
            Some(model) => fact.uuid == model.uuid,
            None => short(&fact.name) == self.model || fact.name == self.model,
        };
        recorded(runs, controller, is)
    }

    fn of_model(&self, fact: ModelAbsent) -> ModelAbsent {
        let mut fact = fact;
        (fact.storage, fact.extent, fact.within) =
            (self.storage, Extent::Begun, self.within.as_secs());
        fact
    }

    /// Returns the machines that Juju has, that MAAS has for the model, and that a record names.
    async fn machines(
        &self,
        maas: &Maas,
        model: &str,
        content: Option<&ModelContent>,
        known: Vec<MachineReleased>,
    ) -> Result<Vec<MachineReleased>, Failure> {
        let all = maas.machines().await.map_err(|error| {
            Failure::from_error(format!("could not read the machines of {}", maas.label()), &error)
        })?;
        let of_juju = content.map(|content| content.machines.as_slice()).unwrap_or_default();
        let is_ours = |machine: &&MaasMachine| {
            let in_juju = of_juju.iter().any(|one| one.instance == machine.system_id);
            in_juju || machine.model() == Some(model)
        };
        // What somebody else has by now was released.
        let is_still_ours = |fact: &MachineReleased| {
            let machine = all.iter().find(|one| one.system_id == fact.system_id);
            machine.is_none_or(|one| {
                let of_model = one.model().is_none_or(|other| other == model);
                of_model && one.owner().is_none_or(|owner| owner == fact.owner)
            })
        };
        let mut facts: Vec<_> = known.into_iter().filter(is_still_ours).collect();
        facts.extend(all.iter().filter(is_ours).map(|one| MachineReleased::of(one, model)));
        // One that MAAS does not have is a refusal of its own.
        for one in of_juju.iter().filter(|one| is_system_id(&one.instance)) {
            let missing = MaasMachine {
                system_id: one.instance.clone(),
                hostname: one.hostname.clone(),
                ..MaasMachine::default()
            };
            facts.push(MachineReleased::of(&missing, model));
        }
        let mut seen = BTreeSet::new();
        facts.retain(|fact| seen.insert(fact.system_id.clone()));
        facts.sort_by(|a, b| (&a.hostname, &a.system_id).cmp(&(&b.hostname, &b.system_id)));
        for fact in &mut facts {
            (fact.extent, fact.within) = (Extent::Begun, self.within.as_secs());
        }
        Ok(facts)
    }
}

impl Found {
    /// Returns the model's name, which the operator has to type; none if there is nothing to tear down.
    pub fn name(&self) -> Option<&str> {
        self.absent.as_ref().map(|fact| short(&fact.name))
    }
}

/// Returns a model's name without its owner.
fn short(name: &str) -> &str {
    name.rsplit_once('/').map_or(name, |(_, name)| name)
}

/// Machines that were added by hand (`manual:10.0.0.1`), and those that are not provisioned yet
/// (`pending`), have no system id.
fn is_system_id(instance: &str) -> bool {
    !instance.is_empty() && instance != "pending" && !instance.contains(':')
}

fn unlisted(name: &str, all: &[ListedModel]) -> Failure {
    let names: Vec<&str> = all.iter().map(|one| one.name.as_str()).collect();
    let what = format!("juju lists no model {name}, and no run on this machine has destroyed one");
    let failure = Failure::new(FailureClass::Usage, what).next("correct the name: --model MODEL");
    let found = if names.is_empty() { "no model".to_owned() } else { names.join(", ") };
    Failure { found: Some(found), ..failure }
}

fn ambiguous(name: &str, many: &[&ListedModel]) -> Failure {
    let names: Vec<&str> = many.iter().map(|one| one.name.as_str()).collect();
    let what = format!("{} models have the name {name}", many.len());
    let failure =
        Failure::new(FailureClass::Usage, what).next("name it with its owner: --model OWNER/NAME");
    Failure { found: Some(names.join(", ")), ..failure }
}
