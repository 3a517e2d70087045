use std::collections::{BTreeMap, BTreeSet};

use futures::future::{try_join, try_join_all};
use k8s_openapi::{
    api::{admissionregistration::v1::RuleWithOperations, discovery::v1::EndpointSlice},
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::{
    Error, Management, Namespace,
    list::{JSON, label_selector},
};

const VALIDATING: &str = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
const MUTATING: &str = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";
const PAGE: usize = 100;
/// The suffix of the API groups of Cluster API and its providers.
const GROUPS: &str = "cluster.x-k8s.io";

/// Admission webhooks that are served by one server. While it does not answer, writes of the objects
/// that they validate are refused. Reads are not affected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhooks {
    /// The webhook configurations that name the server.
    pub configurations: BTreeSet<String>,
    /// The server.
    pub server: WebhookServer,
}

/// The server of a webhook.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WebhookServer {
    /// A Service of the management cluster.
    #[expect(missing_docs, reason = "the fields are those of the Service")]
    Service {
        namespace: Namespace,
        name: String,
        /// The number of its ready endpoints.
        ready: usize,
    },
    /// A server outside of the cluster.
    #[expect(missing_docs, reason = "the fields are those of the URL")]
    Address { host: String, port: u16 },
}

#[derive(Deserialize)]
struct Configuration {
    metadata: ObjectMeta,
    #[serde(default)]
    webhooks: Vec<Webhook>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Webhook {
    client_config: ClientConfig,
    /// By default `Fail`.
    failure_policy: Option<String>,
    #[serde(default)]
    rules: Vec<RuleWithOperations>,
}

#[derive(Deserialize)]
struct ClientConfig {
    url: Option<Url>,
    service: Option<Service>,
}

#[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord)]
struct Service {
    namespace: Namespace,
    name: String,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Service(Service),
    Address(String, u16),
}

/// Reads the servers of the admission webhooks of Cluster API's kinds, and how many endpoints each
/// Service has. Only webhooks with `failurePolicy: Fail` count, without which a write is refused.
///
/// # Errors
///
/// Fails if webhook configurations or endpoint slices can't be listed.
pub async fn read_webhooks(management: &Management) -> Result<Vec<Webhooks>, Error> {
    let (validating, mutating) = try_join(
        management.list(VALIDATING, "", PAGE, JSON),
        management.list(MUTATING, "", PAGE, JSON),
    )
    .await?;
    let all = places(validating.into_iter().chain(mutating));
    try_join_all(all.into_iter().map(async |(place, configurations)| {
        let server = match place {
            Place::Address(host, port) => WebhookServer::Address { host, port },
            Place::Service(Service { namespace, name }) => {
                let ready = ready(management, &namespace, &name).await?;
                WebhookServer::Service { namespace, name, ready }
            }
        };
        Ok(Webhooks { configurations, server })
    }))
    .await
}

fn places(all: impl Iterator<Item = Configuration>) -> BTreeMap<Place, BTreeSet<String>> {
    let mut places: BTreeMap<Place, BTreeSet<String>> = BTreeMap::new();
    for Configuration { metadata, webhooks } in all {
        let name = metadata.name.unwrap_or_default();
        for Webhook { client_config, failure_policy, rules } in webhooks {
            let groups = rules.iter().flat_map(|rule| &rule.api_groups).flatten();
            let ours = groups.into_iter().any(|group| group.ends_with(GROUPS));
            if !ours || failure_policy.is_some_and(|policy| policy == "Ignore") {
                continue;
            }
            let ClientConfig { url, service } = client_config;
            let address = || {
                let url = url?;
                Some(Place::Address(url.host_str()?.to_owned(), url.port_or_known_default()?))
            };
            if let Some(place) = service.map(Place::Service).or_else(address) {
                places.entry(place).or_default().insert(name.clone());
            }
        }
    }
    places
}

async fn ready(management: &Management, namespace: &Namespace, name: &str) -> Result<usize, Error> {
    let path = format!("/apis/discovery.k8s.io/v1/namespaces/{namespace}/endpointslices");
    let selector = label_selector("kubernetes.io/service-name", name);
    let slices: Vec<EndpointSlice> = management.list(&path, &selector, PAGE, JSON).await?;
    let conditions = slices.into_iter().flat_map(|slice| slice.endpoints).map(|one| one.conditions);
    // Unknown counts as ready (`discovery.k8s.io/v1`, `EndpointConditions`).
    Ok(conditions.filter(|one| one.as_ref().and_then(|one| one.ready) != Some(false)).count())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `clusterctl` installs it, as an operator without cert-manager does, and strangers.
    const SEEN: &str = r#"[
        {"metadata": {"name": "capi-validating-webhook-configuration"}, "webhooks": [
            {"clientConfig": {"service": {"name": "capi-webhook-service", "namespace": "capi-system",
                "path": "/validate-cluster", "port": 443}}, "failurePolicy": "Fail",
             "rules": [{"apiGroups": ["cluster.x-k8s.io"]}]},
            {"clientConfig": {"service": {"name": "capi-webhook-service", "namespace": "capi-system"}},
             "rules": [{"apiGroups": ["addons.cluster.x-k8s.io"]}]}]},
        {"metadata": {"name": "core"}, "webhooks": [
            {"clientConfig": {"url": "https://127.77.2.1:9443/validate"}, "failurePolicy": "Fail",
             "rules": [{"apiGroups": ["controlplane.cluster.x-k8s.io"]}]}]},
        {"metadata": {"name": "cert-manager"}, "webhooks": [
            {"clientConfig": {"url": "https://other/"}, "rules": [{"apiGroups": ["cert-manager.io"]}]},
            {"clientConfig": {"url": "https://lenient/"}, "failurePolicy": "Ignore",
             "rules": [{"apiGroups": ["cluster.x-k8s.io"]}]}]}]"#;

    #[test]
    fn each_place_without_which_a_write_is_refused_is_known_once() {
        let all: Vec<Configuration> = serde_json::from_str(SEEN).unwrap();
        let shown: Vec<String> = places(all.into_iter())
            .into_iter()
            .map(|(place, names)| match place {
                Place::Service(one) => format!("{}/{} {names:?}", one.namespace, one.name),
                Place::Address(host, port) => format!("{host}:{port} {names:?}"),
            })
            .collect();
        let service =
            r#"capi-system/capi-webhook-service {"capi-validating-webhook-configuration"}"#;
        assert_eq!(shown, [service, r#"127.77.2.1:9443 {"core"}"#]);
    }
}
