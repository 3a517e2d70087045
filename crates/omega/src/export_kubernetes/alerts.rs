//! The alerts: of jobs, by kube-state-metrics, and of `drift --watch`, by its own metrics.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{ExportOptions, job::DEADLINE, name::PREFIX};

/// A group of alerting rules, as Prometheus reads it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct AlertGroup {
    /// Its name.
    pub name: String,
    /// The rules.
    pub rules: Vec<Alert>,
}

/// An alerting rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Alert {
    /// Its name.
    pub alert: String,
    /// The expression.
    pub expr: String,
    /// How long it has to hold.
    #[serde(rename = "for")]
    pub holds: String,
    /// Labels: `severity`.
    pub labels: BTreeMap<String, String>,
    /// What a person reads: `summary` and `description`.
    pub annotations: BTreeMap<String, String>,
}

#[derive(Clone, Copy)]
enum Severity {
    Critical,
    Warning,
}

impl Alert {
    fn new(alert: &str, expr: impl Into<String>, holds: &str, severity: Severity) -> Self {
        let severity = match severity {
            Severity::Critical => "critical",
            Severity::Warning => "warning",
        };
        Self {
            alert: alert.to_owned(),
            expr: expr.into(),
            holds: holds.to_owned(),
            labels: [("severity".to_owned(), severity.to_owned())].into(),
            annotations: BTreeMap::new(),
        }
    }

    fn says(mut self, summary: &str, description: impl Into<String>) -> Self {
        self.annotations.insert("summary".to_owned(), summary.to_owned());
        self.annotations.insert("description".to_owned(), description.into());
        self
    }
}

/// Returns the alerts of the metrics that `drift --watch` serves and `--metrics-file` writes. docs/drift.md shows them.
pub fn watch_alerts() -> AlertGroup {
    let warning = Severity::Warning;
    let rules = vec![
        Alert::new(
            "OmegaDriftFails",
            r#"max by (target, rule, subject) (omega_drift_rule_state{state="fails"}) == 1"#,
            "10m",
            Severity::Critical,
        )
        .says(
            "{{ $labels.rule }} fails: {{ $labels.subject }} ({{ $labels.target }})",
            "omega-cli drift says what was found, since when, and what to do.",
        ),
        Alert::new(
            "OmegaDriftChanged",
            "max by (target, rule, key, subject) (omega_drift_rule_changed) == 1",
            "10m",
            warning,
        )
        .says(
            "{{ $labels.subject }} on {{ $labels.target }} changed",
            "It differs from the baseline or the site file; omega-cli drift says since when. Revert it, or accept it: omega-cli drift --accept.",
        ),
        Alert::new(
            "OmegaDriftUnknown",
            r#"sum(omega_drift_differences{kind="unknown"}) > 0"#,
            "30m",
            warning,
        )
        .says(
            "a part of the site could not be looked at for half an hour",
            "omega-cli drift names what did not answer. What is not seen may be broken.",
        ),
        Alert::new(
            "OmegaCredentialExpires",
            "omega_drift_credential_expires_timestamp_seconds - time() < 14 * 86400",
            "1h",
            warning,
        )
        .says(
            "the credential of {{ $labels.subject }} on {{ $labels.target }} ends soon",
            "It ends in less than two weeks. A kubeconfig of the driver is renewed by omega-cli mint-kubeconfig.",
        ),
        Alert::new(
            "OmegaDriftStale",
            "time() - omega_drift_last_look_timestamp_seconds > 1800",
            "5m",
            warning,
        )
        .says(
            "nobody has looked at the site for half an hour",
            "omega-cli drift --watch, or the timer that runs drift, does not run or does not come to an end.",
        ),
    ];
    AlertGroup { name: "omega-drift".to_owned(), rules }
}

/// Returns the alerts of what is exported: of `CronJob`s, or of Jobs that run once. The metrics are those of
/// kube-state-metrics 2 (`docs/metrics/workload/cronjob-metrics.md`, `job-metrics.md`).
pub(super) fn job_alerts(options: &ExportOptions) -> AlertGroup {
    let rules = if options.once { once(options) } else { scheduled(options) };
    AlertGroup { name: "omega-drift-jobs".to_owned(), rules }
}

fn once(options: &ExportOptions) -> Vec<Alert> {
    let namespace = &options.namespace;
    let expr = format!(
        "max by (namespace, job_name) (kube_job_failed{{condition=\"true\",namespace=\"{namespace}\",job_name=~\"{PREFIX}-.+-once\"}}) == 1"
    );
    let alert = Alert::new("OmegaDriftJobFailed", expr, "1m", Severity::Warning).says(
        "the look of {{ $labels.job_name }} failed",
        format!("Its pod says why: kubectl --namespace {namespace} logs job/{{{{ $labels.job_name }}}}. It goes on until the job is deleted."),
    );
    vec![alert]
}

fn scheduled(options: &ExportOptions) -> Vec<Alert> {
    let namespace = &options.namespace;
    let of = format!("{{namespace=\"{namespace}\",cronjob=~\"{PREFIX}-.+\"}}");
    let latest = |metric: &str| format!("max by (namespace, cronjob) ({metric}{of})");
    let (success, created) =
        (latest("kube_cronjob_status_last_successful_time"), latest("kube_cronjob_created"));
    let stale = stale_after(options);
    let failed = format!("{} > {success}", latest("kube_cronjob_status_last_schedule_time"));
    let never = format!("(time() - {created} > {stale}) unless on (namespace, cronjob) {success}");
    let logs = format!(
        "kubectl --namespace {namespace} logs --tail=-1 --selector batch.kubernetes.io/job-name,app.kubernetes.io/name={PREFIX} shows the looks. Exit code 1: something could not be looked at; 2: it changed; 3: a rule fails."
    );
    let warning = Severity::Warning;
    vec![
        // A look ends within 10 minutes, so one that runs is none that failed.
        Alert::new("OmegaDriftLookFailed", failed, "15m", warning).says(
            "the last look of {{ $labels.cronjob }} did not succeed",
            logs,
        ),
        Alert::new(
            "OmegaDriftLookStale",
            format!("(time() - {success} > {stale}) or ({never})"),
            "5m",
            warning,
        )
        .says(
            "{{ $labels.cronjob }} has not succeeded for a long time",
            format!("The last look that found nothing to report is {} minutes old or older, or there was none: looks fail, do not begin, or are suspended.", stale / 60),
        ),
        Alert::new("OmegaDriftSuspended", format!("{} == 1", latest("kube_cronjob_spec_suspend")), "1h", warning)
            .says(
                "{{ $labels.cronjob }} is suspended",
                format!("Nobody looks at the site. kubectl --namespace {namespace} patch cronjob {{{{ $labels.cronjob }}}} --patch '{{\"spec\":{{\"suspend\":false}}}}'"),
            ),
        Alert::new("OmegaDriftAbsent", format!("absent(kube_cronjob_info{of})"), "30m", warning)
            .says(
                "no CronJob of omega is there",
                format!("Nobody looks at the sites of namespace {namespace}, or kube-state-metrics does not run."),
            ),
    ]
}

/// Two looks may be missing, and a third one may still run, in seconds.
fn stale_after(options: &ExportOptions) -> i64 {
    i64::from(options.schedule.longest_pause()) * 60 * 2 + DEADLINE
}
