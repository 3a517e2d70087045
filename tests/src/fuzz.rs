//! Fuzz targets: the readers of everything that comes from outside, each with any bytes.
//!
//! A target panics if a promise of its reader is broken; that a reader refuses its input is none. `tests/fuzz/run`
//! looks for such inputs, guided by coverage; what it found is kept in `tests/fuzz/corpus`, and `tests/corpora.rs`
//! reads it again with every run of the tests.

#![allow(clippy::unwrap_used, reason = "a broken promise ends a test")]

use std::{fs, path::Path};

use omega::{
    core::{
        FileJournal, Journal as _,
        kubeconfig::Kubeconfig,
        pyyaml::{self, Directives},
        run::{PlanFile, Runs},
        tls::{self, CertificateFacts},
        values::Secret,
    },
    lint::{
        SourceFile,
        bundle::{self, Charms, Policy},
        fixed, sarif, yaml,
    },
    openstack::{CloudConfig, ConfigError, Lookup, image::Manifest},
    site::{PlacedSite, SitePlaces},
};
use omega_capi::constellation::Dependencies;
use omega_driver::{ApiResources, Overrides};

/// A target: its name, and what it does with bytes.
pub type Target = (&'static str, fn(&[u8]));

/// Every target.
pub const TARGETS: [Target; 20] = [
    ("agent_reply", omega_juju::fuzzing::agent_reply),
    ("api_message", omega_capi::fuzzing::message),
    ("bundle", bundle),
    ("certificates", certificates),
    ("clouds", clouds),
    ("defaults_file", omega_juju::fuzzing::defaults_file),
    ("dependencies", dependencies),
    ("helm_release", omega_capi::fuzzing::helm_release),
    ("image_manifest", image_manifest),
    ("journal", journal),
    ("juju_controller", juju_controller),
    ("juju_exec", omega_juju::fuzzing::juju_exec),
    ("juju_status", omega_juju::fuzzing::juju_status),
    ("known_hosts", omega_juju::fuzzing::known_hosts),
    ("kubeconfig", kubeconfig),
    ("openrc", openrc),
    ("oslo_config", oslo_config),
    ("plan", plan),
    ("site", site),
    ("token", omega_capi::fuzzing::token),
];

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A directory in memory, where there is one.
fn directory() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap()
}

/// A bundle. What the fixes make of it is still YAML, and without a fix it stays as it is.
fn bundle(bytes: &[u8]) {
    let lint = |text: String| {
        let file = SourceFile { name: "bundle.yaml".to_owned(), text };
        let report = bundle::lint(std::slice::from_ref(&file), &Policy::default(), Charms::known());
        (report, file)
    };
    let (Ok(report), file) = lint(text(bytes)) else { return };
    drop(sarif(&report, &bundle::rules(), "0"));
    let (once, edits) = fixed(&file, &report.findings);
    assert!(yaml::read(0, &once).is_ok(), "{once:?}");
    if edits.is_empty() {
        assert_eq!(once, file.text);
    }
}

/// Certificates in PEM, and one in DER.
fn certificates(bytes: &[u8]) {
    for der in tls::certificates(bytes).unwrap_or_default() {
        drop(CertificateFacts::of(&der));
    }
    drop(CertificateFacts::of(bytes));
    drop(tls::client_identity(bytes, &Secret::new(bytes.to_vec())));
}

/// A clouds.yaml: each of its clouds.
fn clouds(bytes: &[u8]) {
    let secret = Secret::new(bytes.to_vec());
    let read = |cloud: &str| CloudConfig::from_clouds(&secret, cloud, None, "clouds.yaml");
    let Err(ConfigError::NoCloud { have, .. }) = read("\u{0}none") else { return };
    for cloud in have.iter().take(20) {
        drop(read(cloud).map_err(|error| error.to_string()));
    }
}

fn dependencies(bytes: &[u8]) {
    drop(Dependencies::parse(&text(bytes)));
}

fn image_manifest(bytes: &[u8]) {
    drop(Manifest::parse(&text(bytes)));
}

/// The journal of a run, and what else a run keeps. What is read can be written and read again.
fn journal(bytes: &[u8]) {
    let state = directory();
    let run = state.path().join("runs/20261121-120000-0000");
    fs::create_dir_all(&run).unwrap();
    for name in ["journal.jsonl", "run.json", "report.json"] {
        fs::write(run.join(name), bytes).unwrap();
    }
    let runs = Runs::new(state.path());
    for info in runs.all().unwrap().0 {
        drop((runs.outcome(&info), runs.report(&info.id)));
    }
    let path = run.join("journal.jsonl");
    drop(FileJournal::cut_line(&path));
    let Ok(entries) = FileJournal::read(&path) else { return };
    let copy = state.path().join("copy.jsonl");
    let written = FileJournal::create(&copy, "copy").unwrap();
    for entry in &entries {
        written.record(entry).unwrap();
    }
    let shown = |entries: &[_]| serde_json::to_string(entries).unwrap();
    assert_eq!(shown(&FileJournal::read(&copy).unwrap()), shown(&entries));
}

fn juju_controller(bytes: &[u8]) {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().unwrap();
    drop(runtime.block_on(omega_juju::fuzzing::juju_controller(bytes)));
}

/// A kubeconfig. Also as `PyYAML` reads it, which never fails on what was taken.
fn kubeconfig(bytes: &[u8]) {
    let read = pyyaml::read(&text(bytes), Directives::Refused);
    if let Ok(kubeconfig) = Kubeconfig::read(Secret::new(bytes.to_vec())) {
        assert!(read.is_ok(), "PyYAML does not read it");
        assert_eq!(kubeconfig.bytes.expose(), bytes);
        drop((kubeconfig.facts.endpoint(), kubeconfig.facts.expires()));
    }
}

/// An openrc file.
fn openrc(bytes: &[u8]) {
    let directory = directory();
    let path = directory.path().join("openrc");
    fs::write(&path, bytes).unwrap();
    drop(CloudConfig::from_openrc(&path, &Lookup::default()).map_err(|error| error.to_string()));
}

/// The text after `key =` in a file that oslo.config reads, and the value of `api_resources`.
fn oslo_config(bytes: &[u8]) {
    let text = text(bytes);
    drop((Overrides::of_line(&text), Overrides::of_value(&text)));
    let mistakes = ApiResources::mistakes(&text);
    match ApiResources::parse(&text) {
        Ok(parsed) => assert!(mistakes.is_empty(), "{:?} {mistakes:?}", parsed.notes()),
        Err(_) => assert!(!mistakes.is_empty(), "{text:?}"),
    }
}

/// A stored plan.
fn plan(bytes: &[u8]) {
    let directory = directory();
    let path = directory.path().join("graft.plan");
    fs::write(&path, bytes).unwrap();
    drop(PlanFile::open(&path));
    drop(PlanFile::read(&path, "graft"));
}

/// A site file.
fn site(bytes: &[u8]) {
    let (path, text) = (Path::new("omega.toml"), text(bytes));
    drop(SitePlaces::of("omega.toml", &text));
    match PlacedSite::parse(path, &text) {
        Ok(placed) => drop(omega::lint::site::lint(&placed, Charms::known())),
        Err(error) => drop(error.to_string()),
    }
}
