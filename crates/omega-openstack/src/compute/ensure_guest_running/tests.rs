use omega_core::{
    Failure, plan,
    testing::{Fault, Tally, Undo, World, check_laws},
};
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::sim::Cloud;

struct Sim {
    cloud: Cloud,
    compute: Compute,
    made_by: usize,
}

impl World for Sim {
    type Target = Compute;
    type Snapshot = Vec<String>;

    fn target(&self) -> &Compute {
        &self.compute
    }
    fn snapshot(&self) -> Vec<String> {
        self.cloud.servers()
    }
    fn writes(&self) -> usize {
        self.cloud.writes().len() - self.made_by
    }
    fn inject_fault(&self, nth: usize, fault: Fault) {
        self.cloud.inject_fault(self.made_by + nth, fault);
    }
}

/// Decoys: another project's server of the name, and a name that is nearly it.
fn world(status: &str, locked: bool) -> Sim {
    let cloud = Cloud::new();
    cloud.add_server("other", "capi.v2", "SHUTOFF");
    cloud.add_server("mgmt", "capi-v2", "SHUTOFF");
    cloud.add_server("mgmt", "capi.v2", status);
    cloud.set_server("capi.v2", &json!({ "locked": locked }));
    Sim { compute: Compute::new(cloud.admin("mgmt")), made_by: cloud.writes().len(), cloud }
}

fn guest(state: GuestState) -> GuestRunning {
    GuestRunning { state, ..GuestRunning::new("capi.v2") }
}

static GUESTS: Tally = Tally::new();

#[test]
fn obeys_the_laws() {
    let statuses = ["SHUTOFF", "SHUTOFF", "ACTIVE", "PAUSED"];
    proptest!(|(
        status in prop::sample::select(statuses.to_vec()),
        locked in prop::sample::select(vec![false, false, false, true]),
        state in prop::sample::select(vec![GuestState::Running, GuestState::Stopped]),
    )| {
        let holds = |seen: &Vec<String>| {
            let wanted = if state == GuestState::Running { "ACTIVE 1" } else { "SHUTOFF 4" };
            seen.iter().any(|line| line.starts_with(&format!("mgmt capi.v2 {wanted}")))
        };
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build().unwrap();
        let guest = guest(state);
        let laws = check_laws(|| world(status, locked), &guest, Undo::Exact, holds);
        GUESTS.count(runtime.block_on(laws));
    });
    GUESTS.assert_meaningful("ensure_guest_running");
}

#[tokio::test(start_paused = true)]
async fn the_simulator_keeps_the_contract() {
    let cloud = Cloud::new();
    cloud.add_server("admin", "omega-contract", "ACTIVE");
    let id = cloud.server_id("omega-contract");
    contract::guests(cloud.admin("admin"), &id).await;
}

