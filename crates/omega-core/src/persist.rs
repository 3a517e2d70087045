//! Files that are written completely or not at all.

use std::{
    fs::{self, File, OpenOptions, Permissions, TryLockError},
    io::{self, Read as _, Write as _},
    os::unix::fs::{
        DirBuilderExt as _, FileTypeExt as _, MetadataExt as _, OpenOptionsExt as _,
        PermissionsExt as _,
    },
    path::Path,
};

use tempfile::{Builder, NamedTempFile};

/// The name of a file that is not complete yet: `.omega-XXXXXX.new`.
const PREFIX: &str = ".omega-";
const SUFFIX: &str = ".new";

/// Opens without blocking: a pipe without a writer would block the whole program.
const O_NONBLOCK: i32 = 0o4000;

/// Writes `bytes` to `path` so that a crash leaves the old file or the new one, never a part.
///
/// Only the owner can read the file: plans, reports and cached tokens are private.
///
/// # Errors
///
/// Fails and keeps the old file if the new one can't be made durable, or if `path` is not a
/// regular file: a device or a directory is not replaced.
pub fn persist(path: &Path, bytes: &[u8]) -> io::Result<()> {
    persist_all(&[(path, bytes)])
}

/// Writes several files in the same way. What needs room is done for all of them before the first old file
/// is replaced. What a killed process left unfinished beside them is removed first.
///
/// # Errors
///
/// As [`persist`]: on a full disk, every old file is kept.
pub fn persist_all(all: &[(impl AsRef<Path>, impl AsRef<[u8]>)]) -> io::Result<()> {
    for (path, _) in all {
        // A directory in which one may write but not look is no reason to fail.
        drop(remove_abandoned(parent(path.as_ref())));
    }
    let new = all.iter().map(|(path, bytes)| new_content(path.as_ref(), bytes.as_ref()));
    let new: Vec<_> = new.collect::<io::Result<_>>()?;
    for ((path, _), file) in all.iter().zip(new) {
        file.persist(path).map_err(|error| error.error)?;
    }
    all.iter().try_for_each(|(path, _)| sync_parent(path.as_ref()))
}

