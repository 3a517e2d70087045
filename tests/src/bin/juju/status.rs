use std::fs;

use crate::{Ended, config::Config, print};

/// `juju status --format json [-m M]`: what was recorded.
pub(crate) fn status(config: &Config, args: &[String]) -> Ended {
    let mut words = args.iter();
    let (mut format, mut model) = (None, None);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--format" => format = words.next(),
            "--format=json" => format = Some(word),
            "-m" | "--model" => model = words.next().cloned(),
            other => return Err(format!("unrecognized args: [{other:?}]")),
        }
    }
    config.check_model(model.as_deref())?;
    if !format.is_some_and(|format| format.ends_with("json")) {
        return Err("this stand-in prints JSON only".to_owned());
    }
    let path = config.status.as_ref().ok_or("model is empty")?;
    print(&fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?)?;
    Ok(0)
}
