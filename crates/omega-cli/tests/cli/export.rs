//! `export kubernetes`: objects for kubectl; no credential is read.

use super::{json::nowhere, *};

const EXPORT: [&str; 4] = ["export", "kubernetes", "--image", "registry.example/omega-cli:0.1.0"];

fn with<'a>(more: &[&'a str]) -> Vec<&'a str> {
    EXPORT.iter().chain(more).copied().collect()
}

/// A site with the files that it names. Each has a text that must not be anywhere in an export.
fn site_with_secrets() -> Home {
    let home = nowhere();
    let text = fs::read_to_string(home.path().join("omega.toml")).unwrap();
    let ssh = "\n[ssh]\nidentity = [\"key\"]\nknown_hosts = [\"hosts\"]\n# canary-comment\n";
    home.write("omega.toml", &format!("{text}{ssh}"));
    for name in ["key", "hosts", "capi.kubeconfig", "clouds.yaml"] {
        home.write(name, &format!("canary-{name}"));
    }
    home
}

fn json_of(home: &Home, more: &[&str]) -> Value {
    let ran = home.run(&with(&[more, &["--output", "json"]].concat())).exits(0);
    serde_json::from_str(&ran.out).unwrap()
}

fn kinds(document: &Value) -> Vec<&str> {
    let items = document["items"].as_array().unwrap();
    items.iter().map(|one| one["kind"].as_str().unwrap()).collect()
}

