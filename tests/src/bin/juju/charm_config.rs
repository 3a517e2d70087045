use std::{fs, path::Path};

use serde_json::{Value, json};

use crate::{Ended, config::Config, print};

/// `juju config [-m M] APP [--format F] [--reset KEY,...] [KEY | KEY=VALUE...]`: the state of
/// applications in a file, in the form that juju prints. Units don't notice.
pub(crate) fn config(config: &Config, args: &[String]) -> Ended {
    let (mut model, mut format, mut reset) = (None, "yaml".to_owned(), Vec::new());
    let (mut plain, mut words) = (Vec::new(), args.iter());
    while let Some(word) = words.next() {
        let mut value = || words.next().cloned().ok_or(format!("option needs a value: {word}"));
        match word.as_str() {
            "-m" | "--model" => model = Some(value()?),
            "--format" => format = value()?,
            "--reset" => reset.extend(value()?.split(',').map(str::to_owned)),
            option if option.starts_with('-') => {
                return Err(format!("option provided but not defined: {option}"));
            }
            _ => plain.push(word.as_str()),
        }
    }
    config.check_model(model.as_deref())?;
    let (application, settings) = plain.split_first().ok_or("no application name specified")?;
    let path = config.charms.as_deref().ok_or(format!("application {application:?} not found"))?;
    let mut all = read(path)?;
    let found = all.get_mut(*application);
    let found = found.ok_or_else(|| format!("application {application:?} not found"))?;
    match settings {
        [] if reset.is_empty() && format == "json" => {
            print(format!("{found}\n").as_bytes())?;
            return Ok(0);
        }
        // The format is ignored where one option is named.
        [key] if reset.is_empty() && !key.contains('=') => {
            let shown = &option(found, key)?["value"];
            let text = shown.as_str().map_or_else(|| shown.to_string(), str::to_owned);
            print(format!("{text}\n").as_bytes())?;
            return Ok(0);
        }
        [] if reset.is_empty() => return Err("this stand-in prints JSON only".to_owned()),
        settings => change(found, settings, &reset)?,
    }
    fs::write(path, all.to_string()).map_err(|error| format!("{}: {error}", path.display()))?;
    Ok(0)
}

fn read(path: &Path) -> Result<Value, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
}

fn option<'a>(application: &'a mut Value, name: &str) -> Result<&'a mut Value, String> {
    let option = application.get_mut("settings").and_then(|settings| settings.get_mut(name));
    option.ok_or_else(|| format!("unknown option {name:?}"))
}

fn change(application: &mut Value, settings: &[&str], reset: &[String]) -> Result<(), String> {
    for setting in settings {
        let (name, text) = setting.split_once('=').ok_or("expected \"key or key=value\"")?;
        let text = match text.strip_prefix('@') {
            Some(file) => fs::read_to_string(file).map_err(|error| error.to_string())?,
            None => text.to_owned(),
        };
        let option = option(application, name)?;
        let kind = option["type"].as_str().unwrap_or_default().to_owned();
        let wrong = || format!("option {name:?} expected {kind}, got {text:?}");
        let value = match kind.as_str() {
            "int" => json!(text.parse::<i64>().map_err(|_| wrong())?),
            "boolean" => json!(text.to_lowercase().parse::<bool>().map_err(|_| wrong())?),
            _ => json!(text),
        };
        let is_default = option.get("default") == Some(&value);
        option["source"] = json!(if is_default { "default" } else { "user" });
        option["value"] = value;
    }
    for name in reset {
        let option = option(application, name)?;
        let default = option.get("default").cloned();
        option["source"] = json!(if default.is_some() { "default" } else { "unset" });
        match (default, option.as_object_mut()) {
            (Some(default), _) => option["value"] = default,
            (None, Some(option)) => drop(option.remove("value")),
            (None, None) => {}
        }
    }
    Ok(())
}
