use std::io::{self, IsTerminal as _, Write as _};

use crate::{
    Ended,
    config::{Config, Fault},
    machine::{User, command},
    print,
};

/// `juju ssh [--pty=true|false] [-m M] U [-o OPTION] COMMAND...`: the local ssh client, whose standard input is
/// ours.
pub(crate) fn ssh(config: &Config, args: &[String]) -> Ended {
    let (mut pty, mut model, mut rest) = (None, None, args);
    while let [word, tail @ ..] = rest {
        match word.as_str() {
            "--pty=true" => pty = Some(true),
            "--pty=false" => pty = Some(false),
            "--proxy" | "--no-host-key-checks" => {}
            "-m" | "--model" => {
                model = tail.first().cloned();
                rest = tail.get(1..).unwrap_or_default();
                continue;
            }
            option if option.starts_with('-') => {
                return Err(format!("option provided but not defined: {option}"));
            }
            _ => break,
        }
        rest = tail;
    }
    config.check_model(model.as_deref())?;
    let [target, words @ ..] = rest else { return Err("no target name specified".to_owned()) };
    let target = target.rsplit('@').next().unwrap_or(target);
    // OpenSSH's own options stand between the target and the command.
    let mut words = words;
    while let [option, _, tail @ ..] = words
        && option == "-o"
    {
        words = tail;
    }
    let (_, machine) = config.unit(target)?;
    if config.fault == Some(Fault::Unreachable) {
        let said = "ssh: connect to host 10.12.4.76 port 22: Connection refused";
        drop(writeln!(io::stderr(), "{said}"));
        return Ok(passed(255));
    }
    // ssh joins its arguments with blanks, and the remote shell reads the result.
    let mut run = command(machine, User::Ubuntu, &words.join(" "));
    // Before 3.6.19 a terminal is allocated if standard input is one, whatever the output is.
    if pty.unwrap_or_else(|| io::stdin().is_terminal()) {
        let output = run.output().map_err(|error| error.to_string())?;
        let merged = [output.stdout, output.stderr].concat();
        print(String::from_utf8_lossy(&merged).replace('\n', "\r\n").as_bytes())?;
        return Ok(passed(output.status.code().unwrap_or(255)));
    }
    let status = run.status().map_err(|error| error.to_string())?;
    Ok(passed(status.code().unwrap_or(255)))
}

/// The remote status is passed through, with a word about it.
fn passed(status: i32) -> u8 {
    if status != 0 {
        drop(writeln!(io::stderr(), "ERROR subprocess encountered error code {status}"));
    }
    u8::try_from(status).unwrap_or(255)
}
