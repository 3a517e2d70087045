//! What a check found, as one verdict.

use omega_core::{Evidence, Severity, Subject, Verdict};

use crate::lint::Rule;

/// How many faults a summary names; the others are evidence.
const NAMED: usize = 3;

/// The evidence of a check and what is wrong, in the order in which it was found.
#[derive(Debug)]
pub(super) struct Judged {
    rule: Rule,
    subject: Subject,
    evidence: Vec<Evidence>,
    faults: Vec<Fault>,
}

#[derive(Debug)]
struct Fault {
    severity: Severity,
    summary: String,
    remedy: String,
}

impl Judged {
    pub(super) fn new(rule: &Rule, subject: Subject) -> Self {
        Self { rule: *rule, subject, evidence: Vec::new(), faults: Vec::new() }
    }

    /// Adds what was observed, whether or not it is right.
    pub(super) fn shows(&mut self, evidence: Evidence) {
        self.evidence.push(evidence);
    }

    /// Adds what must be fixed.
    pub(super) fn broken(&mut self, summary: impl Into<String>, remedy: impl Into<String>) {
        self.fault(Severity::Broken, summary, remedy);
    }

    /// Adds what has not the effect that it seems to have, or will soon stop having it.
    pub(super) fn warning(&mut self, summary: impl Into<String>, remedy: impl Into<String>) {
        self.fault(Severity::Warning, summary, remedy);
    }

    /// Adds what could not be evaluated.
    pub(super) fn unknown(&mut self, summary: impl Into<String>, remedy: impl Into<String>) {
        self.fault(Severity::Unknown, summary, remedy);
    }

    pub(super) fn fault(
        &mut self,
        severity: Severity,
        summary: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let (summary, remedy) = (summary.into(), remedy.into());
        self.faults.push(Fault { severity, summary, remedy });
    }

    /// Returns the verdict: the worst severity, with its faults; what else is wrong is evidence.
    pub(super) fn verdict(mut self) -> Verdict {
        self.faults.sort_by_key(|one| rank(one.severity));
        let Some(worst) = self.faults.first().map(|one| one.severity) else {
            return Verdict::shown(self.evidence);
        };
        let same = self.faults.iter().filter(|one| one.severity == worst).count();
        let rest = self.faults.split_off(same.min(NAMED));
        let texts = |text: fn(&Fault) -> &String| {
            let mut all: Vec<&str> = Vec::new();
            for one in self.faults.iter().map(|one| text(one).as_str()) {
                if !one.is_empty() && !all.contains(&one) {
                    all.push(one);
                }
            }
            all.join("; ")
        };
        let (mut summary, remedy) = (texts(|one| &one.summary), texts(|one| &one.remedy));
        if same > self.faults.len() {
            summary = format!("{summary}; and {} more", same - self.faults.len());
        }
        let rest = rest.iter().map(|one| Evidence::text(word(one.severity), &one.summary));
        let finding = self.rule.finding(self.subject, &summary, &remedy).severity(worst);
        Verdict::fail(finding.shown_by(self.evidence).shown_by(rest))
    }
}

/// What is not known may be broken.
fn rank(severity: Severity) -> u8 {
    match severity {
        Severity::Broken => 0,
        Severity::Unknown => 1,
        Severity::Warning => 2,
        Severity::Waiting => 3,
        Severity::Note | _ => 4,
    }
}

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Broken => "broken:",
        Severity::Unknown => "not known:",
        Severity::Warning => "warning:",
        Severity::Waiting => "waiting:",
        Severity::Note | _ => "note:",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::running_channels::RULE;

    fn judged(faults: &[(Severity, &str)]) -> Verdict {
        let mut judged = Judged::new(&RULE, Subject::new("model", "m"));
        judged.shows(Evidence::count("applications", 2));
        for (severity, text) in faults {
            judged.fault(*severity, *text, format!("fix {}", text.len()));
        }
        judged.verdict()
    }

    #[test]
    fn the_worst_is_the_verdict_and_nothing_is_lost() {
        assert!(matches!(judged(&[]), Verdict::Pass { evidence } if evidence.len() == 1));
        let Verdict::Fail(found) = judged(&[
            (Severity::Warning, "w"),
            (Severity::Unknown, "u"),
            (Severity::Broken, "b1"),
            (Severity::Broken, "b2"),
            (Severity::Broken, "b3"),
            (Severity::Broken, "b4"),
        ]) else {
            panic!("it passed")
        };
        assert_eq!((found.severity, found.rule.as_str()), (Severity::Broken, "running-channels"));
        assert_eq!(found.summary, "b1; b2; b3; and 1 more");
        assert_eq!(found.remedy.as_deref(), Some("fix 2"));
        let line = Evidence::line(&found.evidence);
        assert_eq!(line, "applications: 2, broken: b4, not known: u, warning: w");
        let Verdict::Fail(found) = judged(&[(Severity::Warning, "w"), (Severity::Unknown, "u")])
        else {
            panic!("it passed")
        };
        assert_eq!(found.severity, Severity::Unknown, "what is not known may be broken");
    }
}
