use super::*;

fn step() -> StepId {
    StepId { target: "magnum/0".into(), kind: "juju.file.v1".into(), key: "/a".into() }
}

fn verified() -> Entry {
    Entry::Verified { step: step(), observed: Some(serde_json::json!({ "sha256": null })) }
}

#[test]
fn what_was_recorded_is_read_back_and_only_the_owner_can_read_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.jsonl");
    let journal = FileJournal::create(&path, "run-1").unwrap();
    journal.record(&verified()).unwrap();
    journal.record(&Entry::Applied { step: step(), nth: 0 }).unwrap();
    let read = FileJournal::read(&path).unwrap();
    assert_eq!(read, [verified(), Entry::Applied { step: step(), nth: 0 }]);
    let mode = std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&path).unwrap());
    assert_eq!(mode & 0o777, 0o600);
    let again = FileJournal::create(&path, "run-1").unwrap_err();
    assert!(matches!(again, JournalError::Io(e) if e.kind() == io::ErrorKind::AlreadyExists));
    let first = std::fs::read_to_string(&path).unwrap();
    assert!(first.starts_with(r#"{"format":"omega-journal","version":2,"run":"run-1"}"#));
}

#[test]
fn a_torn_last_line_is_dropped_and_a_damaged_middle_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.jsonl");
    let journal = FileJournal::create(&path, "run-1").unwrap();
    journal.record(&verified()).unwrap();
    journal.0.lock().unwrap().write_all(br#"{"entry":"verif"#).unwrap();
    assert_eq!(FileJournal::read(&path).unwrap(), [verified()]);
    journal.0.lock().unwrap().write_all(b"\n").unwrap();
    journal.record(&verified()).unwrap();
    let damaged = FileJournal::read(&path).unwrap_err();
    assert!(matches!(damaged, JournalError::Damaged { line: 3, .. }), "{damaged:?}");
}

#[test]
fn a_journal_goes_on_after_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.jsonl");
    let journal = FileJournal::create(&path, "run-1").unwrap();
    journal.record(&verified()).unwrap();
    journal.0.lock().unwrap().write_all(br#"{"entry":"verif"#).unwrap();
    drop(journal);
    FileJournal::reopen(&path).unwrap().record(&verified()).unwrap();
    assert_eq!(FileJournal::read(&path).unwrap(), [verified(), verified()]);
}

/// Journals are read by later versions: this text is version 1, for ever.
#[test]
fn version_1_is_still_read() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.jsonl");
    std::fs::write(&path, include_str!("../fixtures/journal-v1.jsonl")).unwrap();
    let entries = FileJournal::read(&path).unwrap();
    assert_eq!(entries.len(), 3);
    let Entry::Intent { step, undo: Some(undo), .. } = &entries[0] else { panic!("{entries:?}") };
    assert_eq!(step.kind, undo.kind);
    assert!(entries.iter().any(|entry| matches!(entry, Entry::Verified { observed: None, .. })));
    assert!(FileJournal::reopen(&path).is_err(), "an old one is only read");
    std::fs::write(&path, r#"{"format":"omega-journal","version":3}"#).unwrap();
    assert!(matches!(FileJournal::read(&path).unwrap_err(), JournalError::Version(3)));
}
