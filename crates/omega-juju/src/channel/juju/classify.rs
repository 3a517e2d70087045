//! Converts juju's messages to errors.

use std::time::Duration;

use omega_core::{Retry, Touched};

use crate::{
    Error,
    agent::Output,
    channel::Stage,
    upstream_messages::{self, Juju, JujuRefused},
};

/// A unit or a model, and its controller if that is known.
pub(super) struct Whom {
    pub(super) unit: String,
    controller: Option<String>,
}

impl Whom {
    pub(super) fn new(unit: &str, controller: Option<String>) -> Self {
        Self { unit: unit.to_owned(), controller }
    }
}

/// Returns the controller in `CONTROLLER:MODEL`, as it is passed to `-m`.
pub(super) fn controller_of(model: Option<&str>) -> Option<String> {
    let (controller, _) = model?.split_once(':')?;
    Some(controller.to_owned()).filter(|name| !name.is_empty())
}

/// Returns why `juju exec` printed no task.
pub(super) fn exec(whom: &Whom, output: &Output, wait: Duration) -> Error {
    let stderr = String::from_utf8_lossy(&output.stderr);
    match upstream_messages::juju(&stderr) {
        Juju::TimedOut => Error::Deadline {
            unit: whom.unit.clone(),
            stage: Stage::JujuTask,
            after: wait,
            touched: Touched::Nothing,
        },
        _ if output.status == Some(0) => Error::NothingScheduled { unit: whom.unit.clone() },
        kind @ (Juju::LoginExpired
        | Juju::Forbidden
        | Juju::LocalFile
        | Juju::KeyRefused
        | Juju::BeforeSsh
        | Juju::Unknown) => denied(whom, kind, &stderr)
            .unwrap_or_else(|| unreachable(&whom.unit, &stderr, Touched::Nothing)),
    }
}

/// Returns why `juju ssh` printed no reply of the agent; `None` if juju wrote no error of its own.
pub(super) fn ssh(whom: &Whom, output: &Output) -> Option<Error> {
    let stderr = String::from_utf8_lossy(&output.stderr);
    match upstream_messages::juju(&stderr) {
        Juju::BeforeSsh | Juju::LocalFile | Juju::TimedOut => {
            Some(unreachable(&whom.unit, &stderr, Touched::Nothing))
        }
        kind @ (Juju::LoginExpired | Juju::Forbidden | Juju::KeyRefused) => {
            denied(whom, kind, &stderr)
        }
        // 255 is ssh's own status: the connection may have been lost before or after the command.
        Juju::Unknown => (output.status == Some(255))
            .then(|| unreachable(&whom.unit, &stderr, upstream_messages::ssh_touched(&stderr))),
    }
}

/// Returns why a command about the model failed. `touched`: what it may have done if juju does not say
/// that it was refused.
pub(super) fn command(
    doing: &str,
    controller: Option<String>,
    output: &Output,
    touched: Touched,
) -> Error {
    let stderr = String::from_utf8_lossy(&output.stderr);
    let kind = upstream_messages::juju(&stderr);
    if let Some(denied) = denied(&Whom::new("juju", controller), kind, &stderr) {
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
            "somebody has disabled changes of the model (juju disabled-commands): ask who; then \
             enable them: juju enable-command all"
        }
        Some(JujuRefused::Invalid) => "look at juju config APPLICATION",
        Some(JujuRefused::Kept) => {
            "look at juju storage and juju models: the model was left as it is"
        }
        None => "look at juju status, and check the model (juju models)",
    };
    Error::Juju {
        doing: doing.to_owned(),
        why: beginning(why.trim_start_matches("ERROR ")),
        next: next.to_owned(),
        touched: if refused.is_some() { Touched::Nothing } else { touched },
        retry: if refused.is_some() { Retry::Final } else { upstream_messages::juju_retry(why) },
    }
}

/// Returns that juju, or sshd, refused the user; with its own words.
fn denied(whom: &Whom, kind: Juju, stderr: &str) -> Option<Error> {
    let (tried, next) = match kind {
        Juju::LoginExpired => {
            let named = || upstream_messages::juju_controller(stderr).map(str::to_owned);
            let controller = whom.controller.clone().or_else(named);
            return Some(Error::NotLoggedIn { controller, why: words(stderr) });
        }
        Juju::Forbidden => (
            "the user of juju, who needs admin access to the model",
            "log in to juju as a user with admin access to the model, or have it granted (juju grant USER \
             admin MODEL); then run the same command again",
        ),
        Juju::KeyRefused => (
            "the SSH keys of juju",
            "run juju add-ssh-key with your public key, then run the same command again",
        ),
        Juju::TimedOut | Juju::BeforeSsh | Juju::LocalFile | Juju::Unknown => return None,
    };
    let tried = format!("{tried} (juju: {})", words(stderr));
    let (unit, via) = (whom.unit.clone(), "juju".to_owned());
    Some(Error::Denied { unit, via, tried, next: next.to_owned() })
}

/// The longest text of juju that is repeated, in characters: a program in its place may say anything.
const MOST_WORDS: usize = 400;

/// Returns what juju said: its own error, or else the last line, and not more than the beginning of it.
fn words(stderr: &str) -> String {
    let last = || stderr.lines().rev().find(|line| !line.trim().is_empty());
    let own = upstream_messages::juju_error(stderr).filter(|own| !own.contains("subprocess"));
    let said = own.or_else(last).unwrap_or("juju failed without an error message");
    beginning(said.trim_start_matches("ERROR ").trim())
}

