//! The results of checks that change nothing and have no run: `STATE/results/SITE-COMMAND.json`.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use omega_capi::constellation::UNTESTED;
use omega_core::{
    Failure, FailureClass, Finding, Severity, json_words, persist, private_directory, read_regular,
    run::Report, values::Sha256,
};
use serde::{Deserialize, Serialize};

use super::{
    LastResult, ResultState, Results,
    results::{found_in, of_finding},
};
use crate::drift::{DriftReport, Source};

/// The version of the format.
const VERSION: u32 = 1;
/// The largest file that is read. All rules together have less than a tenth.
const MOST: u64 = 1 << 20;

/// What one command found, rule by rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CheckResults {
    /// The version of this format.
    pub schema_version: u32,
    /// The command, without the program's name: `check live`.
    pub command: String,
    /// The site file, or the file that was checked, as it was named.
    pub site: String,
    /// The results.
    pub results: BTreeMap<String, LastResult>,
}

impl CheckResults {
    fn new(command: &str, site: &str) -> Self {
        let (command, site) = (command.to_owned(), site.to_owned());
        Self { schema_version: VERSION, command, site, results: BTreeMap::new() }
    }

    /// Returns what a command found that looked and changed nothing.
    pub fn of_report(command: &str, report: &Report, at: Timestamp) -> Self {
        let mut kept = Self::new(command, &report.site);
        for (rule, (state, summary)) in found_in(&report.findings, &report.looked, &report.done) {
            kept.put(rule, state, at, summary);
        }
        kept
    }

    /// Returns what was found by a command that asks all of `rules`. A rule without a finding holds, unless
    /// something could not be evaluated: then nothing is known of it.
    pub fn of_findings<'a>(
        command: &str,
        site: &str,
        at: Timestamp,
        rules: impl IntoIterator<Item = &'a str>,
        findings: impl IntoIterator<Item = &'a Finding>,
    ) -> Self {
        let mut kept = Self::new(command, site);
        let mut is_whole = true;
        for finding in findings {
            is_whole &= finding.severity != Severity::Unknown;
            kept.put(&finding.rule, of_finding(finding), at, Some(finding.summary.clone()));
        }
        if is_whole {
            for rule in rules {
                kept.put(rule, ResultState::Passed, at, None);
            }
        }
        kept
    }

    /// Returns what a look at everything found.
    pub fn of_drift(report: &DriftReport) -> Self {
        let mut kept = Self::new("drift", &report.site);
        for one in &report.standings {
            let state = match one.state.as_str() {
                "holds" => ResultState::Passed,
                "warns" => ResultState::Warned,
                "fails" => ResultState::Failed,
                "deferred" => ResultState::Deferred,
                // Steps only; they have no rule.
                "pending" => continue,
                _ => ResultState::Unknown,
            };
            let (id, source) = (&one.observation.id, one.observation.source);
            if !matches!(id.kind.as_str(), "gate" | "wait") {
                continue;
            }
            // Each controller is observed by itself; the rule is one.
            let rule =
                if source == Source::Constellation { UNTESTED.name } else { id.key.as_str() };
            let found = report.differences.iter().find(|different| different.id == *id);
            kept.put(rule, state, report.at, found.map(|found| found.summary.clone()));
        }
        for one in &report.differences {
            if let Some(silent) = &one.silent {
                kept.put(silent, ResultState::Failed, report.at, Some(one.summary.clone()));
            }
        }
        kept
    }

    /// Adds a result. Of two of a rule the worse one stays.
    fn put(&mut self, rule: &str, state: ResultState, at: Timestamp, summary: Option<String>) {
        let result = LastResult::new(state, at, &self.command, &self.site);
        let summary = summary.filter(|_| state != ResultState::Passed);
        let known = self.results.get(rule).map(|known| known.state);
        if known.is_none_or(|known| state < known) {
            self.results.insert(rule.to_owned(), LastResult { summary, ..result });
        }
    }
}

/// The results that are kept on this machine.
#[derive(Clone, Debug)]
pub struct KeptResults(PathBuf);

impl KeptResults {
    /// Returns the results below `state`.
    pub fn new(state: &Path) -> Self {
        Self(state.join("results"))
    }

    /// Keeps what a command found. The results of rules that it did not ask this time stay.
    ///
    /// # Errors
    ///
    /// Fails if they can't be written.
    pub fn keep(&self, found: &CheckResults) -> Result<(), Failure> {
        let path = self.path(found);
        let mut kept = found.clone();
        // A damaged file is replaced: what it had is asked again by the same command.
        for (rule, result) in read(&path).map(|old| old.results).unwrap_or_default() {
            kept.results.entry(rule).or_insert(result);
        }
        let written = private_directory(&self.0)
            .and_then(|()| serde_json::to_vec(&kept).map_err(io::Error::from))
            .and_then(|bytes| persist(&path, &bytes));
        written.map_err(|error| {
            let what = format!("could not keep the results in {}", path.display());
            Failure::new(FailureClass::Error, what).because(error.to_string())
        })
    }

