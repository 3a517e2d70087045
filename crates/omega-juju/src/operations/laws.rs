//! Every operation obeys the laws, on units in typical and unusual states.

use std::collections::BTreeMap;

use omega_core::{
    Context, Desired, ensure,
    testing::{Case, Tally, Undo, check_laws},
    values::Sha256,
};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};

use super::{
    ConvergeServices, DirectoryImage, EnsureHelm, HelmSource, Image, InjectConfigDir, PinDriver,
    RemoveLeftovers, RestoreDriver, RestoreFiles, magnum,
    world::{Room, WHEEL, client, ensure_helm, options, place_kubeconfig, stage_dropin},
};
use crate::{
    Access, Download, PipSource, Unit,
    sim::{self, HELM, KUBECONFIG, Snapshot, Start},
};

/// One odd thing about a unit.
#[derive(Clone, Copy, Debug)]
enum Odd {
    Nothing,
    NoApi,
    NotManaged,
    OldPip,
    OldPipManaged,
    NoPip,
    OtherKubeconfig,
    WorldReadableKubeconfig,
    OtherHelm,
    LinkedHelm,
    LinkedGoodHelm,
    HelmInLocalBin,
    OtherDropin,
    ClosedDropin,
    FlagWithoutDirectory,
    FlagTwice,
    LiteralFlag,
    ResetAfterFlag,
    NoNewline,
    ClosedDefault,
    ForeignOverride,
    OverrideNotRead,
    RemovedNotRead,
    Stopped,
    Masked,
    NewerDriver,
    LinkedDefault,
}

const ODDS: [Odd; 27] = [
    Odd::Nothing,
    Odd::NoApi,
    Odd::NotManaged,
    Odd::OldPip,
    Odd::OldPipManaged,
    Odd::NoPip,
    Odd::OtherKubeconfig,
    Odd::WorldReadableKubeconfig,
    Odd::OtherHelm,
    Odd::LinkedHelm,
    Odd::LinkedGoodHelm,
    Odd::HelmInLocalBin,
    Odd::OtherDropin,
    Odd::ClosedDropin,
    Odd::FlagWithoutDirectory,
    Odd::FlagTwice,
    Odd::LiteralFlag,
    Odd::ResetAfterFlag,
    Odd::NoNewline,
    Odd::ClosedDefault,
    Odd::ForeignOverride,
    Odd::OverrideNotRead,
    Odd::RemovedNotRead,
    Odd::Stopped,
    Odd::Masked,
    Odd::NewerDriver,
    Odd::LinkedDefault,
];

const FLAG: &str = "DAEMON_ARGS=\"$DAEMON_ARGS --config-dir /etc/magnum/magnum.conf.d\"\n";
const DEFAULT: &str = "/etc/default/magnum-conductor";
const OVERRIDE: &str = "/etc/systemd/system/magnum-conductor.service.d/override.conf";

fn default(sim: &sim::Unit, text: &str, mode: u32) {
    sim.write(DEFAULT, text.as_bytes(), "root", "root", mode);
}

fn dropin(sim: &sim::Unit, mode: u32) {
    sim.make_directory("/etc/magnum/magnum.conf.d");
    let path = "/etc/magnum/magnum.conf.d/00-capi-helm.conf";
    sim.write(path, b"[capi_helm]\nkubeconfig_file = /etc/other\n", "root", "root", mode);
}

fn foreign_override(sim: &sim::Unit, text: &str) {
    sim.make_directory("/etc/systemd/system/magnum-conductor.service.d");
    sim.write(OVERRIDE, text.as_bytes(), "root", "root", 0o644);
}

