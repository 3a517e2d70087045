//! `relation-endpoint`

use omega_core::{Severity, nearest_name};

use super::super::{Charm, End};
use super::{Hit, Input, Rule};

pub(super) const RULE: Rule = Rule {
    id: "relation-endpoint",
    decision: None,
    severity: Severity::Broken,
    reason: "Juju checks endpoints only while it deploys: a wrong one stops it halfway.",
    source: "metadata.yaml of the charm (docs/charms.md); juju/juju 4 deployer/bundlehandler.go verifies without charm metadata",
};

pub(super) fn check(input: &Input<'_>) -> Vec<Hit> {
    let mut hits = Vec::new();
    for relation in &input.bundle.relations {
        let [one, other] = &relation.ends;
        let known: Vec<_> =
            [one, other].into_iter().filter_map(|end| Some((end, charm(input, end)?))).collect();
        let wrong: Vec<_> = known.iter().filter_map(|(end, charm)| missing(end, charm)).collect();
        let is_right = wrong.is_empty();
        hits.extend(wrong);
        if let ([(one, one_charm), (other, other_charm)], true) = (known.as_slice(), is_right) {
            hits.extend(mismatch((one, one_charm), (other, other_charm)));
        }
    }
    hits
}

fn charm<'a>(input: &Input<'a>, end: &End) -> Option<&'a Charm> {
    let application = input.bundle.application(&end.application)?;
    input.charms.get(application.charm()?).filter(|_| !application.is_local())
}

fn missing(end: &End, charm: &Charm) -> Option<Hit> {
    let endpoint = end.endpoint.as_deref()?;
    if charm.interface(endpoint).is_some() || !charm.complete {
        return None;
    }
    let near = nearest_name(endpoint, charm.endpoints());
    let remedy = near.map_or_else(
        || format!("its endpoints: {}", charm.endpoints().collect::<Vec<_>>().join(", ")),
        |near| format!("write {}:{near}", end.application),
    );
    let summary = format!("the charm of {} has no endpoint {endpoint}", end.application);
    Some(Hit::new(end.place, &end.application, summary, remedy))
}

fn mismatch((one, one_charm): (&End, &Charm), (other, other_charm): (&End, &Charm)) -> Option<Hit> {
    let (endpoint, other_endpoint) = (one.endpoint.as_deref()?, other.endpoint.as_deref()?);
    let (interface, other_interface) =
        (one_charm.interface(endpoint)?, other_charm.interface(other_endpoint)?);
    let both = |side: fn(&Charm) -> &std::collections::BTreeMap<String, String>| {
        side(one_charm).contains_key(endpoint) && side(other_charm).contains_key(other_endpoint)
    };
    let summary = if interface != other_interface {
        format!(
            "{}:{endpoint} speaks {interface}, and {}:{other_endpoint} speaks {other_interface}",
            one.application, other.application
        )
    } else if both(|charm| &charm.provides) {
        format!(
            "{}:{endpoint} and {}:{other_endpoint} both provide {interface}: neither requires it",
            one.application, other.application
        )
    } else if both(|charm| &charm.requires) {
        format!(
            "{}:{endpoint} and {}:{other_endpoint} both require {interface}: neither provides it",
            one.application, other.application
        )
    } else {
        return None;
    };
    Some(Hit::new(
        one.place,
        &one.application,
        summary,
        "relate endpoints of one interface, one that provides it and one that requires it",
    ))
}
