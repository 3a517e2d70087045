//! `template-network`: somebody switched the network driver of a cluster template.

#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "what else there is, or will be, is treated alike"
)]

use omega_core::{Evidence, Observation as Value, Severity};

use super::Changed;
use crate::{
    drift::{DifferenceKind, observation::TEMPLATE},
    lint::Rule,
};

pub(super) const RULE: Rule = Rule {
    id: "template-network",
    decision: Some("D-031"),
    severity: Severity::Broken,
    reason: "Without a network driver Magnum takes flannel, for which the charts have no plugin: new clusters have no network, and the next upgrade takes it away from those that have one.",
    source: "magnum 18.0.1, conf/cluster_templates.py; capi-helm-charts, charts/cluster-addons/templates/cni",
};

pub(super) fn named(changed: &Changed<'_>) -> Option<String> {
    let Changed { difference, now, .. } = changed;
    if now.id.kind != TEMPLATE || difference.kind != DifferenceKind::Changed {
        return None;
    }
    let fact = difference.facts.iter().find(|fact| fact.fact == "network driver")?;
    let (before, after) = (text(fact.before.as_ref())?, text(fact.now.as_ref())?);
    let name = &now.id.key;
    Some(format!("the network driver of template {name} was switched: {before} -> {after}"))
}

fn text(one: Option<&Evidence>) -> Option<&str> {
    match &one?.value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}
