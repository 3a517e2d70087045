//! Cluster API's controllers, and whether the driver and the chart find their kinds.

use jiff::{SignedDuration, Timestamp};
use omega_capi::{
    Error,
    coherence::{Coherence, Rule},
    constellation::Component,
    controllers::{Controllers, Installed, Lease},
};
use omega_core::Severity;

use super::{Cause, Finding, Layer, Mark, cloud::causes, report::LayerResult};

/// Says how the controllers stand. `clock`: the API server's.
pub(super) fn judge(
    controllers: &Result<Controllers, Error>,
    coherence: &Result<Coherence, Error>,
    clock: Timestamp,
) -> LayerResult {
    let mut found = Vec::new();
    let well = match controllers {
        Ok(all) => {
            found.extend(all.installed.iter().filter_map(unavailable));
            let idle = all.leases.iter().filter_map(|lease| idle(lease, clock));
            // One that has no pod needs no second reason.
            let known = |one: &Finding| found.iter().any(|other| other.what == one.what);
            let idle: Vec<Finding> = idle.filter(|one| !known(one)).collect();
            found.extend(idle);
            versions(&all.installed)
        }
        Err(error) => {
            found.push(Finding::unknown(Layer::Controllers, "controllers", causes(error)));
            String::new()
        }
    };
    match coherence {
        Ok(coherence) => found.extend(incoherent(coherence)),
        Err(error) => {
            found.push(Finding::unknown(Layer::Controllers, "kinds", causes(error)));
        }
    }
    LayerResult::of(Layer::Controllers, well, found)
}

fn versions(installed: &[Installed]) -> String {
    let one = |one: &Installed| {
        let version = one.version.as_deref().unwrap_or("of unknown version");
        format!("{} {version}", one.component)
    };
    let all: Vec<String> = installed.iter().map(one).collect();
    if all.is_empty() { "no deployment of them is known".to_owned() } else { all.join(", ") }
}

/// A deployment without pods. `Some(0)` of more is down, some of more is under way.
fn unavailable(one: &Installed) -> Option<Finding> {
    let available = one.available.filter(|available| *available < one.wanted)?;
    let why = format!("{available} of {} pods available; {}", one.wanted, one.evidence);
    let down = down(one.component, why);
    Some(if available == 0 { down } else { down.marked(Mark::Waiting) })
}

/// A leader that does not renew its lease, or that nobody is.
fn idle(lease: &Lease, clock: Timestamp) -> Option<Finding> {
    let Lease { component, name, holder, renewed, seconds } = lease;
    let Some(holder) = holder else {
        return Some(down(*component, format!("nobody holds the lease {name}")));
    };
    let ago = clock.duration_since((*renewed)?);
    // Who is only slow renews it within the next period.
    let late = SignedDuration::from_secs(i64::from(*seconds) * 2 + 15);
    (ago > late).then(|| {
        let ago = ago.as_secs();
        let why = format!("{holder} holds the lease {name} of {seconds} s, renewed {ago} s ago");
        down(*component, why)
    })
}

fn down(component: Component, why: String) -> Finding {
    let what = component.to_string();
    let next = format!(
        "look at its pod: kubectl -A get pods -o wide, then kubectl logs --previous; it is the \
         deployment of {}",
        component.image()
    );
    Finding::broken(Layer::Controllers, Cause::ControllerDown, what, why, next)
}

fn incoherent(coherence: &Coherence) -> impl Iterator<Item = Finding> {
    let broken = coherence.findings.iter().filter(|one| one.severity == Severity::Broken);
    broken.filter_map(|one| {
        // The third is a consequence of the first two, and the reason not to delete anything now.
        let unserved = [Rule::UnservedRead, Rule::UnservedWrite, Rule::UnsafeDelete];
        let is = |rule: &Rule| rule.name() == one.rule;
        let cause = if unserved.iter().any(is) {
            Cause::VersionUnserved
        } else if is(&Rule::MissingContract) {
            Cause::ContractLabelMissing
        } else {
            return None;
        };
        let remedy = one.remedy.as_deref().unwrap_or_default();
        let next = format!("{remedy}; see omega-cli check-coherence");
        let found = Finding::broken(Layer::Controllers, cause, &one.rule, &one.summary, next);
        let shown = omega_core::Evidence::line(&one.evidence);
        let evidence = vec![one.summary.clone(), shown, one.decision.clone().unwrap_or_default()];
        Some(Finding { evidence, ..found })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_790_000_000;

    fn lease(holder: Option<&str>, ago: i64) -> Lease {
        Lease {
            component: Component::ClusterApi,
            name: "capi-system/l".to_owned(),
            holder: holder.map(str::to_owned),
            renewed: Timestamp::from_second(NOW - ago).ok(),
            seconds: 15,
        }
    }

    fn judged(installed: Vec<Installed>, leases: Vec<Lease>) -> Vec<(Cause, Mark)> {
        let controllers = Ok(Controllers { installed, leases });
        let clock = Timestamp::from_second(NOW).unwrap();
        let found = judge(&controllers, &Ok(Coherence::default()), clock).findings;
        found.into_iter().map(|one| (one.cause, one.mark)).collect()
    }

    fn pods(available: Option<u32>) -> Installed {
        let (component, evidence) = (Component::ClusterApi, "deployment".to_owned());
        Installed { component, version: None, evidence, wanted: 2, available }
    }

    #[test]
    fn who_renews_late_is_slow_and_who_does_not_is_down() {
        let down = [(Cause::ControllerDown, Mark::Broken)];
        assert_eq!(judged(vec![], vec![lease(Some("a"), 40)]), [], "slow");
        assert_eq!(judged(vec![], vec![lease(Some("a"), 50)]), down);
        assert_eq!(judged(vec![], vec![lease(Some("a"), -9000)]), [], "a clock that is wrong");
        assert_eq!(judged(vec![], vec![lease(None, 1)]), down, "it was given up");
    }

    #[test]
    fn pods_that_are_missing_are_told_once() {
        let down = [(Cause::ControllerDown, Mark::Broken)];
        assert_eq!(judged(vec![pods(Some(0))], vec![lease(Some("a"), 900)]), down);
        assert_eq!(judged(vec![pods(Some(1))], vec![]), [(Cause::ControllerDown, Mark::Waiting)]);
        assert_eq!(judged(vec![pods(Some(2)), pods(None)], vec![]), []);
    }
}
