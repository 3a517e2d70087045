use std::{collections::BTreeSet, fmt::Write as _, fs, path::Path};

use super::{super::SourceFile, Bundle, BundleError, Charms, Policy, lint, merged, read, rules};
use crate::lint::yaml::Value;

fn file(name: &str, text: &str) -> SourceFile {
    SourceFile { name: name.to_owned(), text: text.to_owned() }
}

/// The lines at which a rule finds something.
fn lines(rule: &str, text: &str) -> BTreeSet<usize> {
    let policy = Policy { resume_guests: Some(true), ..Policy::default() };
    let report = lint(&[file("bundle.yaml", text)], &policy, Charms::known()).unwrap();
    let of_rule = report.findings.iter().filter(|one| one.finding.rule == rule);
    of_rule.map(|one| one.position.clone().unwrap().line).collect()
}

#[test]
fn each_rule_finds_its_fault_and_nothing_near_it() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/lint");
    for rule in rules() {
        let text = |name: &str| fs::read_to_string(directory.join(rule.id).join(name)).unwrap();
        let fault = text("fault.yaml");
        let marked = fault.lines().enumerate().filter(|(_, line)| line.ends_with("# fault"));
        let marked: BTreeSet<usize> = marked.map(|(nth, _)| nth + 1).collect();
        assert!(!marked.is_empty(), "{}: no line is marked", rule.id);
        assert_eq!(lines(rule.id, &fault), marked, "{}", rule.id);
        for name in ["near-miss.yaml", "clean.yaml"] {
            assert_eq!(lines(rule.id, &text(name)), BTreeSet::new(), "{}: {name}", rule.id);
        }
    }
    let directories = fs::read_dir(directory).unwrap().count();
    assert_eq!(directories, rules().len());
}

/// A base of one application and its overlays, merged.
fn merge(base: &str, overlays: &[&str]) -> Bundle {
    let overlays = overlays.iter().map(|text| file("overlay.yaml", text));
    let files: Vec<_> = [file("bundle.yaml", base)].into_iter().chain(overlays).collect();
    merged(&files, &read(&files).unwrap()).unwrap().0
}

fn shown(value: &Value) -> String {
    match value.text() {
        Some(text) => text.to_owned(),
        None if value.is_null() => "null".to_owned(),
        None if value.entries().is_empty() => {
            format!("[{}]", value.items().iter().map(shown).collect::<Vec<_>>().join(" "))
        }
        None => {
            let one =
                |entry: &crate::lint::yaml::Entry| format!("{}:{}", entry.key, shown(&entry.value));
            format!("{{{}}}", value.entries().iter().map(one).collect::<Vec<_>>().join(" "))
        }
    }
}

const BASE: &str = "
applications:
  a: {charm: a, num_units: 1, to: ['0', '1'], options: {x: 1, y: 2}, bindings: {'': one, p: two}, annotations: {z: 1}}
  b: {charm: b}
relations:
  - ['a:x', 'b:y']
machines: {'0': null}
series: jammy
";

#[test]
fn overlays_merge_as_juju_merges_them() {
    let app = |overlay: &str| shown(&merge(BASE, &[overlay]).application("a").unwrap().value);
    let whole =
        "charm:a num_units:1 to:[0 1] options:{x:1 y:2} bindings:{:one p:two} annotations:{z:1}";
    for (rule, overlay, expected) in [
        ("an empty application changes nothing", "applications: {a: {}}", format!("{{{whole}}}")),
        (
            "a scalar is replaced, by 0 too",
            "applications: {a: {num_units: 0}}",
            format!("{{{}}}", whole.replace("num_units:1", "num_units:0")),
        ),
        (
            "a list is replaced",
            "applications: {a: {to: ['7']}}",
            format!("{{{}}}", whole.replace("[0 1]", "[7]")),
        ),
        (
            "options are merged by key",
            "applications: {a: {options: {y: 3, w: 4}}}",
            format!("{{{}}}", whole.replace("{x:1 y:2}", "{x:1 y:3 w:4}")),
        ),
        (
            "a null option is removed",
            "applications: {a: {options: {x: null}}}",
            format!("{{{}}}", whole.replace("{x:1 y:2}", "{y:2}")),
        ),
        (
            "a null map is emptied",
            "applications: {a: {options: null}}",
            format!("{{{}}}", whole.replace("{x:1 y:2}", "[]")),
        ),
        (
            "a null binding is the model's space",
            "applications: {a: {bindings: {p: null}}}",
            format!("{{{}}}", whole.replace("p:two", "p:")),
        ),
        (
            "annotations are merged by key",
            "applications: {a: {annotations: {v: 2}}}",
            format!("{{{}}}", whole.replace("{z:1}", "{z:1 v:2}")),
        ),
    ] {
        let merged = app(overlay).replace("options:{}", "options:[]");
        assert_eq!(merged, expected, "{rule}");
    }
}

