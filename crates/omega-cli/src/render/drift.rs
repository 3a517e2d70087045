//! Renders what a look found, compared with the baseline.

use omega::{
    core::{ChangeKind, Evidence},
    drift::{Difference, DifferenceKind, DriftReport, Since, Standing},
};

use super::{
    Screen,
    layout::{Sign, below, line},
};

/// Returns every difference, and what to do next.
pub(crate) fn drift(report: &DriftReport, screen: &Screen) -> String {
    let mut text = Vec::new();
    let mut unknown: Vec<&str> = Vec::new();
    for one in &report.differences {
        // What can't be known for one reason is reported once.
        if one.kind == DifferenceKind::Unknown {
            if unknown.contains(&one.summary.as_str()) {
                continue;
            }
            unknown.push(&one.summary);
        }
        text.push(head(one, same(report, one), screen));
        text.extend(details(one).iter().map(|detail| below(detail, screen.width)));
        let next = one.next.iter().map(|next| format!("next: {}", screen.pasted(next)));
        text.extend(next.map(|next| below(&next, screen.width)));
    }
    // What several rules found about one thing is over in one line.
    let mut over: Vec<(String, &Difference, usize)> = Vec::new();
    for one in &report.recovered {
        let words = format!("{} {}: {}", one.subject.noun, place(one), one.summary);
        match over.iter_mut().find(|(known, ..)| *known == words) {
            Some((.., count)) => *count += 1,
            None => over.push((words, one, 1)),
        }
    }
    text.extend(over.iter().map(|(_, one, count)| recovered(one, *count, screen)));
    text.extend(screen_lines(report).iter().map(|line| screen.wrapped(&screen.pasted(line))));
    text.join("\n")
}

/// How many can't be known for the reason of `one`.
fn same(report: &DriftReport, one: &Difference) -> usize {
    let is_same = |other: &&Difference| other.kind == one.kind && other.summary == one.summary;
    if one.kind == DifferenceKind::Unknown {
        report.differences.iter().filter(is_same).count()
    } else {
        1
    }
}

/// Returns the line for `count` findings that are over.
fn recovered(one: &Difference, count: usize, screen: &Screen) -> String {
    let found = if count > 1 { format!(" ({count} findings)") } else { String::new() };
    let words = format!("{}{found}", one.summary);
    line(sign(one.kind), &one.subject.noun, &place(one), &words, screen.width, screen.colour)
}

/// Returns every thing that is as it should be, and as in the baseline.
pub(crate) fn holds(report: &DriftReport, screen: &Screen) -> String {
    let good = report.standings.iter().filter(|one| one.state == "holds" && !one.changed);
    let shown = good.map(|Standing { observation, .. }| {
        let (target, subject) = (observation.id.target.as_str(), &observation.subject);
        let evidence = Evidence::line(&observation.evidence);
        let name = on_target(target, &subject.name);
        line(Sign::Same, &subject.noun, &name, &evidence, screen.width, screen.colour)
    });
    shown.collect::<Vec<_>>().join("\n")
}

fn head(one: &Difference, count: usize, screen: &Screen) -> String {
    let (noun, name) = if count > 1 {
        (format!("{count} facts"), format!("({}, …)", one.subject))
    } else {
        (one.subject.noun.clone(), place(one))
    };
    line(sign(one.kind), &noun, &name, &one.summary, screen.width, screen.colour)
}

/// `magnum/0:/etc/default/magnum-conductor`, `magnum/0 helm`, or the name where it says enough.
fn place(one: &Difference) -> String {
    on_target(&one.id.target, &one.subject.name)
}

fn on_target(target: &str, name: &str) -> String {
    let is_unit = target.parse::<omega::core::values::UnitName>().is_ok();
    match (is_unit && !name.contains(target), name.starts_with('/')) {
        (false, _) => name.to_owned(),
        (true, true) => format!("{target}:{name}"),
        (true, false) => format!("{target} {name}"),
    }
}

fn sign(kind: DifferenceKind) -> Sign {
    match kind {
        DifferenceKind::Fails => Sign::No,
        DifferenceKind::Pending | DifferenceKind::Changed => Sign::Change(ChangeKind::Update),
        DifferenceKind::Warns => Sign::Warning,
        DifferenceKind::Waits => Sign::Wait,
        DifferenceKind::Appeared => Sign::Change(ChangeKind::Create),
        DifferenceKind::Gone => Sign::Change(ChangeKind::Delete),
        DifferenceKind::Recovered => Sign::Same,
        DifferenceKind::Unknown | _ => Sign::Unknown,
    }
}

