//! The state of the conductor on one unit, and of everything that the driver needs there.

use std::collections::BTreeSet;

use omega_core::kubeconfig::KubeconfigFacts;
use omega_driver::{
    DriverRelease,
    options::{SECTION, Section},
};

use crate::{
    DriversState, Error, FileState, Interpreter, OptionsState, Probe, ProbeFailure, ProgramState,
    ReachState, ReleasesState, ServiceState, SinceStart, Unit, UnitPath,
    error::answered,
    operations::{DaemonSpec, Flag, Reason, magnum, observe_daemon},
};

/// The options of `[capi_helm]`, as the newest known release of the driver has them.
fn options() -> Vec<String> {
    let all = omega_driver::options::options(&DriverRelease::v1_4_0()).into_iter();
    let own = all.filter(|option| option.section == Section::CapiHelm);
    own.map(|option| option.name.to_owned()).collect()
}

/// The state of a unit's conductor. A probe that failed has its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConductorFacts {
    /// `magnum-conductor`.
    pub conductor: Result<ServiceState, ProbeFailure>,
    /// Its interpreter with the driver; `None` if the unit has no conductor.
    pub python: Result<Option<Interpreter>, ProbeFailure>,
    /// The helm that it finds.
    pub helm: Result<ProgramState, ProbeFailure>,
    /// The drop-in with `[capi_helm]`.
    pub dropin: Result<FileState, ProbeFailure>,
    /// The kubeconfig.
    pub kubeconfig: Result<FileState, ProbeFailure>,
    /// Its values of the options of `[capi_helm]`, with the files that set them; an option that is not
    /// set is absent.
    pub options: Result<OptionsState, ProbeFailure>,
    /// The drivers that it finds, each imported as it would.
    pub drivers: Result<DriversState, ProbeFailure>,
    /// Whether it keeps restarting, and its errors since its start.
    pub since_start: Result<SinceStart, ProbeFailure>,
    /// Why `converge-services` would restart it, whatever the site file wants.
    pub restart: Result<BTreeSet<Reason>, ProbeFailure>,
    /// Whether the machine reaches the management API. `None` if its address is not known.
    pub reach: Option<Result<ReachState, ProbeFailure>>,
    /// Whether the daemon's user can authenticate there.
    pub authenticate: Result<ReachState, ProbeFailure>,
    /// The releases that helm lists when run as the daemon.
    pub releases: Result<Vec<ReleasesState>, ProbeFailure>,
}

/// Reads the state of the conductor on `unit`, in one remote execution. `facts` describe the
/// kubeconfig that belongs on the unit; the releases in `namespaces` are listed.
///
/// # Errors
///
/// Fails if the machine does not answer. The failure of a single probe is not an error.
pub async fn read_conductor(
    unit: &Unit,
    kubeconfig: &UnitPath,
    facts: Option<&KubeconfigFacts>,
    namespaces: &[String],
) -> Result<ConductorFacts, Error> {
    let (service, path) = (magnum::conductor(), kubeconfig.clone());
    let reach = async {
        let Some(facts) = facts else { return Ok(None) };
        let ((host, port), ca_pem) = (facts.endpoint(), facts.ca_pem.clone());
        answered(unit.reach(Probe::Reach { host, port, ca_pem }).await).map(Some)
    };
    let authenticate = Probe::Authenticate { service: service.clone(), kubeconfig: path };
    let dropin = magnum::dropin();
    // The same as a rollback ends with: it runs with what is on disk.
    let spec = DaemonSpec::new(service.clone(), Flag::AsNextStart);
    let restart = async {
        let seen = answered(observe_daemon(unit, &spec).await)?;
        Ok::<_, Error>(seen.map(|seen| spec.reasons(&seen)))
    };
    let first = async {
        futures::join!(
            unit.configuration(&service, SECTION, options()),
            unit.drivers(&service),
            unit.since_start(&service),
            restart,
        )
    };
    let second = async {
        futures::join!(
            unit.service(&service),
            unit.python(&service),
            unit.program("helm", &service),
            unit.file(&dropin),
            unit.file(kubeconfig),
            reach,
            unit.reach(authenticate),
            unit.releases(&service, kubeconfig, namespaces),
        )
    };
    // Together: they share one remote execution.
    let (first, second) = futures::join!(first, second);
    let (options, drivers, since_start, restart) = first;
    let (conductor, python, helm, dropin, file, reach, authenticate, releases) = second;
    Ok(ConductorFacts {
        conductor: answered(conductor)?,
        python: answered(python)?,
        helm: answered(helm)?,
        dropin: answered(dropin)?,
        kubeconfig: answered(file)?,
        options: answered(options)?,
        drivers: answered(drivers)?,
        since_start: answered(since_start)?,
        restart: restart?,
        reach: reach?,
        authenticate: answered(authenticate)?,
        releases: answered(releases)?,
    })
}
