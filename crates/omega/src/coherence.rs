//! Whether driver, chart, Cluster API and Magnum's templates fit together.

use async_trait::async_trait;
use futures::future::join3;
use omega_capi::{
    Management,
    coherence::{Coherence, CoherenceInputs, Rule, TemplateFacts, check_coherence},
    served::{ServedApis, read_served_apis},
};
use omega_core::{CheckRule, Failure, Gate, Label as _, Subject, Verdict};
use omega_openstack::container_infra::{Cluster, ClusterList, ContainerInfra, Template};
use serde_json::Value;

use crate::{graft::SiteSpec, site::Site};

/// The gate that driver, chart, Cluster API and Magnum's templates fit together. A broken finding
/// that was not accepted is a refusal: nothing may be changed then.
///
/// It makes one request to Magnum, and to the management API one plus one for each 25 definitions.
/// The clusters are those of the list.
#[derive(Clone, Debug)]
pub struct Coherent {
    /// The management cluster.
    pub management: Management,
    /// Magnum.
    pub magnum: ContainerInfra,
    /// The clusters that Magnum lists, read once and shared.
    pub clusters: ClusterList,
    /// The versions from the site file. The templates are added when Magnum has listed them.
    pub setup: CoherenceInputs,
    /// The rules whose findings the operator accepts.
    pub accepted: Vec<Rule>,
}

/// The setup with its templates, and what was found.
pub type CoherenceCheck = (ServedApis, CoherenceInputs, Coherence);

impl Coherent {
    /// Returns the gate for `setup`. It lists the clusters once, and accepts no finding.
    pub fn new(management: &Management, magnum: &ContainerInfra, setup: CoherenceInputs) -> Self {
        Self {
            management: management.clone(),
            magnum: magnum.clone(),
            clusters: ClusterList::once(magnum.clone()),
            setup,
            accepted: Vec::new(),
        }
    }

    /// Reads the management cluster and Magnum at the same time.
    ///
    /// # Errors
    ///
    /// Fails if one of them can't be read.
    pub async fn coherence(&self) -> Result<CoherenceCheck, Failure> {
        let templates = || async {
            self.magnum.templates().await.map_err(|error| {
                let what =
                    format!("could not list the cluster templates of {}", self.magnum.label());
                Failure::from_error(what, &error)
            })
        };
        let surface = || async {
            read_served_apis(&self.management).await.map_err(|error| {
                let what = "could not read the versions that the management cluster serves";
                Failure::from_error(what, &error)
            })
        };
        // If both fail, always the same error is reported, whichever was faster.
        let (surface, templates, clusters) =
            join3(surface(), templates(), self.clusters.read()).await;
        let (surface, templates, clusters) = (surface?, templates?, clusters?);
        let templates = templates.iter().map(|one| template_facts(one, &clusters)).collect();
        let setup = CoherenceInputs { templates, ..self.setup.clone() };
        let found = check_coherence(&surface, &setup);
        Ok((surface, setup, found))
    }
}

impl Coherent {
    /// Its rule, and the decisions that it checks.
    pub const RULE: CheckRule = CheckRule::new("coherence", &["D-034", "D-036", "D-042"]);
}

#[async_trait]
impl Gate for Coherent {
    fn rule(&self) -> &'static str {
        Self::RULE.name
    }

    fn subject(&self) -> Subject {
        Subject::new("coherence", format!("of driver, chart and {}", self.management.label()))
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        let (_, setup, found) = self.coherence().await?;
        found.judge(&setup, &self.accepted).map_err(Failure::from)
    }
}

/// Returns the versions that the site wants to use together. `api_resources` stays as it is written:
/// if it does not parse, that is a finding.
///
/// # Errors
///
/// Names the key that is missing or has an invalid value.
pub fn setup(site: &Site) -> Result<CoherenceInputs, Failure> {
    let api_resources = site.capi_helm.get("api_resources").cloned();
    let driver = SiteSpec::new(site).known_release()?;
    let chart = Some(SiteSpec::new(site).chart_version()?);
    Ok(CoherenceInputs { driver, api_resources, chart, templates: Vec::new() })
}

/// Returns the parts of a template that matter here. Magnum's API returns labels as they were given.
pub fn template_facts(template: &Template, clusters: &[Cluster]) -> TemplateFacts {
    let Template { uuid, name, network_driver, cluster_distro, coe, server_type, labels, .. } =
        template;
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
    let labels = labels.iter().flatten().map(|(key, value)| (key.clone(), text(value)));
    TemplateFacts {
        name: if name.is_empty() { uuid.clone() } else { name.clone() },
        coe: coe.clone().unwrap_or_default(),
        server_type: server_type.clone().unwrap_or_default(),
        distro: cluster_distro.clone(),
        network_driver: network_driver.clone(),
        labels: labels.collect(),
        clusters: clusters.iter().filter(|one| one.cluster_template_id == *uuid).count(),
    }
}
