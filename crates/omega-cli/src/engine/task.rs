use std::{collections::BTreeMap, pin::Pin, time::Instant};

use omega_core::{
    CancelToken, Failure, FailureClass, ItemState, TargetPlan, TargetPreview, Verdict, preview,
};

use super::{PlanFile, Report};
use crate::{
    exit::Exit,
    render::{self, Console, Recap, Screen},
    runs::Runs,
};

/// What is to be true, in order.
pub(crate) struct Task {
    /// `graft`, `rollback`, or an operation's name.
    pub(crate) name: String,
    /// The site file, as the operator named it.
    pub(crate) site: String,
    /// The command that applies it.
    pub(crate) again: String,
    /// Run one after another. A failure stops the rest.
    pub(crate) legs: Vec<TargetPlan>,
    /// Questions that are only fair when everything else is so: asked last, and patiently after a
    /// change.
    pub(crate) afterwards: Vec<TargetPlan>,
    /// What is worth keeping from before the first change.
    pub(crate) pre_state: Option<PreState>,
    /// How many remote executions and requests there were.
    pub(crate) counts: Box<dyn Fn() -> Counts>,
    /// What tells this site from others.
    pub(crate) endpoints: BTreeMap<String, String>,
    /// The runs that this one rolls back, the newest first.
    pub(crate) rolls_back: Vec<String>,
    /// How a run of it is taken back.
    pub(crate) way_back: WayBack,
}

/// How a run is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WayBack {
    /// What it changes has no way back, or it is one itself.
    None,
    /// `rollback graft`: with what it resumed.
    Last,
    /// `rollback graft --run ID`.
    Run,
}

impl WayBack {
    /// Returns the command that takes the run `id` back.
    pub(crate) fn command(self, id: &str) -> Option<String> {
        match self {
            Self::None => None,
            Self::Last => Some("omega-cli rollback graft".to_owned()),
            Self::Run => Some(format!("omega-cli rollback graft --run {id}")),
        }
    }
}

/// Captures what is worth keeping, when called.
pub(crate) type PreState =
    Box<dyn Fn() -> Pin<Box<dyn Future<Output = Result<serde_json::Value, Failure>>>>>;

/// What a command cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Counts {
    /// Units that were looked at.
    pub(crate) units: usize,
    /// Remote executions on units.
    pub(crate) executions: usize,
    /// HTTP requests to the cloud and to the management API.
    pub(crate) requests: usize,
}

/// What runs a task.
pub(crate) struct Engine<'a> {
    /// For the result.
    pub(crate) screen: &'a Screen,
    /// For progress.
    pub(crate) console: &'a Console,
    /// For journals and reports.
    pub(crate) runs: &'a Runs,
    /// The operator's wish to stop.
    pub(crate) stop: &'a CancelToken,
    /// Whether the run's directory stays: a rehearsal's does not.
    pub(crate) kept: bool,
    /// When the command began.
    pub(crate) began: Instant,
}

impl Engine<'_> {
    /// Looks at everything once. A question that is asked afterwards and has a bad answer while
    /// changes are pending is deferred: the changes may be what mends it.
    pub(crate) async fn look(&self, task: &Task) -> (Vec<TargetPreview>, Vec<TargetPreview>) {
        self.console.now("looking");
        let looked = futures::future::join(preview(&task.legs), preview(&task.afterwards));
        let (legs, mut afterwards) = looked.await;
        self.console.done();
        if legs.iter().any(TargetPreview::pending) {
            let items = afterwards.iter_mut().flat_map(|leg| &mut leg.sections);
            for item in items.flat_map(|section| &mut section.items) {
                let ItemState::Verdict(Verdict::Fail { why, next: _ }) = &item.found else {
                    continue;
                };
                let until = format!("asked again after the changes (now: {why})");
                item.found = ItemState::Verdict(Verdict::Deferred { until });
            }
        }
        (legs, afterwards)
    }

    /// Shows what would be done, and stores it in `out`.
    pub(crate) async fn plan(
        &self,
        task: &Task,
        out: Option<&std::path::Path>,
    ) -> Result<Report, Failure> {
        if let Some(out) = out {
            PlanFile::may_replace(out)?;
        }
        let (legs, afterwards) = self.look(task).await;
        let all: Vec<_> = legs.iter().chain(&afterwards).cloned().collect();
        let exit = exit_of(&all);
        render::plan(self.screen, &all);
        if let Some(out) = out {
            if matches!(exit, Exit::Done | Exit::Pending) {
                PlanFile::new(task, legs).write(out)?;
                self.screen.text(&format!("Next:  {} --from {}", task.again, out.display()));
            } else {
                self.screen.text("The plan was not written: mend what is marked with ! first.");
            }
        } else if exit == Exit::Pending {
            self.screen.text(&format!("Next:  {}", task.again));
        }
        Ok(Report::new("plan", task, self).looked(all).ends(exit))
    }

    /// Says whether everything is so, and shows what is not.
    pub(crate) async fn verify(&self, task: &Task) -> Result<Report, Failure> {
        let (legs, afterwards) = self.look(task).await;
        let all: Vec<_> = legs.into_iter().chain(afterwards).collect();
        let exit = exit_of(&all);
        let recap = Recap::of(all.iter().flat_map(TargetPreview::items));
        if exit == Exit::Done {
            let holds = facts(recap.unchanged);
            self.screen.prose(&self.all_so(&holds, &recap, task));
        } else {
            render::plan(self.screen, &all);
        }
        Ok(Report::new("verify", task, self).looked(all).ends(exit))
    }

    /// `21 facts hold on 3 units (1.9 s, 3 remote executions, 2 requests).`
    pub(crate) fn all_so(&self, holds: &str, recap: &Recap, task: &Task) -> String {
        let Counts { units, executions, requests } = (task.counts)();
        let units = match units {
            0 => String::new(),
            1 => " on 1 unit".to_owned(),
            many => format!(" on {many} units"),
        };
        let deferred = match recap.deferred {
            0 => String::new(),
            some => format!(", {some} deferred"),
        };
        let took = render::seconds(self.began.elapsed());
        format!(
            "{holds}{units}{deferred} ({took}, remote executions: {executions}, requests: {requests})."
        )
    }
}

/// `1 fact holds`, `21 facts hold`.
pub(crate) fn facts(count: usize) -> String {
    if count == 1 { "1 fact holds".to_owned() } else { format!("{count} facts hold") }
}

/// Returns how a command ends that found this.
pub(crate) fn exit_of(legs: &[TargetPreview]) -> Exit {
    Exit::first(legs.iter().flat_map(TargetPreview::items).map(|item| match &item.found {
        ItemState::Failed(failure) => failure.class.into(),
        ItemState::Verdict(Verdict::Fail { .. }) => Exit::from(FailureClass::Gate),
        ItemState::Verdict(Verdict::Pass { .. } | Verdict::Deferred { .. }) => Exit::Done,
        ItemState::Preview(preview) if preview.is_satisfied() => Exit::Done,
        ItemState::Preview(_) => Exit::Pending,
    }))
}
