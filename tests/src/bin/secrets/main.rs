//! Secrets pass through every command and every fault, and come out nowhere.
//!
//! `secrets PROGRAM [--all]`: PROGRAM is omega-cli. Every secret can be recognised, plain, in part, quoted and in
//! base64. Every subcommand is called in worlds whose services return what they are sent; what it prints, its
//! arguments and those of the programs that it starts, and every file that it leaves are searched.

mod canary;
mod changed;
mod commands;
mod cores;
mod desk;
mod malformed;
mod run;
mod scan;
mod service;
mod world;

use std::{
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use canary::Canary;
use scan::PLACES;
use service::Received;
use world::{Tally, World};

/// How many parts run at the same time: most of the time is spent waiting.
const AT_ONCE: usize = 6;
/// Without `--all`, each command is called in every so many-th world.
const EVERY: usize = 5;

/// The secrets that the services must have received: otherwise the commands did not get as far as using them.
const SENT: [&str; 5] = [
    "a password",
    "the secret of an application credential",
    "a token in clouds.yaml",
    "the token of a login",
    "a token in a kubeconfig",
];

fn main() -> ExitCode {
    match whole() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            drop(writeln!(io::stderr(), "secrets: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn whole() -> io::Result<bool> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let (program, is_all) = match words.as_slice() {
        [program] => (program, false),
        [program, all] if all == "--all" => (program, true),
        _ => return Err(io::Error::other("usage: secrets PROGRAM [--all]")),
    };
    let program = PathBuf::from(program).canonicalize()?;
    let home = tempfile::tempdir()?;
    let commands: Vec<_> = commands::all(&program, home.path())?.into_iter().collect();
    if commands.len() < 45 {
        return Err(io::Error::other(format!("only {} subcommands", commands.len())));
    }
    let (received, count) = (Received::default(), commands.len());
    let tally = in_parallel(&parts(&program, &commands, is_all, &received))?;
    report(count, tally, &received)
}

/// A part of the cases.
type Part<'a> = Box<dyn Fn() -> io::Result<Tally> + Send + Sync + 'a>;

/// Returns every part: each world, each kind of malformed file, and the rest.
fn parts<'a>(
    program: &'a Path,
    commands: &'a [(String, Vec<String>)],
    is_all: bool,
    received: &'a Received,
) -> Vec<Part<'a>> {
    let mut parts: Vec<Part<'a>> = Vec::new();
    for (nth, world) in World::all().into_iter().enumerate() {
        let mine = move |at: usize| is_all || at % EVERY == nth % EVERY;
        let mine = commands.iter().enumerate().filter(move |(at, _)| mine(*at));
        let mine: Vec<_> = mine.map(|(_, one)| one.clone()).collect();
        parts.push(Box::new(move || world::call(program, world, &mine, received)));
    }
    for file in malformed::FILES {
        parts.push(Box::new(move || malformed::read_all(program, file, is_all)));
    }
    parts.push(Box::new(move || changed::and_rolled_back(program)));
    parts.push(Box::new(move || world::killed(program, received)));
    parts.push(Box::new(move || cores::aborted(program, received)));
    parts.push(Box::new(move || cores::as_another_user(program, received)));
    parts
}

/// Runs the parts, some at a time.
fn in_parallel(parts: &[Part<'_>]) -> io::Result<Tally> {
    let next = AtomicUsize::new(0);
    let whole = Mutex::new(Ok(Tally::default()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(part) = parts.get(next.fetch_add(1, Ordering::SeqCst)) {
                    let done = part();
                    let mut whole = whole.lock().unwrap_or_else(PoisonError::into_inner);
                    match done {
                        Ok(tally) => {
                            if let Ok(whole) = whole.as_mut() {
                                whole.join(tally);
                            }
                        }
                        Err(error) => *whole = Err(error),
                    }
                }
            });
        }
    });
    whole.into_inner().unwrap_or_else(PoisonError::into_inner)
}

fn report(count: usize, mut tally: Tally, received: &Received) -> io::Result<bool> {
    let sent = Arc::clone(received);
    let sent = sent.lock().unwrap_or_else(PoisonError::into_inner);
    let sent = String::from_utf8_lossy(&sent).into_owned();
    for name in SENT {
        tally.cases += 1;
        if !Canary::token(name).is_in(&sent) {
            tally.found.leaks.insert(format!("no service received {name}: the cases show nothing"));
        }
    }
    for (nth, place) in PLACES.iter().enumerate() {
        tally.cases += 1;
        if !tally.found.used.contains(&nth) {
            tally
                .found
                .leaks
                .insert(format!("no secret was in {}: remove it from the list", place.path));
        }
    }
    let mut out = io::stdout().lock();
    for leak in &tally.found.leaks {
        writeln!(out, "LEAK {leak}")?;
    }
    let codes: Vec<String> = tally
        .codes
        .iter()
        .map(|(code, count)| format!("{} x {}", count, code.unwrap_or(-1)))
        .collect();
    writeln!(out, "{} subcommands; exit codes: {}", count, codes.join(", "))?;
    for place in &PLACES {
        writeln!(out, "may be in {}: {} ({})", place.path, place.secret, place.why)?;
    }
    writeln!(out, "searched {} kB", tally.found.bytes / 1000)?;
    let failed = tally.found.leaks.len().min(tally.cases);
    writeln!(out, "{} cases, {} passed", tally.cases, tally.cases - failed)?;
    Ok(failed == 0)
}
