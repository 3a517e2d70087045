//! Turns the state of Cluster API's objects and Magnum's record of a cluster into findings.

use omega_capi::health::{Answer, Diagnosis, HealthCause, Layer as HealthLayer};
use omega_core::{Evidence, Severity};

use super::{ClusterFacts, Patience, deleting, remedies, subject};
use crate::doctor::{
    Cause, Layer, LayerFinding, driver_credential::RENEW, messages::is_webhook_failure,
};

/// Returns one diagnosis as a finding. Those of the infrastructure and of the cluster's own credential
/// are handled in other files.
pub(super) fn finding(
    facts: &ClusterFacts,
    one: &Diagnosis,
    patience: Patience,
) -> Option<LayerFinding> {
    let (layer, cause, remedy) = match one.cause {
        HealthCause::Healthy | HealthCause::LoadBalancer | HealthCause::Infrastructure => {
            return None;
        }
        HealthCause::CredentialRefused if one.layer == HealthLayer::ClusterCredential => {
            return None;
        }
        HealthCause::Deleting => return Some(deleting::finding(facts, one, patience)),
        HealthCause::CredentialRefused => (Layer::DriverCredential, rights(facts), RENEW.into()),
        HealthCause::ManagementUnreachable => unreachable(one),
        HealthCause::Missing => {
            (Layer::ClusterApi, Cause::ClusterMissing, remedies::missing(facts))
        }
        HealthCause::ControlPlane => {
            let remedy = remedies::machines(facts, "control-plane");
            (Layer::ClusterApi, Cause::ControlPlane, remedy)
        }
        HealthCause::Workers => {
            (Layer::ClusterApi, Cause::Workers, remedies::machines(facts, "worker"))
        }
        HealthCause::Paused => (Layer::ClusterApi, Cause::Paused, remedies::unpause(facts)),
        HealthCause::UnservedVersion => {
            (Layer::Controllers, Cause::VersionUnserved, one.cause.next().into())
        }
        HealthCause::PolarityMisread => {
            (Layer::Magnum, Cause::PolarityMisread, one.cause.next().into())
        }
        HealthCause::Outdated => (Layer::Magnum, Cause::StaleStatus, one.cause.next().into()),
        HealthCause::RollingOut | HealthCause::NeverPolled | HealthCause::Unclear => {
            (Layer::ClusterApi, Cause::Unclear, one.cause.next().into())
        }
    };
    Some(diagnosed(facts, one, layer, cause).severity(severity(one.cause)).remedy(remedy))
}

/// Returns a diagnosis as `cause` at `layer`.
pub(super) fn diagnosed(
    facts: &ClusterFacts,
    one: &Diagnosis,
    layer: Layer,
    cause: Cause,
) -> LayerFinding {
    let mut words = one.evidence.iter();
    let summary = words.next().cloned().unwrap_or_default();
    LayerFinding::broken(layer, cause, subject(facts), summary)
        .shown_by(words.map(Evidence::sentence))
}

fn severity(cause: HealthCause) -> Severity {
    let passes = [HealthCause::RollingOut, HealthCause::NeverPolled, HealthCause::Outdated];
    if passes.contains(&cause) {
        Severity::Waiting
    } else if cause == HealthCause::Unclear {
        Severity::Note
    } else {
        Severity::Broken
    }
}

/// Whether the driver's credential is rejected, or lacks rights.
fn rights(facts: &ClusterFacts) -> Cause {
    let asked = &facts.evidence;
    let mut answers = asked.answers.0.values().chain(&asked.as_driver);
    let forbidden = answers.any(|answer| matches!(answer, Answer::Status { code: 403, .. }));
    if forbidden { Cause::RightsMissing } else { Cause::CredentialRefused }
}

/// The API server has its own check: if it works, a webhook behind it fails here.
fn unreachable(one: &Diagnosis) -> (Layer, Cause, String) {
    let webhook = one.evidence.iter().any(|fact| is_webhook_failure(fact));
    if one.layer == HealthLayer::ManagementApi && !webhook {
        let remedy = "check the API server and the route to it".to_owned();
        return (Layer::KubeApi, Cause::ApiUnreachable, remedy);
    }
    let remedy = "find out what serves the conversion webhook: kubectl get crd \
                  clusters.cluster.x-k8s.io -o jsonpath='{.spec.conversion}'; then check the \
                  Service and Endpoints that it names, and the controller's pod and certificate";
    (Layer::Controllers, Cause::WebhookDown, remedy.to_owned())
}
