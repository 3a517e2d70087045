use super::{super::SourceFile, lint};

fn found(name: &str, text: &str) -> Vec<String> {
    let file = SourceFile { name: name.to_owned(), text: text.to_owned() };
    let report = lint(&[file]);
    let of = |one: &crate::lint::LintFinding| {
        let position = one.position.clone().unwrap();
        format!("{} {}:{}", one.finding.rule, position.line, position.column)
    };
    report.findings.iter().map(of).collect()
}

/// What oslo.config 9.0.0 does with each was tried: the refused ones end with `ConfigFileParseError`.
#[test]
fn each_trap_is_found_where_it_is() {
    for (text, expected) in [
        ("a = b\n[x]\n", &["config-syntax 1:1"][..]),
        ("[x]\na = 1\na = 2\n", &["config-repeated 3:1"]),
        ("[x]\na = 1\n[y]\na = 2\n[x]\na = 3\n", &["config-repeated 6:1"]),
        ("[x]\na = 1 # c\n", &["config-comment 2:7"]),
        ("[x]\na = 1 ; c\n", &["config-comment 2:7"]),
        ("[x]\na = one#two\nb = c;d\n", &[]),
        ("[x]\na = 1\n  b = 2\n", &["config-continuation 3:1"]),
        ("[x]\n  a = 1\n", &["config-syntax 2:1"]),
        ("[x]\na = 1\n\n  b = 2\n", &["config-syntax 4:1"]),
        ("[x]\na = 1\n# c\n  b = 2\n", &["config-syntax 4:1"]),
        ("[x]\njust words\n[y]\n[\n", &["config-syntax 2:1"]),
        ("\u{feff}[x]\na = 1\n", &["non-ascii 1:1", "config-syntax 1:1"]),
        ("[x]\na = p$ass\n", &["config-dollar 2:6"]),
        ("[x]\na = ${b}c\n", &["config-dollar 2:5"]),
        ("[x]\na = p$$a 5$ $ \\$b\n", &[]),
        ("[]\na = 1\n", &["config-syntax 1:1"]),
        ("[x\na = 1\n", &["config-syntax 1:1"]),
        ("[x] # c\na = 1\n", &["config-syntax 1:1"]),
        ("[ x ]\na = 1\n", &["config-section 1:1"]),
        ("[x]\n= 1\n", &["config-syntax 2:1"]),
        ("[x]\r\na: 1\r\n; c\r\n# c\r\nb =\r\n", &[]),
        ("[x]\na = \u{201c}1\u{201d}\n# \u{e9}\n", &["non-ascii 2:5", "non-ascii 3:3"]),
        (
            "[x]\ra = 1\rb = 2 # c\r",
            &[
                "config-line-end 1:4",
                "config-line-end 1:10",
                "config-comment 1:17",
                "config-line-end 1:20",
            ],
        ),
        ("[x]\na = 1\0\n", &["non-ascii 2:6"]),
        ("[x]\na = \t1\r\n", &[]),
        ("[DEFAULT]\nenabled_drivers = k8s_capi_helm_v1\n", &["config-unread 2:1"]),
    ] {
        assert_eq!(found("magnum.conf.d/00-capi-helm.conf", text), expected, "{text}");
    }
}

#[test]
fn an_odd_character_is_shown_and_what_ends_the_check_says_so() {
    let said = |text: &str| {
        let file = SourceFile { name: "magnum.conf".to_owned(), text: text.to_owned() };
        let found = lint(&[file]).findings;
        found.into_iter().map(|one| one.finding.summary).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(said("[x]\na = \u{201c}1\"\n"), "U+201C (\u{201c}) is not ASCII");
    assert_eq!(said("[x]\na = \u{200b}1\n"), "U+200B (\\u{200b}) is not ASCII");
    let stopped = said("[x]\njust words\n[\n");
    assert!(stopped.ends_with("; the lines after this one are not checked"), "{stopped}");
}

#[test]
fn a_name_says_how_a_file_is_read() {
    assert_eq!(found("/etc/magnum/magnum.conf.d/a.conf.bak", "[x]\n"), ["config-name 1:1"]);
    assert_eq!(found("/etc/magnum/magnum.conf", "[x]\n"), [""; 0]);
    // Horizon's settings are Python.
    let settings = "DEBUG = False  # no\nNAME = '\u{a0}'\n";
    assert_eq!(found("local_settings.d/_50.py", settings), ["non-ascii 2:9"]);
}
