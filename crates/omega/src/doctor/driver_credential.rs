//! The driver's kubeconfig, if the management cluster rejects it.

use jiff::Timestamp;
use omega_core::{
    Evidence, Subject,
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
