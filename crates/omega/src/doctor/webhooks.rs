//! Cluster API's admission webhooks: while one does not answer, reads work and every write is
//! refused.

use std::{io::ErrorKind, time::Duration};

use futures::future::join_all;
use omega_capi::{
    Error, Management,
    controllers::{WebhookServer, Webhooks, read_webhooks},
};
use omega_core::{Evidence, Subject};
use tokio::{net::TcpStream, time::timeout};

use super::{Cause, Layer, LayerFinding, causes, layer_result::LayerResult};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(3);

/// Checks whether each webhook is served.
pub(super) async fn ask(management: &Management) -> LayerResult {
    let result = LayerResult::new(Layer::Controllers);
    match read_webhooks(management).await {
        Ok(all) => result.with(join_all(all.iter().map(look)).await.into_iter().flatten()),
        // Not every API server has this API.
        Err(Error::Status { code: 404, .. }) => result,
        Err(error) => {
            let subject = Subject::new("management cluster", "webhooks");
            result.with([LayerFinding::unknown(Layer::Controllers, subject, causes(&error))])
        }
    }
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
        judge(&Webhooks { configurations, server }, connection).map(|one| one.cause)
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
