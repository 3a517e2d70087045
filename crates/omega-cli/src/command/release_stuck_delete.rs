//! `release-stuck-delete`

use std::{path::PathBuf, sync::Arc, time::Duration};

use clap::Args;
use omega_capi::{Namespace, discover_versions};
use omega_core::{Failure, FailureClass, Label as _, values::Secret};
use omega_openstack::{
    ClusterMark, Error as CloudError, Transport,
    block_storage::{ClusterVolume, cluster_volumes},
    container_infra::Cluster,
    identity::CredentialAnswer,
    network::{Left, Network, RemoveClusterNetwork},
};
use serde_json::json;

use super::Session;
use crate::{
    cli::patience,
    engine::{Approved, Task, WayBack},
    exit::Exit,
    runbook::{Clients, Release, StuckCluster, own_credential, replacement, sessions},
    site::Site,
};

/// `release-stuck-delete`
#[derive(Clone, Debug, Args)]
pub(crate) struct ReleaseStuckDeleteArgs {
    /// The cluster: its name or id in Magnum, or its stack id.
    #[arg(long, value_name = "CLUSTER")]
    cluster: String,
    /// Its namespace, where Magnum no longer knows the cluster.
    #[arg(long, short = 'n', value_name = "NAMESPACE")]
    namespace: Option<Namespace>,
    /// Put the application credential of this clouds.yaml (its cloud is called `openstack`) into the
    /// cluster's secret first. It must authenticate in the cluster's project.
    #[arg(long, value_name = "FILE")]
    credential_from: Option<PathBuf>,
    /// How long nothing must have moved before a delete is called stuck.
    #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = patience)]
    patience: Duration,
    /// How long the controllers are left to finish by themselves after each thing that is mended.
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = patience)]
    wait: Duration,
    /// The site file.
    #[arg(long, default_value = "omega.toml")]
    site: PathBuf,
    /// Show what would be done; write nothing.
    #[arg(long)]
    pub(crate) plan: bool,
}

/// Which cluster it is.
struct Which {
    namespace: Namespace,
    stack: String,
    project: String,
}

impl Session {
    /// Lets a cluster go whose delete does not end.
    pub(super) async fn release_stuck_delete(
        &self,
        args: &ReleaseStuckDeleteArgs,
    ) -> Result<Exit, Failure> {
        // Before it is looked at what holds the cluster: the steps are made of that.
        let _lock = (!args.plan).then(|| self.runs.lock("release-stuck-delete")).transpose()?;
        let site = Site::read(&args.site)?;
        let world = self.connect_cloud(&site, &self.kubeconfig(&site)?).await?;
        let which = which(&site, &world, args).await?;
        let served = discover_versions(&world.management).await.map_err(|error| {
            Failure::from_error("could not ask what the management cluster serves", &error)
        })?;
        if served.versions_of("cluster.x-k8s.io", "clusters").next().is_none() {
            let what = "no version of clusters.cluster.x-k8s.io is served: nothing can be let go";
            let next = "serve it again (omega-cli served-versions), and wait for the controllers";
            return Err(Failure::new(FailureClass::Refused, what).next(next));
        }
        let cluster = StuckCluster {
            management: Arc::clone(&world.management),
            served: Arc::new(served),
            namespace: which.namespace.clone(),
            stack: which.stack.clone(),
            patience: args.patience,
            wait: args.wait,
            connect: sessions(),
        };
        let replacement = match &args.credential_from {
            Some(path) => Some(replacement(&cluster, path, &which.project).await?),
            None => None,
        };
        let held = cluster.deletion().await?.held;
        let project = self.project(&site, &cluster, &which, replacement.as_ref()).await?;
        if project.is_none() && held.is_empty() {
            let what = format!("what {} left in the cloud can't be looked at", which.stack);
            let why = format!("nobody can log in to project {}", which.project);
            let next = "log in as somebody with a role there (cloud in the site file)";
            return Err(Failure::new(FailureClass::Refused, what).because(why).next(next));
        }
        let release = Release { cluster, held, replacement, project };
        let report = self.run_release(args, &release, &world).await?;
        let mark = ClusterMark::new(which.namespace.as_str(), &which.stack);
        let left = match &release.project {
            Some(project) => self.left(project, &mark).await,
            None => json!(null),
        };
        let cluster = json!({ "namespace": mark.namespace, "name": mark.name });
        self.shown(report.proven(json!({ "cluster": cluster, "left": left })))
    }

