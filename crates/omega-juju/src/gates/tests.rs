use std::sync::Arc;

use omega_core::{Context, Evidence, ensure};

use super::*;
use crate::{
    PipSource, Unit,
    operations::{
        ConvergeServices, InjectConfigDir, PinDriver, magnum,
        world::{
            cases, client, ensure_helm, kubeconfig, options, place_kubeconfig, refusal,
            stage_dropin,
        },
    },
    sim::{self, HELM, Rights, Start},
};

async fn answer(gate: &dyn Gate) -> String {
    let subject = gate.subject();
    match gate.check().await {
        Ok(Verdict::Pass { evidence }) => {
            format!("? {subject}: yes, {}\n", Evidence::line(&evidence))
        }
        Ok(Verdict::Deferred { until }) => format!("… {subject}: {until}\n"),
        Ok(Verdict::Fail(finding)) => {
            assert_eq!((finding.rule.as_str(), &finding.subject), (gate.rule(), &subject));
            let next = finding.remedy.unwrap_or_default();
            format!("? {subject}: no, {}\n  next: {next}\n", finding.summary)
        }
        Err(failure) => refusal(&failure),
    }
}

fn version() -> omega_driver::DriverRelease {
    "1.4.0".parse().unwrap()
}

fn gates(sim: &sim::Unit) -> (Arc<Unit>, [Box<dyn Gate>; 4]) {
    let unit = Arc::new(client(sim));
    let facts = kubeconfig().facts;
    let path = magnum::kubeconfig();
    let (helm, names) = (Sha256::of(HELM), vec!["magnum-abc".to_owned()]);
    let dropin = stage_dropin().sha256();
    let gates: [Box<dyn Gate>; 4] = [
        Box::new(ReachManagement::new(&unit, &facts)),
        Box::new(AuthenticateManagement::new(&unit, &path, &facts)),
        Box::new(ListReleases::new(&unit, &path, facts.sha256, helm, names)),
        Box::new(DriverLoaded::new(&unit, &version(), dropin, &options().effective())),
    ];
    (unit, gates)
}

async fn answers(sim: &sim::Unit) -> String {
    let (_, [a, b, c, d]) = gates(sim);
    let before = sim.executions();
    let (a, b, c, d) = tokio::join!(answer(&*a), answer(&*b), answer(&*c), answer(&*d));
    // A unit that can't be reached is tried three times.
    let tries = sim.executions() - before;
    let is_lost = tries == 3 && a.contains("reach");
    assert!(tries == 1 || is_lost, "one remote execution for all: {tries}\n{a}");
    assert_eq!(sim.writes(), 0, "a gate never writes");
    [a, b, c, d].concat()
}

async fn grafted(steps: usize) -> sim::Unit {
    let sim = Start::Fresh.unit("magnum/0");
    let unit = client(&sim);
    let pin = PinDriver::new(version(), PipSource::Index { url: None });
    if steps > 0 {
        ensure(&Context::default(), &unit, &place_kubeconfig()).await.unwrap();
    }
    if steps > 1 {
        ensure(&Context::default(), &unit, &pin).await.unwrap();
        ensure(&Context::default(), &unit, &ensure_helm()).await.unwrap();
    }
    if steps > 2 {
        ensure(&Context::default(), &unit, &stage_dropin()).await.unwrap();
        ensure(&Context::default(), &unit, &InjectConfigDir::graft()).await.unwrap();
    }
    if steps > 3 {
        let (sha256, effective) = (stage_dropin().sha256(), options().effective());
        let services = ConvergeServices::graft(&version(), sha256, &effective, false);
        ensure(&Context::default(), &unit, &services).await.unwrap();
    }
    sim.copy()
}

#[tokio::test(start_paused = true)]
async fn what_waits_for_which_step() {
    let mut shots = Vec::new();
    let titles = ["fresh", "kubeconfig", "driver and helm", "configuration", "restarted"];
    for (steps, title) in titles.into_iter().enumerate() {
        shots.push((title, answers(&grafted(steps).await).await));
    }
    insta::assert_snapshot!(cases(shots));
}

