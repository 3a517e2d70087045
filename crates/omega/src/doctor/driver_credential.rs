//! The driver's kubeconfig, if the management cluster rejects it.

use jiff::Timestamp;
use omega_core::{
    Evidence, Severity, Subject,
    kubeconfig::{AuthKind, KubeconfigFacts},
};

use super::{Cause, Layer, LayerFinding};

/// A kubeconfig that is in use, and its file: it is a file whose credentials are refused.
#[derive(Clone, Debug)]
pub(super) struct InUse {
    pub(super) facts: KubeconfigFacts,
    /// The file, as it was named.
    pub(super) file: String,
    /// Whether the site names it for the driver, so that it is on the units too.
    pub(super) is_sites: bool,
}

impl InUse {
    /// Returns how to get one that works. A minted one is minted again; a person's own login is not.
    pub(super) fn renew(&self) -> String {
        let Self { facts: KubeconfigFacts { account, context, .. }, file, is_sites } = self;
        let place = if *is_sites { "; then omega-cli place-kubeconfig" } else { "" };
        match account {
            Some(account) => format!(
                "{file} has a token of the account {account}. With a site file whose kubeconfig is an \
                 administrator's, make a new one: omega-cli mint-kubeconfig --account {account} --out FILE \
                 --namespace magnum-PROJECT_ID; put it in the place of {file}{place}"
            ),
            None => format!(
                "{file} is not a minted kubeconfig but somebody's login (context {context}): get a new one \
                 of it from the management cluster (of kubeadm: /etc/kubernetes/admin.conf on its machine, \
                 after kubeadm certs renew admin.conf), and replace {file} with it{place}"
            ),
        }
    }
}

/// Explains a 401: the client certificate of `facts` has expired, or the server does not know the
/// user. `why`: the refusal. `renew`: what to do about it.
pub(super) fn refused(
    subject: Subject,
    why: &str,
    facts: Option<&KubeconfigFacts>,
    now: Timestamp,
    renew: String,
) -> LayerFinding {
    let broken = |cause, summary: String| {
        LayerFinding::broken(Layer::DriverCredential, cause, subject, summary).remedy(renew)
    };
    let ended = facts.and_then(|facts| Some((facts, facts.validity_error(now)?)));
    match ended {
        Some((facts, ended)) => broken(Cause::KubeconfigExpired, ended.to_string())
            .shown_by([Evidence::sentence(why)])
            .shown_by(validity(facts)),
        None => broken(Cause::CredentialRefused, why.to_owned()),
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
pub(super) fn ends_soon(in_use: &InUse, now: Timestamp) -> Option<LayerFinding> {
    let facts = &in_use.facts;
    let end = facts.expires().filter(|_| facts.expires_soon(now))?;
    let what = match &facts.auth {
        AuthKind::ClientCertificate { .. } => "client certificate",
        AuthKind::Token => "token",
    };
    let subject = Subject::new("kubeconfig", format!("context {}", facts.context));
    let why = format!("its {what} expires on {end}, within 30 days");
    let found =
        LayerFinding::broken(Layer::DriverCredential, Cause::KubeconfigExpired, subject, why);
    let file = Evidence::text("kubeconfig", &in_use.file);
    let shown = validity(facts).chain([file]);
    Some(found.severity(Severity::Warning).shown_by(shown).remedy(in_use.renew()))
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
            let in_use = InUse { facts, file: "mgmt.kubeconfig".into(), is_sites: true };
            let found = ends_soon(&in_use, day(29)).unwrap();
            assert_eq!(
                (found.cause, found.finding.severity),
                (Cause::KubeconfigExpired, Severity::Warning)
            );
            assert!(found.finding.summary.starts_with(&format!("its {what} expires on")));
            assert_eq!(ends_soon(&in_use, day(31)), None);
        }
    }

    /// Whose token is refused decides what helps, and each time it is a file.
    #[test]
    fn a_login_of_its_own_is_not_minted_again() {
        use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
        let with = |user: &str, is_sites| {
            let text = format!(
                "current-context: ops\ncontexts: [{{name: ops, context: {{cluster: k, user: u}}}}]\n\
                 clusters: [{{name: k, cluster: {{server: 'https://10.20.0.50:6443'}}}}]\n\
                 users: [{{name: u, user: {user}}}]\n"
            );
            let facts = Kubeconfig::read(Secret::from(text)).unwrap().facts;
            InUse { facts, file: "/home/op/kc".into(), is_sites }.renew()
        };
        let claims = r#"{"sub": "system:serviceaccount:omega:magnum-driver", "exp": 1795280131}"#;
        let minted = format!("{{token: e30.{}.x}}", URL_SAFE_NO_PAD.encode(claims));
        let said = with(&minted, true);
        assert!(said.contains("mint-kubeconfig --account omega/magnum-driver"), "{said}");
        assert!(
            said.ends_with("in the place of /home/op/kc; then omega-cli place-kubeconfig"),
            "{said}"
        );
        for user in ["{token: abc}", "{token: e30.eyJleHAiOjE3OTUyODAxMzF9.x}"] {
            let said = with(user, false);
            assert!(said.starts_with("/home/op/kc is not a minted kubeconfig"), "{said}");
            assert!(said.contains("context ops"), "{said}");
            assert!(
                !said.contains("mint-kubeconfig") && !said.contains("place-kubeconfig"),
                "{said}"
            );
            assert!(with(user, true).ends_with("then omega-cli place-kubeconfig"));
        }
        let admin = include_str!("../../../omega-core/fixtures/kube/admin.yaml");
        let facts = Kubeconfig::read(Secret::from(admin.to_owned())).unwrap().facts;
        let said = InUse { facts, file: "admin.conf".into(), is_sites: false }.renew();
        assert!(said.contains("admin.conf is not a minted kubeconfig"), "{said}");
    }
}