    async fn run_release(
        &self,
        args: &ReleaseStuckDeleteArgs,
        release: &Release,
        world: &Clients,
    ) -> Result<crate::engine::Report, Failure> {
        let task = Task {
            name: "release-stuck-delete".to_owned(),
            site: args.site.display().to_string(),
            again: format!("omega-cli release-stuck-delete{}", args.said()),
            legs: release.legs(),
            afterwards: Vec::new(),
            pre_state: None,
            counts: world.counts(),
            endpoints: world.endpoints(),
            rolls_back: Vec::new(),
            way_back: WayBack::None,
        };
        if args.plan {
            return self.engine().plan(&task, None).await;
        }
        self.engine().apply(&task, Approved::Now).await
    }

    /// Returns a connection to the cluster's project: the operator's where that is possible, for
    /// Magnum deletes the cluster's own credential as soon as the cluster is gone.
    async fn project(
        &self,
        site: &Site,
        cluster: &StuckCluster,
        which: &Which,
        replacement: Option<&Secret>,
    ) -> Result<Option<Arc<dyn Transport>>, Failure> {
        let operator = self.in_project(site, &which.project).await?;
        match operator.grant().await {
            Ok(_) => return Ok(Some(operator)),
            Err(CloudError::Login { source, .. })
                if source.refusal().is_some()
                    || matches!(*source, CloudError::OtherProject { .. }) => {}
            Err(error) => {
                let what = format!("could not log in to project {}", which.project);
                return Err(Failure::from_error(what, &error));
            }
        }
        let found = cluster.credentials().await?;
        let cacert = found.as_ref().and_then(|found| found.cacert.clone());
        let clouds = replacement.cloned().or_else(|| found.map(|found| found.clouds));
        let Some(clouds) = clouds else { return Ok(None) };
        let source = format!("{}-cloud-credentials", cluster.stack);
        let own = own_credential(&cluster.connect, &clouds, cacert.as_ref(), &source).await?;
        Ok(match own {
            (CredentialAnswer::Accepted(_), cloud) => Some(cloud),
            // It is asked again as a gate, which says what to do.
            (CredentialAnswer::Refused { .. }, _) => None,
        })
    }

    /// Says what is related to the cluster and stays.
    async fn left(&self, project: &Arc<dyn Transport>, mark: &ClusterMark) -> serde_json::Value {
        let network = Network::new(Arc::clone(project));
        let desired = RemoveClusterNetwork { cluster: mark.clone() };
        let parts = network.inventory().await.map(|seen| desired.left(&seen));
        for Left { noun, id, name, why } in parts.iter().flatten() {
            self.screen.prose(&format!("Left: {noun} {name} ({id}): {why}."));
        }
        let volumes = cluster_volumes(&**project, mark).await;
        for ClusterVolume { id, name, size, status, claim } in volumes.iter().flatten() {
            let claim = claim.as_deref().map(|claim| format!(", of claim {claim}"));
            let claim = claim.unwrap_or_default();
            self.screen.prose(&format!(
                "Left: volume {name} ({id}), {size} GiB, {status}{claim}: volumes are not deleted."
            ));
        }
        for error in [parts.as_ref().err(), volumes.as_ref().err()].into_iter().flatten() {
            self.screen
                .prose(&format!("What is left in {} is not known: {error}.", network.label()));
        }
        json!({ "parts": parts.ok(), "volumes": volumes.ok() })
    }
}

