//! The simulator passes the same contract tests as real units.

use omega_core::values::Secret;

use super::Start;
use crate::{
    contract::{Site, Wheel, contract},
    operations::magnum,
};

#[tokio::test(start_paused = true)]
async fn the_simulator_keeps_the_contract() {
    let wheel = |version: &str| Wheel {
        version: version.to_owned(),
        file_name: format!("magnum_capi_helm-{version}-py3-none-any.whl"),
        bytes: Secret::from(format!("the wheel of {version}")),
    };
    for break_system_packages in [true, false] {
        let sim = Start::Fresh.unit("magnum/0");
        sim.set_pip(Some("23.0.1"), break_system_packages);
        // A decoy that no real unit has.
        sim.lock().python.installed.remove("magnum-capi-helm-docs");
        let site = Site {
            service: magnum::conductor(),
            wheels: ["1.3.0", "1.4.0"].map(wheel),
            distribution: "magnum-capi-helm".to_owned(),
            break_system_packages,
        };
        let held = contract(&sim, &site).await.unwrap_or_else(|broken| panic!("{broken}"));
        assert_eq!(held.len(), 26);
    }
}
