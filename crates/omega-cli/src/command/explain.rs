//! `explain`, `decisions`

use omega::{
    core::Failure,
    decisions::{self, DecisionState, KeptResults, Results, overview},
    run::Status,
};
use serde_json::json;

use crate::{app::App, cli::DecisionsArgs, render};

impl App {
    pub(crate) fn explain(&self, ids: &[String]) -> Result<Status, Failure> {
        let all = decisions::decisions()?;
        let named: Result<Vec<_>, _> = ids.iter().map(|id| decisions::find(id, &all)).collect();
        let mut shown = named?;
        for (nth, one) in shown.iter().enumerate() {
            let above = if nth == 0 { "" } else { "\n" };
            let text = render::decision(one, &all, self.screen.width);
            self.screen.text(&format!("{above}{text}"));
        }
        if ids.is_empty() {
            self.screen.text(&render::decisions(&all, self.screen.width).join("\n"));
            shown = all.iter().collect();
        }
        Ok(self.ends(Status::Done, json!({ "decisions": shown })))
    }

    /// Lists the decisions with the rules that check them and what is stored of their results.
    pub(crate) fn decisions(&self, args: &DecisionsArgs) -> Result<Status, Failure> {
        let site = args.site.as_deref();
        let mut results = Results::of_runs(&self.runs, site)?;
        KeptResults::new(&self.state).add_to(&mut results, site)?;
        let mut all = overview(&results)?;
        if let Some(id) = &args.decision {
            let known = decisions::decisions()?;
            let wanted = decisions::find(id, &known)?.id.clone();
            all.retain(|one| one.id == wanted);
        }
        if args.contradictions {
            all.retain(|one| one.contradiction.is_some());
        }
        self.screen.text(&self.screen.pasted(&shown(&all, args)));
        let damaged = &results.damaged;
        let exit = if damaged.is_empty() { Status::Done } else { Status::Error };
        self.ends(exit, json!({ "decisions": all, "damaged": damaged }));
        for failure in damaged {
            self.console.fail(&render::failure(failure, None, &self.screen));
        }
        Ok(exit)
    }
}

fn shown(all: &[DecisionState], args: &DecisionsArgs) -> String {
    match all {
        [one] if args.decision.is_some() && !args.contradictions => render::decision_state(one),
        all if args.contradictions => render::contradictions(all),
        all => render::decision_states(all),
    }
}
