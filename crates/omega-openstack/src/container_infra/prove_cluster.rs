//! Proves that Magnum makes a cluster, by making one, seeing it healthy, and deleting it.

use std::{ops::ControlFlow, time::Duration};

use omega_core::{Diagnostic as _, FailureClass, Touched};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::time::{Instant, sleep};

use super::{
    Cluster, ContainerInfra,
    proof::{ProofError, ProofOptions, ProofStep, TemplateSpec, Watch},
    prove_template::{make, remove, stopped, with_left},
};
use crate::Error;

/// The template of the cluster that is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProofTemplate {
    /// One that exists, by name or id. It is not touched.
    Existing(String),
    /// One that is made for the proof and deleted with it.
    ThrowAway(TemplateSpec),
}

/// The cluster that is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterSpec {
    /// Its template.
    pub template: ProofTemplate,
    /// The key pair of the user who logs in.
    pub keypair: Option<String>,
    /// Machines of the control plane: 1, 3 or 5.
    pub master_count: u32,
    /// Workers.
    pub node_count: u32,
}

/// What [`prove_cluster`] saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterProof {
    /// The cluster when it was healthy; it is gone again.
    pub cluster: Cluster,
    /// From the request to `CREATE_COMPLETE`.
    pub created_in: Duration,
    /// From there to HEALTHY.
    pub healthy_in: Duration,
    /// From the request to delete it to its absence.
    pub deleted_in: Duration,
    /// Why the first create was given up and repeated, if it was.
    pub repeated: Option<String>,
}

/// Makes a cluster, waits for `CREATE_COMPLETE` and `HEALTHY`, deletes it, waits until it is gone.
///
/// Names begin with `options.prefix`; nothing is touched but what was made here. What was made is
/// deleted whatever happens. A create that fails before the driver has begun (Keystone does not
/// yet know the trust it just made) is repeated once. The future must be driven to its end, or the
/// cluster stays; to stop it, answer `Break` to a step.
///
/// Ask before, and after, whether the management API serves every version that the driver reads:
/// where it does not, Magnum's delete looks as if it had worked and leaves the whole cluster.
///
/// # Errors
///
/// The error says what was left behind, if anything was.
pub async fn prove_cluster(
    magnum: &ContainerInfra,
    spec: &ClusterSpec,
    options: &ProofOptions,
    watch: Watch<'_>,
) -> Result<ClusterProof, ProofError> {
    let (template, made) = match &spec.template {
        ProofTemplate::Existing(name) => (existing(magnum, name).await?, None),
        ProofTemplate::ThrowAway(spec) => {
            let template = make(magnum, spec, options, watch).await?;
            (template.uuid.clone(), Some(template.uuid))
        }
    };
    let run = Run { magnum, options, template: &template, spec };
    let proof = run.prove(watch).await;
    let removed = match &made {
        Some(id) => remove(magnum, id, watch).await,
        None => Ok(()),
    };
    match (proof, removed) {
        (Ok(proof), Ok(())) => Ok(proof),
        (Ok(_), Err(error)) => Err(error),
        (Err(error), removed) => Err(with_left(error, &removed)),
    }
}

async fn existing(magnum: &ContainerInfra, name: &str) -> Result<String, ProofError> {
    let templates = magnum.templates().await.map_err(|error| {
        ProofError::call("could not list the cluster templates", error).untouched()
    })?;
    let mut same = templates.into_iter().filter(|t| t.name == name || t.uuid == name);
    match (same.next(), same.count()) {
        (Some(template), 0) => Ok(template.uuid),
        (Some(_), more) => {
            Err(ProofError::new(format!("{} templates are named {name:?}", more + 1))
                .untouched()
                .class(FailureClass::Refused)
                .next("give the id (openstack coe cluster template list)"))
        }
        (None, _) => Err(ProofError::new(format!("there is no cluster template {name:?}"))
            .untouched()
            .next("correct the name, or describe a template to be made for the proof")),
    }
}

struct Run<'a> {
    magnum: &'a ContainerInfra,
    options: &'a ProofOptions,
    template: &'a str,
    spec: &'a ClusterSpec,
}

