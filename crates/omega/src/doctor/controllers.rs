//! Cluster API's controllers, and whether the kinds of the driver and the chart are served.

use jiff::{SignedDuration, Timestamp};
use omega_capi::{
    Error, OddObject,
    coherence::{Coherence, Rule},
    constellation::Component,
    controllers::{Controllers, Installed, Lease, ManagementState},
    definition_of,
    releases::{Release, ReleaseStatus, Releases},
};
use omega_core::{Evidence, Finding, Severity, Subject};

use super::{Cause, Layer, LayerFinding, causes, layer_result::LayerResult};

/// Says how the controllers are. `coherence`: what does not fit together, or why that was not asked;
/// `clock`: the API server's.
pub(super) fn judge(
    controllers: &Result<Controllers, Error>,
    coherence: Result<&Result<Coherence, &Error>, &&'static str>,
    clock: Timestamp,
) -> LayerResult {
    let result = LayerResult::new(Layer::Controllers);
    let result = match controllers {
        Ok(all) => result.shown_by(versions(&all.installed)).with(down(all, clock)),
        Err(error) => result.with([unknown("controllers", error)]),
    };
    match coherence {
        Ok(Ok(coherence)) => result.with(incoherent(&coherence.findings)),
        Ok(Err(error)) => result.with([unknown("served versions", error)]),
        Err(why) => result.shown_by([Evidence::sentence(format!("coherence not asked: {why}"))]),
    }
}

/// Says how the nodes are, which controllers don't stay up, and what the provider lacks. What `controllers`
/// tells already is not reported again.
pub(super) fn state(
    state: &ManagementState,
    controllers: &Result<Controllers, Error>,
    clock: Timestamp,
) -> LayerResult {
    let told: Vec<String> = controllers
        .as_ref()
        .map(|all| down(all, clock))
        .unwrap_or_default()
        .into_iter()
        .map(|one| one.finding.subject.name)
        .collect();
    let found = state.findings(clock).into_iter().filter_map(|finding| {
        let cause = match finding.subject.noun.as_str() {
            "node" => Cause::ManagementNode,
            "controller" if told.contains(&finding.subject.name) => return None,
            "controller" => Cause::ControllerDown,
            _ => Cause::VersionUnserved,
        };
        Some(LayerFinding::new(Layer::Controllers, cause, finding))
    });
    let unasked = [
        ("nodes", state.nodes.as_ref().err()),
        ("pods of the controllers", state.pods.as_ref().err()),
    ];
    // An API server without kubelets has none of these lists.
    let absent = |error: &Error| matches!(error, Error::Status { code: 404, .. });
    let unasked = unasked.into_iter().filter_map(|(of, error)| Some((of, error?)));
    let unasked = unasked.filter(|(_, error)| !absent(error)).map(|(of, error)| unknown(of, error));
    LayerResult::new(Layer::Controllers).with(found).with(unasked)
}

/// Holds the helm releases against the `expected` ones, by name, in any namespace.
pub(super) fn releases(all: &Result<Releases, Error>, expected: &[String]) -> LayerResult {
    let result = LayerResult::new(Layer::Controllers);
    // That they can't be listed is said of each cluster.
    let Ok(all) = all else { return result };
    let broken = |name: &str, why: String, next: String| {
        let subject = Subject::new("helm release", name);
        LayerFinding::broken(Layer::Controllers, Cause::ManagementRelease, subject, why)
            .remedy(next)
    };
    result.with(expected.iter().filter_map(|name| {
        let found = all.releases.iter().filter(|one| one.name == *name);
        let found: Vec<&Release> = found.collect();
        let Some(first) = found.first() else {
            let next = "install it, or correct `releases` in [management] of the site file";
            return Some(broken(name, "it is not installed".to_owned(), next.to_owned()));
        };
        let deployed = found.iter().any(|one| one.status == ReleaseStatus::Deployed);
        let Release { namespace, revision, status, .. } = first;
        (!deployed).then(|| {
            broken(
                name,
                format!("{namespace}/{name} revision {revision} is {status}"),
                format!("helm -n {namespace} history {name}"),
            )
        })
    }))
}

