//! What earlier versions stored, as an operator meets it.

use super::*;

const RECORDED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../omega/fixtures/stored");

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs::copy(path, to).unwrap();
        }
    }
}

/// A home with the runs of one part of a recording.
fn home_with(recording: &str, part: &str) -> Home {
    let home = Home::new();
    copy(&Path::new(RECORDED).join(recording).join(part), &home.path().join("state/omega"));
    home
}

fn recordings() -> Vec<String> {
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap();
    let all = fs::read_dir(RECORDED).unwrap().map(name).filter(|entry| entry.path().is_dir());
    let mut all: Vec<_> = all.map(|entry| entry.file_name().into_string().unwrap()).collect();
    all.sort();
    assert!(all.len() > 1, "{all:?}");
    all
}

#[test]
fn runs_of_every_version_are_listed_and_shown() {
    for recording in recordings() {
        for (part, outcome) in [("done", "done"), ("failed", "failed")] {
            let home = home_with(&recording, part);
            let listed = home.run(&["runs", "--output", "json"]).exits(0);
            let listed: Value = serde_json::from_str(&listed.out).unwrap();
            assert_eq!(listed["runs"][0]["outcome"], outcome, "{recording}/{part}");
            assert_eq!(listed["damaged"].as_array().unwrap().len(), 0, "{recording}/{part}");
            let id = listed["runs"][0]["id"].as_str().unwrap();
            assert!(home.run(&["runs"]).exits(0).out.contains(id), "{recording}/{part}");
            let shown = home.run(&["runs", "show", "latest", "--output", "json"]).exits(0);
            let shown: Value = serde_json::from_str(&shown.out).unwrap();
            assert!(shown["entries"].as_array().unwrap().len() > 5, "{recording}/{part}");
            assert!(shown["report"].is_object(), "{recording}/{part}");
            let text = home.run(&["runs", "show", "latest"]).exits(0).out;
            assert!(text.contains("/etc/magnum/kubeconfig"), "{text}");
            assert!(!text.contains("changes: 0"), "{recording}/{part}: {text}");
            home.run(&["runs", "sweep"]).exits(0);
            let decisions = home.run(&["decisions"]).exits(0);
            assert!(
                !decisions.out.contains("could not read"),
                "{recording}/{part}: {decisions:#?}"
            );
        }
    }
}

/// It gets as far as the units, whose address is nobody's.
#[test]
fn a_rollback_of_a_run_of_every_version_is_planned() {
    for recording in recordings() {
        let home = home_with(&recording, "done");
        let ran = home.run(&["rollback", "--run", "latest", "--plan"]);
        let told = format!("{}{}", ran.out, ran.err);
        assert!(told.contains("could not load cloud credentials"), "{recording}: {ran:#?}");
        assert!(!told.contains("journal"), "{recording}: {ran:#?}");
    }
}

#[test]
fn plans_of_every_version_are_shown() {
    for recording in recordings() {
        let home = Home::new();
        fs::copy(Path::new(RECORDED).join(&recording).join("plan.json"), home.path().join("p"))
            .unwrap();
        let shown = home.run(&["show", "p"]).exits(0).out;
        assert!(shown.contains("magnum/0"), "{recording}: {shown}");
    }
}

/// The line of the file that a later version would write instead.
fn replace(path: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}

#[test]
fn what_a_later_version_wrote_is_said_to_be_that() {
    let home = home_with("2.0", "done");
    let [run] = &home.runs()[..] else { panic!("{:?}", home.runs()) };
    let run = home.path().join("state/omega/runs").join(run);
    replace(&run.join("journal.jsonl"), "\"version\":2", "\"version\":3");
    for args in [&["runs", "show", "latest"][..], &["rollback", "--run", "latest", "--plan"]] {
        let ran = home.run(args).exits(1);
        ran.says(&[
            "its version is 3, and this omega reads 1 and 2",
            "use the version of omega that wrote it",
        ]);
    }
    let listed = home.run(&["runs", "--output", "json"]).exits(0);
    let listed: Value = serde_json::from_str(&listed.out).unwrap();
    assert_eq!(listed["runs"][0]["changes"], Value::Null, "{listed:#}");

    let home = home_with("2.0", "done");
    let [run] = &home.runs()[..] else { panic!("{:?}", home.runs()) };
    let run = home.path().join("state/omega/runs").join(run);
    replace(&run.join("report.json"), "\"schema_version\": 2", "\"schema_version\": 3");
    let listed = home.run(&["runs", "--output", "json"]);
    let listed: Value = serde_json::from_str(&listed.out).unwrap();
    assert_eq!(listed["runs"][0]["outcome"], "damaged", "{listed:#}");
    home.run(&["runs", "show", "latest"]).exits(1).says(&["of a later version of omega"]);
}
