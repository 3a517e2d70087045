//! `--accept`

use clap::Args;
use omega::{capi::coherence::Rule, core::nearest_name};

/// Broken findings that the operator accepts.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct AcceptArgs {
    /// Accept findings of this rule even if they are broken (repeatable).
    #[arg(long = "accept", value_name = "RULE", value_parser = acceptable, help = help())]
    pub(crate) rules: Vec<Rule>,
}

fn help() -> String {
    let rules = Rule::ALL.into_iter().filter(|rule| rule.can_be_accepted());
    let names: Vec<_> = rules.map(Rule::name).collect();
    format!(
        "Accept findings of this rule even if they are broken (repeatable): {}",
        names.join(", ")
    )
}

/// Parses a rule that can be accepted.
pub(super) fn acceptable(name: &str) -> Result<Rule, String> {
    let found = Rule::ALL.into_iter().find(|rule| rule.name() == name);
    match found {
        Some(rule) if rule.can_be_accepted() => Ok(rule),
        Some(_) => Err("findings of this rule can't be accepted".to_owned()),
        None => {
            let nearest = nearest_name(name, Rule::ALL.iter().map(|rule| rule.name()));
            let nearest = nearest.map(|rule| format!(" (nearest: {rule})")).unwrap_or_default();
            Err(format!("no such rule{nearest}"))
        }
    }
}
