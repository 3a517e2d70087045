//! A MAAS in memory. It answers as MAAS 3.5's source does (`src/maasserver/api/machines.py`), and shares
//! no code with the client.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use omega_core::{
    Touched,
    testing::{Fault, REFUSAL},
};
use omega_juju::channel::ProgramOutput;
use serde_json::{Value, json};

use super::{MaasCommands, MaasError, commands::answered};

/// A MAAS in memory. Clones are the same MAAS.
#[derive(Clone, Debug)]
pub struct SimMaas(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    machines: Vec<SimMachine>,
    commands: Vec<String>,
    writes: usize,
    spoiled: Option<(usize, Fault)>,
}

/// A machine of the simulated MAAS.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SimMachine {
    /// Its id.
    pub system_id: String,
    /// Its host name.
    pub hostname: String,
    /// Its status: number and name.
    pub status: (u32, &'static str),
    /// Whose it is.
    pub owner: Option<String>,
    /// The Juju model that it was deployed for.
    pub model: Option<String>,
    /// Whether it is locked.
    pub locked: bool,
    /// How often it is shown while it is released. `None`: it is never Ready.
    pub lag: Option<usize>,
    left: Option<usize>,
}

impl SimMachine {
    /// Returns a machine that juju has deployed for a model.
    pub fn deployed(system_id: &str, hostname: &str, model: &str) -> Self {
        Self {
            system_id: system_id.to_owned(),
            hostname: hostname.to_owned(),
            status: (6, "Deployed"),
            owner: Some("juju".to_owned()),
            model: Some(model.to_owned()),
            locked: false,
            lag: Some(0),
            left: None,
        }
    }

    /// Returns one that is nobody's.
    pub fn ready(system_id: &str, hostname: &str) -> Self {
        let (owner, model) = (None, None);
        Self { status: (4, "Ready"), owner, model, ..Self::deployed(system_id, hostname, "") }
    }

    fn release(&mut self) {
        self.status = (12, "Releasing");
        self.left = self.lag;
    }

    /// It is shown once more.
    fn look(&mut self) {
        match (self.status.0, self.left) {
            (12, Some(0)) => {
                (self.status, self.owner, self.model) = ((4, "Ready"), None, None);
                self.left = None;
            }
            (12, Some(left)) => self.left = Some(left - 1),
            _ => {}
        }
    }

    fn shown(&self) -> Value {
        let data = self.model.as_ref().map(|model| json!({ "juju-model-uuid": model }));
        json!({
            "system_id": self.system_id,
            "hostname": self.hostname,
            "fqdn": format!("{}.maas", self.hostname),
            "status": self.status.0,
            "status_name": self.status.1,
            "status_message": "",
            "owner": self.owner.clone().unwrap_or_default(),
            "owner_data": data.unwrap_or_else(|| json!({})),
            "locked": self.locked,
            "power_state": "on",
        })
    }
}

impl SimMaas {
    /// Returns a MAAS with these machines.
    pub fn new(machines: impl IntoIterator<Item = SimMachine>) -> Self {
        let machines = machines.into_iter().collect();
        let state = State { machines, commands: Vec::new(), writes: 0, spoiled: None };
        Self(Arc::new(Mutex::new(state)))
    }

    /// Changes a machine, as others do.
    pub fn change(&self, system_id: &str, change: impl FnOnce(&mut SimMachine)) {
        if let Some(one) = self.lock().machines.iter_mut().find(|one| one.system_id == system_id) {
            change(one);
        }
    }

    /// Releases the machines of a model, as juju does when the model is gone.
    pub fn release_of(&self, model: &str) {
        let mut state = self.lock();
        let ours = state.machines.iter_mut().filter(|one| one.model.as_deref() == Some(model));
        ours.filter(|one| one.status.0 != 12).for_each(SimMachine::release);
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

    /// Returns each machine: its id, its status and its owner.
    pub fn snapshot(&self) -> Vec<String> {
        let one = |machine: &SimMachine| {
            let owner = machine.owner.as_deref().unwrap_or("nobody");
            format!("{} {} {owner}", machine.system_id, machine.status.1)
        };
        self.lock().machines.iter().map(one).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Answers, or fails with the body of an answer that is no success.
    fn answer(&mut self, args: &[&str]) -> Result<String, String> {
        match args {
            ["machines", "read"] => {
                self.machines.iter_mut().for_each(SimMachine::look);
                Ok(self.machines.iter().map(SimMachine::shown).collect::<Value>().to_string())
            }
            ["machine", "read", id] => {
                let machine = self.machine(id)?;
                machine.look();
                Ok(machine.shown().to_string())
            }
            ["machine", "release", id, comment] if comment.starts_with("comment=") => {
                self.commands.push(format!("maas P {}", args.join(" ")));
                self.release(id)
            }
            _ => Err(format!("unexpected command: {args:?}")),
        }
    }

    fn machine(&mut self, id: &str) -> Result<&mut SimMachine, String> {
        let found = self.machines.iter_mut().find(|one| one.system_id == id);
        found.ok_or_else(|| "Not Found".to_owned())
    }

    fn release(&mut self, id: &str) -> Result<String, String> {
        let nth = self.writes;
        self.writes += 1;
        let fault = self.spoiled.filter(|(spoiled, _)| *spoiled == nth).map(|(_, fault)| fault);
        match fault {
            // No body: the connection broke.
            Some(Fault::Lost) => return Err(String::new()),
            Some(Fault::Refused) => return Err(REFUSAL.to_owned()),
            Some(Fault::Ignored) => return Ok(self.machine(id)?.shown().to_string()),
            Some(Fault::AnswerLost) | None => {}
        }
        let machine = self.machine(id)?;
        match machine.status.0 {
            4 | 12 => {}
            5 | 6 | 8..=11 | 13 | 15 if !machine.locked => machine.release(),
            _ => {
                let name = machine.status.1;
                return Err(format!("Machine cannot be released in its current state ('{name}')."));
            }
        }
        if fault.is_some() { Err(String::new()) } else { Ok(machine.shown().to_string()) }
    }
}

#[async_trait]
impl MaasCommands for SimMaas {
    async fn run(
        &self,
        doing: &str,
        args: &[&str],
        touched: Touched,
    ) -> Result<Vec<u8>, MaasError> {
        let (status, stdout, stderr) = match self.lock().answer(args) {
            Ok(text) => (0, text, String::new()),
            Err(body) if body.is_empty() => (1, body, "ConnectionResetError: [Errno 104]".into()),
            Err(body) => (2, body, String::new()),
        };
        let (stdout, stderr) = (stdout.into_bytes(), stderr.into_bytes());
        answered(doing, ProgramOutput { status: Some(status), stdout, stderr }, touched)
    }
}
