//! The simulated controller and MAAS of a teardown, behind `juju` and `maas`.

use omega::teardown::maas::{MaasCommands as _, MaasError, SimMaas};
use omega_core::Touched;
use omega_juju::{Error, channel::JujuCommands as _, sim::Models};

use crate::{
    fault::Fault,
    http::Response,
    programs::{Call, Printed},
    wire::Kind,
};

/// Returns the words of a call, and what it is for.
pub(crate) fn describe(call: &Call) -> (String, Kind) {
    // The first argument of `maas` is its profile.
    let words = if call.program == "maas" { call.args.get(1..3) } else { call.args.get(..1) };
    let words = words.unwrap_or_default().join(" ");
    let writes = ["destroy-model", "machine release"].contains(&words.as_str());
    let line = format!("{} {}", call.program, if writes { call.args.join(" ") } else { words });
    let kind = if writes { Kind::Write } else { Kind::Read };
    (line, kind)
}

/// Executes it.
pub(crate) async fn run(call: &Call, models: &Models, maas: &SimMaas) -> Printed {
    let (first, rest) = call.args.split_first().map_or(("", &[][..]), |(a, b)| (a.as_str(), b));
    if call.program == "maas" {
        let args: Vec<&str> = rest.iter().map(String::as_str).collect();
        return match maas.run("do that", &args, Touched::Maybe).await {
            Ok(stdout) => Printed { stdout, ..Printed::default() },
            Err(MaasError::Refused { why, .. }) => {
                Printed { stdout: why.into_bytes(), status: 2, ..Printed::default() }
            }
            Err(error) => failed(&error.to_string()),
        };
    }
    match models.run("do that", first, rest, Touched::Maybe).await {
        Ok(_) if first == "destroy-model" => {
            let stderr = b"Destroying model\nWaiting for model to be removed...\n".to_vec();
            Printed { stderr, stays: true, ..Printed::default() }
        }
        Ok(stdout) => Printed { stdout, ..Printed::default() },
        Err(Error::Juju { why, .. }) => failed(&format!("ERROR {why}")),
        Err(error) => failed(&format!("ERROR {error}")),
    }
}

fn failed(words: &str) -> Printed {
    Printed { stderr: format!("{words}\n").into_bytes(), status: 1, ..Printed::default() }
}

/// What `maas` prints. The words are those of Python, and of MAAS for 401 and 403.
pub(crate) fn spoiled(fault: Fault, executed: Option<Printed>) -> Option<Printed> {
    let body = |stdout: Vec<u8>| Some(Printed { stdout, status: 2, ..Printed::default() });
    match fault {
        Fault::Refused | Fault::RefusedOn => {
            Some(failed("ConnectionRefusedError: [Errno 111] Connection refused"))
        }
        Fault::ResetBefore | Fault::ResetAfter => {
            Some(failed("ConnectionResetError: [Errno 104] Connection reset by peer"))
        }
        Fault::Truncated => executed.map(|mut printed| {
            printed.stdout.truncate(printed.stdout.len() / 2);
            printed
        }),
        Fault::Garbled => executed.map(|mut printed| {
            printed.stdout.iter_mut().step_by(3).for_each(|byte| *byte ^= 0x15);
            printed
        }),
        Fault::Page(200) => {
            Some(Printed { stdout: Response::page(200).body, ..Printed::default() })
        }
        Fault::Page(401) => body(b"Authorization Error: 'Invalid access token'".to_vec()),
        Fault::Page(403) => body(b"Forbidden".to_vec()),
        Fault::Page(status) | Fault::PageAfter(status) | Fault::PageOn(status) => {
            body(Response::page(status).body)
        }
        Fault::Hang | Fault::HangAfter | Fault::HangOn | Fault::Huge | Fault::Endless => None,
    }
}
