//! One measurement, in a process of its own.

use std::{fs, time::Duration};

use serde::{Deserialize, Serialize};

use crate::{
    Result,
    sites::{Gauge, clusters, units},
};

/// What there are many of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum What {
    Units,
    Clusters,
}

impl What {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Units => "units",
            Self::Clusters => "clusters",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        [Self::Units, Self::Clusters].into_iter().find(|one| one.name() == name)
    }
}

/// What one size costs.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Measured {
    pub(crate) what: What,
    pub(crate) size: usize,
    /// Of how many the report has an answer.
    pub(crate) answered: usize,
    /// Processor time of the command, without that of making the site.
    pub(crate) cpu_seconds: f64,
    /// The largest resident set.
    peak_kib: u64,
    /// The most requests under way at the same time: to units, or to the management cluster.
    pub(crate) at_once: usize,
    /// When the last answer arrived, in milliseconds of the simulation.
    pub(crate) others_end: u64,
    /// The same while the first unit needs a minute for each answer, which does not count.
    pub(crate) others_end_with_a_slow_one: Option<u64>,
}

impl Measured {
    pub(crate) fn mib(&self) -> f64 {
        kib(self.peak_kib) / 1024.0
    }

    #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
    pub(crate) fn ms_for_each(&self) -> f64 {
        self.cpu_seconds * 1000.0 / self.size as f64
    }

    /// The memory of each that this has more than `first`.
    #[expect(clippy::cast_precision_loss, reason = "a few hundred")]
    pub(crate) fn kib_for_each_more_than(&self, first: &Self) -> Option<f64> {
        let more = self.size.checked_sub(first.size).filter(|more| *more > 0)?;
        Some((kib(self.peak_kib) - kib(first.peak_kib)) / more as f64)
    }
}

#[expect(clippy::cast_precision_loss, reason = "less than a terabyte")]
fn kib(count: u64) -> f64 {
    count as f64
}

pub(crate) fn one(what: What, size: usize) -> Result<Measured> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build()?;
    runtime.block_on(async {
        let (calm, slow) = (Gauge::new(None), Gauge::new(Some(Duration::from_mins(1))));
        let (answered, cpu_seconds, peak_kib) = measured(what, size, &calm).await?;
        let (at_once, others_end) = (calm.at_once(), calm.others_end());
        let others_end_with_a_slow_one = match what {
            What::Units => {
                measured(what, size, &slow).await?;
                Some(slow.others_end())
            }
            What::Clusters => None,
        };
        Ok(Measured {
            what,
            size,
            answered,
            cpu_seconds,
            peak_kib,
            at_once,
            others_end,
            others_end_with_a_slow_one,
        })
    })
}

/// Returns how many were answered, the processor time and the largest resident set.
async fn measured(what: What, size: usize, gauge: &Gauge) -> Result<(usize, f64, u64)> {
    let job: std::pin::Pin<Box<dyn Future<Output = Result<usize>>>> = match what {
        What::Units => Box::pin(units(size, gauge.clone()).await?),
        What::Clusters => Box::pin(clusters(size, gauge.clone())?),
    };
    gauge.begin();
    let before = cpu()?;
    let answered = job.await?;
    Ok((answered, cpu()? - before, peak()?))
}

/// Processor time of this process, in seconds: fields 14 and 15 of `proc_pid_stat(5)`, in hundredths.
fn cpu() -> Result<f64> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let (_, rest) = stat.rsplit_once(')').ok_or("/proc/self/stat has no name")?;
    let ticks = rest.split_whitespace().skip(11).take(2);
    let ticks: f64 = ticks.filter_map(|field| field.parse::<f64>().ok()).sum();
    Ok(ticks / 100.0)
}

/// `VmHWM` of `proc_pid_status(5)`.
fn peak() -> Result<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.ok_or("no VmHWM")?.parse()?)
}
