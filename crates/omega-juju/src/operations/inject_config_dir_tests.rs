use super::*;
use crate::{
    operations::{
        daemon_args,
        world::{cases, client, shown},
    },
    sim::{self, Start},
};

const DEFAULT: &str = "/etc/default/magnum-conductor";
const FLAG: &str = "DAEMON_ARGS=\"$DAEMON_ARGS --config-dir /etc/magnum/magnum.conf.d\"\n";

fn desired() -> InjectConfigDir {
    InjectConfigDir::graft()
}

/// A unit with the directory, and this in the file.
fn unit(text: &str) -> sim::Unit {
    let sim = Start::Fresh.unit("magnum/0");
    sim.make_directory("/etc/magnum/magnum.conf.d");
    sim.write(DEFAULT, text.as_bytes(), "root", "root", 0o644);
    sim
}

#[tokio::test(start_paused = true)]
async fn a_file_that_the_daemon_can_read_is_not_opened_to_everybody() {
    for (owner, group, before, after) in [
        ("root", "magnum", 0o640, 0o640),
        ("magnum", "root", 0o400, 0o400),
        ("root", "root", 0o640, 0o644),
        ("root", "root", 0o604, 0o604),
    ] {
        let sim = unit("");
        sim.write(DEFAULT, b"A=1\n", owner, group, before);
        ensure(&Context::default(), &client(&sim), &desired()).await.unwrap();
        let FileState::Regular(facts) = client(&sim).file(&DEFAULT.parse().unwrap()).await.unwrap()
        else {
            panic!("no file")
        };
        assert_eq!((facts.owner.as_str(), facts.group.as_str()), (owner, group));
        assert_eq!(facts.mode.bits(), after, "{owner}:{group} {before:o}");
    }
}

async fn text_after(text: &str) -> String {
    let sim = unit(text);
    ensure(&Context::default(), &client(&sim), &desired()).await.unwrap();
    let args = client(&sim).show_args(&desired().daemon).await.unwrap().unwrap();
    assert_eq!(daemon_args::count(&args, &desired().directory), 1, "{args:?}");
    assert!(args.contains(&"--config-file=/etc/magnum/magnum.conf".to_owned()), "{args:?}");
    sim.read(DEFAULT).unwrap()
}

/// An existing flag is kept in any spelling, a missing one is added, and all other lines are kept
/// byte for byte.
#[tokio::test(start_paused = true)]
async fn every_spelling_ends_in_one_flag() {
    for same in [
        FLAG.to_owned(),
        FLAG.replace("$DAEMON_ARGS", "${DAEMON_ARGS}"),
        FLAG.replace("--config-dir ", "--config-dir="),
        FLAG.replace("conf.d", "conf.d/"),
        FLAG.trim_end().to_owned(),
        format!("export {FLAG}"),
        format!("# --config-dir /etc/magnum/magnum.conf.d\n\n  {FLAG}"),
        "DAEMON_ARGS=\"${DAEMON_ARGS} --debug --config-dir /etc/magnum/magnum.conf.d\"\n".into(),
        format!("DAEMON_ARGS=\"--config-file=/etc/magnum/magnum.conf --debug\"\n{FLAG}"),
    ] {
        assert_eq!(text_after(&same).await, same);
    }
    let literal = FLAG.replace('"', "'");
    for (before, after) in [
        (String::new(), FLAG.to_owned()),
        ("A=1".into(), format!("A=1\n{FLAG}")),
        (
            "# USE_SYSLOG=yes\n\tB='x y' # c\n".into(),
            format!("# USE_SYSLOG=yes\n\tB='x y' # c\n{FLAG}"),
        ),
        (format!("#{FLAG}"), format!("#{FLAG}{FLAG}")),
        (format!("{FLAG}A=1\n{FLAG}"), format!("A=1\n{FLAG}")),
        (literal.clone(), FLAG.to_owned()),
        (FLAG.replace("=\"$", "+=\"$"), FLAG.to_owned()),
        (FLAG.replace("magnum.conf.d", "other.conf.d"), {
            format!("{}{FLAG}", FLAG.replace("magnum.conf.d", "other.conf.d"))
        }),
        (
            "if [ -n \"$A\" ]; then\n  B=1\nfi\n".into(),
            format!("if [ -n \"$A\" ]; then\n  B=1\nfi\n{FLAG}"),
        ),
        (
            format!("{FLAG}DAEMON_ARGS=\"--config-file=/etc/magnum/magnum.conf\"\n"),
            format!("DAEMON_ARGS=\"--config-file=/etc/magnum/magnum.conf\"\n{FLAG}"),
        ),
    ] {
        assert_eq!(text_after(&before).await, after, "{before}");
    }
}

/// Shapes of public shell: the init script has set `DAEMON_ARGS`, so each of them keeps it.
#[tokio::test(start_paused = true)]
async fn expansions_of_the_arguments_are_understood() {
    for line in [
        "DAEMON_ARGS=\"${DAEMON_ARGS:-} --debug\"\n",
        "DAEMON_ARGS=\"${DAEMON_ARGS:+$DAEMON_ARGS }--debug\"\n",
        "DAEMON_ARGS=\"${DAEMON_ARGS:+${DAEMON_ARGS} }--debug\"\n",
        "DAEMON_ARGS=\"$DAEMON_ARGS${EXTRA_ARGS:+ $EXTRA_ARGS}\"\n",
    ] {
        assert_eq!(text_after(line).await, format!("{line}{FLAG}"), "{line}");
        let same = line.replace("--debug", "--debug --config-dir /etc/magnum/magnum.conf.d");
        if same != line {
            assert_eq!(text_after(&same).await, same);
        }
    }
    let alone = "DAEMON_ARGS=\"${DAEMON_ARGS:-} --config-dir /etc/magnum/magnum.conf.d\"\n";
    assert_eq!(text_after(alone).await, alone);
}