/// What a silent change is called, which facts differ, since when, and by which run.
fn details(one: &Difference) -> Vec<String> {
    let mut all = Vec::new();
    if let Some(silent) = &one.silent {
        all.push(format!("known as {silent}"));
        all.extend(facts(one));
    }
    all.push(since(&one.since));
    all.extend(by(one));
    all
}

fn facts(one: &Difference) -> Option<String> {
    let value = |fact: &Option<Evidence>| {
        fact.as_ref().map_or_else(|| "none".to_owned(), ToString::to_string)
    };
    let all = one.facts.iter().filter(|fact| fact.fact != "sha256");
    let all = all.map(|fact| format!("{} -> {}", value(&fact.before), value(&fact.now)));
    let all: Vec<String> = all.collect();
    (!all.is_empty()).then(|| all.join("; "))
}

fn by(one: &Difference) -> Option<String> {
    let runs = one.runs.join(", ");
    match (one.runs.is_empty(), one.expected) {
        (true, _) => None,
        (false, true) => Some(format!("changed by run {runs}")),
        (false, false) => Some(format!("since then omega wrote there: run {runs}")),
    }
}

/// `between 10:00 and 10:05 (modified 10:03)`
fn since(since: &Since) -> String {
    let known = match since.after {
        Some(after) => format!("between {} and {}", second(after), second(since.before)),
        None => format!("first seen {}", second(since.before)),
    };
    if since.machine.is_empty() {
        return known;
    }
    format!("{known} ({})", Evidence::line(&since.machine))
}

