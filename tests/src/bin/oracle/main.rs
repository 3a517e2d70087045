//! Predicts what the driver's health code makes of the cases on standard input, one a line. With
//! `--kubeconfigs` the cases are kubeconfigs, and it says whether they can be used.
//!
//! With `--planted` each rule in turn is wrong on purpose, and what is then predicted is printed
//! in the first cases where it differs; `--plants` lists the rules. See `tests/oracle/run`.

mod case;
mod kubeconfig;
mod plant;

use std::io::{self, BufRead as _, Write};

use case::Case;
use plant::Plant;
use serde::de::DeserializeOwned;

/// In how many cases a rule that is wrong is shown.
const SHOWN: u32 = 3;
/// The same for a kubeconfig: one that differs may still be refused, for another reason.
const MANY: u32 = 40;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut out = io::BufWriter::new(io::stdout().lock());
    match arguments.as_slice() {
        [] => cases(|case: Case| {
            let prediction = case.predict()?.with(case.matter()?);
            Ok(writeln!(out, "{}", serde_json::to_string(&prediction)?)?)
        })?,
        ["--planted"] => {
            let mut rules: Vec<_> = Plant::ALL.iter().map(|plant| (plant, SHOWN)).collect();
            cases(|case| planted(&case, &mut rules, &mut out))?;
        }
        ["--plants"] => Plant::ALL.iter().try_for_each(|plant| writeln!(out, "{}", plant.0))?,
        ["--kubeconfigs"] => cases(|case: kubeconfig::Case| {
            Ok(writeln!(out, "{}", serde_json::to_string(&case.say())?)?)
        })?,
        ["--kubeconfigs", "--planted"] => {
            let mut rules: Vec<_> =
                kubeconfig::Plant::ALL.iter().map(|rule| (rule, MANY)).collect();
            cases(|case| planted_kubeconfig(&case, &mut rules, &mut out))?;
        }
        ["--kubeconfigs", "--plants"] => {
            kubeconfig::Plant::ALL.iter().try_for_each(|rule| writeln!(out, "{}", rule.0))?;
        }
        other => return Err(format!("not understood: {other:?}").into()),
    }
    Ok(out.flush()?)
}

fn cases<C: DeserializeOwned>(mut each: impl FnMut(C) -> Result<()>) -> Result<()> {
    io::stdin().lock().lines().try_for_each(|line| each(serde_json::from_str(&line?)?))
}

/// Tries the rules that have not been shown often enough.
fn planted(case: &Case, rules: &mut Vec<(&Plant, u32)>, out: &mut impl Write) -> Result<()> {
    let right = case.predict()?;
    for (Plant(rule, given, answered), left) in rules.iter_mut() {
        let mut wrong = case.clone();
        given(&mut wrong);
        let mut prediction = wrong.predict()?;
        answered(&mut prediction);
        if prediction != right {
            *left -= 1;
            writeln!(out, "{}", serde_json::json!({"rule": rule, "prediction": prediction}))?;
        }
    }
    rules.retain(|(_, left)| *left > 0);
    Ok(())
}

fn planted_kubeconfig(
    case: &kubeconfig::Case,
    rules: &mut Vec<(&kubeconfig::Plant, u32)>,
    out: &mut impl Write,
) -> Result<()> {
    let right = case.say();
    for (rule, left) in rules.iter_mut() {
        let said = rule.say(case);
        if said != right {
            *left -= 1;
            writeln!(out, "{}", serde_json::json!({"rule": rule.0, "said": said}))?;
        }
    }
    rules.retain(|(_, left)| *left > 0);
    Ok(())
}
