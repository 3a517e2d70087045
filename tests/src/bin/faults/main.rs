//! Every request and every remote action of a runbook, with every fault of a network, on the simulators
//! behind real connections. See `tests/faults/run`.

mod case;
mod cloud;
mod commands;
mod destroyed;
mod fault;
mod files;
mod front;
mod http;
mod judge;
mod juju;
mod kube;
mod options;
mod outcome;
mod programs;
mod runbook;
mod standin;
mod station;
mod suite;
mod wire;
mod world;

use std::{
    io::{self, Write as _},
    path::Path,
    process::ExitCode,
};

use options::Options;

fn main() -> ExitCode {
    let mut args = std::env::args();
    let program = args.next().unwrap_or_default();
    let args: Vec<String> = args.collect();
    let program = Path::new(&program);
    // What omega starts in the place of juju or maas is this program too.
    if program.file_name().is_some_and(|name| name == "juju" || name == "maas") {
        return standin::run(program, &args);
    }
    let options = match Options::parse(&args) {
        Ok(options) => options,
        Err(why) => {
            drop(writeln!(io::stderr(), "{why}\n{}", options::USAGE));
            return ExitCode::from(64);
        }
    };
    match suite::run(&options) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            drop(writeln!(io::stderr(), "error: {error}"));
            ExitCode::FAILURE
        }
    }
}
