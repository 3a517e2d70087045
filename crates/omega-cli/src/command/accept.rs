//! `--accept`

use clap::Args;
use omega::capi::coherence::Rule;

/// What the operator accepts although it is broken.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct AcceptArgs {
    /// Accept what this rule finds, although it is broken.
    #[arg(long = "accept", value_name = "RULE", value_parser = acceptable)]
    pub(crate) rules: Vec<Rule>,
}

/// Reads a rule that can be accepted.
fn acceptable(name: &str) -> Result<Rule, String> {
    let found = Rule::ALL.into_iter().find(|rule| rule.name() == name);
    match found {
        Some(rule) if rule.can_be_accepted() => Ok(rule),
        Some(_) => Err("what it finds can't be accepted".to_owned()),
        None => {
            let near = |rule: &Rule| (strsim::jaro_winkler(rule.name(), name) * 1000.0).round();
            let nearest = Rule::ALL.into_iter().max_by(|a, b| near(a).total_cmp(&near(b)));
            let nearest = nearest.map(|rule| format!(" (nearest: {rule})")).unwrap_or_default();
            Err(format!("there is no such rule{nearest}"))
        }
    }
}
