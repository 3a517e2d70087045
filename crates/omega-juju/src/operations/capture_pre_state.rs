//! Records the state of a unit before the first change.

use std::collections::BTreeMap;

use omega_core::{Failure, Label as _};
use serde::{Deserialize, Serialize};

use super::magnum;
use crate::{
    BrokenMetadata, DistributionsState, DriversState, Error, FileState, Interpreter,
    OtherDistribution, ProbeFailure, ProgramState, ServiceName, ServiceState, Unit, UnitPath,
    error::answered,
};

/// The state of a unit before the first change, for the operator to look up later.
///
/// It holds no secret: only digest, owner and mode of the kubeconfig and of `magnum.conf`; in the unit
/// files, the values of what is named as a secret are masked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PreState {
    /// The unit's label.
    pub unit: String,
    /// The channel.
    pub via: String,
    /// The services.
    pub services: BTreeMap<ServiceName, ServiceState>,
    /// The unit files of the services with their drop-ins, as systemd prints them, or why they are not
    /// known. (Earlier versions did not record them.)
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unit_files: BTreeMap<ServiceName, Result<String, ProbeFailure>>,
    /// The arguments for the conductor's next start.
    pub args: Option<Vec<String>>,
    /// The conductor's interpreter, with pip and the driver.
    pub python: Option<Interpreter>,
    /// The versions of related distributions.
    pub distributions: BTreeMap<String, String>,
    /// Further ones of a name that there is more than once. (Earlier versions did not record them.)
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub other_distributions: Vec<OtherDistribution>,
    /// Related metadata that can't be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub broken_metadata: Vec<BrokenMetadata>,
    /// The drivers that the conductor found, which of them it could import, and which are disabled; or
    /// why that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drivers: Option<Result<DriversState, ProbeFailure>>,
    /// The names in the configuration directory; `None` if there was none.
    pub conf_d: Option<Vec<String>>,
    /// The files of the graft.
    pub files: BTreeMap<UnitPath, PreFile>,
    /// The helm that the conductor found.
    pub helm: ProgramState,
}

/// A file before the first change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PreFile {
    /// What was at the path.
    pub state: FileState,
    /// Its text, if it holds no secret.
    pub text: Option<String>,
}

/// Records the state of `unit`, in one remote execution. It writes nothing on the unit.
///
/// ```no_run
/// # async fn f(unit: &omega_juju::Unit) -> Result<(), Box<dyn std::error::Error>> {
/// let before = omega_juju::operations::capture_pre_state(unit).await?;
/// println!("{}", serde_json::to_string_pretty(&before)?);
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// Fails if the unit does not answer.
pub async fn capture_pre_state(unit: &Unit) -> Result<PreState, Failure> {
    let what = || format!("could not record the state of {}", unit.label());
    capture(unit).await.map_err(|error| Failure::from_error(what(), &error))
}

/// The distributions whose names contain one of these are recorded.
const RELATED: [&str; 4] = ["magnum", "cluster", "helm", "kubernetes"];

async fn capture(unit: &Unit) -> Result<PreState, Error> {
    let conductor = magnum::conductor();
    let conf_d = magnum::conf_d();
    let drivers = async { answered(unit.drivers(&conductor).await) };
    let (services, unit_files, args, python, found, conf_d, files, helm, drivers) = futures::try_join!(
        services(unit),
        unit_files(unit),
        unit.show_args(&conductor),
        unit.python(&conductor),
        unit.distributions(&conductor, &RELATED),
        unit.names(&conf_d),
        files(unit),
        unit.program("helm", &conductor),
        drivers
    )?;
    let DistributionsState { versions, others, broken } = found;
    Ok(PreState {
        unit: unit.label(),
        via: unit.via(),
        services,
        unit_files,
        args,
        python,
        distributions: versions,
        other_distributions: others,
        broken_metadata: broken,
        drivers: Some(drivers),
        conf_d,
        files,
        helm,
    })
}

async fn services(unit: &Unit) -> Result<BTreeMap<ServiceName, ServiceState>, Error> {
    let services = [magnum::conductor(), magnum::api()].map(|service| async {
        let state = unit.service(&service).await?;
        Ok((service, state))
    });
    Ok(futures::future::try_join_all(services).await?.into_iter().collect())
}

async fn unit_files(
    unit: &Unit,
) -> Result<BTreeMap<ServiceName, Result<String, ProbeFailure>>, Error> {
    let services = [magnum::conductor(), magnum::api()].map(|service| async {
        let text = answered(unit.unit_file(&service).await)?;
        Ok::<_, Error>(text.transpose().map(|text| (service, text)))
    });
    Ok(futures::future::try_join_all(services).await?.into_iter().flatten().collect())
}

async fn files(unit: &Unit) -> Result<BTreeMap<UnitPath, PreFile>, Error> {
    let daemons = [magnum::conductor(), magnum::api()];
    let mut open = vec![magnum::dropin(), magnum::old_dropin()];
    open.extend(daemons.iter().map(magnum::default_file));
    open.extend(daemons.iter().map(magnum::systemd_override));
    let closed = [
        magnum::kubeconfig(),
        magnum::magnum_conf(),
        magnum::helm(),
        magnum::helm_of_the_runbook(),
    ];
    let open = open.into_iter().map(|path| async move {
        let (state, text) = unit.text(&path).await?;
        Ok::<_, Error>((path, PreFile { state, text }))
    });
    let closed = closed.into_iter().map(|path| async move {
        let state = unit.file(&path).await?;
        Ok::<_, Error>((path, PreFile { state, text: None }))
    });
    let (open, closed) = futures::try_join!(
        futures::future::try_join_all(open),
        futures::future::try_join_all(closed)
    )?;
    Ok(open.into_iter().chain(closed).collect())
}

#[cfg(test)]
#[path = "capture_pre_state_tests.rs"]
mod tests;
