//! Whether the driver finds a volume type.

use async_trait::async_trait;
use omega_core::{CheckRule, Evidence, Failure, Finding, Gate, Subject, Verdict};

use crate::{
    Error,
    cloud_inventory::{CloudInventory, VolumeType},
    gate_answer,
};

/// The gate that the project sees a volume type: the configured one, or any.
///
/// The driver makes a storage class of each type that it lists. It takes the first for the default one,
/// and fails without one; it also fails if the configured type is not among them.
#[derive(Clone, Debug)]
pub struct VolumeTypeVisible {
    /// The cloud, with the login that creates the cluster.
    pub inventory: CloudInventory,
    /// The driver's option `csi_cinder_default_volume_type`.
    pub configured: Option<String>,
}

const SOURCE: &str = "magnum-capi-helm 1.4.0, driver.py, _storageclass_definitions";

impl VolumeTypeVisible {
    fn judge(&self, types: &[VolumeType]) -> Verdict {
        let names: Vec<&str> = types.iter().map(|one| one.name.as_str()).collect();
        let finding = |why: String, remedy: &str| {
            let finding = Finding::broken(self.rule(), self.subject(), why);
            Verdict::fail(finding.remedy(remedy).source(SOURCE))
        };
        match (&self.configured, names.as_slice()) {
            (_, []) => finding(
                "the project sees no volume type, and the driver needs one for the default storage \
                 class: a create fails"
                    .to_owned(),
                "openstack volume type create --public NAME, or give the project access to one: \
                 openstack volume type set --project PROJECT NAME",
            ),
            (Some(wanted), names) if !names.contains(&wanted.as_str()) => finding(
                format!(
                    "the driver's option csi_cinder_default_volume_type is {wanted:?}, and the project \
                     sees only {}: a create fails",
                    names.join(", ")
                ),
                "correct the option in [capi_helm], or give the project access to the type",
            ),
            (_, _) => Verdict::shown([Evidence::list("volume types", names.clone())]),
        }
    }

    async fn ask(&self) -> Result<Verdict, Error> {
        Ok(self.judge(&self.inventory.volume_types().await?))
    }
}

impl VolumeTypeVisible {
    /// Its rule, and the decisions that it checks.
    pub const RULE: CheckRule = CheckRule::new("volume-type", &[]);
}

#[async_trait]
impl Gate for VolumeTypeVisible {
    fn rule(&self) -> &'static str {
        Self::RULE.name
    }

    fn subject(&self) -> Subject {
        Subject::new(
            "volume type",
            self.configured.as_deref().unwrap_or("one that the project sees"),
        )
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        gate_answer::verdict(self, self.ask().await, "member of the project")
    }
}
