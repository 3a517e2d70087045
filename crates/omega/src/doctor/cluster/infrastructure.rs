//! What a cluster's infrastructure lacks: rights, quota, a load balancer.

use omega_capi::health::{Diagnosis, HealthCause, Layer as HealthLayer, MachineFault};
use omega_core::{Evidence, Finding, Severity};
use omega_openstack::{RefusalReason, RefusingService, refusing_rule};

use super::{ClusterFacts, health::diagnosed, quota, subject};
use crate::doctor::{Cause, Layer, LayerFinding, messages::is_slow};

/// The progress of the provider.
#[derive(Clone, Copy, Debug)]
pub(super) struct Progress {
    /// Whether it reports no failure, but takes too long.
    pub(super) stalled: bool,
    /// Whether the limit has passed.
    pub(super) over: bool,
}

/// Returns the findings of `diagnoses` about the infrastructure.
pub(super) fn findings(
    facts: &ClusterFacts,
    diagnoses: &[Diagnosis],
    progress: Progress,
) -> Vec<LayerFinding> {
    let layers =
        [HealthLayer::ClusterCredential, HealthLayer::LoadBalancer, HealthLayer::Infrastructure];
    let ours = diagnoses.iter().filter(|one| layers.contains(&one.layer) && one.cause.is_fault());
    let ours: Vec<&Diagnosis> = ours.collect();
    // What refuses a machine shows at the machines, and above them.
    let machines = [HealthCause::ControlPlane, HealthCause::Workers];
    let of_machines = diagnoses.iter().filter(|one| machines.contains(&one.cause));
    let said: Vec<Finding> = ours
        .iter()
        .copied()
        .chain(of_machines)
        .flat_map(|one| one.findings.iter().cloned())
        .chain(machine_faults(facts))
        .collect();
    let over_quota = reason_in(&said, RefusalReason::OverQuota);
    let mut found: Vec<LayerFinding> = credential(facts, &ours, &said).into_iter().collect();
    found.extend(quota::finding(facts, over_quota, !ours.is_empty()));
    found.extend(ours.iter().filter_map(|one| lacking(facts, &ours, one, progress)));
    found
}

/// What the objects of the machines say, which Cluster API may not pass on.
fn machine_faults(facts: &ClusterFacts) -> impl Iterator<Item = Finding> {
    facts.machines.iter().flat_map(|all| &all.faults).map(
        |MachineFault { plural, name, message, .. }| {
            let summary = format!("{plural} {name}: {message}");
            let said = Evidence::text(&format!("{plural} {name}"), message);
            Finding::broken("machine-fault", subject(facts), summary).shown_by([said])
        },
    )
}

/// Returns the first that gives this reason, in a service's own words.
fn reason_in(said: &[Finding], reason: RefusalReason) -> Option<&Finding> {
    said.iter().find(|found| RefusalReason::from_message(&found.summary) == Some(reason))
}

/// Whether the cluster's application credential is refused, or lacks a role.
fn credential(facts: &ClusterFacts, ours: &[&Diagnosis], said: &[Finding]) -> Option<LayerFinding> {
    let broken = |cause, why: &Finding| {
        LayerFinding::broken(Layer::ClusterCredential, cause, subject(facts), &why.summary)
            .shown_by(why.evidence.clone())
    };
    // Keystone's own answer.
    let refused = || {
        let one = ours.iter().find(|one| one.cause == HealthCause::CredentialRefused)?;
        one.findings.first()
    };
    if let Some(why) = reason_in(said, RefusalReason::NotAuthenticated).or_else(refused) {
        return Some(broken(Cause::CredentialRefused, why).remedy(RENEW));
    }
    let why = reason_in(said, RefusalReason::PolicyForbids)?;
    let service = RefusingService::from_message(&why.summary);
    let (roles, role) = (facts.roles(), service.and_then(RefusingService::role));
    let has = |role: &str| roles.map(|all| all.iter().any(|one| one == role));
    let lacks = role.filter(|role| has(role) == Some(false));
    let named = refusing_rule(&why.summary);
    let shown = [
        roles.map(|all| Evidence::list("roles", all)),
        service.map(|service| Evidence::text("refused by", service.name())),
        named.map(|named| Evidence::text("rule of its policy", named)),
        lacks.map(|role| Evidence::text("lacks the role", role)),
    ];
    let remedy = role_remedy(service, role.filter(|role| has(role) != Some(true)), named);
    Some(broken(Cause::RoleMissing, why).shown_by(shown.into_iter().flatten()).remedy(remedy))
}