/// Names the objects of lists that could not be understood; the others of their lists are judged.
pub(super) fn odd(all: &[OddObject]) -> LayerResult {
    let found = all.iter().map(|OddObject { list, name, why }| {
        let of = definition_of(list).unwrap_or_else(|| list.clone());
        let subject = Subject::new("object", format!("{of} {name}"));
        let why = format!("it could not be understood, and was skipped: {why}");
        let next = format!("look at it: kubectl get --raw {list}");
        LayerFinding::unknown(Layer::Controllers, subject, why).remedy(next)
    });
    LayerResult::new(Layer::Controllers).with(found)
}

fn unknown(of: &str, error: &Error) -> LayerFinding {
    let subject = Subject::new("management cluster", of);
    LayerFinding::unknown(Layer::Controllers, subject, causes(error))
}

fn versions(installed: &[Installed]) -> Vec<Evidence> {
    let one = |one: &Installed| {
        let version = one.version.as_deref().unwrap_or("of unknown version");
        Evidence::text(&one.component.to_string(), version)
    };
    let all: Vec<Evidence> = installed.iter().map(one).collect();
    if all.is_empty() { vec![Evidence::holds("no deployment of them is known")] } else { all }
}

/// Returns the controllers that do not work, each once: one without pods is not also reported for its
/// lease.
fn down(all: &Controllers, clock: Timestamp) -> Vec<LayerFinding> {
    let mut found: Vec<LayerFinding> = all.installed.iter().filter_map(unavailable).collect();
    for idle in all.leases.iter().filter_map(|lease| idle(lease, clock)) {
        if !found.iter().any(|other| other.finding.subject == idle.finding.subject) {
            found.push(idle);
        }
    }
    found
}

/// A deployment that lacks pods. It is down if none is available, and in progress if some are.
fn unavailable(one: &Installed) -> Option<LayerFinding> {
    let available = one.available.filter(|available| *available < one.wanted)?;
    let why = format!("{available} of {} pods are available", one.wanted);
    let found = broken(one.component, why).shown_by(one.evidence.clone());
    Some(if available == 0 { found } else { found.severity(Severity::Waiting) })
}

/// A leader that does not renew its lease, or no leader.
fn idle(lease: &Lease, clock: Timestamp) -> Option<LayerFinding> {
    let Lease { component, name, holder, renewed, seconds } = lease;
    let named = Evidence::text("lease", name);
    let Some(holder) = holder else {
        return Some(
            broken(*component, "it has no leader: nobody holds its lease").shown_by([named]),
        );
    };
    let renewed = (*renewed)?;
    // A slow leader renews it within the next period.
    let late = SignedDuration::from_secs(i64::from(*seconds) * 2 + 15);
    (clock.duration_since(renewed) > late).then(|| {
        broken(*component, "its leader no longer renews its lease").shown_by([
            named,
            Evidence::text("duration", format!("{seconds} s")),
            Evidence::text("holder", holder),
            Evidence::time("last renewed", renewed),
        ])
    })
}

fn broken(component: Component, why: impl Into<String>) -> LayerFinding {
    let subject = Subject::new("controller", component.to_string());
    let remedy = format!(
        "look at its pod: kubectl -A get pods -o wide, then kubectl logs --previous; it is the \
         deployment of {}",
        component.image()
    );
    LayerFinding::broken(Layer::Controllers, Cause::ControllerDown, subject, why).remedy(remedy)
}

/// Returns the incompatibilities that break clusters, apart from the templates.
fn incoherent(all: &[Finding]) -> impl Iterator<Item = LayerFinding> {
    broken_rules(all).filter_map(|(rule, finding)| {
        // The third is a consequence of the first two, and the reason not to delete a cluster now.
        let unserved = [Rule::UnservedRead, Rule::UnservedWrite, Rule::UnsafeDelete];
        let cause = if unserved.contains(&rule) {
            Cause::VersionUnserved
        } else if rule == Rule::MissingContract {
            Cause::ContractLabelMissing
        } else {
            return None;
        };
        let remedy = finding.remedy.clone().unwrap_or_default();
        let finding = finding.remedy(format!("{remedy}; see omega-cli check-coherence"));
        Some(LayerFinding::new(Layer::Controllers, cause, finding))
    })
}

