//! The report's files, their digest and their signature.

use std::{
    fs, io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use omega_core::{
    Failure, FailureClass, json_words, persist,
    run::{RunDirectory, Runs},
    values::Sha256,
};
use omega_juju::channel::Program;
use serde::Serialize;

use super::{AcceptanceReport, render};

/// The namespace of a report's signature: a signature for another purpose is not one of a report.
pub const NAMESPACE: &str = "omega-acceptance";

const JSON: &str = "report.json";
const JUNIT: &str = "report.xml";
const HTML: &str = "report.html";

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
    /// Writes the report's three forms into the run's directory, with the digest of each in its journal,
    /// and copies of them into the directory `copies`. Only the owner can read them.
    ///
    /// # Errors
    ///
    /// Fails if a file can't be written.
    pub fn write(
        run: &RunDirectory,
        report: &AcceptanceReport,
        copies: Option<&Path>,
    ) -> Result<Self, Failure> {
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
        if let Some(directory) = copies {
            make(directory).map_err(|error| unwritable(directory, &error))?;
            for (name, bytes) in &all {
                let path = directory.join(name);
                persist(&path, bytes).map_err(|error| unwritable(&path, &error))?;
            }
        }
        let copies = copies.map(Path::to_path_buf);
        Ok(Self { json, sha256, junit, html, signature: None, copies })
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
    pub async fn sign(mut self, key: &Path) -> Result<Self, Failure> {
        let signature = sign(&self.json, key).await?;
        if let (Some(directory), Some(name)) = (&self.copies, signature.file_name()) {
            let path = directory.join(name);
            let bytes = fs::read(&signature).map_err(|error| unwritable(&path, &error))?;
            persist(&path, &bytes).map_err(|error| unwritable(&path, &error))?;
        }
        self.signature = Some(signature);
        Ok(self)
    }
}

/// Reads the report of run `id`, for a run that continues it.
///
/// # Errors
///
/// Fails if there is no such run, if it has no report, or if the report was edited since.
pub fn read(runs: &Runs, id: &str) -> Result<AcceptanceReport, Failure> {
    let bytes = runs.document(id, JSON)?;
    serde_json::from_slice(&bytes).map_err(|error| {
        let what = format!("the report of run {id} is not one of an acceptance of this version");
        Failure::new(FailureClass::Usage, what).because(json_words(&error))
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
        Failure::new(FailureClass::Error, what).because(why).next(
            "the report is written; a key with a passphrase must be in an SSH agent (ssh-add), and \
             --sign names its .pub file then",
        )
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
        .next("the report is in the run's own directory: omega-cli runs")
}

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
