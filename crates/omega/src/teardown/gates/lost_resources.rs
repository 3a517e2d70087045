use async_trait::async_trait;
use omega_core::{CheckRule, Evidence, Failure, Finding, Gate, Severity, Subject, Verdict, chain};
use omega_openstack::cloud_inventory::{CloudInventory, ResourceKind};

use super::shown;

/// The rule of clusters, which has a gate of its own where they can be judged.
pub(super) const CLUSTERS: CheckRule = CheckRule::new("lost-clusters", &["D-018"]);
/// The rules, one for each kind.
pub(super) const RULES: [CheckRule; 13] = [
    CLUSTERS,
    CheckRule::new("lost-load-balancers", &["D-018"]),
    CheckRule::new("lost-amphorae", &["D-018"]),
    CheckRule::new("lost-floating-ips", &["D-018"]),
    CheckRule::new("lost-networks", &["D-018"]),
    CheckRule::new("lost-routers", &["D-018"]),
    CheckRule::new("lost-ports", &["D-018"]),
    CheckRule::new("lost-volumes", &["D-018"]),
    CheckRule::new("lost-servers", &["D-018"]),
    CheckRule::new("lost-images", &["D-018"]),
    CheckRule::new("lost-trusts", &["D-018"]),
    CheckRule::new("lost-credentials", &["D-018"]),
    CheckRule::new("lost-others", &["D-018"]),
];

/// The resources of one kind that are lost with the cloud. D-018 accepts the loss, so that nothing is
/// refused for it; what could not be read is not known.
pub(in crate::teardown) struct LostResources {
    pub(in crate::teardown) inventory: CloudInventory,
    pub(in crate::teardown) kind: ResourceKind,
}

#[async_trait]
impl Gate for LostResources {
    fn rule(&self) -> &'static str {
        match self.kind {
            ResourceKind::Cluster => CLUSTERS.name,
            ResourceKind::LoadBalancer => "lost-load-balancers",
            ResourceKind::Amphora => "lost-amphorae",
            ResourceKind::FloatingIp => "lost-floating-ips",
            ResourceKind::Network => "lost-networks",
            ResourceKind::Router => "lost-routers",
            ResourceKind::Port => "lost-ports",
            ResourceKind::Volume => "lost-volumes",
            ResourceKind::Server => "lost-servers",
            ResourceKind::Image => "lost-images",
            ResourceKind::Trust => "lost-trusts",
            ResourceKind::Credential => "lost-credentials",
            _ => "lost-others",
        }
    }

    fn subject(&self) -> Subject {
        Subject::new("to lose", self.kind.to_string())
    }

    fn is_only_before(&self) -> bool {
        true
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        let finding = |severity, what: String| {
            Finding::broken(self.rule(), self.subject(), what).severity(severity)
        };
        Ok(match self.inventory.resources(self.kind).await {
            Ok(all) if all.is_empty() => {
                Verdict::shown([Evidence::holds(&format!("no {} to lose", self.kind))])
            }
            Ok(all) => {
                let names: Vec<String> = all.iter().map(|one| one.name.clone()).collect();
                let what = format!("{}: {}", all.len(), shown(&names));
                Verdict::fail(finding(Severity::Warning, what).decision("D-018"))
            }
            Err(error) => {
                let what = format!("could not be listed: {}", chain(&error).join(": "));
                Verdict::fail(finding(Severity::Unknown, what))
            }
        })
    }
}
