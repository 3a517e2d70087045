use crate::{
    coherence::compatibility::HOLD,
    coherence::{Combination, Rule},
    served::{DefinedVersion, ServedApis},
};
use omega_core::{Evidence, Finding, Severity, Subject};
use omega_driver::{ReadClass, driver_reads};

/// Returns why `openstack coe cluster delete` is unsafe now, if it is.
///
/// The driver reads the Cluster and treats a 404, also that of an unserved version, as its absence.
/// Magnum then deletes its record, the CA keys and the application credential, and the Cluster, its
/// machines and workload keep running without an owner (observed twice, with core v1beta1 unserved).
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
            Evidence::text(&format!("{name} defines but does not serve"), &cluster.at.version),
            format!("serve {} again: kubectl edit crd {name}", cluster.at.version),
        ),
        Some(_) => (
            Evidence::text(&format!("{name} does not define"), &cluster.at.version),
            format!("{HOLD}, or go back to a release that serves {}", cluster.at.version),
        ),
    };
    let driver = &combination.driver;
    let summary = format!(
        "`openstack coe cluster delete` is not safe now: driver {driver} reads the Cluster at {}, \
         treats the 404 as its absence, and Magnum reports success: the cluster keeps running \
         without an owner, and its keys and its credential are deleted",
        cluster.at
    );
    let subject = Subject::new("driver", driver.to_string());
    let finding = Rule::UnsafeDelete.finding(Severity::Broken, subject, summary);
    Some(finding.shown_by([evidence]).remedy(format!("delete no cluster; {remedy}")))
}
