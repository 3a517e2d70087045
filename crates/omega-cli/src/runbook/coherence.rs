use async_trait::async_trait;
use futures::future::join3;
use omega_capi::{Coherence, Management, Rule, Setup, Surface, check_coherence, served_versions};
use omega_core::{Failure, Gate, Label as _, Subject, Verdict};
use omega_openstack::container_infra::{ClusterList, ContainerInfra};

use crate::command::template_facts;

/// Whether driver, chart, Cluster API and Magnum's templates fit together. What is broken and was
/// not accepted is a refusal: nothing must be changed then.
///
/// It costs one request to Magnum, and to the management API one and one more for each 25
/// definitions; the clusters are those of the list.
#[derive(Clone, Debug)]
pub(crate) struct Coherent {
    pub(crate) management: Management,
    pub(crate) magnum: ContainerInfra,
    pub(crate) clusters: ClusterList,
    pub(crate) setup: Setup,
    pub(crate) accepted: Vec<Rule>,
}

/// What was asked, with the templates in its setup, and what was found.
pub(crate) type CoherenceCheck = (Surface, Setup, Coherence);

impl Coherent {
    /// Asks the management cluster and Magnum at the same time.
    pub(crate) async fn coherence(&self) -> Result<CoherenceCheck, Failure> {
        let templates = || async {
            self.magnum.templates().await.map_err(|error| {
                let what =
                    format!("could not list the cluster templates of {}", self.magnum.label());
                Failure::from_error(what, &error)
            })
        };
        let surface = || async {
            served_versions(&self.management).await.map_err(|error| {
                let what = "could not ask the management cluster for its versions";
                Failure::from_error(what, &error)
            })
        };
        // Of several that fail always the same is told, whichever was faster.
        let (surface, templates, clusters) =
            join3(surface(), templates(), self.clusters.read()).await;
        let (surface, templates, clusters) = (surface?, templates?, clusters?);
        let templates = templates.iter().map(|one| template_facts(one, &clusters)).collect();
        let setup = Setup { templates, ..self.setup.clone() };
        let found = check_coherence(&surface, &setup);
        Ok((surface, setup, found))
    }
}

#[async_trait]
impl Gate for Coherent {
    fn subject(&self) -> Subject {
        Subject::new("coherence", format!("of driver, chart and {}", self.management.label()))
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        let (_, setup, found) = self.coherence().await?;
        found.judge(&setup, &self.accepted).map_err(Failure::from)
    }
}
