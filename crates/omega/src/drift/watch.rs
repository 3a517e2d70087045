//! Looks again and again.

use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher as _, Hasher as _},
    time::Duration,
};

use futures::future::BoxFuture;
use omega_core::{Context, Failure, FailureClass, run::Runs};
use tokio::time::{Instant, sleep, timeout};

use super::{Acceptance, DriftReport, Look, LookOptions, Source, assess, baseline::BaselineFile};

/// Takes one look.
pub type Take<'a> = dyn Fn() -> BoxFuture<'a, Look> + Send + Sync + 'a;

/// A site that is watched.
#[derive(Debug)]
#[non_exhaustive]
pub struct Watched<'a> {
    /// Its baseline.
    pub file: &'a BaselineFile,
    /// Omega's runs.
    pub runs: &'a Runs,
    /// The site, as the operator named it.
    pub site: &'a str,
    /// What a look asks.
    pub sources: Vec<Source>,
    /// How it looks.
    pub options: LookOptions,
}

impl<'a> Watched<'a> {
    /// Returns the site with its baseline, looked at as `options` say.
    pub fn new(
        file: &'a BaselineFile,
        runs: &'a Runs,
        site: &'a str,
        sources: Vec<Source>,
        options: &LookOptions,
    ) -> Self {
        Self { file, runs, site, sources, options: options.clone() }
    }

    /// Looks once and reports. A look that takes longer than `deadline` is given up: then everything is
    /// unknown.
    ///
    /// # Errors
    ///
    /// As [`assess`].
    pub async fn once(
        &self,
        ctx: &Context,
        take: &Take<'_>,
        deadline: Duration,
        acceptance: Acceptance,
    ) -> Result<DriftReport, Failure> {
        let (began, at) = (Instant::now(), ctx.now());
        let look = timeout(deadline, take()).await.unwrap_or_else(|_| {
            let what = format!("the look was given up after {} s", deadline.as_secs());
            let failure = Failure::new(FailureClass::Deadline, what).next(
                "allow more time: --deadline; omega-cli verify graft -vv shows what takes so long",
            );
            Look::failed(at, began.elapsed(), &self.sources, &failure, &self.options)
        });
        assess(&look, self.file, self.runs, self.site, acceptance, &self.options)
    }
}

/// How often and how long.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct WatchOptions {
    /// From the beginning of one look to that of the next. A look that takes longer is followed by the
    /// next one at once.
    pub interval: Duration,
    /// How long one look may take.
    pub deadline: Duration,
}

impl WatchOptions {
    /// Looks so often, and for so long each.
    pub fn new(interval: Duration, deadline: Duration) -> Self {
        Self { interval, deadline }
    }

    /// After how long without a look something is wrong.
    pub fn stale(&self) -> Duration {
        self.interval * 2 + self.deadline
    }
}

/// Looks again and again until `ctx` is cancelled, and gives each report to `tell`. There is never more
/// than one look at a time. A look that is under way then is given up: it only reads.
///
/// # Errors
///
/// Fails if the baseline can't be used or written, or if `tell` fails.
pub async fn watch(
    watched: &Watched<'_>,
    ctx: &Context,
    take: &Take<'_>,
    options: WatchOptions,
    tell: &(dyn Fn(&DriftReport) -> Result<(), Failure> + Sync),
) -> Result<(), Failure> {
    loop {
        let began = Instant::now();
        let report = tokio::select! {
            report = watched.once(ctx, take, options.deadline, Acceptance::Keep) => report?,
            () = ctx.cancel().cancelled() => return Ok(()),
        };
        tell(&report)?;
        drop(report);
        let pause = options.interval.saturating_sub(began.elapsed()) + jitter(options.interval);
        tokio::select! {
            () = sleep(pause) => {}
            () = ctx.cancel().cancelled() => return Ok(()),
        }
    }
}

/// Returns up to a tenth of the interval: programs that were started together don't look together.
fn jitter(interval: Duration) -> Duration {
    // Seeded anew each time, by the operating system.
    let random = RandomState::new().build_hasher().finish();
    let thousandths = u32::try_from(random % 100).unwrap_or_default();
    interval * thousandths / 1000
}
