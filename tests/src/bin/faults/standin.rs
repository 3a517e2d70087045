//! The program `juju` or `maas` as omega starts it: it hands its arguments and its standard input to the
//! harness, and does what that says.

use std::{
    io::{self, Read as _, Write as _},
    os::unix::net::UnixStream,
    path::Path,
    process::ExitCode,
};

/// The name of the socket, beside the program.
pub(crate) const SOCKET: &str = "socket";

/// Where a part of the answer goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Stdout,
    Stderr,
    /// The exit status; it ends the program.
    Exit,
}

impl Part {
    pub(crate) fn byte(self) -> u8 {
        match self {
            Self::Stdout => 1,
            Self::Stderr => 2,
            Self::Exit => 3,
        }
    }

    fn of(byte: u8) -> Option<Self> {
        [Self::Stdout, Self::Stderr, Self::Exit].into_iter().find(|part| part.byte() == byte)
    }
}

/// Runs as `program`, with `args`.
pub(crate) fn run(program: &Path, args: &[String]) -> ExitCode {
    match speak(program, args) {
        Ok(status) => ExitCode::from(status),
        // The harness is gone, or has cut the connection.
        Err(_) => ExitCode::from(99),
    }
}

fn speak(program: &Path, args: &[String]) -> io::Result<u8> {
    let directory = program.parent().unwrap_or(Path::new("."));
    let mut harness = UnixStream::connect(directory.join(SOCKET))?;
    let mut stdin = Vec::new();
    io::stdin().lock().read_to_end(&mut stdin)?;
    let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let args = serde_json::to_vec(&(name, args))?;
    for part in [&args, &stdin] {
        let length = u32::try_from(part.len()).map_err(io::Error::other)?;
        harness.write_all(&length.to_be_bytes())?;
        harness.write_all(part)?;
    }
    let mut head = [0; 5];
    loop {
        harness.read_exact(&mut head)?;
        let [kind, length @ ..] = head;
        let length = u32::from_be_bytes(length);
        let Some(part) = Part::of(kind) else { return Err(io::ErrorKind::InvalidData.into()) };
        if part == Part::Exit {
            return u8::try_from(length).map_err(io::Error::other);
        }
        let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
        harness.read_exact(&mut bytes)?;
        match part {
            Part::Stdout => io::stdout().lock().write_all(&bytes)?,
            Part::Stderr | Part::Exit => io::stderr().lock().write_all(&bytes)?,
        }
    }
}
