//! A crash leaves no core dump, however the operator's shell is set.

use std::{
    fs, io,
    path::Path,
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use crate::{
    desk::command,
    service::{Behaviour, Received},
    world::{Tally, World},
};

/// Aborts omega while it waits for an answer to a login, and another program in the same way.
pub(crate) fn aborted(program: &Path, received: &Received) -> io::Result<Tally> {
    let world = World { behaviour: Behaviour::Hangs, ..World::all().remove(0) };
    let desk = world.desk(received)?;
    let mut tally = Tally::default();
    let omega = format!("exec {} check magnum --timeout 30s", program.display());
    let (limits, dumped) = abort(desk.path(), &omega)?;
    let mut check = |what: &str, holds: bool| {
        tally.cases += 1;
        if !holds {
            tally.found.leaks.insert(format!("core dumps: {what}"));
        }
    };
    let core = limits.lines().find(|line| line.starts_with("Max core file size"));
    let none = core.is_some_and(|line| {
        line.split_whitespace().rev().nth(1) == Some("0")
            && line.split_whitespace().rev().nth(2) == Some("0")
    });
    check(&format!("the limit is {core:?}"), none);
    check("omega left one", !dumped);
    // Here a program leaves one in its directory, if the kernel is set so.
    let pattern = fs::read_to_string("/proc/sys/kernel/core_pattern")?;
    if !pattern.contains(['/', '|']) {
        let (limits, dumped) = abort(desk.path(), "exec sleep 30")?;
        let may = limits.lines().any(|line| line.starts_with("Max core file size        unl"));
        check("sleep left none: the case shows nothing", dumped || !may);
    }
    Ok(tally)
}

/// A process that can't be dumped has a `/proc/self` of root's: another user's directories are still its own.
pub(crate) fn as_another_user(program: &Path, received: &Received) -> io::Result<Tally> {
    const NOBODY: &str = "65534";
    let world = World { behaviour: Behaviour::Refuses, ..World::all().remove(0) };
    let desk = world.desk(received)?;
    let mut tally = Tally::default();
    let owner = format!("{NOBODY}:{NOBODY}");
    if !command("chown")
        .args(["-R", &owner])
        .arg(desk.path())
        .stderr(Stdio::null())
        .status()?
        .success()
    {
        // Whoever runs this is another user already.
        return Ok(tally);
    }
    let output = command("setpriv")
        .args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"])
        .arg(program)
        .args(["drift", "--skip", "live", "--timeout", "10s"])
        .current_dir(desk.path())
        .env_clear()
        .env("HOME", desk.path())
        .stdin(Stdio::null())
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    tally.cases += 1;
    if !desk.path().join(".local/state/omega/drift").exists() || said.contains("another user") {
        tally.found.leaks.insert(format!("as another user, nothing can be kept: {said}"));
    }
    tally.found.search_files(&desk, "drift as another user")?;
    Ok(tally)
}

/// Starts a program by a shell without a limit, aborts it, and returns its limits and whether there is a dump.
fn abort(directory: &Path, line: &str) -> io::Result<(String, bool)> {
    let mut child = command("sh")
        .arg("-c")
        .arg(format!("ulimit -c unlimited 2>/dev/null; {line}"))
        .current_dir(directory)
        .env("HOME", directory)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let began = Instant::now();
    let is_shell = |child: &Child| {
        let name = fs::read_to_string(format!("/proc/{}/comm", child.id())).unwrap_or_default();
        name.trim() == "sh"
    };
    while is_shell(&child) && began.elapsed() < Duration::from_secs(10) {
        pause(Duration::from_millis(20));
    }
    // It has begun, and waits.
    pause(Duration::from_millis(700));
    let limits = fs::read_to_string(format!("/proc/{}/limits", child.id()))?;
    let signalled = command("kill").args(["-ABRT", &child.id().to_string()]).status()?;
    if !signalled.success() || !ended(&mut child)? {
        return Err(io::Error::other("it was not aborted"));
    }
    let mut dumped = false;
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.starts_with("core") {
            dumped = true;
            fs::remove_file(directory.join(name))?;
        }
    }
    Ok((limits, dumped))
}

fn ended(child: &mut Child) -> io::Result<bool> {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(10) {
        if child.try_wait()?.is_some() {
            return Ok(true);
        }
        pause(Duration::from_millis(10));
    }
    child.kill()?;
    Ok(false)
}

#[expect(clippy::disallowed_methods, reason = "a program of its own, without a runtime")]
fn pause(time: Duration) {
    thread::sleep(time);
}
