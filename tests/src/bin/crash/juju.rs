//! `juju` on the simulated units: status, exec and ssh, as its client calls them.

use omega::teardown::maas::MaasCommands as _;
use omega_core::{Touched, values::Sha256};
use omega_juju::{
    Action, Channel, Error, Fence, LockRequest, Payload, Probe,
    channel::JujuCommands as _,
    sim::{JUJU_STATUS, Unit},
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    Result,
    stand_in::{Call, Printed},
    world::World,
};

/// What the agent on a unit is asked (omega-juju's `agent/request.rs`).
#[derive(Debug, Deserialize)]
struct Question {
    nonce: String,
    probes: Vec<Probe>,
}

/// What the agent on a unit is to do.
#[derive(Debug, Deserialize)]
struct Order {
    nonce: String,
    action: Option<Action>,
    payload: Option<Size>,
    /// The lock that the action needs.
    fence: Option<Fence>,
    /// A request about the lock, in the place of an action.
    ask: Option<LockRequest>,
}

#[derive(Debug, Deserialize)]
struct Size {
    size: usize,
    sha256: Sha256,
}

/// What the agent says of a request that is cut short (`agent/program.rs`).
const INCOMPLETE: &str = "omega: the request is incomplete\n";

/// Answers one call.
pub(crate) async fn answer(world: &World, call: &Call) -> Printed {
    let words: Vec<&str> = call.args.iter().map(String::as_str).collect();
    let printed = match words.as_slice() {
        ["maas", _profile, args @ ..] => maas(world, args).await,
        [command, ..] if world.metal.is_some() => models(world, command, &call.args).await,
        ["status", ..] => status(world),
        ["exec", rest @ ..] => exec(world, rest).await,
        ["ssh", rest @ ..] => ssh(world, rest, &call.stdin()).await,
        other => Err(format!("unrecognized command: juju {other:?}").into()),
    };
    printed.unwrap_or_else(|error| Printed {
        status: 1,
        stderr: format!("ERROR {error}\n"),
        ..Printed::default()
    })
}

/// A command about whole models.
async fn models(world: &World, command: &str, args: &[String]) -> Result<Printed> {
    let metal = world.metal.as_ref().ok_or("no models")?;
    let rest = args.get(1..).unwrap_or_default();
    let stdout = metal.juju.run(command, command, rest, Touched::Maybe).await?;
    Ok(Printed { stdout: String::from_utf8(stdout)?, ..Printed::default() })
}

/// `maas PROFILE ARGS...`
async fn maas(world: &World, args: &[&str]) -> Result<Printed> {
    let metal = world.metal.as_ref().ok_or("no machines")?;
    let stdout = metal.maas.run("answer", args, Touched::Maybe).await?;
    Ok(Printed { stdout: String::from_utf8(stdout)?, ..Printed::default() })
}

/// A recorded model, with keystone's application taken for magnum's. The other applications are decoys.
fn status(world: &World) -> Result<Printed> {
    let mut status: Value = serde_json::from_str(JUJU_STATUS)?;
    let mut magnum = status.pointer("/applications/keystone").cloned().ok_or("no keystone")?;
    let units = magnum.get("units").and_then(Value::as_object).ok_or("no units")?;
    let like = units.values().next().cloned().ok_or("no unit")?;
    let unit = |nth: usize| {
        let mut unit = like.clone();
        if let Some(unit) = unit.as_object_mut() {
            unit.insert("public-address".to_owned(), json!(format!("10.12.4.{}", 70 + nth)));
            unit.insert("subordinates".to_owned(), json!({}));
            if nth == 0 {
                unit.insert("leader".to_owned(), json!(true))
            } else {
                unit.remove("leader")
            };
        }
        (format!("magnum/{nth}"), unit)
    };
    let units: serde_json::Map<_, _> = (0..world.units.len()).map(unit).collect();
    let named = json!({ "charm": "magnum", "charm-name": "magnum", "units": units });
    merge(&mut magnum, named);
    merge(&mut status, json!({ "applications": { "magnum": magnum } }));
    merge(&mut status, json!({ "model": { "name": "openstack" } }));
    Ok(Printed { stdout: status.to_string(), ..Printed::default() })
}

/// Sets what `more` has; units are replaced as a whole.
fn merge(into: &mut Value, more: Value) {
    match (into, more) {
        (Value::Object(into), Value::Object(more)) => {
            for (key, value) in more {
                if key != "units"
                    && let Some(found) = into.get_mut(&key)
                {
                    merge(found, value);
                } else {
                    into.insert(key, value);
                }
            }
        }
        (into, more) => *into = more,
    }
}

