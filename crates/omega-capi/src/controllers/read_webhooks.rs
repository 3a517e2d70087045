use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures::future::{try_join, try_join_all};
use k8s_openapi::{
    api::{admissionregistration::v1::RuleWithOperations, discovery::v1::EndpointSlice},
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use omega_core::kubeconfig::certificate_digest;
use serde::{Deserialize, Serialize};
use url::Url;

use crate::{
    Error, Management, Namespace, WebhookClient, WebhookService,
    list::{JSON, label_selector},
    served::Definition,
};

const VALIDATING: &str = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
const MUTATING: &str = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";
const PAGE: usize = 100;
/// The suffixes of the API groups of Cluster API, its providers and the addon provider.
const GROUPS: [&str; 2] = ["cluster.x-k8s.io", "addons.stackhpc.com"];
/// What the driver, helm and Cluster API write of the core group.
const CORE: [&str; 6] = ["*", "*/*", "secrets", "namespaces", "configmaps", "serviceaccounts"];

/// Webhooks that are served by one server. While it does not answer, writes of the objects that they
/// admit are refused, and objects whose versions they convert can't be read either.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhooks {
    /// The webhook configurations and the definitions that name the server.
    pub configurations: BTreeSet<String>,
    /// Those whose `caBundle` is no certificate: the API server trusts no answer.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub untrusted: BTreeSet<String>,
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
    client_config: WebhookClient,
    /// By default `Fail`.
    failure_policy: Option<String>,
    #[serde(default)]
    rules: Vec<RuleWithOperations>,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Service(WebhookService),
    Address(String, u16),
}

/// What names a server, and what of it has no certificate.
#[derive(Default)]
struct Named {
    configurations: BTreeSet<String>,
    untrusted: BTreeSet<String>,
}

/// Reads the servers of the webhooks in the way of what the driver, helm and Cluster API write, and
/// how many endpoints each Service has: the admission webhooks of Cluster API's kinds, of all kinds, and
/// of what they write of the core group; and the conversion webhooks of `definitions`. Only admission
/// webhooks with `failurePolicy: Fail` count, without which a write is refused.
///
/// # Errors
///
/// Fails if webhook configurations or endpoint slices can't be listed.
pub async fn read_webhooks(
    management: &Management,
    definitions: &[Definition],
) -> Result<Vec<Webhooks>, Error> {
    let (validating, mutating) = try_join(
        management.list(VALIDATING, "", PAGE, JSON),
        management.list(MUTATING, "", PAGE, JSON),
    )
    .await?;
    let all = places(validating.into_iter().chain(mutating), definitions);
    try_join_all(all.into_iter().map(async |(place, named)| {
        let server = match place {
            Place::Address(host, port) => WebhookServer::Address { host, port },
            Place::Service(WebhookService { namespace, name }) => {
                let ready = ready(management, &namespace, &name).await?;
                WebhookServer::Service { namespace, name, ready }
            }
        };
        let Named { configurations, untrusted } = named;
        Ok(Webhooks { configurations, untrusted, server })
    }))
    .await
}

fn places(
    all: impl Iterator<Item = Configuration>,
    definitions: &[Definition],
) -> BTreeMap<Place, Named> {
    let mut places = BTreeMap::new();
    for Configuration { metadata, webhooks } in all {
        let name = metadata.name.unwrap_or_default();
        for Webhook { client_config, failure_policy, rules } in webhooks {
            let ignores = failure_policy.is_some_and(|policy| policy == "Ignore");
            if !ignores && rules.iter().any(counts) {
                add(&mut places, &name, &client_config);
            }
        }
    }
    for definition in definitions {
        if let Some(client) = &definition.conversion {
            add(&mut places, &format!("conversion of {}", definition.name()), client);
        }
    }
    places
}

/// Whether a write of somebody who matters is admitted by the rule.
fn counts(rule: &RuleWithOperations) -> bool {
    let list = |of: &Option<Vec<String>>| of.clone().unwrap_or_default();
    let core = || list(&rule.resources).iter().any(|one| CORE.contains(&one.as_str()));
    let is = |group: &String| match group.as_str() {
        "*" => true,
        "" => core(),
        group => GROUPS.iter().any(|ours| group.ends_with(ours)),
    };
    list(&rule.api_groups).iter().any(is)
}

