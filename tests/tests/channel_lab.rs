//! The channels to a real unit: the same contract by each. The lab runs these
//! (`tests/lab/run contract`); they need `OMEGA_UNITS`, the addresses of fresh units (one for each
//! test, separated by blanks, port 2222), `OMEGA_LAB`, the lab's
//! directory, and `OMEGA_LAB_KNOWN_HOSTS`, the units' host keys.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests")]

use std::{fs, path::PathBuf};

use omega_core::{
    Diagnostic as _, Touched,
    values::{FileMode, Secret},
};
use omega_juju::{
    Access, Channel as _, Expect, FailureCode, FileAction, FileState, Placement, Probe, Reply,
    UnitPath,
    channel::{Deadlines, Juju, JujuTarget, Ssh, SshTarget},
    contract::{Site, Wheel, contract},
};
use serde_json::json;

#[expect(clippy::disallowed_methods, reason = "how the lab says where it is")]
fn setting(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run this by tests/lab/run"))
}

fn address(nth: usize) -> String {
    setting("OMEGA_UNITS").split_whitespace().nth(nth).expect("an address for each test").to_owned()
}

fn lab(path: &str) -> PathBuf {
    PathBuf::from(setting("OMEGA_LAB")).join(path)
}

fn wheel(version: &str) -> Wheel {
    let file_name = format!("magnum_capi_helm-{version}-py3-none-any.whl");
    let bytes = fs::read(lab("wheels").join(&file_name)).unwrap();
    Wheel { version: version.to_owned(), file_name, bytes: Secret::new(bytes) }
}

fn site(externally_managed: bool) -> Site {
    Site {
        service: "magnum-conductor".parse().unwrap(),
        wheels: [wheel("1.3.0"), wheel("1.4.0")],
        distribution: "magnum-capi-helm".to_owned(),
        break_system_packages: externally_managed,
    }
}

/// The unit's host keys, from its disk: nobody is trusted at first sight.
fn known_hosts(address: &str, home: &tempfile::TempDir) -> PathBuf {
    let all = fs::read_to_string(setting("OMEGA_LAB_KNOWN_HOSTS")).unwrap();
    let host = format!("[{address}]:2222 ");
    let lines: Vec<&str> =
        all.split_inclusive('\n').filter(|line| line.starts_with(&host)).collect();
    let path = home.path().join("known_hosts");
    fs::write(&path, lines.concat()).unwrap();
    path
}

fn target(host: String, home: &tempfile::TempDir) -> SshTarget {
    SshTarget {
        known_hosts: vec![known_hosts(&host, home)],
        host,
        port: 2222,
        user: "ubuntu".to_owned(),
        identities: vec![lab("key")],
        agent: None,
        jump: None,
    }
}

async fn ssh(nth: usize) -> Ssh {
    let home = tempfile::tempdir().unwrap();
    Ssh::connect(target(address(nth), &home), Deadlines::default()).await.unwrap()
}

#[tokio::test]
#[ignore = "needs a real unit: tests/lab/run contract"]
async fn by_ssh() {
    let held =
        contract(&ssh(0).await, &site(true)).await.unwrap_or_else(|broken| panic!("{broken}"));
    assert_eq!(held.len(), 26);
}

/// The third unit has pip 22.0.2 and no externally-managed marker, as Ubuntu 22.04 does.
#[tokio::test]
#[ignore = "needs a real unit: tests/lab/run contract"]
async fn by_ssh_with_an_old_pip() {
    let held =
        contract(&ssh(2).await, &site(false)).await.unwrap_or_else(|broken| panic!("{broken}"));
    assert_eq!(held.len(), 26);
}

/// The fourth unit's disk is full.
#[tokio::test]
#[ignore = "needs a real unit: tests/lab/run contract"]
async fn a_full_disk_is_said_and_nothing_is_left() {
    let ssh = ssh(3).await;
    let path: UnitPath = "/etc/magnum/full".parse().unwrap();
    let bytes = Secret::new(vec![b'x'; 1 << 20]);
    let place = FileAction::PlaceFile(Placement {
        path: path.clone(),
        access: Access::new("root", "root", FileMode::PUBLIC),
        sha256: bytes.digest(),
        expect: Expect::Absent,
    });
    let error = ssh.act(&place.into(), bytes.into(), None).await.unwrap_err();
    assert_eq!(error.code(), Some(&FailureCode::NoSpace));
    let said = error.to_string();
    assert!(said.contains("no space left on device (/"), "{said}");
    assert!(said.ends_with("bytes free)"), "{said}");
    assert_eq!(error.touched(), Touched::Nothing);
    let probes = [Probe::File { path: path.clone() }, Probe::Directory { path: path.parent() }];
    let replies = ssh.ask(&probes).await.unwrap();
    assert_eq!(replies[0], Reply::File(FileState::Absent));
    let Reply::Directory { names: Some(names) } = &replies[1] else { panic!("{replies:?}") };
    assert!(
        !names.iter().any(|name| name.contains("omega")),
        "a temporary file is left: {names:?}"
    );
}

#[tokio::test]
#[ignore = "needs real units: tests/lab/run contract"]
async fn by_ssh_through_a_jump_host() {
    let home = tempfile::tempdir().unwrap();
    let jump = target(address(0), &home);
    let file = home.path().join("known_hosts");
    let first = fs::read_to_string(&file).unwrap();
    let target = SshTarget { jump: Some(Box::new(jump)), ..target(address(1), &home) };
    fs::write(&file, first + &fs::read_to_string(&file).unwrap()).unwrap();
    let ssh = Ssh::connect(target, Deadlines::default()).await.unwrap();
    let probe = Probe::Text { path: "/etc/hostname".parse().unwrap() };
    let replies = ssh.ask(&[probe]).await.unwrap();
    assert!(matches!(&replies[0], Reply::Text { text: Some(name), .. } if !name.is_empty()));
}

#[tokio::test]
#[ignore = "needs a real unit: tests/lab/run contract"]
async fn by_juju() {
    let home = tempfile::tempdir().unwrap();
    let host = address(1);
    let config = home.path().join("config.json");
    let known_hosts = known_hosts(&host, &home);
    let machine = json!({
        "ssh": {
            "host": host, "port": 2222, "key": lab("key"), "known_hosts": known_hosts,
            "init": lab("unit1.init.pid")
        }
    });
    fs::write(&config, json!({ "units": { "magnum/0": machine } }).to_string()).unwrap();
    let program = home.path().join("juju");
    let script = format!(
        "#!/bin/sh\nOMEGA_JUJU_STANDIN='{}' exec '{}' \"$@\"\n",
        config.display(),
        env!("CARGO_BIN_EXE_juju")
    );
    fs::write(&program, script).unwrap();
    let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(&program, permissions).unwrap();
    let target = JujuTarget::new(program, "magnum/0".parse().unwrap());
    let juju = Juju::new(target, Deadlines::default());
    let held = contract(&juju, &site(true)).await.unwrap_or_else(|broken| panic!("{broken}"));
    assert_eq!(held.len(), 26);
}
