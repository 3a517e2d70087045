//! Kills omega-cli at each of its system calls that changes something, and checks what is left.
//!
//! It traces the program and serves the simulators to it; see `tests/crash/run --help` and docs/trust.md.

#![allow(
    clippy::wildcard_enum_match_arm,
    clippy::items_after_statements,
    clippy::format_collect,
    clippy::semicolon_if_nothing_returned,
    clippy::explicit_auto_deref,
    reason = "a harness"
)]

mod agree;
mod attempt;
mod calls;
mod cluster;
mod disk;
mod fuse;
mod home;
mod juju;
mod lab;
mod mounted;
mod openstack;
mod options;
mod progress;
mod runbooks;
mod runs;
mod serve;
mod shadow;
mod stand_in;
mod tracer;
mod world;

use std::{
    fmt,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
    time::{Instant, SystemTime},
};

use attempt::{Outcome, attempt};
use home::Ran;
use lab::Lab;
use mounted::Mounted;
use nix::sys::prctl;
use omega_core::values::Sha256;
use options::{Options, Series};
use progress::{Progress, digest, named};
use runbooks::{ALL, Entry};
use serve::Served;
use shadow::Loss;
use tracer::{Point, Side};
use world::{Stage, World};

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let ended = match words.as_slice() {
        ["--traced", program, ..] => stand_in::traced(program, args.get(2..).unwrap_or_default()),
        ["--fuse", path] => mounted::start(Path::new(path)),
        ["--fuse-served", path] => mounted::serve(Path::new(path)),
        ["--serve", directory] => hold(Path::new(directory)),
        ["--juju", socket, ..] => stand_in::juju(socket, args.get(2..).unwrap_or_default()),
        _ if words.contains(&"--help") => say(options::HELP).map(|()| 0),
        ["--list"] => {
            ALL.iter().try_for_each(|entry| say(&format!("{}\n", entry.name))).map(|()| 0)
        }
        _ => run(&args),
    };
    ended.map_or_else(
        |error| {
            drop(writeln!(io::stderr(), "crash: {error}"));
            ExitCode::FAILURE
        },
        ExitCode::from,
    )
}

fn say(text: &str) -> Result<()> {
    let mut out = io::stdout();
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}

/// What all entries share.
struct Bench {
    directory: tempfile::TempDir,
    program: PathBuf,
    digest: Sha256,
    served: Served,
    stage: Stage,
}

impl Bench {
    fn new(mounts: bool) -> Result<Self> {
        if mounts {
            mounted::apart()?;
        }
        prctl::set_child_subreaper(true)?;
        let directory = tempfile::tempdir()?;
        let program = std::env::current_exe()?.with_file_name("omega-cli");
        let digest = digest(&program)?;
        let stage = Stage::new(World::new(&[]));
        let served = Served::start(&stage, directory.path())?;
        Ok(Self { directory, program, digest, served, stage })
    }

    fn lab(&self, entry: Entry, mounts: bool) -> Result<Lab> {
        let name = if mounts { format!("{}-fuse", entry.name) } else { entry.name.to_owned() };
        let directory = self.directory.path().join(name);
        std::fs::create_dir(&directory)?;
        let at = directory.join("mounted");
        let mounted = mounts.then(|| Mounted::at(&at, &std::env::current_exe()?)).transpose()?;
        Lab::ready(entry, &directory, &self.program, &self.served, &self.stage, mounted)
    }
}

/// Serves the simulators to a home in which the graft is applied, until standard input ends.
fn hold(directory: &Path) -> Result<u8> {
    let stage = Stage::new(World::new(&[]));
    let served = Served::start(&stage, directory)?;
    let entry = ALL.iter().find(|entry| entry.name == "drift").ok_or("there is no drift")?;
    let program = std::env::current_exe()?.with_file_name("omega-cli");
    Lab::begun(*entry, directory, &program, &served, &stage)?;
    say("ready\n")?;
    io::copy(&mut io::stdin().lock(), &mut io::sink())?;
    Ok(0)
}

