//! All of phase 07 on the simulators: plan, apply, and a verification that finds nothing to change.
//!
//! On a real cloud only the first lines differ: `Site::read`, `Connect::kubeconfig`, `Connect::all`.

#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use omega::{
    capi::sim::Apiserver,
    core::Context,
    graft::{GraftSpec, Purpose},
    juju::{gates::LeftoverPolicy, sim::Start},
    rehearsal,
    run::{Approved, Engine, Runs},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (site, kubeconfig) = rehearsal::site()?;
    let units = [Start::Fresh.unit("magnum/0"), Start::Superseded.unit("magnum/1")];
    let (cloud, apiserver) = (rehearsal::cloud(), Apiserver::default());
    let clients = rehearsal::clients(&cloud, &apiserver, &units, &kubeconfig);

    let spec = GraftSpec::new(&site, &kubeconfig, &clients, LeftoverPolicy::Remove).await?;
    let job = |purpose| spec.job("omega.toml", &clients, purpose);
    let state = tempfile::tempdir()?;
    let engine = Engine::new(Runs::new(state.path()), Context::default());

    let plan = engine.plan(&job(Purpose::Plan(&[]))).await;
    println!("{} changes are pending", plan.recap.pending);
    let report = engine.apply(&job(Purpose::Apply(&[])), Approved::Now).await?;
    println!("{} changed in run {}", report.recap.changed, report.run.unwrap_or_default());
    let verified = engine.verify(&job(Purpose::Verify)).await;
    println!("verified: {} facts hold, exit {}", verified.recap.unchanged, verified.exit_code);
    Ok(())
}
