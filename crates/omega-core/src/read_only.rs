//! Clients that only read: what they refuse to send, and the list of what passes although it is no plain
//! read.

use crate::{Diagnostic, Retry, Touched};

/// What a client may send.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientMode {
    /// Everything.
    #[default]
    ReadWrite,
    /// What only reads: `GET`, `HEAD` and `OPTIONS`, the questions to a unit, and [`EXCEPTIONS`].
    ReadOnly,
}

impl ClientMode {
    /// Returns whether it only reads.
    pub fn is_read_only(self) -> bool {
        self == Self::ReadOnly
    }
}

/// Something that passes a client that only reads, although it is not sent with a method of HTTP that only
/// reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exception {
    /// Its words. One in capitals stands for any word that is neither a flag nor a setting (`key=value`), and
    /// `...` at the end for whatever follows.
    pub words: &'static str,
    /// Why it passes.
    pub why: &'static str,
}

const fn exception(words: &'static str, why: &'static str) -> Exception {
    Exception { words, why }
}

/// Everything that passes besides `GET`, `HEAD` and `OPTIONS`. The clients decide by this list, and by what is
/// really sent: not by what the caller says of it.
pub const EXCEPTIONS: [Exception; 11] = [
    exception(LOGIN, "a login: whoever reads needs a token"),
    exception(
        "POST /apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
        "asks whether the user has a right; the API server stores nothing",
    ),
    exception(
        "POST /apis/authorization.k8s.io/v1/selfsubjectrulesreviews",
        "asks which rights the user has; the API server stores nothing",
    ),
    exception(
        ASK,
        "omega's program on a unit answers questions; it has no other code in that execution",
    ),
    exception("juju status ...", "reads the model"),
    exception("juju models ...", "lists the models of the controller"),
    exception("juju offers ...", "lists what the model offers"),
    exception("juju storage ...", "lists the storage of the model"),
    exception("juju config APPLICATION --format json", "reads the options; none is set or reset"),
    exception("maas machine read ...", "reads a machine"),
    exception("maas machines read ...", "lists the machines"),
];

/// Keystone's login, of OpenStack's Identity API 3.
const LOGIN: &str = "POST /v3/auth/tokens";
/// The questions to a unit, by SSH, by `juju exec` or on this machine.
const ASK: &str = "the questions to a unit";

/// Returns whether a program or a request with these words is one of [`EXCEPTIONS`].
pub fn is_exception<'a>(words: impl IntoIterator<Item = &'a str>) -> bool {
    let words: Vec<&str> = words.into_iter().collect();
    EXCEPTIONS.iter().any(|one| is_like(&words, one.words))
}

fn is_like(words: &[&str], pattern: &str) -> bool {
    let mut words = words.iter();
    for wanted in pattern.split(' ') {
        if wanted == "..." {
            return true;
        }
        let Some(word) = words.next() else { return false };
        let stands_for_any = wanted.len() > 4 && wanted.bytes().all(|b| b.is_ascii_uppercase());
        let is_plain = !word.starts_with('-') && !word.contains('=');
        if !(*word == wanted || stands_for_any && is_plain) {
            return false;
        }
    }
    words.next().is_none()
}

/// Returns whether a request with this method of HTTP and this path, without its query, passes a client that
/// only reads.
pub fn passes(method: &str, path: &str) -> bool {
    matches!(method, "GET" | "HEAD" | "OPTIONS") || is_exception([method, path])
}

/// A client that only reads was to send a write. Nothing was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{request} was not sent to {to}: only reads are allowed here")]
#[non_exhaustive]
pub struct WriteRefused {
    /// What was to be sent.
    pub request: String,
    /// To what.
    pub to: String,
}

impl WriteRefused {
    /// Returns the error of this request.
    pub fn new(request: impl Into<String>, to: impl Into<String>) -> Self {
        Self { request: request.into(), to: to.into() }
    }
}

impl Diagnostic for WriteRefused {
    fn next(&self) -> Option<String> {
        let next = "to change something, run the command that does, without --read-only; if this command \
                    only reads, it is a defect of omega: report it with this message";
        Some(next.to_owned())
    }

    fn touched(&self) -> Touched {
        Touched::Nothing
    }

    fn refused(&self) -> bool {
        true
    }

    fn retry(&self) -> Retry {
        Retry::Final
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{EnsureError, Failure, FailureClass};

    #[test]
    fn only_what_is_listed_passes() {
        let review = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
        for (method, path, expected) in [
            ("GET", "/api/v1/nodes", true),
            ("HEAD", "/", true),
            ("OPTIONS", "/", true),
            ("POST", review, true),
            ("POST", "/v3/auth/tokens", true),
            ("PUT", review, false),
            ("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", false),
            ("POST", "/api/v1/namespaces", false),
            ("DELETE", "/v3/auth/tokens", false),
            ("PATCH", "/api/v1/nodes/a", false),
            ("get", "/api/v1/nodes", false),
        ] {
            assert_eq!(passes(method, path), expected, "{method} {path}");
        }
        for (words, expected) in [
            ("juju status --format json", true),
            ("juju models -c a --format json", true),
            ("juju config nova-compute --format json", true),
            ("juju config nova-compute a=b --format json", false),
            ("juju config a=b --format json", false),
            ("juju config nova-compute --format json --reset a", false),
            ("juju config nova-compute --reset a", false),
            ("juju destroy-model x", false),
            ("juju run nova-compute/0 pause", false),
            ("juju", false),
            ("maas machines read", true),
            ("maas machine read abc", true),
            ("maas machine release abc", false),
            ("maas --debug read", false),
            ("maas read machine release", false),
        ] {
            assert_eq!(is_exception(words.split(' ')), expected, "{words}");
        }
    }

    #[test]
    fn a_refused_write_changed_nothing_and_is_a_refusal() {
        let source = WriteRefused::new("DELETE network /v2.0/ports/p", "cloud c");
        let failure = Failure::from(EnsureError::Apply {
            subject: "port p on cloud c".to_owned(),
            change: "delete".to_owned(),
            touched: source.touched(),
            source,
        });
        assert_eq!((failure.class, failure.touched), (FailureClass::Refused, Touched::Nothing));
        let why =
            "DELETE network /v2.0/ports/p was not sent to cloud c: only reads are allowed here";
        assert_eq!(failure.causes, [why]);
        assert!(failure.next.unwrap().contains("defect of omega"));
    }
}
