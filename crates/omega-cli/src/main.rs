//! Typed, idempotent operations for Kubernetes on Charmed OpenStack.
//!
//! The only crate that prints, reads the environment, or exits.

mod app;
mod cli;
mod command;
mod command_line;
mod environment;
mod exit;
mod render;
mod signals;

use std::{io::Write as _, process::ExitCode};

use clap::{Parser as _, error::ErrorKind};
use omega::{
    core::{Failure, FailureClass},
    run::Status,
};
use serde_json::json;

use crate::{
    app::App, cli::Cli, command_line::CommandLine, environment::Environment, signals::Signals,
};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Nobody reads it any more: then nobody misses it.
            let lost = error.print().err();
            if lost.is_some_and(|error| error.kind() != std::io::ErrorKind::BrokenPipe) {
                return exit::code(Status::Error);
            }
            let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            if !asked && wants_json() {
                // Nor this.
                drop(writeln!(std::io::stdout(), "{}", not_understood(&error)));
            }
            return exit::code(if asked { Status::Done } else { Status::Usage });
        }
    };
    let environment = Environment::read();
    log(&environment, cli.global.verbose);
    // One TLS stack, one crypto backend. An error means that it is installed already.
    drop(rustls::crypto::ring::default_provider().install_default());
    // One thread: what is asked at the same time is asked before anything is sent.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime {
        Ok(runtime) => {
            let exit = runtime.block_on(run(cli, environment));
            // Whoever still resolves a name is not waited for.
            runtime.shutdown_background();
            exit::code(exit)
        }
        Err(error) => {
            tracing::error!(%error, "can't start");
            exit::code(Status::Error)
        }
    }
}

/// Whether the command line, which was not understood, asks for JSON: somebody parses the answer.
fn wants_json() -> bool {
    let words: Vec<_> = std::env::args_os().collect();
    let pair = |pair: &[std::ffi::OsString]| matches!(pair, [key, value] if key == "--output" && value == "json");
    words.windows(2).any(pair) || words.iter().any(|word| word == "--output=json")
}

fn not_understood(error: &clap::Error) -> serde_json::Value {
    let text = error.to_string();
    let what = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
    let failure = Failure::new(FailureClass::Usage, what).next("omega-cli --help");
    let exit = Status::Usage;
    json!({ "schema_version": 1, "failure": failure, "exit": exit, "exit_code": exit.code() })
}

async fn run(cli: Cli, environment: Environment) -> Status {
    let given = CommandLine::new(std::env::args_os());
    let app = App::new(&environment, &cli.global, given);
    let signals = Signals::listen(&app.ctx, cli.command.writes());
    let done = tokio::select! {
        done = app.run(cli.command) => done,
        failure = signals.at_once() => Err(failure),
    };
    let exit = match done {
        Ok(exit) => exit,
        Err(failure) => app.failed(&failure),
    };
    app.screen.lost().map_or(exit, |error| {
        app.console.fail(&format!("error: the result could not be written: {error}"));
        if matches!(exit, Status::Done | Status::Pending) { Status::Error } else { exit }
    })
}

/// Logs to stderr. What is logged never holds a secret: secrets have no text.
fn log(environment: &Environment, verbose: u8) {
    let default = match verbose {
        // What a request met is told where it matters, and not beside it.
        0 => "error,kube_client=off",
        1 => "warn,omega_core=info,omega_openstack=info,omega_juju=info,omega_capi=info",
        _ => "info,omega_core=debug,omega_openstack=debug,omega_juju=debug,omega_capi=debug",
    };
    let filter = environment.get("OMEGA_LOG").unwrap_or(default);
    let filter = tracing_subscriber::EnvFilter::new(filter);
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
}
