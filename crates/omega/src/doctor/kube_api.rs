//! The management cluster's API server, as this machine sees it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use omega_capi::{ConnectFailure, Error, controllers::Readiness};
use omega_core::{Diagnostic as _, Evidence, Severity, Subject};

use super::{
    Cause, Layer, LayerFinding, causes,
    driver_credential::{self, InUse},
    layer_result::LayerResult,
};

/// If two clocks differ by more than this, their times can't be compared.
const SKEW: Duration = Duration::from_mins(1);

/// Checks the API server of the kubeconfig `in_use`. `now`: this machine's clock.
pub(super) fn judge(
    in_use: &InUse,
    answer: &Result<Readiness, Error>,
    now: Timestamp,
) -> Vec<LayerResult> {
    let facts = &in_use.facts;
    let server = facts.server.as_str().trim_end_matches('/');
    let layer = LayerResult::new(Layer::KubeApi);
    match answer {
        Ok(ready) => {
            let found = unwell(server, ready).into_iter().chain(skewed(server, ready, now));
            let layer = layer.shown_by([Evidence::took(server, ready.took)]).with(found);
            let ends = driver_credential::ends_soon(in_use, now);
            let credential =
                ends.map(|found| LayerResult::new(Layer::DriverCredential).with([found]));
            [layer].into_iter().chain(credential).collect()
        }
        Err(error @ (Error::Unauthorized { .. } | Error::Forbidden { .. })) => {
            let context = format!("{server} (context {})", facts.context);
            let subject = Subject::new("kubeconfig", context);
            let found = if let Error::Forbidden { .. } = error {
                let found = LayerFinding::broken(
                    Layer::DriverCredential,
                    Cause::RightsMissing,
                    subject,
                    error.to_string(),
                );
                found.remedy(error.next().unwrap_or_default())
            } else {
                let why = format!("{error}, which are those of {}", in_use.file);
                driver_credential::refused(subject, &why, Some(facts), now, in_use.renew())
            };
            let found = found.shown_by([Evidence::text("kubeconfig", &in_use.file)]);
            let credential = LayerResult::new(Layer::DriverCredential).with([found]);
            vec![layer.shown_by([Evidence::text(server, "answers")]), credential]
        }
        Err(error) => vec![layer.with([unreachable(server, error)])],
    }
}

fn broken(server: &str, cause: Cause, summary: impl Into<String>) -> LayerFinding {
    LayerFinding::broken(Layer::KubeApi, cause, Subject::new("API server", server), summary)
}

fn unwell(server: &str, ready: &Readiness) -> Option<LayerFinding> {
    if let Some(answer) = &ready.not_kubernetes {
        let why = format!("what answers there is no API server of Kubernetes: {answer}");
        let remedy = "check `server` in the kubeconfig, and what stands before the API server: a proxy (no_proxy), a \
                      load balancer";
        return Some(broken(server, Cause::ApiUnreachable, why).remedy(remedy));
    }
    let why = format!("its own checks fail: {}", ready.failed.join("; "));
    (!ready.ready).then(|| {
        broken(server, Cause::ApiUnwell, why)
            .shown_by([Evidence::list("failed checks", &ready.failed)])
            .remedy(
                "check etcd and the API server on the management machine: kubectl get --raw \
                 '/readyz?verbose'",
            )
    })
}

/// Different clocks are not a fault of the cluster, but make ages and expiry times wrong.
fn skewed(server: &str, ready: &Readiness, now: Timestamp) -> Option<LayerFinding> {
    let clock = ready.clock?;
    let apart = clock.duration_since(now).abs();
    (apart > SignedDuration::try_from(SKEW).ok()?).then(|| {
        let why = format!("its clock and this machine's differ by {} s", apart.as_secs());
        broken(server, Cause::Unclear, why)
            .shown_by([Evidence::time("its clock", clock), Evidence::time("this machine's", now)])
            .remedy("set the clocks (chrony); until then ages are not reliable")
            .severity(Severity::Note)
    })
}

fn unreachable(server: &str, error: &Error) -> LayerFinding {
    let why = causes(error);
    let failure = if let Error::Unreachable { cause, .. } = error { Some(cause) } else { None };
    let (cause, remedy) = match failure {
        Some(ConnectFailure::NotValidNow) => (
            Cause::CertificateExpired,
            "renew it on the management machine: kubeadm certs renew apiserver, and restart the \
             API server",
        ),
        Some(
            failure @ (ConnectFailure::CaAsLeaf
            | ConnectFailure::Certificate
            | ConnectFailure::Unsupported),
        ) => (Cause::CertificateUntrusted, failure.next()),
        Some(ConnectFailure::UnknownAuthority | ConnectFailure::OtherName) => (
            Cause::CertificateUntrusted,
            "get a kubeconfig of this cluster: its CA is not the one that signed the server's \
             certificate, or the certificate does not name this address",
        ),
        Some(failure @ ConnectFailure::Hung) => (Cause::ApiUnreachable, failure.next()),
        None if matches!(error, Error::Deadline { .. }) => (
            Cause::ApiUnreachable,
            "see whether it runs and is not overloaded: on the management machine, crictl ps -a --name \
             kube-apiserver; a firewall that drops packets looks the same from here",
        ),
        Some(_) | None => (
            Cause::ApiUnreachable,
            "start the API server: on the management machine, crictl ps -a --name kube-apiserver, \
             and the kubelet's log",
        ),
    };
    broken(server, cause, why).remedy(remedy)
}

#[cfg(test)]
mod tests {
    use omega_core::{kubeconfig::Kubeconfig, values::Secret};

    use super::*;

    #[test]
    fn who_is_refused_is_a_file() {
        let admin = include_str!("../../../omega-core/fixtures/kube/admin.yaml");
        let facts = Kubeconfig::read(Secret::from(admin.to_owned())).unwrap().facts;
        let now = facts.expires().unwrap() - SignedDuration::from_hours(24 * 100);
        let in_use = InUse { facts, file: "/home/op/admin.conf".into(), is_sites: false };
        let (server, path) = ("https://m:6443 (context a)".to_owned(), "/readyz".to_owned());
        let told = |error| {
            let all = judge(&in_use, &Err(error), now);
            let one = all.into_iter().flat_map(|layer| layer.findings).next().unwrap();
            (one.cause, one.finding.summary, one.finding.remedy.unwrap(), one.finding.evidence)
        };
        let verb = omega_capi::Verb::Get;
        let (cause, why, remedy, shown) =
            told(Error::Unauthorized { server: server.clone(), verb, path });
        assert_eq!(cause, Cause::CredentialRefused);
        assert!(why.ends_with("which are those of /home/op/admin.conf"), "{why}");
        assert!(remedy.starts_with("/home/op/admin.conf is not a minted kubeconfig"), "{remedy}");
        assert!(shown.contains(&Evidence::text("kubeconfig", "/home/op/admin.conf")));
        let (resource, message) = ("/readyz".to_owned(), "no".to_owned());
        let (cause, _, remedy, _) =
            told(Error::Forbidden { server, verb: "get".into(), resource, message });
        assert_eq!(cause, Cause::RightsMissing);
        assert!(remedy.contains("the right to get /readyz"), "{remedy}");
    }
}
