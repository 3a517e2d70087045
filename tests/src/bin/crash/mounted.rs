//! A home on a file system of its own, which is asked to lose what is not durable.
//!
//! A process of its own serves it: one that waits for its own file system can't be killed. It ends when
//! whoever asked for it is gone, and the mount is seen by these two alone and by what they start.

use std::{
    fs::{self, File},
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::Shutdown,
    os::{
        fd::{AsFd as _, OwnedFd},
        unix::net::UnixStream,
    },
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use nix::{
    mount::{MntFlags, MsFlags, mount, umount2},
    sched::{CloneFlags, unshare},
    sys::prctl,
};

use crate::{
    Result,
    fuse::{self, locked},
};

const DEVICE: &str = "/dev/fuse";
/// What the process says once it is mounted, and has done what it was asked.
const DONE: &str = "done";
const SETTLE: u8 = b's';
const LOSE: u8 = b'l';

/// A file system that is mounted, as long as this is kept.
#[derive(Debug)]
pub(crate) struct Mounted {
    path: PathBuf,
    asked: UnixStream,
}

/// Lets this process mount: nobody else sees it, and nothing stays when all have ended. Threads that are there
/// before are left out.
pub(crate) fn apart() -> Result<()> {
    let cannot = |error: &dyn std::fmt::Display| {
        format!(
            "power loss (fuse) can't be run, so this fails: {DEVICE} and root are needed: {error}"
        )
    };
    File::options().read(true).write(true).open(DEVICE).map_err(|error| cannot(&error))?;
    unshare(CloneFlags::CLONE_NEWNS).map_err(|error| cannot(&error))?;
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(None::<&str>, "/", None::<&str>, private, None::<&str>)
        .map_err(|error| cannot(&error))?;
    Ok(())
}

impl Mounted {
    /// Mounts one at `path`, which it makes. `program`: this one.
    pub(crate) fn at(path: &Path, program: &Path) -> Result<Self> {
        fs::create_dir(path)?;
        let (asked, theirs) = UnixStream::pair()?;
        #[expect(clippy::disallowed_methods, reason = "it starts itself")]
        let mut command = Command::new(program);
        command.arg("--fuse").arg(path).stdin(Stdio::from(OwnedFd::from(theirs)));
        // It must be no child of this process, which waits for all that a run leaves.
        prctl::set_child_subreaper(false)?;
        let status = command.stdout(Stdio::null()).status();
        prctl::set_child_subreaper(true)?;
        drop(command);
        let new = Self { path: path.to_owned(), asked };
        if !status?.success() {
            return Err("the process of the file system did not start".into());
        }
        new.answer()?;
        Ok(new)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Everything is durable from now on.
    pub(crate) fn settle(&self) -> Result<()> {
        (&self.asked).write_all(&[SETTLE])?;
        self.answer()
    }

    /// Only what is durable stays.
    pub(crate) fn lose_power(&self) -> Result<()> {
        (&self.asked).write_all(&[LOSE])?;
        self.answer()
    }

    fn answer(&self) -> Result<()> {
        let mut line = String::new();
        BufReader::new(&self.asked).read_line(&mut line)?;
        match line.trim_end() {
            DONE => Ok(()),
            "" => Err("the process of the file system is gone".into()),
            other => Err(format!("the file system: {other}").into()),
        }
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Somebody may still have a file open: it goes away with the last one.
        let _ = umount2(&self.path, MntFlags::MNT_DETACH);
        drop(self.asked.shutdown(Shutdown::Both));
    }
}

/// Starts the process that serves the file system, and leaves it alone.
pub(crate) fn start(path: &Path) -> Result<u8> {
    #[expect(clippy::disallowed_methods, reason = "it starts itself")]
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("--fuse-served").arg(path).spawn()?;
    Ok(0)
}

/// Serves the file system to whoever has the other end of standard input, until that is closed.
pub(crate) fn serve(path: &Path) -> Result<u8> {
    let mut asked = UnixStream::from(std::io::stdin().as_fd().try_clone_to_owned()?);
    let (session, disk) = match fuse::mount(path) {
        Ok(mounted) => mounted,
        Err(error) => {
            writeln!(asked, "{error}")?;
            return Ok(1);
        }
    };
    writeln!(asked, "{DONE}")?;
    let mut word = [0];
    while asked.read(&mut word).is_ok_and(|count| count > 0) {
        if word == [LOSE] {
            locked(&disk).lose_power()
        } else {
            locked(&disk).settle()
        }
        writeln!(asked, "{DONE}")?;
    }
    let _ = umount2(path, MntFlags::MNT_DETACH);
    drop(session);
    Ok(0)
}
