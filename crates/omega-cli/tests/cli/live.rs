//! `check live`

use std::os::unix::fs::PermissionsExt as _;

use super::*;

/// juju with Keystone on the channel in the file `channel`, and Vault.
const JUJU: &str = r#"#!/bin/sh
cd "$HOME"
case "$*" in
  status*) printf '{"model": {"name": "openstack", "controller": "c"}, "applications": {
    "keystone": {"charm": "keystone", "charm-name": "keystone", "charm-origin": "charmhub", "charm-rev": 778,
      "charm-channel": "%s", "base": {"name": "ubuntu", "channel": "22.04"}},
    "vault": {"charm": "vault", "charm-name": "vault", "charm-origin": "charmhub", "charm-rev": 338,
      "charm-channel": "1.8/stable", "base": {"name": "ubuntu", "channel": "22.04"}}}}' "$(cat channel)" ;;
  *) echo "ERROR unexpected: $*" >&2; exit 1 ;;
esac
"#;

fn home(channel: &str) -> Home {
    let home = Home::with_cloud();
    let clouds = fs::read_to_string(home.path().join("clouds.yaml")).unwrap();
    home.write("clouds.yaml", &clouds.replace("http://", "https://"));
    home.write("juju", JUJU);
    home.write("channel", channel);
    let program = home.path().join("juju");
    fs::set_permissions(&program, fs::Permissions::from_mode(0o700)).unwrap();
    let site = format!("[cloud]\nname = \"here\"\n[juju]\nprogram = {:?}\n", program.display());
    home.write("omega.toml", &site);
    home
}

const CHANNELS: [&str; 4] = ["check", "live", "--only", "running-channels"];

#[test]
fn a_good_check_is_shown_with_its_evidence() {
    let ran = home("2024.1/stable").run(&CHANNELS).exits(0);
    insta::assert_snapshot!(ran.out, @"
      ✓  charms       running-channels (D-002)                        of the model
                      applications: 2, keystone keystone 2024.1/stable revision 778 on ubuntu@22.04, vault vault 1.8/stable revision 338 on ubuntu@22.04

    live: 1 passed.
    ");
}

#[test]
fn a_broken_check_ends_with_3_and_says_what_to_do() {
    let home = home("yoga/stable");
    let ran = home.run(&CHANNELS).exits(3);
    let ran = ran.says(&["live checks failed: running-channels"]);
    assert!(ran.out.contains("-> juju refresh keystone --channel 2024.1/stable"), "{ran:#?}");
    let whole = home.run(&["check", "live", "--output", "json"]).exits(3);
    let document: Value = serde_json::from_str(&whole.out).unwrap();
    let items = document["looked"][0]["sections"][0]["items"].as_array().unwrap();
    assert_eq!(items.len(), 10);
    assert_eq!(items[0]["key"], "running-channels");
    assert_eq!(items[0]["found"]["verdict"]["fail"]["decision"], "D-002");
    assert!(items[4]["found"]["failed"]["message"].is_string(), "the cloud: {:#}", items[4]);
}

/// Nothing answers, so nothing is good.
#[test]
fn what_could_not_be_evaluated_ends_with_1() {
    let home = home("2024.1/stable");
    let ran = home.run(&["check", "live"]).exits(1);
    let ran = ran.says(&["live checks could not be made: charm-config, endpoint-certificates"]);
    let marks =
        |sign: &str| ran.out.lines().filter(|line| line.trim_start().starts_with(sign)).count();
    assert_eq!((marks("✓"), marks("?"), marks("!")), (1, 9, 0), "{}", ran.out);
    let one = home.run(&["check", "live", "--only", "octavia-image"]).exits(1);
    assert!(one.out.contains("no answer from"), "{}", one.out);
    home.run(&["check", "live", "--only", "octavia"]).exits(64).says(&["octavia-image"]);
}
