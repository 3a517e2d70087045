//! The webhooks in Cluster API's way: while an admission webhook does not answer, reads work and every
//! write is refused; while one that converts does not, reads of another version fail too.

use std::{io::ErrorKind, time::Duration};

use futures::future::join_all;
use omega_capi::{
    Error, Management,
    controllers::{WebhookServer, Webhooks, read_webhooks},
    served::Definition,
};
use omega_core::{Evidence, Subject};
use tokio::{net::TcpStream, time::timeout};

use super::{Cause, Layer, LayerFinding, causes, layer_result::LayerResult};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(3);

/// Checks whether each webhook is served.
pub(super) async fn ask(management: &Management, definitions: &[Definition]) -> LayerResult {
    let result = LayerResult::new(Layer::Controllers);
    match read_webhooks(management, definitions).await {
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
    let why = "its caBundle is no certificate: the API server calls it in vain, and refuses what it \
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
    let names: Vec<&str> = one.configurations.iter().map(String::as_str).collect();
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
    let why = format!("{why}: every write to the objects that it checks is refused");
    let subject = Subject::new("webhook server", server);
    let found = LayerFinding::broken(Layer::Controllers, Cause::WebhookDown, subject, why);
    Some(found.shown_by([Evidence::list("webhook configurations", names)]).remedy(remedy))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(server: WebhookServer, connection: Option<ErrorKind>) -> Option<Cause> {
        let configurations = ["core".to_owned()].into();
        let untrusted = std::collections::BTreeSet::new();
        judge(&Webhooks { configurations, untrusted, server }, connection).map(|one| one.cause)
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
        let all =
            Webhooks { configurations: [name.to_owned()].into(), untrusted: [].into(), server };
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