fn second(time: jiff::Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

fn screen_lines(report: &DriftReport) -> Vec<String> {
    let facts =
        |count: usize| if count == 1 { "1 fact".to_owned() } else { format!("{count} facts") };
    let unread = report.standings.iter().filter(|one| one.state == "unknown").count();
    let mut counts = Vec::new();
    for (kind, words) in [
        (DifferenceKind::Unknown, "unknown"),
        (DifferenceKind::Fails, "failed"),
        (DifferenceKind::Pending, "to be changed by apply"),
        (DifferenceKind::Warns, "with a warning"),
        (DifferenceKind::Changed, "changed"),
        (DifferenceKind::Waits, "waiting"),
        (DifferenceKind::Appeared, "new"),
        (DifferenceKind::Gone, "gone"),
    ] {
        // They are counted as facts.
        let is_said = kind == DifferenceKind::Unknown && unread > 0 && !report.recorded;
        let count = if is_said { 0 } else { report.count(kind) };
        counts.extend((count > 0).then(|| format!("{count} {words}")));
    }
    let counts = match counts.as_slice() {
        [] if unread > 0 => "nothing else differs".to_owned(),
        [] => "nothing differs".to_owned(),
        counts => counts.join(", "),
    };
    let looked = facts(report.looked);
    let baseline = second(report.baseline);
    let mut lines = Vec::new();
    if report.recorded {
        lines.push(format!("The baseline is recorded: {looked}; {counts}."));
    } else if unread > 0 {
        let (all, read) = (facts(report.standings.len()), report.standings.len() - unread);
        lines.push(format!(
            "{read} of {all} compared with the baseline of {baseline}, {unread} could not be read: {counts}."
        ));
    } else {
        lines.push(format!("{looked} compared with the baseline of {baseline}: {counts}."));
    }
    if !report.runs.is_empty() {
        lines.push(format!("Runs of omega since the last look: {}.", report.runs.join(", ")));
    }
    if !report.skipped.is_empty() {
        lines.push(format!("Not looked at: {}.", report.skipped.join(", ")));
    }
    let can_be_accepted = report.differences.iter().any(|one| {
        let kinds = [DifferenceKind::Unknown, DifferenceKind::Fails, DifferenceKind::Pending];
        !kinds.contains(&one.kind) && !one.expected
    });
    if can_be_accepted && !report.recorded {
        lines.push(
            "Next:  omega-cli drift --accept takes what is there now as the baseline".to_owned(),
        );
    } else if report.count(DifferenceKind::Pending) > 0 {
        lines.push("Next:  omega-cli plan graft".to_owned());
    }
    lines
}

/// Returns a change in one line, for a log.
pub(crate) fn change_line(report: &DriftReport, one: &Difference) -> String {
    let mut parts = vec![one.summary.clone()];
    parts.extend(one.silent.iter().map(|silent| format!("[{silent}]")));
    if one.kind != DifferenceKind::Recovered {
        parts.push(since(&one.since));
    }
    parts.extend(by(one));
    let (at, kind, noun) = (second(report.at), one.kind.name(), &one.subject.noun);
    let text = format!("{at} {kind} {noun} {}: {}", place(one), parts.join("; "));
    text.replace('\n', " ")
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use omega::{
        capi::sim::Apiserver,
        drift::{Acceptance, Baselines, LookOptions, Reading, Source, View, assess, look},
        graft::{GraftSpec, Purpose},
        juju::{
            gates::LeftoverPolicy,
            sim::{Start, Unit},
        },
        rehearsal,
        run::Runs,
    };

    use super::*;

    /// A unit and the machine that looks at it.
    struct Desk {
        unit: Unit,
        home: tempfile::TempDir,
    }

    impl Desk {
        async fn looks(&self, at: &str) -> DriftReport {
            let (site, kubeconfig) = rehearsal::site().unwrap();
            let units = [self.unit.clone()];
            let (cloud, server) = (rehearsal::cloud(), Apiserver::default());
            let clients = rehearsal::clients(&cloud, &server, &units, &kubeconfig);
            let policy = LeftoverPolicy::Undecided;
            let spec = GraftSpec::new(&site, &kubeconfig, &clients, policy).await.unwrap();
            let job = spec.job("omega.toml", &clients, Purpose::Verify);
            // The unit alone: the last target.
            let items = job.targets.into_iter().skip(1).collect();
            let views = vec![View { source: Source::Graft, what: Ok(Reading::Items(items)) }];
            let (at, options): (Timestamp, _) = (at.parse().unwrap(), LookOptions::default());
            let found = look(views, clients.endpoints(), at, &options).await;
            let file = Baselines::new(self.home.path()).take(self.home.path()).unwrap();
            let runs = Runs::new(self.home.path());
            assess(&found, &file, &runs, "omega.toml", Acceptance::Keep, &options).unwrap()
        }
    }

    #[tokio::test]
    async fn changes_are_shown_with_since_when_and_what_to_do() {
        let unit = Start::HookRewrote.unit("magnum/0");
        let desk = Desk { unit, home: tempfile::tempdir().unwrap() };
        desk.looks("2026-11-21T12:00:00Z").await;
        let hook = "# This file is managed by Juju. Do not edit.\nUSE_SYSLOG=yes\n";
        desk.unit.write("/etc/default/magnum-conductor", hook.as_bytes(), "root", "root", 0o644);
        let report = desk.looks("2026-11-21T12:05:00Z").await;
        let text = |report: &DriftReport| {
            let shown = Screen::kept(|screen| screen.text(&drift(report, screen)));
            shown.split_whitespace().collect::<Vec<_>>().join(" ")
        };
        let shown = text(&report);
        for words in [
            "~ file magnum/0:/etc/default/magnum-conductor",
            "known as defaults-rewritten",
            "between 2026-11-21T12:00:00Z and 2026-11-21T12:05:00Z (modified 2026-11-21T09:",
            "compared with the baseline of 2026-11-21T12:00:00Z:",
        ] {
            assert!(shown.contains(words), "{words}: {shown}");
        }
        let lines: Vec<String> = report.news().map(|one| change_line(&report, one)).collect();
        let begin = "2026-11-21T12:05:00Z pending file magnum/0:/etc/default/magnum-conductor: ";
        let line = lines.iter().find(|line| line.starts_with(begin));
        assert!(line.is_some_and(|line| line.contains("[defaults-rewritten]")), "{lines:#?}");
        assert!(lines.iter().all(|line| !line.contains('\n')), "{lines:#?}");
        // What can't be known for one reason is reported once, with the number of facts.
        desk.unit.cut_off(true);
        let shown = text(&desk.looks("2026-11-21T12:10:00Z").await);
        assert_eq!(shown.matches("no route to host").count(), 1, "{shown}");
        assert!(shown.contains(" facts (") && shown.contains(", …)"), "{shown}");
        assert!(shown.contains(" of ") && shown.contains(" could not be read: "), "{shown}");
        desk.unit.cut_off(false);
        let report = desk.looks("2026-11-21T12:15:00Z").await;
        assert!(text(&report).contains("readable again"), "{}", text(&report));
        let good = Screen::kept(|screen| screen.text(&holds(&report, screen)));
        let count =
            report.standings.iter().filter(|one| one.state == "holds" && !one.changed).count();
        assert!(count > 0 && good.matches("\n  =  ").count() + 1 >= count, "{good}");
    }
}
