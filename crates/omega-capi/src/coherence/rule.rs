use std::fmt;

use omega_core::{Evidence, Finding, Severity, Subject, Verdict};
use serde::{Deserialize, Serialize};

/// The rule of a [`Finding`]. The names are stored and used by scripts: never rename them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Rule {
    /// The driver reads a kind at a version that is not served.
    UnservedRead,
    /// The chart creates a kind at a version that is not served.
    UnservedWrite,
    /// `api_resources` does not parse: the driver can't be imported.
    UnreadableOverride,
    /// `api_resources` makes the driver read a kind at another version.
    MovedRead,
    /// The driver ignores an entry of `api_resources`.
    IgnoredOverride,
    /// It is not known which versions the chart uses.
    UnknownChart,
    /// No chart is set, so the driver installs its default.
    DefaultChart,
    /// A delete would report success but delete nothing.
    UnsafeDelete,
    /// A provider's kind lacks the contract label that Cluster API's core needs.
    MissingContract,
    /// A version is marked as served in its definition, but is not served.
    UnsettledDefinition,
    /// Objects may be stored in a version that the definition does not write any more.
    StoredVersion,
    /// A coming release of Cluster API will not serve a version that is needed.
    ComingRemoval,
    /// A template has a network driver that the charts do not have.
    TemplateWithoutCni,
    /// A template's chart is not the site's, or not a version.
    TemplateChart,
    /// A template's label has no effect.
    IgnoredLabel,
}

impl Rule {
    /// All rules.
    pub const ALL: [Self; 15] = [
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
        Self::StoredVersion,
        Self::ComingRemoval,
        Self::TemplateWithoutCni,
        Self::TemplateChart,
        Self::IgnoredLabel,
    ];

    /// Returns its name, as it is stored and used by `--accept`.
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
            Self::StoredVersion => "stored-version",
            Self::ComingRemoval => "coming-removal",
            Self::TemplateWithoutCni => "template-without-cni",
            Self::TemplateChart => "template-chart",
            Self::IgnoredLabel => omega_driver::template::IGNORED_LABEL.name,
        }
    }

    /// Returns the rule of a finding, if it is one of these.
    pub fn of(finding: &Finding) -> Option<Self> {
        Self::ALL.into_iter().find(|rule| rule.name() == finding.rule)
    }

    /// Returns the upstream file that the rule is derived from.
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
            Self::UnsettledDefinition | Self::StoredVersion => {
                "apiextensions-apiserver, CustomResourceDefinition"
            }
            Self::ComingRemoval => "cluster-api 1.13.2, docs/book/src/reference/versions.md:166",
            Self::TemplateWithoutCni => "capi-helm-charts, charts/cluster-addons/templates/cni",
            Self::TemplateChart | Self::IgnoredLabel => {
                "magnum-capi-helm 1.4.0, magnum_capi_helm/driver.py"
            }
        }
    }

    /// Returns the decisions that it checks: first the one that its findings name.
    pub fn decisions(self) -> &'static [&'static str] {
        match self {
            // Which of them depends on what is served instead.
            Self::UnservedRead => &["D-042", "D-034"],
            Self::UnreadableOverride
            | Self::MovedRead
            | Self::IgnoredOverride
            | Self::UnsafeDelete
            | Self::MissingContract
            | Self::UnsettledDefinition
            | Self::ComingRemoval => &["D-042"],
            Self::UnservedWrite | Self::UnknownChart | Self::TemplateChart => &["D-034"],
            Self::DefaultChart => &["D-036"],
            Self::StoredVersion => &["D-028"],
            Self::TemplateWithoutCni => &["D-031", "DOCFIX-032"],
            Self::IgnoredLabel => omega_driver::template::IGNORED_LABEL.decisions,
        }
    }

    /// Creates a finding of this rule, with the first of its decisions.
    pub(super) fn finding(
        self,
        severity: Severity,
        subject: Subject,
        summary: impl Into<String>,
    ) -> Finding {
        let finding = Finding::broken(self.name(), subject, summary);
        let finding = finding.severity(severity).source(self.source());
        match self.decisions().first() {
            Some(decision) => finding.decision(decision),
            None => finding,
        }
    }

    /// Returns whether an operator may accept its findings. An unsafe delete can't be undone, and with
    /// an `api_resources` that does not parse magnum-api does not start.
    pub fn can_be_accepted(self) -> bool {
        !matches!(self, Self::UnsafeDelete | Self::UnreadableOverride)
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Sorts findings, worst first. The sort is stable.
pub(super) fn sort(findings: &mut [Finding]) {
    findings.sort_by_key(|finding| finding.severity);
}

/// Returns the verdict of a gate on sorted `findings`; `evidence` is that of a pass.
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
