//! Renders the answers of the management cluster as text.

use std::collections::BTreeSet;

use omega::capi::{
    Namespace,
    coherence::Coherence,
    constellation::{Comparison, ConstellationItem, VersionMatch},
    releases::{Release, ReleaseStatus, Releases, UnreadableRelease},
    served::{DefinedVersion, Definition, ServedApis},
};
use omega::core::{Evidence, Finding, Severity};

use super::{
    Screen,
    layout::{Sign, below, line, wrap},
};

/// The column in which explanations begin.
const INDENT: usize = 10;

/// Returns all findings and a line that counts them.
pub(crate) fn coherence(found: &Coherence, screen: &Screen) -> String {
    let mut text: Vec<String> = found.findings.iter().map(|f| finding(f, screen)).collect();
    let counts = found.counts();
    let count = |severity, one| match counts.get(&severity) {
        None | Some(0) => None,
        Some(1) => Some(format!("1 {one}")),
        Some(n) => Some(format!("{n} {one}s")),
    };
    let broken = counts.get(&Severity::Broken).map(|n| format!("{n} broken"));
    let rest = [count(Severity::Warning, "warning"), count(Severity::Note, "note")];
    let counted: Vec<String> = broken.into_iter().chain(rest.into_iter().flatten()).collect();
    text.push(match counted.as_slice() {
        [] => "No findings.".to_owned(),
        some => format!("Found: {}.", some.join(", ")),
    });
    text.join("\n")
}

/// Returns a finding with its evidence and its remedy.
pub(crate) fn finding(finding: &Finding, screen: &Screen) -> String {
    let width = screen.width;
    let Finding { rule, severity, summary, evidence, decision, remedy, .. } = finding;
    let severity = match severity {
        Severity::Broken => "broken",
        Severity::Warning => "warning",
        Severity::Waiting => "waiting",
        Severity::Unknown => "unknown",
        Severity::Note | _ => "note",
    };
    let decision = decision.as_ref().map(|id| format!(" ({id})")).unwrap_or_default();
    let head = format!("{severity:<INDENT$}  {rule}{decision}");
    let shown = Evidence::line(evidence);
    let remedy = screen.pasted(remedy.as_deref().unwrap_or_default());
    let remedy = remedy.as_str();
    let rows = [("", summary.as_str()), ("evidence", &shown), ("next", remedy)];
    let rows = rows.into_iter().filter(|(_, value)| !value.is_empty());
    let rows: Vec<_> = rows.map(|(label, value)| row(label, value, width)).collect();
    format!("{head}\n{}", rows.join("\n"))
}

/// Returns `value` after a label, on as many lines as needed.
fn row(label: &str, value: &str, width: usize) -> String {
    let lines = wrap(value, width.saturating_sub(INDENT + 2).max(20));
    let line = |(nth, line): (usize, &String)| {
        let label = if nth == 0 { label } else { "" };
        format!("  {label:<INDENT$}{line}").trim_end().to_owned()
    };
    lines.iter().enumerate().map(line).collect::<Vec<_>>().join("\n")
}

/// Returns every kind of every group with its versions, newest first.
pub(crate) fn surface(surface: &ServedApis, screen: &Screen) -> String {
    let mut text = Vec::new();
    let unsettled = surface.unsettled();
    let defined = surface.definitions.iter().map(|d| d.group.as_str());
    let served = surface.served.groups.keys().map(String::as_str);
    for group in defined.chain(served).collect::<BTreeSet<&str>>() {
        text.push(group.to_owned());
        for one in surface.definitions.iter().filter(|d| d.group == group) {
            let off = unsettled.iter().any(|at| at.starts_with(&format!("{}/", one.name())));
            let sign = if off { Sign::No } else { Sign::Same };
            text.push(fact(sign, "kind", &one.plural, &versions(surface, one), screen));
        }
        for plural in undefined(surface, group) {
            let versions: Vec<&str> = surface.served.versions_of(group, plural).collect();
            let detail = format!("{}; no definition", versions.join("; "));
            text.push(fact(Sign::Same, "kind", plural, &detail, screen));
        }
    }
    if !unsettled.is_empty() {
        let all = format!("Defined as served, but not served: {}.", unsettled.join(", "));
        text.extend(wrap(&all, screen.width));
    }
    text.join("\n")
}

/// Returns the kinds of `group` that are served without a definition, by another API server.
fn undefined<'a>(surface: &'a ServedApis, group: &str) -> BTreeSet<&'a str> {
    let versions = surface.served.groups.get(group).into_iter().flatten();
    let plurals = versions.flat_map(|version| &version.kinds).map(|kind| kind.plural.as_str());
    plurals.filter(|plural| surface.definition(group, plural).is_none()).collect()
}

