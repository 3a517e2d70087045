//! Of a disk that is really mounted.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
    process::Command,
};

use fuser::BackgroundSession;
use nix::mount::{MntFlags, umount2};

use super::{Shared, locked, mount};
use crate::{agree::disagreements, mounted::apart, shadow::Shadow};

struct Place {
    disk: Shared,
    at: tempfile::TempDir,
    _session: BackgroundSession,
}

impl Place {
    fn new() -> Self {
        apart().unwrap();
        let at = tempfile::tempdir().unwrap();
        let (session, disk) = mount(at.path()).unwrap();
        Self { disk, at, _session: session }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.at.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> File {
        let mut file = File::create(self.path(name)).unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    fn text(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.path(name)).ok()
    }

    fn sync(&self, name: &str) {
        File::open(self.path(name)).unwrap().sync_all().unwrap();
    }

    fn lose_power(&self) {
        locked(&self.disk).lose_power();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        umount2(self.at.path(), MntFlags::MNT_DETACH).unwrap();
    }
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

#[test]
#[ignore = "mounts a file system: root and /dev/fuse"]
fn mounted_what_was_not_synced_is_lost() {
    let place = Place::new();
    place.write("named", "lost");
    place.sync("");
    place.write("later", "text").sync_all().unwrap();
    let mut whole = place.write("whole", "whole");
    whole.sync_data().unwrap();
    place.sync("");
    whole.write_all(b" and more").unwrap();
    place.write("late", "late").sync_all().unwrap();
    assert_eq!(place.text("whole").as_deref(), Some("whole and more"));
    place.lose_power();
    assert_eq!(place.text("named").as_deref(), Some(""));
    assert_eq!(place.text("later").as_deref(), Some("text"));
    assert_eq!(place.text("whole").as_deref(), Some("whole"));
    assert_eq!(place.text("late"), None);
    assert_eq!(fs::metadata(place.path("whole")).unwrap().len(), 5);
}

#[test]
#[ignore = "mounts a file system: root and /dev/fuse"]
fn mounted_a_rename_is_lost_unless_the_directory_was_synced() {
    let place = Place::new();
    place.write("old", "before").sync_all().unwrap();
    place.sync("");
    for is_synced in [false, true] {
        place.write("new", "after").sync_all().unwrap();
        fs::rename(place.path("new"), place.path("old")).unwrap();
        assert_eq!(place.text("old").as_deref(), Some("after"));
        if is_synced {
            place.sync("");
        }
        place.lose_power();
        assert_eq!(place.text("old").as_deref(), Some(if is_synced { "after" } else { "before" }));
        assert_eq!(place.text("new"), None);
    }
}

#[test]
#[ignore = "mounts a file system: root and /dev/fuse"]
fn mounted_directories_and_removals_are_synced_by_the_directory_above() {
    let place = Place::new();
    fs::create_dir(place.path("directory")).unwrap();
    place.write("directory/file", "text").sync_all().unwrap();
    place.sync("");
    place.lose_power();
    assert!(place.path("directory").is_dir());
    assert_eq!(place.text("directory/file"), None, "the directory itself was not synced");
    place.write("directory/file", "text").sync_all().unwrap();
    place.sync("directory");
    fs::remove_dir_all(place.path("directory")).unwrap();
    place.lose_power();
    assert_eq!(place.text("directory/file").as_deref(), Some("text"), "the removal was not synced");
    fs::remove_file(place.path("directory/file")).unwrap();
    place.sync("directory");
    place.lose_power();
    assert!(fs::read_dir(place.path("directory")).unwrap().next().is_none());
}

#[test]
#[ignore = "mounts a file system: root and /dev/fuse"]
fn mounted_modes_and_sizes_are_those_of_the_last_sync() {
    let place = Place::new();
    let file = place.write("file", "some text");
    file.set_permissions(Permissions::from_mode(0o600)).unwrap();
    file.sync_all().unwrap();
    place.sync("");
    file.set_permissions(Permissions::from_mode(0o644)).unwrap();
    file.set_len(4).unwrap();
    assert_eq!((place.text("file").as_deref(), mode(&place.path("file"))), (Some("some"), 0o644));
    place.lose_power();
    assert_eq!(
        (place.text("file").as_deref(), mode(&place.path("file"))),
        (Some("some text"), 0o600)
    );
}

#[test]
#[ignore = "mounts a file system: root and /dev/fuse"]
fn mounted_it_is_a_file_system_as_others() {
    let place = Place::new();
    for nth in 0..500 {
        place.write(&format!("a-file-with-quite-a-long-name-{nth}"), "");
    }
    assert_eq!(fs::read_dir(place.at.path()).unwrap().count(), 500);
    for entry in fs::read_dir(place.at.path()).unwrap() {
        fs::remove_file(entry.unwrap().path()).unwrap();
    }
    assert_eq!(fs::read_dir(place.at.path()).unwrap().count(), 0);

    let one = place.write("locked", "text");
    one.try_lock().unwrap();
    let mut other = File::open(place.path("locked")).unwrap();
    assert!(other.try_lock().is_err(), "another has it");
    fs::hard_link(place.path("locked"), place.path("linked")).unwrap();
    assert_eq!(one.metadata().unwrap().nlink(), 2);
    for name in ["locked", "linked"] {
        fs::remove_file(place.path(name)).unwrap();
    }
    let mut text = String::new();
    other.read_to_string(&mut text).unwrap();
    assert_eq!((text.as_str(), one.metadata().unwrap().nlink()), ("text", 0));

    let mut appended =
        OpenOptions::new().append(true).create(true).open(place.path("log")).unwrap();
    writeln!(place.write("log", ""), "one").unwrap();
    writeln!(appended, "two").unwrap();
    assert_eq!(place.text("log").as_deref(), Some("one\ntwo\n"));
    appended.seek(SeekFrom::End(0)).unwrap();
    assert_eq!(appended.stream_position().unwrap(), 8);
    std::os::unix::fs::symlink("log", place.path("link")).unwrap();
    assert_eq!(place.text("link").as_deref(), Some("one\ntwo\n"));
    assert!(fs::create_dir(place.path("log")).is_err());
    assert!(fs::remove_dir(place.path("log")).is_err());
}

#[test]
#[ignore = "mounts a file system: root and /dev/fuse"]
#[expect(clippy::disallowed_methods, reason = "a program is started from there")]
fn mounted_programs_start_from_it_and_files_are_made_once() {
    let place = Place::new();
    let script = place.path("script");
    drop(place.write("script", "#!/bin/sh\necho \"$1 works\"\n"));
    fs::set_permissions(&script, Permissions::from_mode(0o700)).unwrap();
    fs::copy("/bin/true", place.path("true")).unwrap();
    let ran = Command::new(&script).arg("it").current_dir(place.at.path()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&ran.stdout), "it works\n");
    assert!(Command::new(place.path("true")).status().unwrap().success());

    let unfinished = tempfile::NamedTempFile::new_in(place.at.path()).unwrap();
    assert_eq!(mode(unfinished.path()), 0o600);
    let unfinished = unfinished.persist_noclobber(&script).unwrap_err().file;
    unfinished.persist_noclobber(place.path("new")).unwrap();
    assert_eq!(place.text("new").as_deref(), Some(""));
}

#[test]
#[ignore = "mounts a file system: root and /dev/fuse"]
fn mounted_the_shadow_agrees_if_it_saw_every_sync() {
    let place = Place::new();
    place.write("old", "before");
    locked(&place.disk).settle();
    let mut shadow = Shadow::of(place.at.path()).unwrap();
    let mut sync = |name: &str| {
        place.sync(name);
        shadow.keep(&place.path(name)).unwrap();
    };
    place.write("new", "after");
    sync("new");
    fs::rename(place.path("new"), place.path("old")).unwrap();
    place.write("named", "lost");
    fs::create_dir(place.path("directory")).unwrap();
    sync("");
    place.write("late", "late");
    sync("late");
    place.lose_power();
    assert_eq!(disagreements(&shadow, place.at.path()).unwrap(), [""; 0]);

    let mut shadow = Shadow::of(place.at.path()).unwrap();
    place.write("named", "unseen");
    place.sync("named");
    place.write("old", "unsynced");
    shadow.keep(&place.path("old")).unwrap();
    place.lose_power();
    let differ = disagreements(&shadow, place.at.path()).unwrap();
    let named = |name: &str| differ.iter().any(|line| line.contains(&format!("/{name}:")));
    assert!(named("named") && named("old") && differ.len() == 2, "{differ:#?}");
}
