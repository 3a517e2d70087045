//! A stand-in for the `maas` program, for machines where MAAS can't run: `maas PROFILE machines read`,
//! `machine read ID` and `machine release ID [comment=TEXT]`, as MAAS 3.5's sources say (`src/maascli/api.py`,
//! `src/maasserver/api/machines.py`). No real MAAS has been compared with it.
//!
//! `OMEGA_MAAS_STANDIN` names its state: `{"profile": NAME, "lag": LOOKS, "machines": [...]}`. A machine that
//! is released is shown as Releasing `lag` times, and is Ready then; `stuck` in a machine keeps it.

#![allow(clippy::indexing_slicing, reason = "a JSON value answers null")]

use std::{
    fs,
    io::{self, Write as _},
    path::PathBuf,
    process::ExitCode,
};

use serde_json::{Value, json};

/// What a command ends with: the body of an answer, or that of an answer that is no success.
type Answer = Result<Value, String>;

#[expect(clippy::disallowed_methods, reason = "this is the program that reads it")]
fn main() -> ExitCode {
    let Ok(path) = std::env::var("OMEGA_MAAS_STANDIN").map(PathBuf::from) else {
        drop(writeln!(io::stderr(), "OMEGA_MAAS_STANDIN names no state"));
        return ExitCode::FAILURE;
    };
    let args: Vec<String> = std::env::args().skip(1).collect();
    let text = fs::read_to_string(&path).unwrap_or_default();
    let mut state: Value = serde_json::from_str(&text).unwrap_or_default();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let (profile, command) = match words.as_slice() {
        [profile, command @ ..] => (*profile, command),
        [] => ("", words.as_slice()),
    };
    if state["profile"] != profile {
        let wrong = format!("argument COMMAND: invalid choice: '{profile}'");
        drop(writeln!(io::stderr(), "usage: maas [-h] COMMAND ...\nmaas: error: {wrong}"));
        return ExitCode::from(2);
    }
    let answer = answer(&mut state, command);
    let new = path.with_extension(format!("new-{}", std::process::id()));
    drop(fs::write(&new, state.to_string()).and_then(|()| fs::rename(&new, &path)));
    // Without a terminal there is nothing but the body.
    match answer {
        Ok(body) => {
            drop(write!(io::stdout(), "{body}"));
            ExitCode::SUCCESS
        }
        Err(body) => {
            drop(write!(io::stdout(), "{body}"));
            ExitCode::from(2)
        }
    }
}

fn answer(state: &mut Value, command: &[&str]) -> Answer {
    let lag = state["lag"].as_u64().unwrap_or_default();
    let Some(machines) = state["machines"].as_array_mut() else { return Ok(json!([])) };
    match command {
        ["machines", "read"] => {
            machines.iter_mut().for_each(look);
            Ok(machines.iter().map(shown).collect())
        }
        ["machine", "read", id] => {
            let machine = find(machines, id)?;
            look(machine);
            Ok(shown(machine))
        }
        ["machine", "release", id, data @ ..] if data.iter().all(|pair| pair.contains('=')) => {
            let machine = find(machines, id)?;
            release(machine, lag)?;
            Ok(shown(machine))
        }
        _ => Err(format!("unrecognized arguments: {}", command.join(" "))),
    }
}

fn find<'a>(machines: &'a mut [Value], id: &str) -> Result<&'a mut Value, String> {
    let found = machines.iter_mut().find(|one| one["system_id"] == id);
    found.ok_or_else(|| "Not Found".to_owned())
}

/// A release that is under way comes nearer to its end.
fn look(machine: &mut Value) {
    if machine["status"] != 12 || machine["stuck"] == true {
        return;
    }
    match machine["left"].as_u64().unwrap_or_default() {
        0 => {
            machine["status"] = json!(4);
            machine["status_name"] = json!("Ready");
            machine["owner"] = json!("");
            machine["owner_data"] = json!({});
        }
        left => machine["left"] = json!(left - 1),
    }
}

fn shown(machine: &Value) -> Value {
    let mut shown = machine.as_object().cloned().unwrap_or_default();
    shown.retain(|key, _| key != "left" && key != "stuck");
    Value::Object(shown)
}

/// `RELEASABLE_STATUSES` of `src/maasserver/models/node.py`; what is released already is a success.
fn release(machine: &mut Value, lag: u64) -> Result<(), String> {
    match machine["status"].as_u64() {
        Some(4 | 12) => Ok(()),
        Some(5 | 6 | 8..=11 | 13 | 15) if machine["locked"] != true => {
            machine["status"] = json!(12);
            machine["status_name"] = json!("Releasing");
            machine["left"] = json!(lag);
            Ok(())
        }
        _ => {
            let name = machine["status_name"].as_str().unwrap_or_default();
            Err(format!("Machine cannot be released in its current state ('{name}')."))
        }
    }
}
