//! `drift`: on a site where nothing answers, everything is unknown, and never good.

#![allow(clippy::panic, clippy::duration_suboptimal_units, reason = "tests")]

use std::{
    io::Write as _,
    net::{TcpListener, TcpStream},
    os::unix::fs::PermissionsExt as _,
    process::Child,
    time::{Duration, Instant},
};

use super::{json::nowhere, schema::differences, *};

const QUICK: [&str; 3] = ["drift", "--skip", "live"];

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    QUICK.iter().chain(more).copied().collect()
}

fn json(home: &Home, more: &[&str]) -> Value {
    let ran = home.run(&with(&[more, &["--output", "json"]].concat()));
    serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {ran:#?}"))
}

#[test]
fn what_can_not_be_skipped_or_overwritten_is_refused_before_the_look() {
    let home = nowhere();
    home.run(&["drift", "--skip", "running-chanels"]).exits(64).says(&["no rule or source"]);
    home.write("other.prom", "# HELP node_load1 1m load average.\n");
    let other = ["drift", "--metrics-file", "other.prom"];
    home.run(&other).exits(64).says(&["is not a file of metrics of omega"]);
    // Without the graft, its tables are not needed.
    home.write("omega.toml", "[management]\nkubeconfig = \"capi.kubeconfig\"\n");
    home.run(&QUICK).exits(64).says(&["[driver]"]);
    home.run(&with(&["--skip", "graft"])).exits(1);
}

#[test]
fn what_does_not_answer_is_unknown_and_is_told_once_for_each_reason() {
    let home = nowhere();
    let first = home.run(&QUICK).exits(1);
    for said in ["baseline", "unknown", "Not looked at: live."] {
        assert!(first.out.contains(said), "no {said}: {first:#?}");
    }
    assert!(first.out.lines().filter(|line| line.starts_with("  ?")).count() < 8, "{first:#?}");
    let again = json(&home, &[]);
    assert_eq!((&again["exit"], &again["recorded"]), (&"error".into(), &false.into()));
    assert_eq!(again["looks"], 2);
    let kinds = again["differences"].as_array().unwrap();
    assert!(kinds.len() > 3 && kinds.iter().all(|one| one["kind"] == "unknown"), "{again:#}");
    assert!(kinds.iter().all(|one| one["new"] == false), "{again:#}");
    // What was not seen is not accepted.
    let accepted = json(&home, &["--accept"]);
    assert_eq!((&accepted["exit_code"], &accepted["recorded"]), (&1.into(), &true.into()));
    let less = json(&home, &["--skip", "graft", "--skip", "coherence"]);
    let rest = less["differences"].as_array().unwrap();
    assert!(rest.iter().all(|one| one["source"] == "constellation"), "{less:#}");
    let nothing =
        json(&home, &["--skip", "graft", "--skip", "coherence", "--skip", "constellation"]);
    assert_eq!((&nothing["exit"], &nothing["differences"]), (&"usage".into(), &Value::Null));
    let schema = home.run(&["schema", "drift"]).exits(0).out;
    let schema = serde_json::from_str(&schema).unwrap();
    assert_eq!(differences(&schema, &again), Vec::<String>::new());
}

#[test]
fn a_look_that_takes_too_long_and_what_is_not_understood_are_told() {
    let home = nowhere();
    let late = json(&home, &["--deadline", "1ms"]);
    assert!(
        late["differences"][0]["summary"].as_str().unwrap().contains("given up after 0 s"),
        "{late:#}"
    );
    home.run(&with(&["--deadline", "0s"])).exits(64);
    home.run(&with(&["--expires-within", "soon"])).exits(64).says(&["write 30d, 12h or 90m"]);
    home.run(&with(&["--expires-within", "45d"])).exits(1);
    home.run(&with(&["--accept-finding", "unsafe-delete"])).exits(64).says(&["can't be accepted"]);
    home.run(&with(&["--accept-finding", "unserved-read"])).exits(1);
    home.run(&with(&["--interval", "1m"])).exits(64).says(&["--watch"]);
    home.run(&with(&["--watch", "--accept"])).exits(64);
    home.run(&with(&["--listen", "127.0.0.1:9"])).exits(64);
    let anywhere = with(&["--watch", "--listen", "0.0.0.0:0"]);
    home.run(&anywhere).exits(64).says(&["not a loopback address", "--listen-anywhere"]);
    home.run(&with(&["--watch", "--listen-anywhere"])).exits(64);
    home.run(&["drift", "--site", "nope.toml"]).exits(64);
}

#[test]
fn a_damaged_baseline_is_refused_with_its_path() {
    let home = nowhere();
    home.run(&QUICK).exits(1);
    let inside = fs::read_dir(home.path().join("state/omega/drift")).unwrap().next().unwrap();
    let path = inside.unwrap().path().join("baseline.json");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    fs::write(&path, "{").unwrap();
    for more in [&[][..], &["--accept"]] {
        let ran = home.run(&with(more)).exits(64);
        ran.says(&["the baseline can't be used", "it is damaged", "baseline.json.old"]);
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), "{");
}

