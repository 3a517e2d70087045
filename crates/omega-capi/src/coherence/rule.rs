//! One thing that does not fit, and what follows from all of them.

use std::fmt;

use omega_core::{Subject, Verdict};
use serde::{Deserialize, Serialize};

/// How much a [`Finding`] matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Good to know.
    Note,
    /// Something does not do what it seems to do.
    Warning,
    /// Clusters can't be created, deleted or told healthy. A graft must not go on.
    Broken,
}

/// Which question a [`Finding`] answers. The names are stored and accepted by scripts: never
/// renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// The driver reads a kind at a version that is not served.
    UnservedRead,
    /// The chart writes a kind at a version that is not served.
    UnservedWrite,
    /// `api_resources` does not parse: the driver can't be imported.
    UnreadableOverride,
    /// `api_resources` makes the driver read a kind elsewhere.
    MovedRead,
    /// The driver passes over an entry of `api_resources`.
    IgnoredOverride,
    /// It is not known what this chart writes.
    UnknownChart,
    /// The driver's own default chart is in force, since none is set.
    DefaultChart,
    /// A delete would report success and delete nothing.
    UnsafeDelete,
    /// A provider's kind lacks the label that Cluster API's core looks for.
    MissingContract,
    /// A definition wants a version served that the API server does not serve.
    UnsettledDefinition,
    /// What the next releases of Cluster API take away.
    ComingRemoval,
    /// A template names a network driver that the chart has nothing for.
    TemplateWithoutCni,
    /// A template's chart is not the site's, or no version.
    TemplateChart,
    /// A template's label has no effect.
    IgnoredLabel,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 14] = [
        Self::UnservedRead,
        Self::UnservedWrite,
        Self::UnreadableOverride,
        Self::MovedRead,
        Self::IgnoredOverride,
        Self::UnknownChart,
        Self::DefaultChart,
        Self::UnsafeDelete,
        Self::MissingContract,
        Self::UnsettledDefinition,
        Self::ComingRemoval,
        Self::TemplateWithoutCni,
        Self::TemplateChart,
        Self::IgnoredLabel,
    ];

    /// Returns its name, as it is stored and as an operator accepts it.
    pub fn name(self) -> &'static str {
        match self {
            Self::UnservedRead => "unserved-read",
            Self::UnservedWrite => "unserved-write",
            Self::UnreadableOverride => "unreadable-override",
            Self::MovedRead => "moved-read",
            Self::IgnoredOverride => "ignored-override",
            Self::UnknownChart => "unknown-chart",
            Self::DefaultChart => "default-chart",
            Self::UnsafeDelete => "unsafe-delete",
            Self::MissingContract => "missing-contract",
            Self::UnsettledDefinition => "unsettled-definition",
            Self::ComingRemoval => "coming-removal",
            Self::TemplateWithoutCni => "template-without-cni",
            Self::TemplateChart => "template-chart",
            Self::IgnoredLabel => "ignored-label",
        }
    }

    /// Returns whether an operator may accept what it finds. An unsafe delete can't be undone, and
    /// an `api_resources` that does not parse takes magnum-api down.
    pub fn can_be_accepted(self) -> bool {
        !matches!(self, Self::UnsafeDelete | Self::UnreadableOverride)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One thing that does not fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Which question it answers.
    pub rule: Rule,
    /// How much it matters.
    pub severity: Severity,
    /// What does not fit, and what comes of it.
    pub what: String,
    /// What shows it.
    pub evidence: String,
    /// The decision that it belongs to (`D-042`).
    pub decision: String,
    /// What to do.
    pub remedy: String,
}

/// Sorts findings, worst first; equals stay in the order in which they were asked.
pub(crate) fn sort(findings: &mut [Finding]) {
    findings.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
}

/// Returns what a gate says to `findings`, worst first; `evidence` is what holds if none is
/// [`Severity::Broken`].
pub(crate) fn verdict(findings: &[Finding], mut evidence: String) -> Verdict {
    let broken = findings.iter().filter(|f| f.severity == Severity::Broken).count();
    if let (Some(first), 1..) = (findings.first(), broken) {
        let more = if broken > 1 { format!("; {} more", broken - 1) } else { String::new() };
        let Finding { what, evidence, decision, remedy, severity: _, rule } = first;
        let why = format!("{what} ({evidence}; {decision}{more})");
        let subject = Subject::new("management cluster", "");
        let finding = omega_core::Finding::broken(rule.name(), subject, why);
        return Verdict::fail(finding.remedy(remedy));
    }
    for finding in findings.iter().filter(|f| f.severity == Severity::Warning) {
        evidence = format!("{evidence}; warning: {} ({})", finding.what, finding.remedy);
    }
    Verdict::pass(evidence)
}

#[cfg(test)]
mod tests {
    use super::Rule;

    #[test]
    fn a_rule_is_stored_by_the_name_that_is_accepted() {
        for rule in Rule::ALL {
            assert_eq!(serde_json::to_value(rule).unwrap(), rule.name());
        }
        let never: Vec<Rule> = Rule::ALL.into_iter().filter(|r| !r.can_be_accepted()).collect();
        assert_eq!(never, [Rule::UnreadableOverride, Rule::UnsafeDelete]);
    }
}
