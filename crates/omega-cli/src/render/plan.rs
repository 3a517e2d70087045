use omega::core::{
    Diff, Evidence, Failure, Finding, ItemPreview, ItemState, Note, SectionPreview, Severity,
    TargetPreview, Verdict, run::Recap,
};

use super::{
    Screen,
    layout::{Sign, below, line, wrap},
};

/// Returns the counts that are not zero, for the last line.
pub(crate) fn recap(recap: &Recap) -> String {
    counts(recap, recap.pending)
}

/// The same; `changes`: the lines that show what is pending, which may be more than facts.
fn counts(recap: &Recap, changes: usize) -> String {
    let Recap {
        unchanged,
        changed,
        pending,
        waiting,
        deferred,
        no,
        warned,
        unknown,
        refused,
        failed,
        ..
    } = *recap;
    let to_change = match changes {
        _ if changes == pending => "to change".to_owned(),
        one_or_more => format!("to change ({one_or_more} changes)"),
    };
    let counts = [
        (changed, "changed"),
        (pending, &to_change),
        (waiting, "waiting"),
        (deferred, "deferred"),
        (no, if no == 1 { "failed check" } else { "failed checks" }),
        (warned, if warned == 1 { "warning" } else { "warnings" }),
        (unknown, "not known"),
        (refused, "refused"),
        (failed, "failed"),
        (unchanged, "unchanged"),
    ];
    let shown = counts.iter().filter(|(count, _)| *count > 0);
    let shown: Vec<_> = shown.map(|(count, what)| format!("{count} {what}")).collect();
    if shown.is_empty() { "nothing to check".to_owned() } else { shown.join(", ") }
}

/// Prints what would be done, by the sections of the runbook. Targets with the same output are shown
/// once.
pub(crate) fn plan(screen: &Screen, parts: &[TargetPreview]) {
    let groups = groups(parts);
    let mut numbers: Vec<&str> = Vec::new();
    for section in groups.iter().flat_map(|(part, _)| &part.sections) {
        if !numbers.contains(&section.number.as_str()) {
            numbers.push(&section.number);
        }
    }
    numbers.sort_by_key(|number| order(number));
    let mut notes: Vec<&Note> = Vec::new();
    let mut causes = Causes::of(parts);
    let mut seen = Vec::new();
    for number in numbers {
        let sections = groups.iter().flat_map(|(part, _)| {
            let same = part.sections.iter().filter(|section| section.number == number);
            same.map(|section| (part.target.as_str(), section))
        });
        let mut headed = false;
        for (target, section) in sections {
            for item in &section.items {
                let alike = causes.alike(item);
                if alike.as_ref().is_some_and(|one| one.shown) {
                    continue;
                }
                if !std::mem::replace(&mut headed, true) {
                    screen.text(&heading(section));
                }
                match alike {
                    Some(alike) => alike.show(screen, item),
                    None => show(screen, target, item, &mut notes, &mut seen),
                }
            }
        }
    }
    show_notes(screen, &notes);
    screen.text("");
    screen.text(&legend(parts));
    for (part, same) in groups {
        let same = match same.as_slice() {
            [] => String::new(),
            more => format!("  {}: the same.", more.join(", ")),
        };
        let count = counts(&Recap::of(part.items()), changes(part));
        // Only gates: nothing could have been changed.
        let gates = part.items().all(|item| matches!(item.found, ItemState::Verdict(_)));
        let count = if gates { count.replace(" unchanged", " passed") } else { count };
        screen.prose(&format!("{}: {count}.{same}", part.target));
    }
}

/// Returns the number of changes that are shown.
fn changes(part: &TargetPreview) -> usize {
    let mut all: Vec<&Diff> = Vec::new();
    for item in part.items() {
        if let ItemState::Preview(preview) = &item.found
            && preview.wait.is_none()
        {
            let new: Vec<_> = preview.diffs.iter().filter(|diff| !all.contains(diff)).collect();
            all.extend(new);
        }
    }
    all.len()
}

/// Returns what the signs of these lines mean.
fn legend(parts: &[TargetPreview]) -> String {
    let used: Vec<Sign> = parts.iter().flat_map(TargetPreview::items).flat_map(signs).collect();
    let meant = Sign::ALL.iter().filter(|sign| used.contains(sign));
    let meant: Vec<String> =
        meant.map(|sign| format!("{} {}", sign.text(), sign.meaning())).collect();
    format!("Signs: {}", meant.join(", "))
}

fn signs(item: &ItemPreview) -> Vec<Sign> {
    match &item.found {
        ItemState::Verdict(Verdict::Pass { .. }) => vec![Sign::Gate],
        ItemState::Verdict(Verdict::Fail(finding)) => vec![verdict(finding, &str::to_owned).0],
        ItemState::Verdict(Verdict::Deferred { .. }) => vec![Sign::Wait],
        ItemState::Failed(_) => vec![Sign::No],
        ItemState::Preview(preview) if preview.wait.is_some() => vec![Sign::Wait],
        ItemState::Preview(preview) if preview.diffs.is_empty() => vec![Sign::Same],
        ItemState::Preview(preview) => {
            preview.diffs.iter().map(|diff| Sign::Change(diff.verb)).collect()
        }
    }
}