impl ReleaseStuckDeleteArgs {
    /// Returns what was said, as it would be typed again.
    fn said(&self) -> String {
        let Self { cluster, namespace, credential_from, patience, wait, site, plan: _ } = self;
        let seconds = |duration: &Duration| format!("{}s", duration.as_secs());
        let namespace = namespace.as_ref().map(ToString::to_string);
        let from = credential_from.as_ref().map(|path| path.display().to_string());
        let site = Some(site.display().to_string()).filter(|site| site != "omega.toml");
        let patience = Some(seconds(patience)).filter(|text| text != "600s");
        let wait = Some(seconds(wait)).filter(|text| text != "120s");
        let flags = [
            ("--cluster", Some(cluster.clone())),
            ("--namespace", namespace),
            ("--credential-from", from),
            ("--patience", patience),
            ("--wait", wait),
            ("--site", site),
        ];
        let flag = |(flag, value): (&str, Option<String>)| {
            let value = value?;
            Some(format!(" {flag} {}", shlex::try_quote(&value).unwrap_or_default()))
        };
        flags.into_iter().filter_map(flag).collect()
    }
}

/// Finds the cluster in Magnum, by its name, its id or its stack id.
async fn which(
    site: &Site,
    world: &Clients,
    args: &ReleaseStuckDeleteArgs,
) -> Result<Which, Failure> {
    let name = &args.cluster;
    let all = world.magnum.clusters().await.map_err(|error| {
        let what = format!("could not list the clusters of {}", world.magnum.label());
        Failure::from_error(what, &error)
    })?;
    let is = |one: &&Cluster| {
        one.stack_id.as_deref() == Some(name) || one.uuid == *name || one.name == *name
    };
    let found: Vec<&Cluster> = all.iter().filter(is).collect();
    match found.as_slice() {
        [] => match &args.namespace {
            Some(namespace) => {
                let (namespace, stack) = (namespace.clone(), name.clone());
                let project = project_of(&namespace)?;
                Ok(Which { namespace, stack, project })
            }
            None => {
                Err(Failure::new(FailureClass::Usage, format!("Magnum knows no cluster {name:?}"))
                    .next("give its stack id, and its namespace: --namespace magnum-PROJECT"))
            }
        },
        [one] => known(site, one, args.namespace.as_ref()),
        many => {
            let ids: Vec<_> = many.iter().map(|one| one.uuid.as_str()).collect();
            let what = format!("{} clusters are called {name:?}", many.len());
            Err(Failure { found: Some(ids.join(", ")), ..Failure::new(FailureClass::Usage, what) }
                .next("name it by its id"))
        }
    }
}

fn known(site: &Site, one: &Cluster, namespace: Option<&Namespace>) -> Result<Which, Failure> {
    let prefix = site.capi_helm.get("namespace_prefix").map_or("magnum", String::as_str);
    let status = one.status.as_deref().unwrap_or_default();
    let refuse = |why: String| {
        Failure::new(FailureClass::Refused, format!("cluster {} stays", one.name)).because(why)
    };
    if !status.starts_with("DELETE_") {
        return Err(refuse(format!("Magnum is not deleting it: it is {status}"))
            .next("delete it first: openstack coe cluster delete"));
    }
    let (Some(stack), true) = (one.stack_id.clone(), one.is_capi()) else {
        return Err(refuse("it is not one of magnum-capi-helm's".to_owned()));
    };
    let made = one.helm_namespace(prefix).and_then(|text| text.parse::<Namespace>().ok());
    let (Some(made), Some(project)) = (made, one.project_id.clone()) else {
        return Err(refuse("Magnum does not say its project".to_owned()));
    };
    match namespace {
        Some(other) if *other != made => {
            let what = format!("cluster {} is in namespace {made}, not {other}", one.name);
            Err(Failure::new(FailureClass::Usage, what).next("leave --namespace out"))
        }
        _ => Ok(Which { namespace: made, stack, project }),
    }
}

/// Returns the project whose clusters are in the namespace: the driver makes `PREFIX-PROJECT`.
fn project_of(namespace: &Namespace) -> Result<String, Failure> {
    let project = namespace.as_str().rsplit('-').next().unwrap_or_default();
    let is = project.len() == 32 && project.bytes().all(|byte| byte.is_ascii_hexdigit());
    is.then(|| project.to_owned()).ok_or_else(|| {
        let what = format!("namespace {namespace} does not end with a project's id");
        Failure::new(FailureClass::Usage, what)
            .next("give the cluster's: --namespace magnum-PROJECT")
    })
}