fn unit<'a>(world: &'a World, name: &str) -> Result<&'a Unit> {
    let nth: usize = name.strip_prefix("magnum/").unwrap_or_default().parse()?;
    Ok(world.units.get(nth).ok_or_else(|| format!("unit {name:?} not found"))?)
}

/// `juju exec --unit U ... -- LINE`: the request is the last argument but one of the line.
async fn exec(world: &World, words: &[&str]) -> Result<Printed> {
    let after = |word: &str| words.iter().skip_while(|one| **one != word).nth(1).copied();
    let (name, line) = after("--unit").zip(after("--")).ok_or("no unit or no command")?;
    let args = shlex::split(line).ok_or("the line can't be split")?;
    let [.., request, _digest] = args.as_slice() else { return Err("no request".into()) };
    let request = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, request)?;
    let Question { nonce, probes } = serde_json::from_slice(&request)?;
    let replies = unit(world, name)?.ask(&probes).await?;
    let stdout = framed(&nonce, &json!({ "replies": replies }));
    let results = json!({ "return-code": 0, "stdout": stdout });
    let task =
        json!({ name: {"id": "1", "unit": name, "status": "completed", "results": results} });
    Ok(Printed { stdout: format!("{task}\n"), ..Printed::default() })
}

/// `juju ssh --pty=false U -o OPTION COMMAND`: program, request and payload are on standard input.
async fn ssh(world: &World, words: &[&str], stdin: &[u8]) -> Result<Printed> {
    let name = words.iter().find(|word| word.contains('/') && !word.starts_with('-'));
    let name = name.copied().ok_or("no unit")?;
    let Some((order, payload)) = received(stdin) else {
        return Ok(Printed { status: 1, stderr: INCOMPLETE.to_owned(), ..Printed::default() });
    };
    let unit = unit(world, name)?;
    let reply = match (&order.ask, &order.action) {
        (Some(ask), _) => Channel::lock(unit, ask).await.map(|held| json!({ "lock": held })),
        (None, Some(action)) => {
            let done = unit.act(action, payload, order.fence.as_ref()).await;
            done.map(|()| json!({ "done": true }))
        }
        (None, None) => return Err("neither an action nor a request about the lock".into()),
    };
    let reply = match reply {
        Ok(reply) => reply,
        Err(Error::Failed { failure, .. }) => json!({ "error": {
            "why": failure.why, "code": failure.code, "expected": failure.expected,
            "found": failure.found, "next": failure.next, "touched": failure.touched,
            "held": failure.held,
        }}),
        Err(other) => return Err(other.into()),
    };
    Ok(Printed { stdout: framed(&order.nonce, &reply), ..Printed::default() })
}

/// Reads `SIZE DIGEST SIZE DIGEST`, a program, a request, and a payload; none if anything is missing.
fn received(stdin: &[u8]) -> Option<(Order, Payload)> {
    let end = stdin.iter().position(|byte| *byte == b'\n')?;
    let (head, rest) = stdin.split_at_checked(end + 1)?;
    let head = str::from_utf8(head).ok()?;
    let words: Vec<&str> = head.split_whitespace().collect();
    let [size, digest, request_size, request_digest] = words.as_slice() else { return None };
    let (program, rest) = rest.split_at_checked(size.parse().ok()?)?;
    let (request, rest) = rest.split_at_checked(request_size.parse().ok()?)?;
    let is = |bytes: &[u8], digest: &str| {
        digest.parse::<Sha256>().is_ok_and(|digest| digest == Sha256::of(bytes))
    };
    if !is(program, *digest) || !is(request, *request_digest) {
        return None;
    }
    let order: Order = serde_json::from_slice(request).ok()?;
    let payload = match &order.payload {
        None => Payload::Null,
        Some(Size { size, sha256 }) => {
            let bytes = rest.get(..*size).filter(|bytes| Sha256::of(bytes) == *sha256)?;
            Payload::Bytes(std::sync::Arc::new(omega_core::values::Secret::new(bytes.to_vec())))
        }
    };
    Some((order, payload))
}

fn framed(nonce: &str, reply: &Value) -> String {
    let text = reply.to_string();
    let digest = Sha256::of(text.as_bytes());
    format!("\nomega-reply {nonce} {} {digest}\n{text}\n", text.len())
}
