use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures::future::try_join_all;
use k8s_openapi::{
    api::{admissionregistration::v1::RuleWithOperations, discovery::v1::EndpointSlice},
    apimachinery::pkg::apis::meta::v1::{LabelSelector, ObjectMeta},
};
use omega_core::kubeconfig::certificate_digest;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use url::Url;

use super::webhook_reach::{DriverNamespaces, Refused, Selection, Stops};
use crate::{
    Error, Management, Namespace, WebhookClient, WebhookService,
    list::{JSON, METADATA_LIST, label_selector},
    served::Definition,
    wire::PartialObject,
};

const VALIDATING: &str = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations";
const MUTATING: &str = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations";
const PAGE: usize = 100;
const NAMESPACES: &str = "/api/v1/namespaces";

/// Webhooks that are served by one server. While it does not answer, writes of the objects that they
/// admit are refused, and objects whose versions they convert can't be read either.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhooks {
    /// The webhook configurations that stop a write of the driver, helm or Cluster API, and the definitions,
    /// that name the server.
    pub configurations: BTreeSet<String>,
    /// The configurations of which it is not known whether they stop one, and why.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unjudged: BTreeMap<String, String>,
    /// Whether they stop deletes only.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deletes_only: bool,
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
    /// By default `Equivalent`.
    match_policy: Option<String>,
    #[serde(default)]
    rules: Vec<RuleWithOperations>,
    namespace_selector: Option<LabelSelector>,
    object_selector: Option<LabelSelector>,
    #[serde(default)]
    match_conditions: Vec<Value>,
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
    unjudged: BTreeMap<String, String>,
    /// Whether one stops more than deletes.
    changes: bool,
    untrusted: BTreeSet<String>,
}

/// Reads the servers of the webhooks in the way of what the driver, helm and Cluster API write, and
/// how many endpoints each Service has: the admission webhooks that a write of theirs meets, and the
/// conversion webhooks of `definitions`. `prefix`: that of the driver's namespaces.
///
/// An admission webhook stops a write if its `failurePolicy` is `Fail`, and if its rules, its
/// `namespaceSelector` and its `objectSelector` select it. Its `matchPolicy` counts: `Exact` is asked only
/// about the versions of its rules. Its `matchConditions` are not evaluated.
///
/// # Errors
///
/// Fails if webhook configurations or endpoint slices can't be listed. Without the right to list
/// namespaces, only what selects each namespace of the driver is known to stop a write.
pub async fn read_webhooks(
    management: &Management,
    definitions: &[Definition],
    prefix: &str,
) -> Result<Vec<Webhooks>, Error> {
    let (validating, mutating, namespaces) = futures::join!(
        management.list(VALIDATING, "", PAGE, JSON),
        management.list(MUTATING, "", PAGE, JSON),
        management.list::<PartialObject>(NAMESPACES, "", PAGE, METADATA_LIST),
    );
    let labelled = |PartialObject { metadata }| {
        let ObjectMeta { name, labels, .. } = metadata;
        (name.unwrap_or_default(), labels.unwrap_or_default())
    };
    let namespaces = namespaces.ok().map(|all| all.into_iter().map(labelled).collect());
    let namespaces = DriverNamespaces::new(prefix, namespaces);
    let all = places(validating?.into_iter().chain(mutating?), definitions, &namespaces);
    try_join_all(all.into_iter().map(async |(place, named)| {
        let server = match place {
            Place::Address(host, port) => WebhookServer::Address { host, port },
            Place::Service(WebhookService { namespace, name }) => {
                let ready = ready(management, &namespace, &name).await?;
                WebhookServer::Service { namespace, name, ready }
            }
        };
        let Named { configurations, unjudged, changes, untrusted } = named;
        let deletes_only = !configurations.is_empty() && !changes;
        Ok(Webhooks { configurations, unjudged, deletes_only, untrusted, server })
    }))
    .await
}

fn places(
    all: impl Iterator<Item = Configuration>,
    definitions: &[Definition],
    namespaces: &DriverNamespaces,
) -> BTreeMap<Place, Named> {
    let mut places = BTreeMap::new();
    for Configuration { metadata, webhooks } in all {
        let name = metadata.name.unwrap_or_default();
        for webhook in webhooks.iter().filter(|one| one.failure_policy.as_deref() != Some("Ignore"))
        {
            match webhook.selection(definitions).stops(namespaces) {
                Stops::Nothing => {}
                Stops::Unjudged(why) => {
                    if let Some(named) = named(&mut places, &webhook.client_config) {
                        named.unjudged.entry(name.clone()).or_insert_with(|| why.to_owned());
                    }
                }
                Stops::Writes(refused) => {
                    let changes = refused == Refused::Changes;
                    add(&mut places, &name, &webhook.client_config, changes);
                }
            }
        }
    }
    for definition in definitions {
        if let Some(client) = &definition.conversion {
            add(&mut places, &format!("conversion of {}", definition.name()), client, true);
        }
    }
    // What one webhook of a configuration surely stops need not be judged of another.
    for named in places.values_mut() {
        named.unjudged.retain(|name, _| !named.configurations.contains(name));
    }
    places
}

