use std::os::unix::fs::PermissionsExt as _;

use omega_core::Evidence;
use tempfile::TempDir;

use super::*;
use crate::drift::State;

fn home() -> (TempDir, BaselineFile) {
    let home = tempfile::tempdir().unwrap();
    let file = Baselines::new(home.path()).take(&home.path().join("omega.toml")).unwrap();
    (home, file)
}

fn baseline() -> Baseline {
    let endpoints = [("cloud".to_owned(), "https://keystone".to_owned())].into();
    let mut baseline = Baseline::new("omega.toml", endpoints, Timestamp::UNIX_EPOCH);
    let id = StepId { target: "magnum/0".into(), kind: "gate".into(), key: "reach".into() };
    let subject = omega_core::Subject::new("reach", "magnum/0");
    let observation = Observation::new(Source::Graft, id, subject, State::Holds)
        .shown_by(vec![Evidence::text("version", "v1"), Evidence::count("n", 3)]);
    baseline.put(observation, Some(Timestamp::UNIX_EPOCH));
    baseline
}

#[test]
fn it_is_private_and_comes_back_as_it_was() {
    let (_home, file) = home();
    assert_eq!(file.read().unwrap(), None);
    file.write(&baseline()).unwrap();
    assert_eq!(file.read().unwrap(), Some(baseline()));
    assert_eq!(fs::metadata(file.path()).unwrap().permissions().mode() & 0o777, 0o600);
    let directory = fs::metadata(file.path().parent().unwrap()).unwrap();
    assert_eq!(directory.permissions().mode() & 0o777, 0o700);
}

/// A process that is killed while it writes leaves a part under another name.
#[test]
fn a_killed_write_leaves_the_old_one() {
    let (home, file) = home();
    file.write(&baseline()).unwrap();
    let new = serde_json::to_vec(&baseline()).unwrap();
    let part = file.path().with_file_name(".omega-AbCdEf.new");
    fs::write(&part, &new[..new.len() / 2]).unwrap();
    assert_eq!(file.read().unwrap(), Some(baseline()));
    drop(file);
    let file = Baselines::new(home.path()).take(&home.path().join("omega.toml")).unwrap();
    assert!(!part.exists(), "the next one removes it");
    assert_eq!(file.read().unwrap(), Some(baseline()));
}

#[test]
fn a_damaged_one_and_one_of_a_newer_version_are_named_and_kept() {
    let (_home, file) = home();
    let mut newer = serde_json::to_value(baseline()).unwrap();
    newer["schema_version"] = 2.into();
    for (text, why) in [
        (newer.to_string(), "its version is 2, and this omega reads 1"),
        ("{\"schema_version\": 1, \"site\":".to_owned(), "it is damaged: "),
        ("{\"schema_version\": 1}".to_owned(), "it is damaged: "),
        (String::new(), "it is damaged: "),
    ] {
        fs::write(file.path(), &text).unwrap();
        let failure = file.read().unwrap_err();
        assert_eq!(failure.class, FailureClass::Usage, "{text}");
        assert!(failure.causes[0].starts_with(why), "{failure:?}");
        assert!(failure.next.unwrap().contains("mv '"), "{text}");
        assert_eq!(fs::read_to_string(file.path()).unwrap(), text);
    }
}

#[test]
fn one_process_at_a_time_uses_the_baseline_of_a_site() {
    let (home, _file) = home();
    let all = Baselines::new(home.path());
    let failure = all.take(&home.path().join("omega.toml")).unwrap_err();
    assert_eq!(failure.class, FailureClass::Locked);
    assert!(failure.message.contains("process"), "{failure:?}");
    drop(all.take(&home.path().join("other.toml")).unwrap());
}
