//! What a verify of many units and an examination of many clusters cost.
//!
//! See `tests/scale/run`.

mod measure;
mod plot;
mod sites;

use std::{
    io::{self, Write as _},
    process::{Command, ExitCode},
};

use measure::{Measured, What};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// How many units are verified, and how many clusters are examined.
const SIZES: [(What, &[usize]); 2] =
    [(What::Units, &[10, 50, 100, 200, 500]), (What::Clusters, &[10, 50, 100, 200])];

/// How many units are read at the same time, whatever their number.
const UNITS: usize = 16;

/// How many requests are sent to the management cluster at the same time: those of eight clusters.
const REQUESTS: usize = 64;

fn main() -> Result<ExitCode> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        [] => all(None),
        ["--plot", file] => all(Some(file)),
        ["--one", what, size] => {
            let what = What::named(what).ok_or("--one units|clusters N")?;
            let measured = measure::one(what, size.parse()?)?;
            writeln!(io::stdout(), "{}", serde_json::to_string(&measured)?)?;
            Ok(ExitCode::SUCCESS)
        }
        _ => Err("tests/scale/run [--plot FILE]".into()),
    }
}

fn all(picture: Option<&str>) -> Result<ExitCode> {
    let mut out = io::stdout().lock();
    let (mut cases, mut passed) = (0, 0);
    let mut drawn = Vec::new();
    for (what, sizes) in SIZES {
        writeln!(
            out,
            "{:>9}{:>12}{:>15}{:>12}{:>15}{:>9}",
            what.name(),
            "CPU",
            "CPU for each",
            "memory",
            "for each more",
            "at once"
        )?;
        let mut rows: Vec<Measured> = Vec::new();
        for size in sizes {
            let row = in_its_own_process(what, *size)?;
            writeln!(out, "{}", line(&row, rows.first()))?;
            out.flush()?;
            cases += 1;
            match wrong(&row) {
                None => passed += 1,
                Some(why) => writeln!(out, "  FAILED: {why}")?,
            }
            rows.push(row);
        }
        drawn.push((what, rows));
    }
    if let Some(file) = picture {
        std::fs::write(file, plot::svg(&drawn))?;
    }
    writeln!(out, "{cases} cases, {passed} passed")?;
    Ok(if cases == passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Memory that one measurement frees would hide what the next one needs.
#[expect(clippy::disallowed_methods, reason = "it starts itself")]
fn in_its_own_process(what: What, size: usize) -> Result<Measured> {
    let ran = Command::new(std::env::current_exe()?)
        .args(["--one", what.name(), &size.to_string()])
        .output()?;
    if !ran.status.success() {
        return Err(String::from_utf8_lossy(&ran.stderr).into_owned().into());
    }
    Ok(serde_json::from_slice(&ran.stdout)?)
}

fn line(row: &Measured, first: Option<&Measured>) -> String {
    let more = first.and_then(|first| row.kib_for_each_more_than(first));
    let more = more.map(|kib| format!("{kib:.0} KiB")).unwrap_or_default();
    format!(
        "{:>9}{:>10.2} s{:>12.2} ms{:>8.1} MiB{more:>15}{:>9}",
        row.size,
        row.cpu_seconds,
        row.ms_for_each(),
        row.mib(),
        row.at_once
    )
}

/// What must hold at each size.
fn wrong(row: &Measured) -> Option<String> {
    let most = match row.what {
        What::Units => UNITS,
        What::Clusters => REQUESTS,
    };
    if row.at_once > most {
        return Some(format!("{} at the same time, where {most} are the limit", row.at_once));
    }
    if row.answered != row.size {
        return Some(format!("{} of {} have an answer in the report", row.answered, row.size));
    }
    // In the time of the simulation, which nothing else on this machine can change. The slow one keeps one of
    // the places.
    let places = u64::try_from(UNITS).unwrap_or(1);
    let allowed = row.others_end * places / (places - 1) + 100;
    row.others_end_with_a_slow_one.filter(|end| *end > allowed).map(|end| {
        format!(
            "with a slow one the others end after {end} ms, without it after {} ms",
            row.others_end
        )
    })
}
