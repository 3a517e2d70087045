use serde_json::{Value, json};

use super::*;
use crate::served::DefinedVersion;

fn judged(webhook: &Value) -> Stops {
    let read = |key: &str| webhook.get(key).cloned();
    let rules: Vec<RuleWithOperations> =
        serde_json::from_value(read("rules").unwrap_or_else(|| json!([everything_of("*")])))
            .unwrap();
    let selector =
        |key: &str| read(key).map(|one| serde_json::from_value::<LabelSelector>(one).unwrap());
    let (namespaces, objects) = (selector("namespaceSelector"), selector("objectSelector"));
    let listed = [
        ("magnum-p1", Labels::from([("team".to_owned(), "a".to_owned())])),
        ("elsewhere", Labels::from([("team".to_owned(), "b".to_owned())])),
    ];
    let listed = listed.map(|(name, labels)| (name.to_owned(), labels)).to_vec();
    let listed = Some(listed).filter(|_| read("forbidden").is_none());
    let served = |name: &str, served| DefinedVersion {
        name: name.to_owned(),
        served,
        storage: false,
        deprecated: false,
        warning: None,
    };
    let definitions = [Definition {
        group: PROVIDER.into(),
        plural: "openstackclusters".into(),
        kind: "OpenStackCluster".into(),
        versions: vec![served("v1beta2", true), served("v1beta1", true), served("v1alpha7", false)],
        contracts: BTreeMap::new(),
        stored: vec![],
        conversion: None,
    }];
    Selection {
        rules: &rules,
        exact: read("matchPolicy").is_some_and(|policy| policy == "Exact"),
        definitions: &definitions,
        namespaces: namespaces.as_ref(),
        objects: objects.as_ref(),
        conditions: read("matchConditions").is_some(),
    }
    .stops(&DriverNamespaces::new("magnum", listed))
}

fn everything_of(group: &str) -> Value {
    json!({"apiGroups": [group], "apiVersions": ["*"], "operations": ["*"], "resources": ["*/*"]})
}

fn rule(group: &str, resource: &str, operations: &[&str], scope: &str) -> Value {
    json!({"rules": [{"apiGroups": [group], "resources": [resource], "operations": operations,
                      "apiVersions": ["*"], "scope": scope}]})
}

#[test]
fn a_rule_says_what_is_stopped() {
    let changes = Stops::Writes(Refused::Changes);
    let deletes = Stops::Writes(Refused::Deletes);
    let core = "cluster.x-k8s.io";
    for (group, resource, operations, scope, expected) in [
        ("*", "*/*", &["*"][..], "*", &changes),
        ("*", "*", &["CREATE", "UPDATE"], "*", &changes),
        ("*", "*", &["CONNECT"], "*", &Stops::Nothing),
        ("*", "*/*", &["CONNECT", "DELETE"], "*", &deletes),
        ("*", "pods", &["*"], "*", &Stops::Nothing),
        ("*", "*/scale", &["*"], "*", &Stops::Nothing),
        ("*", "*/exec", &["*"], "*", &Stops::Nothing),
        ("", "secrets", &["UPDATE"], "Namespaced", &changes),
        ("", "secrets", &["UPDATE"], "Cluster", &Stops::Nothing),
        ("", "pods", &["*"], "*", &Stops::Nothing),
        ("", "namespaces", &["CREATE"], "*", &changes),
        ("", "namespaces", &["CREATE"], "Namespaced", &Stops::Nothing),
        ("", "namespaces", &["DELETE"], "*", &Stops::Nothing),
        ("apps", "*", &["*"], "*", &Stops::Nothing),
        (core, "clusters", &["DELETE"], "*", &deletes),
        (core, "clusters/status", &["UPDATE"], "*", &changes),
        (core, "clusters/*", &["UPDATE"], "*", &changes),
        (core, "clusterclasses", &["*"], "*", &Stops::Nothing),
        ("operator.cluster.x-k8s.io", "*", &["*"], "*", &Stops::Nothing),
        ("notcluster.x-k8s.io", "*", &["*"], "*", &Stops::Nothing),
        ("infrastructure.cluster.x-k8s.io", "openstackclusters", &["CREATE"], "*", &changes),
        ("controlplane.cluster.x-k8s.io", "*", &["UPDATE"], "*", &changes),
        ("bootstrap.cluster.x-k8s.io", "kubeadmconfigs", &["UPDATE"], "*", &changes),
        ("addons.stackhpc.com", "helmreleases", &["CREATE"], "*", &changes),
        ("openstack.k-orc.cloud", "images", &["CREATE"], "*", &changes),
        ("openstack.k-orc.cloud", "routers", &["CREATE"], "*", &Stops::Nothing),
    ] {
        let said = judged(&rule(group, resource, operations, scope));
        assert_eq!(&said, expected, "{group} {resource} {operations:?} {scope}");
    }
    // Lists that are missing, as in old configurations.
    assert_eq!(judged(&json!({"rules": [{"apiGroups": [core]}]})), changes);
    assert_eq!(judged(&json!({"rules": []})), Stops::Nothing);
}