/// The new content of `path`, durable, under another name beside it.
fn new_content(path: &Path, bytes: &[u8]) -> io::Result<NamedTempFile> {
    match std::fs::symlink_metadata(path) {
        Ok(found) if !found.is_file() => return Err(not_a_file()),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut file = unfinished(parent(path))?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// Creates a file with mode 0600 that is locked as long as it is open: so [`remove_abandoned`] sees that
/// somebody writes it.
fn unfinished(directory: &Path) -> io::Result<NamedTempFile> {
    loop {
        let file = Builder::new().prefix(PREFIX).suffix(SUFFIX).tempfile_in(directory)?;
        let is_ours = match file.as_file().try_lock() {
            Ok(()) => file.as_file().metadata()?.nlink() > 0,
            Err(TryLockError::WouldBlock) => false,
            // Without locks on that file system, nothing is removed there either.
            Err(TryLockError::Error(_)) => true,
        };
        // Otherwise another process took it for abandoned before it was locked.
        if is_ours {
            return Ok(file);
        }
    }
}

/// Removes from a directory what killed processes left of files that they had not finished. What somebody
/// writes just now stays.
///
/// # Errors
///
/// Fails if the directory can't be read, or a file can't be removed.
pub fn remove_abandoned(directory: &Path) -> io::Result<()> {
    let me = fs::metadata("/proc/self")?.uid();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_mine = entry.metadata().is_ok_and(|found| found.is_file() && found.uid() == me);
        if !is_mine || !name.starts_with(PREFIX) || !name.ends_with(SUFFIX) {
            continue;
        }
        // Its lock is held until it is gone, so that nobody begins to write it meanwhile.
        match File::open(entry.path()) {
            Ok(file) if file.try_lock().is_ok() => fs::remove_file(entry.path())?,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Writes `bytes` to `path` in the same way, with this mode: for other programs to read, or as it was before.
///
/// # Errors
///
/// As [`persist`].
pub fn persist_as(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    drop(remove_abandoned(parent(path)));
    let file = new_content(path, bytes)?;
    file.as_file().set_permissions(Permissions::from_mode(mode))?;
    // The mode too is durable before the name.
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    sync_parent(path)
}

/// Creates a directory durably that only its owner can enter, with those above it. An existing one
/// must belong to the caller, and nobody else may write to it: what is read there later is trusted.
///
/// # Errors
///
/// Fails if it can't be made, or if others can write to it.
pub fn private_directory(path: &Path) -> io::Result<()> {
    let missing: Vec<&Path> = path.ancestors().take_while(|path| !path.exists()).collect();
    for path in missing.into_iter().rev().filter(|path| !path.as_os_str().is_empty()) {
        match fs::DirBuilder::new().mode(0o700).create(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            other => other?,
        }
        sync_parent(path)?;
    }
    // Not the owner of /proc/self: that is root's in a process that can't be dumped.
    let (found, me) = (fs::metadata(path)?, rustix::process::geteuid());
    if found.uid() != me.as_raw() || found.mode() & 0o022 != 0 {
        let why =
            format!("{} belongs to another user, or other users can write to it", path.display());
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
    }
    Ok(())
}

/// Makes the entry of `path` in its directory durable.
///
/// # Errors
///
/// Fails if the directory can't be synced.
pub fn sync_parent(path: &Path) -> io::Result<()> {
    File::open(parent(path))?.sync_all()
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        Some(_) | None => Path::new("."),
    }
}

/// Opens the regular file at `path`, which may be a link to one, and returns it with its size.
///
/// # Errors
///
/// Fails at once on a pipe, a device or a directory, and on more than `most` bytes.
pub fn open_regular(path: &Path, most: u64) -> io::Result<(File, u64)> {
    let file = OpenOptions::new().read(true).custom_flags(O_NONBLOCK).open(path)?;
    let found = file.metadata()?;
    if !found.is_file() {
        return Err(not_a_file());
    }
    if found.len() > most {
        let why = format!("it has {} bytes; the limit is {most}", found.len());
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
    }
    Ok((file, found.len()))
}

/// Reads the regular file at `path`.
///
/// # Errors
///
/// As [`open_regular`].
pub fn read_regular(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let (file, size) = open_regular(path, most)?;
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    file.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Reads the regular file at `path`, or the pipe that this process was started with: what is only read may
/// come from another program (`/dev/stdin`, `<(...)`), which is waited for. A named pipe has nobody, perhaps.
///
/// # Errors
///
/// Fails on a device or a directory, and on more than `most` bytes.
pub fn read_input(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let found = fs::metadata(path)?;
    let name = path.as_os_str().as_encoded_bytes();
    let is_given = ["/dev/fd/", "/proc/self/fd/", "/dev/stdin"]
        .iter()
        .any(|place| name.starts_with(place.as_bytes()));
    if !is_given || !found.file_type().is_fifo() {
        return read_regular(path, most);
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        let why = format!("it has more than {most} bytes");
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, why));
    }
    Ok(bytes)
}

fn not_a_file() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file")
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd as _;

    use super::*;

    #[test]
    fn only_a_file_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        persist(&file, b"one").unwrap();
        persist(&file, b"two").unwrap();
        assert_eq!(std::fs::read(&file).unwrap(), b"two");
        let link = dir.path().join("link");
        std::os::unix::fs::symlink("/dev/full", &link).unwrap();
        for other in [Path::new("/dev/full"), dir.path(), &link] {
            let error = persist(other, b"x").unwrap_err();
            assert_eq!(error.to_string(), "it is not a regular file", "{}", other.display());
        }
        assert!(std::fs::read_link(&link).is_ok());
    }

    #[test]
    fn a_file_has_the_mode_that_is_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        let mode = || fs::metadata(&file).unwrap().mode() & 0o7777;
        persist_as(&file, b"one", 0o644).unwrap();
        assert_eq!(mode(), 0o644);
        persist(&file, b"two").unwrap();
        assert_eq!(mode(), 0o600);
    }

    #[test]
    fn what_a_killed_process_left_goes_and_what_is_being_written_stays() {
        let dir = tempfile::tempdir().unwrap();
        let left = unfinished(dir.path()).unwrap().keep().unwrap();
        let written = unfinished(dir.path()).unwrap();
        for other in [".omega-x.old", ".tmpabc", "x.new"] {
            fs::write(dir.path().join(other), "").unwrap();
        }
        let count = || fs::read_dir(dir.path()).unwrap().count();
        remove_abandoned(dir.path()).unwrap();
        assert!(left.1.exists() && written.path().exists(), "both are open");
        drop(left.0);
        persist(&dir.path().join("file"), b"one").unwrap();
        assert!(!left.1.exists() && written.path().exists());
        assert_eq!(count(), 5);
        drop(written);
        assert_eq!(count(), 4);
    }

    #[test]
    fn a_pipe_a_device_and_too_much_are_refused_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, "12345").unwrap();
        assert_eq!(read_regular(&file, 5).unwrap(), b"12345");
        let error = read_regular(&file, 4).unwrap_err();
        assert_eq!(error.to_string(), "it has 5 bytes; the limit is 4");
        for other in [Path::new("/dev/zero"), dir.path()] {
            assert_eq!(read_regular(other, 9).unwrap_err().to_string(), "it is not a regular file");
        }
        let pipe = dir.path().join("pipe");
        #[expect(clippy::disallowed_methods, reason = "the library makes no pipes")]
        let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
        assert!(made.success());
        assert_eq!(read_regular(&pipe, 9).unwrap_err().to_string(), "it is not a regular file");
        // What may be a pipe waits for who writes to it.
        for (most, read) in [(9, Some(&b"12345"[..])), (4, None)] {
            let (given, mut writer) = std::io::pipe().unwrap();
            writer.write_all(b"12345").unwrap();
            drop(writer);
            let given = format!("/proc/self/fd/{}", given.as_raw_fd());
            assert_eq!(read_input(Path::new(&given), most).ok().as_deref(), read);
        }
        assert_eq!(read_input(&pipe, 9).unwrap_err().to_string(), "it is not a regular file");
        assert_eq!(read_input(&file, 5).unwrap(), b"12345");
        assert!(read_input(Path::new("/dev/zero"), 9).is_err());
    }
}
