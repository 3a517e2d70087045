//! A stand-in for the `juju` program, for machines where it can't run: its documented behaviour on
//! the command line, in front of real machines (`ssh` by OpenSSH; tasks by a login too, or in the machine itself)
//! or of this one.
//!
//! What it does is what juju 3's sources and its own output say; `tests/tests/juju_behaviour.rs`
//! has a test for each line. `OMEGA_JUJU_STANDIN` names its configuration ([`config::Config`]).

mod charm_config;
mod config;
mod exec;
mod machine;
mod models;
mod ssh;
mod status;

use std::{
    io::{self, Write as _},
    process::ExitCode,
    time::Duration,
};

use config::{Config, Fault};

/// What a command ends with: an exit status, or juju's own error, which is 1.
type Ended = Result<u8, String>;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match run(&args) {
        Ok(status) => ExitCode::from(status),
        Err(error) => {
            drop(writeln!(io::stderr(), "ERROR {error}"));
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[String]) -> Ended {
    let config = Config::load()?;
    config.note(args)?;
    pause(config.delay_ms);
    if config.fault == Some(Fault::LoginExpired) {
        return Err("cannot get discharge from \"https://127.0.0.1:17070/auth\": EOF".to_owned());
    }
    if config.fault == Some(Fault::Asks) {
        drop(write!(io::stderr(), "please enter password for admin on lab: "));
        pause(60_000);
        return Err("EOF".to_owned());
    }
    let (command, rest) = args.split_first().ok_or("no command specified")?;
    match command.as_str() {
        "config" => charm_config::config(&config, rest),
        "exec" => exec::exec(&config, rest),
        "models" => models::models(&config, rest),
        "destroy-model" => models::destroy(&config, rest),
        "offers" | "storage" => models::held(&config, command, rest),
        "ssh" => ssh::ssh(&config, rest),
        "status" => status::status(&config, rest),
        other => Err(format!("unrecognized command: juju {other}")),
    }
}

#[expect(clippy::disallowed_methods, reason = "a program of its own, without a runtime")]
fn pause(millis: u64) {
    std::thread::sleep(Duration::from_millis(millis));
}

/// Writes what a command prints.
fn print(text: &[u8]) -> Result<(), String> {
    io::stdout().write_all(text).map_err(|error| error.to_string())
}
