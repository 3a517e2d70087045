//! Checks Keystone, the catalog, and the services that the driver and the provider call.

use futures::future::join_all;
use omega_core::{Diagnostic as _, Evidence, Failure, Gate as _, Subject, Verdict};
use omega_openstack::{Error, Service, cloud_inventory::CloudInventory, identity::TrusteeDomain};

use super::{Cause, Layer, LayerFinding, causes, layer_result::LayerResult};

/// The services that the driver and the infrastructure provider call (block storage: magnum-capi-helm 1.4.0,
/// `driver.py`).
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

/// Reads Keystone, then every service at the same time.
pub(super) async fn ask(inventory: &CloudInventory, trustee: &TrusteeDomain) -> CloudFacts {
    let login = inventory.token_info().await.map(|token| token.catalog.0.len());
    if login.is_err() {
        return CloudFacts { login, services: Vec::new(), volume_types: None, trustee: None };
    }
    let each = SERVICES.map(|service| async move { (service, inventory.check(service).await) });
    let (services, types, trustee) =
        futures::join!(join_all(each), inventory.volume_types(), trustee.check());
    let volume_types = Some(types.map(|types| types.len()));
    CloudFacts { login, services, volume_types, trustee: Some(trustee) }
}

/// Returns what is wrong with the cloud. `label`: its name.
pub(super) fn judge(facts: &CloudFacts, label: &str) -> LayerResult {
    let mut found = Vec::new();
    found.extend(facts.login.as_ref().err().map(|error| login(error, label)));
    for (service, answer) in &facts.services {
        found.extend(answer.as_ref().err().map(|error| unanswered(*service, error)));
    }
    found.extend(volume_types(facts));
    found.extend(facts.trustee.as_ref().and_then(trustee));
    let services = facts.login.as_ref().ok();
    let shown = services.map(|services| {
        [Evidence::sentence(label), Evidence::count("services in the catalog", *services)]
    });
    LayerResult::new(Layer::Cloud).shown_by(shown.into_iter().flatten()).with(found)
}

fn login(error: &Error, label: &str) -> LayerFinding {
    let cause = if let Error::Login { source, .. } = error { &**source } else { error };
    let status = cause.refusal().map(|one| one.status);
    let (cause, remedy) = match status {
        Some(401 | 403) => (
            Cause::CredentialsRefused,
            "check the user and the password of this cloud: clouds.yaml",
        ),
        // This is not a refused login: another server answers there.
        Some(..500) => (
            Cause::IdentityUnreachable,
            "check auth_url of this cloud (clouds.yaml): its scheme, port and path",
        ),
        Some(_) | None => (Cause::IdentityUnreachable, "check Keystone, and the route to it"),
    };
    // What answers, and is not Keystone, needs another address and no other route.
    let own = error.next().filter(|_| status.is_none());
    let remedy = own.unwrap_or_else(|| remedy.to_owned());
    LayerFinding::broken(Layer::Cloud, cause, Subject::new("cloud", label), causes(error))
        .shown_by(status.map(http_status))
        .remedy(remedy)
}

fn http_status(status: u16) -> Evidence {
    Evidence::text("HTTP status", status.to_string())
}

/// A service that does not answer or has no endpoint.
fn unanswered(service: Service, error: &Error) -> LayerFinding {
    let (subject, why) = (Subject::new("service", service.to_string()), causes(error));
    let broken = |cause| LayerFinding::broken(Layer::Cloud, cause, subject.clone(), &why);
    if let Error::NoEndpoint { have, .. } = error {
        return broken(Cause::EndpointMissing)
            .shown_by((!have.is_empty()).then(|| Evidence::list("endpoints", have)))
            .remedy(format!(
                "register the service's endpoint: openstack endpoint create {service} public URL"
            ));
    }
    let status = error.refusal().map(|refusal| refusal.status);
    match status {
        // Nothing of it is found: its endpoint leads elsewhere.
        Some(404) => broken(Cause::ServiceUnreachable).shown_by(status.map(http_status)).remedy(
            format!(
                "check the path of the service's endpoint: openstack endpoint list --service {service}"
            ),
        ),
        // It answers, but this user has few rights: the service is not at fault.
        Some(..500) => LayerFinding::unknown(Layer::Cloud, subject, why),
        None if matches!(error, Error::Malformed { .. }) => {
            let remedy = error.next().unwrap_or_default();
            broken(Cause::ServiceUnreachable).remedy(remedy)
        }
        _ => broken(Cause::ServiceUnreachable).shown_by(status.map(http_status)).remedy(format!(
            "check the service {service}: its daemon, and the proxy in front of it"
        )),
    }
}

/// A failure to list them is reported once: by the service, if it does not answer at all.
fn volume_types(facts: &CloudFacts) -> Option<LayerFinding> {
    let subject = Subject::new("service", Service::BlockStorage.to_string());
    match facts.volume_types.as_ref()? {
        Ok(0) => {
            let why = "there is no volume type, and the driver uses the first one for the default \
                       storage class: a create fails";
            let found = LayerFinding::broken(Layer::Cloud, Cause::NoVolumeType, subject, why)
                .shown_by([Evidence::count("volume types", 0)])
                .source("magnum-capi-helm 1.4.0, magnum_capi_helm/driver.py");
            Some(found.remedy("openstack volume type create --public NAME"))
        }
        Ok(_) => None,
        Err(error) => {
            let mut asked = facts.services.iter();
            let answers =
                asked.any(|(service, answer)| *service == Service::BlockStorage && answer.is_ok());
            answers.then(|| LayerFinding::unknown(Layer::Cloud, subject, causes(error)))
        }
    }
}

fn trustee(answer: &Result<Verdict, Failure>) -> Option<LayerFinding> {
    match answer {
        Ok(Verdict::Fail(finding)) => {
            Some(LayerFinding::new(Layer::Cloud, Cause::TrusteeDomain, (**finding).clone()))
        }
        Ok(Verdict::Pass { .. } | Verdict::Deferred { .. }) => None,
        Err(failure) => {
            let subject = Subject::new("domain", "Magnum's trustee domain");
            Some(LayerFinding::unknown(Layer::Cloud, subject, failure.to_string()))
        }
    }
}

#[cfg(test)]
#[path = "cloud_tests.rs"]
mod tests;
