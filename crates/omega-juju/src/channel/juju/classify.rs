//! Converts juju's messages to errors.

use std::time::Duration;

use omega_core::{Retry, Touched};

use crate::{
    Error,
    agent::Output,
    upstream_messages::{self, Juju, JujuRefused},
};

/// Returns why `juju exec` printed no task.
pub(super) fn exec(unit: &str, output: &Output, wait: Duration) -> Error {
    let stderr = String::from_utf8_lossy(&output.stderr);
    match upstream_messages::juju(&stderr) {
        Juju::TimedOut => Error::Deadline {
            unit: unit.to_owned(),
            doing: "juju exec, which waits for running hooks".to_owned(),
            after: wait,
            touched: Touched::Nothing,
        },
        _ if output.status == Some(0) => Error::NothingScheduled { unit: unit.to_owned() },
        kind @ (Juju::LoginExpired
        | Juju::Forbidden
        | Juju::LocalFile
        | Juju::KeyRefused
        | Juju::BeforeSsh
        | Juju::Unknown) => denied(unit, kind, &stderr)
            .unwrap_or_else(|| unreachable(unit, &stderr, Touched::Nothing)),
    }
}

/// Returns why `juju ssh` printed no reply of the agent; `None` if juju wrote no error of its own.
pub(super) fn ssh(unit: &str, output: &Output) -> Option<Error> {
    let stderr = String::from_utf8_lossy(&output.stderr);
    match upstream_messages::juju(&stderr) {
        Juju::BeforeSsh | Juju::LocalFile | Juju::TimedOut => {
            Some(unreachable(unit, &stderr, Touched::Nothing))
        }
        kind @ (Juju::LoginExpired | Juju::Forbidden | Juju::KeyRefused) => {
            denied(unit, kind, &stderr)
        }
        // 255 is ssh's own status: the connection may have been lost before or after the command.
        Juju::Unknown => (output.status == Some(255))
            .then(|| unreachable(unit, &stderr, upstream_messages::ssh_touched(&stderr))),
    }
}

/// Returns why a command about the model failed. `touched`: what it may have done if juju does not say
/// that it was refused.
pub(super) fn command(doing: &str, output: &Output, touched: Touched) -> Error {
    let stderr = String::from_utf8_lossy(&output.stderr);
    let kind = upstream_messages::juju(&stderr);
    if let Some(denied) = denied("juju", kind, &stderr) {
        return denied;
    }
    if kind == Juju::LocalFile {
        return unreachable("the model", &stderr, Touched::Nothing);
    }
    let own = upstream_messages::juju_error(&stderr);
    let why = own.unwrap_or("it failed without an error message");
    let refused = upstream_messages::juju_refused(&stderr);
    let next = match refused {
        Some(JujuRefused::Disabled) => {
            "somebody has disabled changes of the model (juju disabled-commands): ask who; juju \
             enable-command all enables them"
        }
        Some(JujuRefused::Invalid) => "look at juju config APPLICATION",
        None => "look at juju status, and check the model (juju models)",
    };
    Error::Juju {
        doing: doing.to_owned(),
        why: why.trim_start_matches("ERROR ").to_owned(),
        next: next.to_owned(),
        touched: if refused.is_some() { Touched::Nothing } else { touched },
        retry: if refused.is_some() { Retry::Final } else { upstream_messages::juju_retry(why) },
    }
}

/// Returns that juju, or sshd, refused the user; with its own words.
fn denied(unit: &str, kind: Juju, stderr: &str) -> Option<Error> {
    let tried = match kind {
        Juju::LoginExpired => "the login of juju, which has expired: run juju login",
        Juju::Forbidden => "the user of juju, who needs admin access to the model",
        Juju::KeyRefused => "the SSH keys of juju: run juju add-ssh-key with your public key",
        Juju::TimedOut | Juju::BeforeSsh | Juju::LocalFile | Juju::Unknown => return None,
    };
    let tried = format!("{tried} (juju: {})", words(stderr));
    Some(Error::Denied { unit: unit.to_owned(), via: "juju".to_owned(), tried })
}

/// Returns what juju said: its own error, or else the last line.
fn words(stderr: &str) -> &str {
    let last = || stderr.lines().rev().find(|line| !line.trim().is_empty());
    let own = upstream_messages::juju_error(stderr).filter(|own| !own.contains("subprocess"));
    let said = own.or_else(last).unwrap_or("juju failed without an error message");
    said.trim_start_matches("ERROR ").trim()
}

fn unreachable(unit: &str, stderr: &str, touched: Touched) -> Error {
    let local = upstream_messages::juju(stderr) == Juju::LocalFile;
    let next = if local {
        "correct the owner or the mode of that file on this machine; it is not about a login"
    } else {
        "look at juju status, and check the model (juju models)"
    };
    let own = upstream_messages::juju_error(stderr);
    let retry = own.map_or(Retry::Transient, upstream_messages::juju_retry);
    Error::Unreachable {
        unit: unit.to_owned(),
        via: "juju".to_owned(),
        why: words(stderr).to_owned(),
        next: Some(next.to_owned()),
        touched,
        retry: if local { Retry::Final } else { retry },
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
        let stderr = "ERROR timed out waiting for results from: magnum/0\n";
        let error = exec("magnum/0", &output(1, stderr), Duration::from_secs(70));
        assert!(error.timed_out(), "{error}");
    }

    #[test]
    fn the_words_of_juju_are_kept_and_a_local_file_is_no_login() {
        let wait = Duration::from_secs(70);
        let forbidden = exec("u", &output(1, "ERROR permission denied\n"), wait);
        assert!(matches!(forbidden, Error::Denied { .. }), "{forbidden:?}");
        assert!(forbidden.found().unwrap().contains("(juju: permission denied)"));
        for local in [
            "ERROR open /home/u/.local/share/juju/accounts.yaml: permission denied\n",
            "ERROR cannot connect: dial unix /run/x.socket: connect: permission denied\n",
        ] {
            let words = local.trim().trim_start_matches("ERROR ");
            for error in [
                exec("u", &output(1, local), wait),
                ssh("u", &output(1, local)).unwrap(),
                command("read the model", &output(1, local), Touched::Nothing),
            ] {
                assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
                assert!(error.to_string().contains(words), "{error}");
                assert!(error.next().unwrap().contains("owner"), "{error:?}");
            }
        }
        let rc = "ERROR subprocess encountered error code 255\n";
        let key = format!("ubuntu@10.0.0.9: Permission denied (publickey).\n{rc}");
        let key = ssh("u", &output(255, &key)).unwrap();
        assert!(key.found().unwrap().contains("add-ssh-key"), "{key:?}");
    }

    #[test]
    fn an_expired_login_says_what_to_do() {
        let stderr = "ERROR cannot get discharge from \"https://10.0.0.1:17070/auth\": EOF\n";
        for error in [
            exec("magnum/0", &output(1, stderr), Duration::from_secs(70)),
            ssh("magnum/0", &output(1, stderr)).unwrap(),
        ] {
            assert!(error.found().unwrap().contains("juju login"), "{error:?}");
        }
    }

    #[test]
    fn the_message_of_ssh_shows_whether_anything_ran() {
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
