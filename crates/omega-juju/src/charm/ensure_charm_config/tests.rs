use std::sync::Arc;

use omega_core::{
    Approval, Diagnostic as _, plan,
    testing::{Fault, Tally, Undo, World, check_laws},
};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{
    channel::{JujuCommands, ReadOnly},
    charm::restore,
    sim::Juju,
};

const MEMORY: &str = "reserved-host-memory";
const RESUME: &str = "resume-guests-state-on-host-boot";

struct Sim {
    juju: Juju,
    model: Arc<Model>,
}

impl Sim {
    fn of(juju: Juju) -> Self {
        let opened = futures::executor::block_on(Model::open(Arc::new(juju.clone())));
        Self { juju, model: Arc::new(opened.unwrap()) }
    }

    fn new() -> Self {
        Self::of(Juju::nova_compute(3, 2))
    }

    async fn refused(&self, config: &CharmConfig) -> Conflict {
        let error = plan(&*self.model, config).await.unwrap_err();
        let EnsureError::Conflict { source, .. } = error else { panic!("{error:?}") };
        source
    }
}

impl World for Sim {
    type Target = Model;
    type Snapshot = Vec<String>;

    fn target(&self) -> &Model {
        &self.model
    }
    fn snapshot(&self) -> Vec<String> {
        self.juju.snapshot()
    }
    fn writes(&self) -> usize {
        self.juju.writes()
    }
    fn inject_fault(&self, nth: usize, fault: Fault) {
        self.juju.inject_fault(nth, fault);
    }
}

fn config(settings: &[(&str, &str)]) -> CharmConfig {
    let settings = settings.iter().map(|(name, value)| ((*name).into(), (*value).into()));
    CharmConfig::new("nova-compute", settings.collect()).unwrap()
}

static CONFIGS: Tally = Tally::new();

#[test]
fn obeys_the_laws() {
    let memory = || prop::sample::select(vec![512, 1024, 8192]);
    proptest!(|(
        units in 0_usize..4,
        lag in 0_usize..4,
        paused in prop::sample::select(vec![false, false, false, true]),
        before in prop::option::of(memory()),
        mode in prop::option::of(Just("host-model")),
        wanted in memory(),
        resume in prop::option::of(any::<bool>()),
        with_mode in any::<bool>(),
        reset in any::<bool>(),
    )| {
        let start = || {
            let juju = Juju::nova_compute(units, lag);
            if let Some(mode) = mode { juju.configure("cpu-mode", json!(mode)); }
            if let Some(before) = before { juju.configure(MEMORY, json!(before)); }
            if paused {
                // It has missed what the others have; to change more is a test of its own.
                juju.pause(0, true);
                juju.configure(MEMORY, json!(wanted));
                if let Some(resume) = resume { juju.configure(RESUME, json!(resume)); }
                if with_mode { juju.configure("cpu-mode", json!("host-passthrough")); }
                if reset { juju.configure("cpu-mode", json!(null)); }
            }
            Sim::of(juju)
        };
        let mut desired = config(&[(MEMORY, &wanted.to_string())]);
        if let Some(resume) = resume {
            desired.settings.insert(RESUME.into(), resume.to_string());
        }
        if reset && !paused {
            desired.reset.insert("cpu-mode".into());
        } else if with_mode && !reset {
            desired.settings.insert("cpu-mode".into(), "host-passthrough".into());
        }
        let holds = |seen: &Vec<String>| {
            let line = |line: &String| {
                let resumes = line.contains("\"resume_guests_state_on_host_boot\": \"True\"");
                line.contains(&format!("\"reserved_host_memory_mb\": \"{wanted}\""))
                    && resume.is_none_or(|resume| resume == resumes)
            };
            let of_units = seen.iter().filter(|line| line.contains(": {"));
            let mode = seen.iter().any(|line| line.contains("cpu-mode=\"host-passthrough\""));
            of_units.clone().count() == units
                && of_units.clone().all(line)
                && mode == desired.settings.contains_key("cpu-mode")
        };
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build().unwrap();
        CONFIGS.count(runtime.block_on(check_laws(start, &desired, Undo::Exact, holds)));
    });
    CONFIGS.assert_meaningful("ensure_charm_config");
}