#[tokio::test(start_paused = true)]
async fn what_says_no() {
    let sim = grafted(4).await;
    let shot = async |change: &dyn Fn(&sim::Unit)| {
        let sim = sim.copy();
        change(&sim);
        answers(&sim).await
    };
    let shots = vec![
        ("no packets", shot(&|sim| sim.with_management(|m| m.reachable = false)).await),
        ("another port", shot(&|sim| sim.with_management(|m| m.port = 443)).await),
        ("another certificate", shot(&|sim| sim.with_management(|m| m.trusted = false)).await),
        ("unknown user", shot(&|sim| sim.with_management(|m| m.rights = Rights::Unknown)).await),
        (
            "least rights",
            shot(&|sim| {
                sim.with_management(|m| {
                    m.rights = Rights::Namespaces(vec!["magnum-abc".into()]);
                    let releases = [("c1-x".to_owned(), "deployed".to_owned())].into();
                    m.releases = [("magnum-abc".to_owned(), releases)].into();
                });
            })
            .await,
        ),
        (
            "rights elsewhere",
            shot(&|sim| {
                sim.with_management(|m| m.rights = Rights::Namespaces(vec!["magnum-abd".into()]));
            })
            .await,
        ),
        ("no entry point", shot(&|sim| sim.damage_driver()).await),
        ("no conductor", shot(&|sim| sim.without("magnum-conductor")).await),
        ("cut off", shot(&|sim| sim.cut_off(true)).await),
    ];
    insta::assert_snapshot!(cases(shots));
}

#[tokio::test(start_paused = true)]
async fn what_becomes_of_leftovers_is_the_operators_to_say() {
    let answer = async |start: Start, policy| {
        let sim = start.unit("magnum/0");
        let text = answer(&LeftoversDecided::new(&Arc::new(client(&sim)), policy)).await;
        assert_eq!((sim.executions(), sim.writes()), (1, 0));
        text
    };
    let (undecided, keep) = (LeftoverPolicy::Undecided, LeftoverPolicy::Keep);
    let shots = vec![
        ("none there", answer(Start::Fresh, undecided).await),
        ("undecided", answer(Start::Superseded, undecided).await),
        ("keep", answer(Start::Superseded, keep).await),
        ("remove", answer(Start::Superseded, LeftoverPolicy::Remove).await),
    ];
    insta::assert_snapshot!(cases(shots));
}

