//! The report's files, their digest and their signature.

use std::{
    fs, io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use omega_core::{
    Failure, FailureClass, Lock, LockError, persist, persist_all,
    run::{RunDirectory, Runs},
    values::Sha256,
};
use omega_juju::channel::Program;
use serde::Serialize;

use super::{AcceptanceReport, progress, render};

/// The namespace of a report's signature: a signature for another purpose is not one of a report.
pub const NAMESPACE: &str = "omega-acceptance";

const JSON: &str = "report.json";
const JUNIT: &str = "report.xml";
const HTML: &str = "report.html";
const SIGNATURE: &str = "report.json.sig";
/// The lock of a directory with copies.
const LOCK: &str = ".omega-lock";

/// How long ssh-keygen may take: an agent may ask its user.
const SIGNING: Duration = Duration::from_mins(1);

/// Where a report is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Files {
    /// The evidence, as JSON.
    pub json: PathBuf,
    /// The digest of the JSON, which is also in the run's journal.
    #[cfg_attr(feature = "schema", schemars(with = "String"))]
    pub sha256: Sha256,
    /// The same as `JUnit`'s XML.
    pub junit: PathBuf,
    /// The same as a page.
    pub html: PathBuf,
    /// The signature of the JSON, if it was signed.
    pub signature: Option<PathBuf>,
    /// The directory with copies, if there is one.
    pub copies: Option<PathBuf>,
}

impl Files {
    /// Writes the report's three forms into the run's directory, with the digest of each in its journal.
    /// Only the owner can read them.
    ///
    /// # Errors
    ///
    /// Fails if a file can't be written.
    pub fn write(run: &RunDirectory, report: &AcceptanceReport) -> Result<Self, Failure> {
        let unusable = |what: &str, why: String| {
            Failure::new(FailureClass::Error, format!("could not write the report as {what}"))
                .because(why)
        };
        let json = serde_json::to_vec_pretty(report)
            .map_err(|error| unusable("JSON", error.to_string()))?;
        let sha256 = Sha256::of(&json);
        let junit = render::junit(report).map_err(|error| unusable("JUnit", error.to_string()))?;
        let html = render::html(report, &sha256);
        let all = [(JSON, json), (JUNIT, junit.into_bytes()), (HTML, html.into_bytes())];
        let [json, junit, html] =
            all.each_ref().map(|(name, bytes)| run.keep_document(name, bytes));
        let (json, junit, html) = (json?, junit?, html?);
        Ok(Self { json, sha256, junit, html, signature: None, copies: None })
    }

    /// Copies the three into `directory`, in the place of those that are there: all of them, or none if there
    /// is no room. The signature of a report that was there is removed: it is none of this one.
    ///
    /// # Errors
    ///
    /// Fails if a file can't be read or written.
    pub fn copy_to(&mut self, directory: &Path) -> Result<(), Failure> {
        make(directory).map_err(|error| unwritable(directory, &error))?;
        let copy = |from: &Path, name| {
            let bytes = fs::read(from).map_err(|error| unwritable(from, &error))?;
            Ok((directory.join(name), bytes))
        };
        let all = [(&self.json, JSON), (&self.junit, JUNIT), (&self.html, HTML)];
        let all = all.map(|(from, name)| copy(from, name));
        let all = all.into_iter().collect::<Result<Vec<_>, Failure>>()?;
        persist_all(&all).map_err(|error| unwritable(directory, &error))?;
        let stale = directory.join(SIGNATURE);
        match fs::remove_file(&stale) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(unwritable(&stale, &error));
            }
            Ok(()) | Err(_) => {}
        }
        self.copies = Some(directory.to_path_buf());
        Ok(())
    }

    /// Names the copies in the place of the run's own files, which will be gone.
    pub fn keep_copies_only(&mut self) {
        let Some(directory) = self.copies.take() else { return };
        self.json = directory.join(JSON);
        self.junit = directory.join(JUNIT);
        self.html = directory.join(HTML);
    }

    /// Signs the JSON, and puts the signature beside it and beside its copy.
    ///
    /// # Errors
    ///
    /// As [`sign`]. The report's files stay.
    pub async fn sign(&mut self, key: &Path) -> Result<(), Failure> {
        let signature = sign(&self.json, key).await?;
        if let Some(directory) = &self.copies {
            let path = directory.join(SIGNATURE);
            let bytes = fs::read(&signature).map_err(|error| unwritable(&path, &error))?;
            persist(&path, &bytes).map_err(|error| unwritable(&path, &error))?;
        }
        self.signature = Some(signature);
        Ok(())
    }
}

