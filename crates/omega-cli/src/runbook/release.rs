//! Letting a cluster go whose delete does not end: the credential first, then the finalizers,
//! children before their parents, then what is left in the cloud.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use omega_capi::{
    ClusterCredentials, Error, Management, Namespace, Served, read_cluster_credentials,
    stuck::{
        CredentialSource, Deletion, Held, Progress, ReleaseFinalizers, ReplaceCredentials,
        has_namespace, read_deletion,
    },
};
use omega_core::{
    Failure, Gate, Item, Label as _, Section, Subject, TargetPlan, Verdict, step,
    values::{Secret, Sha256},
};
use omega_openstack::{
    ClusterMark, Transport,
    identity::CredentialAnswer,
    load_balancer::{LoadBalancers, RemoveClusterBalancers},
    network::{Left, Network, RemoveClusterNetwork},
};
use tokio::time::{Instant, sleep};

use super::{Connect, own_credential};

/// A pause between two looks at what the controllers do.
const EVERY: Duration = Duration::from_secs(2);

/// A cluster whose delete does not end, and how to ask for it.
#[derive(Clone)]
pub(crate) struct StuckCluster {
    pub(crate) management: Arc<Management>,
    pub(crate) served: Arc<Served>,
    pub(crate) namespace: Namespace,
    /// Magnum's `stack_id`: the name of the Cluster.
    pub(crate) stack: String,
    /// After so long without a move a delete is stuck.
    pub(crate) patience: Duration,
    /// So long the controllers are left to finish, each time that something was mended.
    pub(crate) wait: Duration,
    /// How the cluster's own credential is tried.
    pub(crate) connect: Connect,
}

/// What is to be done.
pub(crate) struct Release {
    pub(crate) cluster: StuckCluster,
    /// What was seen to hold it: the steps are made of it.
    pub(crate) held: Vec<Held>,
    /// A whole clouds.yaml that authenticates, to put in the place of the cluster's own.
    pub(crate) replacement: Option<Secret>,
    /// The cluster's project; none where nobody can log in to it.
    pub(crate) project: Option<Arc<dyn Transport>>,
}

impl StuckCluster {
    fn mark(&self) -> ClusterMark {
        ClusterMark::new(self.namespace.as_str(), &self.stack)
    }

    pub(crate) async fn deletion(&self) -> Result<Deletion, Failure> {
        let Self { management, served, namespace, stack, .. } = self;
        read_deletion(management, served, namespace, stack).await.map_err(|e| self.unread(&e))
    }

    pub(crate) async fn credentials(&self) -> Result<Option<ClusterCredentials>, Failure> {
        let Self { management, namespace, stack, .. } = self;
        read_cluster_credentials(management, namespace, stack).await.map_err(|e| self.unread(&e))
    }

    fn unread(&self, error: &Error) -> Failure {
        let what = format!("could not read what is left of {}", self.mark());
        Failure::from_error(what, error)
    }
}

impl Release {
    /// Returns the legs: the management cluster, then the project.
    pub(crate) fn legs(&self) -> Vec<TargetPlan> {
        let management = TargetPlan {
            target: self.cluster.management.label(),
            sections: vec![
                section("1", "Credential and patience", self.first()),
                section("2", "Finalizers, children first", self.finalizers()),
            ],
        };
        let project = self.project.as_ref().map(|transport| TargetPlan {
            target: transport.label(),
            sections: vec![section("3", "What is left in the cloud", self.orphans(transport))],
        });
        [Some(management), project].into_iter().flatten().collect()
    }

    fn first(&self) -> Vec<Item> {
        let cluster = &self.cluster;
        let wanted = self.replacement.as_ref().map(Secret::digest);
        let mut items: Vec<Item> = vec![Item::Gate(Box::new(IsStuck { cluster: cluster.clone() }))];
        if let (Some(clouds), Some(sha256)) = (&self.replacement, wanted) {
            let source = CredentialSource {
                management: (*cluster.management).clone(),
                clouds: clouds.clone(),
            };
            let (namespace, stack) = (cluster.namespace.clone(), cluster.stack.clone());
            let replace = ReplaceCredentials { namespace, stack, sha256, may_be_gone: true };
            items.push(Item::Step(step(&Arc::new(source), replace)));
        }
        items.push(Item::Gate(Box::new(Authenticates { cluster: cluster.clone(), wanted })));
        if self.project.is_none() {
            items.push(Item::Gate(Box::new(LogsIn { cluster: cluster.clone() })));
        }
        items
    }

    fn finalizers(&self) -> Vec<Item> {
        let awaited = self.held.last().is_some_and(|root| root.deleted.is_some());
        let mut items = Vec::new();
        for (nth, held) in self.held.iter().enumerate() {
            // What was mended before may be all that the controllers were waiting for.
            if nth > 0 || self.replacement.is_some() {
                items.push(Item::Gate(Box::new(Finishes {
                    cluster: self.cluster.clone(),
                    object: held.clone(),
                    after: self.held.iter().take(nth).cloned().collect(),
                    wanted: self.replacement.as_ref().map(Secret::digest),
                })));
            }
            let release = ReleaseFinalizers { object: held.object.clone(), awaited };
            items.push(Item::Step(step(&self.cluster.management, release)));
        }
        items
    }

