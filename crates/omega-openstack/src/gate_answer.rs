//! What a gate says if its service does not tell.

use omega_core::{Failure, Finding, Gate, Severity, Verdict, chain};

use crate::{Error, RefusalReason};

/// Returns the verdict of `gate`. That the service forbids this login to read is a finding that it is
/// not known, and never a pass; `role` says who may read it. A service that the catalog lacks is broken.
///
/// # Errors
///
/// Fails if the service did not answer.
pub(crate) fn verdict(
    gate: &dyn Gate,
    asked: Result<Verdict, Error>,
    role: &str,
) -> Result<Verdict, Failure> {
    asked.or_else(|error| {
        let why = chain(&error).join(": ");
        let finding = Finding::broken(gate.rule(), gate.subject(), why);
        if error.reason() == Some(RefusalReason::PolicyForbids) {
            let remedy = format!("log in with a role that may read it: {role}");
            return Ok(Verdict::fail(finding.severity(Severity::Unknown).remedy(remedy)));
        }
        if let Error::NoEndpoint { service, .. } = &error {
            let remedy = format!(
                "register its endpoint (openstack endpoint create {service} public URL), or name the \
                 region that has one (`region` in [cloud])"
            );
            return Ok(Verdict::fail(finding.remedy(remedy)));
        }
        let what = format!("could not check {}", gate.subject());
        Err(Failure::from_error(what, &error))
    })
}
