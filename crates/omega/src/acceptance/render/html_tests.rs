use omega_core::{Subject, run::Endpoints};

use super::*;
use crate::acceptance::{
    Answer, Chart, ItemId, Sample, Stage,
    render::junit,
    report::{SCHEMA_VERSION, Tool},
};

/// Markup, a control character, a colour, and a character that turns the direction of writing.
const HOSTILE: &str = "</style><script>alert(1)</script>\u{1b}[31m\u{202e}\0 ]]> & \"x\"";

fn item(id: ItemId, answer: Answer) -> ItemReport {
    ItemReport::new(id, answer, "2026-11-28T09:00:00Z".parse().unwrap(), 1.5)
}

/// One of each outcome, and each chart.
fn report(text: &str) -> AcceptanceReport {
    let found = Finding::broken("charm-not-active", Subject::new("unit", text), text)
        .shown_by([Evidence::text("workload", text), Evidence::list("names", ["a", text])])
        .remedy(text);
    let creation = Chart::Stages {
        title: format!("Cluster creation by stage {text}"),
        stages: vec![
            Stage { name: "network".to_owned(), from: 0.0, seconds: 21.0, failed: false },
            Stage { name: text.to_owned(), from: 21.0, seconds: 192.4, failed: true },
        ],
    };
    let rate = Chart::Rate {
        title: "Image transfer".to_owned(),
        unit: "bytes/s".to_owned(),
        samples: [(0.0, 1.0e8), (1.0, 2.2e8), (2.0, 1.8e8)]
            .map(|(at, value)| Sample { at, value })
            .into(),
    };
    let passed =
        Answer::judged(Vec::new(), vec![Evidence::count("units", 11), Evidence::holds("TLS")]);
    AcceptanceReport {
        schema_version: SCHEMA_VERSION,
        run: "2026-11-28T09-00-00Z-0001".to_owned(),
        tool: Tool { name: "omega".to_owned(), version: "0.1.0".to_owned() },
        site: text.to_owned(),
        site_sha256: None,
        endpoints: Endpoints::from([("cloud".to_owned(), text.to_owned())]),
        stand_ins: vec![text.to_owned()],
        started: "2026-11-28T09:00:00Z".parse().unwrap(),
        seconds: 75.0,
        verdict: Verdict::Failed,
        exit_code: 0,
        interrupted: true,
        resumes: None,
        not_kept: None,
        items: vec![
            item(ItemId::Charms, passed.charting(creation).charting(rate)),
            item(ItemId::Tenant, Answer::not_run(text, text)),
            item(ItemId::Vault, Answer::judged(vec![found], Vec::new())),
            item(ItemId::Designate, Answer::deferred("D-019", text)),
        ],
        not_selected: vec![ItemId::Snapshots],
        left: vec![ItemId::LoadBalancer.step()],
    }
}

fn page(text: &str) -> String {
    html(&report(text), &Sha256::of(b"{}"))
}

/// The page without its style, one element a line.
fn body(page: &str) -> String {
    let body = page.split_once("<body>").unwrap().1;
    body.replace("><", ">\n<")
}

#[test]
fn what_a_report_looks_like() {
    insta::assert_snapshot!(body(&page("omega.toml")));
}

#[test]
fn failures_come_first() {
    let page = page("omega.toml");
    let at = |id: &str| page.find(&format!("section id=\"{id}\"")).unwrap();
    let order = [at("D-011.6"), at("D-011.3"), at("D-011.8"), at("D-011.1")];
    assert!(order.is_sorted(), "{order:?}");
}

#[test]
fn nothing_of_a_hostile_message_is_obeyed() {
    let page = page(HOSTILE);
    assert!(!page.contains("<script"), "{page}");
    assert_eq!(page.matches("</style>").count(), 1);
    assert!(!page.chars().any(|c| matches!(c, '\u{1b}' | '\u{202e}' | '\0')));
    assert!(
        page.contains("&lt;script&gt;alert(1)&lt;/script&gt;\\u{1b}[31m\\u{202e}\\u{0}"),
        "{page}"
    );
    // Attributes: the only values that come from a report are numbers and ids.
    assert!(!page.contains("=\"\"x"), "{page}");
    assert!(page.contains("default-src 'none'"));
}

#[test]
fn nothing_is_loaded() {
    let page = page("omega.toml");
    for word in ["http://", "https://", "<script", "<link", "<img", "url(", "@import", " src="] {
        assert!(!page.contains(word), "{word}");
    }
}

/// Another parser than the one that wrote it reads it back.
#[test]
fn junit_is_xml_with_a_case_for_each_item() {
    for text in ["omega.toml", HOSTILE] {
        let written = junit(&report(text)).unwrap();
        let read = quick_junit::Report::deserialize_from_str(&written).unwrap();
        assert_eq!((read.tests, read.failures, read.errors), (4, 1, 1));
        let suite = &read.test_suites[0];
        let names: Vec<_> = suite.test_cases.iter().map(|case| case.name.as_str()).collect();
        assert_eq!(names[0], "D-011.1 Charms active and idle");
        assert_eq!(suite.skipped, 1, "{written}");
        assert!(!written.contains("<script"), "{written}");
    }
    insta::assert_snapshot!(junit(&report("omega.toml")).unwrap());
}
