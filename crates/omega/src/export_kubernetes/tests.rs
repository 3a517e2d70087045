use std::{
    fs,
    path::{Path, PathBuf},
};

use k8s_openapi::serde::{Serialize, de::DeserializeOwned};
use omega_core::{Failure, FailureClass};
use serde_json::Value;

use super::*;
use crate::{Machine, clients::Connect, site::Site};

const SITE: &str = r#"
# canary-comment: a password that somebody wrote down
[cloud]
name = "capi-admin"
[management]
kubeconfig = "capi.kubeconfig"
project = { name = "capi-mgmt", domain = "capi" }
server = "capi-mgmt-v2"
security_group = "capi-mgmt-sg"
sources = ["10.20.0.0/16"]
[[conductor.unit]]
name = "magnum/0"
ssh = "ubuntu@10.12.8.20"
[ssh]
identity = ["key", "~/.ssh/old key"]
known_hosts = ["hosts"]
[driver]
version = "1.4.0"
[helm]
version = "3.17.3"
url = "https://get.helm.sh/helm"
sha256 = "9f2c41aa9f2c41aa9f2c41aa9f2c41aa9f2c41aa9f2c41aa9f2c41aa9f2c41aa"
[chart]
repo = "https://charts.example"
version = "0.25.1"
"#;

fn options() -> ExportOptions {
    let image = "registry.example/omega-cli:0.1.0".parse().unwrap();
    ExportOptions::new(image, "omega".parse().unwrap(), "*/5 * * * *".parse().unwrap())
}

/// A home with a site file `prod.toml` of this text and with what it names.
fn read(text: &str) -> Result<ExportSite, Failure> {
    let home = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(home.path().join(name), text).unwrap();
    for name in ["key", "capi.kubeconfig", "clouds.yaml", "secure.yaml", "admin-openrc"] {
        write(name, &format!("canary-{name}"));
    }
    write("prod.toml", text);
    let path = home.path().join("prod.toml");
    let machine = Machine { cwd: home.path().to_owned(), ..Machine::new("/home/ops") };
    let site = Site::read(&path)?;
    let site = Site { directory: PathBuf::from("/etc/omega"), ..site };
    let mut read = ExportSite::read(&Connect::new(&site, &machine), &path)?;
    for (stem, path) in &mut read.paths.clouds {
        *path = PathBuf::from(format!("/home/ops/.config/openstack/{stem}.yaml"));
    }
    Ok(read)
}

fn export(text: &str) -> Export {
    export_kubernetes(&[read(text).unwrap()], &options()).unwrap()
}

fn text(export: &Export) -> String {
    yaml(&export.objects).unwrap()
}

/// The container's arguments.
fn args(export: &Export) -> String {
    let job = export.objects.iter().find(|one| one.kind() == "CronJob").unwrap();
    let job = serde_json::to_value(job).unwrap();
    let at = "/spec/jobTemplate/spec/template/spec/containers/0/args";
    let all = job.pointer(at).unwrap().as_array().unwrap();
    all.iter().map(|one| one.as_str().unwrap()).collect::<Vec<_>>().join(" ")
}

/// The site file in the export, read as a site file.
fn exported_site(export: &Export) -> Site {
    let config = export.objects.iter().find(|one| one.kind() == "ConfigMap").unwrap();
    let config = serde_json::to_value(config).unwrap();
    Site::parse(Path::new("omega.toml"), config["data"]["omega.toml"].as_str().unwrap()).unwrap()
}

