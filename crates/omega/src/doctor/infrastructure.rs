//! What a cluster's infrastructure lacks: rights, quota, a load balancer.

use omega_capi::health::{Answer, Diagnosis, HealthCause as Told, Layer as At};
use omega_openstack::cloud_inventory::Quota;

use super::{Cause, Finding, Layer, Mark, cluster_facts::ClusterFacts};

/// Words of Neutron (`OverQuota`, "Quota exceeded for resources"), Octavia ("Quota has been met")
/// and Nova ("Quota exceeded for instances").
const QUOTA: [&str; 3] = ["OverQuota", "Quota exceeded", "Quota has been met"];
/// Words of Keystone and keystonemiddleware to a credential that is no longer known.
const LOGIN: [&str; 5] = [
    "got 401",
    "Authentication failed",
    "could not be authenticated",
    "Could not find Application Credential",
    "Unauthorized",
];
/// Words of a policy that says no (Octavia: "Policy does not allow this request").
const POLICY: [&str; 4] = ["got 403", "Forbidden", "Policy does not allow", "not authorized"];

/// What `diagnoses` say of the infrastructure, as findings. `stalled`: nothing says that it
/// failed, and it does not come. `over`: there is no patience left.
pub(super) fn findings(
    facts: &ClusterFacts,
    diagnoses: &[Diagnosis],
    stalled: bool,
    over: bool,
) -> Vec<Finding> {
    let mut found = Vec::new();
    let below = [At::ClusterCredential, At::LoadBalancer, At::Infrastructure];
    let ours = diagnoses.iter().filter(|one| below.contains(&one.layer) && one.cause.is_fault());
    let ours: Vec<&Diagnosis> = ours.collect();
    let words: Vec<&str> = ours.iter().flat_map(|one| &one.evidence).map(String::as_str).collect();
    let hit = |fact: &str, known: &[&str]| known.iter().any(|word| fact.contains(word));
    let says =
        |known: &[&str]| words.iter().find(|fact| hit(fact, known)).map(|fact| (*fact).to_owned());
    // Octavia answers 403 to both.
    let policy = words.iter().find(|fact| hit(fact, &POLICY) && !hit(fact, &QUOTA));
    let stack = &facts.stack;
    if let Some(fact) = says(&LOGIN).or_else(|| refused(&ours)) {
        let (layer, cause) = (Layer::ClusterCredential, Cause::CredentialRefused);
        found.push(Finding::broken(layer, cause, stack, fact, RENEW));
    } else if let Some(fact) = policy {
        let (layer, cause) = (Layer::ClusterCredential, Cause::RoleMissing);
        let one = Finding::broken(layer, cause, stack, *fact, ROLE);
        let roles = facts.roles.iter().map(|all| {
            let has = all.iter().any(|role| role == "load-balancer_member");
            let lacks = if has { "" } else { "; no load-balancer_member" };
            format!("its roles: {}{lacks}", all.join(", "))
        });
        let evidence = one.evidence.iter().cloned().chain(roles).collect();
        found.push(Finding { evidence, ..one });
    }
    found.extend(quota(facts, says(&QUOTA), !ours.is_empty()));
    let waits = stalled && ours.iter().any(|one| one.cause == Told::Infrastructure);
    let made = stalled || facts.status() != "CREATE_IN_PROGRESS";
    let none = made && facts.evidence.load_balancers.as_deref().is_some_and(<[_]>::is_empty);
    for one in ours {
        let balancer = one.cause == Told::LoadBalancer;
        // It is made once the network is there.
        if balancer && none && waits && !has(facts, "/network/id") {
            continue;
        }
        let (layer, cause) = if balancer {
            let missing = if none { Cause::LoadBalancerMissing } else { Cause::LoadBalancerError };
            (Layer::LoadBalancer, missing)
        } else if one.cause != Told::Infrastructure {
            continue;
        } else if stalled {
            (Layer::ClusterApi, Cause::InfrastructureStalled)
        } else {
            (Layer::ClusterApi, Cause::InfrastructureFailed)
        };
        let fact = one.evidence.first().cloned().unwrap_or_default();
        let slow = !over && one.evidence.iter().all(|fact| is_slow(fact));
        let mark = if slow { Mark::Waiting } else { Mark::Broken };
        let finding = Finding::broken(layer, cause, stack, fact, next(cause, facts)).marked(mark);
        found.push(Finding { evidence: one.evidence.clone(), ..finding });
    }
    found
}

