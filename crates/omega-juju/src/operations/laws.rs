//! Every operation obeys the laws, on units as operators have them and with a few things odd.

use omega_core::{
    Context, Delta, Desired, Touched, ensure, plan,
    testing::{Undo, check_laws},
    values::Sha256,
};
use proptest::prelude::*;

use super::{
    ConvergeServices, EnsureHelm, HelmSource, Image, InjectConfigDir, LeftoverPolicy, PinDriver,
    RemoveLeftovers, magnum,
    world::{Room, WHEEL, client, ensure_helm, options, place_kubeconfig, stage_dropin},
};
use crate::{
    PipSource, Unit,
    sim::{self, HELM, Start},
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

fn run(future: impl Future<Output = ()>) {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().start_paused(true).build().unwrap().block_on(future);
}

async fn laws<D: Desired<Target = Unit>>((start, odd): (Start, Odd), desired: &D, undo: Undo) {
    let _case = check_laws(|| Room::new(unit(start, odd)), desired, undo, |_| true).await;
}

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

fn services(remove_leftovers: bool) -> ConvergeServices {
    let sha256 = stage_dropin().sha256().unwrap();
    let effective = options().effective();
    ConvergeServices::graft(&"1.4.0".parse().unwrap(), sha256, &effective, remove_leftovers)
}

/// The steps that the services wait for.
async fn prepared(sim: sim::Unit) -> sim::Unit {
    let unit = client(&sim);
    let pin = PinDriver::new("1.4.0".parse().unwrap(), PipSource::Index { url: None });
    let leftovers = RemoveLeftovers::new(LeftoverPolicy::Remove);
    drop(ensure(&Context::default(), &unit, &pin).await);
    drop(ensure(&Context::default(), &unit, &stage_dropin()).await);
    drop(ensure(&Context::default(), &unit, &leftovers).await);
    drop(ensure(&Context::default(), &unit, &InjectConfigDir::graft()).await);
    sim
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn place_kubeconfig_obeys(world in any_unit()) {
        run(laws(world, &place_kubeconfig(), Undo::Exact));
    }

    #[test]
    fn pin_driver_obeys(world in any_unit(), pin in any_pin()) {
        run(laws(world, &pin, Undo::Exact));
    }

    #[test]
    fn ensure_helm_obeys(world in any_unit()) {
        run(laws(world, &ensure_helm(), Undo::Exact));
    }

    #[test]
    fn stage_dropin_obeys(world in any_unit()) {
        run(laws(world, &stage_dropin(), Undo::Exact));
    }

    #[test]
    fn inject_config_dir_obeys(world in any_unit()) {
        run(laws(world, &InjectConfigDir::graft(), Undo::Exact));
    }

    #[test]
    fn remove_leftovers_obeys(world in any_unit(), keep in any::<bool>()) {
        // What systemd has not read yet, it will have read: there is no way back from that.
        prop_assume!(!matches!(world.1, Odd::OverrideNotRead | Odd::RemovedNotRead));
        prop_assume!(!matches!(world, (Start::Superseded, Odd::ForeignOverride)));
        let policy = if keep { LeftoverPolicy::Keep } else { LeftoverPolicy::Remove };
        run(laws(world, &RemoveLeftovers::new(policy), Undo::Exact));
    }

    #[test]
    fn converge_services_obeys((start, odd) in any_unit()) {
        run(async {
            let ready = prepared(unit(start, odd)).await;
            let services = services(true);
            // Where a step before refuses, a restart would be none, and is not made.
            if let Ok(plan) = plan(&client(&ready), &services).await
                && let Delta::Changes(changes) = plan.delta()
                && changes.iter().any(|change| services.not_yet(change, plan.before()).is_some())
            {
                let writes = ready.writes();
                let error = ensure(&Context::default(), &client(&ready), &services).await.unwrap_err();
                assert_eq!((error.touched(), ready.writes()), (Touched::Nothing, writes));
                return;
            }
            let _case = check_laws(|| Room::new(ready.copy()), &services, Undo::None, |_| true).await;
        });
    }
}

#[test]
fn helm_from_a_url_obeys() {
    let url = "https://get.example.org/helm-v3.17.3-linux-amd64.tar.gz";
    let from = HelmSource::Url {
        url: url.into(),
        archive_sha256: None,
        member: Some("linux-amd64/helm".into()),
    };
    let helm = EnsureHelm::new("3.17.3", Sha256::of(HELM), from);
    run(async {
        let world = || {
            let sim = unit(Start::Fresh, Odd::LinkedHelm);
            sim.offer(url, HELM);
            Room::new(sim)
        };
        let _case = check_laws(world, &helm, Undo::Exact, |_| true).await;
    });
}

#[test]
fn what_leads_back_obeys_too() {
    let back = EnsureHelm {
        wanted: super::HelmWanted::Before(Image::Link { target: "/opt/helm".into() }),
        ..ensure_helm()
    };
    run(laws((Start::HookRewrote, Odd::Nothing), &back, Undo::Exact));
    let files = vec![(magnum::old_dropin(), Image::Absent)];
    let back = RemoveLeftovers::new(LeftoverPolicy::Restore { files });
    run(laws((Start::Superseded, Odd::Nothing), &back, Undo::Exact));
}
