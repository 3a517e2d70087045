//! Whether the clusters are healthy, according to Magnum's last poll.

use async_trait::async_trait;
use omega_core::{CheckRule, Evidence, Failure, Finding, Gate, Subject, Verdict};

use super::{Cluster, ClusterList};

const RULE: &str = ClusterHealth::RULE.name;

/// The gate that every cluster of the Cluster API driver is HEALTHY.
///
/// Magnum polls about once a minute and stores the result. If the management API can't be reached,
/// the last value stays, so HEALTHY does not prove that it can be reached.
#[derive(Clone, Debug)]
pub struct ClusterHealth {
    /// The list.
    pub clusters: ClusterList,
    /// Only these clusters, by name or id; all if it is empty.
    pub only: Vec<String>,
}

impl ClusterHealth {
    /// Its rule, and the decisions that it checks.
    pub const RULE: CheckRule = CheckRule::new("cluster-health", &["D-011", "D-042-amendment"]);
}

#[async_trait]
impl Gate for ClusterHealth {
    fn rule(&self) -> &'static str {
        RULE
    }

    fn subject(&self) -> Subject {
        subject(&self.only)
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        Ok(judge(&self.clusters.read().await?, &self.only))
    }
}

fn subject(only: &[String]) -> Subject {
    let which = if only.is_empty() { "clusters".to_owned() } else { only.join(", ") };
    Subject::new("health", which)
}

/// Returns the verdict on these clusters, or on those that `only` names.
pub(crate) fn judge(clusters: &[Cluster], only: &[String]) -> Verdict {
    let is_called =
        |cluster: &Cluster, name: &String| cluster.name == *name || cluster.uuid == *name;
    if let Some(absent) = only.iter().find(|name| !clusters.iter().any(|c| is_called(c, name))) {
        let why = format!("there is no cluster {absent:?}");
        return Verdict::fail(
            Finding::broken(RULE, subject(only), why)
                .remedy("correct the name (openstack coe cluster list)"),
        );
    }
    let asked = |cluster: &&Cluster| match only {
        [] => cluster.is_capi(),
        only => only.iter().any(|name| is_called(cluster, name)),
    };
    let clusters: Vec<_> = clusters.iter().filter(asked).collect();
    if clusters.is_empty() {
        return Verdict::deferred("no clusters yet; checked in phase 08");
    }
    let unhealthy = || clusters.iter().filter(|cluster| is_unhealthy(cluster));
    if unhealthy().next().is_some() {
        let why: Vec<_> = unhealthy().map(|cluster| standing(cluster)).collect();
        return Verdict::fail(
            Finding::broken(RULE, subject(only), why.join("; "))
                .shown_by(unhealthy().flat_map(|cluster| evidence(cluster)))
                .remedy("the reason is in Cluster API's conditions: kubectl describe cluster")
                .source("magnum-capi-helm driver.py, poll_health_status"),
        );
    }
    let waiting: Vec<_> = clusters.iter().filter(|c| c.health_status.is_none()).collect();
    match waiting.as_slice() {
        [] => {
            let names = clusters.iter().map(|cluster| cluster.name.as_str());
            Verdict::shown([Evidence::list("HEALTHY", names)])
        }
        [first, ..] if first.is_polled() => {
            Verdict::deferred(format!("Magnum has polled {} (every minute)", first.name))
        }
        [first, ..] => {
            let Cluster { name, .. } = first;
            Verdict::deferred(format!("{name} is complete; it is {}", first.status_text()))
        }
    }
}

/// Returns whether the cluster is known to be unhealthy: by its health, or without one by its
/// status.
fn is_unhealthy(cluster: &Cluster) -> bool {
    match cluster.health_status.as_deref() {
        Some(health) => health != "HEALTHY",
        None => cluster.has_failed(),
    }
}

/// Returns the parts that are not ready according to the driver, with its reasons.
fn reasons(cluster: &Cluster) -> Vec<String> {
    let reasons = cluster.health_status_reason.iter().flatten();
    let reasons = reasons.filter(|(_, reason)| *reason != "Ready");
    reasons.map(|(part, reason)| format!("{part}: {reason}")).collect()
}

