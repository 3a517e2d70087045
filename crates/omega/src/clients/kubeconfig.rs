use std::{io, path::Path};

use jiff::Timestamp;
use omega_core::{
    Failure, FailureClass,
    kubeconfig::{Kubeconfig, KubeconfigError},
    read_regular, shell_word,
    values::Secret,
};

use super::Connect;

/// The largest kubeconfig that is read. One with many contexts has about 100 kB.
const MOST: u64 = 4 << 20;

/// The hint if a file of the site does not exist.
pub(super) const RELATIVE: &str = "the path is relative to the site file";

impl Connect<'_> {
    /// Reads and checks the site's kubeconfig.
    ///
    /// # Errors
    ///
    /// Fails if it can't be read or used, or if its client certificate has expired at `now`.
    pub fn kubeconfig(&self, now: Timestamp) -> Result<Kubeconfig, Failure> {
        let read = self.kubeconfig_ignoring_expiry()?;
        let path = self.path(self.site.kubeconfig()?);
        match read.facts.validity_error(now) {
            Some(error) => Err(unusable(&path, &error)),
            None => Ok(read),
        }
    }

    /// The same, even if its client certificate has expired.
    ///
    /// # Errors
    ///
    /// Fails if it can't be read or used.
    pub fn kubeconfig_ignoring_expiry(&self) -> Result<Kubeconfig, Failure> {
        let path = self.path(self.site.kubeconfig()?);
        kubeconfig_at(&path, if path.is_absolute() { "check the path" } else { RELATIVE })
    }
}

/// Reads the kubeconfig at `path`, even if its client certificate has expired. `next`: what to do if
/// the file does not exist.
///
/// # Errors
///
/// Fails if it can't be read or used.
pub fn kubeconfig_at(path: &Path, next: &str) -> Result<Kubeconfig, Failure> {
    let bytes = read_regular(path, MOST)
        .map_err(|error| unreadable(path, "the kubeconfig", &error, next))?;
    Kubeconfig::read(Secret::new(bytes)).map_err(|error| unusable(path, &error))
}

fn unusable(path: &Path, error: &KubeconfigError) -> Failure {
    Failure {
        class: FailureClass::Refused,
        ..Failure::from_error(format!("could not use {}", path.display()), error)
    }
}

/// `absent`: what to do if the file does not exist.
pub(super) fn unreadable(path: &Path, what: &str, error: &io::Error, absent: &str) -> Failure {
    let next = if error.kind() == io::ErrorKind::PermissionDenied {
        let word = shell_word(&path.to_string_lossy());
        format!("chmod u+r {word}, or be a user who may read it")
    } else if error.kind() == io::ErrorKind::NotFound {
        absent.to_owned()
    } else {
        format!("check which file that is; {absent}")
    };
    // A name of the command line or the site file that leads nowhere.
    let is_missing = error.kind() == io::ErrorKind::NotFound;
    let class = if is_missing { FailureClass::Usage } else { FailureClass::Error };
    Failure::new(class, format!("could not read {what}, {}", path.display()))
        .because(error.to_string())
        .next(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_to_do_about_a_file_fits_what_is_wrong_with_it() {
        let next = |kind: io::ErrorKind| {
            unreadable(Path::new("/a b/kc"), "the kubeconfig", &kind.into(), RELATIVE).next.unwrap()
        };
        assert_eq!(next(io::ErrorKind::NotFound), RELATIVE);
        let denied = next(io::ErrorKind::PermissionDenied);
        assert_eq!(denied, "chmod u+r '/a b/kc', or be a user who may read it");
    }
}
