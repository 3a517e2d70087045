//! Responses of real services: recordings/*.json, made by recordings/record.py.

use std::{collections::BTreeMap, sync::LazyLock};

use serde_json::Value;

use crate::Response;

macro_rules! recordings {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../recordings/", $name, ".json")))),*]
    };
}

/// Every recording that is used for a response.
const ALL: &[(&str, &str)] = recordings![
    "keystone-token-201",
    "keystone-credential-201",
    "keystone-credential-itself-200",
    "keystone-credential-deleted",
    "keystone-credential-expired",
    "keystone-domains-by-name-200",
    "keystone-domains-none-200",
    "keystone-domains-403",
    "keystone-users-by-name-200",
    "keystone-users-none-200",
    "keystone-users-403",
    "keystone-role-assignments-200",
    "keystone-role-assignments-absent-domain",
    "keystone-role-assignments-403",
    "magnum-403",
    "magnum-clusters-none-200",
    "magnum-template-201",
    "magnum-template-absent-404",
    "magnum-template-absent-image",
    "magnum-template-cilium",
    "magnum-template-delete-204",
    "magnum-template-in-use",
    "magnum-template-plain-image",
    "magnum-templates-none-200",
    "magnum-cluster-202",
    "magnum-cluster-404",
    "magnum-cluster-absent-template",
    "magnum-cluster-at-once-200",
    "magnum-cluster-delete-204",
    "neutron-403",
    "neutron-floatingips-200",
    "neutron-floatingips-delete-204",
    "neutron-floatingips-delete-404",
    "neutron-floatingips-none-200",
    "neutron-interface-remove-200",
    "neutron-interface-remove-404",
    "neutron-interface-remove-again",
    "neutron-interface-remove-in-use",
    "neutron-networks-200",
    "neutron-networks-delete-204",
    "neutron-networks-delete-404",
    "neutron-networks-delete-in-use",
    "neutron-networks-none-200",
    "neutron-ports-200",
    "neutron-ports-delete-204",
    "neutron-ports-delete-404",
    "neutron-ports-delete-of-router",
    "neutron-ports-none-200",
    "neutron-routers-200",
    "neutron-routers-delete-204",
    "neutron-routers-delete-404",
    "neutron-routers-delete-in-use",
    "neutron-routers-none-200",
    "neutron-security-groups-delete-204",
    "neutron-security-groups-delete-404",
    "neutron-security-groups-delete-in-use",
    "neutron-subnets-200",
    "neutron-subnets-delete-204",
    "neutron-subnets-delete-404",
    "neutron-subnets-delete-in-use",
    "neutron-subnets-none-200",
    "octavia-403",
    "octavia-loadbalancer-201",
    "octavia-loadbalancer-delete-204",
    "octavia-loadbalancer-delete-404",
    "octavia-loadbalancer-delete-foreign",
    "octavia-loadbalancer-delete-pending",
    "octavia-loadbalancer-delete-with-children",
    "octavia-loadbalancers-none-200",
    "octavia-loadbalancers-of-another-project-200",
    "neutron-groups-fresh-200",
    "neutron-groups-none-200",
    "neutron-rule-tcp-port",
    "neutron-rule-tcp-port-again",
    "neutron-rule-name-any",
    "neutron-rule-reversed-ports",
    "neutron-rule-port-too-high",
    "neutron-rule-ports-without-protocol",
    "neutron-rule-ports-of-vrrp",
    "neutron-rule-icmpv6-in-ipv4",
    "neutron-rule-family-mixed",
    "neutron-rule-no-cidr",
    "neutron-rule-icmp-code-alone",
    "neutron-rule-icmp-type-too-high",
    "neutron-rule-group-and-prefix",
    "neutron-rule-sideways",
    "neutron-rule-in-absent-group",
    "neutron-rule-over-quota-409",
    "neutron-rule-delete-204",
    "neutron-rule-delete-404",
    "neutron-rule-delete-foreign",
    "neutron-quotas-200",
    "neutron-quotas-of-another-project",
    "octavia-quota-200",
    "octavia-quota-403",
    "nova-servers-200",
    "nova-servers-none-200",
    "cinder-types-200",
    "glance-images-page-200",
];

/// One exchange with a real service.
#[derive(Clone, Debug)]
pub(super) struct Recorded {
    pub(super) request: Value,
    pub(super) status: u16,
    pub(super) body: Value,
}

static PARSED: LazyLock<BTreeMap<&str, Recorded>> = LazyLock::new(|| {
    let read = |(name, text): &(&'static str, &str)| Some((*name, Recorded::read(text)?));
    ALL.iter().filter_map(read).collect()
});

/// Returns a recording.
///
/// # Panics
///
/// Panics for a name that is not in the list. A test checks all names.
#[expect(clippy::panic, reason = "the names are constants of this module's siblings")]
pub(super) fn recorded(name: &str) -> Recorded {
    let Some(recorded) = PARSED.get(name) else { panic!("no recording {name}") };
    recorded.clone()
}

impl Recorded {
    fn read(text: &str) -> Option<Self> {
        let mut exchange: Value = serde_json::from_str(text).ok()?;
        let status = exchange["response"]["status"].as_u64()?.try_into().ok()?;
        let (request, body) = (exchange["request"].take(), exchange["response"]["body"].take());
        Some(Self { request, status, body })
    }

    /// Returns the body's value at `pointer` as text.
    pub(super) fn text(value: &Value, pointer: &str) -> String {
        match value.pointer(pointer) {
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => String::new(),
        }
    }

    /// Returns the recorded response with another value in its message.
    pub(super) fn about(&self, was: &str, is: &str) -> Response {
        let mut body = self.body.clone();
        swap(&mut body, was, is);
        Response::new(self.status, body)
    }

    /// Returns the recorded response unchanged.
    pub(super) fn unchanged(self) -> Response {
        Response::new(self.status, self.body)
    }
}

fn swap(value: &mut Value, was: &str, is: &str) {
    match value {
        Value::String(text) if !was.is_empty() => *text = text.replace(was, is),
        Value::Array(items) => items.iter_mut().for_each(|item| swap(item, was, is)),
        Value::Object(map) => map.values_mut().for_each(|item| swap(item, was, is)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_recording_is_whole_and_holds_no_secret() {
        for (name, text) in ALL {
            let Recorded { request, status, body } = recorded(name);
            assert!(status >= 200, "{name}");
            assert!(request["path"].is_string(), "{name}");
            assert!(status == 204 || !body.is_null(), "{name}");
            assert!(!text.contains("gAAAAA"), "{name} holds a token");
        }
    }
}