#[test]
fn the_objects_of_a_small_site() {
    let found = export(SITE);
    assert!(text(&found) == include_str!("example.yaml"), "{}", text(&found));
    let [finding] = found.findings.as_slice() else { panic!("{:?}", found.findings) };
    let left_out = "its pods don't look at charm-config, dependencies, running-channels";
    assert_eq!(finding.summary, left_out);
    insta::assert_snapshot!(found.secrets[0].command, @"
    kubectl --namespace omega create secret generic omega-drift-prod \\
      --from-file=clouds.yaml=/home/ops/.config/openstack/clouds.yaml \\
      --from-file=secure.yaml=/home/ops/.config/openstack/secure.yaml \\
      --from-file=driver.kubeconfig=/etc/omega/capi.kubeconfig \\
      --from-file=ssh-identity-0=/etc/omega/key \\
      '--from-file=ssh-identity-1=/home/ops/.ssh/old key' \\
      --from-file=known-hosts-0=/etc/omega/hosts
    ");
}

/// Through the type and back nothing is lost, and nothing is unknown.
fn round<T: Serialize + DeserializeOwned>(value: &Value) -> Value {
    serde_json::to_value(serde_json::from_value::<T>(value.clone()).unwrap()).unwrap()
}

#[test]
fn each_manifest_is_read_strictly_as_its_type() {
    use k8s_openapi::api::{batch::v1::*, core::v1::*, rbac::v1::*};
    let sites = [read(SITE).unwrap()];
    for once in [false, true] {
        let found = export_kubernetes(&sites, &ExportOptions { once, ..options() }).unwrap();
        for object in &found.objects {
            let shown = yaml([object]).unwrap();
            let value: Value = serde_saphyr::from_str(&shown).unwrap();
            assert_eq!(value, serde_json::to_value(object).unwrap(), "{shown}");
            let again = match object.kind() {
                "Namespace" => round::<Namespace>(&value),
                "ServiceAccount" => round::<ServiceAccount>(&value),
                "ClusterRole" => round::<ClusterRole>(&value),
                "ClusterRoleBinding" => round::<ClusterRoleBinding>(&value),
                "ConfigMap" => round::<ConfigMap>(&value),
                "PersistentVolumeClaim" => round::<PersistentVolumeClaim>(&value),
                "CronJob" => round::<CronJob>(&value),
                "Job" => round::<Job>(&value),
                other => {
                    assert_eq!(other, "PrometheusRule");
                    round::<PrometheusRule>(&value)
                }
            };
            assert_eq!(again, value, "{shown}");
        }
    }
}

#[test]
fn nothing_that_a_file_or_a_comment_says_is_exported() {
    for text in
        [SITE.to_owned(), SITE.replace("name = \"capi-admin\"", "openrc = \"admin-openrc\"")]
    {
        let found = export(&text);
        let shown = format!("{}{found:?}", self::text(&found));
        assert!(!shown.contains("canary"), "{shown}");
    }
}

/// All that a pod reads is in its own directories, and the rest of the site file is as it was.
#[test]
fn a_pod_has_the_same_site_with_paths_of_its_own() {
    let vault = "[acceptance]\nvault = [\"https://10.12.8.11:8200\"]\nvault_ca = \"vault-ca.pem\"\n[juju]\nprogram = \"/snap/bin/juju\"\n";
    let found = export(&format!("{SITE}{vault}"));
    let (before, after) =
        (Site::parse(Path::new("x"), &format!("{SITE}{vault}")).unwrap(), exported_site(&found));
    let at = |key: &str| PathBuf::from(format!("/etc/omega/credentials/{key}"));
    assert_eq!(after.management.kubeconfig, Some(at("driver.kubeconfig")));
    assert_eq!(after.ssh.identity, [at("ssh-identity-0"), at("ssh-identity-1")]);
    assert_eq!(after.ssh.known_hosts, [at("known-hosts-0")]);
    assert_eq!(after.acceptance().vault_ca, Some(at("vault-ca.pem")));
    assert_eq!(after.juju.program, None);
    let mut same = before.clone();
    same.management.kubeconfig.clone_from(&after.management.kubeconfig);
    same.ssh = after.ssh.clone();
    same.juju = after.juju.clone();
    let plain = |site: &Site| {
        format!("{:?}", (&site.management, &site.ssh, site.chart().unwrap(), &site.timeouts))
    };
    let without_spans = |text: String| {
        text.split("span: ")
            .map(|part| part.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.'))
            .collect::<String>()
    };
    assert_eq!(without_spans(plain(&same)), without_spans(plain(&after)));
    let keys: Vec<&str> = found.secrets[0].files.iter().map(|file| file.key.as_str()).collect();
    assert!(keys.contains(&"vault-ca.pem"), "{keys:?}");
    let cloud = SITE.replace("name = \"capi-admin\"", "openrc = \"admin-openrc\"");
    assert_eq!(exported_site(&export(&cloud)).cloud().openrc, Some(at("openrc")));
}

#[test]
fn what_a_pod_can_not_look_at_is_left_out_and_said() {
    let pods = "drift --site /etc/omega/omega.toml --reader in-cluster";
    let skips = "--skip charm-config --skip dependencies";
    assert_eq!(args(&export(SITE)), format!("{pods} {skips} --skip running-channels"));
    let options = ExportOptions { skip: vec!["live".to_owned()], ..options() };
    let none = export_kubernetes(&[read(SITE).unwrap()], &options).unwrap();
    assert_eq!((args(&none), none.findings.len()), (format!("{pods} --skip live"), 0));
    let unnamed = export(&SITE.replace("server = \"capi-mgmt-v2\"\n", ""));
    assert!(args(&unnamed).contains("--skip management-machine"), "{}", args(&unnamed));
    assert!(!text(&unnamed).contains("machinehealthchecks"), "what is not read needs no right");
    let unit = "[[conductor.unit]]\nname = \"magnum/0\"\nssh = \"ubuntu@10.12.8.20\"\n";
    let juju = export(&SITE.replace(unit, "[conductor]\napplication = \"magnum\"\n"));
    assert!(args(&juju).contains("--skip dependencies-helm --skip graft"), "{}", args(&juju));
    assert_eq!(juju.findings[0].rule, "juju-not-exported");
    assert!(juju.secrets[0].files.iter().all(|file| !file.key.starts_with("ssh")));
}

#[test]
fn a_site_elsewhere_gets_no_token_and_no_rights_here() {
    let site = read(SITE).unwrap().elsewhere();
    let found = export_kubernetes(&[site], &options()).unwrap();
    let shown = text(&found);
    for absent in ["serviceAccountToken", "ClusterRole", "in-cluster"] {
        assert!(!shown.contains(absent), "{absent}: {shown}");
    }
    assert!(args(&found).contains("--reader /etc/omega/credentials/reader.kubeconfig"));
    assert_eq!(found.findings[1].rule, "reader-elsewhere");
    // Beside one that is here, the rights are those of that one.
    let both = [
        read(SITE).unwrap().elsewhere(),
        ExportSite { name: SiteName::of(Path::new("b")).unwrap(), ..read(SITE).unwrap() },
    ];
    let both = export_kubernetes(&both, &options()).unwrap();
    let roles = both.objects.iter().filter(|one| one.kind() == "ClusterRole").count();
    assert_eq!((roles, both.secrets.len()), (1, 2));
}

#[test]
fn what_would_hit_something_else_is_refused() {
    let one = || read(SITE).unwrap();
    let failure = export_kubernetes(&[one(), one()], &options()).unwrap_err();
    assert_eq!(failure.class, FailureClass::Usage);
    assert!(failure.causes[0].ends_with("are both prod"), "{failure:?}");
    for namespace in ["default", "kube-system"] {
        let options = ExportOptions { namespace: namespace.parse().unwrap(), ..options() };
        export_kubernetes(&[one()], &options).unwrap_err();
    }
    let failure = read(
        &SITE
            .replace("[chart]\nrepo", "[chart]\nname = \"x\"\nrepo")
            .replace("security_group = \"capi-mgmt-sg\"\n", ""),
    );
    assert!(failure.unwrap_err().message.contains("security_group"));
    let bare = read(&SITE.replace("[cloud]\nname = \"capi-admin\"\n", "")).unwrap();
    let failure = export_kubernetes(&[bare], &options()).unwrap_err();
    assert!(failure.message.ends_with("names no cloud"), "{failure:?}");
}

/// No rule is repeated in vain: the codes of `drift` that mean an answer end the job.
#[test]
fn the_codes_that_end_a_job_are_those_of_an_answer() {
    let found = export(SITE);
    let job = found.objects.iter().find(|one| one.kind() == "CronJob").unwrap();
    let job = serde_json::to_value(job).unwrap();
    let policy = job.pointer("/spec/jobTemplate/spec/podFailurePolicy/rules/1").unwrap();
    assert_eq!(policy["action"], "FailJob");
    assert_eq!(policy["onExitCodes"]["values"], serde_json::json!([2, 3, 4, 5, 64]));
}

#[test]
fn the_page_about_drift_shows_the_alerts_as_they_are_exported() {
    let page = include_str!("../../../../docs/drift.md");
    let block = page.split("```yaml\n").find(|block| block.starts_with("groups:")).unwrap();
    let shown: PrometheusRuleSpec =
        serde_saphyr::from_str(block.split("```").next().unwrap()).unwrap();
    assert_eq!(shown, PrometheusRuleSpec::new(vec![watch_alerts()]));
}

#[test]
fn every_alert_says_what_it_is_and_none_is_there_twice() {
    for once in [false, true] {
        let found = export_kubernetes(&[read(SITE).unwrap()], &ExportOptions { once, ..options() })
            .unwrap();
        let all: Vec<&Alert> = found.rules.groups.iter().flat_map(|group| &group.rules).collect();
        let mut names: Vec<&str> = all.iter().map(|alert| alert.alert.as_str()).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
        for alert in all {
            assert!(["critical", "warning"].contains(&alert.labels["severity"].as_str()));
            assert!(
                !alert.annotations["summary"].is_empty()
                    && !alert.annotations["description"].is_empty()
            );
        }
    }
    // A look that comes once a day is not stale after an hour.
    let daily = ExportOptions { schedule: "0 4 * * *".parse().unwrap(), ..options() };
    let daily = export_kubernetes(&[read(SITE).unwrap()], &daily).unwrap();
    assert!(text(&daily).contains(&format!("> {}", 2 * 86400 + 600)), "{}", text(&daily));
}
