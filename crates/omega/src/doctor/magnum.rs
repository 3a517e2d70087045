//! Magnum's templates.

use omega_capi::{
    Error,
    coherence::{Coherence, Rule},
};
use omega_core::Severity;

use super::{Cause, Finding, Layer, report::LayerResult};

/// Says which templates in use ask for what the chart does not have. `clusters`: how many Magnum
/// lists, if it does.
pub(super) fn judge(
    coherence: &Result<Coherence, Error>,
    clusters: Result<usize, String>,
) -> LayerResult {
    let clusters = match clusters {
        Ok(clusters) => clusters,
        Err(why) => {
            let found = vec![Finding::unknown(Layer::Magnum, "its clusters", why)];
            return LayerResult::of(Layer::Magnum, "", found);
        }
    };
    let all = coherence.as_ref().map(|coherence| coherence.findings.as_slice());
    let broken = all.unwrap_or_default().iter().filter(|one| {
        one.severity == Severity::Broken && one.rule == Rule::TemplateWithoutCni.name()
    });
    let found = broken.map(|one| {
        let (cause, next) = (Cause::TemplateNetworkDriver, one.remedy.clone().unwrap_or_default());
        let found = Finding::broken(Layer::Magnum, cause, &one.rule, &one.summary, next);
        let shown = omega_core::Evidence::line(&one.evidence);
        Finding { evidence: vec![one.summary.clone(), shown], ..found }
    });
    let count = if clusters == 1 { "1 cluster".to_owned() } else { format!("{clusters} clusters") };
    LayerResult::of(Layer::Magnum, format!("answers; {count}"), found.collect())
}