impl Webhook {
    fn selection<'a>(&'a self, definitions: &'a [Definition]) -> Selection<'a> {
        Selection {
            rules: &self.rules,
            exact: self.match_policy.as_deref() == Some("Exact"),
            definitions,
            namespaces: self.namespace_selector.as_ref(),
            objects: self.object_selector.as_ref(),
            conditions: !self.match_conditions.is_empty(),
        }
    }
}

fn named<'a>(
    places: &'a mut BTreeMap<Place, Named>,
    client: &WebhookClient,
) -> Option<&'a mut Named> {
    let WebhookClient { url, service, .. } = client;
    let address = || {
        let url: Url = url.as_ref()?.parse().ok()?;
        Some(Place::Address(url.host_str()?.to_owned(), url.port_or_known_default()?))
    };
    let place = service.clone().map(Place::Service).or_else(address)?;
    Some(places.entry(place).or_default())
}

fn add(places: &mut BTreeMap<Place, Named>, name: &str, client: &WebhookClient, changes: bool) {
    let Some(named) = named(places, client) else { return };
    named.configurations.insert(name.to_owned());
    named.changes |= changes;
    // Without one the API server uses its machine's.
    let bundle = client.ca_bundle.as_ref().filter(|bundle| !bundle.is_empty());
    if bundle.is_some_and(|bundle| !is_certificate(bundle)) {
        named.untrusted.insert(name.to_owned());
    }
}

/// Whether a certificate is in it. The API server ignores what else is in it (Go, `crypto/x509`,
/// `CertPool.AppendCertsFromPEM`).
fn is_certificate(bundle: &str) -> bool {
    let Ok(pem) = STANDARD.decode(bundle) else { return false };
    let text = String::from_utf8_lossy(&pem);
    let mut begins = text.match_indices("-----BEGIN CERTIFICATE-----");
    begins.any(|(at, _)| {
        text.get(at..).is_some_and(|rest| certificate_digest(rest.as_bytes()).is_some())
    })
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
        let namespaces = DriverNamespaces::new("magnum", Some(Vec::new()));
        let places = places(all.into_iter(), definitions, &namespaces).into_iter();
        let shown = places.map(|(place, named)| {
            let Named { configurations: names, unjudged, changes: _, untrusted } = named;
            let bad =
                if untrusted.is_empty() { String::new() } else { format!(" bad {untrusted:?}") };
            let bad =
                if unjudged.is_empty() { bad } else { format!("{bad} unjudged {unjudged:?}") };
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

    #[test]
    fn what_can_not_meet_a_write_of_the_driver_is_passed_over() {
        let seen = r#"[
            {"metadata": {"name": "elsewhere"}, "webhooks": [
                {"failurePolicy": "Fail", "clientConfig": {"service": {"namespace": "a", "name": "s"}},
                 "namespaceSelector": {"matchLabels": {"team": "a"}},
                 "rules": [{"apiGroups": ["*"], "operations": ["*"], "resources": ["*/*"]}]}]},
            {"metadata": {"name": "exec"}, "webhooks": [
                {"failurePolicy": "Fail", "clientConfig": {"service": {"namespace": "b", "name": "s"}},
                 "rules": [{"apiGroups": ["*"], "operations": ["CONNECT"], "resources": ["*/*"]}]}]},
            {"metadata": {"name": "conditional"}, "webhooks": [
                {"failurePolicy": "Fail", "clientConfig": {"service": {"namespace": "c", "name": "s"}},
                 "matchConditions": [{"name": "x", "expression": "true"}],
                 "rules": [{"apiGroups": ["*"], "operations": ["*"], "resources": ["*"]}]}]}]"#;
        let all: Vec<Configuration> = serde_json::from_str(seen).unwrap();
        assert_eq!(
            shown(all, &[]),
            [
                r#"c/s {} unjudged {"conditional": "it has matchConditions, which are not evaluated"}"#
            ]
        );
    }

    #[test]
    fn a_certificate_counts_wherever_it_is_in_the_bundle() {
        let admin = include_str!("../../../omega-core/fixtures/kube/admin.yaml");
        let ca =
            admin.lines().find_map(|line| line.trim().strip_prefix("certificate-authority-data: "));
        let ca = ca.unwrap().trim();
        let pem = STANDARD.decode(ca).unwrap();
        let with = |before: &str| STANDARD.encode([before.as_bytes(), &pem].concat());
        assert!(is_certificate(ca));
        let key = "-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n";
        let cut = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for before in ["# the CA of the webhooks\n", key, cut] {
            assert!(is_certificate(&with(before)), "{before}");
        }
        for bad in ["Cg==", "", "no base64", &STANDARD.encode(key), &STANDARD.encode(cut)] {
            assert!(!is_certificate(bad), "{bad}");
        }
    }
}
