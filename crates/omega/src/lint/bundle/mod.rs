//! Checks a Juju bundle and its overlays against the decisions and the charms' metadata.

mod charms;
mod merge;
mod model;
mod policy;
pub(super) mod rules;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use omega_core::{Severity, Subject};

pub use charms::{Charm, Charms};
pub use model::{Application, Bundle, End, Relation};
pub use policy::{AddressRange, Policy};
pub(crate) use policy::{CEPH, RELEASES};
pub(crate) use rules::wrong_channel;

use super::{
    Fix, LintFinding, LintReport, Position, Rule, SourceFile,
    yaml::{self, Document, Place, SyntaxError, Value},
};

/// Why a bundle could not be checked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// A file is not YAML.
    #[error("{file}: {error}")]
    Syntax {
        /// The file.
        file: String,
        /// Where and why.
        error: SyntaxError,
    },
    /// A file has no document.
    #[error("{file}: line 1, column 1: the file has no YAML document")]
    Empty {
        /// The file.
        file: String,
    },
    /// A document is no bundle.
    #[error("{file}: line {line}, column {column}: this is {kind}, not a bundle", file = at.file, line = at.line, column = at.column)]
    NoBundle {
        /// Where it begins.
        at: Position,
        /// What it is.
        kind: &'static str,
    },
}

/// Returns every rule, in the order of the decisions.
pub fn rules() -> Vec<Rule> {
    rules::ALL.iter().map(|(rule, _)| *rule).collect()
}

/// What a rule looks at.
struct Input<'a> {
    bundle: &'a Bundle,
    policy: &'a Policy,
    charms: &'a Charms,
    problems: &'a [Problem],
}

/// What a rule found.
struct Hit {
    place: Place,
    subject: Subject,
    summary: String,
    remedy: String,
    fix: Option<Fix>,
    severity: Option<Severity>,
}

impl Hit {
    fn new(
        place: Place,
        application: &str,
        summary: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        let subject = Subject::new("application", application);
        let (summary, remedy) = (summary.into(), remedy.into());
        Self { place, subject, summary, remedy, fix: None, severity: None }
    }

    /// Adds the change of the scalar at its place.
    fn fix(self, old: Option<&str>, new: &str) -> Self {
        let fix = old.map(|old| Fix { old: old.to_owned(), new: new.to_owned() });
        Self { fix, ..self }
    }

    fn severity(self, severity: Severity) -> Self {
        Self { severity: Some(severity), ..self }
    }

    fn finding(&self, rule: &Rule, position: Position) -> LintFinding {
        let severity = self.severity.unwrap_or(rule.severity);
        let finding =
            rule.finding(self.subject.clone(), &self.summary, &self.remedy).severity(severity);
        LintFinding { position: Some(position), finding, fix: self.fix.clone() }
    }
}

/// What Juju would refuse or drop when it reads and merges the files.
#[derive(Clone, Debug)]
struct Problem {
    kind: ProblemKind,
    place: Place,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ProblemKind {
    IgnoredDefaultBase,
    OverlayOnly,
    WrongType,
    Overridden,
}

impl Problem {
    fn new(kind: ProblemKind, place: Place, text: String) -> Self {
        Self { kind, place, text }
    }
}

/// Returns the names of the applications of a bundle with its overlays.
///
/// # Errors
///
/// As [`lint`].
pub fn applications(files: &[SourceFile]) -> Result<Vec<String>, BundleError> {
    let (bundle, _) = merged(files, &read(files)?)?;
    Ok(bundle.applications.into_iter().map(|one| one.name).collect())
}

/// Checks a bundle: the first file, and the further ones as `juju deploy --overlay` takes them.
///
/// # Errors
///
/// Fails if a file is not YAML, or the first document is no bundle.
pub fn lint(
    files: &[SourceFile],
    policy: &Policy,
    charms: &Charms,
) -> Result<LintReport, BundleError> {
    let (_, mut findings) = found_by(files, policy, charms, |_| true)?;
    without_contradictions(&mut findings);
    Ok(LintReport::new(files.iter().map(|file| file.name.clone()).collect(), findings))
}

/// Returns the merged bundle, and what some of the rules find in it.
pub(super) fn found_by(
    files: &[SourceFile],
    policy: &Policy,
    charms: &Charms,
    is_wanted: impl Fn(&Rule) -> bool,
) -> Result<(Bundle, Vec<LintFinding>), BundleError> {
    let documents = read(files)?;
    let (bundle, problems) = merged(files, &documents)?;
    let input = Input { bundle: &bundle, policy, charms, problems: &problems };
    let mut found = Vec::new();
    for (rule, check) in rules::ALL.iter().filter(|(rule, _)| is_wanted(rule)) {
        found.extend(check(&input).iter().map(|hit| hit.finding(rule, position(files, hit.place))));
    }
    Ok((bundle, found))
}

/// Returns where a place is, with the file's name.
pub(super) fn position(files: &[SourceFile], place: Place) -> Position {
    let file = files.get(place.file).map(|file| file.name.clone()).unwrap_or_default();
    Position { file, line: place.line, column: place.column }
}

/// One value, by an anchor, for two applications that need another each: no change puts both right.
fn without_contradictions(findings: &mut [LintFinding]) {
    let mut wanted: HashMap<Option<Position>, HashSet<String>> = HashMap::new();
    for one in findings.iter() {
        let fixes = wanted.entry(one.position.clone()).or_default();
        fixes.extend(one.fix.iter().map(|fix| fix.new.clone()));
    }
    for one in findings {
        if wanted.get(&one.position).is_some_and(|fixes| fixes.len() > 1) {
            one.fix = None;
        }
    }
}

fn read(files: &[SourceFile]) -> Result<Vec<Document>, BundleError> {
    let mut documents = Vec::new();
    for (nth, file) in files.iter().enumerate() {
        let syntax = |error| BundleError::Syntax { file: file.name.clone(), error };
        let of_file = yaml::read(nth, &file.text).map_err(syntax)?;
        if of_file.is_empty() {
            return Err(BundleError::Empty { file: file.name.clone() });
        }
        documents.extend(of_file);
    }
    Ok(documents)
}

fn merged(
    files: &[SourceFile],
    documents: &[Document],
) -> Result<(Bundle, Vec<Problem>), BundleError> {
    for document in documents {
        if !matches!(document.root.data, yaml::Data::Map(_)) {
            let Place { file, line, column } = document.root.place;
            let file = files.get(file).map(|file| file.name.clone()).unwrap_or_default();
            let at = Position { file, line, column };
            return Err(BundleError::NoBundle { at, kind: document.root.kind() });
        }
    }
    let (root, mut problems, removals) = merge::merge(documents).ok_or_else(|| {
        BundleError::Empty { file: files.first().map(|file| file.name.clone()).unwrap_or_default() }
    })?;
    problems.extend(documents.iter().flat_map(|document| &document.overridden).map(
        |(key, place)| {
            let text = format!("duplicate key `{key}`: only the later one counts");
            Problem::new(ProblemKind::Overridden, *place, text)
        },
    ));
    Ok((Bundle::new(root, &removals), problems))
}
