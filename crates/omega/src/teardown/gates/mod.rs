//! What a teardown looks at before its first write: what must not be destroyed, and what is lost.

mod cloud_unread;
mod consumers;
mod lost_resources;
mod maas_named;
mod other_applications;
mod workload_clusters;

pub(super) use cloud_unread::CloudUnread;
pub(super) use consumers::Consumers;
pub(super) use lost_resources::LostResources;
pub(super) use maas_named::MaasNamed;
use omega_core::CheckRule;
pub(super) use other_applications::OtherApplications;
pub(super) use workload_clusters::WorkloadClusters;

/// The rules whose findings can be accepted.
pub const TEARDOWN_RULES: [&str; 1] = [other_applications::RULE.name];

/// The rules of the gates; several are of one kind of resource each.
pub(super) fn rules() -> impl Iterator<Item = CheckRule> {
    let own = [cloud_unread::RULE, consumers::RULE, maas_named::RULE, other_applications::RULE];
    own.into_iter().chain(lost_resources::RULES)
}

/// How many names are shown; the record has all of them.
const SHOWN: usize = 6;

/// `web, db, and 12 more`
fn shown(names: &[String]) -> String {
    let first = names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => first,
        more => format!("{first}, and {more} more"),
    }
}