/// A directory for copies of reports. One run at a time has it, so that no two reports are mixed there.
#[derive(Debug)]
pub struct ReportDirectory {
    path: PathBuf,
    _lock: Lock,
}

impl ReportDirectory {
    /// Makes the directory, and tries to write to it: before a run of twenty minutes. `who`: for whom else
    /// wants it.
    ///
    /// # Errors
    ///
    /// Fails with [`FailureClass::Usage`] if it can't be written to, and with [`FailureClass::Locked`] if
    /// another run has it.
    pub fn open(path: &Path, who: &str) -> Result<Self, Failure> {
        let unusable = |error: &io::Error| {
            let what = format!("no report can be written to {}", path.display());
            let failure = Failure::new(FailureClass::Usage, what).because(error.to_string());
            failure.next("give another directory: --report-dir")
        };
        make(path).map_err(|error| unusable(&error))?;
        let who = format!("{who}, process {}", std::process::id());
        let lock = Lock::take(&path.join(LOCK), &who).map_err(|error| match &error {
            LockError::Held { holder } => {
                let what =
                    format!("another run writes its reports to {} ({holder})", path.display());
                Failure::new(FailureClass::Locked, what)
                    .next("wait until it ends, or give another directory: --report-dir")
            }
            LockError::Io { source, .. } => unusable(source),
            _ => unusable(&io::Error::other(error)),
        })?;
        Ok(Self { path: path.to_path_buf(), _lock: lock })
    }

    /// Returns where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Reads the report of run `id`, for a run that continues it: of a run that was killed, what it had found
/// until then.
///
/// # Errors
///
/// Fails if there is no such run, if it has checked nothing, or if what it found was edited since.
pub fn read(runs: &Runs, id: &str) -> Result<AcceptanceReport, Failure> {
    if runs.documents(id)?.iter().any(|name| name == JSON) {
        return progress::parsed(runs, id, JSON);
    }
    progress::read(runs, id)?.ok_or_else(|| {
        let what = format!("run {id} has no result of an acceptance");
        Failure::new(FailureClass::Usage, what)
            .because("it did something else, or it was killed before it checked anything")
            .next("begin a new acceptance, without --resume")
    })
}

/// Signs `file` with `ssh-keygen -Y sign`, and returns the path of the signature. `key`: a private key
/// file without a passphrase, or a public key file whose private key an SSH agent has. A passphrase is
/// never passed on.
///
/// # Errors
///
/// Fails if ssh-keygen can't sign with the key.
pub async fn sign(file: &Path, key: &Path) -> Result<PathBuf, Failure> {
    let mut name = file.as_os_str().to_owned();
    name.push(".sig");
    let signature = PathBuf::from(name);
    let failed = |why: String| {
        let what = format!("could not sign {} with {}", file.display(), key.display());
        Failure::new(FailureClass::Error, what).because(why).next(format!(
            "a key with a passphrase must be in an SSH agent (ssh-add), and its .pub file is named then: \
             ssh-keygen -Y sign -n {NAMESPACE} -f KEY {}",
            file.display()
        ))
    };
    // Without a terminal it can only ask through a program of the desktop, or not at all.
    let program = Program::new("ssh-keygen")
        .args(["-Y", "sign", "-n", NAMESPACE, "-f"])
        .args([key, file])
        .variable("SSH_ASKPASS_REQUIRE", "force");
    let output = program.output(SIGNING).await.map_err(|error| failed(error.to_string()))?;
    if output.status == Some(0) && signature.is_file() {
        return Ok(signature);
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(failed(if said.is_empty() { "ssh-keygen gave no reason".to_owned() } else { said }))
}

fn make(directory: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(directory)
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    Failure::new(FailureClass::Error, format!("could not write {}", path.display()))
        .because(error.to_string())
        .next("make room there, or give another directory: --report-dir")
}

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
