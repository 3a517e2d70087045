//! The job of a look.

use k8s_openapi::api::{
    batch::v1::{
        Job, JobSpec, PodFailurePolicy, PodFailurePolicyOnExitCodesRequirement,
        PodFailurePolicyOnPodConditionsPattern, PodFailurePolicyRule,
    },
    core::v1::PodTemplateSpec,
};
use omega_core::run::Status;

use super::{
    ExportOptions, SiteName,
    object::{labels, metadata},
    pod::CONTAINER,
};

/// How long a look may take, in seconds: `drift` gives up after 3 minutes, and an image has to be pulled.
pub(super) const DEADLINE: i64 = 600;
/// What could not be looked at may be there in a moment. The next look of the schedule is not far.
const RETRIES: i32 = 1;
/// How long a job that ran once is kept, in seconds: a day.
const KEPT: i32 = 24 * 3600;

/// Returns a job that looks once, now.
pub(super) fn job(options: &ExportOptions, site: &SiteName, pod: PodTemplateSpec) -> Job {
    let name = format!("{}-once", site.object());
    Job {
        metadata: metadata(&name, &options.namespace, labels(Some(site))),
        spec: Some(JobSpec { ttl_seconds_after_finished: Some(KEPT), ..job_spec(pod) }),
        status: None,
    }
}

/// Returns how a look is run.
pub(super) fn job_spec(template: PodTemplateSpec) -> JobSpec {
    JobSpec {
        active_deadline_seconds: Some(DEADLINE),
        backoff_limit: Some(RETRIES),
        pod_failure_policy: Some(failures()),
        template,
        ..JobSpec::default()
    }
}

/// A pod that was evicted says nothing about the site. That something changed, that a rule fails, that the site
/// file or the baseline is wrong is as true a second time.
fn failures() -> PodFailurePolicy {
    let evicted = PodFailurePolicyRule {
        action: "Ignore".to_owned(),
        on_exit_codes: None,
        on_pod_conditions: Some(vec![PodFailurePolicyOnPodConditionsPattern {
            type_: "DisruptionTarget".to_owned(),
            status: "True".to_owned(),
        }]),
    };
    let mut codes = [Status::Pending, Status::Gate, Status::Refused, Status::Stale, Status::Usage]
        .map(|status| i32::from(status.code()));
    codes.sort_unstable();
    let answered = PodFailurePolicyRule {
        action: "FailJob".to_owned(),
        on_exit_codes: Some(PodFailurePolicyOnExitCodesRequirement {
            container_name: Some(CONTAINER.to_owned()),
            operator: "In".to_owned(),
            values: codes.into(),
        }),
        on_pod_conditions: None,
    };
    PodFailurePolicy { rules: vec![evicted, answered] }
}
