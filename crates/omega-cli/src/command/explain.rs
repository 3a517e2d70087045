//! `explain`

use omega::{core::Failure, decisions, run::Status};
use serde_json::json;

use crate::{app::App, render};

impl App {
    pub(crate) fn explain(&self, decision: Option<&str>) -> Result<Status, Failure> {
        let all = decisions::decisions()?;
        let shown: Vec<_> = if let Some(id) = decision {
            let one = decisions::find(id, &all)?;
            self.screen.text(&render::decision(one, &all));
            vec![one]
        } else {
            self.screen.text(&render::decisions(&all).join("\n"));
            all.iter().collect()
        };
        Ok(self.ends(Status::Done, json!({ "decisions": shown })))
    }
}
