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

/// A finding with its place in a file; what is not written in one (a template in Magnum, a subnet in Neutron)
/// has its subject only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LintFinding {
    /// Where it is, if it is in a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// What it is.
    #[serde(flatten)]
    pub finding: Finding,
    /// The change that corrects it, if there is exactly one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<Fix>,
}

impl LintFinding {
    /// Returns a finding at a place, or one that is not in a file.
    pub fn new(position: Option<Position>, finding: Finding) -> Self {
        Self { position, finding, fix: None }
    }

    /// Sets how much it matters.
    #[must_use]
    pub fn severity(self, severity: Severity) -> Self {
        Self { finding: self.finding.severity(severity), ..self }
    }
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
    /// The findings, by file and place; then those that are not in a file.
    pub findings: Vec<LintFinding>,
}

impl LintReport {
    /// Returns the report on these files. The findings are sorted.
    pub fn new(files: Vec<String>, mut findings: Vec<LintFinding>) -> Self {
        findings.sort_by_key(|one| {
            let position = one.position.as_ref();
            let nth = |position: &Position| files.iter().position(|file| *file == position.file);
            let nth = position.and_then(nth).unwrap_or(usize::MAX);
            (nth, position.map(|position| (position.line, position.column)))
        });
        Self { schema: 1, files, findings }
    }

    /// Returns the number of findings of a severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|one| one.finding.severity == severity).count()
    }
}
