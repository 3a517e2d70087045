//! Whether what a template names is there, before Magnum is asked.

use std::sync::Arc;

use omega_core::{Gate, Item};
use omega_openstack::{
    compute::{Compute, FlavorFloor, Floor},
    container_infra::{ClusterShape, TemplateSpec},
    image::{ClusterImage, Images},
    network::{ExternalNetwork, Network},
};

use crate::clients::CloudClients;

/// Returns the gates for a plan of a template: that its image, flavors and external network exist. Magnum
/// checks the same when a template is made (18.0.1, `api/attr_validator.py`), which a plan does not do.
pub fn template_references(spec: &TemplateSpec, cloud: &CloudClients) -> Vec<Item> {
    let narrowed = || Arc::clone(&cloud.narrowed);
    let flavors = FlavorFloor {
        compute: Compute::new(narrowed()),
        shape: ClusterShape::of_template(spec),
        // The driver's floor is a matter of clusters.
        floor: Floor { vcpus: 0, ram: 0 },
    };
    let gates: [Box<dyn Gate>; 3] = [
        Box::new(ClusterImage { images: Images::new(narrowed()), name: spec.image.clone() }),
        Box::new(flavors),
        Box::new(ExternalNetwork {
            network: Network::new(narrowed()),
            name: spec.external_network.clone(),
        }),
    ];
    gates.into_iter().map(Item::Gate).collect()
}

#[cfg(test)]
mod tests {
    use omega_core::{
        Context, Section, TargetPlan,
        run::{Engine, Job, Runs, Status},
    };

    use super::*;
    use crate::test_harness::Site;
    use omega_juju::sim::Start;

    #[tokio::test]
    async fn a_plan_names_each_reference_that_does_not_exist() {
        let site = Site::new(&[Start::Fresh]);
        let spec = serde_json::json!({
            "image": "img", "external_network": "ext", "flavor": "f", "master_flavor": "f",
        });
        let spec: TemplateSpec = serde_json::from_value(spec).unwrap();
        let items = template_references(&spec, &site.clients.cloud);
        let target = TargetPlan::shared("cloud", vec![Section::new("", "template", items)]);
        let home = tempfile::tempdir().unwrap();
        let engine = Engine::new(Runs::new(home.path()), Context::default());
        let report =
            engine.plan(&Job::new("ensure-cluster-template", "omega.toml", vec![target])).await;
        assert_eq!((report.exit, report.recap.no), (Status::Gate, 3), "{report:#?}");
    }
}
