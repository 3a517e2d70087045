//! The addons of a cluster, for which the driver waits.

use omega_capi::health::{Addon, AddonOutcome};
use omega_core::{Evidence, Severity, Subject};

use super::{ClusterFacts, Patience};
use crate::doctor::{Cause, Layer, LayerFinding};

/// An addon that failed ends the create or the update; one in any other phase is waited for without an
/// end, which is too long after the limit.
pub(super) fn findings(facts: &ClusterFacts, patience: Patience) -> Vec<LayerFinding> {
    let all = facts.addons.as_ref().map(Vec::as_slice).unwrap_or_default();
    all.iter().filter_map(|addon| finding(facts, addon, patience)).collect()
}

fn finding(facts: &ClusterFacts, addon: &Addon, patience: Patience) -> Option<LayerFinding> {
    let Addon { plural, name, message, changed, .. } = addon;
    let (phase, namespace) = (addon.phase(), facts.namespace());
    let broken = |summary: String| {
        let subject = Subject::new("addon", format!("{plural} {name}"));
        LayerFinding::broken(Layer::ClusterApi, Cause::AddonFailed, subject, summary)
            .shown_by([Evidence::text("phase", phase)])
            .source("magnum-capi-helm 1.4.0, magnum_capi_helm/driver.py, _update_status_updating")
    };
    match addon.outcome() {
        AddonOutcome::Deployed => None,
        AddonOutcome::Failed => {
            let why = message.as_deref().unwrap_or("no reason given");
            let found = broken(format!("it is {phase}: {why}"));
            Some(found.remedy(format!(
                "kubectl -n {namespace} describe {plural} {name}; fix it before you create it again: \
                 Magnum does not look at it a second time"
            )))
        }
        AddonOutcome::Waits => {
            let since = changed.map(|time| patience.since(time));
            let over =
                patience.is_over(since) || patience.is_over(facts.in_progress_for(patience.now));
            let found = broken(format!("it is {phase}, and the driver waits until it is Deployed"))
                .shown_by(changed.map(|time| Evidence::time("since", time)));
            Some(if over {
                found.remedy(format!(
                    "kubectl -n {namespace} describe {plural} {name}; then the addon provider's log: \
                     what it waits for (the cluster's API, its nodes, a pause, a helm command)"
                ))
            } else {
                found.severity(Severity::Waiting).remedy("wait: it is being installed")
            })
        }
    }
}