#[test]
fn whole_parts_merge_as_juju_merges_them() {
    let of = |bundle: &Bundle, key: &str| bundle.root.get(key).map(shown);
    let removed = merge(BASE, &["applications: {b: null}"]);
    assert!(removed.application("b").is_none(), "null removes an application");
    assert_eq!(removed.relations.len(), 0, "and its relations");
    let added = merge(BASE, &["applications: {c: {charm: c}}\nrelations: [['c', 'a']]"]);
    assert!(added.application("c").is_some(), "a new application is added");
    assert_eq!(added.relations.len(), 2, "relations are appended");
    let machines = merge(BASE, &["machines: {}"]);
    assert_eq!(
        of(&machines, "machines").as_deref(),
        Some("[]"),
        "machines are replaced, by {{}} too"
    );
    assert_eq!(of(&merge(BASE, &["series: noble"]), "series").as_deref(), Some("noble"));
    assert_eq!(
        of(&merge(BASE, &["default-base: ubuntu@24.04"]), "default-base"),
        None,
        "ignored before Juju 4"
    );
    // A second document of the same file is an overlay, and further files come after it.
    let text = format!("{BASE}---\napplications: {{a: {{num_units: 5}}}}\n");
    let bundle = merge(&text, &["applications: {a: {num_units: 6}}"]);
    assert_eq!(bundle.application("a").unwrap().units(), Some(6));
    assert_eq!(bundle.application("a").unwrap().field("num_units").unwrap().place.file, 1);
}

#[test]
fn relations_of_lists_go_each_with_each() {
    let bundle = merge("applications: {}\nrelations: [['a:x', ['b:y', 'c:z']], ['d', 'e']]", &[]);
    let shown = |relation: &super::Relation| {
        relation
            .ends
            .clone()
            .map(|end| format!("{}/{}", end.application, end.endpoint.unwrap_or_default()))
            .join(" ")
    };
    assert_eq!(
        bundle.relations.iter().map(shown).collect::<Vec<_>>(),
        ["a/x b/y", "a/x c/z", "d/ e/"]
    );
}

fn error(text: &str) -> String {
    lint(&[file("bundle.yaml", text)], &Policy::default(), Charms::known()).unwrap_err().to_string()
}

