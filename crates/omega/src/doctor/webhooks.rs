//! The webhooks in Cluster API's way: while an admission webhook does not answer, reads work and every
//! write is refused; while one that converts does not, reads of another version fail too.

use std::{io::ErrorKind, time::Duration};

use futures::future::join_all;
use omega_capi::{
    Error, Management,
    controllers::{WebhookServer, Webhooks, read_webhooks},
    served::Definition,
};
use omega_core::{Evidence, Severity, Subject};
use tokio::{net::TcpStream, time::timeout};

use super::{Cause, Layer, LayerFinding, causes, layer_result::LayerResult};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(3);

/// Checks whether each webhook is served.
/// `prefix`: that of the driver's namespaces.
pub(super) async fn ask(
    management: &Management,
    definitions: &[Definition],
    prefix: &str,
) -> LayerResult {
    let result = LayerResult::new(Layer::Controllers);
    match read_webhooks(management, definitions, prefix).await {
        Ok(all) => result
            .with(all.iter().filter_map(untrusted))
            .with(join_all(all.iter().map(look)).await.into_iter().flatten()),
        // Not every API server has this API.
        Err(Error::Status { code: 404, .. }) => result,
        Err(error) => {
            let subject = Subject::new("management cluster", "webhooks");
            result.with([LayerFinding::unknown(Layer::Controllers, subject, causes(&error))])
        }
    }
}

/// The API server trusts no answer of a webhook whose `caBundle` is no certificate (a placeholder that
/// cert-manager has not replaced), whatever its pods do.
fn untrusted(one: &Webhooks) -> Option<LayerFinding> {
    let Webhooks { untrusted, .. } = one;
    let first = untrusted.first()?;
    let why = "its caBundle is not a certificate: the API server can't call it, and refuses what it \
               should admit or convert";
    let subject = Subject::new("webhook", first);
    let found = LayerFinding::broken(Layer::Controllers, Cause::WebhookDown, subject, why);
    Some(found.shown_by([Evidence::list("without a certificate", untrusted)]).remedy(
        "find out why it was not injected: kubectl -n cert-manager logs deploy/cert-manager-cainjector; \
         the annotation cert-manager.io/inject-ca-from names its Certificate",
    ))
}

async fn look(one: &Webhooks) -> Option<LayerFinding> {
    let connection = match &one.server {
        WebhookServer::Service { .. } => None,
        WebhookServer::Address { host, port } => {
            let connected = timeout(CONNECT, TcpStream::connect((host.as_str(), *port))).await;
            connected.ok().and_then(Result::err).map(|error| error.kind())
        }
    };
    judge(one, connection)
}