fn unit(start: Start, odd: Odd) -> sim::Unit {
    let sim = start.unit("magnum/0");
    match odd {
        Odd::Nothing => {}
        Odd::NoApi => sim.without("magnum-api"),
        Odd::NotManaged => sim.set_pip(Some("23.0.1"), false),
        Odd::OldPip => sim.set_pip(Some("22.0.2"), false),
        Odd::OldPipManaged => sim.set_pip(Some("22.0.2"), true),
        Odd::NoPip => sim.set_pip(None, true),
        Odd::OtherKubeconfig => {
            sim.write("/etc/magnum/kubeconfig", b"other\n", "magnum", "magnum", 0o600);
        }
        Odd::WorldReadableKubeconfig => {
            let bytes = sim::KUBECONFIG.as_bytes();
            sim.write("/etc/magnum/kubeconfig", bytes, "root", "root", 0o644);
        }
        Odd::OtherHelm => sim.write("/usr/bin/helm", b"helm v2\n", "root", "root", 0o755),
        Odd::LinkedHelm => {
            sim.write("/opt/helm", b"helm v2\n", "root", "root", 0o755);
            sim.link("/usr/bin/helm", "/opt/helm");
        }
        Odd::LinkedGoodHelm => {
            sim.write("/opt/helm", HELM, "root", "root", 0o755);
            sim.link("/usr/bin/helm", "/opt/helm");
        }
        Odd::HelmInLocalBin => sim.write("/usr/local/bin/helm", HELM, "root", "root", 0o755),
        Odd::OtherDropin => dropin(&sim, 0o644),
        Odd::ClosedDropin => dropin(&sim, 0o600),
        Odd::FlagWithoutDirectory => default(&sim, FLAG, 0o644),
        Odd::FlagTwice => default(&sim, &format!("A=1\n{FLAG}# c\n{FLAG}"), 0o644),
        Odd::LiteralFlag => default(&sim, &FLAG.replace('"', "'"), 0o644),
        Odd::ResetAfterFlag => default(&sim, &format!("{FLAG}DAEMON_ARGS=\"--debug\"\n"), 0o644),
        Odd::NoNewline => default(&sim, "USE_SYSLOG=no", 0o640),
        Odd::ClosedDefault => default(&sim, FLAG, 0o600),
        Odd::ForeignOverride => foreign_override(&sim, "[Service]\nLimitNOFILE=4096\n"),
        Odd::OverrideNotRead => foreign_override(
            &sim,
            "[Service]\nExecStart=\nExecStart=/usr/bin/magnum-conductor --config-dir=/x\n",
        ),
        Odd::RemovedNotRead => sim.remove(OVERRIDE),
        Odd::Stopped => sim.stop("magnum-conductor"),
        Odd::Masked => sim.mask("magnum-conductor"),
        Odd::NewerDriver => sim.install_driver("1.4.0"),
        Odd::LinkedDefault => sim.link(DEFAULT, "/etc/default/magnum-api"),
    }
    sim
}

fn any_unit() -> impl Strategy<Value = (Start, Odd)> {
    (prop::sample::select(&Start::ALL[..]), prop::sample::select(&ODDS[..]))
}

/// Checks `case` for 256 values (or as many as the environment sets), and counts the outcomes.
fn each<T: std::fmt::Debug>(
    operation: &str,
    values: impl Strategy<Value = T>,
    case: &impl AsyncFn(&T) -> Case,
) {
    let tally = Tally::default();
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
    let checked = runner.run(&values, |value| {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        let runtime = builder.enable_time().start_paused(true).build().unwrap();
        tally.count(runtime.block_on(case(&value)));
        Ok(())
    });
    checked.unwrap();
    tally.assert_meaningful(operation);
}

async fn laws<D: Desired<Target = Unit>>(
    (start, odd): (Start, Odd),
    desired: &D,
    undo: Undo,
    holds: impl Fn(&Snapshot) -> bool,
) -> Case {
    let world = unit(start, odd);
    check_laws(|| Room::new(world.copy()), desired, undo, holds).await
}

const DRIVER: &str = "magnum-capi-helm";

fn any_pin() -> impl Strategy<Value = PinDriver> {
    let versions = prop::sample::select(&["1.1.0", "1.3.0", "1.4.0"][..]);
    let from = |version: &str, wheel: bool| {
        let file_name = format!("magnum_capi_helm-{version}-py3-none-any.whl");
        if wheel {
            PipSource::Wheel { file_name, sha256: Sha256::of(WHEEL) }
        } else {
            PipSource::Index { url: None }
        }
    };
    (versions, any::<bool>()).prop_map(move |(version, wheel)| {
        PinDriver::new(version.parse().unwrap(), from(version, wheel))
    })
}

fn services() -> ConvergeServices {
    let effective = options().effective();
    ConvergeServices::graft(&"1.4.0".parse().unwrap(), stage_dropin().sha256(), &effective, true)
}

/// Does the steps that the services wait for; one of them may refuse.
async fn prepared(sim: sim::Unit) -> sim::Unit {
    let (ctx, unit) = (&Context::default(), client(&sim));
    let pin = PinDriver::new("1.4.0".parse().unwrap(), PipSource::Index { url: None });
    drop(ensure(ctx, &unit, &pin).await);
    drop(ensure(ctx, &unit, &stage_dropin()).await);
    drop(ensure(ctx, &unit, &RemoveLeftovers::default()).await);
    drop(ensure(ctx, &unit, &InjectConfigDir::graft()).await);
    sim
}

// The desired states, as seen in a snapshot.

fn file(seen: &Snapshot, path: &str, wanted: &str) -> bool {
    seen.files.get(path).is_some_and(|found| found == wanted)
}

