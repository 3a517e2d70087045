//! The doctor on the simulators: every layer, and what to fix first.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use omega::{
    capi::sim::Apiserver,
    core::{Context, Failure},
    doctor::{Doctor, DoctorOptions},
    juju::sim::Start,
    rehearsal,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    // A real site: doctor::examine(&Connect::new(&site, &machine), options, &ctx).
    let (site, kubeconfig) = rehearsal::site()?;
    let units = [Start::HalfFinished.unit("magnum/0")];
    let clients =
        rehearsal::clients(&rehearsal::cloud(), &Apiserver::default(), &units, &kubeconfig);
    let facts = Some(kubeconfig.facts);
    let doctor = Doctor::new(&site, facts, (&clients).into(), DoctorOptions::default())?;

    let report = doctor.examine(&Context::default()).await?;
    for layer in &report.layers {
        println!("{} {:?}: {}", layer.layer, layer.state, layer.summary());
    }
    if let Some(first) = &report.first {
        println!("fix first: {}", first.finding.summary);
        println!("next: {}", first.finding.remedy.as_deref().unwrap_or("-"));
    }
    Ok(())
}
