//! What `omega-cli runs` says.

use serde::Deserialize;

use crate::{Result, home::Home, runbooks::words};

/// The document of `omega-cli runs`, newest first.
#[derive(Debug, Deserialize)]
pub(crate) struct Runs {
    #[serde(rename = "runs")]
    pub(crate) all: Vec<Run>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Run {
    pub(crate) id: String,
    pub(crate) outcome: String,
    changes: Option<usize>,
    #[serde(default)]
    uncertain: usize,
    #[serde(default)]
    rolls_back: Vec<String>,
}

impl Run {
    /// Whether there may be something to roll back.
    pub(crate) fn may_have_changed(&self) -> bool {
        self.rolls_back.is_empty() && (self.changes != Some(0) || self.uncertain > 0)
    }
}

impl Runs {
    /// Asks for them.
    pub(crate) fn of(home: &Home) -> Result<Self> {
        let ran = home.run(&words(&["runs", "--output", "json"]))?;
        if ran.code != Some(0) {
            return Err(format!("omega-cli runs: {ran}").into());
        }
        Ok(serde_json::from_str(&ran.out)?)
    }
}
