//! Proves that Magnum creates clusters: creates one, waits until it is healthy, and deletes it.

use std::{
    collections::BTreeMap,
    fmt,
    hash::{BuildHasher as _, Hasher as _, RandomState},
    sync::Arc,
    time::Duration,
};

use futures::future::BoxFuture;
use jiff::Timestamp;
use omega_core::{
    Context, EnsureError, Event, Failure, FailureClass, PollPolicy, Touched, ensure, with_temporary,
};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use super::{
    Cluster, ContainerInfra, CreateCluster, CreateTemplate, DeleteCluster, TemplateSpec,
    prove_template::unseen,
    wait_for_cluster::{NotReached, Wanted, wait_for_cluster},
};

/// The template of the cluster that is created.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProofTemplate {
    /// An existing one, by name or id. It is not changed.
    Existing(String),
    /// One that is created for the proof and deleted with it.
    ThrowAway(Box<TemplateSpec>),
}

/// The cluster that is created.
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

/// Says why a cluster does not work, while it still exists; `None` if that is not known.
pub type DiagnoseCluster = Arc<dyn Fn(Cluster) -> BoxFuture<'static, Option<String>> + Send + Sync>;

/// The names and the time limits of a proof.
#[derive(Clone)]
#[non_exhaustive]
pub struct ProofOptions {
    /// The prefix of the names of its temporary resources.
    pub prefix: String,
    /// The limit for `CREATE_COMPLETE`.
    pub create: Duration,
    /// The limit without any change of the cluster in Magnum until then.
    pub stalled: Duration,
    /// The limit from there until HEALTHY.
    pub healthy: Duration,
    /// The pause between two reads.
    pub every: Duration,
    /// Asked about a cluster that did not become healthy, before it is deleted.
    pub diagnose: Option<DiagnoseCluster>,
}

impl fmt::Debug for ProofOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProofOptions").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

impl ProofOptions {
    /// Returns the limits for a cluster of a few machines: 30 minutes to be created, 5 to be
    /// healthy. The driver tells of no step between the helm release and the end, which takes some 10.
    pub fn new(prefix: impl Into<String>) -> Self {
        let minutes = |n: u64| Duration::from_secs(60 * n);
        Self {
            prefix: prefix.into(),
            create: minutes(30),
            stalled: minutes(20),
            healthy: minutes(5),
            every: Duration::from_secs(5),
            diagnose: None,
        }
    }
}

/// Returns a unique name: the prefix, the time, and six random letters and digits.
pub fn temporary_name(prefix: &str, now: Timestamp) -> String {
    let random = RandomState::new().build_hasher().finish() & 0xff_ffff;
    format!("{prefix}-{}-{random:06x}", now.strftime("%Y%m%d%H%M%S"))
}

/// The result of [`prove_cluster`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ClusterProof {
    /// The cluster when it was healthy. It is deleted again.
    pub cluster: Cluster,
    /// From the request to `CREATE_COMPLETE`.
    pub created_in: Duration,
    /// From there to HEALTHY.
    pub healthy_in: Duration,
    /// From the delete request to its absence.
    pub deleted_in: Duration,
    /// Why the first create failed and was repeated, if it was.
    pub repeated: Option<String>,
}

/// Creates a cluster, waits for `CREATE_COMPLETE` and `HEALTHY`, deletes it, and waits until it is gone.
///
/// It changes only what it creates, and always deletes that. What a killed process leaves is in the
/// journal of `ctx`, by its name. A create that fails before the driver has begun (because Keystone
/// does not yet know the new trust) is repeated once, with another name.
///
/// Check before and after that the management API serves every version that the driver reads. If it
/// does not, Magnum's delete seems to work but leaves the whole cluster.
///
/// # Errors
///
/// The failure names what was left behind, if anything was.
pub async fn prove_cluster(
    ctx: &Context,
    magnum: &ContainerInfra,
    spec: &ClusterSpec,
    options: &ProofOptions,
) -> Result<ClusterProof, Failure> {
    let proof = |template: String| async move {
        Proof { ctx, magnum, spec, options, template }.prove().await
    };
    match &spec.template {
        ProofTemplate::Existing(name) => proof(existing(magnum, name).await?).await,
        ProofTemplate::ThrowAway(spec) => {
            let name = temporary_name(&options.prefix, ctx.now());
            let desired = CreateTemplate { name: name.clone(), spec: (**spec).clone() };
            with_temporary(ctx, magnum, &desired, async |seen| {
                let template = seen.templates.into_iter().next();
                proof(template.ok_or_else(|| unseen(&format!("template {name}")))?.uuid).await
            })
            .await
        }
    }
}

async fn existing(magnum: &ContainerInfra, name: &str) -> Result<String, Failure> {
    let templates = magnum.templates().await;
    let templates = templates
        .map_err(|error| Failure::from_error("could not list the cluster templates", &error))?;
    let mut same = templates.into_iter().filter(|t| t.name == name || t.uuid == name);
    match (same.next(), same.count()) {
        (Some(template), 0) => Ok(template.uuid),
        (Some(_), more) => {
            let what = format!("{} templates have the name {name:?}", more + 1);
            Err(Failure::new(FailureClass::Refused, what)
                .next("use the id (openstack coe cluster template list)"))
        }
        (None, _) => {
            let what = format!("there is no cluster template {name:?}");
            Err(Failure::new(FailureClass::Error, what)
                .next("correct the name, or omit it to create a template for the proof"))
        }
    }
}

