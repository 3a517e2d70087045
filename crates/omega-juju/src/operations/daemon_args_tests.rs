use std::path::Path;

use proptest::prelude::*;

use super::*;

const FLAG: &str = "DAEMON_ARGS=\"$DAEMON_ARGS --config-dir /etc/magnum/magnum.conf.d\"\n";
const DIRECTORY: &str = "/etc/magnum/magnum.conf.d";

fn directory() -> UnitPath {
    DIRECTORY.parse().unwrap()
}

/// Pieces of files that can be edited, whatever else the shell does with them.
const EDITED: [&str; 74] = [
    ": \"${DAEMON_ARGS:=x}\"\n",
    "A=${B:-\"c d\"}; A=\"${B:-c d}\"\n",
    "A=\"${B:-\"c}d\"}\"\n",
    "A='a\nexit 0\nb' # c\n",
    "A=\"a # exit\"; B=a#b; C=\\# # 'open\n",
    "if ! true; then B=1; fi\n",
    "while read -r l; do :; done </dev/null\n",
    "trap 'exit 1' TERM\n",
    "A=$(( $(echo 1) + ${B:-2} ))\n",
    "A=$(case x in x) echo y;; esac)\n",
    "A=$(echo \"a)b\" 'c)d' # )\n)\n",
    "p() { local D=\"$DAEMON_ARGS\"; }; p\n",
    "DAEMON_ARGS=\"$DAEMON_ARGS\" # x \"unbalanced\n",
    "case $A in *\\)*|\"x y\") B=1;; esac\n",
    "A=${#DAEMON_ARGS} B=${B%%\"}\"}\n",
    "DAEMON_ARGS=\"${DAEMON_ARGS:+${DAEMON_ARGS% --x} }--y\"\n",
    "exit_code=0; echo exit >/dev/null; A=exit B=return true\n",
    "exited() { :; }\nexited\n",
    "exit &\nwait\n",
    "{\n  {\n    A=1\n  }\n}\n",
    "if true; then if false; then A=1; fi; else :; fi\n",
    "A=1;\\\nB=2\n",
    "true || true && DAEMON_ARGS=\"$DAEMON_ARGS --chain\" || false\n",
    "echo \"$(echo \"$(echo \")\")\")\" >/dev/null\n",
    "DAEMON_ARGS=\"$DAEMON_ARGS `echo --back`\"\n",
    "q() if true; then A=1; fi\nq\n",
    "for i\ndo A=1; done\n",
    "for i in a b # c\ndo\nA=$i\ndone\n",
    "unset OTHER\n",
    "set -f; set +f\n",
    "# see <<EOF and <<< and exit\n",
    "A=1 # <<EOF\n",
    "exec 2>>/dev/null\n",
    "exec 3>&2 2>/dev/null\n",
    "X=$(true || exit 1)\n",
    "X=$(cat /nowhere 2>/dev/null || exit 1) # exit\n",
    "X=`echo exit`\n",
    "( exit 1 )\n",
    "(\n  DAEMON_ARGS=\"--lost\"\n  exit 1\n)\n",
    "( DAEMON_ARGS=\"$DAEMON_ARGS --config-dir /etc/magnum/magnum.conf.d\" )\n",
    "exit 1 | true\n",
    "DAEMON_ARGS=\"${DAEMON_ARGS% --debug}\"\n",
    "DAEMON_ARGS=\"${DAEMON_ARGS#x}\"\n",
    "DAEMON_ARGS=\"${DAEMON_ARGS}${X:+ --x=$X}\"\n",
    "DAEMON_ARGS=\"${DAEMON_ARGS:+$DAEMON_ARGS }--verbose\"\n",
    "DAEMON_ARGS=\"${DAEMON_ARGS:-none} --debug\"\n",
    "N=$((1 + (2 * 3) << 2))\n",
    "DAEMON_ARGS=\"$DAEMON_ARGS --workers $((2 * 3))\"\n",
    "case \"$A\" in\n  1|2) B=1 ;;\n  *) DAEMON_ARGS=\"$DAEMON_ARGS --b\" ;;\nesac\n",
    "case $A in (x) B=1;; esac\n",
    "f() {\n  [ -n \"$1\" ] || return 0\n  A=1\n}\nf\n",
    "g () { DAEMON_ARGS=\"$DAEMON_ARGS --g\"; }; g\n",
    "h() ( exit 3 )\n",
    "if [ -n \"$A\" ]; then\n  DAEMON_ARGS=\"$DAEMON_ARGS --a\"\nelif false; then B=1\nelse\n  B=2\nfi\n",
    "for i in 1 2; do DAEMON_ARGS=\"$DAEMON_ARGS -v\"; done\n",
    "while false; do A=1; done\n",
    "until true\ndo\n  A=1\ndone >/dev/null\n",
    "DAEMON_ARGS=\"$DAEMON_ARGS \\\n  --debug\"\n",
    "DAEMON_ARGS=\"$DAEMON_ARGS\n--debug\"\n",
    "DAEMON_ARGS=$DAEMON_ARGS\\ --escaped\n",
    "DAEMON_ARGS=\"$DAEMON_ARGS\"' --single'\n",
    "[ -n \"$A\" ] && DAEMON_ARGS=\"$DAEMON_ARGS --and\"\n",
    "true &&\n  B=1\n",
    "A='it'\\''s; exit' B=\"; exit\"\n",
    "{ A=1; } 2>/dev/null\n",
    "export DAEMON_ARGS\n",
    "export A=1 DAEMON_ARGS=\"$DAEMON_ARGS --export\"\n",
    "umask 027; ulimit -n 4096 2>/dev/null\n",
    "SAVED=\"$DAEMON_ARGS\"\n",
    "DAEMON_ARGS=--x true\n",
    FLAG,
    "DAEMON_ARGS=\"${DAEMON_ARGS:-} --config-dir=/etc/magnum/magnum.conf.d/\" # ours\n",
    "DAEMON_ARGS=\"$DAEMON_ARGS \\\n  --config-dir /etc/magnum/magnum.conf.d\"\n",
    "DAEMON_ARGS=\"$DAEMON_ARGS --debug --config-dir /etc/magnum/magnum.conf.d\"\n",
];

