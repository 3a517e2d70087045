//! The silent changes that operators know, by name. Each is a file: what it is, and how it is distinguished from
//! what a look found.

mod credential_expires;
mod defaults_rewritten;
mod driver_not_restarted;
mod keeps_restarting;
mod template_network;

use super::{Difference, Observation};
use crate::lint::Rule;

/// Names a difference, if it is the change that it knows: returns what happened, in a sentence.
type Named = fn(&Changed<'_>) -> Option<String>;

/// A difference, and what was observed.
struct Changed<'a> {
    difference: &'a Difference,
    before: Option<&'a Observation>,
    now: &'a Observation,
}

const ALL: [(Rule, Named); 5] = [
    (defaults_rewritten::RULE, defaults_rewritten::named),
    (driver_not_restarted::RULE, driver_not_restarted::named),
    (template_network::RULE, template_network::named),
    (credential_expires::RULE, credential_expires::named),
    (keeps_restarting::RULE, keeps_restarting::named),
];

/// The silent changes that are named.
pub const RULES: [Rule; 5] = [ALL[0].0, ALL[1].0, ALL[2].0, ALL[3].0, ALL[4].0];

/// Names the difference, if it is a silent change that is known.
pub(super) fn name(difference: &mut Difference, before: Option<&Observation>, now: &Observation) {
    let changed = Changed { difference, before, now };
    let found = ALL.iter().find_map(|(rule, named)| Some((rule.id, named(&changed)?)));
    if let Some((rule, summary)) = found {
        difference.silent = Some(rule.to_owned());
        difference.summary = summary;
    }
}
