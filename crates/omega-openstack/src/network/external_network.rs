//! Whether the external network of a cluster exists.

use async_trait::async_trait;
use omega_core::{CheckRule, Evidence, Failure, Finding, Gate, Subject, Verdict, nearest_name};

use super::{ListedNetwork, Network};
use crate::{Error, gate_answer};

/// The gate that the project sees one external network of the name or id.
///
/// Magnum checks it too, but only when the template is made; the driver looks it up again with each
/// create, and fails for two of one name.
#[derive(Clone, Debug)]
pub struct ExternalNetwork {
    /// Neutron, with the login that creates the cluster.
    pub network: Network,
    /// Its name or id.
    pub name: String,
}

const SOURCE: &str = "magnum 18.0.1, common/neutron.py, get_external_network_id";

impl ExternalNetwork {
    fn judge(&self, all: &[ListedNetwork]) -> Verdict {
        let name = &self.name;
        let is = |one: &&ListedNetwork| one.id == *name || one.name == *name;
        let finding = |why: String, remedy: String| {
            let finding = Finding::broken(self.rule(), self.subject(), why);
            Verdict::fail(finding.remedy(remedy).source(SOURCE))
        };
        match all.iter().filter(is).collect::<Vec<_>>().as_slice() {
            [one] => Verdict::shown([Evidence::text("id", &one.id)]),
            [] => {
                let near = nearest_name(name, all.iter().map(|one| one.name.as_str()));
                let near = near.map(|near| format!(" (the nearest name is {near:?})"));
                finding(
                    format!(
                        "the project sees no external network {name:?}{}",
                        near.unwrap_or_default()
                    ),
                    "openstack network list --external; name one of them in a template of its own"
                        .to_owned(),
                )
            }
            several => {
                let ids: Vec<&str> = several.iter().map(|one| one.id.as_str()).collect();
                finding(
                    format!("{} external networks have the name {name:?}", several.len()),
                    format!("name it by its id, in a template of its own: {}", ids.join(", ")),
                )
            }
        }
    }

    async fn ask(&self) -> Result<Verdict, Error> {
        Ok(self.judge(&self.network.external_networks().await?))
    }
}

impl ExternalNetwork {
    /// Its rule, and the decisions that it checks.
    pub const RULE: CheckRule = CheckRule::new("external-network", &["D-003"]);
}

#[async_trait]
impl Gate for ExternalNetwork {
    fn rule(&self) -> &'static str {
        Self::RULE.name
    }

    fn subject(&self) -> Subject {
        Subject::new("external network", &self.name)
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        gate_answer::verdict(self, self.ask().await, "member of the project")
    }
}