impl Run<'_> {
    async fn prove(&self, watch: Watch<'_>) -> Result<ClusterProof, ProofError> {
        let first = self.attempt(watch).await;
        let Err(Attempt::BeforeDriver(why)) = first else {
            return first.map_err(Attempt::into_error);
        };
        let _: ControlFlow<()> = watch(&ProofStep::Again(why.clone()));
        let second = self.attempt(watch).await.map_err(Attempt::into_error)?;
        Ok(ClusterProof { repeated: Some(why), ..second })
    }

    async fn attempt(&self, watch: Watch<'_>) -> Result<ClusterProof, Attempt> {
        let start = Instant::now();
        let id = self.create(watch).await.map_err(Attempt::Over)?;
        let seen = self.see_healthy(&id, start, watch).await;
        let deleting = Instant::now();
        let removed = self.delete(&id, watch).await;
        match (seen, removed) {
            (Ok((cluster, created_in, healthy_in)), Ok(())) => Ok(ClusterProof {
                cluster,
                created_in,
                healthy_in,
                deleted_in: deleting.elapsed(),
                repeated: None,
            }),
            (Ok(_), Err(error)) => Err(Attempt::Over(error)),
            (Err(Attempt::BeforeDriver(why)), Ok(())) => Err(Attempt::BeforeDriver(why)),
            (Err(attempt), removed) => {
                Err(Attempt::Over(with_left(attempt.into_error(), &removed)))
            }
        }
    }

    async fn create(&self, watch: Watch<'_>) -> Result<String, ProofError> {
        let name = self.options.name();
        if watch(&ProofStep::Creating(format!("cluster {name}"))) == ControlFlow::Break(()) {
            return Err(stopped().untouched());
        }
        let ClusterSpec { template: _, keypair, master_count, node_count } = self.spec;
        let body = json!({
            "name": name,
            "cluster_template_id": self.template,
            "keypair": keypair,
            "master_count": master_count,
            "node_count": node_count,
        });
        let error = match self.magnum.create_cluster(body).await {
            Ok(id) => return Ok(id),
            Err(error) => error,
        };
        let touched = error.touched();
        let mut failed = ProofError::call(format!("could not make the cluster {name}"), error);
        failed.touched = touched;
        if touched == Touched::Maybe {
            // The answer is lost, the cluster perhaps not. Its name is this run's alone.
            match self.magnum.clusters().await {
                Ok(clusters) => {
                    for cluster in clusters.into_iter().filter(|cluster| cluster.name == name) {
                        let removed = self.delete(&cluster.uuid, watch).await;
                        failed = with_left(failed, &removed);
                    }
                }
                Err(_) => failed.left.push(format!("perhaps cluster {name}")),
            }
        }
        Err(failed)
    }

    async fn see_healthy(
        &self,
        id: &str,
        start: Instant,
        watch: Watch<'_>,
    ) -> Result<(Cluster, Duration, Duration), Attempt> {
        let complete = Wanted { what: "CREATE_COMPLETE", within: self.options.create };
        let is = |cluster: &Cluster| cluster.status.clone();
        self.until(id, complete, is, watch).await?;
        let created_in = start.elapsed();
        let healthy = Wanted { what: "HEALTHY", within: self.options.healthy };
        let is = |cluster: &Cluster| cluster.health_status.clone();
        let cluster = self.until(id, healthy, is, watch).await?;
        Ok((cluster, created_in, start.elapsed().saturating_sub(created_in)))
    }

    async fn until(
        &self,
        id: &str,
        wanted: Wanted,
        is: impl Fn(&Cluster) -> Option<String> + Send,
        watch: Watch<'_>,
    ) -> Result<Cluster, Attempt> {
        let Wanted { what, within } = wanted;
        let start = Instant::now();
        loop {
            let cluster = self.look(id).await.map_err(Attempt::Over)?;
            let Some(cluster) = cluster else {
                let error = ProofError::new(format!("the cluster {id} is gone, wanted {what}"));
                return Err(Attempt::Over(error));
            };
            if is(&cluster).as_deref() == Some(what) {
                let _: ControlFlow<()> = watch(&ProofStep::Reached(format!("cluster {what}")));
                return Ok(cluster);
            }
            if cluster.status.as_deref().is_some_and(|status| status.ends_with("_FAILED")) {
                return Err(failed(&cluster));
            }
            let seen = match &cluster.health_status {
                Some(health) => format!("{}, {health}", cluster.standing()),
                None => cluster.standing(),
            };
            if start.elapsed() >= within {
                return Err(Attempt::Over(too_late(&cluster, what, &seen, within)));
            }
            let step = ProofStep::Waiting { wanted: what.into(), seen, since: start.elapsed() };
            if watch(&step) == ControlFlow::Break(()) {
                return Err(Attempt::Over(stopped()));
            }
            sleep(self.options.every).await;
        }
    }

    /// Reads the cluster; one lost answer in a wait of minutes is no failure of the cloud.
    async fn look(&self, id: &str) -> Result<Option<Cluster>, ProofError> {
        let lost = |error: &Error| matches!(error, Error::Unreachable { .. });
        let seen = match self.magnum.cluster(id).await {
            Err(error) if lost(&error) => {
                sleep(self.options.every).await;
                self.magnum.cluster(id).await
            }
            seen => seen,
        };
        seen.map_err(|error| ProofError::call(format!("could not look at the cluster {id}"), error))
    }

    /// Deletes what was made here and waits until it is gone. A `DELETE_FAILED` is repeated once.
    async fn delete(&self, id: &str, watch: Watch<'_>) -> Result<(), ProofError> {
        let left = |mut error: ProofError| {
            error.left.push(format!("cluster {id}"));
            error
        };
        let what = || format!("could not delete the cluster {id}");
        let start = Instant::now();
        let mut attempts = 0;
        loop {
            let cluster = self.look(id).await.map_err(left)?;
            let Some(cluster) = cluster else {
                let _: ControlFlow<()> = watch(&ProofStep::Reached("cluster is gone".to_owned()));
                return Ok(());
            };
            let failed = cluster.status.as_deref() == Some("DELETE_FAILED");
            if attempts == 0 || (failed && attempts == 1) {
                attempts += 1;
                let _: ControlFlow<()> = watch(&ProofStep::Deleting(format!("cluster {id}")));
                self.ask_to_delete(id).await.map_err(|e| left(ProofError::call(what(), e)))?;
            } else if failed || start.elapsed() >= self.options.delete {
                let error = ProofError::new(format!("{}: {}", what(), cluster.standing()));
                return Err(left(error.next("the driver's log says why (magnum-conductor)")));
            }
            // Cleaning up is not stopped.
            let step = ProofStep::Waiting {
                wanted: "its absence".into(),
                seen: cluster.standing(),
                since: start.elapsed(),
            };
            let _: ControlFlow<()> = watch(&step);
            sleep(self.options.every).await;
        }
    }

    async fn ask_to_delete(&self, id: &str) -> Result<(), Error> {
        match self.magnum.delete_cluster(id).await {
            // Gone already, or the answer is lost: looking will tell.
            Err(Error::Unreachable { .. }) => Ok(()),
            Err(error) if error.refusal().is_some_and(|refusal| refusal.status == 404) => Ok(()),
            other => other,
        }
    }
}

