use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{objects::At, state::State};

pub(super) const SERVICES: &str = "/api/v1/services";
const DEPLOYMENTS: &str = "/apis/apps/v1/deployments";

/// How often an object is read before a controller has acted on it.
const READS: u32 = 2;

/// What the cloud controller does for services of type `LoadBalancer`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ServiceOutcome {
    /// It gives them this address, and takes it back.
    Address(&'static str),
    /// It gives them none, and says why in an event.
    NoAddress(&'static str),
    /// It gives them this address, and can't delete the load balancer.
    Stays(&'static str),
}

impl State {
    /// Lets the controllers of deployments and services act, after a few reads of the object.
    pub(super) fn advance_balanced(&mut self, path: &str) {
        for collection in [SERVICES, DEPLOYMENTS] {
            let Some(At::Object(namespace, name)) =
                self.at(collection).and_then(|one| one.at(path))
            else {
                continue;
            };
            let reads = self.reads.entry(path.to_owned()).or_default();
            *reads += 1;
            if *reads < READS {
                return;
            }
            let outcome = self.services.clone();
            let (namespace, name) = (namespace.to_owned(), name.to_owned());
            let Some(objects) = self.at(collection) else { return };
            let is = |one: &Value| {
                one["metadata"]["namespace"] == namespace.as_str()
                    && one["metadata"]["name"] == name.as_str()
            };
            if collection == DEPLOYMENTS {
                for one in objects.items.iter_mut().filter(|one| is(one)) {
                    if one["status"]["readyReplicas"].is_null() {
                        one["status"]["readyReplicas"] = one["spec"]["replicas"].clone();
                    }
                }
                return;
            }
            let leaving = |one: &Value| {
                is(one)
                    && one["metadata"]["deletionTimestamp"].is_string()
                    && !matches!(outcome, ServiceOutcome::Stays(_))
            };
            objects.items.retain(|one| !leaving(one));
            let (ServiceOutcome::Address(address) | ServiceOutcome::Stays(address)) = outcome
            else {
                return;
            };
            for one in objects.items.iter_mut().filter(|one| is(one) && balanced(one)) {
                one["status"]["loadBalancer"]["ingress"] = json!([{ "ip": address }]);
            }
            return;
        }
    }

    /// The events about services without an address.
    pub(super) fn balanced_events(&self, path: &str) -> Option<Value> {
        let ServiceOutcome::NoAddress(why) = self.services else { return None };
        path.ends_with("/events").then(|| {
            let all = self.items(SERVICES).iter().filter(|one| balanced(one));
            let event = |one: &Value| {
                json!({
                    "type": "Warning", "reason": "SyncLoadBalancerFailed", "message": why,
                    "involvedObject": { "kind": "Service", "name": one["metadata"]["name"] },
                })
            };
            json!({ "kind": "EventList", "items": all.map(event).collect::<Vec<_>>() })
        })
    }

    /// A service with a load balancer has the cloud controller's finalizer: a delete only begins.
    pub(super) fn keeps_balancer(&mut self, collection: &str, path: &str, object: &Value) -> bool {
        let keeps = collection == SERVICES && balanced(object);
        if keeps {
            self.reads.remove(path);
        }
        keeps
    }
}

fn balanced(service: &Value) -> bool {
    service["spec"]["type"] == "LoadBalancer"
}

/// How often each object was read since it was changed.
pub(super) type Reads = BTreeMap<String, u32>;
