//! A run that changes something: its plan, journal and reports.

use std::{fs, io, os::unix::fs::PermissionsExt as _, path::Path};

use crate::{desk::Desk, run::run, world::Tally};

/// juju with one application, whose options are `workers`, in a file, and a secret.
const JUJU: &str = r#"#!/bin/bash
cd HOME
n=$(mktemp HOME/records/juju.XXXXXX)
cat /proc/$$/cmdline >"$n.arguments"
cat /proc/$$/environ >"$n.environment"
case "$*" in
  status*) echo '{"model": {"name": "m", "controller": "c"},
                  "applications": {"web": {"charm": "web", "units": {}}}}' ;;
  *'--format json'*) printf '{"application": "web", "charm": "web", "settings": {"workers":
    {"description": "d", "source": "user", "type": "int", "value": %s, "default": 1},
    "shared-secret": {"description": "d", "source": "user", "type": "string", "value": %s}}}' \
    "$(cat workers)" "$(cat secret.json)" ;;
  *workers=*) all="$*"; echo "${all##*workers=}" >workers ;;
  *) echo "unexpected: $*" >&2; exit 1 ;;
esac
"#;

/// Changes an option of a charm that has another, secret one; shows the run; and rolls it back.
pub(crate) fn and_rolled_back(program: &Path) -> io::Result<Tally> {
    let (mut desk, mut tally) = (Desk::new()?, Tally::default());
    let home = desk.path().display().to_string();
    let secret = desk.secret("an option of a charm").quoted();
    desk.write("secret.json", &secret)?;
    desk.write("workers", "2\n")?;
    desk.write("bin/juju", &JUJU.replace("HOME", &home))?;
    fs::set_permissions(desk.path().join("bin/juju"), fs::Permissions::from_mode(0o700))?;
    desk.write("omega.toml", &format!("[juju]\nprogram = \"{home}/bin/juju\"\n"))?;
    let set = "ensure-charm-config --application web --set workers=4";
    for (line, code) in [
        (format!("{set} --plan"), 2),
        (format!("{set} --yes -vv --trace trace.jsonl"), 0),
        ("runs".to_owned(), 0),
        ("runs show latest".to_owned(), 0),
        ("runs show latest --output json".to_owned(), 0),
        ("rollback --run latest --plan".to_owned(), 2),
        ("rollback --run latest --yes --output json".to_owned(), 0),
        ("decisions --output json".to_owned(), 0),
    ] {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let ran = run(program, &desk, &words, None)?;
        tally.add(&desk, &line, &ran);
        tally.found.search_files(&desk, &line)?;
        if ran.code != Some(code) {
            let said = String::from_utf8_lossy(&ran.stderr).into_owned();
            tally.found.leaks.insert(format!("{line}: it ended with {:?}: {said}", ran.code));
        }
    }
    Ok(tally)
}