const RENEW: &str = "make a new application credential with the same roles, and put it into the secret \
                     STACK-cloud-credentials of the cluster's namespace: the provider reads it anew. \
                     Of a cluster that is being deleted: omega-cli release-stuck-delete --cluster \
                     NAME --credential-from FILE";
const ROLE: &str = "its roles are frozen: give the user who creates clusters load-balancer_member on \
                    the project (openstack role add), and create the cluster again (D-039)";

/// Whether a fact only says that a service was slow: the provider asks again by itself.
fn is_slow(fact: &str) -> bool {
    ["timed out", "timeout", "Timeout", "deadline exceeded", "Connection aborted"]
        .iter()
        .any(|word| fact.contains(word))
}

/// What `classify_health` was told of the credential by Keystone itself.
fn refused(ours: &[&Diagnosis]) -> Option<String> {
    let one = ours.iter().find(|one| one.cause == Told::CredentialRefused)?;
    one.evidence.first().cloned()
}

/// A quota is the cause if something says so, or, during a create, if nothing else does and that of
/// what comes next is full.
fn quota(facts: &ClusterFacts, said: Option<String>, lacks: bool) -> Option<Finding> {
    let shown = |quota: &Quota| {
        let limit = quota.limit.unwrap_or_default();
        format!("{} of {limit} {} used", quota.used, quota.resource)
    };
    let full = || facts.quotas.iter().filter(|quota| quota.is_full());
    // What is made already is not lacking for a quota.
    let makes = facts.status() == "CREATE_IN_PROGRESS";
    let silent = makes && lacks && said.is_none() && !explains(facts);
    let next = || full().find(|quota| is_next(&quota.resource, facts)).map(shown);
    let fact = said.or_else(|| silent.then(next).flatten())?;
    let project = facts.cluster.project_id.as_deref().unwrap_or("PROJECT");
    let next = format!(
        "openstack quota set, or openstack loadbalancer quota set, for project {project}; or \
         remove what it does not need"
    );
    let (layer, cause) = (Layer::Quota, Cause::QuotaExhausted);
    let found = Finding::broken(layer, cause, &facts.stack, fact, next);
    let mut evidence = found.evidence.clone();
    evidence.extend(full().map(shown));
    evidence.dedup();
    Some(Finding { evidence, ..found })
}

/// Whether the provider is about to make such a thing: network and subnet first, what is on them
/// once they are in its status (cluster-api-provider-openstack 0.14,
/// `controllers/openstackcluster_controller.go`).
fn is_next(resource: &str, facts: &ClusterFacts) -> bool {
    has(facts, "/network/id") != matches!(resource, "network" | "subnet")
}

/// Whether the provider gives a reason of its own.
fn explains(facts: &ClusterFacts) -> bool {
    has(facts, "/failureMessage")
}

/// Whether there is text at `pointer` in the status of one of the cluster's objects.
fn has(facts: &ClusterFacts, pointer: &str) -> bool {
    facts.evidence.answers.0.values().any(|answer| match answer {
        Answer::Object(object) => {
            let at = object.status.as_ref().and_then(|status| status.pointer(pointer));
            at.and_then(serde_json::Value::as_str).is_some_and(|text| !text.is_empty())
        }
        Answer::Empty | Answer::Alien | Answer::Status { .. } | Answer::Nothing { .. } => false,
    })
}

fn next(cause: Cause, facts: &ClusterFacts) -> String {
    let balancers = facts.evidence.load_balancers.as_deref().unwrap_or_default();
    let ill = balancers.iter().find(|one| one.provisioning_status == "ERROR");
    match (cause, ill) {
        (Cause::LoadBalancerError, Some(one)) => format!(
            "openstack loadbalancer failover {} (as administrator); if it stays in ERROR, look at \
             the amphorae: openstack loadbalancer amphora list",
            one.name
        ),
        (Cause::LoadBalancerError, None) => {
            "openstack loadbalancer status show on the cluster's load balancer".to_owned()
        }
        (Cause::LoadBalancerMissing, _) => {
            "the provider makes it anew once it may: look at its log, and at who deleted it \
             (openstack loadbalancer list); a new one has another address"
                .to_owned()
        }
        (Cause::InfrastructureStalled, _) => format!(
            "look at the provider's log for {}: kubectl -n capo-system logs deploy/capo-controller-manager",
            facts.stack
        ),
        _ => "do what the message says; then the provider goes on by itself".to_owned(),
    }
}
