use proptest::prelude::*;

use super::*;

// Made by ssh-keygen for these tests; the private halves are gone.
const ED: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIM4xWzoPFLDoxDtDXHWJ3eVH0bdgR2UzqanY5B/TTOye";
const OTHER: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIsRNjyVSBv0hHHiMYWB2mmeGGgOyZVv20uWeg94dvbM";
const EC: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBG+7wOqEahhqPbBFgG+jwucXOZeHlSxT/2elMJ/Kz6NXMW9LYR9ZjDtwFhdGmqwrLlPoazGDMCLQtT6SkaakvOQ=";
const RSA: &str = "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQDG35C2WVb1dd7TiCcAw6/LbV3JbHMeHtRgnAQZR3spKw16te1sJ5x0/AdbEfLjmT4Ck/BqNFs+PnXiSarJ2JkJgwS7Bt5UP1upsWyoj1nipn4iFAk/fV9c9an3sACkZM7xHNBhafCN+YfQrDaunYFENT4kVdFRExh9LGvOGYtPYFe2GMCElyOon7QFopx4aTqQ3MZ7w4cpT65KN8HZnKwuvJBi2NrU2Cg/CPXa3jlpDAZiu6AlqOGbtoxt80DmMfSL3ULG7C2UqWym6Z61FRC7oiKJSKjlg86LUwvqckbQRpWNDIEVuTEnLL9p1Do1+krQxw4tn09GuZ/Nlcx4ZdiB";
/// `ssh-keygen -H` of lines for `hashed.example` and `[hashed.example]:2222`.
const HASHED: [&str; 2] = [
    "|1|CXzlWkG8aHMiPgHVbvFk0kMumf4=|9OTKxjHCju3542GA7xinOy2UGUA=",
    "|1|cIi6zgn8iFP3UAHptjUziT29MA8=|H2eK9pkXjZV09OPox2cGbBT1XRg=",
];

fn hosts(text: &str) -> KnownHosts {
    let mut hosts = KnownHosts::default();
    hosts.read("kh", text);
    hosts
}

fn key(text: &str) -> PublicKey {
    PublicKey::from_openssh(text).unwrap()
}

#[test]
fn a_record_matches_as_in_openssh() {
    let covered = |patterns: &str, host: &str, port: u16| {
        hosts(&format!("{patterns} {ED}")).check(host, port, &key(ED)) == Verdict::Known
    };
    for (patterns, host, port, expected) in [
        ("unit.example", "unit.example", 22, true),
        ("unit.example", "UNIT.example", 22, true),
        ("unit.example", "unit.example.org", 22, false),
        ("unit.example", "myunit.example", 22, false),
        ("[unit.example]:2222", "unit.example", 2222, true),
        ("[unit.example]:2222", "unit.example", 22, false),
        ("[unit.example]:2222", "unit.example", 2223, false),
        ("unit.example", "unit.example", 2222, true), // the same key by the bare name
        ("a,unit.example,b", "unit.example", 22, true),
        ("*.example", "unit.example", 22, true),
        ("*.example,!unit.example", "unit.example", 22, false),
        ("!other.example,*.example", "unit.example", 22, true),
        ("!unit.example", "unit.example", 22, false),
        ("uni?.example", "unit.example", 22, true),
        ("uni?.example", "uni.example", 22, false),
        ("10.0.0.*", "10.0.0.7", 22, true),
        ("[10.0.0.*]:22??", "10.0.0.7", 2222, true),
        (HASHED[0], "hashed.example", 22, true),
        (HASHED[0], "hashed.example.org", 22, false),
        (HASHED[1], "hashed.example", 2222, true),
        (HASHED[1], "hashed.example", 22, false),
        ("|1|nonsense|?", "unit.example", 22, false),
        ("|2|x|y,unit.example", "unit.example", 22, false),
    ] {
        assert_eq!(covered(patterns, host, port), expected, "{patterns} for {host}:{port}");
    }
}

#[test]
fn several_keys_of_a_host_are_all_accepted() {
    let known = hosts(&format!("# comment\n\nu {ED} me@here\nu {OTHER}\nu {RSA}\n"));
    for good in [ED, OTHER, RSA] {
        assert_eq!(known.check("u", 22, &key(good)), Verdict::Known, "{good}");
    }
    let Verdict::Changed(keys) = known.check("u", 22, &key(EC)) else { panic!("not known") };
    assert_eq!(keys.len(), 3);
    let first = "ssh-ed25519 SHA256:4U/Hxh2g48uP1Y2mxFcLlg8ky2P8tO9wVoVzNyJaH/0 (kh:3)";
    assert_eq!(keys[0], first, "what ssh-keygen -l prints, with the place");
}

#[test]
fn a_revoked_key_is_refused_in_spite_of_other_records() {
    let known = hosts(&format!("u {ED}\n@revoked * {ED}\nu {OTHER}\n"));
    assert_eq!(known.check("u", 22, &key(ED)), Verdict::Revoked("kh:2".to_owned()));
    assert_eq!(known.check("u", 2222, &key(ED)), Verdict::Revoked("kh:2".to_owned()));
    assert_eq!(known.check("u", 22, &key(OTHER)), Verdict::Known);
}

