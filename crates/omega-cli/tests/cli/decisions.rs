//! `decisions`, `explain`, `as-built`.

use super::*;

/// Text without its breaks between lines.
fn flowing(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn decisions_are_listed_with_their_rules_and_what_is_known() {
    let home = Home::new();
    let all = home.run(&["decisions"]).exits(0).out;
    assert!(all.lines().all(|line| line.chars().count() <= 80), "{all}");
    let all = flowing(&all);
    for text in [
        "D-005 Ceph release (in force)",
        "1 rule; never checked: omega-cli lint bundle bundle.yaml",
        "It is about where files are kept",
        "omega-cli decisions ID lists the rules of one",
    ] {
        assert!(all.contains(text), "no {text}\n{all}");
    }
    let one = flowing(&home.run(&["decisions", "d-021"]).exits(0).out);
    for text in ["amphora-image (lint of a bundle)", "never checked", "omega-cli explain D-021"] {
        assert!(one.contains(text), "no {text}\n{one}");
    }
    home.run(&["decisions", "D-942"]).exits(64).says(&["no decision `D-942`", "lists all"]);
}

#[test]
fn contradictions_are_stated_by_themselves() {
    let home = Home::new();
    let all = home.run(&["decisions", "--contradictions"]).exits(0).out;
    for id in ["D-002", "D-003", "D-007", "D-009", "D-019"] {
        assert!(all.contains(&format!("{id} ")), "no {id}\n{all}");
    }
    assert!(all.contains("1.1.1.1") && all.contains("8.8.8.8") && !all.contains("D-001"), "{all}");
    let explained = home.run(&["explain", "D-009"]).exits(0).out;
    assert!(explained.contains("but       One unit"), "{explained}");
    assert!(explained.contains("omega-cli decisions D-009"), "{explained}");
}

/// What a command stored is the last result; a damaged run is named and hides nothing.
#[test]
fn a_stored_result_is_shown_with_its_time_and_command() {
    let home = Home::with_cloud();
    home.write("omega.toml", "[cloud]\nname = \"here\"\n");
    home.run(&["accept", "--only", "8"]).exits(0);
    let one = flowing(&home.run(&["decisions", "D-008"]).exits(0).out);
    assert!(one.contains("D-011.8 (acceptance)") && one.contains("deferred 20"), "{one}");
    assert!(one.contains("by accept (omega.toml): D-019"), "{one}");
    let other = home.run(&["decisions", "D-008", "--site", "other.toml"]).exits(0).out;
    assert!(!other.contains("deferred 20"), "{other}");
    let runs = home.path().join("state/omega/runs");
    fs::create_dir_all(runs.join("broken")).unwrap();
    fs::write(runs.join("broken/run.json"), "{").unwrap();
    let damaged = home.run(&["decisions", "D-008"]).exits(1);
    assert!(damaged.out.contains("deferred 20"), "{damaged:#?}");
    damaged.says(&["is damaged"]);
}

/// A check that changes nothing has no run; what it found is kept all the same, of its own site.
#[test]
fn what_a_check_found_is_kept_until_it_is_checked_again() {
    let home = Home::new();
    home.write("omega.toml", "");
    let last = || flowing(&home.run(&["decisions", "D-035"]).exits(0).out);
    assert!(!last().contains("by lint site"));
    home.run(&["lint", "site"]).exits(0);
    let found = last();
    assert!(found.contains("passed 20") && found.contains("by lint site"), "{found}");
    assert!(
        !flowing(&home.run(&["decisions", "--site", "other.toml"]).exits(0).out)
            .contains("by lint site")
    );
    // A directory that can't be written: the check is valid, and says so.
    let results = home.path().join("state/omega/results");
    fs::remove_dir_all(&results).unwrap();
    fs::write(&results, "").unwrap();
    home.run(&["lint", "site"]).says(&["could not keep the results"]);
}

/// Nothing answers here: every part says so in its place, and the file is written all the same.
#[test]
fn what_exists_is_written_with_what_could_not_be_read() {
    let home = Home::with_cloud();
    home.write("omega.toml", "[cloud]\nname = \"here\"\n[timeouts]\nconnect = \"1s\"\n");
    let ran = home.run(&["as-built", "--out", "as-built.md"]).exits(1);
    assert_eq!(ran.out, "Written to as-built.md.\n");
    ran.says(&["could not be read"]);
    let page = fs::read_to_string(home.path().join("as-built.md")).unwrap();
    for text in [
        "# As built: omega.toml\n",
        "## Endpoints\n\n* **Not read**: the catalog: ",
        "## Applications\n\nNot looked at: the site file names no application and no model of Juju.\n",
        "## Controllers\n\nNot looked at: ",
    ] {
        assert!(page.contains(text), "no {text}\n{page}");
    }
    let shown = home.run(&["as-built"]).exits(1).out;
    assert!(shown.starts_with("# As built: omega.toml"), "{shown}");
    let bare = Home::new();
    bare.write("omega.toml", "");
    bare.run(&["as-built"]).exits(64).says(&["the site file names no cloud"]);
    home.write("omega.toml", "[cloud]\nname = \"here\"\n");
    // An earlier page is replaced, and nothing else: not the site file.
    home.run(&["as-built", "--out", "as-built.md"]).exits(1);
    let site = fs::read(home.path().join("omega.toml")).unwrap();
    let refused = home.run(&["as-built", "--out", "omega.toml"]).exits(64);
    refused.says(&["omega.toml exists and is not a page of as-built", "it would be lost"]);
    assert_eq!(fs::read(home.path().join("omega.toml")).unwrap(), site);
    home.run(&["as-built", "--out", "no/such/place.md"])
        .exits(1)
        .says(&["could not write", "--out FILE"]);
}
