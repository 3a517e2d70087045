#![allow(
    clippy::indexing_slicing,
    clippy::match_wildcard_for_single_variants,
    clippy::wildcard_enum_match_arm,
    reason = "a JSON value answers null"
)]

use std::{fs, io, io::Write as _, path::Path};

use serde_json::{Value, json};

use crate::{Ended, config::Config, pause, print};

/// `juju models [-c CONTROLLER] [--format json]`: the models in a file, as juju lists them. One that is
/// destroyed is listed `lag` times more.
pub(crate) fn models(config: &Config, args: &[String]) -> Ended {
    let path = state_of(config)?;
    let mut state = read(path)?;
    let mut words = args.iter();
    while let Some(word) = words.next() {
        let value = words.next().map(String::as_str);
        match (word.as_str(), value) {
            ("-c" | "--controller", named) if named == state["controller"].as_str() => {}
            ("-c" | "--controller", named) => {
                return Err(format!("controller {} not found", named.unwrap_or_default()));
            }
            ("--format", Some("json")) => {}
            (other, _) => return Err(format!("option provided but not defined: {other}")),
        }
    }
    let lag = state["lag"].as_u64().unwrap_or_default();
    if let Some(all) = state["models"].as_array_mut() {
        all.retain_mut(|model| {
            if model["life"] != "dying" {
                return true;
            }
            let left = model["left"].as_u64().unwrap_or(lag);
            model["left"] = json!(left.saturating_sub(1));
            left > 0
        });
    }
    write(path, &state)?;
    let own = |key: &str| key != "left" && key != "holds";
    let shown = |model: &Value| {
        let fields = model.as_object().cloned().unwrap_or_default();
        let mut shown: serde_json::Map<_, _> =
            fields.into_iter().filter(|(key, _)| own(key)).collect();
        shown.insert("controller-name".to_owned(), state["controller"].clone());
        Value::Object(shown)
    };
    let all: Vec<Value> = state["models"].as_array().into_iter().flatten().map(shown).collect();
    print(format!("{}\n", json!({ "models": all })).as_bytes())?;
    Ok(0)
}

/// `juju storage|offers [-m M] --format json`: what the file says that the model holds. Where there is no
/// storage, nothing is printed (`cmd/juju/storage/list.go`).
pub(crate) fn held(config: &Config, what: &str, args: &[String]) -> Ended {
    let [flag, model, format, json] = args else { return Err("this stand-in needs -m".to_owned()) };
    if (flag.as_str(), format.as_str(), json.as_str()) != ("-m", "--format", "json") {
        return Err(format!("unrecognized args: {args:?}"));
    }
    let state = read(state_of(config)?)?;
    let found = state["models"].as_array().into_iter().flatten().find(|one| is(one, model));
    let found = found.ok_or_else(|| format!("model {model} not found"))?;
    match &found["holds"][what] {
        Value::Null if what == "storage" => {}
        Value::Null => print(b"{}\n")?,
        held => print(format!("{held}\n").as_bytes())?,
    }
    Ok(0)
}

/// `juju destroy-model [FLAG...] MODEL` (`cmd/juju/model/destroy.go`): it asks for the name on standard
/// input unless it has `--no-prompt`, and then waits for the model without a limit.
pub(crate) fn destroy(config: &Config, args: &[String]) -> Ended {
    let (flags, names): (Vec<&String>, Vec<&String>) =
        args.iter().partition(|arg| arg.starts_with('-'));
    let has = |flag: &str| flags.iter().any(|one| *one == flag);
    let known = ["--no-prompt", "--force", "--no-wait", "--destroy-storage", "--release-storage"];
    if let Some(other) = flags.iter().find(|flag| !known.contains(&flag.as_str())) {
        return Err(format!("option provided but not defined: {other}"));
    }
    if has("--destroy-storage") && has("--release-storage") {
        let both = "--destroy-storage and --release-storage cannot both be specified";
        return Err(both.to_owned());
    }
    if has("--no-wait") && !has("--force") {
        return Err("--no-wait without --force not valid".to_owned());
    }
    let [name] = names.as_slice() else { return Err("no model specified".to_owned()) };
    let path = state_of(config)?;
    let mut state = read(path)?;
    let model = state["models"].as_array_mut().into_iter().flatten().find(|one| is(one, name));
    let model = model.ok_or_else(|| format!("model {name} not found"))?;
    let short = model["short-name"].as_str().unwrap_or_default().to_owned();
    if model["is-controller"] == true {
        let next = "use 'juju destroy-controller' to destroy it";
        return Err(format!("{short:?} is a controller; {next}"));
    }
    if !has("--no-prompt") {
        drop(write!(io::stderr(), "To continue, enter the name of the model to be destroyed: "));
        let mut typed = String::new();
        drop(io::stdin().read_line(&mut typed));
        if typed.trim() != short {
            return Err("model destruction: aborted".to_owned());
        }
    }
    drop(write!(io::stderr(), "Destroying model"));
    let kept = model["holds"]["storage"]["storage"].as_object().is_some_and(|all| !all.is_empty());
    if kept && !has("--destroy-storage") && !has("--release-storage") {
        let why = "The model has persistent storage remaining:\n\t1 volume";
        return Err(format!("cannot destroy model {short:?}\n\n{why}"));
    }
    model["life"] = json!("dying");
    model["status"] = json!({ "current": "destroying" });
    write(path, &state)?;
    drop(write!(io::stderr(), "\nWaiting for model to be removed, 2 machine(s)..."));
    loop {
        pause(200);
        drop(write!(io::stderr(), "."));
        let now = read(path)?;
        if !now["models"].as_array().into_iter().flatten().any(|one| is(one, name)) {
            drop(writeln!(io::stderr(), "\nModel destroyed."));
            return Ok(0);
        }
    }
}

/// Whether a model is meant: by its name, with its owner, or by its id, each behind a controller or not.
fn is(model: &Value, named: &str) -> bool {
    let named = named.split_once(':').map_or(named, |(_, name)| name);
    ["name", "short-name", "model-uuid"].iter().any(|key| model[*key] == named)
}

fn state_of(config: &Config) -> Result<&Path, String> {
    config.models.as_deref().ok_or_else(|| "this stand-in has no models".to_owned())
}

fn read(path: &Path) -> Result<Value, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
}

/// Another process may read at the same time.
fn write(path: &Path, state: &Value) -> Result<(), String> {
    let new = path.with_extension(format!("new-{}", std::process::id()));
    let written = fs::write(&new, state.to_string()).and_then(|()| fs::rename(&new, path));
    written.map_err(|error| format!("{}: {error}", path.display()))
}
