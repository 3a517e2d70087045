use super::*;

fn empty(body: Body) -> State {
    State { body, mode: 0o700, uid: 0, gid: 0, modified: SystemTime::UNIX_EPOCH }
}

fn disk() -> Disk {
    Disk::new(empty(Body::Directory(BTreeMap::new())))
}

fn file(disk: &mut Disk, name: &str, text: &str) -> Number {
    let number = disk.make(ROOT, OsStr::new(name), empty(Body::File(Vec::new()))).unwrap();
    disk.write(number, 0, text.as_bytes()).unwrap();
    number
}

fn text(disk: &Disk, name: &str) -> Option<String> {
    let number = disk.find(ROOT, OsStr::new(name)).ok()?;
    Some(String::from_utf8_lossy(disk.read(number, 0, 100).unwrap()).into_owned())
}

#[test]
fn a_name_and_a_content_are_synced_each_by_itself() {
    let mut disk = disk();
    file(&mut disk, "named", "lost");
    let number = file(&mut disk, "whole", "whole");
    disk.sync(number).unwrap();
    disk.sync(ROOT).unwrap();
    disk.write(number, 5, b" and more").unwrap();
    let number = file(&mut disk, "nameless", "synced");
    disk.sync(number).unwrap();
    disk.lose_power();
    assert_eq!(text(&disk, "named").as_deref(), Some(""));
    assert_eq!(text(&disk, "whole").as_deref(), Some("whole"));
    assert_eq!(text(&disk, "nameless"), None);
}

#[test]
fn what_is_settled_survives_twice_with_other_numbers() {
    let mut disk = disk();
    let number = file(&mut disk, "file", "text");
    disk.name(ROOT, OsStr::new("again"), number).unwrap();
    disk.settle();
    for _ in 0..2 {
        let before = disk.find(ROOT, OsStr::new("file")).unwrap();
        disk.remove(ROOT, OsStr::new("file")).unwrap();
        disk.lose_power();
        let after = disk.find(ROOT, OsStr::new("file")).unwrap();
        assert!(after > before && disk.state(before).is_err());
        assert_eq!(disk.find(ROOT, OsStr::new("again")), Ok(after), "it is one file");
        assert_eq!((disk.names(after), text(&disk, "file").as_deref()), (2, Some("text")));
    }
}

#[test]
fn a_directory_with_something_in_it_is_not_replaced() {
    let mut disk = disk();
    let directory = empty(Body::Directory(BTreeMap::new()));
    let full = disk.make(ROOT, OsStr::new("full"), directory.clone()).unwrap();
    disk.make(full, OsStr::new("file"), empty(Body::File(Vec::new()))).unwrap();
    disk.make(ROOT, OsStr::new("other"), directory).unwrap();
    let (full, other) = ((ROOT, OsStr::new("full")), (ROOT, OsStr::new("other")));
    assert_eq!(disk.rename(other, full), Err(Errno::ENOTEMPTY));
    assert_eq!(disk.rename(full, other), Ok(()));
    assert_eq!(disk.find(full.0, full.1), Err(Errno::ENOENT));
    assert_eq!(disk.remove(other.0, other.1), Err(Errno::ENOTEMPTY));
}
