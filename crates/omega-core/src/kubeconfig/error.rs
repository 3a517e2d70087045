//! Why a kubeconfig can't be used.

use super::Reader;
use crate::{Diagnostic, Retry, Touched, pyyaml::Fault};

/// Why the driver can't use a kubeconfig.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the kubeconfig can't be used: {why}")]
pub struct KubeconfigError {
    why: String,
    next: String,
    reader: Option<Reader>,
}

impl KubeconfigError {
    /// Returns the reader that would refuse it although the other takes it; none if neither can use
    /// it, or if a field is not supported.
    pub fn reader(&self) -> Option<Reader> {
        self.reader
    }
}

impl Diagnostic for KubeconfigError {
    fn retry(&self) -> Retry {
        Retry::Final
    }

    fn next(&self) -> Option<String> {
        Some(self.next.clone())
    }
    fn touched(&self) -> Touched {
        Touched::Nothing
    }
}

pub(super) const FLATTEN: &str =
    "write a self-contained one: kubectl config view --minify --flatten --raw";

pub(super) fn unusable(why: impl Into<String>, next: impl Into<String>) -> KubeconfigError {
    KubeconfigError { why: why.into(), next: next.into(), reader: None }
}

pub(super) fn no<T>(why: impl Into<String>, next: impl Into<String>) -> Result<T, KubeconfigError> {
    Err(unusable(why, next))
}

/// `reader` refuses it because of `why`.
pub(super) fn refused_by(reader: Reader, why: &str, next: &str) -> KubeconfigError {
    let why = format!("{why}: {reader} refuses that");
    KubeconfigError { why, next: next.to_owned(), reader: Some(reader) }
}

pub(super) fn driver<T>(why: &str, next: &str) -> Result<T, KubeconfigError> {
    Err(refused_by(Reader::Driver, why, next))
}

pub(super) fn go<T>(why: &str, next: &str) -> Result<T, KubeconfigError> {
    Err(refused_by(Reader::Go, why, next))
}

/// It is no document of YAML that `PyYAML` takes.
impl From<Fault> for KubeconfigError {
    fn from(fault: Fault) -> Self {
        let place = |place: String| {
            let why = format!("it is truncated, or not a kubeconfig in YAML{place}");
            unusable(why, "compare its size and its last line with the original")
        };
        match fault {
            Fault::Syntax(None) => place(String::new()),
            Fault::Syntax(Some((line, column))) => {
                place(format!(" (line {line}, column {column})"))
            }
            Fault::Ended(line) => place(format!(": line {line} ends it before it begins")),
            Fault::Tab(line) => {
                let why = format!("it has a tab between its values (line {line})");
                refused_by(Reader::Driver, &why, "write spaces instead of tabs")
            }
            Fault::Value(line) => {
                let why = format!(
                    "line {line} has an unquoted value that looks like a date, a number or a sign of YAML, but is not one"
                );
                refused_by(Reader::Driver, &why, "write it in quotes")
            }
            Fault::Documents => {
                let why = "it has several YAML documents";
                refused_by(Reader::Driver, why, "keep the one that is needed")
            }
            Fault::Tag(_) => tagged(),
            Fault::Key(_) => {
                unusable("a key in it is a list or a map", "write a self-contained one")
            }
            Fault::TooLarge => unusable("it is too large", "check the command that wrote it"),
        }
    }
}

/// `PyYAML`'s and Go's ideas of tags differ.
pub(super) fn tagged() -> KubeconfigError {
    let why = "it has a YAML tag other than !!str, !!map and !!seq";
    unusable(why, "write the value without the tag")
}
