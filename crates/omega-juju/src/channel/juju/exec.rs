use std::{collections::BTreeMap, time::Duration};

use omega_core::{Retry, Touched};
use serde::Deserialize;

use super::classify::{self, Whom};
use crate::{Error, agent::Output};

/// The result of `juju exec --format json` for one unit. For empty output, the key is absent.
#[derive(Debug, Deserialize)]
struct Task {
    unit: Option<String>,
    status: Option<String>,
    message: Option<String>,
    results: Option<Results>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Results {
    return_code: Option<i32>,
    #[serde(default)]
    stdout: String,
    #[serde(default)]
    stderr: String,
}

/// Returns the output of the command on the unit from that of `juju exec`.
///
/// # Errors
///
/// Fails if juju ran no task on the unit, or its output can't be parsed.
pub(super) fn task(whom: &Whom, output: &Output, wait: Duration) -> Result<Output, Error> {
    let unit = whom.unit.as_str();
    if output.stdout.trim_ascii().is_empty() {
        return Err(classify::exec(whom, output, wait));
    }
    let malformed =
        |why: String| Error::Malformed { unit: unit.to_owned(), why, touched: Touched::Nothing };
    // "Operation 12 failed to schedule any tasks" was observed on both streams.
    let Some(start) = output.stdout.iter().position(|byte| *byte == b'{') else {
        return Err(classify::exec(whom, output, wait));
    };
    let json = output.stdout.get(start..).unwrap_or_default();
    let tasks: BTreeMap<String, Task> = serde_json::from_slice(json).map_err(|error| {
        malformed(format!("the output of juju exec is not JSON of juju 3 (line {})", error.line()))
    })?;
    let named = |(key, task): &(String, Task)| key == unit || task.unit.as_deref() == Some(unit);
    let Some((_, task)) = tasks.into_iter().find(named) else {
        return Err(Error::NothingScheduled { unit: unit.to_owned() });
    };
    let Some(Results { return_code: Some(status), stdout, stderr }) = task.results else {
        let status = task.status.unwrap_or_else(|| "no status".to_owned());
        let message = task.message.unwrap_or_else(|| "without a message".to_owned());
        return Err(Error::Unreachable {
            unit: unit.to_owned(),
            via: "juju exec".to_owned(),
            why: format!("the task ended with status {status}: {message}"),
            next: Some(format!("look at juju show-unit {unit}")),
            touched: Touched::Nothing,
            retry: Retry::Transient,
        });
    };
    let stdout = [b"\n", stdout.as_bytes()].concat(); // juju may have trimmed the line feed
    Ok(Output { status: Some(status), signal: None, stdout, stderr: stderr.into_bytes() })
}

/// Reads what `juju exec` printed about `unit`.
#[cfg(feature = "sim")]
pub(crate) fn task_of(unit: &str, output: &Output) -> Result<Output, Error> {
    task(&Whom::new(unit, None), output, Duration::from_mins(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Verbatim from juju 3.6.14 (for a machine; for a unit it has the key `unit` instead).
    const SEEN: &str = r#"{"0":{"id":"18","machine":"0","results":{"return-code":0,"stdout":"foo\n"},"status":"completed","timing":{"completed":"2026-03-06 13:12:00 +1300 NZDT","enqueued":"2026-03-06 13:12:00 +1300 NZDT","started":"2026-03-06 13:12:00 +1300 NZDT"}}}"#;

    fn read(stdout: &str, stderr: &str, status: i32) -> Result<Output, Error> {
        let output = Output {
            status: Some(status),
            signal: None,
            stdout: stdout.as_bytes().to_vec(),
            stderr: stderr.as_bytes().to_vec(),
        };
        task(&Whom::new("magnum/0", None), &output, Duration::from_secs(70))
    }

    fn unit() -> String {
        SEEN.replace(r#""0":{"#, r#""magnum/0":{"#)
            .replace(r#""machine":"0""#, r#""unit":"magnum/0""#)
    }

    #[test]
    fn a_task_of_the_unit_is_read() {
        let output = read(&unit(), "", 0).unwrap();
        assert_eq!((output.status, output.stdout), (Some(0), b"\nfoo\n".to_vec()));
    }

    #[test]
    fn an_absent_stdout_is_empty_and_the_remote_status_is_in_the_json() {
        let failed = unit().replace(r#""return-code":0,"stdout":"foo\n""#, r#""return-code":3"#);
        let stderr = "ERROR the following task failed:\n - id \"18\" with return code 3\n";
        let output = read(&failed, stderr, 1).unwrap();
        assert_eq!((output.status, output.stdout), (Some(3), b"\n".to_vec()));
    }

    #[test]
    fn success_without_output_or_on_another_unit_is_an_error() {
        for stdout in ["", "\n", "{}", SEEN, "Operation 12 failed to schedule any tasks\n"] {
            let error = read(stdout, "", 0).unwrap_err();
            assert!(matches!(error, Error::NothingScheduled { .. }), "{stdout:?}: {error}");
        }
    }

    #[test]
    fn a_task_without_results_is_an_error_with_its_message() {
        let error = read(
            r#"{"magnum/0":{"id":"1","unit":"magnum/0","status":"aborted","message":"agent lost"}}"#,
            "",
            1,
        );
        assert!(error.unwrap_err().to_string().contains("aborted: agent lost"));
    }
}
