use omega_core::{Touched, run::HeldLock, values::Sha256};
use serde::Deserialize;

use crate::{ActionFailure, Error, FailureCode, Probe, ProbeFailure, Reply, upstream_messages};

/// The result of a remote execution.
#[derive(Clone, Debug, Default)]
pub(crate) struct Output {
    /// The exit status, unless a signal ended it.
    pub(crate) status: Option<i32>,
    /// The signal that ended it.
    pub(crate) signal: Option<String>,
    /// Standard output.
    pub(crate) stdout: Vec<u8>,
    /// Standard error.
    pub(crate) stderr: Vec<u8>,
}

/// What the agent writes to standard error if its request is incomplete (`program.rs`).
const INCOMPLETE: &str = "omega: the request is incomplete";

#[derive(Deserialize)]
struct Replies {
    replies: Vec<serde_json::Value>,
    #[serde(default)]
    took: Durations,
}

/// Durations in the agent, in milliseconds.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Durations {
    /// From the start of the agent to its reply.
    total: f64,
    /// Each probe, in order. Probes that share an interpreter have its duration.
    probes: Vec<f64>,
    /// Each interpreter that was started, by its name and probes.
    interpreters: Vec<(String, f64)>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Done(bool),
    Lock(Option<HeldLock>),
    Error(ActionFailure),
}

/// Reads the replies to `probes`.
///
/// # Errors
///
/// Fails if the output holds no whole reply to this request.
pub(crate) fn replies(
    unit: &str,
    output: &Output,
    nonce: &str,
    probes: &[Probe],
) -> Result<Vec<Reply>, Error> {
    let malformed =
        |why: String| Error::Malformed { unit: unit.to_owned(), why, touched: Touched::Nothing };
    let text = framed(unit, output, nonce, Touched::Nothing)?;
    let Replies { replies, took } =
        serde_json::from_slice(text).map_err(|error| malformed(shape(&error)))?;
    let (count, expected) = (replies.len(), probes.len());
    if count != expected {
        return Err(malformed(format!("{count} replies to {expected} probes")));
    }
    trace(unit, probes, &took);
    let unreadable =
        |error| Reply::Failed(ProbeFailure::new(FailureCode::Unexpected, shape(&error)));
    let reply = |value| serde_json::from_value(value).unwrap_or_else(unreadable);
    Ok(replies.into_iter().map(reply).collect())
}

/// Reports to `--trace` where the time was spent in the agent.
fn trace(unit: &str, probes: &[Probe], took: &Durations) {
    let inside = |what: String, took_ms: f64| {
        let what = format!("{unit} {what}");
        tracing::info!(target: "omega_trace", kind = "inside", what, took_ms, "trace");
    };
    probes.iter().zip(&took.probes).for_each(|(probe, took)| inside(probe.to_string(), *took));
    took.interpreters.iter().for_each(|(what, took)| inside(what.clone(), *took));
    inside("in total".to_owned(), took.total);
}

/// Reads the outcome of an action.
///
/// # Errors
///
/// Fails if the action failed, or if the output holds no complete reply to this request.
pub(crate) fn done(unit: &str, output: &Output, nonce: &str) -> Result<(), Error> {
    let text = framed(unit, output, nonce, Touched::Maybe)?;
    let malformed =
        |why: String| Error::Malformed { unit: unit.to_owned(), why, touched: Touched::Maybe };
    match serde_json::from_slice(text).map_err(|error| malformed(shape(&error)))? {
        Outcome::Done(true) => Ok(()),
        Outcome::Done(false) | Outcome::Lock(_) => {
            Err(malformed("neither a success nor a failure".to_owned()))
        }
        Outcome::Error(failure) => Err(failure.on(unit)),
    }
}

/// Reads the answer to a request about the lock: the lock, if it is held now. The lock is no part of what an
/// operation changes.
///
/// # Errors
///
/// As [`done`].
pub(crate) fn lock(unit: &str, output: &Output, nonce: &str) -> Result<Option<HeldLock>, Error> {
    let text = framed(unit, output, nonce, Touched::Nothing)?;
    let malformed =
        |why: String| Error::Malformed { unit: unit.to_owned(), why, touched: Touched::Nothing };
    match serde_json::from_slice(text).map_err(|error| malformed(shape(&error)))? {
        Outcome::Lock(held) => Ok(held),
        Outcome::Done(_) => Err(malformed("the answer to another request".to_owned())),
        Outcome::Error(failure) => Err(failure.on(unit)),
    }
}

/// Describes a JSON error by its position: the text may be secret.
fn shape(error: &serde_json::Error) -> String {
    let kind = format!("{:?}", error.classify()).to_lowercase();
    format!("an unreadable reply ({kind} error, line {}, column {})", error.line(), error.column())
}

/// Finds the reply to this request in the output.
fn framed<'a>(
    unit: &str,
    output: &'a Output,
    nonce: &str,
    touched: Touched,
) -> Result<&'a [u8], Error> {
    let mark = format!("\nomega-reply {nonce} ");
    let (mut rest, mut why) = (output.stdout.as_slice(), None);
    while let Some(at) = find(rest, mark.as_bytes()) {
        rest = rest.get(at + mark.len()..).unwrap_or_default();
        match body(rest) {
            Ok(text) => return Ok(text),
            Err(wrong) => why = Some(wrong),
        }
    }
    Err(match why {
        Some(why) => Error::Malformed { unit: unit.to_owned(), why, touched },
        None => without_reply(unit, output, touched),
    })
}