fn beginning(text: &str) -> String {
    match text.char_indices().nth(MOST_WORDS) {
        Some((end, _)) => format!("{} …", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
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
        why: words(stderr),
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

    fn at(unit: &str) -> Whom {
        Whom::new(unit, None)
    }

    #[test]
    fn what_juju_says_is_repeated_up_to_a_limit() {
        assert_eq!(words("ERROR no model\n"), "no model");
        let long = words(&"x".repeat(30_000));
        assert_eq!(long.chars().count(), MOST_WORDS + 2);
        assert!(long.ends_with(" …"));
    }

    #[test]
    fn a_timeout_of_juju_is_a_deadline() {
        let stderr = "ERROR timed out waiting for results from: magnum/0\n";
        let error = exec(&at("magnum/0"), &output(1, stderr), Duration::from_secs(70));
        assert!(error.timed_out(), "{error}");
    }

    #[test]
    fn the_words_of_juju_are_kept_and_a_local_file_is_no_login() {
        let wait = Duration::from_secs(70);
        let forbidden = exec(&at("u"), &output(1, "ERROR permission denied\n"), wait);
        assert!(matches!(forbidden, Error::Denied { .. }), "{forbidden:?}");
        assert!(forbidden.found().unwrap().contains("(juju: permission denied)"));
        assert!(forbidden.next().unwrap().contains("juju grant"), "{forbidden:?}");
        for local in [
            "ERROR open /home/u/.local/share/juju/accounts.yaml: permission denied\n",
            "ERROR cannot connect: dial unix /run/x.socket: connect: permission denied\n",
        ] {
            let words = local.trim().trim_start_matches("ERROR ");
            for error in [
                exec(&at("u"), &output(1, local), wait),
                ssh(&at("u"), &output(1, local)).unwrap(),
                command("read the model", None, &output(1, local), Touched::Nothing),
            ] {
                assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
                assert!(error.to_string().contains(words), "{error}");
                assert!(error.next().unwrap().contains("owner"), "{error:?}");
            }
        }
        let rc = "ERROR subprocess encountered error code 255\n";
        let key = format!("ubuntu@10.0.0.9: Permission denied (publickey).\n{rc}");
        let key = ssh(&at("u"), &output(255, &key)).unwrap();
        assert!(key.next().unwrap().contains("add-ssh-key"), "{key:?}");
    }

    /// Each way in which juju says it, with juju's own words kept.
    #[test]
    fn an_expired_login_says_what_to_do() {
        let wait = Duration::from_secs(70);
        for (stderr, named) in [
            ("ERROR cannot get discharge from \"https://10.0.0.1:17070/auth\": EOF\n", None),
            ("please enter password for admin on prod: \nERROR EOF\n", Some("prod")),
            (
                "ERROR cannot log into controller \"prod\": invalid entity name or password\n",
                Some("prod"),
            ),
            ("ERROR invalid entity name or password (unauthorized access)\n", None),
            ("ERROR account details for controller prod not found\n", Some("prod")),
            ("ERROR not logged in\n", None),
            ("ERROR verification failed: macaroon has expired\n", None),
            ("Opening an authorization web page in your browser.\nhttps://x/login\n", None),
            ("Please visit https://idp/device and enter code WXYZ to log in.\n", None),
        ] {
            for status in [1, 255] {
                for error in [
                    exec(&at("magnum/0"), &output(status, stderr), wait),
                    ssh(&at("magnum/0"), &output(status, stderr)).unwrap(),
                    command("set x", None, &output(status, stderr), Touched::Maybe),
                ] {
                    assert!(matches!(error, Error::NotLoggedIn { .. }), "{error:?}");
                    let next = error.next().unwrap();
                    let login = format!("juju login -c {}", named.unwrap_or("CONTROLLER"));
                    assert!(
                        next.contains(&login) && next.contains("nothing was changed"),
                        "{next}"
                    );
                    assert_eq!(error.touched(), Touched::Nothing);
                }
            }
            let known = Whom::new("magnum/0", controller_of(Some("site-a:openstack")));
            let error = exec(&known, &output(1, stderr), wait);
            assert!(error.to_string().contains("controller site-a"), "{error}");
        }
        let elsewhere =
            "ERROR cannot log into controller \"c\": permission denied (unauthorized access)\n";
        let error = exec(&at("u"), &output(1, elsewhere), wait);
        assert!(matches!(error, Error::Denied { .. }), "{error:?}");
        let network = "ERROR cannot log into controller \"c\": unable to connect to API: dial tcp: i/o timeout\n";
        let error = exec(&at("u"), &output(1, network), wait);
        assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
        assert_eq!(controller_of(Some("openstack")), None);
    }

    #[test]
    fn the_message_of_ssh_shows_whether_anything_ran() {
        let juju = ssh(&at("magnum/9"), &output(1, "ERROR unit \"magnum/9\" not found\n")).unwrap();
        assert_eq!(juju.touched(), Touched::Nothing);
        assert!(juju.to_string().contains("unit \"magnum/9\" not found"), "{juju}");
        let rc = "ERROR subprocess encountered error code 255\n";
        let refused = format!("ssh: connect to host 10.0.0.9 port 22: Connection refused\n{rc}");
        assert_eq!(ssh(&at("u"), &output(255, &refused)).unwrap().touched(), Touched::Nothing);
        assert_eq!(ssh(&at("u"), &output(255, rc)).unwrap().touched(), Touched::Maybe);
        assert!(
            ssh(&at("u"), &output(3, rc.replace("255", "3").as_str())).is_none(),
            "the command's own"
        );
    }
}