    fn orphans(&self, transport: &Arc<dyn Transport>) -> Vec<Item> {
        let cluster = self.cluster.mark();
        let octavia = Arc::new(LoadBalancers::new(Arc::clone(transport)));
        let neutron = Arc::new(Network::new(Arc::clone(transport)));
        vec![
            Item::Gate(Box::new(IsGone {
                cluster: self.cluster.clone(),
                known: self.held.clone(),
            })),
            Item::Step(step(&octavia, RemoveClusterBalancers { cluster: cluster.clone() })),
            Item::Step(step(&neutron, RemoveClusterNetwork { cluster })),
            Item::Gate(Box::new(NothingStays { cluster: self.cluster.clone(), neutron })),
        ]
    }
}

fn section(number: &'static str, title: &'static str, items: Vec<Item>) -> Section {
    Section { number, title, items }
}

fn pass(evidence: impl Into<String>) -> Verdict {
    Verdict::Pass { evidence: evidence.into() }
}

fn fail(why: impl Into<String>, next: impl Into<String>) -> Verdict {
    Verdict::Fail { why: why.into(), next: Some(next.into()) }
}

/// Whether the cluster is being deleted, and nothing has moved for long.
struct IsStuck {
    cluster: StuckCluster,
}

impl IsStuck {
    /// Nothing of it is here: it is gone, or it never was here.
    async fn gone(&self) -> Result<Verdict, Failure> {
        let StuckCluster { management, namespace, .. } = &self.cluster;
        let has =
            has_namespace(management, namespace).await.map_err(|e| self.cluster.unread(&e))?;
        Ok(if has {
            pass("nothing of it is left on the management cluster")
        } else {
            fail(
                format!(
                    "{} has no namespace {namespace}: no cluster was ever there",
                    management.label()
                ),
                "check the kubeconfig (`management.kubeconfig` in the site file): is this the \
                 management cluster that the conductor uses?",
            )
        })
    }
}

#[async_trait]
impl Gate for IsStuck {
    fn subject(&self) -> Subject {
        Subject::new("delete", format!("of {}", self.cluster.stack))
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        let StuckCluster { patience, .. } = self.cluster;
        let deletion = self.cluster.deletion().await?;
        if deletion.paused {
            let StuckCluster { namespace, stack, .. } = &self.cluster;
            return Ok(fail(
                "it is paused: its controllers don't look at it",
                format!(
                    "find out who paused it and why; then kubectl -n {namespace} patch cluster \
                     {stack} --type merge -p '{{\"spec\":{{\"paused\":false}}}}', and wait"
                ),
            ));
        }
        // The marks are by the management cluster's clock: one that is ahead here would take a
        // delete that has just begun for stuck.
        let now = self.cluster.management.time().await.map_err(|e| self.cluster.unread(&e))?;
        Ok(match deletion.progress(now, patience) {
            Progress::Gone => self.gone().await?,
            Progress::NotDeleted(object) => fail(
                format!("{object} is not being deleted"),
                "delete the cluster first (openstack coe cluster delete), and wait",
            ),
            Progress::Future(last) => fail(
                format!("it began to go at {last}, and the management cluster's clock says {now}"),
                "set the clocks of the management cluster's machines",
            ),
            Progress::Going { quiet } => fail(
                format!(
                    "the controllers got on with it {} ago; it is stuck after {}",
                    shown(quiet),
                    shown(patience)
                ),
                "wait, or say how long is long enough: --patience",
            ),
            Progress::Stuck { quiet } => pass(format!("nothing has moved for {}", shown(quiet))),
        })
    }
}

fn shown(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds < 120 { format!("{seconds} s") } else { format!("{} min", seconds / 60) }
}

/// Whether the cluster's own credential authenticates: else its controllers can't finish, and no
/// finalizer is touched.
struct Authenticates {
    cluster: StuckCluster,
    wanted: Option<Sha256>,
}