#[tokio::test]
async fn what_comes_from_outside_is_asked_for_before_anything_is_changed() {
    use crate::{
        Download,
        operations::{EnsureHelm, HelmSource},
    };
    let sim = Start::Fresh.unit("magnum/0");
    let unit = Arc::new(client(&sim));
    let index = PinDriver::new(version(), PipSource::Index { url: None });
    let from = |url: &str| {
        let (archive_sha256, member) = (None, None);
        HelmSource::Url(Download { url: url.to_owned(), archive_sha256, member })
    };
    let helm = |from| EnsureHelm::new("3.17.3", Sha256::of(HELM), from);
    let sent = HelmSource::Payload { name: "helm".to_owned(), size: HELM.len() };
    let gate = |driver: &PinDriver, helm: EnsureHelm| SourcesReachable::new(&unit, driver, &helm);
    let wheel = PipSource::Wheel { file_name: "m.whl".to_owned(), sha256: Sha256::of(b"m") };
    let wheel = PinDriver::new(version(), wheel);
    assert!(gate(&wheel, helm(sent.clone())).is_none(), "both come from here");

    let mut told = answer(&gate(&index, helm(sent.clone())).unwrap()).await;
    let absent = PinDriver::new("9.9.9".parse().unwrap(), PipSource::Index { url: None });
    told += &answer(&gate(&absent, helm(sent.clone())).unwrap()).await;
    told += &answer(&gate(&wheel, helm(from("https://nowhere.invalid/helm"))).unwrap()).await;
    sim.lose_index();
    told += &answer(&gate(&index, helm(sent.clone())).unwrap()).await;
    assert_eq!(sim.writes(), 0);
    sim.install_driver("1.4.0");
    told += &answer(&gate(&index, helm(sent)).unwrap()).await;
    insta::assert_snapshot!(told, @r"
    ? egress magnum/0 -> driver and helm: yes, what is missing can be downloaded
    ? egress magnum/0 -> driver and helm: no, the package index: it has no magnum-capi-helm 9.9.9, only 1.1.0, 1.3.0, 1.4.0
      next: let the unit reach it (proxy, egress), or send a wheel and a helm from here: driver.wheel, helm.file
    ? egress magnum/0 -> driver and helm: no, https://nowhere.invalid/helm: connection refused
      next: let the unit reach it (proxy, egress), or send a wheel and a helm from here: driver.wheel, helm.file
    ? egress magnum/0 -> driver and helm: no, the package index: Could not fetch URL https://index.invalid/simple/magnum-capi-helm/: connection error
      next: let the unit reach it (proxy, egress), or send a wheel and a helm from here: driver.wheel, helm.file
    ? egress magnum/0 -> driver and helm: yes, what is missing can be downloaded
    ");
}

/// What is installed and not used says why; what only a later step can heal waits for it.
#[tokio::test(start_paused = true)]
async fn a_driver_that_is_installed_and_not_used() {
    let sim = grafted(4).await;
    let imports = async |change: &dyn Fn(&sim::Unit)| {
        let sim = sim.copy();
        change(&sim);
        let dropin = stage_dropin().sha256();
        let answer = answer(&DriverImports::new(&Arc::new(client(&sim)), &version(), dropin)).await;
        assert_eq!((sim.executions(), sim.writes()), (1, 0));
        answer
    };
    let drivers = "/etc/magnum/magnum.conf.d/50-drivers.conf";
    let disabled = b"[drivers]\ndisabled_drivers = k8s_capi_helm_v1\n";
    let late = "/etc/magnum/magnum.conf.d/99-late.conf";
    let comma = b"[capi_helm]\napi_resources = {\"Cluster\": {},}\n";
    let shots = vec![
        ("well", imports(&|_| {}).await),
        ("a module is missing", imports(&|sim| sim.lose_module(Some("yaml"))).await),
        ("disabled", imports(&|sim| sim.write(drivers, disabled, "root", "root", 0o644)).await),
        (
            "another driver for the same clusters",
            imports(&|sim| {
                sim.install_rival(
                    "k8s_cluster_api_ubuntu",
                    "magnum-cluster-api",
                    "vm/ubuntu/kubernetes",
                );
            })
            .await,
        ),
        (
            "an option that it parses",
            imports(&|sim| {
                sim.write(late, comma, "root", "root", 0o644);
            })
            .await,
        ),
        (
            "the same before the drop-in is staged",
            imports(&|sim| {
                sim.write(late, comma, "root", "root", 0o644);
                sim.remove("/etc/magnum/magnum.conf.d/00-capi-helm.conf");
            })
            .await,
        ),
        ("another release", imports(&|sim| sim.install_driver("1.3.0")).await),
        ("no conductor", imports(&|sim| sim.without("magnum-conductor")).await),
    ];
    insta::assert_snapshot!(cases(shots));
}

/// What an import found is remembered until something changes on the unit.
#[tokio::test(start_paused = true)]
async fn an_import_is_not_repeated_while_nothing_changes() {
    let sim = grafted(4).await;
    let cache = tempfile::tempdir().unwrap();
    let at = |text: &str| text.contains("nothing has changed since the import at");
    let asked = async || {
        let unit = Arc::new(client(&sim).remembering_imports(cache.path()));
        let found = answer(&DriverImports::new(&unit, &version(), stage_dropin().sha256())).await;
        (found.contains("yes, imported"), at(&found))
    };
    assert_eq!(asked().await, (true, false), "imported");
    assert_eq!(asked().await, (true, true), "remembered");
    sim.write("/etc/magnum/magnum.conf.d/50-other.conf", b"[DEFAULT]\n", "root", "root", 0o644);
    assert_eq!(asked().await, (true, false), "another file is read: imported again");
    sim.lose_module(Some("yaml"));
    assert_eq!(asked().await, (false, false));
    assert_eq!(asked().await, (false, false), "a failure is not remembered");
    sim.lose_module(None);
    assert_eq!(asked().await, (true, false));
    assert_eq!(asked().await, (true, true));
    let other = Arc::new(client(&sim));
    let found = answer(&DriverImports::new(&other, &version(), stage_dropin().sha256())).await;
    assert!(found.contains("yes, imported") && !at(&found), "without a directory: {found}");
}

#[tokio::test(start_paused = true)]
async fn a_daemon_that_keeps_restarting() {
    let sim = grafted(4).await;
    let (sha256, effective) = (stage_dropin().sha256(), options().effective());
    let services = ConvergeServices::graft(&version(), sha256, &effective, false);
    let steady = async |change: &dyn Fn(&sim::Unit)| {
        let sim = sim.copy();
        change(&sim);
        let answer = answer(&DaemonSteady::new(&Arc::new(client(&sim)), &services)).await;
        assert_eq!((sim.executions(), sim.writes()), (1, 0));
        answer
    };
    let error = "2026-11-21 09:00:00.123 7 ERROR magnum.service [-] password=*** is refused";
    let shots = vec![
        ("well", steady(&|_| {}).await),
        ("again and again", steady(&|sim| sim.crash("magnum-conductor", 4)).await),
        (
            "with an error",
            steady(&|sim| {
                sim.crash("magnum-conductor", 4);
                sim.log_errors("magnum-conductor", &[error]);
            })
            .await,
        ),
        ("an error alone", steady(&|sim| sim.log_errors("magnum-conductor", &[error])).await),
        (
            "a day ago",
            steady(&|sim| {
                sim.crash("magnum-conductor", 4);
                sim.wait(90_000);
            })
            .await,
        ),
        (
            "to be restarted",
            steady(&|sim| {
                sim.crash("magnum-conductor", 4);
                sim.install_driver("1.4.0");
            })
            .await,
        ),
    ];
    insta::assert_snapshot!(cases(shots));
}

#[tokio::test]
async fn what_juju_reports_of_a_unit_is_said() {
    use crate::channel::{JujuStatus, Standing};
    let unit = |agent: &str, workload: &str, machine: &str| {
        let json = serde_json::json!({
            "machines": {"0": {"juju-status": {"current": "started"}, "containers": {"0/lxd/3": {
                "juju-status": {"current": machine, "message": "the agent's message"},
            }}}},
            "applications": {"magnum": {"units": {"magnum/0": {
                "juju-status": {"current": agent, "message": "the agent says so"},
                "workload-status": {"current": workload, "message": "the charm says so"},
                "machine": "0/lxd/3",
            }}}},
        });
        let status = JujuStatus::parse(json.to_string().as_bytes()).unwrap();
        status.units("magnum").unwrap().remove(0)
    };
    let said = async |agent: &str, workload: &str, machine: &str| {
        let standing = unit(agent, workload, machine).standing();
        let sim = Start::Fresh.unit("magnum/0");
        let client = Arc::new(client_of(&sim).with_standing(standing));
        let gate = JujuStanding::new(&client).unwrap();
        let answer = answer(&gate).await;
        assert_eq!(sim.executions(), 0, "nothing is executed");
        answer
    };
    let shots = vec![
        ("well", said("idle", "active", "started").await),
        ("a charm that says nothing", said("idle", "unknown", "started").await),
        ("a hook runs", said("executing", "active", "started").await),
        ("it waits", said("idle", "waiting", "started").await),
        ("blocked", said("idle", "blocked", "started").await),
        ("a hook failed", said("idle", "error", "started").await),
        ("lost", said("lost", "unknown", "started").await),
        ("the machine is down", said("idle", "active", "down").await),
    ];
    insta::assert_snapshot!(cases(shots));
    let by_ssh = Arc::new(client_of(&Start::Fresh.unit("magnum/0")));
    assert!(JujuStanding::new(&by_ssh).is_none(), "nobody asked juju");
    assert_eq!(unit("idle", "active", "started").standing(), Standing::Ready);
}

fn client_of(sim: &sim::Unit) -> Unit {
    client(sim)
}