fn has_kubeconfig(seen: &Snapshot) -> bool {
    file(seen, "/etc/magnum/kubeconfig", &format!("magnum:magnum 0600 {KUBECONFIG}"))
}

/// The first helm on the conductor's PATH is the pinned one, and can be executed by all.
fn finds_helm(seen: &Snapshot) -> bool {
    let mut facts = seen.services.get("magnum-conductor").into_iter().flatten();
    let path = facts.find_map(|fact| fact.strip_prefix("PATH="));
    let found = path.unwrap_or("/usr/sbin:/usr/bin").split(':').find_map(|home| {
        let mut found = seen.files.get(&format!("{home}/helm"))?;
        while let Some(target) = found.strip_prefix("-> ") {
            found = seen.files.get(target)?;
        }
        Some(found)
    });
    let helm = String::from_utf8_lossy(HELM);
    found.is_some_and(|found| found.contains(" 0755 ") && found.ends_with(&*helm))
}

fn has_dropin(seen: &Snapshot) -> bool {
    let text = format!("root:root 0644 {}", stage_dropin().text.as_str());
    file(seen, "/etc/magnum/magnum.conf.d/00-capi-helm.conf", &text)
        && seen.files["/etc/magnum/magnum.conf.d"].ends_with("directory")
}

/// One line of the file that counts names the directory.
fn has_flag(seen: &Snapshot) -> bool {
    let text = seen.files.get(DEFAULT).map_or("", String::as_str);
    let lines = text.lines().filter(|line| !line.trim().starts_with('#'));
    let flags =
        lines.filter(|line| line.contains("--config-dir /etc/magnum/magnum.conf.d")).count();
    flags == 1 && seen.files.contains_key("/etc/magnum/magnum.conf.d")
}

fn has_no_leftovers(seen: &Snapshot) -> bool {
    let of_the_graft = |text: &String| text.contains("ExecStart=\nExecStart=");
    let mut overrides = seen.files.iter().filter(|(path, _)| path.ends_with("/override.conf"));
    !seen.files.contains_key("/etc/magnum/magnum.conf.d/99-capi.conf")
        && !overrides.any(|(_, text)| of_the_graft(text) && text.contains("--config-dir"))
}

/// The existing daemons run with the pinned driver, and the conductor has the flag once.
fn are_converged(seen: &Snapshot) -> bool {
    let daemons = ["magnum-conductor", "magnum-api"].map(|name| seen.services.get(name));
    let loaded = |facts: &Vec<String>| facts.contains(&format!("driver {:?}", Some("1.4.0")));
    let flags = daemons[0].map_or(1, |facts| {
        facts
            .iter()
            .filter(|word| word.trim_end_matches('/') == "/etc/magnum/magnum.conf.d")
            .count()
    });
    daemons.into_iter().flatten().all(loaded) && flags == 1
}

#[test]
fn place_kubeconfig_obeys() {
    each("place_kubeconfig", any_unit(), &async |world| {
        laws(*world, &place_kubeconfig(), Undo::Exact, has_kubeconfig).await
    });
}

#[test]
fn pin_driver_obeys() {
    each("pin_driver", (any_unit(), any_pin()), &async |(world, pin)| {
        let version = pin.release.to_string();
        let holds = |seen: &Snapshot| seen.packages.get(DRIVER) == Some(&version);
        laws(*world, pin, Undo::Exact, holds).await
    });
}

#[test]
fn ensure_helm_obeys() {
    each("ensure_helm", any_unit(), &async |world| {
        laws(*world, &ensure_helm(), Undo::Exact, finds_helm).await
    });
}

#[test]
fn stage_dropin_obeys() {
    each("stage_dropin", any_unit(), &async |world| {
        laws(*world, &stage_dropin(), Undo::Exact, has_dropin).await
    });
}

#[test]
fn inject_config_dir_obeys() {
    each("inject_config_dir", any_unit(), &async |world| {
        laws(*world, &InjectConfigDir::graft(), Undo::Exact, has_flag).await
    });
}

#[test]
fn remove_leftovers_obeys() {
    each("remove_leftovers", any_unit(), &async |world| {
        laws(*world, &RemoveLeftovers::default(), Undo::Exact, has_no_leftovers).await
    });
}

/// Also where a step before refused, so that a restart is blocked.
#[test]
fn converge_services_obeys() {
    each("converge_services", any_unit(), &async |(start, odd)| {
        let ready = prepared(unit(*start, *odd)).await;
        check_laws(|| Room::new(ready.copy()), &services(), Undo::None, are_converged).await
    });
}

