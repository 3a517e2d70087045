//! A Juju controller with models in memory. What it prints has the form of juju 3.6's source
//! (`cmd/juju/controller/listmodels.go`, `cmd/juju/crossmodel/list.go`, `cmd/juju/storage/list.go`,
//! `cmd/juju/model/destroy.go`). It shares no code with the client.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use omega_core::{
    Touched,
    testing::{Fault, REFUSAL},
    values::UnitName,
};
use serde_json::{Map, Value, json};

use super::Juju;
use crate::{
    Channel, Error,
    agent::Output,
    channel::{JujuCommands, JujuModel, finished},
};

/// The id of the simulated controller, and of its own model.
const CONTROLLER: &str = "c0117011-0000-4000-8000-000000000000";

/// Called once a model is gone, with its id: its cloud takes its machines back.
type Gone = Arc<dyn Fn(&str) + Send + Sync>;

/// A controller in memory, named `sim`. Clones are the same controller.
#[derive(Clone)]
pub struct Models(Arc<Mutex<State>>);

struct State {
    models: Vec<SimModel>,
    commands: Vec<String>,
    writes: usize,
    spoiled: Option<(usize, Fault)>,
    gone: Option<Gone>,
}

/// A model of the simulated controller.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SimModel {
    /// Its id.
    pub uuid: String,
    /// Its owner.
    pub owner: String,
    /// Its name.
    pub name: String,
    /// Its applications, with their charms.
    pub applications: Vec<(String, String)>,
    /// Its machines: system id and host name.
    pub machines: Vec<(String, String)>,
    /// Its persistent storage.
    pub storage: Vec<String>,
    /// Its offers, with the models that are related to them.
    pub offers: Vec<(String, Vec<String>)>,
    /// The offers of others that it uses: name and address.
    pub consumes: Vec<(String, String)>,
    /// How often it is listed while it is destroyed. `None`: it is never gone.
    pub lag: Option<usize>,
    life: Life,
}

/// Whether a model is being destroyed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Alive,
    /// It is listed so many times more.
    Dying(usize),
    /// It is never gone.
    Stuck,
}

impl SimModel {
    /// Returns a model without anything in it, which is gone as soon as it is destroyed.
    pub fn new(uuid: &str, owner: &str, name: &str) -> Self {
        Self {
            uuid: uuid.to_owned(),
            owner: owner.to_owned(),
            name: name.to_owned(),
            applications: Vec::new(),
            machines: Vec::new(),
            storage: Vec::new(),
            offers: Vec::new(),
            consumes: Vec::new(),
            lag: Some(0),
            life: Life::Alive,
        }
    }

    /// Its destruction ends with the next look.
    pub fn vanish(&mut self) {
        self.life = Life::Dying(0);
    }

    fn listed(&self) -> Value {
        let (life, status) = match self.life {
            Life::Dying(_) | Life::Stuck => ("dying", "destroying"),
            Life::Alive => ("alive", "available"),
        };
        json!({
            "name": format!("{}/{}", self.owner, self.name),
            "short-name": self.name,
            "model-uuid": self.uuid,
            "model-type": "iaas",
            "controller-uuid": CONTROLLER,
            "controller-name": "sim",
            "is-controller": self.uuid == CONTROLLER,
            "cloud": "maas",
            "type": "maas",
            "life": life,
            "status": { "current": status, "since": "1 minute ago" },
            "access": "admin",
            "last-connection": "just now",
        })
    }

    fn status(&self) -> Value {
        let machine = |(nth, (id, host)): (usize, &(String, String))| {
            let machine = json!({
                "juju-status": { "current": "started" }, "instance-id": id, "hostname": host,
                "machine-status": { "current": "running", "message": "Deployed" },
                "containers": { format!("{nth}/lxd/0"): { "instance-id": "juju-0-lxd-0" } },
            });
            (nth.to_string(), machine)
        };
        let application = |(name, charm): &(String, String)| {
            let units =
                json!({ format!("{name}/0"): { "workload-status": { "current": "active" } } });
            let one =
                json!({ "charm": charm, "charm-name": charm, "charm-rev": 1, "units": units });
            (name.clone(), one)
        };
        let consumed = |(name, url): &(String, String)| (name.clone(), json!({ "url": url }));
        json!({
            "model": { "name": self.name, "controller": "sim", "type": "iaas" },
            "machines": self.machines.iter().enumerate().map(machine).collect::<Map<_, _>>(),
            "applications": self.applications.iter().map(application).collect::<Map<_, _>>(),
            "application-endpoints": self.consumes.iter().map(consumed).collect::<Map<_, _>>(),
        })
    }

