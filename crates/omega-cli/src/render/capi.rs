//! The management cluster's answers, as a person reads them.

use std::collections::BTreeSet;

use omega_capi::{
    Coherence, Comparison, DefinedVersion, Definition, Finding, Part, Release, Releases, Severity,
    Standing, Surface,
};

use super::layout::wrap;

/// The column in which an explanation begins.
const INDENT: usize = 10;

/// Returns everything that was found and a line that counts it.
pub(crate) fn coherence(found: &Coherence, width: usize) -> String {
    let mut text: Vec<String> = found.findings.iter().map(|f| finding(f, width)).collect();
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
        [] => "Nothing was found.".to_owned(),
        some => format!("Found: {}.", some.join(", ")),
    });
    text.join("\n")
}

fn finding(finding: &Finding, width: usize) -> String {
    let Finding { rule, severity, what, evidence, decision, remedy } = finding;
    let severity = match severity {
        Severity::Broken => "broken",
        Severity::Warning => "warning",
        Severity::Note => "note",
    };
    let head = format!("{severity:<INDENT$}{rule} ({decision})");
    let rows = [("", what), ("shown by", evidence), ("next", remedy)];
    let rows = rows.map(|(label, value)| row(label, value, width));
    format!("{head}\n{}", rows.join("\n"))
}

/// Returns `value` behind a label, on as many lines as it takes.
fn row(label: &str, value: &str, width: usize) -> String {
    let lines = wrap(value, width.saturating_sub(INDENT + 2).max(20));
    let line = |(nth, line): (usize, &String)| {
        let label = if nth == 0 { label } else { "" };
        format!("  {label:<INDENT$}{line}").trim_end().to_owned()
    };
    lines.iter().enumerate().map(line).collect::<Vec<_>>().join("\n")
}

/// Returns every kind of every group with its versions, newest first.
pub(crate) fn surface(surface: &Surface) -> String {
    let mut text = Vec::new();
    let defined = surface.definitions.iter().map(|d| d.group.as_str());
    let groups: BTreeSet<&str> =
        surface.served.groups.keys().map(String::as_str).chain(defined).collect();
    for group in groups {
        text.push(group.to_owned());
        let of_group = |d: &&Definition| d.group == group;
        let known: Vec<&Definition> = surface.definitions.iter().filter(of_group).collect();
        let mut rows: Vec<Vec<String>> = known.iter().map(|d| defined_row(surface, d)).collect();
        let served = surface.served.groups.get(group).into_iter().flatten();
        let plurals = served.flat_map(|version| &version.kinds).map(|kind| kind.plural.as_str());
        let undefined = |plural: &&str| known.iter().all(|d| d.plural != *plural);
        for plural in plurals.filter(undefined).collect::<BTreeSet<_>>() {
            let versions: Vec<&str> = surface.served.versions_of(group, plural).collect();
            rows.push(vec![plural.to_owned(), versions.join("; "), "no definition".to_owned()]);
        }
        text.push(table(&rows));
    }
    let unsettled = surface.unsettled();
    if !unsettled.is_empty() {
        text.push(format!("Defined as served, and not served: {}.", unsettled.join(", ")));
    }
    text.join("\n")
}

fn defined_row(surface: &Surface, definition: &Definition) -> Vec<String> {
    let served: Vec<&str> =
        surface.served.versions_of(&definition.group, &definition.plural).collect();
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
    let versions: Vec<String> = definition.versions.iter().map(version).collect();
    let contracts = definition.contracts.iter().map(|(contract, versions)| {
        let same = matches!(versions.as_slice(), [one] if one == contract);
        if same { contract.clone() } else { format!("{contract} by {}", versions.join(" and ")) }
    });
    let contracts: Vec<String> = contracts.collect();
    let contracts = match contracts.as_slice() {
        [] => String::new(),
        some => format!("contracts {}", some.join(", ")),
    };
    vec![definition.plural.clone(), versions.join("; "), contracts]
}

/// Returns the comparison, one thing a line.
pub(crate) fn constellation(all: &[Comparison], width: usize) -> String {
    let part = |part: &Part| match part {
        Part::Controller(component) => component.to_string(),
        Part::Release { namespace, name, chart } => {
            format!("release {namespace}/{name} of {chart}")
        }
    };
    let rows: Vec<Vec<String>> = all
        .iter()
        .map(|one| {
            let wanted = one.wanted.as_deref().unwrap_or("-");
            let found = one.found.as_deref().unwrap_or("-");
            let standing = standing(one.standing).to_owned();
            vec![standing, part(&one.part), format!("tested {wanted}"), format!("found {found}")]
        })
        .collect();
    let table = table(&rows);
    let mut text = Vec::new();
    for (line, one) in table.lines().zip(all) {
        text.push(line.to_owned());
        if let Some(remedy) = &one.remedy {
            text.push(row("shown by", &one.evidence, width));
            text.push(row("next", remedy, width));
        }
    }
    text.join("\n")
}

fn standing(standing: Standing) -> &'static str {
    match standing {
        Standing::Same => "same",
        Standing::Older => "older",
        Standing::Newer => "newer",
        Standing::Missing => "missing",
        Standing::Unknown => "unknown",
        Standing::NotNamed => "not named",
    }
}

/// Returns the releases, and why some can't be read.
pub(crate) fn releases(found: &Releases) -> String {
    let row = |release: &Release| {
        let updated = release.updated.map(|at| at.strftime("%Y-%m-%d %H:%M").to_string());
        vec![
            format!("{}/{}", release.namespace, release.name),
            format!("revision {}", release.revision),
            release.status.to_string(),
            format!("{} {}", release.chart, release.chart_version),
            updated.unwrap_or_default(),
        ]
    };
    if found.releases.is_empty() && found.unreadable.is_empty() {
        return "There are no releases.".to_owned();
    }
    let mut text = table(&found.releases.iter().map(row).collect::<Vec<_>>());
    for one in &found.unreadable {
        let lines = if text.is_empty() { "" } else { "\n" };
        let what = format!("{}/{}, revision {}", one.namespace, one.name, one.revision);
        text.push_str(&format!("{lines}  {what} can't be read: {}", one.why));
    }
    text
}

/// Returns rows in columns as wide as their widest cell.
fn table(rows: &[Vec<String>]) -> String {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |nth: usize| {
        rows.iter().filter_map(|row| row.get(nth)).map(|cell| cell.chars().count()).max()
    };
    let widths: Vec<usize> = (0..columns).map(|nth| width(nth).unwrap_or_default()).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        format!("  {}", cells.collect::<Vec<_>>().join("  ")).trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}