/// What is refused, with a part of the reason and the line.
const REFUSED: [(&str, &str, usize); 36] = [
    ("A=1\nexit 0\n", "after `exit`", 2),
    ("return\n", "after `return`", 1),
    ("exec /bin/true\n", "after `exec`", 1),
    ("exec 2>/dev/null /bin/true\n", "after `exec`", 1),
    ("A=$(true) || exit 1\n", "after `exit`", 1),
    ("if false; then exit; fi\n", "after `exit`", 1),
    ("case x in\n  x) exit 1 ;;\nesac\n", "after `exit`", 2),
    ("A=1\nread A <<< x\n", "`<<<` is not of sh", 2),
    ("cat <<E\nx\nE\n", "here-document", 1),
    ("A=1\ndiff <(true) <(true)\n", "`<(` is not of sh", 2),
    ("[[ -n $A ]] && B=1\n", "`[[` is not of sh", 1),
    ("A=(1 2)\n", "sh can't parse `(`", 1),
    ("echo ${A/x/y}\n", "is not of sh", 1),
    ("echo ${A^^}\n", "is not of sh", 1),
    ("true &>/dev/null\n", "`&>` is not of sh", 1),
    ("function f { A=1; }\n", "`function` is not of sh", 1),
    ("A=$'x'\n", "is not of sh", 1),
    ("A=\"1\n", "not closed", 1),
    ("A=1 \\\n", "not closed", 1),
    ("A=1\\\n", "not closed", 1),
    ("if true; then\n", "not closed", 1),
    ("A=$(true\n", "not closed", 1),
    ("A=${B\n", "is not of sh", 1),
    ("A=${B", "not closed", 1),
    ("if true; then\n  # nothing\nfi\n", "an empty block", 3),
    ("fi\n", "not closed", 1),
    (")\n", "not closed", 1),
    ("DAEMON_ARGS=--debug\n", "--config-file is lost", 1),
    ("DAEMON_ARGS='$DAEMON_ARGS --debug'\n", "single quotes", 1),
    ("DAEMON_ARGS=\\$DAEMON_ARGS\n", "single quotes", 1),
    ("unset DAEMON_ARGS\n", "unclear what `unset` does", 1),
    ("A=1\neval \"DAEMON_ARGS=x\"\n", "unclear what `eval` does", 2),
    ("readonly DAEMON_ARGS\n", "unclear what `readonly` does", 1),
    ("for DAEMON_ARGS in 1; do A=1; done\n", "a loop sets DAEMON_ARGS", 1),
    ("export DAEMON_ARGS=$DAEMON_ARGS\n", "unclear what `export` does", 1),
    (
        "DAEMON_ARGS=\"$DAEMON_ARGS $(echo --config-dir /etc/magnum/magnum.conf.d)\"\n",
        "the flag or directory in another form",
        1,
    ),
];

/// Where the flag is not the shell's own, or its line can't be removed.
const MISPLACED: [(&str, &str); 7] = [
    ("if true; then\nFLAGfi\n", "only under a condition"),
    ("true &&\nFLAG", "only under a condition"),
    ("f() {\nFLAG}\n", "only under a condition"),
    ("D='--config-dir /etc/magnum/magnum.conf.d'\n", "in another form"),
    (
        "D='--config-dir /etc/magnum/magnum.conf.d'; DAEMON_ARGS=\"$DAEMON_ARGS $D\"\n",
        "in another form",
    ),
    ("FLAGDAEMON_ARGS=\"${DAEMON_ARGS% *}\"\n", "unclear whether it drops the flag"),
    ("case \"$DAEMON_ARGS\" in *--config-dir*) ;; *) FLAG;; esac\n", "only under a condition"),
];

