use async_trait::async_trait;
use omega_core::{Evidence, Failure, Finding, Gate, Severity, Subject, Verdict, chain};
use omega_openstack::cloud_inventory::{CloudInventory, ResourceKind};

use super::shown;

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
            ResourceKind::Cluster => "lost-clusters",
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
        Subject::new("lost", self.kind.to_string())
    }

    fn is_only_before(&self) -> bool {
        true
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        let finding = |severity, what: String| {
            Finding::broken(self.rule(), self.subject(), what).severity(severity)
        };
        Ok(match self.inventory.resources(self.kind).await {
            Ok(all) if all.is_empty() => Verdict::shown([Evidence::holds("none")]),
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
