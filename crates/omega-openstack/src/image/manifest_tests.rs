//! Manifests as azimuth-images 0.28.0 and older ones write them.

use super::*;

fn manifest(entries: &[(&str, &str, &str)]) -> Manifest {
    let entry = |(key, version, checksum): &(&str, &str, &str)| {
        let name = format!("ubuntu-{key}-kube-{version}-260508-1200");
        let value = serde_json::json!({
            "name": name, "url": format!("https://images.example/{name}.qcow2"), "checksum": "sha256:00",
            "checksum_sha512": checksum, "kubernetes_version": version, "cosign-bundle-url": "x",
        });
        ((*key).to_owned(), value)
    };
    let mut all: serde_json::Map<_, _> = entries.iter().map(entry).collect();
    let desktop = serde_json::json!({ "name": "ubuntu-desktop", "url": "https://images.example/d", "checksum": "sha256:00" });
    all.insert("ubuntu-desktop".to_owned(), desktop);
    Manifest::parse(&serde_json::Value::from(all).to_string()).unwrap()
}

#[test]
fn an_image_is_selected_by_its_version_and_what_is_missing_is_said() {
    let digest = format!("sha512:{}", "ab".repeat(64));
    let all = manifest(&[
        ("jammy", "v1.34.7", &digest),
        ("noble", "v1.34.7", &digest),
        ("old", "v1.33.10", &digest),
        ("short", "v1.32.1", "sha256:00"),
        ("bad", "v1.31.1", &format!("sha256:{}", "ab".repeat(32))),
    ]);
    let of = |version: &str, name: Option<&str>| all.image(&version.parse().unwrap(), name);
    let image = of("1.34.7", Some("jammy")).unwrap();
    assert_eq!(image.name.as_ref(), "ubuntu-jammy-kube-v1.34.7-260508-1200");
    assert_eq!(image.sha512.to_string(), "ab".repeat(64));
    let errors: Vec<_> = [
        ("v1.34.7", None),
        ("v1.34.8", None),
        ("v1.34.7", Some("focal")),
        ("v1.32.1", None),
        ("v1.31.1", None),
    ]
    .into_iter()
    .map(|(version, name)| of(version, name).unwrap_err().to_string())
    .collect();
    insta::assert_snapshot!(errors.join("\n"));
    // By number, not by letter: of 1.34 before 1.3, and 1.33.10 after 1.33.9.
    let all = [
        "v1.3.9", "v1.30.1", "v1.33.9", "v1.33.10", "v1.34.2", "v1.34.10", "v1.35.0", "v2.0.0",
        "latest",
    ];
    let named: Vec<_> = all.iter().map(|version| (*version, *version, digest.as_str())).collect();
    let error = manifest(&named).image(&"v1.34.9".parse().unwrap(), None).unwrap_err().to_string();
    assert!(error.ends_with("it has v1.34.10, v1.34.2, v1.35.0, v1.33.10, v1.33.9"), "{error}");
    let release =
        "https://github.com/azimuth-cloud/azimuth-images/releases/download/0.28.0/manifest.json";
    assert_eq!(Manifest::url("0.28.0"), release);
    let old = r#"{"k":{"name":"n","url":"https://e/n","checksum":"sha256:00","kubernetes_version":"v1.34.1"}}"#;
    let error = Manifest::parse(old).unwrap().image(&"v1.34.1".parse().unwrap(), None).unwrap_err();
    assert!(error.to_string().contains("before 0.27.0"), "{error}");
    for text in ["", "[]", "<html>", r#"{"k":{}}"#] {
        assert!(matches!(Manifest::parse(text), Err(InvalidManifest::Format(_))), "{text}");
    }
}