/// These lines were read against the help of `juju config`.
#[tokio::test(start_paused = true)]
async fn every_write_as_it_is_sent() {
    let (sim, ctx) = (Sim::new(), Context::default());
    sim.juju.configure(MEMORY, json!(1024));
    let desired = config(&[(MEMORY, "8192"), (RESUME, "true"), ("cpu-mode", "host-model")]);
    let planned = plan(&*sim.model, &desired).await.unwrap();
    let undo = planned.undo().unwrap();
    assert_eq!(undo.key(), desired.key());
    insta::assert_snapshot!(planned.delta().changes()[0].describe(), @"~ application nova-compute: cpu-mode: not set -> host-model, reserved-host-memory: 1024 -> 8192, resume-guests-state-on-host-boot: false -> true");
    planned.apply(&ctx, &sim.model).await.unwrap();
    let back = restore(CharmConfig::KIND, &serde_json::to_value(&undo).unwrap(), &sim.model);
    back.unwrap().unwrap().run(&ctx, Approval::Fact).await.unwrap();
    insta::assert_snapshot!(sim.juju.commands().join("\n"), @r#"
    juju config nova-compute cpu-mode=host-model reserved-host-memory=8192 resume-guests-state-on-host-boot=true
    juju config nova-compute reserved-host-memory=1024
    juju config nova-compute --reset cpu-mode,resume-guests-state-on-host-boot
    "#);
    assert_eq!(sim.snapshot()[0], format!("{MEMORY}=1024"));
    assert!(restore("juju.helm.v1", &json!({}), &sim.model).unwrap().is_none());
    let bad = json!({ "application": "nova-compute", "settings": { MEMORY: "@/etc/shadow" } });
    assert!(restore(CharmConfig::KIND, &bad, &sim.model).is_err());
}

/// A change is not made for a unit that is paused, but the rest of the units have it.
#[tokio::test(start_paused = true)]
async fn a_paused_unit_is_named_with_what_to_do() {
    let (sim, ctx) = (Sim::new(), Context::default());
    sim.juju.pause(1, true);
    let desired = config(&[(MEMORY, "8192")]);
    let seen = desired.observe(&sim.model).await.unwrap();
    let notes = desired.notes(&seen, "2026-12-01T00:00:00Z".parse().unwrap());
    assert!(
        notes.iter().any(|note| note.text.starts_with("nova-compute/1 is paused")),
        "{notes:?}"
    );
    let error = ensure_charm_config(&ctx, &sim.model, &desired).await.unwrap_err();
    let EnsureError::NotSettled { stalled: true, why, .. } = &error else { panic!("{error:?}") };
    insta::assert_snapshot!(why, @"1 of 3 units do not have it yet: nova-compute/1 is paused and ignores the change: juju run nova-compute/1 resume, if it may run again (reserved_host_memory_mb is 512, not 8192)");
    let again = plan(&*sim.model, &desired).await.unwrap();
    assert!(matches!(again.delta(), Delta::Wait(_)), "{:?}", again.delta());
    sim.juju.pause(1, false);
    ensure_charm_config(&ctx, &sim.model, &desired).await.unwrap();
    assert_eq!(sim.writes(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_unit_without_an_agent_is_not_taken_for_one_that_has_it() {
    let sim = Sim::new();
    sim.juju.lose(2, true);
    let planned = plan(&*sim.model, &config(&[(MEMORY, "512")])).await.unwrap();
    let Delta::Wait(why) = planned.delta() else { panic!("{:?}", planned.delta()) };
    insta::assert_snapshot!(why, @"1 of 3 units do not have it yet: the agent of nova-compute/2 is lost: look at its machine (it can't be asked: its agent is lost)");
}

#[tokio::test(start_paused = true)]
async fn progress_is_that_of_each_unit() {
    let sim = Sim::new();
    sim.juju.configure_late(MEMORY, json!(8192));
    let desired = config(&[(MEMORY, "8192")]);
    let mut texts = Vec::new();
    loop {
        let planned = plan(&*sim.model, &desired).await.unwrap();
        let Delta::Wait(why) = planned.delta() else { break };
        texts.push(why.clone());
    }
    insta::assert_snapshot!(texts.join("\n"), @r#"
    3 of 3 units do not have it yet: nova-compute/0 has not run its hook yet (reserved_host_memory_mb is 512, not 8192); nova-compute/1 has not run its hook yet (reserved_host_memory_mb is 512, not 8192); nova-compute/2 has not run its hook yet (reserved_host_memory_mb is 512, not 8192)
    3 of 3 units do not have it yet: nova-compute/0 is executing: running config-changed hook (reserved_host_memory_mb is 512, not 8192); nova-compute/1 has not run its hook yet (reserved_host_memory_mb is 512, not 8192); nova-compute/2 has not run its hook yet (reserved_host_memory_mb is 512, not 8192)
    2 of 3 units do not have it yet: nova-compute/1 is executing: running config-changed hook (reserved_host_memory_mb is 512, not 8192); nova-compute/2 has not run its hook yet (reserved_host_memory_mb is 512, not 8192)
    1 of 3 units do not have it yet: nova-compute/2 is executing: running config-changed hook (reserved_host_memory_mb is 512, not 8192)
    "#);
}

#[tokio::test(start_paused = true)]
async fn what_the_charm_does_not_take_is_refused_before_anything_is_sent() {
    let sim = Sim::new();
    let unknown = sim.refused(&config(&[("reserved-hostmemory", "8192")])).await;
    assert_eq!(unknown.why, "charm nova-compute has no option reserved-hostmemory");
    assert_eq!(unknown.next.unwrap(), "reserved-host-memory is probably meant");
    let far = sim.refused(&config(&[("zzz", "1")])).await;
    assert_eq!(far.next.unwrap(), "see its options: juju config nova-compute");
    for (name, value) in [(MEMORY, "8 GB"), (RESUME, "yes")] {
        let kind = sim.refused(&config(&[(name, value)])).await;
        assert!(kind.why.contains("can't be the value of"), "{kind:?}");
    }
    let other = CharmConfig::new("nova-cmpute", [(MEMORY.into(), "1".into())].into()).unwrap();
    let error = plan(&*sim.model, &other).await.unwrap_err();
    assert!(error.to_string().contains("nova-cmpute"), "{error}");
    assert_eq!(sim.writes(), 0);
}

#[test]
fn a_value_that_juju_would_not_take_as_it_is_is_no_setting() {
    let new = |name: &str, value: &str| {
        CharmConfig::new("nova-compute", [(name.to_owned(), value.to_owned())].into())
    };
    let name = || MEMORY.to_owned();
    assert_eq!(new(MEMORY, "@/etc/shadow"), Err(InvalidSetting::File(name())));
    assert_eq!(new(MEMORY, ""), Err(InvalidSetting::Empty(name())));
    for text in [" 8192", "8192\n", "a\nb"] {
        assert_eq!(new(MEMORY, text), Err(InvalidSetting::Text(name())));
    }
    for name in ["--reset", "a=b", "", "A", "a b"] {
        assert_eq!(new(name, "1"), Err(InvalidSetting::Name(name.to_owned())));
    }
    let secret = "rabbit-password".to_owned();
    assert_eq!(new(&secret, "x"), Err(InvalidSetting::Secret(secret)));
    for application in ["nova/compute", "-m", ""] {
        let invalid = CharmConfig::new(application, [(name(), "1".to_owned())].into());
        assert_eq!(invalid, Err(InvalidSetting::Application(application.to_owned())));
    }
    assert_eq!(CharmConfig::new("nova-compute", BTreeMap::new()), Err(InvalidSetting::Nothing));
}

/// The observation is kept in journals: no value of another option is in it.
#[tokio::test(start_paused = true)]
async fn no_other_option_is_kept() {
    let sim = Sim::new();
    sim.juju.configure("rabbit-password", json!("hunter2"));
    let planned = plan(&*sim.model, &config(&[(MEMORY, "8192")])).await.unwrap();
    let kept = serde_json::to_string(&planned).unwrap();
    assert!(!kept.contains("hunter2"), "{kept}");
}

#[tokio::test(start_paused = true)]
async fn a_pending_upgrade_is_a_warning_of_the_plan() {
    let sim = Sim::new();
    let now = "2026-12-01T00:00:00Z".parse().unwrap();
    let desired = config(&[(MEMORY, "8192"), ("cpu-mode", "host-model")]);
    let notes = async || {
        let seen = desired.observe(&sim.model).await.unwrap();
        let notes = desired.notes(&seen, now).into_iter().map(|note| note.text);
        notes.collect::<Vec<_>>().join("\n")
    };
    assert!(!notes().await.contains("upgrade"));
    sim.juju.set_version("28.2.0");
    insta::assert_snapshot!(notes().await, @r#"
    an upgrade is pending: openstack-origin is cloud:jammy-caracal, Nova is 28.2.0, and action-managed-upgrade is false: a change of any option also runs a pending upgrade, on every unit. To prevent that: juju config APPLICATION action-managed-upgrade=true, first
    the hook restarts nova-compute on every unit; servers keep running
    where the charm writes cpu-mode is not known: that the units have it is not checked
    "#);
    sim.juju.configure("action-managed-upgrade", json!(true));
    assert!(!notes().await.contains("upgrade"));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_juju_says_what_to_do() {
    let sim = Sim::new();
    sim.inject_fault(0, Fault::Refused);
    let (ctx, desired) = (Context::default(), config(&[(MEMORY, "1")]));
    let error = ensure_charm_config(&ctx, &sim.model, &desired).await.unwrap_err();
    let EnsureError::Apply { source, .. } = error else { panic!("{error:?}") };
    insta::assert_snapshot!(format!("{source}\n{}", source.next().unwrap()), @r#"
    juju could not set reserved-host-memory=1 of nova-compute: refused for the sake of the test
    somebody has disabled changes of the model (juju disabled-commands): ask who; then enable them: juju enable-command all
    "#);
}

#[tokio::test(start_paused = true)]
async fn with_a_juju_that_only_reads_no_option_is_set_or_reset() {
    let juju = Juju::nova_compute(2, 0);
    juju.configure("cpu-mode", json!("host-model"));
    let below: Arc<dyn JujuCommands> = Arc::new(juju.clone());
    let only = Model::open(Arc::new(ReadOnly::new(below))).await.unwrap();
    let set = config(&[(MEMORY, "8192")]);
    assert_eq!(plan(&only, &set).await.unwrap().delta().changes().len(), 1, "a plan only reads");
    let error = omega_core::ensure(&omega_core::Context::default(), &only, &set).await.unwrap_err();
    let failure = omega_core::Failure::from(error);
    assert_eq!(failure.class, omega_core::FailureClass::Refused, "{failure:?}");
    assert!(failure.causes[0].starts_with("juju config (to set "), "{failure:?}");
    let keys = std::iter::once("cpu-mode".to_owned()).collect();
    assert!(only.reset("nova-compute", &keys).await.unwrap_err().refused());
    assert_eq!(juju.writes(), 0);
}
