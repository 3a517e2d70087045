//! Simulated units for the tests of operations and gates.

use std::fmt::Write as _;

use omega_core::{
    Delta, Desired, Failure,
    kubeconfig::Kubeconfig,
    plan,
    testing::{Fault, World},
    values::{Secret, Sha256},
};

use omega_driver::{ApiResources, CapiHelm};

use super::{EnsureHelm, HelmSource, PlaceKubeconfig, StageDropin, magnum};
use crate::{
    Sources, Unit,
    sim::{self, HELM, KUBECONFIG},
};

pub(crate) struct Room {
    pub(crate) sim: sim::Unit,
    client: Unit,
}

impl Room {
    pub(crate) fn new(sim: sim::Unit) -> Self {
        let client = client(&sim);
        Self { sim, client }
    }
}

impl World for Room {
    type Target = Unit;
    type Snapshot = sim::Snapshot;
    fn target(&self) -> &Unit {
        &self.client
    }
    fn snapshot(&self) -> sim::Snapshot {
        self.sim.snapshot()
    }
    fn writes(&self) -> usize {
        self.sim.writes()
    }
    fn inject_fault(&self, nth: usize, fault: Fault) {
        self.sim.inject_fault(nth, fault);
    }
}

pub(crate) const WHEEL: &[u8] = b"a wheel";

pub(crate) fn client(sim: &sim::Unit) -> Unit {
    let mut sources = Sources::default();
    for bytes in [KUBECONFIG.as_bytes(), HELM, WHEEL] {
        sources.add(Secret::new(bytes.to_vec()));
    }
    sim.client(sources)
}

pub(crate) fn now() -> jiff::Timestamp {
    "2026-12-01T00:00:00Z".parse().unwrap()
}

pub(crate) fn kubeconfig() -> Kubeconfig {
    Kubeconfig::parse(Secret::from(KUBECONFIG.to_owned()), now()).unwrap()
}

pub(crate) fn place_kubeconfig() -> PlaceKubeconfig {
    PlaceKubeconfig::new(magnum::kubeconfig(), &kubeconfig(), "capi.kubeconfig")
}

pub(crate) fn ensure_helm() -> EnsureHelm {
    let from = HelmSource::Payload { name: "helm-v3.17.3".into(), size: HELM.len() };
    EnsureHelm::new("3.17.3", Sha256::of(HELM), from)
}

pub(crate) fn options() -> CapiHelm {
    CapiHelm {
        kubeconfig_file: magnum::kubeconfig().to_string(),
        helm_chart_repo: "https://azimuth-cloud.github.io/capi-helm-charts".into(),
        helm_chart_name: "openstack-cluster".into(),
        default_helm_chart_version: "0.25.1".into(),
        api_resources: Some(ApiResources::parse("{}").unwrap()),
        options: [].into(),
        cluster_labels: [].into(),
    }
}

pub(crate) fn stage_dropin() -> StageDropin {
    StageDropin::new(&options(), &"1.4.0".parse().unwrap()).unwrap()
}

/// Returns the plan for `desired` as it is displayed.
pub(crate) async fn shown<D: Desired<Target = Unit>>(sim: &sim::Unit, desired: &D) -> String {
    shown_at(sim, desired, now()).await
}

/// The same at another time.
pub(crate) async fn shown_at<D: Desired<Target = Unit>>(
    sim: &sim::Unit,
    desired: &D,
    now: jiff::Timestamp,
) -> String {
    let plan = match plan(&client(sim), desired).await {
        Ok(plan) => plan,
        Err(error) => return refusal(&error.into()),
    };
    let mut text = String::new();
    match plan.delta() {
        Delta::Satisfied => writeln!(text, "= {}", desired.subject()).unwrap(),
        Delta::Wait(why) => writeln!(text, "… {why}").unwrap(),
        Delta::Changes(_) => {}
        Delta::Blocked { by, .. } => writeln!(text, "blocked: {by}").unwrap(),
    }
    for diff in plan.delta().changes().iter().map(omega_core::Describe::describe) {
        writeln!(text, "{diff}").unwrap();
        diff.detail.iter().for_each(|line| writeln!(text, "      {line}").unwrap());
    }
    for note in desired.notes(plan.before(), now) {
        writeln!(text, "{}: {}", note.decision.unwrap_or_else(|| "note".into()), note.text)
            .unwrap();
    }
    text
}

pub(crate) fn refusal(failure: &Failure) -> String {
    let Failure { class, message, expected, found, touched, next, causes, retry: _, detail: _ } =
        failure;
    let mut text = format!("! {message} ({class:?}, touched {touched:?})\n");
    for (name, value) in [("expected", expected), ("found", found), ("next", next)] {
        if let Some(value) = value {
            writeln!(text, "  {name}: {value}").unwrap();
        }
    }
    for cause in causes {
        writeln!(text, "  because: {cause}").unwrap();
    }
    text
}

/// Joins cases with their titles, for one snapshot.
pub(crate) fn cases(all: Vec<(&str, String)>) -> String {
    all.into_iter()
        .flat_map(|(title, text)| ["--- ".into(), title.into(), "\n".into(), text])
        .collect::<String>()
}