/// Failures that several facts have for the same cause: they are one line.
struct Causes<'a>(Vec<Cause<'a>>);

struct Cause<'a> {
    words: String,
    targets: Vec<&'a str>,
    facts: usize,
    shown: bool,
}

impl<'a> Causes<'a> {
    fn of(parts: &'a [TargetPreview]) -> Self {
        let mut causes: Vec<Cause<'a>> = Vec::new();
        for part in parts {
            for item in part.items() {
                let ItemState::Failed(failure) = &item.found else { continue };
                let words = cause(failure, &str::to_owned);
                let known = causes.iter().position(|one| one.words == words);
                let nth = known.unwrap_or(causes.len());
                if known.is_none() {
                    causes.push(Cause { words, targets: Vec::new(), facts: 0, shown: false });
                }
                let Some(one) = causes.get_mut(nth) else { continue };
                one.facts += 1;
                if !one.targets.contains(&part.target.as_str()) {
                    one.targets.push(&part.target);
                }
            }
        }
        causes.retain(|one| one.facts > 1);
        Self(causes)
    }

    /// Returns the line for what fails for the same reason as this item, if it is not alone.
    fn alike(&mut self, item: &ItemPreview) -> Option<&mut Cause<'a>> {
        let ItemState::Failed(failure) = &item.found else { return None };
        let words = cause(failure, &str::to_owned);
        self.0.iter_mut().find(|one| one.words == words)
    }
}

impl Cause<'_> {
    fn show(&mut self, screen: &Screen, item: &ItemPreview) {
        self.shown = true;
        let (width, colour) = (screen.width, screen.colour);
        let facts = format!("{} facts", self.facts);
        let name = self.targets.join(", ");
        if let ItemState::Failed(failure) = &item.found {
            let words = cause(failure, &|next| screen.pasted(next));
            screen.text(&line(Sign::No, &facts, &name, &words, width, colour));
            expected_and_found(screen, failure);
        }
    }
}

/// Returns why it failed, and what to do.
fn cause(failure: &Failure, pasted: &dyn Fn(&str) -> String) -> String {
    let mut words = failure.causes.join(": ");
    if words.is_empty() {
        words.clone_from(&failure.message);
    }
    let next =
        failure.next.as_deref().map_or_else(String::new, |next| format!(" -> {}", pasted(next)));
    format!("{words}{next}")
}

fn expected_and_found(screen: &Screen, failure: &Failure) {
    for (label, value) in [("expected", &failure.expected), ("found", &failure.found)] {
        if let Some(value) = value {
            screen.text(&below(&format!("{label}: {value}"), screen.width));
        }
    }
}

/// `7.10` comes after `7.9`.
fn order(number: &str) -> Vec<u32> {
    number.split('.').map(|part| part.parse().unwrap_or(u32::MAX)).collect()
}

fn heading(section: &SectionPreview) -> String {
    let words = format!("{} {}", section.number, section.title);
    format!("\n{}", words.trim())
}

/// Groups the targets with the same output.
fn groups(parts: &[TargetPreview]) -> Vec<(&TargetPreview, Vec<&str>)> {
    let mut groups: Vec<(&TargetPreview, Vec<&str>)> = Vec::new();
    for part in parts {
        let alike = |(other, _): &&mut (&TargetPreview, Vec<&str>)| {
            let pairs = || part.items().zip(other.items());
            part.items().count() == other.items().count() && pairs().all(|(a, b)| same(a, b))
        };
        match groups.iter_mut().find(alike) {
            Some((_, more)) => more.push(&part.target),
            None => groups.push((part, Vec::new())),
        }
    }
    groups
}

/// Whether two items have the same output, apart from the duration of a gate.
fn same(a: &ItemPreview, b: &ItemPreview) -> bool {
    a.subject == b.subject
        && match (&a.found, &b.found) {
            (
                ItemState::Verdict(Verdict::Pass { .. }),
                ItemState::Verdict(Verdict::Pass { .. }),
            ) => true,
            (ItemState::Preview(a), ItemState::Preview(b)) => {
                (&a.diffs, &a.wait, &a.notes) == (&b.diffs, &b.wait, &b.notes)
            }
            (a, b) => a == b,
        }
}

/// Shows what a person should know, in paragraphs.
pub(crate) fn show_notes(screen: &Screen, notes: &[&Note]) {
    for note in notes {
        screen.text("");
        let decision = note.decision.as_deref();
        let text = decision.map_or_else(
            || note.text.clone(),
            |id| format!("{id}: {} (omega-cli explain {id})", note.text),
        );
        screen.text(&wrap(&text, screen.width).join("\n"));
    }
}

