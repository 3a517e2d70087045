//! Typed, idempotent operations for Kubernetes on Charmed OpenStack.
//!
//! The only crate that prints, reads the environment, or exits.

mod app;
mod cli;
mod command;
mod command_line;
mod completion;
mod core_dumps;
mod count;
mod documents;
mod effect;
mod environment;
mod examples;
mod exit;
#[cfg(test)]
mod explain_tests;
mod help;
mod output_file;
mod render;
mod signals;
mod systems;

use std::{
    ffi::OsString,
    fs::{File, OpenOptions, TryLockError},
    io::{Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    process::ExitCode,
    sync::Mutex,
};

use clap::{
    ArgMatches, CommandFactory as _, FromArgMatches as _,
    error::{ContextKind, ContextValue, ErrorKind},
};
use clap_complete::CompleteEnv;
use omega::{
    core::{Failure, FailureClass, GRACE, without_numbers},
    run::{Deadline, Status},
};
use serde_json::json;
use tracing_subscriber::{
    EnvFilter, Layer as _, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _,
};

use crate::{
    app::App,
    cli::{Cli, Global},
    command_line::CommandLine,
    effect::Called,
    environment::Environment,
    signals::Signals,
};

fn main() -> ExitCode {
    let dumps = core_dumps::disable();
    // As a shell calls it to complete a command line.
    match CompleteEnv::with_factory(help::command)
        .try_complete(std::env::args_os(), std::env::current_dir().ok().as_deref())
    {
        Ok(true) => return exit::code(Status::Done),
        Ok(false) => {}
        Err(_) => return exit::code(Status::Error),
    }
    let (cli, called) = match parsed() {
        Ok(parsed) => parsed,
        Err(error) => {
            // A broken pipe is not an error: nobody reads the output any more.
            let lost = error.print().err();
            if lost.is_some_and(|error| error.kind() != std::io::ErrorKind::BrokenPipe) {
                return exit::code(Status::Error);
            }
            let asked = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            if !asked && wants_json() {
                // A write error is ignored here too.
                drop(writeln!(std::io::stdout(), "{}", not_understood(&error)));
            }
            return exit::code(if asked { Status::Done } else { Status::Usage });
        }
    };
    let environment = Environment::read();
    let logging = log(&environment, &cli.global);
    if let Err(error) = dumps {
        let what = "core dumps are not disabled: a crash may write secrets to disk";
        tracing::warn!(target: "omega_security", %error, "{what}");
    }
    // One TLS stack, one crypto backend. An error means that it is installed already.
    drop(rustls::crypto::ring::default_provider().install_default());
    // One thread: concurrent reads are collected before anything is sent.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    match runtime {
        Ok(runtime) => {
            let exit = runtime.block_on(run(cli, called, environment, logging));
            // Does not wait for pending name resolutions.
            runtime.shutdown_background();
            exit::code(exit)
        }
        Err(error) => {
            tracing::error!(%error, "can't start");
            exit::code(Status::Error)
        }
    }
}

/// Returns the arguments. `help` prints text, whatever is asked for, and is explained as `--help` is.
fn arguments() -> Vec<OsString> {
    let mut words: Vec<_> = std::env::args_os().collect();
    if words.get(1).is_none_or(|word| word != "help") {
        return words;
    }
    if let Some(at) = words.iter().position(|word| word == "--output") {
        words.drain(at..words.len().min(at + 2));
    }
    words.retain(|word| !word.to_string_lossy().starts_with("--output="));
    if words.get(2).is_some_and(|word| word == "help") {
        words.truncate(2);
    }
    words
}

/// Returns the command line, and the subcommand in it.
fn parsed() -> Result<(Cli, Called), clap::Error> {
    let words = matched(&arguments())?;
    let mut names = Vec::new();
    let (mut at, mut plan) = (words.subcommand(), false);
    while let Some((name, inner)) = at {
        names.push(name);
        plan = inner.try_get_one::<bool>("plan").is_ok_and(|given| given == Some(&true));
        at = inner.subcommand();
    }
    let called = Called { name: names.join(" "), plan };
    Ok((Cli::from_arg_matches(&words)?, called))
}

