use jiff::Timestamp;
use serde_json::Value;

use super::{
    Object,
    condition::{Polarity, conditions},
};
use crate::{
    Error, Management, Namespace,
    list::{JSON, label_selector},
    served::ServedVersions,
};

const GROUP: &str = "infrastructure.cluster.x-k8s.io";
const PAGE: usize = 100;

/// What a machine's own object says is wrong. With the OpenStack provider 0.14 a refusal of Nova is in
/// the conditions of the `OpenStackServer` only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MachineFault {
    /// `openstackservers` or `openstackmachines`.
    pub plural: String,
    /// Its name.
    pub name: String,
    /// What it says, in the provider's words.
    pub message: String,
    /// Since when, by the management cluster's clock.
    pub since: Option<Timestamp>,
}

/// Reads what the provider's objects of the cluster's machines say is wrong.
///
/// # Guarantees
///
/// One request for each kind that is served, and for each 100 objects of it.
///
/// # Errors
///
/// Fails if they can't be listed.
pub async fn read_machine_faults(
    management: &Management,
    served: &ServedVersions,
    namespace: &Namespace,
    cluster: &str,
) -> Result<Vec<MachineFault>, Error> {
    let selector = label_selector("cluster.x-k8s.io/cluster-name", cluster);
    let mut all = Vec::new();
    for plural in ["openstackmachines", "openstackservers"] {
        let Some(version) = served.versions_of(GROUP, plural).next() else { continue };
        let path = format!("/apis/{GROUP}/{version}/namespaces/{namespace}/{plural}");
        let objects: Vec<Value> = management.list(&path, &selector, PAGE, JSON).await?;
        all.extend(objects.iter().flat_map(|object| faults(plural, object)));
    }
    Ok(all)
}

/// The untrue conditions with a message, and the reason of a failure.
fn faults(plural: &str, object: &Value) -> Vec<MachineFault> {
    let text = |at: &str| object.pointer(at).and_then(Value::as_str).map(str::to_owned);
    let name = text("/metadata/name").unwrap_or_default();
    let fault = |message: String, since| MachineFault {
        plural: plural.to_owned(),
        name: name.clone(),
        message,
        since,
    };
    let whole = Object { status: object.get("status").cloned(), ..Object::default() };
    let untrue = conditions(&whole)
        .into_iter()
        .filter(|one| one.status != "True" && Polarity::of(&one.kind) == Polarity::Positive);
    let untrue = untrue.filter(|one| !one.message().is_empty());
    let untrue = untrue.map(|one| fault(one.message().to_owned(), one.since));
    let failure = text("/status/failureMessage").filter(|message| !message.is_empty());
    untrue.chain(failure.map(|message| fault(message, None))).collect()
}
