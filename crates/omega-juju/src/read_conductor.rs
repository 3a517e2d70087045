//! How the conductor of one unit stands: everything that the driver needs there.

use std::collections::BTreeMap;

use omega_core::kubeconfig::KubeconfigFacts;

use crate::{
    Error, FileState, Interpreter, Probe, ProgramState, ReachState, ReleasesState, Reply,
    ServiceState, Unit, UnitPath, operations::magnum,
};

/// The options of `[capi_helm]` that are asked for.
const OPTIONS: [&str; 2] = ["kubeconfig_file", "api_resources"];

/// What a unit says of its conductor. What it could not tell holds why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConductorFacts {
    /// `magnum-conductor`.
    pub conductor: Result<ServiceState, String>,
    /// Which driver its interpreter has; `None` where the unit has no conductor.
    pub python: Result<Option<Interpreter>, String>,
    /// Which helm it finds.
    pub helm: Result<ProgramState, String>,
    /// The drop-in with `[capi_helm]`.
    pub dropin: Result<FileState, String>,
    /// The kubeconfig.
    pub kubeconfig: Result<FileState, String>,
    /// What it reads for `kubeconfig_file` and `api_resources`; one that is not set is absent.
    pub options: Result<BTreeMap<String, String>, String>,
    /// Whether the machine reaches the management API. `None` if nobody knows where that is.
    pub reach: Option<Result<ReachState, String>>,
    /// Whether the daemon's user can log in there.
    pub authenticate: Result<ReachState, String>,
    /// Which releases helm lists as the daemon would.
    pub releases: Result<Vec<ReleasesState>, String>,
}

/// Asks `unit` how its conductor stands, in one remote execution. `facts` are those of the
/// kubeconfig that belongs on it, `namespaces` those whose releases are listed.
///
/// # Errors
///
/// Fails if the machine does not answer. What it can't tell is no error.
pub async fn read_conductor(
    unit: &Unit,
    kubeconfig: &UnitPath,
    facts: Option<&KubeconfigFacts>,
    namespaces: &[String],
) -> Result<ConductorFacts, Error> {
    let service = magnum::conductor();
    let reach = async {
        let facts = facts?;
        let ((host, port), ca_pem) = (facts.endpoint(), facts.ca_pem.clone());
        Some(unit.ask(Probe::Reach { host, port, ca_pem }).await)
    };
    let keys = OPTIONS.map(str::to_owned).to_vec();
    let group = magnum::SECTION.to_owned();
    let (path, asked) = (kubeconfig.clone(), namespaces.to_vec());
    let dropin = magnum::dropin();
    let (conductor, python, helm, dropin, file, options, reach, authenticate, releases) = futures::join!(
        unit.service(&service),
        unit.python(&service, magnum::DRIVER, magnum::DRIVERS_GROUP),
        unit.program("helm", &service),
        unit.file(&dropin),
        unit.file(kubeconfig),
        unit.ask(Probe::Options { service: service.clone(), group, keys }),
        reach,
        unit.ask(Probe::Authenticate { service: service.clone(), kubeconfig: path.clone() }),
        unit.ask(Probe::Releases { service: service.clone(), kubeconfig: path, namespaces: asked }),
    );
    Ok(ConductorFacts {
        conductor: told(conductor)?,
        python: told(python)?,
        helm: told(helm)?,
        dropin: told(dropin)?,
        kubeconfig: told(file)?,
        options: told(options.and_then(|reply| {
            let Reply::Options { values } = reply else { return Err(unit.unexpected(&reply)) };
            Ok(values)
        }))?,
        reach: reach.map(|reply| told(reply.and_then(|one| reached(unit, one)))).transpose()?,
        authenticate: told(authenticate.and_then(|reply| reached(unit, reply)))?,
        releases: told(releases.and_then(|reply| {
            let Reply::Releases { namespaces } = reply else { return Err(unit.unexpected(&reply)) };
            Ok(namespaces)
        }))?,
    })
}

fn reached(unit: &Unit, reply: Reply) -> Result<ReachState, Error> {
    let Reply::Reach(state) = reply else { return Err(unit.unexpected(&reply)) };
    Ok(state)
}

/// Keeps why one question could not be answered, and passes on why none could.
fn told<T>(answer: Result<T, Error>) -> Result<Result<T, String>, Error> {
    match answer {
        Ok(value) => Ok(Ok(value)),
        Err(Error::Probe { why, .. }) => Ok(Err(why)),
        Err(error) => Err(error),
    }
}