#[test]
fn services_before_their_steps_obey() {
    let tally = Tally::default();
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(async {
        for start in Start::ALL {
            tally.count(laws((start, Odd::Nothing), &services(), Undo::None, are_converged).await);
        }
    });
    let refused = tally.cases().into_iter().find(|(case, _)| *case == Case::Refused).unwrap().1;
    assert_eq!(refused, Start::ALL.len(), "each is blocked by a step");
}

#[test]
fn helm_from_a_url_obeys() {
    let url = "https://get.example.org/helm-v3.17.3-linux-amd64.tar.gz";
    let member = Some("linux-amd64/helm".into());
    let from = HelmSource::Url(Download { url: url.into(), archive_sha256: None, member });
    let helm = EnsureHelm::new("3.17.3", Sha256::of(HELM), from);
    each("ensure_helm from a URL", any_unit(), &async |(start, odd)| {
        let sim = unit(*start, *odd);
        sim.offer(url, HELM);
        check_laws(|| Room::new(sim.copy()), &helm, Undo::Exact, finds_helm).await
    });
}

/// What a unit keeps: two before-images, and two wheels.
async fn with_history((start, odd): (Start, Odd)) -> sim::Unit {
    let sim = unit(start, odd);
    let (ctx, unit) = (&Context::default(), client(&sim));
    let pin = PinDriver::new("1.1.0".parse().unwrap(), PipSource::Index { url: None });
    drop(ensure(ctx, &unit, &pin).await);
    drop(ensure(ctx, &unit, &PinDriver { release: "1.3.0".parse().unwrap(), ..pin.clone() }).await);
    drop(ensure(ctx, &unit, &PinDriver { release: "1.4.0".parse().unwrap(), ..pin }).await);
    for text in ["old\n", "older\n"] {
        sim.write("/opt/kept", text.as_bytes(), "root", "root", 0o644);
        let keep = RestoreFiles {
            files: vec![("/opt/kept".parse().unwrap(), Image::Absent)],
            directory: None,
        };
        ensure(ctx, &unit, &keep).await.unwrap();
    }
    sim
}

fn any_image() -> impl Strategy<Value = Image> {
    let kept = |text: &str, mode: &str| Image::File {
        sha256: Sha256::of(text.as_bytes()),
        access: Access::new("root", "magnum", mode.parse().unwrap()),
    };
    prop::sample::select(vec![
        Image::Absent,
        kept("old\n", "0644"),
        kept("older\n", "0600"),
        Image::Link { target: "/opt/helm".into() },
    ])
}

fn image(seen: &Snapshot, path: &str, image: &Image) -> bool {
    let texts: BTreeMap<_, _> =
        ["old\n", "older\n"].map(|text| (Sha256::of(text.as_bytes()), text)).into();
    match image {
        Image::Absent => !seen.files.contains_key(path),
        Image::Link { target } => file(seen, path, &format!("-> {target}")),
        Image::File { sha256, access } => file(seen, path, &format!("{access} {}", texts[sha256])),
    }
}

#[test]
fn restore_files_obeys() {
    const PATHS: [&str; 3] =
        ["/etc/magnum/kubeconfig", "/etc/magnum/magnum.conf.d/99-capi.conf", "/usr/bin/helm"];
    let path = prop::sample::select(&PATHS[..]);
    let values = (any_unit(), path, any_image(), any_image());
    each("restore_files", values, &async |(world, path, one, other)| {
        let all = [(*path, one), ("/etc/default/magnum-conductor", other)];
        // A file needs its directory: what is removed last is restored first.
        let home = magnum::conf_d();
        let in_it = path.starts_with(home.as_str());
        let access = (*one != Image::Absent).then(|| Access::root("0755".parse().unwrap()));
        let restore = RestoreFiles {
            files: all.map(|(path, image)| (path.parse().unwrap(), image.clone())).to_vec(),
            directory: in_it.then_some(DirectoryImage { path: home, access }),
        };
        let sim = with_history(*world).await;
        let holds = |seen: &Snapshot| all.iter().all(|(path, wanted)| image(seen, path, wanted));
        check_laws(|| Room::new(sim.copy()), &restore, Undo::Exact, holds).await
    });
}

#[test]
fn restore_driver_obeys() {
    let releases = prop::sample::select(&[None, Some("1.1.0"), Some("1.3.0")][..]);
    each("restore_driver", (any_unit(), releases), &async |(world, release)| {
        let sim = with_history(*world).await;
        let restore = RestoreDriver {
            daemon: magnum::conductor(),
            release: release.map(|release| release.parse().unwrap()),
        };
        let holds = |seen: &Snapshot| seen.packages.get(DRIVER).map(String::as_str) == *release;
        check_laws(|| Room::new(sim.copy()), &restore, Undo::Exact, holds).await
    });
}