/// Returns how a gate's finding is shown: `failed: ...`, `warning: ...` or `not known: ...`.
///
/// `pasted`: makes a remedy's commands such that they can be pasted.
pub(super) fn verdict(finding: &Finding, pasted: &dyn Fn(&str) -> String) -> (Sign, String) {
    let (sign, how) = match finding.severity {
        Severity::Broken => (Sign::No, "failed"),
        Severity::Unknown => (Sign::Unknown, "not known"),
        Severity::Waiting => (Sign::Wait, "warning"),
        Severity::Warning | Severity::Note | _ => (Sign::Warning, "warning"),
    };
    let remedy = finding.remedy.as_ref();
    let remedy = remedy.map_or_else(String::new, |remedy| format!(" -> {}", pasted(remedy)));
    let shown = match finding.evidence.as_slice() {
        [] => String::new(),
        evidence => format!(" ({})", Evidence::line(evidence)),
    };
    (sign, format!("{how}: {}{shown}{remedy}", finding.summary))
}

fn show<'a>(
    screen: &Screen,
    target: &'a str,
    item: &'a ItemPreview,
    notes: &mut Vec<&'a Note>,
    seen: &mut Vec<(&'a str, &'a Diff)>,
) {
    let put = |sign, noun: &str, name: &str, detail: &str| {
        let name = qualified(target, name);
        screen.text(&line(sign, noun, &name, detail, screen.width, screen.colour));
    };
    let (noun, name) = (item.subject.noun.as_str(), item.subject.name.as_str());
    match &item.found {
        ItemState::Verdict(Verdict::Pass { evidence }) => {
            put(Sign::Gate, noun, name, &Evidence::line(evidence));
        }
        ItemState::Verdict(Verdict::Fail(finding)) => {
            let (sign, words) = verdict(finding, &|remedy| screen.pasted(remedy));
            put(sign, noun, name, &words);
        }
        ItemState::Verdict(Verdict::Deferred { until }) => put(Sign::Wait, noun, name, until),
        ItemState::Failed(failure) => {
            put(Sign::No, noun, name, &cause(failure, &|next| screen.pasted(next)));
            expected_and_found(screen, failure);
        }
        ItemState::Preview(preview) => {
            if let Some(why) = &preview.wait {
                put(Sign::Wait, noun, name, why);
            } else if preview.diffs.is_empty() {
                put(Sign::Same, noun, name, "");
            }
            for diff in &preview.diffs {
                // Two steps may need the same directory: the first one makes it.
                if seen.contains(&(target, diff)) {
                    continue;
                }
                seen.push((target, diff));
                let subject = &diff.subject;
                put(Sign::Change(diff.verb), &subject.noun, &subject.name, &diff.effect);
                for detail in &diff.detail {
                    // Lines of a file are not wrapped.
                    let content = detail.starts_with(['+', '-']);
                    let width = if content { usize::MAX } else { screen.width };
                    screen.text(&below(detail, width));
                }
            }
            for note in &preview.notes {
                if note.decision.is_none() {
                    screen.text(&below(&note.text, screen.width));
                } else if !notes.contains(&note) {
                    notes.push(note);
                }
            }
        }
    }
}

/// Returns `magnum/0:/etc/...` for a path on a unit, `magnum/0 helm` for other names on a unit, and
/// names of the cloud as they are.
fn qualified(target: &str, name: &str) -> String {
    let unit = target.parse::<omega::core::values::UnitName>().is_ok();
    match (unit && !name.contains(target), name.starts_with('/')) {
        (false, _) => name.to_owned(),
        (true, true) => format!("{target}:{name}"),
        (true, false) => format!("{target} {name}"),
    }
}

#[cfg(test)]
mod tests {
    use omega::core::{FailureClass, Subject};

    use super::*;

    fn part(target: &str, found: &[(&str, &str)]) -> TargetPreview {
        let item = |(name, why): &(&str, &str)| {
            let failure = Failure::new(FailureClass::Error, format!("could not read {name}"));
            ItemPreview {
                subject: Subject::new("file", *name),
                kind: "k".to_owned(),
                key: (*name).to_owned(),
                found: ItemState::Failed(failure.because(*why).next("look there")),
            }
        };
        let section = |one: &(&str, &str)| SectionPreview {
            number: "7.2".to_owned(),
            title: "kubeconfig".to_owned(),
            items: vec![item(one)],
        };
        let sections = found.iter().map(section).collect();
        TargetPreview { target: target.to_owned(), sections }
    }

    #[test]
    fn what_fails_for_one_reason_is_one_line_with_the_number_of_facts() {
        let unreached = "magnum/0 can't be reached by ssh: no route to host";
        let parts = [
            part("magnum/0", &[("/a", unreached), ("/b", unreached), ("/c", "another reason")]),
            part("cloud", &[("/d", unreached)]),
        ];
        let shown = Screen::kept(|screen| plan(screen, &parts));
        let words = shown.split_whitespace().collect::<Vec<_>>().join(" ");
        let line = format!("! 3 facts magnum/0, cloud {unreached} -> look there");
        assert!(words.contains(&line), "{shown}");
        assert_eq!(words.matches("no route to host").count(), 1, "{shown}");
        assert!(words.contains("! file magnum/0:/c another reason -> look there"), "{shown}");
        assert!(shown.contains("Signs: ! failed or refused"), "{shown}");
        assert_eq!(shown.matches("7.2 kubeconfig").count(), 1, "{shown}");
    }
}
