//! From a site file to the desired facts of the graft and their clients; and the verification.

use std::{path::PathBuf, pin::pin};

use futures::future::{Either, join, select};
use omega_core::{
    Failure,
    kubeconfig::Kubeconfig,
    persist, private_directory, read_regular,
    run::{Engine, Job, Report},
    values::Sha256,
};
use omega_juju::gates::LeftoverPolicy;
use omega_openstack::container_infra::ClusterList;
use serde::{Deserialize, Serialize};

use super::{GraftSpec, Purpose, known_namespaces};
use crate::{
    clients::{Clients, CloudClients, Connect, Payloads, UnitList},
    site::Conductor,
};

/// The most that a file of stored inputs may have, in bytes.
const MOST: u64 = 1 << 20;

/// What must be known before a unit can be asked anything.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Inputs {
    units: UnitList,
    /// The namespaces of the clusters, where helm lists releases.
    namespaces: Vec<String>,
}

/// The version of the format of stored inputs. A file of another one counts as none.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
struct Stored<I> {
    version: u32,
    inputs: I,
}

struct Resolver<'a> {
    connect: &'a Connect<'a>,
    kubeconfig: &'a Kubeconfig,
    only: &'a [String],
    policy: LeftoverPolicy,
    cloud: CloudClients,
    clusters: ClusterList,
}

/// Connects to what the site names and resolves the graft. Juju lists the units while Magnum lists the
/// clusters. `only`: these units; all if it is empty.
///
/// # Errors
///
/// Fails if a file can't be read, if Juju can't list the units, or if the site file contradicts itself.
pub async fn resolve(
    connect: &Connect<'_>,
    kubeconfig: &Kubeconfig,
    only: &[String],
    policy: LeftoverPolicy,
) -> Result<(GraftSpec, Clients), Failure> {
    let payloads = connect.payloads(kubeconfig)?;
    let resolver = Resolver::new(connect, kubeconfig, only, policy).await?;
    resolver.graft(&resolver.inputs().await?, &payloads).await
}

/// Verifies the graft. It changes nothing outside this machine.
///
/// To list the units and the clusters takes as long as to ask a unit. So the unit is asked at once, with
/// the lists of the last verification, which are compared with the new ones: where they differ, the
/// units are asked again. An import of the drivers is not repeated while nothing that it read has changed
/// ([`omega_juju::Unit::remembering_imports`]). Both are in [`Machine::cache`](crate::Machine); without
/// it every verification waits for the lists, and imports.
///
/// # Errors
///
/// As [`resolve`].
pub async fn verify(
    engine: &Engine,
    site: &str,
    connect: &Connect<'_>,
    kubeconfig: &Kubeconfig,
    only: &[String],
    policy: LeftoverPolicy,
) -> Result<Report, Failure> {
    let resolver = Resolver::new(connect, kubeconfig, only, policy).await?;
    let stored = resolver.stored();
    let read = async |inputs: &Inputs| resolver.verify(engine, site, inputs).await;
    let (inputs, report) = read_meanwhile(stored.as_ref(), resolver.inputs(), read).await?;
    if stored.as_ref() != Some(&inputs) {
        resolver.store(&inputs);
    }
    Ok(report)
}

/// Returns the verification of the graft as a job, for who looks at what it finds piece by piece. Units and
/// clusters are listed now.
///
/// # Errors
///
/// As [`resolve`].
pub async fn verification(
    connect: &Connect<'_>,
    kubeconfig: &Kubeconfig,
    site: &str,
    only: &[String],
    policy: LeftoverPolicy,
) -> Result<Job, Failure> {
    let resolver = Resolver::new(connect, kubeconfig, only, policy).await?;
    resolver.job(site, &resolver.inputs().await?).await
}

/// Reads with the stored inputs while the new ones are found out. If they differ, it reads again.
/// Returns the new inputs and what was read with them.
async fn read_meanwhile<I: PartialEq + Clone, T>(
    stored: Option<&I>,
    find: impl Future<Output = Result<I, Failure>>,
    read: impl AsyncFn(&I) -> Result<T, Failure>,
) -> Result<(I, T), Failure> {
    let find = pin!(find);
    let inputs = match stored {
        None => find.await?,
        Some(stored) => match select(find, pin!(read(stored))).await {
            Either::Left((found, reading)) => match found? {
                same if same == *stored => return Ok((same, reading.await?)),
                other => other,
            },
            Either::Right((read, find)) => match find.await? {
                same if same == *stored => return Ok((same, read?)),
                other => other,
            },
        },
    };
    let read = read(&inputs).await?;
    Ok((inputs, read))
}

