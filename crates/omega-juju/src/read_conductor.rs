//! The state of the conductor on one unit, and of everything that the driver needs there.

use std::collections::BTreeMap;

use omega_core::kubeconfig::KubeconfigFacts;

use crate::{
    Error, FileState, Interpreter, Probe, ProbeFailure, ProgramState, ReachState, ReleasesState,
    ServiceState, Unit, UnitPath, error::answered, operations::magnum,
};

/// The options of `[capi_helm]` that are read.
const OPTIONS: [&str; 2] = ["kubeconfig_file", "api_resources"];

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
    /// Its values of `kubeconfig_file` and `api_resources`; an option that is not set is absent.
    pub options: Result<BTreeMap<String, String>, ProbeFailure>,
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
    let (conductor, python, helm, dropin, file, options, reach, authenticate, releases) = futures::join!(
        unit.service(&service),
        unit.python(&service),
        unit.program("helm", &service),
        unit.file(&dropin),
        unit.file(kubeconfig),
        unit.options(&service, omega_driver::options::SECTION, OPTIONS.map(str::to_owned).to_vec()),
        reach,
        unit.reach(authenticate),
        unit.releases(&service, kubeconfig, namespaces),
    );
    Ok(ConductorFacts {
        conductor: answered(conductor)?,
        python: answered(python)?,
        helm: answered(helm)?,
        dropin: answered(dropin)?,
        kubeconfig: answered(file)?,
        options: answered(options)?,
        reach: reach?,
        authenticate: answered(authenticate)?,
        releases: answered(releases)?,
    })
}
