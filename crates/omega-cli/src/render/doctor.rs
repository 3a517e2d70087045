//! Renders the doctor's report as text.

use omega::{
    core::Severity,
    doctor::{Layer, LayerFinding, LayerReport, LayerState, Report},
};

use super::{Screen, layout::wrap};

/// The columns of a state and of a layer's name.
const STATE: usize = 8;
const LAYER: usize = 21;
const INDENT: usize = 2 + STATE + 1 + LAYER;

/// Returns the layers from the bottom up, and what to fix first.
pub(crate) fn doctor(report: &Report, screen: &Screen) -> String {
    let mut text = Vec::new();
    let mut cluster = None;
    for layer in &report.layers {
        if layer.cluster != cluster {
            text.push(format!("{}:", layer.cluster.as_deref().unwrap_or("all")));
            cluster.clone_from(&layer.cluster);
        }
        text.extend(line(layer, screen));
    }
    text.push(String::new());
    match &report.first {
        Some(first) => text.extend(fix(first, screen)),
        None => text.push(nothing(report)),
    }
    text.join("\n")
}

/// The last line if nothing is broken. Layers that could not be checked are counted.
fn nothing(report: &Report) -> String {
    match report.layers.iter().filter(|one| one.state == LayerState::Unknown).count() {
        0 => "Nothing to fix.".to_owned(),
        1 => "Nothing found to fix; 1 layer could not be checked.".to_owned(),
        some => format!("Nothing found to fix; {some} layers could not be checked."),
    }
}

fn line(layer: &LayerReport, screen: &Screen) -> Vec<String> {
    let (word, code) = match layer.state {
        LayerState::Ok => ("ok", None),
        LayerState::Broken => ("BROKEN", Some("31")),
        LayerState::Follows => ("follows", Some("33")),
        LayerState::Warning => ("warning", Some("33")),
        LayerState::Waiting => ("waiting", Some("33")),
        LayerState::NotAsked => ("-", None),
        LayerState::Unknown | _ => ("unknown", Some("36")),
    };
    let padded = format!("{word:<STATE$}");
    let shown = match code.filter(|_| screen.colour) {
        Some(code) => format!("\u{1b}[{code}m{padded}\u{1b}[0m"),
        None => padded,
    };
    let name = name(layer.layer);
    let mut lines = wrap(&layer.summary(), screen.width.saturating_sub(INDENT).max(20)).into_iter();
    let first = lines.next().unwrap_or_default();
    let mut all = vec![format!("  {shown} {name:<LAYER$}{first}").trim_end().to_owned()];
    all.extend(lines.map(|line| format!("{:INDENT$}{line}", "")));
    let notes = layer.findings.iter().map(|one| &one.finding);
    for note in notes.filter(|one| one.severity == Severity::Note) {
        let lines =
            wrap(&format!("note: {}", note.summary), screen.width.saturating_sub(INDENT).max(20));
        all.extend(lines.iter().map(|line| format!("{:INDENT$}{line}", "")));
    }
    all
}

fn fix(first: &LayerFinding, screen: &Screen) -> Vec<String> {
    let LayerFinding { layer, cluster, finding, .. } = first;
    let about = &finding.subject.name;
    let of = cluster.as_ref().filter(|cluster| *cluster != about);
    let of = of.map(|cluster| format!(" of {cluster}")).unwrap_or_default();
    let head = format!("Fix first: the {}{of}: {about}.", name(*layer));
    let mut text = wrap(&head, screen.width);
    let inside = screen.width.saturating_sub(2).max(20);
    // Not what the summary says already.
    let evidence = finding.evidence.iter().map(ToString::to_string);
    let evidence = evidence.filter(|shown| !finding.summary.contains(shown.as_str()));
    let next = finding.remedy.iter().map(|remedy| format!("next: {}", screen.pasted(remedy)));
    for fact in [finding.summary.clone()].into_iter().chain(evidence).chain(next) {
        text.extend(wrap(&fact, inside).iter().map(|line| format!("  {line}")));
    }
    text
}

fn name(layer: Layer) -> &'static str {
    match layer {
        Layer::Cloud => "cloud",
        Layer::Vm => "management VM",
        Layer::KubeApi => "kube API",
        Layer::DriverCredential => "driver's kubeconfig",
        Layer::Conductor => "conductor",
        Layer::Controllers => "controllers",
        Layer::ClusterCredential => "credential",
        Layer::Quota => "quota",
        Layer::LoadBalancer => "load balancer",
        Layer::ClusterApi => "Cluster API",
        Layer::HelmRelease => "helm release",
        Layer::Workload => "workload cluster",
        Layer::Magnum => "Magnum",
        _ => "other layer",
    }
}
