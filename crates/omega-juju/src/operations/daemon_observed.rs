//! The observed state of one daemon.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    DaemonSpec, DriverObserved, DropInObserved, Flag, daemon_args, magnum,
    systemd_drop_in::observe_drop_in,
};
use crate::{Error, FileState, OptionSource, ProbeFailure, ServiceState, Unit, error::answered};

/// The observed state of one daemon and its inputs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DaemonObserved {
    /// The service and its process.
    pub state: ServiceState,
    /// The arguments for the next start with the init script.
    pub args: Option<Vec<String>>,
    /// Its interpreter and the driver in it.
    pub python: DriverObserved,
    /// Its inputs, in the order of [`DaemonSpec::inputs`].
    pub inputs: Vec<FileState>,
    /// Its systemd drop-in. (Journals of version 1 lack it.)
    #[serde(default)]
    pub drop_in: DropInObserved,
    /// The options that it reads.
    pub options: OptionsObserved,
    /// The files that set them, in the order of reading: the last one is in effect.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub set: BTreeMap<String, Vec<OptionSource>>,
}

/// The options that a daemon reads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OptionsObserved {
    /// The values of those that are set.
    Values(BTreeMap<String, String>),
    /// They could not be determined.
    Unknown(ProbeFailure),
}

impl DaemonObserved {
    pub(super) fn exists(&self) -> bool {
        self.state.load != "not-found"
    }

    pub(super) fn runs(&self) -> bool {
        self.state.active == "active" && self.state.sub == "running"
    }

    /// Returns how often the next start will have `--config-dir`, with the init script or with the
    /// command of a systemd drop-in. `reload`: whether there is a daemon-reload before.
    pub(super) fn next_start(&self, reload: bool) -> Option<usize> {
        let args = self.args.as_ref()?;
        let known = Some(&self.state.exec_start).filter(|start| !start.is_empty());
        let start = if reload { self.drop_in.start.as_ref() } else { known };
        let own = start.filter(|start| !start.starts_with("/etc/init.d/"));
        let own: Option<Vec<String>> =
            own.map(|start| start.split_whitespace().map(str::to_owned).collect());
        Some(daemon_args::count(own.as_ref().unwrap_or(args), &magnum::conf_d()))
    }
}

/// Observes one daemon.
pub(crate) async fn observe_daemon(
    unit: &Unit,
    spec: &DaemonSpec,
) -> Result<DaemonObserved, Error> {
    let service = &spec.service;
    let inputs = spec.inputs.iter().map(|input| unit.file(&input.path));
    let args = async {
        match spec.flag {
            Flag::Any => Ok(None),
            Flag::Once | Flag::AsNextStart => unit.show_args(service).await,
        }
    };
    let (state, args, python, inputs, drop_in, options) = futures::try_join!(
        unit.service(service),
        args,
        unit.python(service),
        futures::future::try_join_all(inputs),
        observe_drop_in(unit, service),
        options(unit, spec)
    )?;
    let (python, (options, set)) = (DriverObserved(python), options);
    Ok(DaemonObserved { state, args, python, inputs, drop_in, options, set })
}

type Options = (OptionsObserved, BTreeMap<String, Vec<OptionSource>>);

async fn options(unit: &Unit, spec: &DaemonSpec) -> Result<Options, Error> {
    if spec.options.is_empty() {
        return Ok((OptionsObserved::Values(BTreeMap::new()), BTreeMap::new()));
    }
    let (keys, section) = (spec.options.keys().cloned().collect(), omega_driver::options::SECTION);
    // The daemon may not exist, or its configuration may be invalid: the diff decides.
    Ok(match answered(unit.configuration(&spec.service, section, keys).await)? {
        Ok(state) => (OptionsObserved::Values(state.values), state.set),
        Err(failure) => (OptionsObserved::Unknown(failure), BTreeMap::new()),
    })
}
