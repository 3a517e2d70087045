//! What can be wrong, by name, and what a gate says to it.

use std::fmt;

use omega_core::{Evidence, Finding, Severity, Subject, Verdict};
use serde::{Deserialize, Serialize};

/// Which question a [`Finding`] answers: [`Finding::rule`]. The names are stored and accepted by scripts: never
/// renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
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
            Self::IgnoredLabel => omega_driver::template::IGNORED_LABEL,
        }
    }

    /// Returns the rule that found it, if it is one of these.
    pub fn of(finding: &Finding) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.name() == finding.rule)
    }

    /// Returns the upstream file that says so, or says what comes of it.
    fn source(self) -> &'static str {
        match self {
            Self::UnservedRead | Self::MovedRead | Self::IgnoredOverride => {
                "magnum-capi-helm 1.4.0, magnum_capi_helm/kubernetes.py"
            }
            Self::UnreadableOverride => {
                "magnum-capi-helm 1.4.0, magnum_capi_helm/kubernetes.py:308"
            }
            Self::UnservedWrite | Self::UnknownChart => {
                "capi-helm-charts, charts/openstack-cluster/templates"
            }
            Self::DefaultChart => "magnum-capi-helm, magnum_capi_helm/conf.py",
            Self::UnsafeDelete => "magnum-capi-helm, magnum_capi_helm/driver.py",
            Self::MissingContract => "cluster-api 1.13.2, internal/contract/version.go",
            Self::UnsettledDefinition => "apiextensions-apiserver, CustomResourceDefinition",
            Self::ComingRemoval => "cluster-api 1.13.2, docs/book/src/reference/versions.md:166",
            Self::TemplateWithoutCni => "capi-helm-charts, charts/cluster-addons/templates/cni",
            Self::TemplateChart | Self::IgnoredLabel => {
                "magnum-capi-helm 1.4.0, magnum_capi_helm/driver.py"
            }
        }
    }

    /// Returns something that this rule found, because of `decision`.
    pub(super) fn finding(
        self,
        severity: Severity,
        decision: &str,
        subject: Subject,
        summary: impl Into<String>,
    ) -> Finding {
        let finding = Finding::broken(self.name(), subject, summary);
        finding.severity(severity).decision(decision).source(self.source())
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

/// Sorts findings, worst first; equals stay in the order in which they were asked.
pub(super) fn sort(findings: &mut [Finding]) {
    findings.sort_by_key(|finding| finding.severity);
}

/// Returns what a gate says to `findings`, worst first; `evidence` is what holds if none is
/// [`Severity::Broken`].
pub(super) fn verdict(findings: &[Finding], mut evidence: Vec<Evidence>) -> Verdict {
    let broken = findings.iter().filter(|f| f.severity == Severity::Broken).count();
    if let (Some(first), 1..) = (findings.first(), broken) {
        let more = (broken > 1).then(|| Evidence::count("more findings", broken - 1));
        return Verdict::fail(first.clone().shown_by(more));
    }
    let warnings = findings.iter().filter(|f| f.severity == Severity::Warning);
    evidence.extend(warnings.map(|finding| {
        let remedy = finding.remedy.as_deref().unwrap_or_default();
        Evidence::text("warning:", format!("{} ({remedy})", finding.summary))
    }));
    Verdict::shown(evidence)
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