fn run(args: &[String]) -> Result<u8> {
    let options = Options::read(args)?;
    let bench = Bench::new(options.series.iter().any(Series::mounts))?;
    let mut failed = false;
    for one in &options.series {
        let Series { entry, losses, every } = one;
        let lab = bench.lab(*entry, one.mounts());
        let lab = lab.map_err(|error| format!("{}: {error}", entry.name))?;
        if options.only_calls {
            for (nth, call) in lab.expected.calls.iter().enumerate() {
                say(&format!("{:4} {call}\n", nth + 1))?;
            }
            continue;
        }
        for loss in losses {
            failed |= !series(&options, &bench, &lab, *loss, *every)?;
        }
    }
    Ok(u8::from(failed))
}

/// Goes through the points of one entry. Returns whether all passed.
fn series(
    options: &Options,
    bench: &Bench,
    lab: &Lab,
    loss: Option<Loss>,
    every: usize,
) -> Result<bool> {
    let name = lab.entry.name;
    let kept = kept();
    let mut progress = Progress::of(&kept, name, loss, &bench.digest, !options.resume)?;
    let points = chosen(options, lab, every)?;
    let (mut passed, mut failed, mut unreached, began) = (0, 0, 0, Instant::now());
    for point in &points {
        if options.resume && progress.has(*point) {
            passed += 1;
            continue;
        }
        match attempt(lab, *point, loss)? {
            Outcome::Passed => passed += 1,
            Outcome::NotReached => unreached += 1,
            Outcome::Failed(call, problems) => {
                failed += 1;
                say(&report(name, *point, loss, &call.to_string(), &problems))?;
                continue;
            }
        }
        progress.passed(*point)?;
    }
    let power = loss.map(|loss| format!(" power loss ({})", loss.name())).unwrap_or_default();
    let rest = if unreached == 0 {
        String::new()
    } else {
        format!(", {unreached} not reached: the run ended before")
    };
    let (all, seconds) = (points.len() - unreached, began.elapsed().as_secs());
    say(&format!("{name}: {} calls, {seconds} s{rest}\n", lab.expected.calls.len()))?;
    say(&format!("{name}{power}: {all} points, {passed} passed\n"))?;
    Ok(failed == 0)
}

/// Returns the points that are wanted of all.
fn chosen(options: &Options, lab: &Lab, every: usize) -> Result<Vec<Point>> {
    if let Some(point) = options.point {
        return Ok(vec![point]);
    }
    let calls = 1..=lab.expected.calls.len();
    let all = calls.flat_map(|nth| [Side::Before, Side::After].map(|side| Point { nth, side }));
    let random = SystemTime::UNIX_EPOCH.elapsed()?.subsec_nanos();
    let offset = options.offset.unwrap_or(usize::try_from(random)?) % every;
    if every > 1 {
        say(&format!("{}: --every {every} --offset {offset}\n", lab.entry.name))?;
    }
    Ok(all.skip(offset).step_by(every).collect())
}

fn report(name: &str, point: Point, loss: Option<Loss>, call: &str, problems: &[String]) -> String {
    let point = named(point);
    let power = loss.map(|loss| format!(" --power-loss={}", loss.name())).unwrap_or_default();
    let problems: String = problems.iter().map(|problem| format!("  {problem}\n")).collect();
    format!(
        "FAILED {name}, killed at {point} ({call})\n{problems}  again: tests/crash/run {name} --point {point}{power}\n"
    )
}

#[expect(clippy::disallowed_methods, reason = "this program reads its own variable")]
fn kept() -> PathBuf {
    std::env::var("OMEGA_CRASH")
        .map_or_else(|_| Path::new("/var/tmp/omega-crash").into(), PathBuf::from)
}

impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { code, out, err } = self;
        write!(f, "exit {code:?}\n{out}{err}")
    }
}