struct Proof<'a> {
    ctx: &'a Context,
    magnum: &'a ContainerInfra,
    spec: &'a ClusterSpec,
    options: &'a ProofOptions,
    template: String,
}

/// The outcome of one attempt, if it is not an error.
enum Attempt {
    Proved(Box<ClusterProof>),
    /// Magnum failed before its driver began: the same request may work.
    BeforeDriver(String),
}

impl Proof<'_> {
    async fn prove(&self) -> Result<ClusterProof, Failure> {
        let why = match self.attempt().await? {
            Attempt::Proved(proof) => return Ok(*proof),
            Attempt::BeforeDriver(why) => why,
        };
        self.ctx.tell(&Event::Note { text: format!("creating a cluster again: {why}") });
        match self.attempt().await? {
            Attempt::Proved(proof) => Ok(ClusterProof { repeated: Some(why), ..*proof }),
            Attempt::BeforeDriver(why) => {
                let what = format!("the cluster could not be created: {why}");
                Err(Failure { touched: Touched::Maybe, ..Failure::new(FailureClass::Error, what) })
            }
        }
    }

    async fn attempt(&self) -> Result<Attempt, Failure> {
        let ClusterSpec { template: _, keypair, master_count, node_count } = self.spec;
        let desired = CreateCluster {
            name: temporary_name(&self.options.prefix, self.ctx.now()),
            template: self.template.clone(),
            keypair: keypair.clone(),
            master_count: *master_count,
            node_count: *node_count,
            labels: BTreeMap::new(),
        };
        let start = Instant::now();
        with_temporary(self.ctx, self.magnum, &desired, async |seen| {
            let made = seen.clusters.into_iter().next();
            let made = made.ok_or_else(|| unseen(&format!("cluster {}", desired.name)))?;
            let healthy = self.see_healthy(&made, start).await;
            let healthy = self.diagnosed(healthy, &made).await;
            let deleting = Instant::now();
            let deleted = self.delete(&made).await;
            match healthy {
                Ok((cluster, created_in, healthy_in)) => {
                    deleted?;
                    let (deleted_in, repeated) = (deleting.elapsed(), None);
                    let proof =
                        ClusterProof { cluster, created_in, healthy_in, deleted_in, repeated };
                    Ok(Attempt::Proved(Box::new(proof)))
                }
                Err(NotReached::BeforeDriver(why)) => {
                    deleted?;
                    Ok(Attempt::BeforeDriver(why))
                }
                // A failure of the deletion is reported with what is left behind.
                Err(NotReached::Failed(failure)) => Err(*failure),
            }
        })
        .await
    }

    async fn see_healthy(
        &self,
        made: &Cluster,
        start: Instant,
    ) -> Result<(Cluster, Duration, Duration), NotReached> {
        let ProofOptions { create, stalled, healthy, every, .. } = self.options;
        let (ctx, magnum) = (self.ctx, self.magnum);
        let create = PollPolicy::new(*every, *create).stalled(*stalled);
        wait_for_cluster(ctx, magnum, made, Wanted::Status("CREATE_COMPLETE"), create).await?;
        let created_in = start.elapsed();
        let healthy = PollPolicy::new(*every, *healthy);
        let cluster =
            wait_for_cluster(ctx, magnum, made, Wanted::Health("HEALTHY"), healthy).await?;
        Ok((cluster, created_in, start.elapsed().saturating_sub(created_in)))
    }

    /// Adds to a failure why the cluster does not work: once it is deleted, nobody can tell.
    async fn diagnosed<T>(
        &self,
        healthy: Result<T, NotReached>,
        made: &Cluster,
    ) -> Result<T, NotReached> {
        let (Err(NotReached::Failed(failure)), Some(diagnose)) = (&healthy, &self.options.diagnose)
        else {
            return healthy;
        };
        if failure.class == FailureClass::Interrupted {
            return healthy;
        }
        match diagnose(made.clone()).await {
            Some(why) => Err(NotReached::Failed(Box::new((**failure).clone().because(why)))),
            None => healthy,
        }
    }

    /// Deletes the cluster and waits until it is gone. A `DELETE_FAILED` is repeated once. It can't be
    /// cancelled.
    async fn delete(&self, made: &Cluster) -> Result<(), Failure> {
        let ctx = &self.ctx.uncancelled();
        let desired = DeleteCluster::known(&made.name, &made.uuid);
        let Err(error) = ensure(ctx, self.magnum, &desired).await else { return Ok(()) };
        let refused = matches!(error, EnsureError::Conflict { .. });
        let failed =
            if refused { self.magnum.cluster(&made.uuid).await.ok().flatten() } else { None };
        let Some(failed) = failed else { return Err(error.into()) };
        ensure(ctx, self.magnum, &desired.after_failure(&failed)).await.map_err(|error| {
            let what = format!("could not delete the cluster {}", made.name);
            Failure { message: what, class: FailureClass::Error, ..Failure::from(error) }
        })?;
        Ok(())
    }
}