#[test]
fn metrics_are_a_file_that_others_can_read() {
    let home = nowhere();
    home.run(&with(&["--metrics-file", "omega.txt"])).exits(64).says(&["must end in .prom"]);
    home.run(&with(&["--metrics-file", "omega.prom"])).exits(1);
    let path = home.path().join("omega.prom");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains("\nomega_drift_looks_total 1\n"), "{text}");
    assert!(
        text.contains("rule=\"reach-management\"") && text.contains("state=\"unknown\"} 1\n"),
        "{text}"
    );
    home.run(&with(&["--metrics-file", "none/omega.prom"]))
        .exits(1)
        .says(&["could not write the metrics"]);
}

/// A process that is ended with the test.
struct Watching(Child);

impl Drop for Watching {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn get(port: u16, path: &str) -> Option<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    Some(answer)
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[test]
fn watching_prints_a_whole_line_for_each_change_serves_it_and_ends_on_a_signal() {
    let home = nowhere();
    let port = free_port();
    let listen = format!("127.0.0.1:{port}");
    let args = with(&["--watch", "--interval", "200ms", "--listen", &listen, "--output", "json"]);
    let out = fs::File::create(home.path().join("lines")).unwrap();
    let child = home.command(&args).stdout(out).stderr(Stdio::null()).spawn().unwrap();
    let mut watching = Watching(child);
    let began = Instant::now();
    let looked = |count: u32| {
        let text = get(port, "/metrics").unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("omega_drift_looks_total "));
        line.is_some_and(|looks| looks.parse::<u32>().unwrap() >= count)
    };
    while !looked(3) {
        assert!(began.elapsed() < Duration::from_secs(60), "it does not look");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(get(port, "/healthz").unwrap().ends_with("\r\n\r\nok\n"));
    // Nobody else looks at the same site meanwhile.
    home.run(&QUICK).exits(6).says(&["looked at already"]);
    let pid = watching.0.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    assert_eq!(watching.0.wait().unwrap().code(), Some(143));
    let text = fs::read_to_string(home.path().join("lines")).unwrap();
    let schema = home.run(&["schema", "drift-change"]).exits(0).out;
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(!lines.is_empty() && text.ends_with('\n'));
    for line in &lines {
        assert_eq!(differences(&schema, line), Vec::<String>::new(), "{line:#}");
        assert_eq!(
            (&line["change"]["kind"], &line["change"]["new"]),
            (&"unknown".into(), &true.into())
        );
    }
    let ids: std::collections::BTreeSet<String> =
        lines.iter().map(|line| line["change"]["id"].to_string()).collect();
    assert_eq!(ids.len(), lines.len(), "each is told once, however often it is seen");
}

/// The exit code says that nobody reads any more: a watch that nobody hears is of no use.
#[test]
fn a_reader_that_goes_away_ends_the_watch() {
    let home = nowhere();
    let mut child = home
        .command(&with(&["--watch", "--interval", "200ms"]))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let began = Instant::now();
    while child.try_wait().unwrap().is_none() {
        assert!(began.elapsed() < Duration::from_secs(60), "it goes on");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(child.wait().unwrap().code(), Some(1));
}

/// Killed at any moment, it leaves a baseline that can be read.
#[test]
fn a_watch_that_is_killed_leaves_its_baseline_whole() {
    let home = nowhere();
    for nth in 0..6 {
        let args = with(&["--watch", "--interval", "1ms"]);
        let child =
            home.command(&args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let watching = Watching(child);
        std::thread::sleep(Duration::from_millis(1200 + 37 * nth));
        drop(watching);
        let report = json(&home, &[]);
        assert!(report["looks"].as_u64().unwrap() > nth, "{report:#}");
    }
}