    fn offered(&self) -> Value {
        let connection = |model: &String| {
            json!({
                "source-model-uuid": model, "username": "bob", "relation-id": 1, "endpoint": "db",
                "status": { "current": "joined" },
            })
        };
        let offer = |(name, models): &(String, Vec<String>)| {
            let url = format!("{}/{}.{name}", self.owner, self.name);
            let connections: Vec<Value> = models.iter().map(connection).collect();
            let one = json!({
                "application": name, "offer-url": url, "endpoints": {}, "connections": connections,
            });
            (name.clone(), one)
        };
        Value::Object(self.offers.iter().map(offer).collect())
    }

    /// Nothing is printed where there is no storage.
    fn stored(&self) -> String {
        let piece = |id: &String| {
            let attached = json!({ "units": { "u/0": { "life": "alive" } } });
            let piece = json!({
                "kind": "block", "status": { "current": "attached" }, "persistent": true,
                "attachments": attached,
            });
            (id.clone(), piece)
        };
        let all: Map<String, Value> = self.storage.iter().map(piece).collect();
        if all.is_empty() { String::new() } else { json!({ "storage": all }).to_string() }
    }
}

impl std::fmt::Debug for Models {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Models").field("models", &self.lock().models).finish_non_exhaustive()
    }
}

impl Models {
    /// Returns a controller with its own model and these.
    pub fn new(models: impl IntoIterator<Item = SimModel>) -> Self {
        let own = SimModel::new(CONTROLLER, "admin", "controller");
        let models = std::iter::once(own).chain(models).collect();
        let state = State { models, commands: Vec::new(), writes: 0, spoiled: None, gone: None };
        Self(Arc::new(Mutex::new(state)))
    }

    /// Calls this with the id of each model that is gone.
    pub fn on_gone(&self, gone: impl Fn(&str) + Send + Sync + 'static) {
        self.lock().gone = Some(Arc::new(gone));
    }

    /// Changes a model, as others do.
    pub fn change(&self, uuid: &str, change: impl FnOnce(&mut SimModel)) {
        if let Some(model) = self.lock().models.iter_mut().find(|one| one.uuid == uuid) {
            change(model);
        }
    }

    /// Adds a model, as others do.
    pub fn add(&self, model: SimModel) {
        self.lock().models.push(model);
    }

    /// Makes the `nth` write fail, counted from 0.
    pub fn inject_fault(&self, nth: usize, fault: Fault) {
        self.lock().spoiled = Some((nth, fault));
    }

    /// Returns the number of writes.
    pub fn writes(&self) -> usize {
        self.lock().writes
    }

    /// Returns the commands that were to write.
    pub fn commands(&self) -> Vec<String> {
        self.lock().commands.clone()
    }

