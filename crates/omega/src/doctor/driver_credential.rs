//! The driver's kubeconfig, if the management cluster rejects it.

use jiff::Timestamp;
use omega_core::{
    Evidence, Severity, Subject,
    kubeconfig::{AuthKind, KubeconfigFacts},
};

use super::{Cause, Layer, LayerFinding};

/// How to create a kubeconfig that works.
pub(super) const RENEW: &str = "create a new one (omega-cli mint-kubeconfig), name it in the site \
                                file, then omega-cli place-kubeconfig";

/// Explains a 401: the client certificate of `facts` has expired, or the server does not know the
/// user. `why`: the refusal.
pub(super) fn refused(
    subject: Subject,
    why: &str,
    facts: Option<&KubeconfigFacts>,
    now: Timestamp,
) -> LayerFinding {
    let broken = |cause, subject, summary: String| {
        LayerFinding::broken(Layer::DriverCredential, cause, subject, summary).remedy(RENEW)
    };
    let ended = facts.and_then(|facts| Some((facts, facts.validity_error(now)?)));
    match ended {
        Some((facts, ended)) => broken(Cause::KubeconfigExpired, subject, ended.to_string())
            .shown_by([Evidence::sentence(why)])
            .shown_by(validity(facts)),
        None => broken(Cause::CredentialRefused, subject, why.to_owned()),
    }
}

fn validity(facts: &KubeconfigFacts) -> impl Iterator<Item = Evidence> {
    let begins = match &facts.auth {
        AuthKind::ClientCertificate { not_before, .. } => Some(*not_before),
        AuthKind::Token => None,
    };
    let begins = begins.map(|time| Evidence::time("not before", time));
    let ends = facts.expires().map(|time| Evidence::time("not after", time));
    begins.into_iter().chain(ends)
}

/// A credential that still works and ends within 30 days.
pub(super) fn ends_soon(facts: &KubeconfigFacts, now: Timestamp) -> Option<LayerFinding> {
    let end = facts.expires().filter(|_| facts.expires_soon(now))?;
    let what = match &facts.auth {
        AuthKind::ClientCertificate { .. } => "client certificate",
        AuthKind::Token => "token",
    };
    let subject = Subject::new("kubeconfig", format!("context {}", facts.context));
    let why = format!("its {what} expires on {end}, within 30 days");
    let found =
        LayerFinding::broken(Layer::DriverCredential, Cause::KubeconfigExpired, subject, why);
    Some(found.severity(Severity::Warning).shown_by(validity(facts)).remedy(RENEW))
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use omega_core::{kubeconfig::Kubeconfig, values::Secret};

    use super::*;

    #[test]
    fn the_end_of_a_certificate_and_of_a_token_is_told_thirty_days_ahead() {
        let admin = include_str!("../../../omega-core/fixtures/kube/admin.yaml");
        // {"exp": 1795280131}: 2026-11-21T16:55:31Z.
        let token = "current-context: c\ncontexts: [{name: c, context: {cluster: k, user: u}}]\n\
                     clusters: [{name: k, cluster: {server: 'https://10.20.0.50:6443'}}]\n\
                     users: [{name: u, user: {token: e30.eyJleHAiOjE3OTUyODAxMzF9.x}}]\n";
        for (text, what) in [(admin, "client certificate"), (token, "token")] {
            let facts = Kubeconfig::read(Secret::from(text.to_owned())).unwrap().facts;
            let end = facts.expires().unwrap();
            let day = |n: i64| end - SignedDuration::from_hours(24 * n);
            let found = ends_soon(&facts, day(29)).unwrap();
            assert_eq!(
                (found.cause, found.finding.severity),
                (Cause::KubeconfigExpired, Severity::Warning)
            );
            assert!(found.finding.summary.starts_with(&format!("its {what} expires on")));
            assert_eq!(ends_soon(&facts, day(31)), None);
        }
    }
}
