//! Predicts what the driver's health code makes of the cases on standard input, one a line.
//!
//! With `--plant RULE` a rule is wrong on purpose; `--plants` lists them. See `tests/oracle/run`.

mod case;
mod plant;

use std::io::{self, BufRead as _, Write as _};

use case::Case;
use plant::Plant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let plant = match arguments.as_slice() {
        [] => None,
        ["--plants"] => {
            return Ok(Plant::ALL.iter().try_for_each(|p| writeln!(io::stdout(), "{}", p.0))?);
        }
        ["--plant", name] => {
            let known = Plant::ALL.iter().find(|plant| plant.0 == *name);
            Some(known.ok_or_else(|| format!("no rule is called {name}"))?)
        }
        other => return Err(format!("not understood: {other:?}").into()),
    };
    let mut out = io::BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().lines() {
        let mut case: Case = serde_json::from_str(&line?)?;
        if let Some(plant) = plant {
            (plant.1)(&mut case);
        }
        let mut prediction = case.predict()?;
        if let Some(plant) = plant {
            (plant.2)(&mut prediction);
        }
        writeln!(out, "{}", serde_json::to_string(&prediction)?)?;
    }
    out.flush().map_err(Into::into)
}
