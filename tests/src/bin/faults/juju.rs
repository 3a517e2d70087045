//! The simulated units behind `juju`: `status`, `exec` for probes, `ssh` for actions.

use std::sync::Arc;

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use omega::teardown::maas::SimMaas;
use omega_core::{
    Touched,
    values::{Secret, Sha256},
};
use omega_juju::{
    Action, Channel as _, Error, Fence, LockRequest, Payload, Probe,
    sim::{Models, Unit},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    destroyed,
    fault::Fault,
    programs::{Behind, Call, Printed},
    wire::Kind,
};

/// What the agent on a unit is asked.
#[derive(Deserialize)]
struct Asked {
    nonce: String,
    #[serde(default)]
    probes: Vec<Probe>,
    action: Option<Action>,
    fence: Option<Fence>,
    /// A request about the lock.
    ask: Option<LockRequest>,
}

/// The units of the application `magnum`; and the models and machines of a teardown.
pub(crate) struct Units {
    pub(crate) units: Vec<Unit>,
    pub(crate) teardown: Option<(Models, SimMaas)>,
}

impl Units {
    /// Returns what `juju status` prints.
    fn status(&self) -> String {
        let fine = json!({ "current": "active", "message": "Unit is ready" });
        let unit = |nth: usize| {
            let unit = json!({
                "workload-status": fine, "juju-status": { "current": "idle", "version": "3.4.2" },
                "leader": nth == 0, "machine": nth.to_string(), "public-address": "10.5.0.61",
            });
            (format!("magnum/{nth}"), unit)
        };
        let machine = |nth: usize| {
            let machine = json!({
                "juju-status": { "current": "started" }, "hostname": format!("juju-{nth}"),
                "machine-status": { "current": "running" },
                "base": { "name": "ubuntu", "channel": "22.04" },
            });
            (nth.to_string(), machine)
        };
        let count = 0..self.units.len();
        let units: serde_json::Map<_, _> = count.clone().map(unit).collect();
        let machines: serde_json::Map<_, _> = count.map(machine).collect();
        json!({
            "model": {
                "name": "openstack", "type": "iaas", "controller": "faults", "cloud": "maas",
                "version": "3.4.2", "model-status": { "current": "available" },
            },
            "machines": machines,
            "applications": { "magnum": {
                "charm": "magnum", "charm-name": "magnum", "charm-origin": "charmhub",
                "charm-rev": 60, "charm-channel": "2024.1/stable",
                "base": { "name": "ubuntu", "channel": "22.04" }, "units": units,
                "application-status": { "current": "active", "message": "Unit is ready" },
            } },
        })
        .to_string()
    }

    fn unit(&self, name: &str) -> Option<&Unit> {
        let number = name.strip_prefix("magnum/")?.parse::<usize>().ok()?;
        self.units.get(number)
    }

    async fn reply(&self, call: &Call) -> Option<(String, Vec<u8>)> {
        let (name, asked, payload) = asked(call)?;
        let unit = self.unit(&name)?;
        let text = match (&asked.action, &asked.ask) {
            (_, Some(ask)) => {
                outcome(unit.lock(ask).await.map(|lock| json!({ "lock": lock }))).to_string()
            }
            (None, None) => {
                let replies = unit.ask(&asked.probes).await.ok()?;
                json!({ "replies": replies }).to_string()
            }
            (Some(action), None) => {
                let payload = match payload {
                    bytes if bytes.is_empty() => Payload::Null,
                    bytes => Payload::Bytes(Arc::new(Secret::new(bytes))),
                };
                let done = unit.act(action, payload, asked.fence.as_ref()).await;
                outcome(done.map(|()| json!({ "done": true }))).to_string()
            }
        };
        let digest = Sha256::of(text.as_bytes());
        let head = format!("\nomega-reply {} {} {digest}\n", asked.nonce, text.len());
        Some((name, format!("{head}{text}\n").into_bytes()))
    }
}

fn outcome(done: Result<Value, Error>) -> Value {
    match done {
        Ok(reply) => reply,
        Err(Error::Failed { failure, .. }) => {
            let touched = if failure.touched == Touched::Maybe { "maybe" } else { "nothing" };
            json!({ "error": {
                "why": failure.why, "code": failure.code, "expected": failure.expected,
                "found": failure.found, "next": failure.next, "touched": touched,
                "held": failure.held,
            } })
        }
        Err(other) => json!({ "error": {
            "why": other.to_string(), "code": "unexpected", "expected": null, "found": null,
            "next": null, "touched": "maybe",
        } }),
    }
}

