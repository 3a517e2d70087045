//! Follows every thread of one process, and ends the process at one of its system calls.
//!
//! The calls are counted over all threads, in the order in which they begin. Children are not followed.

use std::{collections::BTreeMap, path::Path, process::Command};

use nix::{
    errno::Errno,
    libc,
    sys::{
        ptrace::{self, Options},
        signal::{Signal, kill},
        wait::{WaitPidFlag, WaitStatus, waitpid},
    },
    unistd::Pid,
};

use crate::{Result, calls::Call, shadow::Shadow};

/// Where a process is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Point {
    /// The call, counted from 1.
    pub(crate) nth: usize,
    pub(crate) side: Side,
}

/// On which side of the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// The call has no effect.
    Before,
    /// The call has its effect, and the process does not see its result.
    After,
}

/// How a process ended.
#[derive(Debug)]
pub(crate) enum Ended {
    /// At the point, in this call.
    Killed(Call),
    /// By itself, with this status: it made fewer calls.
    Exited(i32),
}

/// A process that is followed.
#[derive(Debug)]
pub(crate) struct Tracer<'a> {
    pid: Pid,
    home: &'a Path,
    at: Option<Point>,
    shadow: Option<&'a mut Shadow>,
    /// The threads that were seen.
    known: Vec<Pid>,
    /// The calls that have begun and not ended, by thread.
    open: BTreeMap<i32, (usize, Call)>,
    /// All calls so far.
    pub(crate) calls: Vec<Call>,
}

impl<'a> Tracer<'a> {
    /// Starts `command`, which must ask to be traced (`traced`) before it becomes the program. Its files are
    /// those below `home`.
    pub(crate) fn start(
        command: &mut Command,
        home: &'a Path,
        at: Option<Point>,
        shadow: Option<&'a mut Shadow>,
    ) -> Result<Self> {
        let child = command.spawn()?;
        let pid = Pid::from_raw(i32::try_from(child.id())?);
        match waitpid(pid, Some(WaitPidFlag::__WALL))? {
            WaitStatus::Stopped(_, Signal::SIGTRAP) => {}
            other => {
                return Err(format!("the program did not start to be traced: {other:?}").into());
            }
        }
        let options = Options::PTRACE_O_TRACESYSGOOD
            | Options::PTRACE_O_TRACECLONE
            | Options::PTRACE_O_EXITKILL;
        ptrace::setoptions(pid, options)?;
        ptrace::syscall(pid, None)?;
        let (known, open, calls) = (vec![pid], BTreeMap::new(), Vec::new());
        Ok(Self { pid, home, at, shadow, known, open, calls })
    }

    /// Follows it to its end.
    pub(crate) fn follow(&mut self) -> Result<Ended> {
        loop {
            match waitpid(None, Some(WaitPidFlag::__WALL))? {
                WaitStatus::Exited(pid, status) if pid == self.pid => {
                    return Ok(Ended::Exited(status));
                }
                WaitStatus::Signaled(pid, signal, _) if pid == self.pid => {
                    return Err(format!("the program was ended by {signal}").into());
                }
                WaitStatus::PtraceSyscall(thread) => {
                    if let Some(call) = self.stopped(thread)? {
                        self.kill()?;
                        return Ok(Ended::Killed(call));
                    }
                    resume(thread, None)?;
                }
                WaitStatus::PtraceEvent(thread, ..) => resume(thread, None)?,
                WaitStatus::Stopped(thread, signal) => {
                    let is_new = !self.known.contains(&thread);
                    if is_new {
                        self.known.push(thread);
                    }
                    // A new thread begins with a stop that is no signal to it.
                    resume(thread, Some(signal).filter(|_| !is_new))?;
                }
                // A thread, or a child of the program whose parent is gone.
                WaitStatus::Exited(..)
                | WaitStatus::Signaled(..)
                | WaitStatus::Continued(_)
                | WaitStatus::StillAlive => {}
            }
        }
    }

    /// A thread stands at the beginning or the end of a call. Returns the call if this is the point.
    fn stopped(&mut self, thread: Pid) -> Result<Option<Call>> {
        let (info, registers) = match (ptrace::syscall_info(thread), ptrace::getregs(thread)) {
            (Ok(info), Ok(registers)) => (info, registers),
            // It was ended meanwhile.
            (Err(Errno::ESRCH), _) | (_, Err(Errno::ESRCH)) => return Ok(None),
            (Err(error), _) | (_, Err(error)) => return Err(error.into()),
        };
        let is = |point: Option<Point>, nth: usize, side| point == Some(Point { nth, side });
        if info.op == libc::PTRACE_SYSCALL_INFO_ENTRY {
            let Some(call) = Call::of(thread, &registers, self.home) else { return Ok(None) };
            self.calls.push(call.clone());
            let nth = self.calls.len();
            self.open.insert(thread.as_raw(), (nth, call.clone()));
            return Ok(Some(call).filter(|_| is(self.at, nth, Side::Before)));
        }
        let Some((nth, call)) = self.open.remove(&thread.as_raw()) else { return Ok(None) };
        if registers.rax == 0
            && let (Some(shadow), Some(descriptor)) = (self.shadow.as_mut(), call.synced())
        {
            shadow.synced(thread, descriptor)?;
        }
        Ok(Some(call).filter(|_| is(self.at, nth, Side::After)))
    }

    /// Ends the whole process, and waits until it is gone. A call that has only begun has no effect.
    fn kill(&self) -> Result<()> {
        kill(self.pid, Signal::SIGKILL)?;
        // Its last thread is not gone before somebody has waited for each of the others.
        loop {
            if let WaitStatus::Exited(pid, _) | WaitStatus::Signaled(pid, ..) =
                waitpid(None, Some(WaitPidFlag::__WALL))?
                && pid == self.pid
            {
                return Ok(());
            }
        }
    }
}

fn resume(thread: Pid, signal: Option<Signal>) -> Result<()> {
    match ptrace::syscall(thread, signal) {
        // It was ended meanwhile.
        Ok(()) | Err(Errno::ESRCH) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Waits until every process is gone that the ended one had started: what it sent them has its effect.
pub(crate) fn drain() -> Result<()> {
    loop {
        match waitpid(None, Some(WaitPidFlag::__WALL)) {
            Ok(_) => {}
            Err(Errno::ECHILD) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
}
