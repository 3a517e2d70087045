use std::io::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::{Compression, write::ZlibEncoder};
use omega_core::values::Sha256;

use crate::{ActionFailure, Error, FailureCode};

/// The program for probes.
pub(super) const ASK: &str = concat!(
    "INSIDE = r'''\n",
    include_str!("inside.py"),
    "'''\n",
    include_str!("common.py"),
    include_str!("obstacle.py"),
    include_str!("held.py"),
    include_str!("network.py"),
    include_str!("unchanged.py"),
    include_str!("ask.py"),
    "\n\nmain_ask()\n",
);

/// The program for actions.
pub(super) const ACT: &str = concat!(
    "INSIDE = r'''\n",
    include_str!("inside.py"),
    "'''\n",
    include_str!("common.py"),
    include_str!("obstacle.py"),
    include_str!("held.py"),
    include_str!("lock.py"),
    include_str!("act.py"),
    include_str!("service.py"),
    include_str!("pip.py"),
    "\n\nmain_act()\n",
);

/// Reads the program and the request from standard input, checks length and digest of both, and
/// leaves the payload there.
const FROM_STDIN: &str = "import sys,hashlib as h;s=sys.stdin.buffer;\
    n,d,m,e=s.readline().split();p=s.read(int(n));r=s.read(int(m));\
    [h.sha256(p).hexdigest(),h.sha256(r).hexdigest()]==[d.decode(),e.decode()] \
    or sys.exit(\"omega: the request is incomplete\");\
    exec(compile(p,\"omega\",\"exec\"),{\"__name__\":\"omega\",\"REQUEST\":r})";

/// The same from two arguments, for a channel without standard input.
const FROM_ARGUMENTS: &str = "import sys,hashlib as h,base64 as b,zlib as z;\
    p=z.decompress(b.b64decode(sys.argv[1]));r=b.b64decode(sys.argv[2]);\
    h.sha256(p+r).hexdigest()==sys.argv[3] or sys.exit(\"omega: the request is incomplete\");\
    exec(compile(p,\"omega\",\"exec\"),{\"__name__\":\"omega\",\"REQUEST\":r})";

/// The maximum length of one argument: Linux limits it to 128 KiB (`MAX_ARG_STRLEN`), and the shell
/// on the unit gets the whole command line as one argument.
const MOST: usize = 120 * 1024;

/// Returns the command that reads program and request from standard input.
pub(crate) fn from_stdin() -> Vec<String> {
    ["python3", "-I", "-S", "-B", "-c", FROM_STDIN].map(String::from).to_vec()
}

/// Returns what precedes the payload on standard input.
pub(super) fn preamble(program: &str, request: &[u8]) -> Vec<u8> {
    let (program, digests) =
        (program.as_bytes(), (Sha256::of(program.as_bytes()), Sha256::of(request)));
    let head = format!("{} {} {} {}\n", program.len(), digests.0, request.len(), digests.1);
    [head.as_bytes(), program, request].concat()
}

/// Returns a command that needs no standard input.
///
/// # Errors
///
/// Fails if it would be too long.
pub(super) fn from_arguments(
    unit: &str,
    program: &str,
    request: &[u8],
) -> Result<Vec<String>, Error> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    let packed = encoder.write_all(program.as_bytes()).and_then(|()| encoder.finish());
    let packed = packed.map_err(|error| too_long(unit, &error.to_string()))?;
    let digest = Sha256::of(&[program.as_bytes(), request].concat());
    let mut args = ["python3", "-I", "-S", "-B", "-c", FROM_ARGUMENTS].map(String::from).to_vec();
    args.extend([STANDARD.encode(packed), STANDARD.encode(request), digest.to_string()]);
    match quoted(&args).len() {
        ..=MOST => Ok(args),
        length => Err(too_long(unit, &format!("{length} bytes, at most {MOST} are possible"))),
    }
}

fn too_long(unit: &str, why: &str) -> Error {
    let why = format!("the probes do not fit on a command line: {why}");
    ActionFailure::new(FailureCode::Other("too-long".to_owned()), why)
        .next("reach the unit by SSH instead")
        .on(unit)
}

/// Returns `args` as one line that a POSIX shell splits into exactly these arguments.
pub(crate) fn quoted(args: &[String]) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    let quote = |arg: &String| {
        if !arg.is_empty() && arg.chars().all(plain) {
            arg.clone()
        } else {
            format!("'{}'", arg.replace('\'', r"'\''"))
        }
    };
    args.iter().map(quote).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A quick check; `python_probes_call_nothing_that_writes` checks the syntax tree.
    #[test]
    fn the_program_for_probes_has_nothing_that_writes() {
        for writes in ["os.rename(", "os.unlink(", "os.mkdir(", "fchmod(", "O_CREAT", "O_WRONLY"] {
            assert!(!ASK.contains(writes), "{writes}");
            assert!(
                ACT.contains(writes) || writes == "O_WRONLY",
                "{writes}: a check that can't fail"
            );
        }
    }

    #[test]
    fn a_command_line_is_quoted_for_the_shell() {
        let args = ["a", "", "b c", "it's", "$(x)`y`", "a\nb"].map(String::from);
        assert_eq!(quoted(&args), "a '' 'b c' 'it'\\''s' '$(x)`y`' 'a\nb'");
        assert!(!FROM_STDIN.contains(['\'', '\n']) && !FROM_ARGUMENTS.contains(['\'', '\n']));
    }

    #[test]
    fn a_command_that_is_too_long_is_refused_before_it_is_sent() {
        let small = from_arguments("magnum/0", ASK, b"{}").unwrap();
        assert!(quoted(&small).len() < 29 * 1024, "{}", quoted(&small).len());
        let error = from_arguments("magnum/0", ASK, &vec![b'x'; 100_000]).unwrap_err();
        assert!(error.to_string().starts_with("magnum/0: the probes do not fit"), "{error}");
    }
}