#[test]
fn each_piece_is_edited_or_refused_with_its_reason() {
    for text in EDITED {
        let edited = edit(text, &directory()).unwrap_or_else(|error| panic!("{text}: {error:?}"));
        assert_eq!(edit(&edited, &directory()).unwrap(), edited, "it stays as it is");
    }
    for (text, why, line) in REFUSED {
        let error = edit(text, &directory()).unwrap_err();
        assert!(error.why.contains(why), "{text}: {error:?}");
        assert_eq!(error.line, line, "{text}: {error:?}");
    }
    for (text, why) in MISPLACED {
        let text = text.replace("FLAG", FLAG);
        let error = edit(&text, &directory()).unwrap_err();
        assert!(error.why.contains(why), "{text}: {error:?}");
    }
}

#[test]
fn a_deep_file_is_refused_and_does_not_end_the_process() {
    for deep in ["${A:-", "$(", "(", "f() ", "{ ", "if ", "! ", "\"${A:-"] {
        let text = deep.repeat(20_000);
        assert!(edit(&text, &directory()).is_err(), "{deep}");
    }
}

/// What the shell makes of `DAEMON_ARGS`; `None` if it can't read the file, or ends in it.
#[expect(clippy::disallowed_methods, reason = "the shell itself is asked")]
fn sourced(shell: &str, home: &Path, text: &str) -> Option<String> {
    let file = home.join("default");
    std::fs::write(&file, text).unwrap();
    let script = "DAEMON_ARGS=--config-file=/etc/magnum/magnum.conf; . \"$1\"; \
                  printf '=%s' \"$DAEMON_ARGS\"";
    let output = std::process::Command::new(shell)
        .args(["-c", script, "sh"])
        .arg(&file)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.rsplit_once('=').is_some().then(|| text[1..].to_owned())
}

fn shells() -> Vec<&'static str> {
    let all = ["/bin/sh", "/bin/dash", "/bin/bash"];
    all.into_iter().filter(|shell| Path::new(shell).exists()).collect()
}

/// The arguments without the flag, and how often it is among them.
fn without_flag(value: &str) -> (Vec<String>, usize) {
    let words: Vec<String> = value.split_whitespace().map(str::to_owned).collect();
    let flags = count(&words, &directory());
    let kept = value
        .replace("--config-dir=/etc/magnum/magnum.conf.d/", "")
        .replace("--config-dir /etc/magnum/magnum.conf.d", "");
    (kept.split_whitespace().map(str::to_owned).collect(), flags)
}

/// Checks an edited file with each shell: the flag is there once, and the rest is as before.
fn check(home: &Path, text: &str) {
    let Ok(edited) = edit(text, &directory()) else { return };
    for shell in shells() {
        let (before, after) = (sourced(shell, home, text), sourced(shell, home, &edited));
        let (before, after) = (before.expect(text), after.expect(&edited));
        let ((was, _), (is, flags)) = (without_flag(&before), without_flag(&after));
        assert_eq!(flags, 1, "{shell}: {edited}");
        assert_eq!(is, was, "{shell}: {edited}");
    }
}

fn piece() -> impl Strategy<Value = String> {
    let misplaced = MISPLACED.map(|(text, _)| text.replace("FLAG", FLAG));
    prop_oneof![
        6 => prop::sample::select(EDITED.to_vec()).prop_map(str::to_owned),
        1 => prop::sample::select(REFUSED.map(|(text, _, _)| text.to_owned()).to_vec()),
        1 => prop::sample::select(misplaced.to_vec()),
    ]
}

/// Files of such pieces, some of them in blocks: the editor and the shells agree, or it refuses.
fn file() -> impl Strategy<Value = String> {
    let block = (0_usize..7, prop::collection::vec(piece(), 1..3)).prop_map(|(kind, pieces)| {
        let inside = pieces.concat();
        match kind {
            0 => format!("if [ -z \"$A\" ]; then\n{inside}fi\n"),
            1 => format!("k() {{\n{inside}}}\nk\n"),
            2 => format!("(\n{inside})\n"),
            3 => format!("{{\n{inside}}}\n"),
            4 => format!("case x in\n  x)\n{inside};;\nesac\n"),
            5 => format!("Y=$(\n{inside})\n"),
            _ => inside,
        }
    });
    prop::collection::vec(block, 0..5).prop_map(|blocks| blocks.concat())
}

#[test]
fn each_piece_is_what_the_shells_make_of_it() {
    let home = tempfile::tempdir().unwrap();
    for text in EDITED {
        check(home.path(), text);
        check(home.path(), text.trim_end());
    }
}

proptest! {
    #[test]
    fn an_edited_file_is_what_the_shells_make_of_it(text in file()) {
        let home = tempfile::tempdir().unwrap();
        check(home.path(), &text);
    }
}