/// These lines were read against Nova's API reference.
#[tokio::test(start_paused = true)]
async fn every_write_as_it_is_sent() {
    let (sim, ctx) = (world("SHUTOFF", false), Context::default());
    ensure_guest_running(&ctx, &sim.compute, &guest(GuestState::Running)).await.unwrap();
    ensure(&ctx, &sim.compute, &guest(GuestState::Stopped)).await.unwrap();
    insta::assert_snapshot!(sim.cloud.writes().join("\n"), @r#"
    POST compute /v2.1/servers/00000000-0000-4000-8000-000000000005/action {"os-start":null}
    POST compute /v2.1/servers/00000000-0000-4000-8000-000000000005/action {"os-stop":null}
    "#);
}

async fn refusal(sim: &Sim) -> String {
    let error = plan(&sim.compute, &guest(GuestState::Running)).await.unwrap_err();
    let failure = Failure::from(error);
    assert_eq!(sim.writes(), 0);
    let next = failure.next.unwrap_or_default();
    format!("{}: {} -> {next}", failure.message, failure.causes.join(": "))
}

#[tokio::test]
async fn what_a_start_does_not_end_is_refused_with_what_to_do() {
    let mut lines = Vec::new();
    for status in ["PAUSED", "SUSPENDED", "ERROR", "SHELVED_OFFLOADED", "RESCUE", "VERIFY_RESIZE"] {
        lines.push(refusal(&world(status, false)).await);
    }
    lines.push(refusal(&world("SHUTOFF", true)).await);
    let down = world("SHUTOFF", false);
    down.cloud.set_host("compute-1", false);
    lines.push(refusal(&down).await);
    let twins = world("SHUTOFF", false);
    twins.cloud.add_server("mgmt", "capi.v2", "ACTIVE");
    lines.push(refusal(&twins).await);
    let none = Sim { compute: Compute::new(twins.cloud.admin("none")), ..twins };
    lines.push(refusal(&none).await);
    insta::assert_snapshot!(lines.join("\n"));
}

/// Nova accepts a start for a host that has just died.
#[tokio::test(start_paused = true)]
async fn a_start_without_progress_names_the_host_and_its_service() {
    let sim = world("SHUTOFF", false);
    let planned = plan(&sim.compute, &guest(GuestState::Running)).await.unwrap();
    assert!(planned.undo().is_some());
    sim.cloud.set_host("compute-1", false);
    // The service is not known to be down yet when the start is sent.
    sim.cloud.host_seems_up(true);
    let (ctx, running) = (Context::default(), guest(GuestState::Running));
    let error = planned.apply(&ctx, &sim.compute).await.unwrap_err();
    let said = |error| {
        let failure = Failure::from(error);
        format!("{failure}: {}", failure.found.as_deref().unwrap_or_default())
    };
    let told = said(error);
    sim.cloud.host_seems_up(false);
    let ensured = ensure_guest_running(&ctx, &sim.compute, &running);
    let later = said(ensured.await.unwrap_err());
    // A member may not read the service.
    let compute = Compute::new(sim.cloud.member("mgmt"));
    let ensured = ensure_guest_running(&ctx, &compute, &running);
    let member = said(ensured.await.unwrap_err());
    insta::assert_snapshot!([told, later, member].join("\n"));
    assert_eq!(sim.writes(), 1, "sent once");
}

#[tokio::test(start_paused = true)]
async fn active_is_not_enough_after_a_boot_of_the_host() {
    let sim = world("ACTIVE", false);
    sim.cloud.set_server("capi.v2", &json!({ "OS-EXT-STS:power_state": 4 }));
    let planned = plan(&sim.compute, &guest(GuestState::Running)).await.unwrap();
    let Delta::Wait(why) = planned.delta() else { panic!("{:?}", planned.delta()) };
    insta::assert_snapshot!(why);
    assert!(planned.undo().is_none(), "what was not off is not stopped");
    let error = planned.apply(&Context::default(), &sim.compute).await.unwrap_err();
    let EnsureError::NotSettled { stalled: true, why, .. } = &error else { panic!("{error:?}") };
    assert!(why.contains("power state"), "{why}");
    assert_eq!(sim.writes(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_rollback_stops_the_very_server_that_was_started() {
    let (sim, ctx) = (world("SHUTOFF", false), Context::default());
    let planned = plan(&sim.compute, &guest(GuestState::Running)).await.unwrap();
    let undo = planned.undo().unwrap();
    planned.apply(&ctx, &sim.compute).await.unwrap();
    sim.cloud.set_server("capi.v2", &json!({ "name": "renamed" }));
    assert!(ensure(&ctx, &sim.compute, &undo).await.unwrap().changed());
    assert!(sim.snapshot().iter().any(|line| line.starts_with("mgmt renamed SHUTOFF")));
    sim.cloud.remove_server("renamed");
    assert!(!ensure(&ctx, &sim.compute, &undo).await.unwrap().changed(), "it is gone");
}
