//! Keystone, the catalog, and the services that the driver and the provider call.

use futures::future::join_all;
use omega_core::{Failure, Gate as _, Verdict};
use omega_openstack::{Error, Service, cloud_inventory::CloudInventory, identity::TrusteeDomain};

use super::{Cause, Finding, Layer, report::LayerResult};

/// What the driver (block storage: driver.py; network) and the infrastructure provider call.
const SERVICES: [Service; 6] = [
    Service::Network,
    Service::Compute,
    Service::Image,
    Service::BlockStorage,
    Service::LoadBalancer,
    Service::ContainerInfra,
];

/// What the cloud answered.
pub(super) struct CloudFacts {
    login: Result<usize, Error>,
    services: Vec<(Service, Result<(), Error>)>,
    volume_types: Option<Result<usize, Error>>,
    trustee: Option<Result<Verdict, Failure>>,
}

/// Asks Keystone, then every service at once.
pub(super) async fn ask(survey: &CloudInventory, trustee: &TrusteeDomain) -> CloudFacts {
    let login = survey.grant().await.map(|grant| grant.catalog.0.len());
    if login.is_err() {
        return CloudFacts { login, services: Vec::new(), volume_types: None, trustee: None };
    }
    let each = SERVICES.map(|service| async move { (service, survey.asks(service).await) });
    let (services, types, trustee) =
        futures::join!(join_all(each), survey.volume_types(), trustee.check());
    let volume_types = Some(types.map(|types| types.len()));
    CloudFacts { login, services, volume_types, trustee: Some(trustee) }
}

/// Says what is wrong with the cloud. `label`: its name.
pub(super) fn judge(facts: &CloudFacts, label: &str) -> LayerResult {
    let mut found = Vec::new();
    match &facts.login {
        Ok(_) => {}
        Err(error) => found.push(login(error, label)),
    }
    for (service, answer) in &facts.services {
        found.extend(answer.as_ref().err().map(|error| unanswered(*service, error)));
    }
    found.extend(volume_types(facts, label));
    let domain = "Magnum's trustee domain";
    match &facts.trustee {
        Some(Ok(Verdict::Fail(finding))) => {
            let (why, next) = (&finding.summary, finding.remedy.clone().unwrap_or_default());
            found.push(Finding::broken(Layer::Cloud, Cause::TrusteeDomain, domain, why, next));
        }
        Some(Err(failure)) => {
            let why = [vec![failure.message.clone()], failure.causes.clone()].concat().join(": ");
            found.push(Finding::unknown(Layer::Cloud, domain, why));
        }
        Some(Ok(Verdict::Pass { .. } | Verdict::Deferred { .. })) | None => {}
    }
    let services = facts.login.as_ref().map_or(0, |services| *services);
    LayerResult::of(Layer::Cloud, format!("{label}, {services} services in the catalog"), found)
}

fn login(error: &Error, label: &str) -> Finding {
    let why = causes(error);
    let cause = if let Error::Login { source, .. } = error { &**source } else { error };
    let status = cause.refusal().map(|one| one.status);
    let (cause, next) = match status {
        Some(401 | 403) => (
            Cause::CredentialsRefused,
            "check the user and the password of this cloud: clouds.yaml",
        ),
        // It is no login that is refused: something else answers there.
        Some(..500) => (
            Cause::IdentityUnreachable,
            "check auth_url of this cloud (clouds.yaml): its scheme, port and path",
        ),
        Some(_) | None => (Cause::IdentityUnreachable, "look at Keystone, and at the way to it"),
    };
    Finding::broken(Layer::Cloud, cause, label, why, next)
}

/// A service that does not answer, or is not there.
fn unanswered(service: Service, error: &Error) -> Finding {
    let (what, why) = (service.to_string(), causes(error));
    if matches!(error, Error::NoEndpoint { .. }) {
        let next = format!(
            "register the service's endpoint: openstack endpoint create {service} public URL"
        );
        return Finding::broken(Layer::Cloud, Cause::EndpointMissing, what, why, next);
    }
    match error.refusal().map(|refusal| refusal.status) {
        // It answers, and lets this user do little: not its fault.
        Some(status) if status < 500 => Finding::unknown(Layer::Cloud, what, why),
        _ => {
            let next = format!("look at the service {service}: its daemon, and what is before it");
            Finding::broken(Layer::Cloud, Cause::ServiceUnreachable, what, why, next)
        }
    }
}

fn volume_types(facts: &CloudFacts, label: &str) -> Option<Finding> {
    let Some(Ok(0)) = &facts.volume_types else { return None };
    let why = format!(
        "{label} shows no volume type, and the driver takes the first for the default storage \
         class: a create fails"
    );
    let next = "openstack volume type create --public NAME";
    Some(Finding::broken(Layer::Cloud, Cause::NoVolumeType, "block-storage", why, next))
}

/// The error with its causes, in one line.
pub(super) fn causes(error: &dyn std::error::Error) -> String {
    omega_core::chain(error).join(": ")
}

#[cfg(test)]
#[path = "cloud_tests.rs"]
mod tests;
