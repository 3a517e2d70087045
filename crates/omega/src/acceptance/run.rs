//! Runs the items, one after another.

use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;
use omega_core::{
    CancelReason, Context, Event, Evidence, Failure, FailureClass, Finding, ItemOutcome, Severity,
    leftovers,
    run::{Endpoints, RunDirectory, Status},
};
use serde::Serialize;
use tokio::time::{Instant, sleep_until};

use super::{
    AcceptanceReport, Answer, Chart, Item, ItemId, ItemReport, Outcome, ThrowAwayCluster,
    chart::seconds,
    progress::{self, AGAIN},
    report::{SCHEMA_VERSION, Tool, Verdict},
};

/// An acceptance: the items of a site, and what the report says of it.
pub struct Acceptance {
    pub(super) items: Vec<Box<dyn Item>>,
    pub(super) site: String,
    pub(super) site_sha256: Option<String>,
    pub(super) endpoints: Endpoints,
    pub(super) stand_ins: Vec<String>,
    /// The cluster of the items that need one, if the run creates it.
    pub(super) throw_away: Option<ThrowAwayCluster>,
    pub(super) transfer: Option<Chart>,
}

impl std::fmt::Debug for Acceptance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let items: Vec<_> = self.items.iter().map(|item| item.id()).collect();
        f.debug_struct("Acceptance")
            .field("site", &self.site)
            .field("items", &items)
            .finish_non_exhaustive()
    }
}

/// What a run would do with an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PlannedItem {
    /// Which one.
    pub id: ItemId,
    /// What it is about.
    pub title: String,
    /// What it would make and change. Empty: it only reads, or is not checked.
    pub effects: Vec<String>,
    /// Why it will not be checked: it is deferred, it can't be asked, or an earlier run settled it.
    pub not_checked: Option<String>,
    /// What to do so that it will be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// How old a result may be that a run keeps of an earlier one. What is older is checked again: a report is
/// about one state of the cloud, not about a week.
pub const KEPT_FOR: Duration = Duration::from_hours(24);

/// What to check.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Selection {
    /// Only these items; all if it is empty.
    pub only: Vec<ItemId>,
    /// A report whose settled items are kept.
    pub resumes: Option<AcceptanceReport>,
}

impl Selection {
    /// Returns a selection of these items, or of all.
    pub fn only(only: Vec<ItemId>) -> Self {
        Self { only, resumes: None }
    }

    /// Keeps what this report settled, and checks the rest of what it was asked for. Only a result for the
    /// same site file is kept, and for [`KEPT_FOR`].
    #[must_use]
    pub fn resuming(self, report: AcceptanceReport) -> Self {
        Self { resumes: Some(report), ..self }
    }

    fn includes(&self, id: ItemId) -> bool {
        let before = self.resumes.as_ref().map(|report| report.not_selected.as_slice());
        let asked_before = !before.unwrap_or_default().contains(&id);
        if self.only.is_empty() { asked_before } else { self.only.contains(&id) }
    }
}

impl Acceptance {
    /// Draws the transfer of an image beside D-011.5: it is what clusters are made of.
    #[must_use]
    pub fn with_transfer(self, transfer: Option<Chart>) -> Self {
        Self { transfer, ..self }
    }

    /// Returns what tells this site from others.
    pub fn endpoints(&self) -> &Endpoints {
        &self.endpoints
    }

    /// Returns what a run at `now` would do with each item of `selection`. Nothing is asked.
    pub fn plan(&self, selection: &Selection, now: Timestamp) -> Vec<PlannedItem> {
        let asked = self.items.iter().filter(|item| selection.includes(item.id()));
        asked.map(|item| self.planned(&**item, selection, now)).collect()
    }

    fn planned(&self, item: &dyn Item, selection: &Selection, now: Timestamp) -> PlannedItem {
        let id = item.id();
        let plan = |effects, not_checked, next| PlannedItem {
            id,
            title: id.title().to_owned(),
            effects,
            not_checked,
            next,
        };
        if let Some(kept) = self.kept(selection, id, now) {
            let run = kept.kept_from.unwrap_or_default();
            return plan(Vec::new(), Some(format!("the result of run {run} is kept")), None);
        }
        match item.effects() {
            Ok(effects) => {
                let created = self.throw_away.as_ref().filter(|_| id.needs_cluster());
                let created = created.map(ThrowAwayCluster::effect);
                plan(created.into_iter().chain(effects).collect(), None, None)
            }
            Err(failure) => plan(Vec::new(), Some(failure.to_string()), failure.next),
        }
    }

