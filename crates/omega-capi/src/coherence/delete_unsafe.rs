//! Whether a cluster can be deleted now.

use crate::{
    coherence::compatibility::HOLD,
    coherence::{Combination, Rule},
    served::{DefinedVersion, ServedApis},
};
use omega_core::{Evidence, Finding, Severity, Subject};
use omega_driver::{ReadClass, driver_reads};

/// Returns why `openstack coe cluster delete` must not be called now, if it must not.
///
/// The driver asks for the Cluster and takes a 404, which an unserved version answers too, for its
/// absence: Magnum then forgets the cluster, the CA keys and the application credential go, and
/// Cluster, machines and workload run on without an owner (seen twice, with core v1beta1 unserved).
pub fn delete_unsafe(surface: &ServedApis, combination: &Combination) -> Option<Finding> {
    let reads = driver_reads(&combination.driver, &combination.overrides);
    let cluster = reads.into_iter().find(|read| read.class == ReadClass::Cluster)?;
    if surface.served.serves(&cluster.at, &cluster.plural) {
        return None;
    }
    let defined = surface.definition(&cluster.at.group, &cluster.plural);
    let wanted = |version: &DefinedVersion| version.name == cluster.at.version;
    let name = format!("{}.{}", cluster.plural, cluster.at.group);
    let (evidence, remedy) = match defined {
        None => {
            let evidence = Evidence::holds(&format!("{name} is not defined"));
            (evidence, "install Cluster API again".to_owned())
        }
        Some(definition) if definition.versions.iter().any(wanted) => (
            Evidence::text(&format!("{name} defines and does not serve"), &cluster.at.version),
            format!("serve {} again: kubectl edit crd {name}", cluster.at.version),
        ),
        Some(_) => (
            Evidence::text(&format!("{name} does not define"), &cluster.at.version),
            format!("{HOLD}, or go back to a release that serves {}", cluster.at.version),
        ),
    };
    let driver = &combination.driver;
    let summary = format!(
        "`openstack coe cluster delete` is not safe now: driver {driver} looks for the Cluster at \
         {}, takes the answer 404 for its absence, and Magnum reports success while everything \
         runs on without an owner, its keys and its credential gone",
        cluster.at
    );
    let subject = Subject::new("driver", driver.to_string());
    let finding = Rule::UnsafeDelete.finding(Severity::Broken, "D-042", subject, summary);
    Some(finding.shown_by([evidence]).remedy(format!("delete no cluster; {remedy}")))
}