/// Reads `SIZE DIGEST`, a line feed, and SIZE bytes with that digest.
fn body(rest: &[u8]) -> Result<&[u8], String> {
    let end = find(rest, b"\n").unwrap_or(rest.len());
    let head = str::from_utf8(rest.get(..end).unwrap_or_default()).unwrap_or_default();
    let head = head.trim_end().split_once(' ');
    let head = head.and_then(|(n, d)| Some((n.parse::<usize>().ok()?, d.parse::<Sha256>().ok()?)));
    let (size, digest) = head.ok_or("a reply without size and digest")?;
    let text = rest.get(end + 1..).unwrap_or_default();
    let whole = text.get(..size);
    let text =
        whole.ok_or_else(|| format!("an incomplete reply, {} of {size} bytes", text.len()))?;
    if Sha256::of(text) != digest {
        return Err("the reply was altered in transit (by a terminal?)".to_owned());
    }
    Ok(text)
}

/// Returns why there is no reply, from the exit status and standard error.
fn without_reply(unit: &str, output: &Output, touched: Touched) -> Error {
    let stderr = String::from_utf8_lossy(&output.stderr);
    let last = stderr.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let failed =
        |code, why: &str, next: &str| ActionFailure::new(code, why).found(last).next(next).on(unit);
    if stderr.contains(INCOMPLETE) {
        let why = "the request is incomplete; nothing was done";
        return failed(FailureCode::Incomplete, why, "run it again");
    }
    if upstream_messages::is_of_sudo(last) {
        return failed(
            FailureCode::NotPermitted,
            "sudo failed",
            "allow this user sudo without a password (as Juju's user ubuntu has), or connect as root",
        );
    }
    if output.status == Some(127) {
        let why = "python3 is not installed";
        return failed(FailureCode::NoProgram, why, "install python3 on the unit");
    }
    let end = match (&output.signal, output.status) {
        (Some(signal), _) => format!("signal {signal}"),
        (None, Some(status)) => format!("exit status {status}"),
        (None, None) => "no exit status".to_owned(),
    };
    let last: String = last.chars().take(200).collect();
    let why = format!("no reply in {} bytes of output, {end}: {last}", output.stdout.len());
    Error::Malformed { unit: unit.to_owned(), why, touched }
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use omega_core::Diagnostic as _;

    use super::*;
    use crate::FileState;

    fn probes(count: usize) -> Vec<Probe> {
        vec![Probe::File { path: "/nowhere".parse().unwrap() }; count]
    }

    const ABSENT: &str = r#"{"replies":[{"reply":"file","kind":"absent"}]}"#;

    fn reply(nonce: &str, text: &str) -> Vec<u8> {
        let digest = Sha256::of(text.as_bytes());
        format!("\nomega-reply {nonce} {} {digest}\n{text}\n", text.len()).into_bytes()
    }

    fn output(stdout: Vec<u8>) -> Output {
        Output { status: Some(0), stdout, ..Output::default() }
    }

    #[test]
    fn a_reply_is_found_among_noise() {
        let decoy = reply("other", r#"{"replies":[]}"#);
        let noisy =
            [b"Welcome!\nomega-reply n 1\n".as_slice(), &decoy, &reply("n", ABSENT), b"bye\n"];
        let found = replies("u", &output(noisy.concat()), "n", &probes(1)).unwrap();
        assert_eq!(found, [Reply::File(FileState::Absent)]);
    }

    #[test]
    fn a_reply_that_is_incomplete_altered_or_miscounted_is_refused() {
        let whole = reply("n", ABSENT);
        for cut in 1..whole.len() - 1 {
            let error = replies("u", &output(whole[..cut].to_vec()), "n", &probes(1)).unwrap_err();
            assert!(matches!(error, Error::Malformed { .. }), "{cut}: {error}");
        }
        let altered = String::from_utf8(whole.clone()).unwrap().replace("absent", "abzent");
        let error = replies("u", &output(altered.into_bytes()), "n", &probes(1)).unwrap_err();
        assert!(error.to_string().contains("altered"), "{error}");
        let error = replies("u", &output(whole), "n", &probes(2)).unwrap_err();
        assert!(error.to_string().contains("1 replies to 2 probes"), "{error}");
    }

    #[test]
    fn an_unreadable_reply_fails_alone() {
        let text = r#"{"replies":[{"reply":"file","kind":"absent"},{"reply":"file","kind":"?"}]}"#;
        let found = replies("u", &output(reply("n", text)), "n", &probes(2)).unwrap();
        assert_eq!(found[0], Reply::File(FileState::Absent));
        assert!(matches!(found[1], Reply::Failed(_)));
    }

    #[test]
    fn the_failure_of_an_action_is_reported() {
        assert_eq!(done("u", &output(reply("n", r#"{"done":true}"#)), "n").ok(), Some(()));
        let text = r#"{"error":{"why":"no space","code":"no-space","expected":"a","found":"b","next":"c","touched":"nothing"}}"#;
        let error = done("u", &output(reply("n", text)), "n").unwrap_err();
        assert_eq!(error.to_string(), "u: no space");
        assert_eq!(error.code(), Some(&FailureCode::NoSpace));
        assert_eq!(error.touched(), Touched::Nothing);
        assert_eq!(error.expected().as_deref(), Some("a"));
        let silent = done("u", &output(Vec::new()), "n").unwrap_err();
        assert_eq!(silent.touched(), Touched::Maybe, "it may have written something");
    }

    #[test]
    fn sudo_that_needs_a_password_is_reported() {
        let stderr = b"Warning: x\nsudo: a password is required\n".to_vec();
        let output = Output { status: Some(1), stderr, ..Output::default() };
        let error = done("u", &output, "n").unwrap_err();
        assert!(error.to_string().contains("sudo"), "{error}");
        assert_eq!(error.touched(), Touched::Nothing);
    }
}
