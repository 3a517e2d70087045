//! What juju's words mean. The program has no other way to say it: its exit status is 1 for all.

use std::time::Duration;

use omega_core::Touched;

use crate::{Error, agent::Output};

/// Says why `juju exec` printed no task.
pub(super) fn exec(unit: &str, output: &Output, wait: Duration) -> Error {
    let said = String::from_utf8_lossy(&output.stderr);
    if said.contains("timed out waiting for results") {
        return Error::Deadline {
            unit: unit.to_owned(),
            doing: "a question by juju exec, which waits behind running hooks".to_owned(),
            after: wait,
            touched: Touched::Nothing,
        };
    }
    if output.status == Some(0) {
        return Error::NothingScheduled { unit: unit.to_owned() };
    }
    denied(unit, &said).unwrap_or_else(|| unreachable(unit, &said, Touched::Nothing))
}

/// Says why `juju ssh` brought no reply of the agent's; `None` where juju said nothing of its own.
pub(super) fn ssh(unit: &str, output: &Output) -> Option<Error> {
    let said = String::from_utf8_lossy(&output.stderr);
    if let Some(error) = denied(unit, &said) {
        return Some(error);
    }
    let own = error_line(&said).filter(|line| !line.contains("subprocess encountered"));
    if own.is_some() {
        // juju's own error: it did not get as far as starting ssh.
        return Some(unreachable(unit, &said, Touched::Nothing));
    }
    // 255 is ssh's: nobody tells whether the connection broke before the command or after.
    (output.status == Some(255)).then(|| unreachable(unit, &said, transport(&said)))
}

/// Whether ssh's words say that there never was a connection.
fn transport(said: &str) -> Touched {
    // "Connection timed out" alone is also said of a connection that stood and broke.
    let before = [
        "connect to host",
        "Could not resolve",
        "Host key verification failed",
        "Permission denied (publickey",
    ];
    if before.iter().any(|words| said.contains(words)) { Touched::Nothing } else { Touched::Maybe }
}

fn denied(unit: &str, said: &str) -> Option<Error> {
    let expired = ["cannot get discharge", "macaroon", "not logged in", "please enter password"];
    let refused = ["permission denied", "Permission denied (publickey"];
    let tried = if expired.iter().any(|words| said.contains(words)) {
        "juju's login, which has expired: run juju login"
    } else if refused.iter().any(|words| said.contains(words)) {
        "juju's user, who needs admin access to the model"
    } else {
        return None;
    };
    let (unit, tried) = (unit.to_owned(), tried.to_owned());
    Some(Error::Denied { unit, via: "juju".to_owned(), tried })
}

fn unreachable(unit: &str, said: &str, touched: Touched) -> Error {
    let last = || said.lines().rev().find(|line| !line.trim().is_empty());
    let why = error_line(said).or_else(last).unwrap_or("juju failed without a word");
    Error::Unreachable {
        unit: unit.to_owned(),
        via: "juju".to_owned(),
        why: why.trim_start_matches("ERROR ").to_owned(),
        next: Some("look at juju status, and at the model that is meant (juju models)".to_owned()),
        touched,
    }
}

fn error_line(said: &str) -> Option<&str> {
    said.lines().find(|line| line.starts_with("ERROR "))
}

#[cfg(test)]
mod tests {
    use omega_core::Diagnostic as _;

    use super::*;

    fn output(status: i32, stderr: &str) -> Output {
        Output { status: Some(status), stderr: stderr.as_bytes().to_vec(), ..Output::default() }
    }

    #[test]
    fn a_timeout_of_juju_is_a_deadline() {
        let said = "ERROR timed out waiting for results from: magnum/0\n";
        let error = exec("magnum/0", &output(1, said), Duration::from_secs(70));
        assert!(error.timed_out(), "{error}");
    }

    #[test]
    fn an_expired_login_says_what_to_do() {
        let said = "ERROR cannot get discharge from \"https://10.0.0.1:17070/auth\": EOF\n";
        for error in [
            exec("magnum/0", &output(1, said), Duration::from_secs(70)),
            ssh("magnum/0", &output(1, said)).unwrap(),
        ] {
            assert!(error.found().unwrap().contains("juju login"), "{error:?}");
        }
    }

    #[test]
    fn what_ssh_says_tells_whether_anything_ran() {
        let juju = ssh("magnum/9", &output(1, "ERROR unit \"magnum/9\" not found\n")).unwrap();
        assert_eq!(juju.touched(), Touched::Nothing);
        assert!(juju.to_string().contains("unit \"magnum/9\" not found"), "{juju}");
        let rc = "ERROR subprocess encountered error code 255\n";
        let refused = format!("ssh: connect to host 10.0.0.9 port 22: Connection refused\n{rc}");
        assert_eq!(ssh("u", &output(255, &refused)).unwrap().touched(), Touched::Nothing);
        assert_eq!(ssh("u", &output(255, rc)).unwrap().touched(), Touched::Maybe);
        assert!(
            ssh("u", &output(3, rc.replace("255", "3").as_str())).is_none(),
            "the command's own"
        );
    }
}
