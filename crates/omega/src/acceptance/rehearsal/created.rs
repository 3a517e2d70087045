//! What a creation and a transfer leave in a report. A rehearsal takes no twenty minutes: the times are made
//! here.

use async_trait::async_trait;
use omega_capi::health::StageTime;
use omega_core::{Context, Failure};
use serde_json::json;

use super::{Cluster, defect};
use crate::acceptance::{Answer, Chart, ImageTransfer, Item, ItemId, Sample, throw_away::creation};

/// A cluster as a run finds it that has created it.
#[derive(Debug)]
pub(super) struct Created {
    cluster: Cluster,
    timeline: Vec<StageTime>,
}

impl Created {
    pub(super) fn new(cluster: Cluster) -> Result<Self, Failure> {
        let stage = |stage: &str, began: &str, ended: &str, seconds: i64| {
            let at = |time: &str| format!("2026-11-28T08:{time}Z");
            json!({ "stage": stage, "began": at(began), "ended": at(ended), "seconds": seconds })
        };
        let timeline = json!([
            stage("infrastructure", "40:00", "41:52", 112),
            stage("control-plane", "41:52", "45:30", 218),
            stage("workers", "45:30", "46:41", 71),
            stage("addons", "46:41", "48:26", 105),
        ]);
        let timeline = serde_json::from_value(timeline).map_err(defect)?;
        Ok(Self { cluster, timeline })
    }
}

#[async_trait]
impl Item for Created {
    fn id(&self) -> ItemId {
        self.cluster.id()
    }

    fn effects(&self) -> Result<Vec<String>, Failure> {
        self.cluster.effects()
    }

    async fn check(&self, ctx: &Context) -> Answer {
        self.cluster.check(ctx).await.charting(creation(&self.timeline))
    }
}

/// The transfer of an image of 3.5 GiB, with a pause.
pub(super) fn transfer() -> Chart {
    let rates = [101.0, 114.0, 117.0, 116.0, 41.0, 0.0, 88.0, 117.0, 118.0, 118.0];
    let sample =
        |(nth, mib): (u8, f64)| Sample { at: f64::from(nth) * 3.5, value: mib * 1_048_576.0 };
    let samples = (1..).zip(rates).map(sample).collect();
    let image = "ubuntu-jammy-kube-v1.34.8".to_owned();
    ImageTransfer { image, samples }.chart("2026-11-28T08-20-11Z-5e1f")
}
