//! What juju's words mean for a unit.

use std::time::Duration;

use omega_core::{Retry, Touched};

use crate::{
    Error,
    agent::Output,
    upstream_messages::{self, Juju},
};

/// Says why `juju exec` printed no task.
pub(super) fn exec(unit: &str, output: &Output, wait: Duration) -> Error {
    let words = String::from_utf8_lossy(&output.stderr);
    match upstream_messages::juju(&words) {
        Juju::TimedOut => Error::Deadline {
            unit: unit.to_owned(),
            doing: "a question by juju exec, which waits behind running hooks".to_owned(),
            after: wait,
            touched: Touched::Nothing,
        },
        kind @ (Juju::LoginExpired | Juju::Forbidden | Juju::Itself | Juju::Unknown) => {
            if output.status == Some(0) {
                return Error::NothingScheduled { unit: unit.to_owned() };
            }
            denied(unit, kind).unwrap_or_else(|| unreachable(unit, &words, Touched::Nothing))
        }
    }
}

/// Says why `juju ssh` brought no reply of the agent's; `None` where juju wrote nothing of its own.
pub(super) fn ssh(unit: &str, output: &Output) -> Option<Error> {
    let words = String::from_utf8_lossy(&output.stderr);
    let kind = upstream_messages::juju(&words);
    if let Some(error) = denied(unit, kind) {
        return Some(error);
    }
    match kind {
        // It did not get as far as starting ssh.
        Juju::Itself | Juju::TimedOut => Some(unreachable(unit, &words, Touched::Nothing)),
        // 255 is ssh's: nobody tells whether the connection broke before the command or after.
        Juju::Unknown | Juju::LoginExpired | Juju::Forbidden => (output.status == Some(255))
            .then(|| unreachable(unit, &words, upstream_messages::ssh_touched(&words))),
    }
}

fn denied(unit: &str, kind: Juju) -> Option<Error> {
    let tried = match kind {
        Juju::LoginExpired => "juju's login, which has expired: run juju login",
        Juju::Forbidden => "juju's user, who needs admin access to the model",
        Juju::TimedOut | Juju::Itself | Juju::Unknown => return None,
    };
    let (unit, tried) = (unit.to_owned(), tried.to_owned());
    Some(Error::Denied { unit, via: "juju".to_owned(), tried })
}

fn unreachable(unit: &str, words: &str, touched: Touched) -> Error {
    let own = upstream_messages::juju_error(words);
    let last = || words.lines().rev().find(|line| !line.trim().is_empty());
    let why = own.or_else(last).unwrap_or("juju failed without a word");
    Error::Unreachable {
        unit: unit.to_owned(),
        via: "juju".to_owned(),
        why: why.trim_start_matches("ERROR ").to_owned(),
        next: Some("look at juju status, and at the model that is meant (juju models)".to_owned()),
        touched,
        retry: own.map_or(Retry::Transient, upstream_messages::juju_retry),
    }
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