#[test]
fn a_host_without_a_record_is_unknown() {
    let known = hosts(&format!("u {ED}\n@cert-authority v {OTHER}\n@strange v {OTHER}\nv junk\n"));
    assert_eq!(known.check("v", 22, &key(OTHER)), Verdict::Unknown, "a CA key is not a host key");
    assert_eq!(known.check("w", 22, &key(ED)), Verdict::Unknown, "another host's key");
    assert_eq!(known.check("u", 2222, &key(OTHER)), Verdict::Unknown, "another port");
    assert!(matches!(known.check("u", 22, &key(OTHER)), Verdict::Changed(_)));
}

#[test]
fn the_types_of_known_keys_are_requested_first() {
    let known = hosts(&format!("u {RSA}\n@revoked u {ED}\n@cert-authority u {EC}\n"));
    let names: Vec<String> =
        known.algorithms("u", 22).iter().map(|a| a.as_str().to_owned()).collect();
    assert_eq!(names[..3], ["rsa-sha2-512", "rsa-sha2-256", "ssh-ed25519"]);
    assert_eq!(names.len(), 6, "none is left out, so that another key is seen and named");
    assert!(!names.contains(&"ssh-rsa".to_owned()));
}

#[tokio::test]
async fn a_missing_file_is_skipped_and_an_unreadable_one_is_an_error() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("known_hosts");
    std::fs::write(&file, format!("u {ED}\n")).unwrap();
    let known = KnownHosts::load(&[home.path().join("none"), file]).await.unwrap();
    assert_eq!(known.check("u", 22, &key(ED)), Verdict::Known);
    assert!(KnownHosts::load(&[home.path().to_owned()]).await.is_err(), "a directory");
}

#[test]
fn a_pattern_of_many_stars_takes_no_longer_than_others() {
    let stars = "*a".repeat(200);
    assert!(!matches(format!("{stars}b").as_bytes(), "a".repeat(4000).as_bytes()));
    assert!(matches(format!("{stars}*").as_bytes(), "a".repeat(4000).as_bytes()));
}

/// The lines at which `ssh-keygen -F` finds records of a host.
#[expect(clippy::disallowed_methods, reason = "ssh-keygen itself is asked")]
fn found_by_ssh_keygen(file: &Path, host: &str) -> Vec<usize> {
    let mut command = std::process::Command::new("ssh-keygen");
    let output = command.args(["-F", host, "-f"]).arg(file).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let line = |said: &str| {
        let number = said.strip_prefix("# Host ")?.split_once(" found: line ")?.1;
        number.split_whitespace().next()?.parse().ok()
    };
    said.lines().filter_map(line).collect()
}

/// A line of a file: a record as people write them, with mistakes.
fn lines() -> impl Strategy<Value = String> {
    let hosts = prop::sample::select(vec![
        "a", "A", "b", "a.b", "*", "?", "a*", "*b", "a?b", "!a", "!*b", "[a]:2222", "[*]:2222",
        "[a]:*", "[a]", "", HASHED[0], HASHED[1], "|1|x|y", "|2|x|y", "#a",
    ]);
    let hosts = prop::collection::vec(hosts, 1..4).prop_map(|all| all.join(","));
    let marker = prop::sample::select(vec![
        "",
        "",
        "",
        "@revoked ",
        "@cert-authority ",
        "@other ",
        " ",
        "\t",
    ]);
    // ssh-keygen -F does not look at the key; ssh does.
    let key = prop::sample::select(vec![ED, OTHER, EC, RSA]);
    let gap = prop::sample::select(vec![" ", "  ", "\t"]);
    let comment = prop::sample::select(vec!["", " me@here", " # no comment"]);
    (marker, hosts, gap, key, comment).prop_map(|(m, h, g, k, c)| format!("{m}{h}{g}{k}{c}"))
}

#[test]
#[ignore = "needs ssh-keygen"]
fn ssh_keygen_finds_the_same_records() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("known_hosts");
    let compared = std::cell::Cell::new(0);
    let names =
        ["a", "b", "a.b", "axb", "[a]:2222", "[b]:22", "hashed.example", "[hashed.example]:2222"];
    proptest!(ProptestConfig::with_cases(256), |(lines in prop::collection::vec(lines(), 1..8))| {
        std::fs::write(&file, lines.join("\n") + "\n").unwrap();
        let known = hosts(&lines.join("\n"));
        for name in names {
            let covering = known.0.iter().filter(|record| record.covers(name));
            let found: Vec<usize> = covering.map(|r| r.place[3..].parse().unwrap()).collect();
            prop_assert_eq!(&found, &found_by_ssh_keygen(&file, name), "{} in {:?}", name, lines);
            compared.set(compared.get() + found.len());
        }
    });
    assert!(compared.get() > 100, "{}", compared.get());
}
