//! What a lint finds, and where.

use omega_core::{Finding, Severity};
use serde::{Deserialize, Serialize};

/// A file to check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// Its path, as it is shown.
    pub name: String,
    /// Its content.
    pub text: String,
}

/// Where something is in a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Position {
    /// The file, as it was given.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1, in characters.
    pub column: usize,
}

/// A finding with its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LintFinding {
    /// Where it is.
    pub position: Position,
    /// What it is.
    #[serde(flatten)]
    pub finding: Finding,
    /// The change that corrects it, if there is exactly one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<Fix>,
}

/// A change of one scalar.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Fix {
    /// What stands at the finding's position.
    pub old: String,
    /// What should stand there.
    pub new: String,
}

/// What a lint found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LintReport {
    /// The version of this format.
    pub schema: u32,
    /// The files that were read, in their order.
    pub files: Vec<String>,
    /// The findings, by file and place.
    pub findings: Vec<LintFinding>,
}

impl LintReport {
    /// Returns the number of findings of a severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|one| one.finding.severity == severity).count()
    }
}
