//! The names of a site's objects.

use std::{fmt, path::Path};

use omega_core::{Failure, FailureClass};

/// Which job looks at the sites.
pub(super) const PREFIX: &str = "omega-drift";
/// The longest name of a `CronJob`: the controller adds 11 characters for the name of a Job, which is a label of its
/// pods (kubernetes/website, `concepts/workloads/controllers/cron-jobs.md`).
const MOST: usize = 52;

/// The name of a site in the names of its objects: that of its file, in the characters of a DNS label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SiteName(String);

impl SiteName {
    /// Returns that of the site file at `path`: `sites/Prod_1.toml` is `prod-1`.
    ///
    /// # Errors
    ///
    /// Fails if nothing is left of the name, or if the name of a `CronJob` with it is longer than 52 characters.
    pub fn of(path: &Path) -> Result<Self, Failure> {
        let stem = path.file_stem().map(|stem| stem.to_string_lossy().to_lowercase());
        let stem = stem.unwrap_or_default();
        let words =
            stem.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
        let name = Self(words.collect::<Vec<_>>().join("-"));
        let refused = |why: String| {
            let what = format!("{} can't be exported under its name", path.display());
            let next = "rename the file: its name is the name of its objects, in a-z, 0-9 and -";
            Err(Failure::new(FailureClass::Usage, what).because(why).next(next))
        };
        if name.0.is_empty() {
            return refused("it has no letter and no digit".to_owned());
        }
        let length = name.object().len();
        if length > MOST {
            return refused(format!(
                "{} has {length} characters, and a CronJob's name at most {MOST}",
                name.object()
            ));
        }
        Ok(name)
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the name of the site's objects: `omega-drift-prod`.
    pub fn object(&self) -> String {
        format!("{PREFIX}-{}", self.0)
    }
}

impl fmt::Display for SiteName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_file_becomes_a_label() {
        for (path, name) in [
            ("omega.toml", "omega"),
            ("sites/Prod_1.toml", "prod-1"),
            ("/etc/omega/k8s v1.34.toml", "k8s-v1-34"),
            ("-a--b-.toml", "a-b"),
        ] {
            assert_eq!(SiteName::of(Path::new(path)).unwrap().as_str(), name);
        }
        let longest = format!("{}.toml", "x".repeat(40));
        assert_eq!(SiteName::of(Path::new(&longest)).unwrap().object().len(), MOST);
        for path in ["___.toml", "ö.toml", "/", &format!("x{longest}")] {
            let failure = SiteName::of(Path::new(path)).unwrap_err();
            assert!(failure.next.unwrap().starts_with("rename the file"), "{path}");
        }
    }
}
