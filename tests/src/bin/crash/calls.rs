//! The system calls at which a process is ended.

use std::{
    fmt, fs,
    os::unix::{ffi::OsStringExt as _, fs::FileExt as _},
    path::{Path, PathBuf},
};

use nix::{
    libc::{self, user_regs_struct},
    unistd::Pid,
};

/// A system call that changes a file of the program, or sends something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Call {
    kind: Kind,
    /// On what: a path below the home, a socket, a pipe.
    what: String,
    descriptor: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Write,
    Sync,
    Rename,
    Remove,
    Link,
    MakeDirectory,
    /// Bytes to a server.
    Send,
    /// Bytes to a child's standard input.
    Feed,
    /// A child.
    Start,
}

/// The longest path that is read, in bytes.
const PATH: usize = 4096;

impl Call {
    /// Returns the call that a thread begins; none if it is of no interest here.
    pub(crate) fn of(thread: Pid, registers: &user_regs_struct, home: &Path) -> Option<Self> {
        let user_regs_struct { rdi, rsi, rdx, r10, .. } = *registers;
        let number = i64::try_from(registers.orig_rax).ok()?;
        let at = |kind, directory: u64, path: u64| at(thread, home, kind, directory, path);
        let here = u64::from(libc::AT_FDCWD.cast_unsigned());
        match number {
            libc::SYS_write
            | libc::SYS_writev
            | libc::SYS_pwrite64
            | libc::SYS_pwritev
            | libc::SYS_sendto
            | libc::SYS_sendmsg
            | libc::SYS_sendmmsg
            | libc::SYS_sendfile => Self::written(thread, home, rdi),
            libc::SYS_copy_file_range => Self::written(thread, home, rdx),
            libc::SYS_ftruncate => Self::on(thread, home, Kind::Write, rdi),
            libc::SYS_fsync | libc::SYS_fdatasync => Self::on(thread, home, Kind::Sync, rdi),
            libc::SYS_rename => at(Kind::Rename, here, rsi),
            libc::SYS_renameat | libc::SYS_renameat2 => at(Kind::Rename, rdx, r10),
            libc::SYS_unlink | libc::SYS_rmdir => at(Kind::Remove, here, rdi),
            libc::SYS_unlinkat => at(Kind::Remove, rdi, rsi),
            libc::SYS_link => at(Kind::Link, here, rsi),
            libc::SYS_linkat => at(Kind::Link, rdx, r10),
            libc::SYS_mkdir => at(Kind::MakeDirectory, here, rdi),
            libc::SYS_mkdirat => at(Kind::MakeDirectory, rdi, rsi),
            libc::SYS_fork | libc::SYS_vfork => Some(Self::child()),
            libc::SYS_clone => (!is_thread(rdi)).then(Self::child),
            libc::SYS_clone3 => (!is_thread(number_at(thread, rdi)?)).then(Self::child),
            _ => None,
        }
    }

    /// Returns the descriptor of what the call makes durable.
    pub(crate) fn synced(&self) -> Option<u64> {
        self.descriptor.filter(|_| self.kind == Kind::Sync)
    }

    fn child() -> Self {
        Self { kind: Kind::Start, what: "a program".to_owned(), descriptor: None }
    }

    fn on(thread: Pid, home: &Path, kind: Kind, descriptor: u64) -> Option<Self> {
        let path = opened(thread, descriptor)?;
        let what = path.strip_prefix(home).ok()?.display().to_string();
        Some(Self { kind, what, descriptor: Some(descriptor) })
    }

    fn written(thread: Pid, home: &Path, descriptor: u64) -> Option<Self> {
        let file = Self::on(thread, home, Kind::Write, descriptor);
        let other = || {
            let name = opened(thread, descriptor)?;
            let name = name.to_string_lossy();
            // The numbers of sockets and pipes differ from run to run.
            let (kind, what) = match name.split_once(':')? {
                ("socket", _) => (Kind::Send, "a server"),
                ("pipe", _) => (Kind::Feed, "a program"),
                _ => return None,
            };
            Some(Self { kind, what: what.to_owned(), descriptor: Some(descriptor) })
        };
        file.or_else(other)
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verb = match self.kind {
            Kind::Write => "write",
            Kind::Sync => "fsync",
            Kind::Rename => "rename to",
            Kind::Remove => "remove",
            Kind::Link => "link to",
            Kind::MakeDirectory => "mkdir",
            Kind::Send => "send to",
            Kind::Feed => "write to",
            Kind::Start => "start",
        };
        write!(f, "{verb} {}", self.what)
    }
}

fn is_thread(flags: u64) -> bool {
    flags & u64::from(libc::CLONE_THREAD.cast_unsigned()) != 0
}

/// Returns what a descriptor of the thread is.
fn opened(thread: Pid, descriptor: u64) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{thread}/fd/{descriptor}")).ok()
}

fn at(thread: Pid, home: &Path, kind: Kind, directory: u64, path: u64) -> Option<Call> {
    let given = path_at(thread, path)?;
    // A descriptor is an int; the upper half of the register is undefined.
    let directory = u32::try_from(directory & u64::from(u32::MAX)).ok()?;
    let from = if directory == libc::AT_FDCWD.cast_unsigned() {
        fs::read_link(format!("/proc/{thread}/cwd")).ok()?
    } else {
        opened(thread, u64::from(directory))?
    };
    let path = from.join(given);
    let what = path.strip_prefix(home).ok()?.display().to_string();
    Some(Call { kind, what, descriptor: None })
}

/// Reads a string that ends with 0 from the memory of the thread.
fn path_at(thread: Pid, address: u64) -> Option<PathBuf> {
    let memory = fs::File::open(format!("/proc/{thread}/mem")).ok()?;
    let mut bytes = Vec::new();
    for offset in 0..PATH as u64 {
        let mut one = [0];
        memory.read_exact_at(&mut one, address + offset).ok()?;
        let [byte] = one;
        if byte == 0 {
            return Some(PathBuf::from(std::ffi::OsString::from_vec(bytes)));
        }
        bytes.push(byte);
    }
    None
}

fn number_at(thread: Pid, address: u64) -> Option<u64> {
    let memory = fs::File::open(format!("/proc/{thread}/mem")).ok()?;
    let mut bytes = [0; 8];
    memory.read_exact_at(&mut bytes, address).ok()?;
    Some(u64::from_ne_bytes(bytes))
}