/// Returns the broken findings of coherence, with their rules.
pub(super) fn broken_rules(all: &[Finding]) -> impl Iterator<Item = (Rule, Finding)> {
    let broken = all.iter().filter(|one| one.severity == Severity::Broken);
    broken.filter_map(|one| Some((Rule::of(one)?, one.clone())))
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

    fn judged(installed: Vec<Installed>, leases: Vec<Lease>) -> Vec<(Cause, Severity)> {
        let controllers = Ok(Controllers { installed, leases });
        let clock = Timestamp::from_second(NOW).unwrap();
        let found = judge(&controllers, Ok(&Ok(Coherence::default())), clock).findings;
        found.into_iter().map(|one| (one.cause, one.finding.severity)).collect()
    }

    fn pods(available: Option<u32>) -> Installed {
        let component = Component::ClusterApi;
        Installed { component, version: None, evidence: vec![], wanted: 2, available }
    }

    #[test]
    fn who_renews_late_is_slow_and_who_does_not_is_down() {
        let down = [(Cause::ControllerDown, Severity::Broken)];
        assert_eq!(judged(vec![], vec![lease(Some("a"), 40)]), [], "slow");
        assert_eq!(judged(vec![], vec![lease(Some("a"), 50)]), down);
        assert_eq!(judged(vec![], vec![lease(Some("a"), -9000)]), [], "a clock that is wrong");
        assert_eq!(judged(vec![], vec![lease(None, 1)]), down, "it was given up");
    }

    #[test]
    fn the_releases_that_are_expected_are_held_against_those_that_are_there() {
        let release = |name: &str, status: &str| -> Release {
            serde_json::from_value(serde_json::json!({
                "namespace": "cert-manager", "name": name, "revision": 2, "status": status,
                "chart": name, "chart_version": "1", "app_version": null, "updated": null,
            }))
            .unwrap()
        };
        let there = vec![release("cert-manager", "deployed"), release("janitor", "failed")];
        let all = Ok(Releases { releases: there, unreadable: Vec::new() });
        let told = |names: &[&str]| -> Vec<(Cause, String)> {
            let names: Vec<String> = names.iter().map(|one| (*one).to_owned()).collect();
            let found = releases(&all, &names).findings.into_iter();
            found.map(|one| (one.cause, one.finding.summary)).collect()
        };
        assert_eq!(told(&[]), []);
        assert_eq!(told(&["cert-manager"]), []);
        let broken = |why: &str| (Cause::ManagementRelease, why.to_owned());
        assert_eq!(
            told(&["ck-dns", "janitor"]),
            [broken("it is not installed"), broken("cert-manager/janitor revision 2 is failed")]
        );
    }

    #[test]
    fn nodes_and_pods_of_the_management_cluster_are_judged_once() {
        let node = omega_capi::controllers::NodeState {
            name: "m".into(),
            unready: Some("Ready is Unknown".into()),
            kubelet: None,
        };
        let pod = omega_capi::controllers::ControllerPod {
            component: Component::ClusterApi,
            name: "capi-system/capi-0".into(),
            restarts: 40,
            waiting: Some("CrashLoopBackOff".into()),
            ended: None,
            digest: None,
        };
        let judged = |installed: Vec<Installed>| -> Vec<Cause> {
            let controllers = Ok(Controllers { installed: installed.clone(), leases: Vec::new() });
            let all = ManagementState {
                nodes: Ok(vec![node.clone()]),
                installed: Ok(installed),
                pods: Ok(vec![pod.clone()]),
                served: Ok(omega_capi::served::ServedVersions::default()),
            };
            let clock = Timestamp::from_second(NOW).unwrap();
            state(&all, &controllers, clock).findings.into_iter().map(|one| one.cause).collect()
        };
        assert_eq!(judged(vec![pods(Some(2))]), [Cause::ManagementNode, Cause::ControllerDown]);
        assert_eq!(judged(vec![pods(Some(0))]), [Cause::ManagementNode], "told by its deployment");
    }

    #[test]
    fn pods_that_are_missing_are_told_once() {
        let down = [(Cause::ControllerDown, Severity::Broken)];
        assert_eq!(judged(vec![pods(Some(0))], vec![lease(Some("a"), 900)]), down);
        assert_eq!(
            judged(vec![pods(Some(1))], vec![]),
            [(Cause::ControllerDown, Severity::Waiting)]
        );
        assert_eq!(judged(vec![pods(Some(2)), pods(None)], vec![]), []);
    }
}