    /// Checks the items of `selection`, one after another, and reports. Writes of an item go to the
    /// journal of `run`.
    ///
    /// When `ctx` is cancelled or its deadline passes, the current item ends, and the rest is reported
    /// as not run.
    ///
    /// # Errors
    ///
    /// Fails if `selection` continues a report of another site.
    pub async fn run(
        &self,
        selection: &Selection,
        run: &RunDirectory,
        ctx: &Context,
    ) -> Result<AcceptanceReport, Failure> {
        if let Some(before) = &selection.resumes {
            self.is_of_this_site(before)?;
        }
        let ctx = ctx.clone().with_journal(run.journal.clone());
        // Whoever stops it gets a report all the same.
        ctx.mark_written();
        let (started, start) = (ctx.now(), Instant::now());
        ctx.tell(&Event::RunStarted { run: run.id.clone() });
        let not_kept = selection.resumes.as_ref().and_then(|before| self.not_kept(before));
        if let Some(why) = &not_kept {
            ctx.tell(&Event::Note { text: why.clone() });
        }
        let all = self.items.iter().map(|item| item.id());
        let mut report = AcceptanceReport {
            schema_version: SCHEMA_VERSION,
            run: run.id.clone(),
            tool: Tool { name: "omega".to_owned(), version: env!("CARGO_PKG_VERSION").to_owned() },
            site: self.site.clone(),
            site_sha256: self.site_sha256.clone(),
            endpoints: self.endpoints.clone(),
            stand_ins: self.stand_ins.clone(),
            started,
            seconds: 0.0,
            verdict: Verdict::Incomplete,
            exit_code: 0,
            interrupted: false,
            resumes: selection.resumes.as_ref().map(|before| before.run.clone()),
            not_kept,
            items: Vec::new(),
            not_selected: all.filter(|id| !selection.includes(*id)).collect(),
            left: Vec::new(),
        };
        progress::begin(run, &report)?;
        report.items = Box::pin(self.check(selection, run, &ctx)).await?;
        let left = leftovers(&run.entries()?).into_iter().map(|(step, _)| step);
        report.left = left.collect();
        report.seconds = seconds(start.elapsed());
        report.interrupted = is_over(&ctx).is_some();
        report.decide();
        if report.interrupted && ctx.cancel().reason() == Some(CancelReason::Deadline) {
            report.exit_code = Status::Deadline.code();
        }
        Ok(report)
    }

    /// Checks the selected items. What is known of each is kept with the run at once.
    async fn check(
        &self,
        selection: &Selection,
        run: &RunDirectory,
        ctx: &Context,
    ) -> Result<Vec<ItemReport>, Failure> {
        let (mut items, mut on_cluster) = (Vec::new(), Vec::new());
        let mut done = |report: ItemReport| {
            progress::keep(run, &report)?;
            items.push(report);
            Ok::<(), Failure>(())
        };
        for item in self.items.iter().filter(|item| selection.includes(item.id())) {
            if let Some(kept) = self.kept(selection, item.id(), ctx.now()) {
                done(kept)?;
            } else if self.throw_away.is_some() && item.id().needs_cluster() {
                on_cluster.push(&**item);
            } else {
                done(self.drawn(checked(&**item, ctx).await))?;
            }
        }
        // Last: what takes seconds is known before a cluster is made.
        if let (Some(cluster), false) = (&self.throw_away, on_cluster.is_empty()) {
            for report in checked_on(cluster, &on_cluster, ctx).await {
                done(self.drawn(report))?;
            }
        }
        items.sort_by_key(|item| item.id);
        Ok(items)
    }

    /// Draws the image's transfer beside the cluster.
    fn drawn(&self, mut report: ItemReport) -> ItemReport {
        if report.id == ItemId::Cluster {
            report.charts.extend(self.transfer.clone());
        }
        report
    }

    /// The result of an item that is kept from an earlier run.
    fn kept(&self, selection: &Selection, id: ItemId, now: Timestamp) -> Option<ItemReport> {
        let before = selection.resumes.as_ref()?;
        if self.not_kept(before).is_some() {
            return None;
        }
        let item = before.items.iter().find(|item| item.id == id && item.is_settled())?;
        if now.duration_since(item.started).unsigned_abs() > KEPT_FOR {
            return None;
        }
        let from = item.kept_from.clone().unwrap_or_else(|| before.run.clone());
        Some(ItemReport { kept_from: Some(from), ..item.clone() })
    }

    /// Why nothing of `before` is kept, if that is so: another site file may ask for something else.
    fn not_kept(&self, before: &AcceptanceReport) -> Option<String> {
        let same = before.site_sha256 == self.site_sha256;
        (!same).then(|| {
            format!(
                "the site file has changed since run {}: nothing of it is kept, and every item is checked \
                 again",
                before.run
            )
        })
    }