#[test]
fn what_is_no_bundle_is_refused_with_its_place() {
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for nth in 1..12 {
        let ten = format!("*a{}, ", nth - 1).repeat(10);
        writeln!(bomb, "a{nth}: &a{nth} [{ten}]").unwrap();
    }
    let levels = "[".repeat(5000);
    let mut wrong = Vec::new();
    for (text, expected) in [
        ("applications: [", "bundle.yaml: line 1, column 15: not valid YAML: unclosed bracket '['"),
        (
            "a: b\n\tc: d",
            "bundle.yaml: line 1, column 4: not valid YAML: while scanning a plain scalar, found a tab",
        ),
        ("just a sentence", "bundle.yaml: line 1, column 1: this is text, not a bundle"),
        ("- a\n- b", "bundle.yaml: line 1, column 1: this is a list, not a bundle"),
        ("# nothing\n", "bundle.yaml: line 1, column 1: the file has no YAML document"),
        ("", "bundle.yaml: line 1, column 1: the file has no YAML document"),
        ("a: *nobody", "bundle.yaml: line 1, column 4: there is no anchor for the alias *nobody"),
        (
            "a: &a\n  b: *a",
            "bundle.yaml: line 2, column 6: this alias stands for something that it is a part of",
        ),
        ("? [a, b]\n: c", "bundle.yaml: line 1, column 3: a key is a list or a map"),
        ("a: {<<: text}", "bundle.yaml: line 1, column 9: only a map can be merged (`<<`)"),
        (
            "\ta: b",
            "bundle.yaml: line 1, column 1: a tab before a key or a value: Juju takes only spaces there",
        ),
        (
            "a:\n  -\tb: c",
            "bundle.yaml: line 2, column 4: a tab before a key or a value: Juju takes only spaces there",
        ),
    ] {
        let told = error(text);
        if told != expected {
            wrong.push(format!("{text:?}: {told}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(error(&bomb).contains("stand for more than"), "{}", error(&bomb));
    assert!(
        error(&levels).contains("more than 64 levels") || error(&levels).contains("not valid YAML")
    );
    let large = format!("a: {}", "x".repeat(10 << 20));
    assert!(
        error(&large).starts_with("bundle.yaml: line 1, column 1: the file has 10485763 bytes")
    );
}

/// What goyaml takes: a tab after a key, in brackets, in a text, in a comment.
#[test]
fn a_tab_elsewhere_is_no_fault() {
    for text in ["a:\tb", "a: [\tb, c]", "a: b\t# c", "a: |\n  b\n  \tc\n", "a: {\tb: c}"] {
        assert!(read(&[file("bundle.yaml", text)]).is_ok(), "{text:?}");
    }
}

#[test]
fn an_unknown_charm_is_nobodys_fault() {
    let text = "default-base: ubuntu@22.04\napplications:\n  x: {charm: something-else, num_units: 1, options: {a: b}}\n";
    let report = lint(&[file("bundle.yaml", text)], &Policy::default(), Charms::known()).unwrap();
    assert_eq!(report.findings, []);
}

#[test]
fn a_finding_names_the_file_of_the_overlay() {
    let base =
        file("bundle.yaml", "applications:\n  k: {charm: keystone, channel: 2024.1/stable}\n");
    let overlay = file("site.yaml", "applications:\n  k:\n    channel: 2023.1/stable\n");
    let report = lint(&[base, overlay], &Policy::default(), Charms::known()).unwrap();
    let channel = report.findings.iter().find(|one| one.finding.rule == "charm-channel").unwrap();
    let position = channel.position.clone().unwrap();
    assert_eq!((position.file.as_str(), position.line, position.column), ("site.yaml", 3, 14));
    let fix = channel.fix.clone().unwrap();
    assert_eq!((fix.old.as_str(), fix.new.as_str()), ("2023.1/stable", "2024.1/stable"));
}

/// What an overlay takes away is corrected there.
#[test]
fn what_an_overlay_removes_is_found_in_the_overlay() {
    let base = "default-base: ubuntu@22.04\nmachines: {'0': null}\napplications:\n  k:\n    charm: keystone\n    \
                channel: 2024.1/stable\n    num_units: 1\n    to: ['0']\n    options: {vip: 10.12.4.224 10.12.8.224}\n";
    let places = |overlay: &str, rule: &str| -> Vec<(String, usize)> {
        let files = [file("bundle.yaml", base), file("site.yaml", overlay)];
        let report = lint(&files, &Policy::default(), Charms::known()).unwrap();
        let of_rule = report.findings.iter().filter(|one| one.finding.rule == rule);
        let no_hacluster =
            |one: &&crate::lint::LintFinding| one.finding.summary.contains("virtual IP");
        let place = |one: &crate::lint::LintFinding| {
            let position = one.position.clone().unwrap();
            (position.file, position.line)
        };
        of_rule.filter(|one| rule != "hacluster" || no_hacluster(one)).map(place).collect()
    };
    let in_overlay = |line: usize| vec![("site.yaml".to_owned(), line)];
    let option = "applications:\n  k:\n    options:\n      vip: null\n";
    assert_eq!(places(option, "hacluster"), in_overlay(4));
    assert_eq!(places("applications:\n  k:\n    options: null\n", "hacluster"), in_overlay(3));
    assert_eq!(places("\nmachines: {}\n", "placement"), in_overlay(2));
    assert_eq!(places("series: jammy\n", "placement"), []);
}

#[test]
fn errors_are_values() {
    let error = lint(&[file("a", "x: [")], &Policy::default(), Charms::known()).unwrap_err();
    assert!(matches!(error, BundleError::Syntax { .. }));
}

/// A channel by an anchor, for two charms that need another each.
#[test]
fn what_one_change_can_not_put_right_is_not_changed() {
    let text = "default-base: ubuntu@22.04\nx: &ch yoga/stable\napplications:\n  k: {charm: keystone, channel: *ch}\n  \
                c: {charm: ceph-mon, channel: *ch}\n";
    let report = lint(&[file("bundle.yaml", text)], &Policy::default(), Charms::known()).unwrap();
    let channels = report.findings.iter().filter(|one| one.finding.rule == "charm-channel");
    assert_eq!(channels.map(|one| one.fix.clone()).collect::<Vec<_>>(), [None, None]);
    // Nor is an archive named that does not exist.
    let text = "default-base: ubuntu@20.04\napplications:\n  k: {charm: keystone, options: {openstack-origin: cloud:focal-yoga}}\n";
    let report = lint(&[file("bundle.yaml", text)], &Policy::default(), Charms::known()).unwrap();
    let origin = report.findings.iter().find(|one| one.finding.rule == "openstack-release");
    assert_eq!(origin.unwrap().fix, None);
}

#[test]
fn a_site_has_its_own_ceph_and_may_leave_a_charm_out() {
    let text = "default-base: ubuntu@22.04\napplications:\n  c: {charm: ceph-mon, channel: reef/stable}\n  h: {charm: etcd, channel: edge}\n";
    let mut policy = Policy { ceph: "reef".to_owned(), ..Policy::default() };
    policy.channels.insert("etcd".to_owned(), Vec::new());
    let report = lint(&[file("bundle.yaml", text)], &policy, Charms::known()).unwrap();
    assert!(!report.findings.iter().any(|one| one.finding.rule == "charm-channel"), "{report:?}");
}
