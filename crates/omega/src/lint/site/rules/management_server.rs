//! `management-server`

use omega_core::{Severity, Subject};

use super::{Input, LintFinding, Rule};

pub(super) const RULE: Rule = Rule {
    id: "management-server",
    decision: Some("D-035"),
    severity: Severity::Warning,
    reason: "The management cluster is one server, which nothing starts again (D-041): only by its name can omega tell that it is down.",
    source: "the decisions D-035 and D-041",
};

pub(super) fn check(input: &Input<'_>) -> Vec<LintFinding> {
    let management = &input.placed.site.management;
    if management.kubeconfig.is_none() || management.server.is_some() {
        return Vec::new();
    }
    let position = input.placed.places.nearest(&["management", "server"]);
    let subject = Subject::new("key", "management.server");
    let summary =
        "the server of the management cluster is not named: doctor can't say whether it runs";
    let remedy = "name it: server = \"capi-mgmt-v2\" in [management]";
    vec![RULE.found(position, subject, summary, remedy)]
}
