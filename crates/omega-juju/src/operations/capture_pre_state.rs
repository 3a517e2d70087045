//! Takes down how a unit was before the first change.

use std::collections::BTreeMap;

use omega_core::{Failure, Label as _};
use serde::{Deserialize, Serialize};

use super::magnum;
use crate::{
    Error, FileState, Interpreter, ProgramState, ServiceName, ServiceState, Unit, UnitPath,
};

/// How a unit was before the first change: what an operator would want to look up later.
///
/// It holds no secret: of the kubeconfig and of `magnum.conf` it knows digest, owner and mode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PreState {
    /// The unit's label.
    pub unit: String,
    /// How it was reached.
    pub via: String,
    /// The services.
    pub services: BTreeMap<ServiceName, ServiceState>,
    /// What the conductor's init script would have started.
    pub args: Option<Vec<String>>,
    /// The conductor's interpreter, with pip and the driver.
    pub python: Option<Interpreter>,
    /// The distributions that have to do with it, with their versions.
    pub distributions: BTreeMap<String, String>,
    /// The names in the configuration directory; `None` if there was none.
    pub conf_d: Option<Vec<String>>,
    /// What was where, with the text where it may be shown.
    pub files: BTreeMap<UnitPath, PreFile>,
    /// How the conductor found helm.
    pub helm: ProgramState,
}

/// One file as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PreFile {
    /// What was there.
    pub state: FileState,
    /// Its text, of files that hold no secret.
    pub text: Option<String>,
}

/// Takes down how `unit` is, in one remote execution. It writes nothing on the unit.
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
    let what = || format!("could not take down how {} is", unit.label());
    capture(unit).await.map_err(|error| Failure::from_error(what(), &error))
}

const WORDS: [&str; 4] = ["magnum", "cluster", "helm", "kubernetes"];

async fn capture(unit: &Unit) -> Result<PreState, Error> {
    let conductor = magnum::conductor();
    let conf_d = magnum::conf_d();
    let (services, args, python, distributions, names, files, helm) = futures::try_join!(
        services(unit),
        unit.show_args(&conductor),
        unit.python(&conductor),
        unit.distributions(&conductor, &WORDS),
        unit.names(&conf_d),
        files(unit),
        unit.program("helm", &conductor)
    )?;
    Ok(PreState {
        unit: unit.label(),
        via: unit.via(),
        services,
        args,
        python,
        distributions,
        conf_d: names,
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