    /// Checks that `before` is a report of this site, before a run that continues it begins.
    ///
    /// # Errors
    ///
    /// Fails if it is of another one.
    pub fn is_of_this_site(&self, before: &AcceptanceReport) -> Result<(), Failure> {
        let same = before.endpoints == self.endpoints && before.stand_ins == self.stand_ins;
        if same {
            return Ok(());
        }
        let shown = |all: &Endpoints| {
            let all: Vec<_> = all.iter().map(|(key, value)| format!("{key} {value}")).collect();
            if all.is_empty() { "nothing".to_owned() } else { all.join(", ") }
        };
        Err(Failure {
            expected: Some(shown(&before.endpoints)),
            found: Some(shown(&self.endpoints)),
            ..Failure::new(FailureClass::Refused, format!("run {} was on another site", before.run))
        }
        .next("begin a new acceptance, without --resume"))
    }
}

/// Why the run is over before its end, if it is.
fn is_over(ctx: &Context) -> Option<&'static str> {
    let late = ctx.deadline().is_some_and(|deadline| Instant::now() >= deadline);
    match (ctx.cancel().is_cancelled(), late) {
        (true, _) => Some("interrupted before it was checked"),
        (false, true) => Some("the deadline passed before it was checked"),
        (false, false) => None,
    }
}

async fn checked(item: &dyn Item, ctx: &Context) -> ItemReport {
    let (id, started, start) = (item.id(), ctx.now(), Instant::now());
    if let Some(why) = is_over(ctx) {
        return ItemReport::new(id, Answer::not_run(why, AGAIN), started, 0.0);
    }
    let (step, subject) = (id.step(), id.subject());
    ctx.tell(&Event::StepStarted {
        step: step.clone(),
        subject: subject.clone(),
        changes: Vec::new(),
    });
    let of_step = ctx.for_step(step.clone());
    let check = item.check(&of_step);
    let answer = if item.only_reads() {
        tokio::select! {
            biased;
            answer = check => answer,
            () = over(ctx) => {
                let why = is_over(ctx).unwrap_or("interrupted");
                Answer::not_run(why, AGAIN)
            }
        }
    } else {
        check.await
    };
    let took = start.elapsed();
    let report = ItemReport::new(id, answer, started, seconds(took));
    ctx.tell(&Event::StepFinished { step, subject, outcome: told(&report), took });
    report
}

/// Checks items on a cluster of this run, the last one first: whether it works decides about the others.
async fn checked_on(
    cluster: &ThrowAwayCluster,
    items: &[&dyn Item],
    ctx: &Context,
) -> Vec<ItemReport> {
    if is_over(ctx).is_some() {
        return join_all(items.iter().map(|item| checked(*item, ctx))).await;
    }
    let (started, start) = (ctx.now(), Instant::now());
    let story = cluster
        .around(ctx, || async {
            let mut reports = Vec::new();
            for item in items.iter().rev() {
                reports.push(checked(*item, ctx).await);
            }
            reports
        })
        .await;
    let mut reports = story.done.unwrap_or_else(|failure| {
        let answer = |item: &&dyn Item| {
            let answer = Answer::unasked(&failure);
            ItemReport::new(item.id(), answer, started, seconds(start.elapsed()))
        };
        items.iter().map(answer).collect()
    });
    // Findings about the cluster are reported once.
    if let Some(report) = reports.iter_mut().max_by_key(|report| report.id) {
        report.tell(story.findings, story.evidence, story.chart);
    }
    reports
}

/// Returns once the run is cancelled, or its deadline has passed.
async fn over(ctx: &Context) {
    let deadline = async {
        match ctx.deadline() {
            Some(deadline) => sleep_until(deadline).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = ctx.cancel().cancelled() => {}
        () = deadline => {}
    }
}

/// The outcome, as events tell it.
fn told(report: &ItemReport) -> ItemOutcome {
    match &report.outcome {
        Outcome::Passed => {
            ItemOutcome::Passed { evidence: vec![Evidence::sentence(report.summary())] }
        }
        Outcome::Failed => ItemOutcome::Failed(Failure::new(FailureClass::Gate, report.summary())),
        Outcome::Deferred { decision, .. } => ItemOutcome::Deferred { until: decision.clone() },
        Outcome::NotRun { why, next } => {
            let found = Finding::broken("not-checked", report.id.subject(), why);
            let mut found = found.severity(Severity::Unknown);
            found.remedy.clone_from(next);
            ItemOutcome::Warned(Box::new(found))
        }
    }
}

/// How long an item's own reads may take if the site file does not say.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);
