//! Whether the driver accepts the flavors of a cluster.

use async_trait::async_trait;
use omega_core::{CheckRule, Evidence, Failure, Finding, Gate, Subject, Verdict, nearest_name};

use super::{Compute, Flavor};
use crate::{Error, container_infra::ClusterShape, gate_answer};

/// The smallest flavor that the driver accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Floor {
    /// Virtual CPUs: its option `minimum_flavor_vcpus`.
    pub vcpus: u64,
    /// Memory in MiB: its option `minimum_flavor_ram`.
    pub ram: u64,
}

impl Default for Floor {
    /// The driver's defaults (magnum-capi-helm 1.1.0 to 1.4.0, `conf.py`).
    fn default() -> Self {
        Self { vcpus: 2, ram: 2048 }
    }
}

/// The gate that both flavors of a cluster exist and are large enough.
///
/// Magnum's API only checks that they exist. The driver then refuses one below the floor, when Magnum
/// has already made trust and certificates: the cluster is `CREATE_FAILED`, and for a flavor that does
/// not exist the message is about its memory.
#[derive(Clone, Debug)]
pub struct FlavorFloor {
    /// Nova, with the login that creates the cluster.
    pub compute: Compute,
    /// What the cluster is made of.
    pub shape: ClusterShape,
    /// The floor.
    pub floor: Floor,
}

const SOURCE: &str = "magnum-capi-helm 1.4.0, driver.py, _validate_allowed_flavor";

impl FlavorFloor {
    fn judge(&self, flavors: &[Flavor]) -> Verdict {
        let Self { shape, floor, .. } = self;
        let (mut wrong, mut seen) = (Vec::new(), Vec::new());
        for (nodes, flavor) in shape.flavors() {
            let Some(text) = flavor else {
                wrong.push(format!("the template names no flavor for the {nodes}"));
                continue;
            };
            let Some(found) = flavors.iter().find(|one| one.is(text)) else {
                let names = flavors.iter().map(|one| one.name.as_str());
                let near = nearest_name(text, names);
                let near = near.map(|near| format!(" (the nearest name is {near:?})"));
                let near = near.unwrap_or_default();
                wrong.push(format!("the project has no flavor {text:?} for the {nodes}{near}"));
                continue;
            };
            let Flavor { vcpus, ram, .. } = found;
            seen.push(Evidence::text(nodes, format!("{text}: {vcpus} vCPUs, {ram} MiB")));
            if *vcpus < floor.vcpus || *ram < floor.ram {
                wrong.push(format!(
                    "flavor {text} of the {nodes} is too small: {vcpus} of {} vCPUs, {ram} of {} MiB",
                    floor.vcpus, floor.ram
                ));
            }
        }
        if wrong.is_empty() {
            return Verdict::shown(seen);
        }
        let remedy = "use a larger flavor in a template of its own; `minimum_flavor_vcpus` and \
                      `minimum_flavor_ram` in [capi_helm] set the driver's floor (kubeadm itself refuses a \
                      control plane with less than 2 CPUs or 1700 MB)";
        let finding = Finding::broken(self.rule(), self.subject(), wrong.join("; "));
        Verdict::fail(finding.shown_by(seen).remedy(remedy).source(SOURCE))
    }

    async fn ask(&self) -> Result<Verdict, Error> {
        Ok(self.judge(&self.compute.flavors().await?))
    }
}

impl FlavorFloor {
    /// Its rule, and the decisions that it checks.
    pub const RULE: CheckRule = CheckRule::new("flavor-floor", &[]);
}

#[async_trait]
impl Gate for FlavorFloor {
    fn rule(&self) -> &'static str {
        Self::RULE.name
    }

    fn subject(&self) -> Subject {
        Subject::new("flavors", self.shape.flavors_named())
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        gate_answer::verdict(self, self.ask().await, "member of the project")
    }
}