#[test]
fn a_function_is_a_block_and_an_exit_behind_or_is_seen() {
    let directory = "/etc/magnum/magnum.conf.d".parse().unwrap();
    let edit = |text: &str| daemon_args::edit(text, &directory);
    for text in [
        "f() {\n  echo hi\n}\nf\n",
        "f () { echo hi; }\nf\n",
        "f() {\n  [ -n \"$1\" ] || return 0\n  A=1\n}\n",
        "case $A in\n  x) B=1 ;;\nesac\n",
    ] {
        assert_eq!(edit(text).unwrap(), format!("{text}{FLAG}"), "{text}");
    }
    for (text, why) in [
        ("[ -f /x ] || exit 0\n", "after `exit`, later lines are not executed"),
        ("[ -f /x ] || return 0\n", "after `return`, later lines are not executed"),
        ("f() {\n  exit 0\n}\n", "after `exit`, later lines are not executed"),
        ("case $A in\n  x) exit ;;\nesac\n", "after `exit`, later lines are not executed"),
        ("f() {\n", "a quote, block or continued line is not closed"),
        ("}\n", "a quote, block or continued line is not closed"),
    ] {
        assert_eq!(edit(text).unwrap_err().why, why, "{text}");
    }
}

/// show-args has the truth: nothing is added to a file after which `--config-file` is lost.
#[tokio::test(start_paused = true)]
async fn arguments_without_a_configuration_file_are_refused_before_a_write() {
    let sim = unit("DAEMON_ARGS=\"$DAEMON_ARGS--debug\"\n");
    let shown = shown(&sim, &desired()).await;
    assert!(shown.contains("has no --config-file"), "{shown}");
    assert!(shown.contains("magnum.conf--debug"), "{shown}");
    assert_eq!(sim.writes(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_is_shown() {
    let fresh = Start::Fresh.unit("magnum/0");
    let hook = Start::HookRewrote.unit("magnum/0");
    let old = Start::Superseded.unit("magnum/0");
    let without = unit(FLAG);
    without.remove("/etc/magnum/magnum.conf.d");
    let closed = unit(FLAG);
    closed.write(DEFAULT, FLAG.as_bytes(), "root", "root", 0o600);
    insta::assert_snapshot!(cases(vec![
        ("nothing there", shown(&fresh, &desired()).await),
        ("a hook rewrote it", shown(&hook, &desired()).await),
        ("twice", shown(&unit(&format!("{FLAG}{FLAG}")), &desired()).await),
        ("there, without the directory", shown(&without, &desired()).await),
        ("there, and the daemon can't read it", shown(&closed, &desired()).await),
        ("a systemd drop-in goes around it", shown(&old, &desired()).await),
    ]));
}

#[tokio::test(start_paused = true)]
async fn what_is_refused() {
    let link = Start::Fresh.unit("magnum/0");
    link.link(DEFAULT, "/etc/default/magnum-api");
    let other = Start::Fresh.unit("magnum/0");
    other.without("magnum-conductor");
    let global = Start::Fresh.unit("magnum/0");
    let twice = format!("{FLAG}{FLAG}");
    global.write("/etc/default/openstack", twice.as_bytes(), "root", "root", 0o644);
    let mixed = "DAEMON_ARGS=\"$DAEMON_ARGS --debug --config-dir /etc/magnum/magnum.conf.d\"\n";
    let all = [
        ("it resets the arguments", "A=1\nDAEMON_ARGS=\"--debug\"\n".to_owned()),
        ("single quotes", "DAEMON_ARGS='$DAEMON_ARGS --debug'\n".to_owned()),
        ("carriage returns", FLAG.replace('\n', "\r\n")),
        ("an open quote", "A=\"1\n".to_owned()),
        ("a line that goes on", "A=1 \\".to_owned()),
        ("it ends early", "A=1\n[ -n \"$A\" ] && exit\n".to_owned()),
        ("an open if", "if true; then\nA=1\n".to_owned()),
        ("a here-document", "cat <<E\nx\nE\n".to_owned()),
        ("among others, twice", format!("{mixed}{mixed}")),
        ("among others, then dropped", {
            format!("{mixed}DAEMON_ARGS=\"--config-file=/etc/magnum/magnum.conf\"\n")
        }),
        ("in a variable of its own", "D='--config-dir /etc/magnum/magnum.conf.d'\n".to_owned()),
    ];
    let mut shots = Vec::new();
    for (title, text) in all {
        let sim = unit(&text);
        let before = sim.snapshot();
        shots.push((title, shown(&sim, &desired()).await));
        assert_eq!(sim.snapshot(), before);
    }
    shots.push(("a link", shown(&link, &desired()).await));
    shots.push(("no conductor", shown(&other, &desired()).await));
    shots.push(("twice in /etc/default/openstack", shown(&global, &desired()).await));
    insta::assert_snapshot!(cases(shots));
}