/// `connection`: how an attempt to connect from this machine failed. Only a refusal is conclusive: a
/// server that does not answer here may answer the API server.
fn judge(one: &Webhooks, connection: Option<ErrorKind>) -> Option<LayerFinding> {
    let Webhooks { configurations, unjudged, deletes_only, .. } = one;
    let names: Vec<&str> =
        configurations.iter().chain(unjudged.keys()).map(String::as_str).collect();
    let (server, why, remedy) = match &one.server {
        WebhookServer::Service { namespace, name, ready: 0 } => (
            format!("{namespace}/{name}"),
            "no pod is behind the webhook's Service",
            format!("kubectl -n {namespace} get pods,endpointslices; then the log of its pod"),
        ),
        WebhookServer::Address { host, port }
            if connection == Some(ErrorKind::ConnectionRefused) =>
        {
            (
                format!("{host}:{port}"),
                "the webhook's address refuses connections from here",
                format!("start what serves it, or correct clientConfig of {}", names.join(", ")),
            )
        }
        WebhookServer::Service { .. } | WebhookServer::Address { .. } => return None,
    };
    let subject = Subject::new("webhook server", server);
    let found = |why: String| {
        let found = LayerFinding::broken(Layer::Controllers, Cause::WebhookDown, subject, why);
        found.shown_by([Evidence::list("webhook configurations", names.iter().copied())]).shown_by(
            unjudged.iter().map(|(name, why)| Evidence::text(&format!("{name} not judged:"), why)),
        )
    };
    if configurations.is_empty() {
        let why = format!("{why}; whether that stops a write of the driver was not judged");
        let look =
            "kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations -o yaml";
        let remedy = format!("{remedy}. What it selects: {look}, there {}", names.join(", "));
        return Some(found(why).severity(Severity::Unknown).remedy(remedy));
    }
    let write = if *deletes_only { "delete" } else { "write" };
    let why = format!("{why}: every {write} of the objects that it checks is refused");
    Some(found(why).remedy(remedy))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(server: WebhookServer, connection: Option<ErrorKind>) -> Option<Cause> {
        judge(&served_by(server), connection).map(|one| one.cause)
    }

    fn served_by(server: WebhookServer) -> Webhooks {
        Webhooks {
            configurations: ["core".to_owned()].into(),
            unjudged: [].into(),
            deletes_only: false,
            untrusted: [].into(),
            server,
        }
    }

    fn without_pods() -> WebhookServer {
        WebhookServer::Service { namespace: "x".parse().unwrap(), name: "s".into(), ready: 0 }
    }

    #[test]
    fn what_was_not_judged_is_not_the_first_thing_to_fix() {
        let sure = judge(&served_by(without_pods()), None).unwrap();
        assert_eq!(sure.finding.severity, Severity::Broken);
        assert!(
            sure.finding.summary.ends_with("every write of the objects that it checks is refused")
        );
        let deletes = Webhooks { deletes_only: true, ..served_by(without_pods()) };
        let deletes = judge(&deletes, None).unwrap().finding;
        assert!(deletes.summary.contains("every delete of the objects"), "{}", deletes.summary);
        let why = "it has matchConditions, which are not evaluated".to_owned();
        let unjudged = Webhooks {
            configurations: [].into(),
            unjudged: [("policy".to_owned(), why)].into(),
            ..served_by(without_pods())
        };
        let unknown = judge(&unjudged, None).unwrap().finding;
        assert_eq!(unknown.severity, Severity::Unknown);
        assert!(unknown.summary.ends_with("was not judged"), "{}", unknown.summary);
        let shown = Evidence::line(&unknown.evidence);
        assert!(shown.contains("policy not judged: it has matchConditions"), "{shown}");
    }

    /// cert-manager/cert-manager#4713, #3338.
    #[test]
    fn a_bundle_without_a_certificate_is_broken_whatever_the_pods_say() {
        let server = WebhookServer::Service {
            namespace: "capi-system".parse().unwrap(),
            name: "s".into(),
            ready: 1,
        };
        let name = "capi-validating-webhook-configuration";
        let all = Webhooks { configurations: [name.to_owned()].into(), ..served_by(server) };
        assert_eq!(untrusted(&all), None);
        let bad = Webhooks { untrusted: [name.to_owned()].into(), ..all };
        let found = untrusted(&bad).unwrap();
        assert_eq!((found.cause, found.finding.subject.name.as_str()), (Cause::WebhookDown, name));
    }

    #[test]
    fn only_what_surely_does_not_answer_is_down() {
        let service = |ready| WebhookServer::Service {
            namespace: "capi-system".parse().unwrap(),
            name: "s".into(),
            ready,
        };
        assert_eq!(judged(service(0), None), Some(Cause::WebhookDown));
        assert_eq!(judged(service(1), None), None);
        let address = || WebhookServer::Address { host: "192.0.2.1".into(), port: 9443 };
        assert_eq!(judged(address(), Some(ErrorKind::ConnectionRefused)), Some(Cause::WebhookDown));
        assert_eq!(judged(address(), Some(ErrorKind::HostUnreachable)), None, "seen from here");
        assert_eq!(judged(address(), None), None);
    }
}
