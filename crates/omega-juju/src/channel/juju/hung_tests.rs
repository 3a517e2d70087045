//! A program juju that never ends. Time is paused: the deadlines pass at once.

use omega_core::Diagnostic as _;

use super::*;
use crate::ServiceAction;

/// A `juju` that hangs, and the directory that it is in.
fn hung() -> (tempfile::TempDir, PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let program = home.path().join("juju");
    std::fs::write(&program, "#!/bin/sh\nexec sleep 600\n").unwrap();
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&program, executable).unwrap();
    (home, program)
}

/// The error says that juju did not end; only what was to change something may have done so.
#[tokio::test(start_paused = true)]
async fn a_juju_that_hangs_is_not_a_probe_on_the_unit() {
    let (_home, program) = hung();
    let target = JujuTarget::new(&program, "magnum/0".parse().unwrap());
    let juju = Juju::new(target, Deadlines::default());
    let (model, deadlines) = (Some("prod:openstack".to_owned()), Deadlines::default());
    let commands = JujuProgram { program: program.clone(), model: model.clone(), deadlines };
    let probes = [Probe::File { path: "/x".parse().unwrap() }];
    let action = Action::Service(ServiceAction::ReloadUnits);
    let write = commands.run("set x", "config", &["nova".to_owned()], Touched::Maybe).await;
    let model = "model prod:openstack";
    for (error, command, whom, after, touched) in [
        (juju.ask(&probes).await.unwrap_err(), "exec", "magnum/0", 120, Touched::Nothing),
        (
            juju.act(&action, Payload::Null, None).await.unwrap_err(),
            "ssh",
            "magnum/0",
            320,
            Touched::Maybe,
        ),
        (
            juju_status(&program, commands.model.as_deref(), deadlines).await.unwrap_err(),
            "status",
            model,
            40,
            Touched::Nothing,
        ),
        (write.unwrap_err(), "config", model, 40, Touched::Maybe),
    ] {
        let expected =
            format!("juju {command} ({whom}) did not end within {after}s and was killed");
        assert_eq!(error.to_string(), expected);
        assert!(error.timed_out());
        assert_eq!(error.touched(), touched, "{command}");
        let next = error.next().unwrap();
        assert!(next.contains("the controller answers (juju controllers --refresh)"), "{next}");
        let unchanged = touched == Touched::Nothing;
        assert_eq!(next.contains("nothing was changed"), unchanged, "{next}");
        assert_eq!(next.contains("check that before you run it again"), !unchanged, "{next}");
    }
}
