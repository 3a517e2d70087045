//! How fast an image was sent, kept with the run that staged it and drawn in the report.

use std::sync::{Arc, Mutex, PoisonError};

use omega_core::{
    Event, EventSink, Failure, ProgressUnit,
    run::{Endpoints, Runs, different_site},
};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{Chart, Sample, chart::seconds};

/// The name under which it is kept with the run.
const FILE: &str = "transfer.json";
/// The shortest time between two samples, in seconds.
const EVERY: f64 = 1.0;
/// How many samples are kept at most: then every second one is dropped.
const MOST: usize = 600;

/// The transfer of an image.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ImageTransfer {
    /// The image's name.
    pub image: String,
    /// The rate since the sample before, in bytes per second.
    pub samples: Vec<Sample>,
}

/// Notes how many bytes have been sent while it passes events on.
pub struct TransferMeter {
    to: Arc<dyn EventSink>,
    sent: Mutex<Sent>,
}

impl std::fmt::Debug for TransferMeter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TransferMeter").field("sent", &self.sent).finish_non_exhaustive()
    }
}

#[derive(Debug, Default)]
struct Sent {
    begun: Option<Instant>,
    now: u64,
    /// The times and the bytes until then.
    totals: Vec<(f64, u64)>,
}

impl TransferMeter {
    /// Returns one that passes events on to `to`.
    pub fn new(to: Arc<dyn EventSink>) -> Self {
        Self { to, sent: Mutex::default() }
    }

    /// Returns what was sent of `image`, if anything was.
    pub fn transfer(&self, image: impl Into<String>) -> Option<ImageTransfer> {
        let sent = self.sent.lock().unwrap_or_else(PoisonError::into_inner);
        let mut before = (0.0, 0);
        let mut samples = Vec::new();
        for (at, total) in &sent.totals {
            let took = at - before.0;
            if took > 0.0 && *total >= before.1 {
                #[expect(clippy::cast_precision_loss, reason = "it is for a chart")]
                let value = ((total - before.1) as f64 / took).round();
                samples.push(Sample { at: *at, value });
            }
            before = (*at, *total);
        }
        (!samples.is_empty()).then(|| ImageTransfer { image: image.into(), samples })
    }
}

impl EventSink for TransferMeter {
    fn event(&self, event: &Event) {
        if let Event::StepProgress { progress, .. } = event
            && (progress.unit, progress.stage.as_deref()) == (ProgressUnit::Bytes, Some("sending"))
        {
            let is_whole = progress.total == Some(progress.done);
            self.sent.lock().unwrap_or_else(PoisonError::into_inner).note(progress.done, is_whole);
        }
        self.to.event(event);
    }
}

impl Sent {
    fn note(&mut self, total: u64, is_whole: bool) {
        if total < self.now {
            // The server changed what it serves, and it starts over.
            *self = Self::default();
        }
        self.now = total;
        let begun = *self.begun.get_or_insert_with(Instant::now);
        let at = seconds(begun.elapsed());
        let last = self.totals.last().map_or(0.0, |last| last.0);
        if at - last >= EVERY || (is_whole && at > last) {
            self.totals.push((at, total));
        }
        if self.totals.len() > MOST {
            let mut nth = 0;
            self.totals.retain(|_| {
                nth += 1;
                nth % 2 == 0
            });
        }
    }
}

impl ImageTransfer {
    /// Keeps it with the run that staged the image.
    ///
    /// # Errors
    ///
    /// Fails if there is no such run, or it can't be written.
    pub fn keep(&self, runs: &Runs, run: &str) -> Result<(), Failure> {
        runs.keep(run, FILE, self)
    }

    /// Returns the newest one of a site, as a chart.
    ///
    /// # Errors
    ///
    /// Fails if the runs can't be listed.
    pub fn newest(runs: &Runs, here: &Endpoints) -> Result<Option<Chart>, Failure> {
        let (mut all, _) = runs.all()?;
        all.retain(|run| different_site(&run.endpoints, here).is_none());
        all.sort_by_key(|run| std::cmp::Reverse(run.began));
        Ok(all.into_iter().find_map(|run| Some(runs.kept::<Self>(&run.id, FILE)?.chart(&run.id))))
    }

    /// Returns it as a chart, of the run that staged the image.
    pub(super) fn chart(self, run: &str) -> Chart {
        let Self { image, samples } = self;
        let title = format!("Transfer of image {image} (run {run})");
        Chart::Rate { title, unit: "bytes/s".to_owned(), samples }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use omega_core::{NoEvents, Progress, StepId};

    use super::*;

    fn told(meter: &TransferMeter, done: u64, stage: &str) {
        let step = StepId { target: "t".into(), kind: "k".into(), key: "i".into() };
        let progress = Progress::bytes(done, Some(40)).stage(stage);
        meter.event(&Event::StepProgress { step, progress });
    }

    #[tokio::test(start_paused = true)]
    async fn the_rate_is_that_since_the_sample_before() {
        let meter = TransferMeter::new(Arc::new(NoEvents));
        assert_eq!(meter.transfer("i"), None);
        told(&meter, 30, "sending");
        tokio::time::advance(Duration::from_secs(1)).await;
        // It starts over.
        told(&meter, 0, "sending");
        for done in [10, 12, 30] {
            tokio::time::advance(Duration::from_secs(2)).await;
            told(&meter, done, "receiving");
            told(&meter, done, "sending");
        }
        tokio::time::advance(Duration::from_millis(500)).await;
        told(&meter, 40, "sending");
        let samples = meter.transfer("i").unwrap().samples;
        let samples: Vec<_> = samples.iter().map(|one| (one.at, one.value)).collect();
        assert_eq!(samples, [(2.0, 5.0), (4.0, 1.0), (6.0, 9.0), (6.5, 20.0)]);
    }
}