fn add(places: &mut BTreeMap<Place, Named>, name: &str, client: &WebhookClient) {
    let WebhookClient { url, service, ca_bundle } = client;
    let address = || {
        let url: Url = url.as_ref()?.parse().ok()?;
        Some(Place::Address(url.host_str()?.to_owned(), url.port_or_known_default()?))
    };
    let Some(place) = service.clone().map(Place::Service).or_else(address) else { return };
    let named = places.entry(place).or_default();
    named.configurations.insert(name.to_owned());
    // Without one the API server uses its machine's.
    let bundle = ca_bundle.as_ref().filter(|bundle| !bundle.is_empty());
    if bundle.is_some_and(|bundle| !is_certificate(bundle)) {
        named.untrusted.insert(name.to_owned());
    }
}

fn is_certificate(bundle: &str) -> bool {
    STANDARD.decode(bundle).is_ok_and(|pem| certificate_digest(&pem).is_some())
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

    fn shown(all: Vec<Configuration>, definitions: &[Definition]) -> Vec<String> {
        let places = places(all.into_iter(), definitions).into_iter();
        let shown = places.map(|(place, Named { configurations: names, untrusted })| {
            let bad =
                if untrusted.is_empty() { String::new() } else { format!(" bad {untrusted:?}") };
            match place {
                Place::Service(one) => format!("{}/{} {names:?}{bad}", one.namespace, one.name),
                Place::Address(host, port) => format!("{host}:{port} {names:?}{bad}"),
            }
        });
        shown.collect()
    }

    /// kyverno/kyverno#11122, #4686; cert-manager/cert-manager#4713, #3338.
    #[test]
    fn a_webhook_for_everything_and_a_bundle_without_a_certificate_count() {
        let seen = r#"[
            {"metadata": {"name": "kyverno-resource-validating-webhook-cfg"}, "webhooks": [
                {"failurePolicy": "Fail", "clientConfig": {"service": {"namespace": "kyverno", "name": "s"}},
                 "rules": [{"apiGroups": ["*"], "resources": ["*/*"]}]}]},
            {"metadata": {"name": "secrets"}, "webhooks": [
                {"clientConfig": {"service": {"namespace": "a", "name": "s"}},
                 "rules": [{"apiGroups": [""], "resources": ["pods", "secrets"]}]}]},
            {"metadata": {"name": "pods"}, "webhooks": [
                {"clientConfig": {"service": {"namespace": "b", "name": "s"}},
                 "rules": [{"apiGroups": [""], "resources": ["pods"]}]}]},
            {"metadata": {"name": "capi-validating-webhook-configuration"}, "webhooks": [
                {"failurePolicy": "Fail", "clientConfig": {"caBundle": "Cg==",
                    "service": {"namespace": "capi-system", "name": "capi-webhook-service"}},
                 "rules": [{"apiGroups": ["cluster.x-k8s.io"]}]}]},
            {"metadata": {"name": "odd"}, "webhooks": [
                {"clientConfig": {"url": "not a URL"}, "rules": [{"apiGroups": ["*"]}]}]}]"#;
        let all = || serde_json::from_str::<Vec<Configuration>>(seen).unwrap();
        let service = |namespace: &str, name: &str| WebhookService {
            namespace: namespace.parse().unwrap(),
            name: name.to_owned(),
        };
        let conversion = WebhookClient {
            url: None,
            service: Some(service("capo-system", "capo-webhook-service")),
            ca_bundle: Some("Cg==".to_owned()),
        };
        let definition = Definition {
            group: "infrastructure.cluster.x-k8s.io".into(),
            plural: "openstackclusters".into(),
            kind: "OpenStackCluster".into(),
            versions: vec![],
            contracts: BTreeMap::new(),
            stored: vec![],
            conversion: Some(conversion),
        };
        assert_eq!(
            shown(all(), &[definition]),
            [
                r#"a/s {"secrets"}"#,
                r#"capi-system/capi-webhook-service {"capi-validating-webhook-configuration"} bad {"capi-validating-webhook-configuration"}"#,
                r#"capo-system/capo-webhook-service {"conversion of openstackclusters.infrastructure.cluster.x-k8s.io"} bad {"conversion of openstackclusters.infrastructure.cluster.x-k8s.io"}"#,
                r#"kyverno/s {"kyverno-resource-validating-webhook-cfg"}"#,
            ]
        );
    }

    #[test]
    fn each_place_without_which_a_write_is_refused_is_known_once() {
        let all: Vec<Configuration> = serde_json::from_str(SEEN).unwrap();
        let shown = shown(all, &[]);
        let service =
            r#"capi-system/capi-webhook-service {"capi-validating-webhook-configuration"}"#;
        assert_eq!(shown, [service, r#"127.77.2.1:9443 {"core"}"#]);
    }
}