/// `role`: the role that is missing, if it is known. `named`: the rule that the message names.
fn role_remedy(
    service: Option<RefusingService>,
    role: Option<&str>,
    named: Option<&str>,
) -> String {
    let frozen = "the credential's roles are frozen";
    let create = "and create the cluster again";
    let decision = if service == Some(RefusingService::LoadBalancer) { " (D-039)" } else { "" };
    let name = service.map_or("the service that the message names", RefusingService::name);
    let by_rule = named.map(|named| format!(", rule {named}")).unwrap_or_default();
    match role {
        Some(role) => format!(
            "{frozen}: give the user who creates clusters {role} on the project (openstack role add), \
             which {name} asks for, {create}{decision}"
        ),
        None => format!(
            "{frozen}: find out which role the policy of {name} asks for{by_rule} (its policy.yaml), give \
             it to the user who creates clusters (openstack role add), {create}"
        ),
    }
}

const RENEW: &str = "create a new application credential with the same roles, and put it into the secret \
                     STACK-cloud-credentials of the cluster's namespace: the provider then uses it. \
                     For a cluster that is being deleted: omega-cli release-stuck-delete --cluster \
                     NAME --credential-from FILE";
/// Returns the finding of `one` of `ours` about a load balancer or the rest of the infrastructure.
fn lacking(
    facts: &ClusterFacts,
    ours: &[&Diagnosis],
    one: &Diagnosis,
    progress: Progress,
) -> Option<LayerFinding> {
    let (layer, cause) = if one.cause == HealthCause::LoadBalancer {
        (Layer::LoadBalancer, balancer(facts, ours, progress)?)
    } else if one.cause != HealthCause::Infrastructure {
        return None;
    } else if progress.stalled {
        (Layer::ClusterApi, Cause::InfrastructureStalled)
    } else {
        (Layer::ClusterApi, Cause::InfrastructureFailed)
    };
    let slow = one.findings.iter().all(|found| is_slow(&found.summary));
    let severity = if slow && !progress.over { Severity::Waiting } else { Severity::Broken };
    let found = diagnosed(facts, one, layer, cause).severity(severity);
    Some(found.remedy(remedy(cause, facts)))
}

/// Whether a load balancer is missing or in error; nothing if it can't exist yet.
fn balancer(facts: &ClusterFacts, ours: &[&Diagnosis], progress: Progress) -> Option<Cause> {
    let made = progress.stalled || facts.status() != "CREATE_IN_PROGRESS";
    let none = facts.evidence.load_balancers.as_deref().is_some_and(<[_]>::is_empty);
    if !made || !none {
        return Some(Cause::LoadBalancerError);
    }
    let infrastructure = ours.iter().any(|one| one.cause == HealthCause::Infrastructure);
    // It is created once the network exists.
    let waits = progress.stalled && infrastructure && !facts.has("/network/id");
    (!waits).then_some(Cause::LoadBalancerMissing)
}

fn remedy(cause: Cause, facts: &ClusterFacts) -> String {
    let balancers = facts.evidence.load_balancers.as_deref().unwrap_or_default();
    let broken = balancers.iter().find(|one| one.provisioning_status == "ERROR");
    match (cause, broken) {
        (Cause::LoadBalancerError, Some(one)) => format!(
            "omega-cli ensure-load-balancer-active --load-balancer {} (as administrator; it fails over); if \
             it stays in ERROR, look at the amphorae: openstack loadbalancer amphora list",
            one.name
        ),
        (Cause::LoadBalancerError, None) => {
            "openstack loadbalancer status show on the cluster's load balancer".to_owned()
        }
        (Cause::LoadBalancerMissing, _) => {
            "the provider creates a new one when it can: look at its log, and find out who deleted \
             the old one (openstack loadbalancer list); the new one has another address"
                .to_owned()
        }
        (Cause::InfrastructureStalled, _) => format!(
            "look at the provider's log for {}: kubectl -n capo-system logs \
             deploy/capo-controller-manager",
            facts.stack
        ),
        _ => "do what the message says; the provider then continues by itself".to_owned(),
    }
}