/// Returns a kind's versions with their marks, and the contracts that they are labelled with.
fn versions(surface: &ServedApis, definition: &Definition) -> String {
    let Definition { group, plural, versions, contracts, .. } = definition;
    let served: Vec<&str> = surface.served.versions_of(group, plural).collect();
    let version = |version: &DefinedVersion| {
        let DefinedVersion { name, served: _, storage, deprecated, warning: _ } = version;
        let marks = [
            (!served.contains(&name.as_str()), "not served"),
            (*storage, "stored"),
            (*deprecated, "deprecated"),
        ];
        let marks: Vec<&str> =
            marks.into_iter().filter_map(|(holds, mark)| holds.then_some(mark)).collect();
        if marks.is_empty() { name.clone() } else { format!("{name} ({})", marks.join(", ")) }
    };
    let contract = |(contract, versions): (&String, &Vec<String>)| {
        let same = matches!(versions.as_slice(), [one] if one == contract);
        if same { contract.clone() } else { format!("{contract} by {}", versions.join(" and ")) }
    };
    let contracts: Vec<String> = contracts.iter().map(contract).collect();
    let contracts = (!contracts.is_empty()).then(|| format!("contracts: {}", contracts.join(", ")));
    let outdated: Vec<&str> = definition.outdated().collect();
    let outdated = (!outdated.is_empty())
        .then(|| format!("objects may still be stored in {}", outdated.join(", ")));
    let all = versions.iter().map(version).chain(outdated).chain(contracts);
    all.collect::<Vec<_>>().join("; ")
}

/// Returns the comparison, one component on each line.
pub(crate) fn constellation(all: &[Comparison], screen: &Screen) -> String {
    let one = |one: &Comparison| {
        let (part, chart) = match &one.part {
            ConstellationItem::Controller(component) => (component.to_string(), String::new()),
            ConstellationItem::Release { namespace, name, chart } => {
                (format!("{namespace}/{name}"), format!("{chart}: "))
            }
        };
        let dash = |version: &Option<String>| version.clone().unwrap_or_else(|| "-".to_owned());
        let detail = format!("{chart}tested {}, found {}", dash(&one.wanted), dash(&one.found));
        let sign = if one.differs() { Sign::No } else { Sign::Same };
        let fact = fact(sign, match_name(one.version_match), &part, &detail, screen);
        match &one.remedy {
            None => fact,
            Some(remedy) => {
                let shown = Evidence::line(&one.evidence);
                let why = below(&format!("{shown}; next: {}", screen.pasted(remedy)), screen.width);
                format!("{fact}\n{why}")
            }
        }
    };
    all.iter().map(one).collect::<Vec<_>>().join("\n")
}

fn match_name(version_match: VersionMatch) -> &'static str {
    match version_match {
        VersionMatch::Same => "same",
        VersionMatch::Older => "older",
        VersionMatch::Newer => "newer",
        VersionMatch::Missing => "missing",
        VersionMatch::Unknown => "unknown",
        VersionMatch::NotNamed => "not named",
    }
}

/// Returns the releases, and why some can't be read.
pub(crate) fn releases(found: &Releases, only: &[Namespace], screen: &Screen) -> String {
    let mut text: Vec<String> = found.releases.iter().map(|one| release(one, screen)).collect();
    text.extend(unreadable(found, screen));
    if text.is_empty() {
        let names: Vec<&str> = only.iter().map(Namespace::as_str).collect();
        text.push(match names.as_slice() {
            [] => "There are no releases.".to_owned(),
            [one] => format!("There are no releases in {one}, or the namespace does not exist."),
            some => format!(
                "There are no releases in {}; some of these namespaces may not exist.",
                some.join(", ")
            ),
        });
    }
    text.join("\n")
}

/// Returns the releases that can't be read, and why.
pub(crate) fn unreadable(found: &Releases, screen: &Screen) -> Vec<String> {
    let line = |one: &UnreadableRelease| {
        let name = format!("{}/{}", one.namespace, one.name);
        let detail = format!("revision {}: {}", one.revision, one.why);
        fact(Sign::No, "unreadable", &name, &detail, screen)
    };
    found.unreadable.iter().map(line).collect()
}

fn release(release: &Release, screen: &Screen) -> String {
    let Release { namespace, name, revision, status, chart, chart_version, updated, .. } = release;
    let sign = match status {
        ReleaseStatus::Deployed | ReleaseStatus::Uninstalled | ReleaseStatus::Superseded => {
            Sign::Same
        }
        ReleaseStatus::PendingInstall
        | ReleaseStatus::PendingUpgrade
        | ReleaseStatus::PendingRollback
        | ReleaseStatus::Uninstalling => Sign::Wait,
        ReleaseStatus::Failed | ReleaseStatus::Unknown | ReleaseStatus::Other(_) => Sign::No,
    };
    let updated = updated.map(|at| format!(", {}", at.strftime("%Y-%m-%d %H:%M UTC")));
    let updated = updated.unwrap_or_default();
    let detail = format!("{chart} {chart_version}, revision {revision}{updated}");
    fact(sign, &status.to_string(), &format!("{namespace}/{name}"), &detail, screen)
}

fn fact(sign: Sign, noun: &str, name: &str, detail: &str, screen: &Screen) -> String {
    line(sign, noun, name, detail, screen.width, screen.colour)
}
