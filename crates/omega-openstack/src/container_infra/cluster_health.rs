//! Whether the clusters are healthy, as Magnum last heard.

use async_trait::async_trait;
use omega_core::{Failure, Gate, Subject, Verdict};

use super::{Cluster, ClusterList};

/// Every cluster of the Cluster API driver is HEALTHY.
///
/// It is what Magnum stored when it last polled, about once a minute: when the management API
/// can't be reached the last value stays, so a HEALTHY alone does not show that it can.
#[derive(Clone, Debug)]
pub struct ClusterHealth {
    /// The list.
    pub clusters: ClusterList,
    /// Only these, where any are named: by name or id.
    pub only: Vec<String>,
}

#[async_trait]
impl Gate for ClusterHealth {
    fn subject(&self) -> Subject {
        let which = if self.only.is_empty() { "clusters".to_owned() } else { self.only.join(", ") };
        Subject::new("health", which)
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        Ok(judge(&self.clusters.read().await?, &self.only))
    }
}

/// Returns the verdict on these clusters, or on those of them that `only` names.
pub(crate) fn judge(clusters: &[Cluster], only: &[String]) -> Verdict {
    let is_called =
        |cluster: &Cluster, name: &String| cluster.name == *name || cluster.uuid == *name;
    if let Some(absent) = only.iter().find(|name| !clusters.iter().any(|c| is_called(c, name))) {
        let next = "correct the name (openstack coe cluster list)".to_owned();
        return Verdict::Fail { why: format!("there is no cluster {absent:?}"), next: Some(next) };
    }
    let asked = |cluster: &&Cluster| match only {
        [] => cluster.is_capi(),
        only => only.iter().any(|name| is_called(cluster, name)),
    };
    let clusters: Vec<_> = clusters.iter().filter(asked).collect();
    if clusters.is_empty() {
        return Verdict::Deferred { until: "phase 08: the first cluster".to_owned() };
    }
    let sick: Vec<_> = clusters.iter().filter_map(|cluster| sick(cluster)).collect();
    if !sick.is_empty() {
        let next = "ask Cluster API for the reason: kubectl describe cluster in its namespace";
        return Verdict::Fail { why: sick.join("; "), next: Some(next.to_owned()) };
    }
    let waiting: Vec<_> = clusters.iter().filter(|c| c.health_status.is_none()).collect();
    match waiting.as_slice() {
        [] => {
            let names: Vec<_> = clusters.iter().map(|cluster| cluster.name.as_str()).collect();
            Verdict::Pass { evidence: format!("HEALTHY: {}", names.join(", ")) }
        }
        [first, ..] if first.is_polled() => {
            Verdict::Deferred { until: format!("Magnum has polled {} (each minute)", first.name) }
        }
        [first, ..] => {
            let Cluster { name, .. } = first;
            Verdict::Deferred { until: format!("{name} is complete; it is {}", first.standing()) }
        }
    }
}

/// Returns what is wrong with the cluster, if anything is known to be.
fn sick(cluster: &Cluster) -> Option<String> {
    let Cluster { name, health_status, health_status_reason, .. } = cluster;
    match health_status.as_deref() {
        Some("HEALTHY") => None,
        Some(other) => {
            let reasons = health_status_reason.iter().flatten();
            let reasons = reasons.filter(|(_, reason)| *reason != "Ready");
            let reasons: Vec<_> =
                reasons.map(|(part, reason)| format!("{part}: {reason}")).collect();
            let reasons =
                if reasons.is_empty() { "no reason given".into() } else { reasons.join(", ") };
            Some(format!("{name} is {other} ({reasons})"))
        }
        None if cluster.status.as_deref().is_some_and(|status| status.ends_with("_FAILED")) => {
            Some(format!("{name} is {}", cluster.standing()))
        }
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn cluster(name: &str, status: &str, health: Option<&str>) -> Cluster {
        let parts = [("cluster", "Ready"), ("infrastructure", "Infrastructure not ready.")];
        let reasons = parts.map(|(part, reason)| (part.to_owned(), reason.to_owned()));
        Cluster {
            uuid: format!("uuid-of-{name}"),
            name: name.into(),
            project_id: Some("p".into()),
            cluster_template_id: "t".into(),
            stack_id: Some(format!("{name}-cyusd2b67a45")),
            status: Some(status.into()),
            status_reason: None,
            health_status: health.map(str::to_owned),
            health_status_reason: Some(match health {
                Some("UNHEALTHY") => BTreeMap::from(reasons),
                _ => BTreeMap::new(),
            }),
            api_address: None,
            created_at: None,
        }
    }

    fn verdict(clusters: &[Cluster], only: &[&str]) -> String {
        let only: Vec<_> = only.iter().map(|&name| name.to_owned()).collect();
        format!("{:?}", judge(clusters, &only))
    }

    #[test]
    fn healthy_means_all_of_the_drivers_clusters() {
        let good = cluster("a", "CREATE_COMPLETE", Some("HEALTHY"));
        let bad = cluster("b", "CREATE_COMPLETE", Some("UNHEALTHY"));
        let heat = Cluster {
            stack_id: Some("49dc23f5-ffc9-40c3-9d34-7be7f9e34d63".into()),
            ..cluster("heat", "CREATE_COMPLETE", Some("UNHEALTHY"))
        };
        let new = cluster("new", "CREATE_COMPLETE", None);
        let making = cluster("making", "CREATE_IN_PROGRESS", None);
        let failed = cluster("failed", "CREATE_FAILED", None);
        let lines = [
            verdict(&[], &[]),
            verdict(std::slice::from_ref(&heat), &[]),
            verdict(&[good.clone(), heat.clone()], &[]),
            verdict(&[good.clone(), bad.clone(), new.clone()], &[]),
            verdict(&[good.clone(), bad.clone()], &["a"]),
            verdict(&[good.clone(), bad.clone()], &["uuid-of-b"]),
            verdict(&[good.clone(), new], &[]),
            verdict(&[making, good.clone()], &[]),
            verdict(&[good.clone(), failed], &[]),
            verdict(&[good], &["aa"]),
        ];
        insta::assert_snapshot!(lines.join("\n"), @r#"
        Deferred { until: "phase 08: the first cluster" }
        Deferred { until: "phase 08: the first cluster" }
        Pass { evidence: "HEALTHY: a" }
        Fail { why: "b is UNHEALTHY (infrastructure: Infrastructure not ready.)", next: Some("ask Cluster API for the reason: kubectl describe cluster in its namespace") }
        Pass { evidence: "HEALTHY: a" }
        Fail { why: "b is UNHEALTHY (infrastructure: Infrastructure not ready.)", next: Some("ask Cluster API for the reason: kubectl describe cluster in its namespace") }
        Deferred { until: "Magnum has polled new (each minute)" }
        Deferred { until: "making is complete; it is CREATE_IN_PROGRESS" }
        Fail { why: "failed is CREATE_FAILED", next: Some("ask Cluster API for the reason: kubectl describe cluster in its namespace") }
        Fail { why: "there is no cluster \"aa\"", next: Some("correct the name (openstack coe cluster list)") }
        "#);
    }
}
