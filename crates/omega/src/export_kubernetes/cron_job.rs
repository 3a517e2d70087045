use k8s_openapi::{
    api::{
        batch::v1::{CronJob, CronJobSpec, JobTemplateSpec},
        core::v1::PodTemplateSpec,
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};

use super::{
    ExportOptions, SiteName,
    job::job_spec,
    object::{labels, metadata},
};

/// A look that could not begin for so long, in seconds, is left out. Less than 10 s may never begin, and without a
/// deadline 100 missed looks stop the schedule (kubernetes/website, `concepts/workloads/controllers/cron-jobs.md`).
const STARTING: i64 = 200;

/// Returns the schedule of a site's looks: never two at once.
pub(super) fn cron_job(options: &ExportOptions, site: &SiteName, pod: PodTemplateSpec) -> CronJob {
    let template = ObjectMeta { labels: Some(labels(Some(site))), ..ObjectMeta::default() };
    let spec = CronJobSpec {
        schedule: options.schedule.to_string(),
        // Otherwise it is that of the controller manager, whichever that is.
        time_zone: Some("Etc/UTC".to_owned()),
        concurrency_policy: Some("Forbid".to_owned()),
        starting_deadline_seconds: Some(STARTING),
        successful_jobs_history_limit: Some(1),
        failed_jobs_history_limit: Some(3),
        job_template: JobTemplateSpec { metadata: Some(template), spec: Some(job_spec(pod)) },
        suspend: None,
    };
    CronJob {
        metadata: metadata(&site.object(), &options.namespace, labels(Some(site))),
        spec: Some(spec),
        status: None,
    }
}
