//! Whether quotas have room for what is about to be created.

use omega_core::{Evidence, Finding, Gate, Verdict};

use super::Quota;

/// How much more of a resource is needed, and what for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Need {
    resource: String,
    more: u64,
    why: String,
}

impl Need {
    /// Returns that so many more of the service's `resource` are needed, for `why`.
    pub(crate) fn new(resource: impl Into<String>, more: u64, why: impl Into<String>) -> Self {
        Self { resource: resource.into(), more, why: why.into() }
    }

    /// `+3 (1 control plane, 2 workers), 7 of 10 used`
    fn against(&self, quota: &Quota) -> Evidence {
        let used = quota.limit.map_or_else(
            || format!("{} used, no limit", quota.used),
            |limit| format!("{} of {limit} used", quota.used),
        );
        Evidence::text(&self.resource, format!("+{} ({}), {used}", self.more, self.why))
    }
}

/// Returns whether every need has room. A resource whose quota the service does not list has no limit.
pub(crate) fn room_for(gate: &dyn Gate, quotas: &[Quota], needs: &[Need], remedy: &str) -> Verdict {
    let mut seen = Vec::new();
    let mut full = Vec::new();
    for need in needs.iter().filter(|need| need.more > 0) {
        let Some(quota) = quotas.iter().find(|quota| quota.resource == need.resource) else {
            let text = format!("+{} ({}), not counted by the service", need.more, need.why);
            seen.push(Evidence::text(&need.resource, text));
            continue;
        };
        seen.push(need.against(quota));
        if quota.limit.is_some_and(|limit| quota.used.saturating_add(need.more) > limit) {
            full.push((need, quota));
        }
    }
    if full.is_empty() {
        return Verdict::shown(seen);
    }
    let each = full.iter().map(|(need, quota)| {
        let limit = quota.limit.unwrap_or_default();
        let free = limit.saturating_sub(quota.used);
        format!("{} needs {} more and has {free} of {limit} left", need.resource, need.more)
    });
    let why = each.collect::<Vec<_>>().join("; ");
    let finding = Finding::broken(gate.rule(), gate.subject(), why);
    Verdict::fail(finding.shown_by(seen).remedy(remedy))
}
