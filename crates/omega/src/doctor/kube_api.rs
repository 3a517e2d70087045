//! The management cluster's API server, asked from here.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use omega_capi::{Error, controllers::Readiness};
use omega_core::kubeconfig::KubeconfigFacts;

use super::{Cause, Finding, Layer, Mark, cloud::causes, report::LayerResult};

/// Two clocks that differ by more than this make each other's times meaningless.
const SKEW: Duration = Duration::from_mins(1);

/// Says how the API server stands. `now`: this machine's clock.
pub(super) fn judge(
    facts: &KubeconfigFacts,
    answer: &Result<Readiness, Error>,
    now: Timestamp,
) -> Vec<LayerResult> {
    let server = facts.server.as_str().trim_end_matches('/');
    let layer = |findings, well: String| LayerResult::of(Layer::KubeApi, well, findings);
    match answer {
        Ok(ready) => {
            let found = unwell(server, ready).into_iter().chain(skewed(server, ready, now));
            let well = format!("{server}, {} ms", ready.took.as_millis());
            vec![layer(found.collect(), well)]
        }
        Err(error @ (Error::Unauthorized { .. } | Error::Forbidden { .. })) => {
            let found = vec![refused(server, facts, error, now)];
            let well = format!("{server} answers");
            let credential = LayerResult::of(Layer::DriverCredential, "", found);
            vec![layer(Vec::new(), well), credential]
        }
        Err(error) => vec![layer(vec![unreachable(server, error)], String::new())],
    }
}

fn unwell(server: &str, ready: &Readiness) -> Option<Finding> {
    let why = format!("readyz: {}", ready.failed.join("; "));
    let next = "look at etcd and the API server on the management machine: kubectl get --raw \
                '/readyz?verbose'";
    (!ready.ready).then(|| Finding::broken(Layer::KubeApi, Cause::ApiUnwell, server, why, next))
}

/// Clocks that differ are no fault of the cluster, and make ages and ends of certificates lie.
fn skewed(server: &str, ready: &Readiness, now: Timestamp) -> Option<Finding> {
    let apart = ready.clock?.duration_since(now).abs();
    (apart > SignedDuration::try_from(SKEW).ok()?).then(|| {
        let why = format!("its clock and this machine's are {} s apart", apart.as_secs());
        let next = "set the clocks right (chrony); until then ages are not to be trusted";
        Finding::broken(Layer::KubeApi, Cause::Unclear, server, why, next).marked(Mark::Note)
    })
}

fn refused(server: &str, facts: &KubeconfigFacts, error: &Error, now: Timestamp) -> Finding {
    let context = format!("{} (context {})", server, facts.context);
    credential(&context, &error.to_string(), Some(facts), now)
}

/// What a 401 means: the certificate ended, or the server does not know who it is.
pub(super) fn credential(
    what: &str,
    why: &str,
    facts: Option<&KubeconfigFacts>,
    now: Timestamp,
) -> Finding {
    let ended = facts.and_then(|facts| facts.outside(now));
    let layer = Layer::DriverCredential;
    match ended {
        Some(ended) => {
            let (cause, ended) = (Cause::KubeconfigExpired, ended.to_string());
            let mut found = Finding::broken(layer, cause, what, ended, MINT);
            found.evidence.push(why.to_owned());
            found
        }
        None => Finding::broken(layer, Cause::CredentialRefused, what, why, MINT),
    }
}

/// What makes a kubeconfig that works.
pub(super) const MINT: &str = "make a new one (omega-cli mint-kubeconfig), name it in the site \
                               file, then omega-cli place-kubeconfig";

fn unreachable(server: &str, error: &Error) -> Finding {
    let why = causes(error);
    let has = |words: &[&str]| words.iter().any(|word| why.contains(word));
    let (cause, next) = if has(&["Expired", "expired"]) {
        (
            Cause::CertificateExpired,
            "renew it on the management machine: kubeadm certs renew apiserver, and restart the \
             API server",
        )
    } else if has(&["invalid peer certificate", "UnknownIssuer", "NotValidForName", "BadSignature"])
    {
        (
            Cause::CertificateUntrusted,
            "get a kubeconfig of this cluster: its CA is not the one that signed the server's \
             certificate, or the certificate does not name this address",
        )
    } else {
        (
            Cause::ApiUnreachable,
            "start the API server: on the management machine, crictl ps -a --name kube-apiserver, \
             and the kubelet's log",
        )
    };
    Finding::broken(Layer::KubeApi, cause, server, why, next)
}