#[test]
fn nothing_of_a_credential_is_in_an_export() {
    let home = site_with_secrets();
    for more in [&[][..], &["--once"], &["--output", "json"], &["--output-dir", "k8s", "-vv"]] {
        let ran = home.run(&with(more)).exits(0);
        assert!(!format!("{}{}", ran.out, ran.err).contains("canary"), "{more:?}: {ran:#?}");
    }
    let mut names = Vec::new();
    for entry in fs::read_dir(home.path().join("k8s")).unwrap() {
        let path = entry.unwrap().path();
        assert!(!fs::read_to_string(&path).unwrap().contains("canary"), "{}", path.display());
        names.push(path.file_name().unwrap().to_string_lossy().into_owned());
    }
    names.sort();
    insta::assert_snapshot!(names.join("\n"), @"
    00-namespace.yaml
    10-serviceaccount.yaml
    20-clusterrole.yaml
    30-clusterrolebinding.yaml
    40-configmap.yaml
    50-persistentvolumeclaim.yaml
    60-cronjob.yaml
    70-prometheusrule.yaml
    secrets.sh
    ");
    let script = fs::read_to_string(home.path().join("k8s/secrets.sh")).unwrap();
    let script = script.replace(home.path().to_str().unwrap(), "HOME");
    insta::assert_snapshot!(script, @"
    #!/bin/sh
    # Makes the Secrets of the sites.
    set -e
    kubectl --namespace omega create secret generic omega-drift-omega \\
      --from-file=clouds.yaml=HOME/clouds.yaml \\
      --from-file=driver.kubeconfig=HOME/capi.kubeconfig \\
      --from-file=ssh-identity-0=HOME/key \\
      --from-file=known-hosts-0=HOME/hosts
    ");
}

#[test]
fn a_stream_is_what_kubectl_takes_and_says_which_secrets_come_first() {
    let home = site_with_secrets();
    let ran = home.run(&with(&[])).exits(0);
    assert!(
        ran.out.starts_with("# Make these Secrets first:\n# kubectl --namespace omega "),
        "{}",
        ran.out
    );
    assert_eq!(ran.out.matches("\n---\n").count(), 8, "{}", ran.out);
    ran.says(&["Make these Secrets first", "create secret generic omega-drift-omega"]);
    let quiet = home.run(&with(&["--quiet"])).exits(0);
    assert_eq!(quiet.err, "");
}

#[test]
fn several_sites_have_objects_of_their_own_and_one_account() {
    let home = site_with_secrets();
    let text = fs::read_to_string(home.path().join("omega.toml")).unwrap();
    for name in ["a.toml", "b.toml"] {
        home.write(name, &text);
    }
    let two = json_of(&home, &["--sites", "a.toml", "b.toml"]);
    let count = |kind: &str| kinds(&two).iter().filter(|one| **one == kind).count();
    for (kind, expected) in [
        ("CronJob", 2),
        ("ConfigMap", 2),
        ("PersistentVolumeClaim", 2),
        ("ServiceAccount", 1),
        ("ClusterRole", 1),
    ] {
        assert_eq!(count(kind), expected, "{kind}");
    }
    assert_eq!(two["secrets"].as_array().unwrap().len(), 2);
    // Another management cluster: no rights here, and a kubeconfig in the Secret.
    let other = json_of(&home, &["--elsewhere", "a.toml"]);
    assert!(!kinds(&other).contains(&"ClusterRole"), "{other:#}");
    let files = other["secrets"][0]["files"].as_array().unwrap();
    assert!(files.iter().any(|file| file["key"] == "reader.kubeconfig"), "{other:#}");
    fs::create_dir(home.path().join("other")).unwrap();
    home.write("other/A.toml", &text);
    let twice = home.run(&with(&["--site", "a.toml", "--site", "other/A.toml"])).exits(64);
    twice.says(&["two sites would have objects of the same names", "rename one"]);
}

#[test]
fn options_are_checked_and_have_an_effect() {
    let home = site_with_secrets();
    for (more, says) in [
        (&["--schedule", "@hourly"][..], "not 5"),
        (&["--schedule", "TZ=UTC 0 * * * *"], "no time zone"),
        (&["--schedule", "0 * * * *", "--once"], "cannot be used with"),
        (&["--namespace", "Omega"], "not a namespace name"),
        (&["--namespace", "kube-system"], "another one: --namespace omega"),
        (&["--rule-label", "x"], "release="),
        (&["--rule-label", "a b=c"], "not a label"),
        (&["--site", "nope.toml"], "nope.toml"),
    ] {
        home.run(&with(more)).exits(64).says(&[says]);
    }
    home.run(&["export", "kubernetes"]).exits(64).says(&["--image"]);
    home.run(&["export", "kubernetes", "--image", "omega-cli"])
        .exits(64)
        .says(&["no tag and no digest"]);
    home.run(&["export", "kubernetes", "--image", "omega-cli:latest"])
        .exits(0)
        .says(&["another program tomorrow"]);
    let job = json_of(&home, &["--once", "--skip", "live", "--storage-class", "fast"]);
    let shown = job.to_string();
    assert!(kinds(&job).contains(&"Job") && !kinds(&job).contains(&"CronJob"), "{job:#}");
    assert!(
        shown.contains("\"storageClassName\":\"fast\"") && !shown.contains("\"nodes\""),
        "{job:#}"
    );
    let hourly = json_of(&home, &["--schedule", "0 * * * *", "--rule-label", "release=prometheus"]);
    let shown = hourly.to_string();
    assert!(
        shown.contains("\"schedule\":\"0 * * * *\"")
            && shown.contains("\"release\":\"prometheus\"")
    );
    let plain = json_of(&home, &["--rules-file", "rules.yml"]);
    assert!(!kinds(&plain).contains(&"PrometheusRule"), "{plain:#}");
    let rules = fs::read_to_string(home.path().join("rules.yml")).unwrap();
    assert!(rules.starts_with("groups:\n") && rules.contains("OmegaDriftLookStale"), "{rules}");
    json_of(&home, &["--rules-file", "rules.yml"]);
    let lost = home.run(&with(&["--rules-file", "omega.toml"])).exits(64);
    lost.says(&["omega.toml exists and is not an earlier rules file"]);
    home.run(&with(&["--skip", "daemon-stedy"])).exits(64).says(&["did you mean daemon-steady"]);
    // What is in the directory already would be applied too.
    fs::create_dir(home.path().join("k8s")).unwrap();
    home.write("k8s/00-namespace.yaml", "kind: Namespace\n");
    home.run(&with(&["--output-dir", "k8s"])).exits(64).says(&["not an earlier manifest"]);
    fs::remove_file(home.path().join("k8s/00-namespace.yaml")).unwrap();
    home.run(&with(&["--output-dir", "k8s"])).exits(0);
    home.run(&with(&["--output-dir", "k8s"])).exits(0);
    home.run(&with(&["--output-dir", "k8s", "--once"])).exits(64).says(&["60-cronjob.yaml"]);
    // Units that Juju reaches are not looked at, and that is said.
    let text = fs::read_to_string(home.path().join("omega.toml")).unwrap();
    let unit = "unit = [{ name = \"magnum/0\", ssh = \"127.0.0.1:1\" }]";
    home.write("omega.toml", &text.replace(unit, "application = \"magnum\""));
    home.run(&with(&[])).exits(0).says(&["reached by Juju", "[[conductor.unit]]"]);
    // What the shell has is not exported.
    home.write("omega.toml", &text.replace("name = \"here\"", ""));
    home.run(&with(&[])).exits(64).says(&["names no cloud", "files of a Secret"]);
}
