use std::{
    io::{self, Read, Write as _},
    process::{Child, ExitStatus},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Map, Value, json};

use crate::{
    Ended,
    config::{Config, Fault, Machine},
    machine::{User, command, quoted, takes_tasks, without_stdin},
    pause, print,
};

/// The options of `juju exec` that are understood.
#[derive(Debug)]
struct Options {
    units: Vec<String>,
    format: String,
    wait: Duration,
    model: Option<String>,
    line: String,
}

/// What a task left.
struct Task {
    unit: String,
    id: usize,
    status: i32,
    stdout: String,
    stderr: String,
}

/// `juju exec --unit U [--unit V] [--format F] [--wait T] [-m M] -- COMMAND...`
pub(crate) fn exec(config: &Config, args: &[String]) -> Ended {
    let options = parse(args)?;
    config.check_model(options.model.as_deref())?;
    if config.fault == Some(Fault::NothingScheduled) {
        drop(writeln!(io::stderr(), "Operation 12 failed to schedule any tasks"));
        return Ok(0);
    }
    let (mut running, mut tasks, mut late) = (Vec::new(), Vec::new(), Vec::new());
    let until = Instant::now() + options.wait;
    for (id, name) in options.units.iter().enumerate() {
        let (unit, machine) = config.unit(name)?;
        if takes_tasks(machine) {
            running.push((unit, id, start(machine, &options.line)?));
        } else {
            late.push(unit);
        }
    }
    for (unit, id, (child, stdout, stderr)) in running {
        match wait(child, until)? {
            None => late.push(unit),
            Some(status) => {
                let status = status.code().unwrap_or(-1);
                let (stdout, stderr) = (join(stdout), join(stderr));
                tasks.push(Task { unit, id, status, stdout, stderr });
            }
        }
    }
    if !late.is_empty() {
        let left = until.saturating_duration_since(Instant::now()).as_millis();
        pause(u64::try_from(left).unwrap_or(u64::MAX));
        // The tasks keep running, and nothing of the others is printed.
        return Err(format!("timed out waiting for results from: {}", late.join(", ")));
    }
    show(config, &options, &tasks)?;
    failures(&tasks)
}

fn parse(args: &[String]) -> Result<Options, String> {
    let mut options = Options {
        units: Vec::new(),
        format: "plain".to_owned(),
        wait: Duration::from_mins(5),
        model: None,
        line: String::new(),
    };
    let mut words = args.iter();
    while let Some(word) = words.next() {
        let (key, inline) = match word.split_once('=') {
            Some((key, value)) if key.starts_with("--") => (key, Some(value.to_owned())),
            _ => (word.as_str(), None),
        };
        let mut value =
            || inline.clone().or_else(|| words.next().cloned()).ok_or(format!("{key}: no value"));
        match key {
            "--unit" | "-u" => options.units.push(value()?),
            "--format" => options.format = value()?,
            "--wait" => options.wait = seconds(&value()?)?,
            "-m" | "--model" => options.model = Some(value()?),
            "--" => {
                let rest: Vec<String> = words.cloned().collect();
                options.line = match rest.as_slice() {
                    [] => return Err("no commands specified".to_owned()),
                    // One goes raw to the remote shell; several are quoted, each for itself.
                    [one] => one.clone(),
                    several => several.iter().map(|w| quoted(w)).collect::<Vec<_>>().join(" "),
                };
                break;
            }
            other => return Err(format!("option provided but not defined: {other}")),
        }
    }
    if options.line.is_empty() {
        return Err("no commands specified".to_owned());
    }
    if options.units.is_empty() {
        return Err(
            "You must specify a target, either through --all, --machine, --application or --unit"
                .to_owned(),
        );
    }
    Ok(options)
}

fn seconds(text: &str) -> Result<Duration, String> {
    let (number, unit) = text.split_at(text.len().saturating_sub(1));
    let factor = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err(format!("invalid value {text:?} for option --wait")),
    };
    let number: u64 = number.parse().map_err(|_| format!("invalid duration {text:?}"))?;
    Ok(Duration::from_secs(number * factor))
}

type Reader = thread::JoinHandle<Vec<u8>>;

fn start(machine: &Machine, line: &str) -> Result<(Child, Reader, Reader), String> {
    let child = without_stdin(command(machine, User::Root, line)).spawn();
    let mut child = child.map_err(|error| error.to_string())?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    Ok((child, reader(out), reader(err)))
}

fn reader(stream: Option<impl Read + Send + 'static>) -> Reader {
    thread::spawn(move || {
        let mut all = Vec::new();
        if let Some(mut stream) = stream {
            drop(stream.read_to_end(&mut all));
        }
        all
    })
}

fn join(reader: Reader) -> String {
    String::from_utf8_lossy(&reader.join().unwrap_or_default()).into_owned()
}

fn wait(mut child: Child, until: Instant) -> Result<Option<ExitStatus>, String> {
    loop {
        match child.try_wait().map_err(|error| error.to_string())? {
            Some(status) => return Ok(Some(status)),
            None if Instant::now() >= until => return Ok(None),
            None => pause(5),
        }
    }
}

/// As juju 3.6.14 prints it: a key without content is absent.
fn json_of(task: &Task, trimmed: bool) -> Value {
    let mut results = Map::new();
    results.insert("return-code".to_owned(), json!(task.status));
    for (key, text) in [("stdout", &task.stdout), ("stderr", &task.stderr)] {
        let text = if trimmed { text.trim_end_matches('\n') } else { text };
        if !text.is_empty() {
            results.insert(key.to_owned(), json!(text));
        }
    }
    let time = "2026-03-06 13:12:00 +1300 NZDT";
    json!({
        "id": task.id.to_string(),
        "results": results,
        "status": if task.status == 0 { "completed" } else { "failed" },
        "timing": {"completed": time, "enqueued": time, "started": time},
        "unit": task.unit,
    })
}

fn show(config: &Config, options: &Options, tasks: &[Task]) -> Result<(), String> {
    if options.format == "json" {
        let trimmed = config.fault == Some(Fault::Trimmed);
        let all: Map<String, Value> =
            tasks.iter().map(|task| (task.unit.clone(), json_of(task, trimmed))).collect();
        return print(format!("{}\n", Value::Object(all)).as_bytes());
    }
    for task in tasks {
        print(task.stdout.as_bytes())?;
        drop(io::stderr().write_all(task.stderr.as_bytes()));
    }
    Ok(())
}

/// The exit status is 1 whatever the remote one was; that is in the output.
fn failures(tasks: &[Task]) -> Ended {
    let failed: Vec<String> = tasks
        .iter()
        .filter(|task| task.status != 0)
        .map(|task| format!(" - id \"{}\" with return code {}", task.id, task.status))
        .collect();
    match failed.len() {
        0 => Ok(0),
        1 => Err(format!("the following task failed:\n{}\n", failed.join("\n"))),
        _ => Err(format!("the following tasks failed:\n{}\n", failed.join("\n"))),
    }
}
