//! What was found, layer by layer, and which of it comes first.

use serde::Serialize;

use super::{Finding, Layer, Mark};

/// How a layer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Nothing was found.
    Ok,
    /// It must be mended.
    Broken,
    /// It is not as it should be either, and may be well once what is below is mended.
    Follows,
    /// Something goes on that should pass by itself.
    Waiting,
    /// It could not be asked.
    Unknown,
}

/// A layer, with all that was found there.
#[derive(Clone, Debug, Serialize)]
pub struct LayerReport {
    /// Which.
    pub layer: Layer,
    /// Of which workload cluster, for the layers that each has.
    pub cluster: Option<String>,
    /// How it stands.
    pub state: State,
    /// In one line.
    pub says: String,
    /// Everything, deepest first.
    pub findings: Vec<Finding>,
}

/// Everything, from the bottom up.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Whether something must be mended.
    pub broken: bool,
    /// What to mend first.
    pub first: Option<Finding>,
    /// The layers.
    pub layers: Vec<LayerReport>,
}

/// What was asked of one layer, and what came of it.
#[derive(Clone, Debug)]
pub struct LayerResult {
    /// Which layer.
    pub layer: Layer,
    /// Of which cluster.
    pub cluster: Option<String>,
    /// What it says where nothing is wrong.
    pub well: String,
    /// What was found.
    pub findings: Vec<Finding>,
}

impl LayerResult {
    /// Returns a layer that every site has once.
    pub fn of(layer: Layer, well: impl Into<String>, findings: Vec<Finding>) -> Self {
        Self { layer, cluster: None, well: well.into(), findings }
    }
}

impl Report {
    /// Puts the layers in order and picks what is deepest of all that must be mended.
    pub fn new(mut asked: Vec<LayerResult>) -> Self {
        asked.sort_by(|a, b| (&a.cluster, a.layer).cmp(&(&b.cluster, b.layer)));
        let all = asked.iter().flat_map(|one| &one.findings);
        let broken = all.filter(|one| one.mark == Mark::Broken);
        let first = broken.min_by_key(|one| (one.depth(), one.cluster.clone())).cloned();
        let layers = asked.into_iter().map(|one| layer(one, first.as_ref())).collect();
        Self { broken: first.is_some(), first, layers }
    }
}

fn layer(asked: LayerResult, first: Option<&Finding>) -> LayerReport {
    let LayerResult { layer, cluster, well, mut findings } = asked;
    findings.sort_by_key(|one| (one.mark, one.depth()));
    let has = |mark| findings.iter().any(|one| one.mark == mark);
    let state = if has(Mark::Broken) {
        let it = first.is_some_and(|first| findings.contains(first));
        // One cluster does not stand on another.
        let other = first.is_some_and(|one| one.cluster.is_some() && one.cluster != cluster);
        if it || other { State::Broken } else { State::Follows }
    } else if has(Mark::Unknown) {
        State::Unknown
    } else if has(Mark::Waiting) {
        State::Waiting
    } else {
        State::Ok
    };
    let says = findings.first().filter(|one| one.mark != Mark::Note).map_or(well, |one| {
        let fact = one.evidence.first().map(String::as_str).unwrap_or_default();
        if one.what.is_empty() { fact.to_owned() } else { format!("{}: {fact}", one.what) }
    });
    LayerReport { layer, cluster, state, says, findings }
}

#[cfg(test)]
mod tests {
    use super::{super::Cause, *};

    fn found(layer: Layer, cause: Cause, cluster: Option<&str>) -> Finding {
        let one = Finding::broken(layer, cause, "it", "fact", "do");
        Finding { cluster: cluster.map(str::to_owned), ..one }
    }

    fn asked(found: Finding) -> LayerResult {
        LayerResult {
            layer: found.layer,
            cluster: found.cluster.clone(),
            well: "well".to_owned(),
            findings: vec![found],
        }
    }

    #[test]
    fn what_is_deepest_comes_first_and_the_rest_follows() {
        let release = found(Layer::HelmRelease, Cause::ReleaseFailed, Some("c1"));
        let missing = found(Layer::ClusterApi, Cause::ClusterMissing, Some("c1"));
        let helm = found(Layer::Conductor, Cause::Helm, None);
        let odd = found(Layer::Cloud, Cause::TrusteeDomain, None).marked(Mark::Note);
        let all = [release, missing, helm, odd].map(asked).to_vec();
        let report = Report::new(all);
        assert_eq!(report.first.unwrap().cause, Cause::Helm);
        let states: Vec<_> = report.layers.iter().map(|one| (one.layer, one.state)).collect();
        assert_eq!(
            states,
            [
                (Layer::Cloud, State::Ok),
                (Layer::Conductor, State::Broken),
                (Layer::ClusterApi, State::Follows),
                (Layer::HelmRelease, State::Follows),
            ]
        );
    }

    #[test]
    fn one_word_of_two_layers_is_not_one_depth() {
        let of_cluster = found(Layer::ClusterCredential, Cause::CredentialRefused, Some("c"));
        let of_driver = found(Layer::DriverCredential, Cause::CredentialRefused, None);
        let unserved = found(Layer::Controllers, Cause::VersionUnserved, None);
        assert!(of_driver.depth() < unserved.depth());
        assert!(unserved.depth() < of_cluster.depth());
    }

    #[test]
    fn what_passes_by_itself_breaks_nothing() {
        let rolls = found(Layer::ClusterApi, Cause::Unclear, Some("c")).marked(Mark::Waiting);
        let report = Report::new(vec![asked(rolls)]);
        assert!(!report.broken);
        assert_eq!(report.layers[0].state, State::Waiting);
    }
}
