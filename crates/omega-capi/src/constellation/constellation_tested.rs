//! Whether the controllers are those that the chart was tested with.

use async_trait::async_trait;
use omega_core::{Evidence, Failure, Finding, Gate, Label as _, Severity, Subject, Verdict};

use super::{Comparison, Constellation, ConstellationItem, check_constellation};
use crate::{
    Management, Namespaces,
    controllers::read_installed,
    releases::{Releases, read_releases},
};

const RULE: &str = "dependencies";

/// The gate that what is installed on the management cluster is what the chart was tested with (D-034).
#[derive(Clone, Debug)]
pub struct ConstellationTested {
    /// The management cluster.
    pub management: Management,
    /// What was tested.
    pub tested: Constellation,
}

impl ConstellationTested {
    fn judge(&self, compared: &[Comparison], releases: &Releases) -> Verdict {
        let mut evidence: Vec<Evidence> = compared.iter().map(shown).collect();
        let mut found: Vec<Finding> = compared.iter().filter_map(Comparison::finding).collect();
        let unread = Evidence::count("releases that could not be read", releases.unreadable.len());
        if !releases.unreadable.is_empty() {
            evidence.push(unread);
        }
        // What is not known may be missing.
        found.sort_by_key(|one| {
            (one.severity != Severity::Broken, one.severity != Severity::Unknown)
        });
        let Some(first) = found.first() else {
            if releases.unreadable.is_empty() {
                return Verdict::shown(evidence);
            }
            let why = "not every helm release could be read";
            let finding = Finding::broken(RULE, self.subject(), why).shown_by(evidence);
            let remedy = "omega-cli check-constellation names them";
            return Verdict::fail(finding.severity(Severity::Unknown).remedy(remedy));
        };
        let same = found.iter().filter(|one| one.severity == first.severity);
        let summary: Vec<&str> = same.clone().map(|one| one.summary.as_str()).collect();
        let remedies: Vec<&str> = same.filter_map(|one| one.remedy.as_deref()).collect();
        let finding = Finding::broken(RULE, self.subject(), summary.join("; "))
            .severity(first.severity)
            .decision("D-034")
            .source("capi-helm-charts, dependencies.json")
            .remedy(remedies.join("; "));
        Verdict::fail(finding.shown_by(evidence))
    }
}

/// `cluster-api v1.13.2, tested with v1.13.2`
fn shown(one: &Comparison) -> Evidence {
    let name = match &one.part {
        ConstellationItem::Controller(component) => component.to_string(),
        ConstellationItem::Release { namespace, name, .. } => format!("{namespace}/{name}"),
    };
    let found = one.found.as_deref().unwrap_or("none");
    match one.wanted.as_deref() {
        Some(wanted) if wanted == found => Evidence::text(&name, found),
        Some(wanted) => Evidence::text(&name, format!("{found} (tested with {wanted})")),
        None => Evidence::text(&name, format!("{found} (the chart names none)")),
    }
}

#[async_trait]
impl Gate for ConstellationTested {
    fn rule(&self) -> &'static str {
        RULE
    }

    fn subject(&self) -> Subject {
        Subject::new("controllers", format!("of {}", self.management.label()))
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        let failure = |what: &str, error: &crate::Error| {
            let what = format!("could not read {what} of {}", self.management.label());
            Failure::from_error(what, error)
        };
        let (installed, releases) = futures::join!(
            read_installed(&self.management),
            read_releases(&self.management, &Namespaces::All)
        );
        let installed = installed.map_err(|error| failure("the controllers", &error))?;
        let releases = releases.map_err(|error| failure("the helm releases", &error))?;
        let compared = check_constellation(&self.tested, &installed, &releases.releases);
        Ok(self.judge(&compared, &releases))
    }
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::match_wildcard_for_single_variants,
        clippy::wildcard_enum_match_arm,
        reason = "an assertion"
    )]

    use super::*;
    use crate::sim::{Apiserver, Fault};

    const DEPLOYMENTS: &str = "/apis/apps/v1/deployments";

    async fn check(server: &Apiserver, chart: &str) -> Result<Verdict, Failure> {
        let tested = Constellation::of(&chart.parse().unwrap()).unwrap();
        let management = Management::over(server.clone(), "sim");
        ConstellationTested { management, tested }.check().await
    }

    fn finding(verdict: Verdict) -> Finding {
        match verdict {
            Verdict::Fail(finding) => *finding,
            other => panic!("{other:?}"),
        }
    }

    /// Chart 0.26.0 was tested with the same set, 0.27.0 with newer versions.
    #[tokio::test]
    async fn the_tested_set_passes_and_the_next_one_is_a_warning() {
        let server = Apiserver::default();
        server.store_list("/api/v1/secrets", "Secret");
        for chart in ["0.25.1", "0.26.0"] {
            let verdict = check(&server, chart).await.unwrap();
            let Verdict::Pass { evidence } = verdict else { panic!("{chart}: {verdict:?}") };
            assert_eq!(evidence.len(), 8, "{evidence:?}");
        }
        let found = finding(check(&server, "0.27.0").await.unwrap());
        assert_eq!(found.severity, Severity::Warning, "{found:?}");
        assert!(found.summary.contains("v1.13.2 is installed, v1.13.3 was tested"), "{found:?}");
    }

    #[tokio::test]
    async fn what_differs_from_the_tested_set_is_told() {
        let server = Apiserver::default();
        server.modify(DEPLOYMENTS, "capi-controller-manager", |one| {
            let image = &mut one["spec"]["template"]["spec"]["containers"][0]["image"];
            *image = "registry.k8s.io/cluster-api/cluster-api-controller:v1.12.9".into();
        });
        let found = finding(check(&server, "0.25.1").await.unwrap());
        assert!(found.summary.contains("v1.12.9 is installed, v1.13.2 was tested"), "{found:?}");
        assert_eq!(found.decision.as_deref(), Some("D-034"));
        server.remove_object(DEPLOYMENTS, "capi-controller-manager");
        let found = finding(check(&server, "0.25.1").await.unwrap());
        assert_eq!(found.severity, Severity::Broken, "{found:?}");
    }

    #[tokio::test]
    async fn a_server_that_does_not_answer_is_no_verdict() {
        let server = Apiserver::default();
        server.fail(Fault::Unavailable(DEPLOYMENTS.to_owned()));
        check(&server, "0.25.1").await.unwrap_err();
    }
}