/// Parses with the bare command line. What is only shown (the list of subcommands, examples, versions) takes several
/// times as long to make as the parser itself, so it is made only when it is shown.
fn matched(words: &[OsString]) -> Result<ArgMatches, clap::Error> {
    let bare = Cli::command();
    let has_version = words.iter().any(|word| word == "--version");
    let bare = if has_version { help::with_version(bare) } else { bare };
    match bare.try_get_matches_from(words) {
        Ok(matches) => Ok(matches),
        Err(error) if error.kind() == ErrorKind::DisplayVersion => Err(error),
        Err(_) => help::command().try_get_matches_from(words).map_err(hinted),
    }
}

/// Returns the error with what to use instead, where an option that most commands have is missing on purpose.
fn hinted(error: clap::Error) -> clap::Error {
    let Some(ContextValue::String(option)) = error.get(ContextKind::InvalidArg) else {
        return error;
    };
    let called = std::env::args().nth(1).unwrap_or_default();
    let instead = match (called.as_str(), option.as_str()) {
        ("apply", "--plan") => "to see the changes without making them, use omega-cli plan graft",
        ("verify", "--accept") => {
            "verify accepts no finding; omega-cli plan and apply have --accept"
        }
        _ => return error,
    };
    let what = format!("unexpected argument '{option}' found\n\n  tip: {instead}\n");
    let mut command = help::command();
    command.build();
    let called = command.find_subcommand_mut(&called);
    called.map_or(error, |called| called.error(ErrorKind::UnknownArgument, what))
}

/// Whether an invalid command line asks for JSON output: then the error is JSON too.
fn wants_json() -> bool {
    let words: Vec<_> = std::env::args_os().collect();
    let pair =
        |pair: &[OsString]| matches!(pair, [key, value] if key == "--output" && value == "json");
    words.windows(2).any(pair) || words.iter().any(|word| word == "--output=json")
}

fn not_understood(error: &clap::Error) -> serde_json::Value {
    let text = error.to_string();
    let what = text.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
    let failure = Failure::new(FailureClass::Usage, what).next("omega-cli --help");
    let exit = Status::Usage;
    let command = called_in(std::env::args().skip(1));
    json!({ "schema_version": 1, "command": command, "failure": failure, "exit": exit, "exit_code": exit.code() })
}

/// Returns the subcommand in full that `words` begin with, without its arguments.
fn called_in(words: impl Iterator<Item = String>) -> String {
    let whole = help::command();
    let (mut at, mut names) = (&whole, Vec::new());
    for word in words {
        let Some(found) = at.find_subcommand(&word) else { break };
        names.push(word);
        at = found;
    }
    names.join(" ")
}

async fn run(
    cli: Cli,
    called: Called,
    environment: Environment,
    logging: Result<(), Failure>,
) -> Status {
    let deadline = cli.global.timeout.map(Deadline::within);
    let given = CommandLine::new(std::env::args_os());
    let app = App::new(&environment, &cli.global, given, called);
    if let Err(failure) = logging {
        return app.failed(&failure);
    }
    let signals = Signals::listen(&app.ctx);
    let late = async {
        match deadline {
            Some(deadline) => timed_out(deadline, &app).await,
            None => std::future::pending().await,
        }
    };
    let done = tokio::select! {
        done = app.run(cli.command) => done,
        failure = signals.at_once() => Err(failure),
        failure = late => Err(failure),
    };
    let exit = match done {
        Ok(exit) => exit,
        Err(failure) => app.failed(&failure),
    };
    app.screen.lost().map_or(exit, |error| {
        let error = without_numbers(&error.to_string());
        app.console.fail(&format!("error: the result could not be written: {error}"));
        if matches!(exit, Status::Done | Status::Pending) { Status::Error } else { exit }
    })
}

/// Returns when the command is to end without waiting for anything.
async fn timed_out(deadline: Deadline, app: &App) -> Failure {
    let ending = || {
        let grace = GRACE.as_secs();
        app.console.say(&format!("Timed out: ending the step under way, within {grace} s"));
    };
    let failure = deadline.passed(&app.ctx, ending).await;
    let message = format!("{} (--timeout)", failure.message);
    Failure { message, ..failure }
}

