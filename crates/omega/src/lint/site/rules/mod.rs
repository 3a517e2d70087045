//! One file for each rule, or for the rules of one judgement that others have too.

mod acceptance_settings;
mod coherence;
mod compute;
mod dns_service;
mod helm;
mod management_server;
mod needless_override;
mod resolver;
mod template_values;
mod unknown_name;

use super::{
    super::{LintFinding, Rule},
    Input,
};

type Check = fn(&Input<'_>) -> Vec<LintFinding>;

/// Every rule, in the order of the decisions.
pub(super) const ALL: [(&[Rule], Check); 10] = [
    (&[unknown_name::RULE], unknown_name::check),
    (&[acceptance_settings::RULE], acceptance_settings::check),
    (&[resolver::RULE], resolver::check),
    (&[dns_service::RULE], dns_service::check),
    (&template_values::RULES, template_values::check),
    (&[helm::RULE], helm::check),
    (&[management_server::RULE], management_server::check),
    (&compute::RULES, compute::check),
    (&coherence::RULES, coherence::check),
    (&[needless_override::RULE], needless_override::check),
];
