use super::*;

#[test]
fn what_would_break_the_driver_is_refused() {
    let outcome = |text: &str| {
        Overrides::of_value(text).map_err(|error| format!("{error}, and {}", error.outcome()))
    };
    assert_eq!(outcome("{}"), Ok(Overrides::default()));
    let import = "and the driver could not be imported";
    let read = |class| format!("and the driver could not read a {class}");
    let cases = [
        ("", format!("an empty value is not JSON, {import}")),
        (" ", format!("an empty value is not JSON, {import}")),
        ("[]", format!("it is not a JSON object, {import}")),
        ("null", format!("it is not a JSON object, {import}")),
        (
            r#"{"Cluster": {},}"#,
            format!(
                "a comma before a closing bracket (column 16), as in the driver's own help \
                 text, is not JSON, {import}"
            ),
        ),
        ("'{}'", format!("it is not JSON (column 1): JSON uses double quotes only, {import}")),
        ("{\n1}", format!("it is not JSON (line 2, column 1), {import}")),
        (r#"{"Cluster": "v1"}"#, format!("the value of Cluster is not an object, {import}")),
        (r#"{"Cluster": null}"#, format!("the value of Cluster is not an object, {import}")),
        (
            r#"{"Cluster": {"api_version": null}}"#,
            format!("api_version of Cluster is not a string, {}", read("Cluster")),
        ),
        (
            r#"{"K8sControlPlane": {"plural_name": 1}}"#,
            format!("plural_name of K8sControlPlane is not a string, {}", read("K8sControlPlane")),
        ),
    ];
    for (text, why) in cases {
        assert_eq!(outcome(text), Err(why), "{text}");
    }
}

#[test]
fn what_the_driver_ignores_is_not_an_error() {
    for text in [
        r#"{"KubeadmControlPlane": "text"}"#,
        r#"{"cluster": {"api_version": 1}}"#,
        r#"{"Cluster": {"plural_name": null}}"#,
        r#"{"Machine": {"other": []}}"#,
    ] {
        let found = Overrides::of_value(text).unwrap();
        assert!(found.0.values().all(|one| one.api_version.is_none()), "{text}");
    }
    let text = r#"{"K8sControlPlane": {"plural_name": "p", "api_version": "g/v1", "x": 1}}"#;
    let one = &Overrides::of_value(text).unwrap().0["K8sControlPlane"];
    assert_eq!(one.api_version.as_deref(), Some("g/v1"));
    assert_eq!(one.plural_name.as_deref(), Some("p"));
    assert_eq!(one.ignored.iter().collect::<Vec<_>>(), ["x"]);
    let twice = r#"{"Cluster": {"api_version": "a/v1"}, "Cluster": {"api_version": "b/v2"}}"#;
    let last = &Overrides::of_value(twice).unwrap().0["Cluster"];
    assert_eq!(last.api_version.as_deref(), Some("b/v2"), "Python keeps the last too");
}

#[test]
fn a_line_loses_one_pair_of_quotes() {
    for line in ["{}", "'{}'", "\"{}\"", "  '{}'  "] {
        assert_eq!(Overrides::of_line(line), Ok(Overrides::default()), "{line}");
    }
    assert_eq!(Overrides::of_line("{\n\n}"), Err(OverrideError::EmptyLine));
    for line in ["''{}''", "'{}", "'", "'{\n}'"] {
        assert!(Overrides::of_line(line).is_err(), "{line}");
    }
    assert_eq!(Overrides::of_line("{\n}"), Ok(Overrides::default()));
}

/// Values that the driver's `json.loads` rejects, and omega's message for each.
#[test]
fn api_resources_is_read_as_the_driver_reads_it() {
    for good in [
        "{}",
        " {} ",
        "'{}'",
        r#"{"Manifests": {"api_version": "addons.stackhpc.com/v1alpha1"}}"#,
        r#"{"OpenstackCluster": {"api_version": "infrastructure.cluster.x-k8s.io/v1beta1"}}"#,
        r#"{"K8sControlPlane": {"plural_name": "kubeadmcontrolplanes"}}"#,
    ] {
        ApiResources::parse(good).unwrap();
    }
    let all = [
        "",
        "[]",
        "null",
        r#"{"Cluster": {"api_version": "cluster.x-k8s.io/v1beta1"},}"#,
        "'{\n}'",
        "{'Cluster': {}}",
        r#"{"Cluster""#,
        r#"{"OpenStackCluster": {"api_version": "infrastructure.cluster.x-k8s.io/v1beta1"}}"#,
        r#"{"KubeadmControlPlane": {}}"#,
        r#"{"cluster": {}}"#,
        r#"{"Zebra": {}}"#,
        r#"{"Cluster": null}"#,
        r#"{"Cluster": "cluster.x-k8s.io/v1beta1"}"#,
        r#"{"Cluster": {"apiVersion": "cluster.x-k8s.io/v1beta1"}}"#,
        r#"{"Cluster": {"api_version": "v1beta1"}}"#,
        r#"{"Cluster": {"api_version": "cluster.x-k8s.io/v1beta2"}}"#,
        r#"{"MachineDeployment": {"api_version": "cluster.x-k8s.io/v1beta2"}}"#,
        r#"{"Machine": {"api_version": "cluster.x-k8s.io/v1"}}"#,
        r#"{"K8sControlPlane": {"plural_name": 1}}"#,
    ];
    let all = all.map(|text| {
        let error = ApiResources::parse(text).unwrap_err();
        let next = Diagnostic::next(&error).unwrap_or_default();
        (text, format!("{error}\n  next: {next}\n"))
    });
    let lines: Vec<String> =
        all.into_iter().map(|(text, message)| format!("--- {text}\n{message}")).collect();
    insta::assert_snapshot!(lines.concat());
}

#[test]
fn what_prevents_the_import_is_reported_first() {
    let both = r#"{"Cluster": {"api_version": 1}, "Machine": null}"#;
    let error = Overrides::of_value(both).unwrap_err();
    assert_eq!(error, OverrideError::Entry { class: "Machine".into() });
    let reference = r#"{"Cluster": {"api_version": "$x/v1"}}"#;
    assert_eq!(Overrides::of_line(reference), Err(OverrideError::Reference { name: "x".into() }));
    let dollar = r#"{"Manifests": {"api_version": "x.org/v1$$"}}"#;
    let value = ApiResources::parse(dollar).unwrap();
    assert_eq!(value.to_string(), dollar, "it is written as it was");
    let one = value.overrides().of(ReadClass::Manifests).unwrap();
    assert_eq!(one.api_version.as_deref(), Some("x.org/v1$"));
    assert!(ApiResources::parse(r#"{"Manifests": {"api_version": "/v1"}}"#).is_err());
}

#[test]
fn what_has_no_effect_is_named() {
    let text = r#"{"KubeadmControlPlane": 1, "Machine": {"plural_name": "x", "y": 1},
        "openstackcluster": {}, "zebra": {}}"#;
    let found = Overrides::of_value(text).unwrap().without_effect();
    let entry = |name: &str, near| WithoutEffect::Entry { name: name.into(), near };
    assert_eq!(
        found,
        [
            entry("KubeadmControlPlane", Some(ReadClass::K8sControlPlane)),
            WithoutEffect::Key { class: ReadClass::Machine, key: "y".into() },
            WithoutEffect::PluralName { class: ReadClass::Machine },
            entry("openstackcluster", Some(ReadClass::OpenstackCluster)),
            entry("zebra", None),
        ]
    );
}

#[test]
fn a_value_is_stored_as_the_driver_gets_it() {
    let text = r#"'{"Machine": {"plural_name": "machines"}}'"#;
    let value = ApiResources::parse(text).unwrap();
    assert_eq!(value.to_string(), r#"{"Machine": {"plural_name": "machines"}}"#);
    assert_eq!(value.notes().len(), 1);
    assert_eq!(Some(value.overrides()), Overrides::of_line(text).ok().as_ref());
    let stored = serde_json::to_string(&value).unwrap();
    assert_eq!(serde_json::from_str::<ApiResources>(&stored).unwrap(), value);
    assert!(serde_json::from_str::<ApiResources>(r#""[]""#).is_err());
}

#[test]
fn a_plural_name_counts_where_the_driver_reads_it() {
    for class in ReadClass::ALL {
        let of = |fields: &str| {
            let text = format!(r#"{{"{}": {fields}}}"#, class.name());
            Overrides::of_value(&text).unwrap().without_effect()
        };
        assert_eq!(of("{}"), [], "{class:?}");
        let plural = of(r#"{"plural_name": "things"}"#);
        assert_eq!(plural.is_empty(), class.has_plural_name(), "{class:?}");
    }
}

#[test]
fn a_refusal_says_what_was_expected_and_found() {
    let told = |text: &str| {
        let error = ApiResources::parse(text).unwrap_err();
        (error.expected(), error.found())
    };
    let one_line = || Some("a JSON object on one line, such as {}".to_owned());
    assert_eq!(told("{"), (one_line(), Some("{".to_owned())));
    assert_eq!(told("[]"), (one_line(), None));
    assert_eq!(told(r#"{"Machin": {}}"#), (None, Some("Machin".to_owned())));
    let other = r#"{"Cluster": {"api_version": "cluster.x-k8s.io/v1beta2"}}"#;
    assert_eq!(told(other), (None, Some(r#""cluster.x-k8s.io/v1beta2""#.to_owned())));
    let read = Overrides::of_value("[]").unwrap_err();
    let expected = "one line of JSON: an object of objects with api_version and plural_name";
    assert_eq!(read.expected().as_deref(), Some(expected));
    assert_eq!(read.next().as_deref(), Some("leave api_resources out; nothing needs it"));
}

#[test]
fn every_mistake_is_named_where_the_first_refuses() {
    let several = r#"{"Machin": {}, "Cluster": {"api_versio": "x"}}"#;
    let mistakes = ApiResources::mistakes(several);
    assert_eq!(mistakes.len(), 2, "{mistakes:?}");
    assert!(mistakes.contains(&ApiResources::parse(several).unwrap_err()));
    assert_eq!(ApiResources::mistakes("{"), [ApiResources::parse("{").unwrap_err()]);
    assert_eq!(ApiResources::mistakes("{}"), []);
}