    /// Returns the models: those that are being destroyed with `destroying`.
    pub fn snapshot(&self) -> Vec<String> {
        let one = |model: &SimModel| {
            let dying = if model.life == Life::Alive { "" } else { " destroying" };
            format!("{} {}/{}{dying}", model.uuid, model.owner, model.name)
        };
        self.lock().models.iter().map(one).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn command(&mut self, command: &str, args: &[&str]) -> Result<String, String> {
        match (command, args) {
            ("models", ["-c", "sim", "--format", "json"] | ["--format", "json"]) => Ok(self.list()),
            ("models", ["-c", other, ..]) => Err(format!("controller {other} not found")),
            ("status", ["-m", id, "--format", "json"]) => Ok(self.model(id)?.status().to_string()),
            ("offers", ["-m", id, "--format", "json"]) => Ok(self.model(id)?.offered().to_string()),
            ("storage", ["-m", id, "--format", "json"]) => Ok(self.model(id)?.stored()),
            ("destroy-model", args) => self.destroy(args),
            _ => Err(format!("unrecognized command: juju {command}")),
        }
    }

    /// Lists the models. Those that are being destroyed come nearer to their end.
    fn list(&mut self) -> String {
        let done = |model: &SimModel| model.life == Life::Dying(0);
        let gone: Vec<String> =
            self.models.iter().filter(|one| done(one)).map(|one| one.uuid.clone()).collect();
        self.models.retain(|model| !done(model));
        let listed: Vec<Value> = self.models.iter().map(SimModel::listed).collect();
        for model in &mut self.models {
            if let Life::Dying(left) = &mut model.life {
                *left -= 1;
            }
        }
        if let Some(call) = self.gone.clone() {
            for uuid in &gone {
                call(uuid);
            }
        }
        json!({ "models": listed, "current-model": "controller" }).to_string()
    }

    fn model(&mut self, id: &str) -> Result<&mut SimModel, String> {
        let name = id.strip_prefix("sim:").unwrap_or(id);
        let is =
            |one: &&mut SimModel| one.uuid == name || format!("{}/{}", one.owner, one.name) == name;
        let found = self.models.iter_mut().find(is);
        found.ok_or_else(|| format!("model {id} not found"))
    }

    fn destroy(&mut self, args: &[&str]) -> Result<String, String> {
        self.commands.push(format!("juju destroy-model {}", args.join(" ")));
        let nth = self.writes;
        self.writes += 1;
        let fault = self.spoiled.filter(|(spoiled, _)| *spoiled == nth).map(|(_, fault)| fault);
        match fault {
            Some(Fault::Lost) => return Err("connection is shut down".to_owned()),
            Some(Fault::Ignored) => return Ok(String::new()),
            Some(Fault::Refused) => {
                return Err(format!(
                    "{REFUSAL}\n\ndestroy-model operation has been disabled for the current model.\nTo \
                     enable the command run\n\n    juju enable-command destroy-model\n"
                ));
            }
            Some(Fault::AnswerLost) | None => {}
        }
        let (flags, names): (Vec<&str>, Vec<&str>) =
            args.iter().partition(|arg| arg.starts_with('-'));
        if !flags.contains(&"--no-prompt") {
            return Err("model destruction: aborted".to_owned());
        }
        let [id] = names.as_slice() else { return Err("no model specified".to_owned()) };
        let model = self.model(id)?;
        if model.uuid == CONTROLLER {
            let name = &model.name;
            let next = "use 'juju destroy-controller' to destroy it";
            return Err(format!("{name:?} is a controller; {next}"));
        }
        let fated =
            ["--destroy-storage", "--release-storage"].iter().any(|one| flags.contains(one));
        if !model.storage.is_empty() && !fated {
            let (name, many) = (&model.name, model.storage.len());
            return Err(format!(
                "cannot destroy model {name:?}\n\nThe model has persistent storage remaining:\n\t{many} volumes"
            ));
        }
        model.life = model.lag.map_or(Life::Stuck, Life::Dying);
        if fault.is_some() { Err("connection is shut down".to_owned()) } else { Ok(String::new()) }
    }
}

#[async_trait]
impl JujuCommands for Models {
    async fn run(
        &self,
        doing: &str,
        command: &str,
        args: &[String],
        touched: Touched,
    ) -> Result<Vec<u8>, Error> {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let (status, stdout, stderr) = match self.lock().command(command, &args) {
            // The client was ended while it waited.
            Ok(_) if command == "destroy-model" => {
                let waiting = "Destroying model\nWaiting for model to be removed, 3 machine(s)...";
                (None, String::new(), waiting.to_owned())
            }
            Ok(text) => (Some(0), text, String::new()),
            Err(why) => (Some(1), String::new(), format!("ERROR {why}\n")),
        };
        let (stdout, stderr) = (stdout.into_bytes(), stderr.into_bytes());
        finished(doing, None, Output { status, stdout, stderr, ..Output::default() }, touched)
    }

    fn channel(&self, unit: &UnitName, model: &JujuModel) -> Arc<dyn Channel> {
        Juju::nova_compute(0, 0).channel(unit, model)
    }
}