impl<'a> Resolver<'a> {
    async fn new(
        connect: &'a Connect<'a>,
        kubeconfig: &'a Kubeconfig,
        only: &'a [String],
        policy: LeftoverPolicy,
    ) -> Result<Self, Failure> {
        connect.site.is_complete_for_graft()?;
        let cloud = connect.cloud().await?;
        let clusters = ClusterList::once((*cloud.magnum).clone());
        Ok(Self { connect, kubeconfig, only, policy, cloud, clusters })
    }

    async fn inputs(&self) -> Result<Inputs, Failure> {
        let namespaces = known_namespaces(self.connect.site, &self.cloud, &self.clusters);
        let (units, namespaces) = join(self.connect.list_units(), namespaces).await;
        Ok(Inputs { units: units?, namespaces })
    }

    async fn graft(
        &self,
        inputs: &Inputs,
        payloads: &Payloads,
    ) -> Result<(GraftSpec, Clients), Failure> {
        let Self { connect, kubeconfig, only, .. } = self;
        let cloud = self.cloud.clone();
        let clients = connect.listed(kubeconfig, cloud, &inputs.units, only, payloads).await?;
        let clusters = (self.clusters.clone(), inputs.namespaces.clone());
        let spec = GraftSpec::with(connect.site, kubeconfig, &clients, self.policy, clusters)?;
        Ok((spec, clients))
    }

    async fn verify(
        &self,
        engine: &Engine,
        site: &str,
        inputs: &Inputs,
    ) -> Result<Report, Failure> {
        Ok(engine.verify(&self.job(site, inputs).await?).await)
    }

    async fn job(&self, site: &str, inputs: &Inputs) -> Result<Job, Failure> {
        let (spec, clients) = self.graft(inputs, &self.connect.no_payloads()).await?;
        let clients = clients.for_verification(self.cache().as_deref());
        Ok(spec.job(site, &clients, Purpose::Verify))
    }

    /// Where the inputs of this site are stored. A site that shares the name only asks once more.
    fn file(&self) -> Option<PathBuf> {
        let site = self.connect.site;
        let Conductor { application, unit, .. } = site.conductor().ok()?;
        let units: Vec<_> = unit.iter().map(|unit| unit.name.to_string()).collect();
        let (directory, units) = (site.directory.display(), units.join(" "));
        let key = format!("{directory}\n{application:?}\n{:?}\n{units}", site.juju.model);
        let name = format!("graft-{}.json", Sha256::of(key.as_bytes()));
        Some(self.cache()?.join(name))
    }

    fn cache(&self) -> Option<PathBuf> {
        Some(self.connect.machine.cache.as_ref()?.join("inputs"))
    }

    /// Returns the inputs of the last verification. A damaged file counts as none.
    fn stored(&self) -> Option<Inputs> {
        let bytes = read_regular(&self.file()?, MOST).ok()?;
        stored_inputs(&bytes)
    }

    /// Stores the inputs for the next verification. It works without.
    fn store(&self, inputs: &Inputs) {
        let Some(path) = self.file() else { return };
        let stored = Stored { version: VERSION, inputs };
        let written = serde_json::to_vec(&stored).map_err(Into::into);
        let directory = path.parent().map_or(Ok(()), private_directory);
        let written = written.and_then(|bytes| directory.and_then(|()| persist(&path, &bytes)));
        if let Err(error) = written {
            tracing::warn!(path = %path.display(), %error, "the inputs of a verification were not stored");
        }
    }
}

fn stored_inputs(bytes: &[u8]) -> Option<Inputs> {
    let Stored { version, inputs } = serde_json::from_slice(bytes).ok()?;
    (version == VERSION).then_some(inputs)
}

#[cfg(test)]
#[path = "resolve_tests.rs"]
mod tests;
