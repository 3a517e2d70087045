use super::*;

fn fault(text: &str) -> Option<Fault> {
    read(text, Directives::Allowed).err()
}

/// `PyYAML` 6.0.3 refuses the whole file for each of these, wherever they stand.
#[test]
fn what_looks_like_a_value_and_is_none() {
    for value in [
        "2024-13-45",
        "2024-02-30",
        "0000-01-01",
        "2024-01-31T25:00:00Z",
        "2024-01-31 10:00:61",
        "2024-01-31T10:00:00+99:00",
        "2024-01-31 10:00:00 +24:00",
        "0b_",
        "-0x_",
        "=",
        "<<",
        "!!int abc",
        "!!bool maybe",
        "!!timestamp 5",
    ] {
        assert_eq!(fault(&format!("a: b\nx: {value}\n")), Some(Fault::Value(2)), "{value}");
    }
    assert_eq!(fault("2024-13-45: y\n"), Some(Fault::Value(1)), "a key too");
    assert_eq!(fault(&format!("x: {}\n", "1".repeat(5000))), Some(Fault::Value(1)));
    for value in [
        "'2024-13-45'",
        "!!str 2024-13-45",
        "2024-1-31",
        "2024-13-4",
        "2024-01-31 10:00:00 -23:59",
        "2024-1-1t1:00:00.5 Z",
        "2024-1-1 1:00",
        "0b",
        "0x",
        "-_",
        "1__",
        ".inf",
        ".nan",
        "!!int 5",
        "!!bool Yes",
        "!!binary eA==",
        "!!set {a, b}",
        "!!omap [{a: b}]",
    ] {
        assert_eq!(fault(&format!("x: {value}\n")), None, "{value}");
    }
}

#[test]
fn a_document_that_ends_before_it_begins() {
    for (text, line) in [("...\na: b\n", 1), ("# c\n\n...\n---\na: b\n", 3), ("... # c\na: b", 1)] {
        assert_eq!(fault(text), Some(Fault::Ended(line)), "{text}");
    }
    for text in ["a: b\n...\n", "a: b\n...\n...\n", "'...': b\n", "....: b\n", "\u{feff}a: b\n"] {
        assert_eq!(fault(text), None, "{text}");
    }
}

#[test]
fn merged_maps_come_first_and_own_keys_count() {
    let map = |text: &str| {
        let root = read(text, Directives::Allowed).unwrap().root.unwrap();
        let Node::Map(map) = root else { panic!("{root:?}") };
        let shown =
            |(key, value): (Scalar, Node)| format!("{}={}", key.text, value.text().unwrap_or("?"));
        let all: Vec<_> = map.entries.into_iter().map(shown).collect();
        (all.join(" "), map.is_disputed)
    };
    for (text, shown, is_disputed) in [
        ("{<<: {a: 1, b: 2}, a: 3}", "b=2 a=3", false),
        ("{a: 3, <<: {a: 1, b: 2}}", "b=2 a=3", true),
        ("{<<: [{a: 1}, {a: 2, b: 3}]}", "b=3 a=1", false),
        ("{<<: {a: 1}, <<: {a: 2}}", "a=2", false),
        ("{a: 1, a: 2}", "a=1 a=2", false),
        ("{'<<': {a: 1}}", "<<=?", false),
    ] {
        assert_eq!(map(text), (shown.to_owned(), is_disputed), "{text}");
    }
    assert_eq!(fault("<<: 5\n"), Some(Fault::Syntax(None)));
}

#[test]
fn aliases_are_counted_as_what_they_stand_for() {
    let many: String = (0..2000).fold("d: &d {a: 1, b: 2}\n".to_owned(), |text, n| {
        format!("{text}x{n}: {{<<: *d, c: {n}}}\n")
    });
    assert_eq!(fault(&many), None);
    let bomb = (1..9).fold("a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned(), |text, n| {
        let all = vec![format!("*a{}", n - 1); 9].join(",");
        format!("{text}a{n}: &a{n} [{all}]\n")
    });
    assert_eq!(fault(&bomb), Some(Fault::TooLarge));
    assert_eq!(fault("x: &a [*a]\n"), Some(Fault::Syntax(None)));
}

#[test]
fn the_escapes_that_only_json_has_are_known() {
    let escape = |text: &str| read(text, Directives::Allowed).unwrap().json_escape;
    assert_eq!(escape("a: b\nx: \"a\\/b\"\n"), Some((2, "`\\/`")));
    assert_eq!(escape(r#"{"x": "\ud83d\ude00"}"#), Some((1, "`\\ud800` to `\\udfff`")));
    for text in [r#"x: "\\/""#, r"x: 'a\/b'", r#"x: "\U0001F600\u00e9/""#] {
        assert_eq!(escape(text), None, "{text}");
    }
}

#[test]
fn what_is_no_yaml_says_where() {
    assert_eq!(fault("a:\tb\n"), Some(Fault::Tab(1)));
    assert!(matches!(fault("a: b\n\tc: d\n"), Some(Fault::Syntax(Some(_)))));
    assert_eq!(fault("a: !custom x\n"), Some(Fault::Tag(1)));
    assert_eq!(fault("a: b\n? [c]\n: d\n"), Some(Fault::Key(1)));
    assert_eq!(fault("a: b\n---\nc: d\n"), Some(Fault::Documents));
    assert!(matches!(fault(&"[".repeat(100_000)), Some(Fault::Syntax(_))));
}