struct Wanted {
    what: &'static str,
    within: Duration,
}

/// How one attempt ended.
enum Attempt {
    /// Magnum gave up before its driver began: the same request may work.
    BeforeDriver(String),
    /// It is over.
    Over(ProofError),
}

impl Attempt {
    fn into_error(self) -> ProofError {
        match self {
            Self::BeforeDriver(why) => {
                ProofError::new(format!("the cluster could not be made: {why}"))
            }
            Self::Over(error) => error,
        }
    }
}

fn failed(cluster: &Cluster) -> Attempt {
    let standing = cluster.standing();
    if cluster.stack_id.is_none() {
        return Attempt::BeforeDriver(standing);
    }
    let error = ProofError::new(format!("the cluster {} is {standing}", cluster.name));
    Attempt::Over(error.next("ask Cluster API and the conductor's log for the reason"))
}

fn too_late(cluster: &Cluster, what: &str, seen: &str, within: Duration) -> ProofError {
    let Cluster { name, .. } = cluster;
    let minutes = within.as_secs().div_ceil(60);
    let what = format!("the cluster {name} was not {what} within {minutes} min: it is {seen}");
    // The driver has no timeout and tells of no failure; the reason is in Cluster API.
    ProofError::new(what)
        .class(FailureClass::Deadline)
        .next("the reason is in Cluster API's conditions: kubectl describe cluster")
}