#[test]
fn selectors_are_honoured() {
    let name = "kubernetes.io/metadata.name";
    let spaces = |selector: Value| judged(&json!({"namespaceSelector": selector}));
    let expression = |key: &str, operator: &str, values: &[&str]| json!({"matchExpressions": [{"key": key, "operator": operator, "values": values}]});
    let changes = Stops::Writes(Refused::Changes);
    for (selector, expected) in [
        (json!({}), &changes),
        (json!({"matchLabels": {"team": "a"}}), &changes),
        (json!({"matchLabels": {"team": "b"}}), &Stops::Nothing),
        (expression(name, "NotIn", &["kube-system", "kyverno"]), &changes),
        (expression(name, "In", &["kyverno"]), &Stops::Nothing),
        (expression(name, "In", &["magnum-p1"]), &changes),
        (expression("istio-injection", "Exists", &[]), &Stops::Nothing),
        (expression("no-policy", "DoesNotExist", &[]), &changes),
        (expression("team", "Near", &["a"]), &Stops::Unjudged(LABELS)),
    ] {
        assert_eq!(&spaces(selector.clone()), expected, "{selector}");
    }
    let objects = |selector: Value| judged(&json!({"objectSelector": selector}));
    for (selector, expected) in [
        (json!({}), &changes),
        (json!({"matchLabels": {"inject": "yes"}}), &Stops::Nothing),
        (expression("inject", "DoesNotExist", &[]), &changes),
        (expression("inject", "NotIn", &["no"]), &changes),
        (json!({"matchLabels": {"owner": "helm", "inject": "yes"}}), &Stops::Nothing),
        (json!({"matchLabels": {"owner": "helm"}}), &Stops::Unjudged(LABELS)),
        (expression("cluster.x-k8s.io/cluster-name", "Exists", &[]), &Stops::Unjudged(LABELS)),
        (expression("app.kubernetes.io/managed-by", "Exists", &[]), &Stops::Unjudged(LABELS)),
    ] {
        assert_eq!(&objects(selector.clone()), expected, "{selector}");
    }
    // Without the right to list namespaces it is known of a new one only.
    let blind =
        |selector: Value| judged(&json!({"namespaceSelector": selector, "forbidden": true}));
    assert_eq!(blind(json!({"matchLabels": {"team": "b"}})), Stops::Unjudged(LABELS));
    assert_eq!(blind(expression(name, "NotIn", &["kyverno"])), changes);
}

/// A version that is served stands for the others; with `Exact` it does not.
#[test]
fn the_match_policy_says_which_versions_are_checked() {
    const EXACT: &str = "its matchPolicy is Exact, and it is not known in which version is written";
    let changes = Stops::Writes(Refused::Changes);
    let unjudged = Stops::Unjudged(EXACT);
    for (group, resource, versions, equivalent, exact) in [
        (PROVIDER, "openstackclusters", &["v1beta1"][..], &changes, &unjudged),
        (PROVIDER, "openstackclusters", &["v1beta1", "v1beta2"], &changes, &changes),
        (PROVIDER, "openstackclusters", &["*"], &changes, &changes),
        // Not served any more.
        (PROVIDER, "openstackclusters", &["v1alpha7"], &Stops::Nothing, &Stops::Nothing),
        (PROVIDER, "openstackclusters", &["v1alpha7", "v1beta2"], &changes, &unjudged),
        ("", "secrets", &["v1"], &changes, &changes),
        ("", "secrets", &["v2"], &Stops::Nothing, &Stops::Nothing),
        // Its definition is not known.
        (CORE, "clusters", &["v1beta1"], &changes, &unjudged),
    ] {
        let mut webhook = rule(group, resource, &["UPDATE"], "*");
        webhook["rules"][0]["apiVersions"] = json!(versions);
        assert_eq!(&judged(&webhook), equivalent, "by default: {resource} {versions:?}");
        for (policy, expected) in [("Equivalent", equivalent), ("Exact", exact)] {
            webhook["matchPolicy"] = json!(policy);
            assert_eq!(&judged(&webhook), expected, "{policy}: {resource} {versions:?}");
        }
    }
}

const LABELS: &str = "its selectors depend on labels that are not known";

#[test]
fn match_conditions_are_told_as_not_judged() {
    let conditions = json!([{"name": "a", "expression": "request.userInfo.username != 'x'"}]);
    let said = judged(&json!({"matchConditions": conditions}));
    assert_eq!(said, Stops::Unjudged("it has matchConditions, which are not evaluated"));
    let mut pods = rule("", "pods", &["*"], "*");
    pods["matchConditions"] = conditions;
    assert_eq!(judged(&pods), Stops::Nothing, "they can only narrow it");
}