#[async_trait]
impl Gate for Authenticates {
    fn subject(&self) -> Subject {
        Subject::new("credential", format!("of {}", self.cluster.stack))
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        let StuckCluster { namespace, stack, .. } = &self.cluster;
        let secret = format!("{namespace}/{stack}-cloud-credentials");
        let Some(found) = self.cluster.credentials().await? else {
            if self.cluster.deletion().await?.held.is_empty() {
                return Ok(pass("nothing of the cluster is left that needs it"));
            }
            let why = format!("there is no secret {secret}: no controller can finish the delete");
            let next = "make it again (clouds.yaml with an application credential of the project)";
            return Ok(fail(why, next));
        };
        if self.wanted.is_some_and(|wanted| wanted != found.clouds.digest()) {
            return Ok(Verdict::Deferred { until: "the secret has the new credential".to_owned() });
        }
        let StuckCluster { connect, .. } = &self.cluster;
        let (answer, _) =
            own_credential(connect, &found.clouds, found.cacert.as_ref(), &secret).await?;
        Ok(match answer {
            CredentialAnswer::Accepted(accepted) => {
                let project = accepted.project.map(|project| project.name).unwrap_or_default();
                pass(format!("project {project}, roles {}", accepted.roles.join(", ")))
            }
            CredentialAnswer::Refused { words } => {
                if self.cluster.deletion().await?.held.is_empty() {
                    return Ok(pass("nothing of the cluster is left that needs it"));
                }
                fail(
                    format!("Keystone refuses the application credential in {secret}: {words}"),
                    "make another with the same roles in the same project (openstack application \
                     credential create), write it into a clouds.yaml under `openstack`, and run \
                     this again with --credential-from FILE",
                )
            }
        })
    }
}

/// That what the cluster leaves in its project can be looked at: nobody could log in to that. The
/// last that could is gone once its finalizers are.
struct LogsIn {
    cluster: StuckCluster,
}

#[async_trait]
impl Gate for LogsIn {
    fn subject(&self) -> Subject {
        Subject::new("project", format!("of {}", self.cluster.stack))
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        Ok(fail(
            "nobody can log in to it: what the cluster leaves there could not be looked at",
            "log in as somebody with a role there (cloud in the site file), or give the cluster a \
             credential that authenticates: --credential-from FILE",
        ))
    }
}

/// Leaves the controllers time to finish with an object by themselves. It never says no: what is
/// then still held is let go.
struct Finishes {
    cluster: StuckCluster,
    object: Held,
    after: Vec<Held>,
    wanted: Option<Sha256>,
}

#[async_trait]
impl Gate for Finishes {
    fn subject(&self) -> Subject {
        Subject::new("time", format!("for {}", self.object.object))
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        let waits = |what: &str| Verdict::Deferred { until: what.to_owned() };
        if let Some(wanted) = self.wanted
            && let Some(found) = self.cluster.credentials().await?
            && found.clouds.digest() != wanted
        {
            return Ok(waits("the secret has the new credential"));
        }
        let began = Instant::now();
        loop {
            let held = self.cluster.deletion().await?.held;
            let is = |one: &Held| held.iter().any(|held| held.object.uid == one.object.uid);
            if let Some(before) = self.after.iter().find(|one| is(one)) {
                return Ok(waits(&format!("{} is gone", before.object)));
            }
            if !is(&self.object) {
                return Ok(pass("gone"));
            }
            if began.elapsed() >= self.cluster.wait {
                let waited = shown(self.cluster.wait);
                return Ok(pass(format!("still held after {waited}")));
            }
            sleep(EVERY).await;
        }
    }
}

/// Whether nothing of the cluster is held any more: what is in the cloud is then nobody's.
struct IsGone {
    cluster: StuckCluster,
    /// What the steps before let go.
    known: Vec<Held>,
}

#[async_trait]
impl Gate for IsGone {
    fn subject(&self) -> Subject {
        Subject::new("cluster", format!("{} is let go", self.cluster.stack))
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        let held = self.cluster.deletion().await?.held;
        let known = |one: &&Held| self.known.iter().any(|known| known.object == one.object);
        Ok(match (held.iter().find(known), held.first()) {
            (Some(known), _) => Verdict::Deferred { until: format!("{} is gone", known.object) },
            (None, Some(other)) => fail(
                format!("{} has come since: the cluster is not gone", other.object),
                "run this again: it looks anew",
            ),
            (None, None) => pass("nothing of it is left on the management cluster"),
        })
    }
}

/// Whether nothing of the cluster's network is kept by somebody else's thing.
struct NothingStays {
    cluster: StuckCluster,
    neutron: Arc<Network>,
}

#[async_trait]
impl Gate for NothingStays {
    fn subject(&self) -> Subject {
        Subject::new("network", "nothing of it stays")
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        if let Some(held) = self.cluster.deletion().await?.held.first() {
            return Ok(Verdict::Deferred { until: format!("{} is gone", held.object) });
        }
        let desired = RemoveClusterNetwork { cluster: self.cluster.mark() };
        let seen = self.neutron.inventory().await.map_err(|error| {
            let what = format!("could not ask {} what is left", self.neutron.label());
            Failure::from_error(what, &error)
        })?;
        let left = desired.left(&seen);
        Ok(match left.first() {
            None => pass("nothing of it stays"),
            Some(Left { noun, id, name, why }) => fail(
                format!("{} stay, first {noun} {name} ({id}): {why}", left.len()),
                "remove what keeps them, if it is nobody's; then run this again",
            ),
        })
    }
}

#[cfg(test)]
#[path = "release_tests.rs"]
mod tests;