    /// Adds what is kept to `results`. `site`: only that of this site file, as it was named. What can't be
    /// read is in [`Results::damaged`].
    ///
    /// # Errors
    ///
    /// Fails if the directory can't be read.
    pub fn add_to(&self, results: &mut Results, site: Option<&str>) -> Result<(), Failure> {
        let failed = |error: io::Error| {
            let what = format!("could not list the results in {}", self.0.display());
            Failure::new(FailureClass::Error, what).because(error.to_string())
        };
        let entries = match fs::read_dir(&self.0) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(failed(error)),
        };
        let paths = entries.map(|entry| entry.map(|entry| entry.path()));
        let mut paths: Vec<PathBuf> = paths.collect::<Result<_, _>>().map_err(failed)?;
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
        paths.sort();
        for path in paths {
            match read(&path) {
                Ok(kept) if site.is_none_or(|site| kept.site == site) => {
                    for (rule, result) in kept.results {
                        results.add(&rule, result);
                    }
                }
                Ok(_) => {}
                Err(why) => {
                    let what =
                        format!("results that a check left can't be read: {}", path.display());
                    let next = format!("remove them, and check again: rm '{}'", path.display());
                    let failure = Failure::new(FailureClass::Error, what).because(why).next(next);
                    results.damaged.push(failure);
                }
            }
        }
        Ok(())
    }

    fn path(&self, found: &CheckResults) -> PathBuf {
        let site = fs::canonicalize(&found.site).unwrap_or_else(|_| found.site.clone().into());
        let name = Sha256::of(site.as_os_str().as_encoded_bytes());
        self.0.join(format!("{}-{}.json", name.short(), found.command.replace(' ', "-")))
    }
}

fn read(path: &Path) -> Result<CheckResults, String> {
    let bytes = read_regular(path, MOST).map_err(|error| error.to_string())?;
    let kept: CheckResults = serde_json::from_slice(&bytes).map_err(|error| json_words(&error))?;
    if kept.schema_version == VERSION {
        Ok(kept)
    } else {
        Err(format!("its version is {}, and this omega reads {VERSION}", kept.schema_version))
    }
}

#[cfg(test)]
mod tests {
    use omega_core::Subject;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + second).unwrap()
    }

    fn finding(rule: &str, severity: Severity) -> Finding {
        Finding::broken(rule, Subject::new("template", "t"), "it is wrong").severity(severity)
    }

    fn found(second: i64, rules: &[&'static str], findings: &[Finding]) -> CheckResults {
        let rules = rules.iter().copied();
        CheckResults::of_findings("lint templates", "omega.toml", at(second), rules, findings)
    }

    fn all(kept: &KeptResults, site: Option<&str>) -> Results {
        let mut results = Results::default();
        kept.add_to(&mut results, site).unwrap();
        results
    }

    #[test]
    fn a_rule_that_was_asked_and_found_nothing_holds_until_it_finds_something() {
        let home = tempfile::tempdir().unwrap();
        let kept = KeptResults::new(home.path());
        assert!(all(&kept, None).of("a").is_none(), "nothing is kept yet");
        let wrong = [finding("b", Severity::Broken), finding("b", Severity::Warning)];
        kept.keep(&found(0, &["a", "b"], &wrong)).unwrap();
        let results = all(&kept, Some("omega.toml"));
        let (a, b) = (results.of("a").unwrap(), results.of("b").unwrap());
        assert_eq!(
            (a.state, a.by.as_str(), a.summary.as_ref()),
            (ResultState::Passed, "lint templates", None)
        );
        assert_eq!((b.state, b.summary.as_deref()), (ResultState::Failed, Some("it is wrong")));
        assert!(all(&kept, Some("other.toml")).of("a").is_none());
        // Later it holds; what was not asked keeps its result and its time.
        kept.keep(&found(9, &["b"], &[])).unwrap();
        let results = all(&kept, None);
        let (a, b) = (results.of("a").unwrap(), results.of("b").unwrap());
        assert_eq!((a.at, b.at, b.state), (at(0), at(9), ResultState::Passed));
        assert_eq!(fs::read_dir(home.path().join("results")).unwrap().count(), 1);
    }

    #[test]
    fn where_something_is_unknown_no_silence_counts_as_good() {
        let unknown = [finding("c", Severity::Unknown)];
        let found = found(0, &["a", "c"], &unknown);
        assert_eq!(found.results["c"].state, ResultState::Unknown);
        assert!(!found.results.contains_key("a"));
    }

    #[test]
    fn a_damaged_file_is_named_and_the_others_count() {
        let home = tempfile::tempdir().unwrap();
        let kept = KeptResults::new(home.path());
        kept.keep(&found(0, &["a"], &[])).unwrap();
        for (name, text) in [
            ("x.json", "{"),
            ("y.json", r#"{"schema_version":9,"command":"c","site":"s","results":{}}"#),
        ] {
            fs::write(home.path().join("results").join(name), text).unwrap();
        }
        let results = all(&kept, None);
        assert_eq!(results.of("a").unwrap().state, ResultState::Passed);
        let told: Vec<_> = results.damaged.iter().map(|one| one.causes[0].as_str()).collect();
        assert!(told.len() == 2 && told[1].starts_with("its version is 9"), "{told:?}");
        assert!(results.damaged[0].next.as_ref().unwrap().contains("x.json"));
    }
}