fn standing(cluster: &Cluster) -> String {
    let Cluster { name, .. } = cluster;
    let Some(health) = &cluster.health_status else {
        return format!("{name} is {}", cluster.status_text());
    };
    let reasons = match reasons(cluster) {
        none if none.is_empty() => "no reason given".to_owned(),
        some => some.join(", "),
    };
    format!("{name} is {health} ({reasons})")
}

fn evidence(cluster: &Cluster) -> Vec<Evidence> {
    let Cluster { name, .. } = cluster;
    let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "none".to_owned());
    vec![
        Evidence::text("cluster", name),
        Evidence::text("status", value(&cluster.status)),
        Evidence::text("health_status", value(&cluster.health_status)),
        Evidence::list("health_status_reason", reasons(cluster)),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn cluster(name: &str, status: &str, health: Option<&str>) -> Cluster {
        let parts = [("cluster", "Ready"), ("infrastructure", "Infrastructure not ready.")];
        let reasons = parts.map(|(part, reason)| (part.to_owned(), reason.to_owned()));
        Cluster {
            stack_id: Some(format!("{name}-cyusd2b67a45")),
            status: Some(status.into()),
            health_status: health.map(str::to_owned),
            health_status_reason: Some(match health {
                Some("UNHEALTHY") => BTreeMap::from(reasons),
                _ => BTreeMap::new(),
            }),
            ..Cluster::new(format!("uuid-of-{name}"), name, "t")
        }
    }

    fn verdict(clusters: &[Cluster], only: &[&str]) -> String {
        let only: Vec<_> = only.iter().map(|&name| name.to_owned()).collect();
        match judge(clusters, &only) {
            Verdict::Pass { evidence } => format!("pass: {}", Evidence::line(&evidence)),
            Verdict::Fail(finding) => {
                format!("fail: {}; {}", finding.summary, finding.remedy.unwrap_or_default())
            }
            Verdict::Deferred { until } => format!("deferred: {until}"),
        }
    }

    #[test]
    fn healthy_means_all_of_the_drivers_clusters() {
        let good = cluster("a", "CREATE_COMPLETE", Some("HEALTHY"));
        let bad = cluster("b", "CREATE_COMPLETE", Some("UNHEALTHY"));
        let heat = Cluster {
            stack_id: Some("49dc23f5-ffc9-40c3-9d34-7be7f9e34d63".into()),
            ..cluster("heat", "CREATE_COMPLETE", Some("UNHEALTHY"))
        };
        let foreign = Cluster {
            stack_id: Some("kube-7xk2p".into()),
            ..cluster("old", "CREATE_COMPLETE", Some("UNHEALTHY"))
        };
        let new = cluster("new", "CREATE_COMPLETE", None);
        let making = cluster("making", "CREATE_IN_PROGRESS", None);
        let failed = cluster("failed", "CREATE_FAILED", None);
        let lines = [
            verdict(&[], &[]),
            verdict(std::slice::from_ref(&heat), &[]),
            verdict(&[good.clone(), heat.clone()], &[]),
            verdict(&[good.clone(), foreign], &[]),
            verdict(&[good.clone(), bad.clone(), new.clone()], &[]),
            verdict(&[good.clone(), bad.clone()], &["a"]),
            verdict(&[good.clone(), bad.clone()], &["uuid-of-b"]),
            verdict(&[good.clone(), new], &[]),
            verdict(&[making, good.clone()], &[]),
            verdict(&[good.clone(), failed], &[]),
            verdict(&[good], &["aa"]),
        ];
        let remedy = "the reason is in Cluster API's conditions: kubectl describe cluster";
        let shown = lines.join("\n").replace(remedy, "REMEDY");
        insta::assert_snapshot!(shown, @r#"
        deferred: no clusters yet; checked in phase 08
        deferred: no clusters yet; checked in phase 08
        pass: HEALTHY a
        pass: HEALTHY a
        fail: b is UNHEALTHY (infrastructure: Infrastructure not ready.); REMEDY
        pass: HEALTHY a
        fail: b is UNHEALTHY (infrastructure: Infrastructure not ready.); REMEDY
        deferred: Magnum has polled new (every minute)
        deferred: making is complete; it is CREATE_IN_PROGRESS
        fail: failed is CREATE_FAILED; REMEDY
        fail: there is no cluster "aa"; correct the name (openstack coe cluster list)
        "#);
    }
}