/// Logs to stderr, and traces to the file of `--trace`. The log never has secrets: they have no text
/// form.
fn log(environment: &Environment, global: &Global) -> Result<(), Failure> {
    let default = match global.verbose {
        // Errors of requests are part of the result, so kube's own log of them is turned off. That
        // certificates are not verified is always reported, and what is skipped.
        0 => "error,kube_client=off,omega_security=warn,omega_notice=warn",
        1 => "warn,omega=info,omega_core=info,omega_openstack=info,omega_juju=info,omega_capi=info",
        _ => {
            "info,omega=debug,omega_core=debug,omega_openstack=debug,omega_juju=debug,omega_capi=debug,\
             omega_trace=info"
        }
    };
    let named = environment.get("OMEGA_LOG");
    let filter = EnvFilter::try_new(named.unwrap_or(default)).map_err(|error| {
        let what =
            format!("OMEGA_LOG={} can't be used", command_line::quoted(named.unwrap_or_default()));
        Failure::new(FailureClass::Usage, what)
            .because(error.to_string())
            .next("write OMEGA_LOG=info, or TARGET=LEVEL,...")
    })?;
    let stderr = fmt::layer().with_writer(std::io::stderr).with_ansi(false).with_filter(filter);
    let trace = global.trace.as_deref().map(trace_file).transpose()?.map(|file| {
        let layer = fmt::layer().json().flatten_event(true).with_level(false).with_target(false);
        let layer = layer.with_current_span(false).with_span_list(false);
        layer.with_writer(Mutex::new(file)).with_filter(EnvFilter::new("off,omega_trace=info"))
    });
    tracing_subscriber::registry().with(stderr).with(trace).init();
    Ok(())
}

/// Creates the trace file, or empties that of an earlier run. Another file is not overwritten. Only its
/// owner can read it, because it names machines and paths.
///
/// Each line is one write at the end of the file, so that two processes may write to one file: the second
/// one finds it in use, and does not empty it.
fn trace_file(path: &Path) -> Result<File, Failure> {
    let what = || {
        let what = format!("could not write the trace to {}", path.display());
        Failure::new(FailureClass::Usage, what)
    };
    let failed = |error: std::io::Error| what().because(error.to_string()).next(ANOTHER_FILE);
    let mut options = OpenOptions::new();
    let opened = options.create(true).read(true).append(true).mode(0o600).open(path);
    let file = opened.map_err(failed)?;
    if !file.metadata().map_err(failed)?.is_file() {
        return Ok(file);
    }
    let mut first = Vec::new();
    (&file).take(4096).read_to_end(&mut first).map_err(failed)?;
    let line = first.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let is_trace = line.starts_with(b"{") && String::from_utf8_lossy(line).contains("took_ms");
    if !first.is_empty() && !is_trace {
        return Err(what().because("the file exists and is not a trace").next(ANOTHER_FILE));
    }
    let is_used = match file.try_lock() {
        Ok(()) => false,
        Err(TryLockError::WouldBlock) => true,
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    };
    if !is_used {
        file.set_len(0).map_err(failed)?;
    }
    // Held until the process ends. An exclusive one becomes a shared one.
    file.lock_shared().map_err(failed)?;
    Ok(file)
}

const ANOTHER_FILE: &str = "name another file: --trace FILE";

#[cfg(test)]
mod tests {
    use std::{fs, thread};

    use super::*;

    /// Two processes have one file open as two writers here have: each by itself.
    #[test]
    fn two_writers_of_one_trace_leave_whole_lines() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("trace.jsonl");
        fs::write(&path, "{\"what\":\"earlier\",\"took_ms\":1}\n").unwrap();
        let writers = ["one", "two"].map(|name| (name, trace_file(&path).unwrap()));
        let writers = writers.map(|(name, file)| {
            thread::spawn(move || {
                let what = name.repeat(100);
                for took in 0..500 {
                    let line = format!("{}\n", json!({ "what": what, "took_ms": took }));
                    (&file).write_all(line.as_bytes()).unwrap();
                }
                file
            })
        });
        let files = writers.map(|writer| writer.join().unwrap());
        let text = fs::read_to_string(&path).unwrap();
        let read = |line| serde_json::from_str::<serde_json::Value>(line).unwrap();
        let lines: Vec<_> = text.lines().map(read).collect();
        for name in ["one", "two"] {
            let own = lines.iter().filter(|line| line["what"] == name.repeat(100));
            assert_eq!(own.count(), 500, "{name}");
        }
        assert_eq!(lines.len(), 1000, "the earlier trace is replaced");
        drop(files);
        drop(trace_file(&path).unwrap());
        assert_eq!(fs::read_to_string(&path).unwrap(), "");
    }
}