/// Returns the unit, the request to its agent, and the payload.
fn asked(call: &Call) -> Option<(String, Asked, Vec<u8>)> {
    let (command, args) = call.args.split_first()?;
    if command == "exec" {
        let unit = args.iter().skip_while(|arg| *arg != "--unit").nth(1)?;
        let mut words = args.last()?.rsplit(' ');
        let request = STANDARD.decode(words.nth(1)?).ok()?;
        return Some((unit.clone(), serde_json::from_slice(&request).ok()?, Vec::new()));
    }
    let unit = args.iter().find(|arg| arg.starts_with("magnum/"))?;
    let end = call.stdin.iter().position(|byte| *byte == b'\n')?;
    let head = std::str::from_utf8(call.stdin.get(..end)?).ok()?;
    let mut words = head.split(' ');
    let program: usize = words.next()?.parse().ok()?;
    let request: usize = words.nth(1)?.parse().ok()?;
    let start = end + 1 + program;
    let text = call.stdin.get(start..start + request)?;
    let payload = call.stdin.get(start + request..)?.to_vec();
    Some((unit.clone(), serde_json::from_slice(text).ok()?, payload))
}

/// `juju exec` prints the task with what the command printed.
fn task(unit: &str, stdout: &[u8]) -> Vec<u8> {
    let results = json!({ "return-code": 0, "stdout": String::from_utf8_lossy(stdout) });
    let task = json!({ "id": "1", "unit": unit, "status": "completed", "results": results });
    json!({ unit: task }).to_string().into_bytes()
}

#[async_trait]
impl Behind for Units {
    fn describe(&self, call: &Call) -> (String, Kind) {
        if self.teardown.is_some() {
            return destroyed::describe(call);
        }
        let command = call.args.first().cloned().unwrap_or_default();
        match asked(call) {
            Some((unit, Asked { action: Some(action), .. }, _)) => {
                (format!("juju ssh {unit}: {action}"), Kind::Write)
            }
            Some((unit, Asked { ask: Some(ask), .. }, _)) => {
                let what = ask.to_string();
                let words = what.rsplit_once(' ').map_or(what.as_str(), |(words, _id)| words);
                (format!("juju ssh {unit}: {words}"), Kind::Lock)
            }
            Some((unit, Asked { probes, .. }, _)) => {
                (format!("juju exec {unit}: {} probes", probes.len()), Kind::Read)
            }
            None => (format!("juju {command}"), Kind::Read),
        }
    }

    fn whole(&self, call: &Call) -> String {
        match asked(call) {
            Some((unit, Asked { action: Some(action), .. }, _)) => {
                format!("{unit} {}", serde_json::to_string(&action).unwrap_or_default())
            }
            Some((unit, Asked { ask: Some(ask), .. }, _)) => format!("{unit} {ask}"),
            Some((unit, Asked { probes, .. }, _)) => {
                format!("{unit} {}", serde_json::to_string(&probes).unwrap_or_default())
            }
            None => call.args.join(" "),
        }
    }

    async fn run(&self, call: &Call) -> Printed {
        if let Some((models, maas)) = &self.teardown {
            return destroyed::run(call, models, maas).await;
        }
        if call.args.first().is_some_and(|command| command == "status") {
            return Printed { stdout: self.status().into_bytes(), ..Printed::default() };
        }
        let Some((unit, stdout)) = self.reply(call).await else {
            let stderr = b"ERROR this stand-in has no such command\n".to_vec();
            return Printed { stderr, status: 1, ..Printed::default() };
        };
        let exec = call.args.first().is_some_and(|command| command == "exec");
        let stdout = if exec { task(&unit, &stdout) } else { stdout };
        Printed { stdout, ..Printed::default() }
    }

    /// The words are those of juju 3 and of OpenSSH.
    fn spoiled(&self, call: &Call, fault: Fault, executed: Option<Printed>) -> Option<Printed> {
        if call.program == "maas" {
            return destroyed::spoiled(fault, executed);
        }
        let ssh = call.args.first().is_some_and(|command| command == "ssh");
        let error = |text: &str, status| {
            Some(Printed { stderr: format!("{text}\n").into_bytes(), status, ..Printed::default() })
        };
        let reset = || {
            if ssh {
                let closed = "Connection to 10.5.0.61 closed by remote host.\nERROR subprocess encountered error code 255";
                error(closed, 255)
            } else {
                error("ERROR connection is shut down", 1)
            }
        };
        let before =
            "ERROR unable to connect to API: dial tcp 10.5.0.2:17070: connect: connection refused";
        match fault {
            Fault::Refused | Fault::RefusedOn => error(before, 1),
            Fault::ResetBefore | Fault::ResetAfter => reset(),
            Fault::Truncated => executed.map(|mut printed| {
                printed.stdout.truncate(printed.stdout.len() / 2);
                printed
            }),
            Fault::Garbled => executed.map(|mut printed| {
                printed.stdout.iter_mut().step_by(3).for_each(|byte| *byte ^= 0x15);
                printed
            }),
            Fault::Page(401) => {
                error("ERROR invalid entity name or password (unauthorized access)", 1)
            }
            Fault::Page(403) => error("ERROR permission denied", 1),
            Fault::Page(status) | Fault::PageAfter(status) | Fault::PageOn(status) => {
                let page = crate::http::Response::page(status).body;
                Some(Printed { stdout: page, ..Printed::default() })
            }
            Fault::Hang | Fault::HangAfter | Fault::HangOn | Fault::Huge | Fault::Endless => None,
        }
    }
}
