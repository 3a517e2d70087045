//! Magnum's templates.

use omega_capi::{Coherence, Error, Rule, Severity};

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
    let broken = all
        .unwrap_or_default()
        .iter()
        .filter(|one| one.severity == Severity::Broken && one.rule == Rule::TemplateWithoutCni);
    let found = broken.map(|one| {
        let (cause, what) = (Cause::TemplateNetworkDriver, one.rule.name());
        let found = Finding::broken(Layer::Magnum, cause, what, &one.what, &one.remedy);
        Finding { evidence: vec![one.what.clone(), one.evidence.clone()], ..found }
    });
    let count = if clusters == 1 { "1 cluster".to_owned() } else { format!("{clusters} clusters") };
    LayerResult::of(Layer::Magnum, format!("answers; {count}"), found.collect())
}
