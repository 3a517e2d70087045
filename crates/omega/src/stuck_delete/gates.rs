//! Gates before and after finalizers are removed.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use omega_capi::stuck::{DeleteProgress, HeldObject, has_namespace};
use omega_core::{
    CheckRule, Evidence, Failure, Finding, Gate, Label as _, PollPolicy, Subject, Verdict, Wait,
    WaitState, WhenLate, values::Sha256,
};
use omega_openstack::{
    identity::CredentialStatus,
    network::{Network, Remaining, RemoveClusterNetwork},
};

use super::{StuckCluster, own_credential};

/// The pause between two reads while the controllers work.
const EVERY: Duration = Duration::from_secs(2);

/// The rules of the gates and waits.
pub(crate) const RULES: [CheckRule; 5] =
    [IsStuck::RULE, Authenticates::RULE, Finishes::RULE, IsGone::RULE, NothingStays::RULE];

fn holds(fact: &str) -> Verdict {
    Verdict::shown([Evidence::holds(fact)])
}

fn fail(gate: &dyn Gate, why: impl Into<String>, remedy: impl Into<String>) -> Verdict {
    Verdict::fail(Finding::broken(gate.rule(), gate.subject(), why).remedy(remedy))
}

/// The gate that the cluster is being deleted without progress for long enough.
pub(super) struct IsStuck {
    pub(super) cluster: StuckCluster,
}

impl IsStuck {
    /// No object of it exists: it is gone, or it never was there.
    async fn gone(&self) -> Result<Verdict, Failure> {
        let StuckCluster { management, namespace, .. } = &self.cluster;
        let has =
            has_namespace(management, namespace).await.map_err(|e| self.cluster.unread(&e))?;
        Ok(if has {
            holds("nothing of it is left on the management cluster")
        } else {
            fail(
                self,
                format!(
                    "{} has no namespace {namespace}, so no cluster was ever there",
                    management.label()
                ),
                "check the kubeconfig (`management.kubeconfig` in the site file): is this the \
                 management cluster that the conductor uses?",
            )
        })
    }
}

impl IsStuck {
    /// Its rule, and the decisions that it checks.
    pub(super) const RULE: CheckRule = CheckRule::new("delete-stuck", &[]);
}

#[async_trait]
impl Gate for IsStuck {
    fn rule(&self) -> &'static str {
        Self::RULE.name
    }

    fn subject(&self) -> Subject {
        Subject::new("delete", format!("of {}", self.cluster.stack))
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        let StuckCluster { patience, .. } = self.cluster;
        let deletion = self.cluster.deletion().await?;
        let StuckCluster { namespace, stack, .. } = &self.cluster;
        let unpause = deletion.unpause(namespace, stack);
        if !unpause.is_empty() {
            let paused = deletion.annotated.first().filter(|_| !deletion.paused);
            let what = paused.map_or_else(|| "it".to_owned(), ToString::to_string);
            return Ok(fail(
                self,
                format!("{what} is paused: its controllers ignore it"),
                format!("find out who paused it and why; then {}, and wait", unpause.join("; ")),
            ));
        }
        // The times are by the management cluster's clock. If this machine's clock were used and
        // were ahead, a delete that has just begun would seem stuck.
        let now = self.cluster.management.time().await.map_err(|e| self.cluster.unread(&e))?;
        Ok(match deletion.progress(now, patience) {
            DeleteProgress::Gone => self.gone().await?,
            DeleteProgress::NotDeleted(object) => fail(
                self,
                format!("{object} is not being deleted"),
                "delete the cluster first (openstack coe cluster delete), and wait",
            ),
            DeleteProgress::Future(last) => fail(
                self,
                format!(
                    "its delete began at {last}, but the management cluster's clock is at {now}"
                ),
                "set the clocks of the management cluster's machines",
            ),
            DeleteProgress::InProgress { idle } => fail(
                self,
                format!(
                    "the controllers made progress {} ago; it counts as stuck after {}",
                    shown(idle),
                    shown(patience)
                ),
                "wait, or set a shorter time: --patience",
            ),
            DeleteProgress::Stuck { idle } => {
                Verdict::shown([Evidence::took("nothing has moved for", idle)])
            }
        })
    }
}

fn shown(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds < 120 { format!("{seconds} s") } else { format!("{} min", seconds / 60) }
}

/// The gate that the cluster's own credential authenticates. Otherwise its controllers can't finish,
/// and no finalizer is removed.
pub(super) struct Authenticates {
    pub(super) cluster: StuckCluster,
    pub(super) wanted: Option<Sha256>,
}

impl Authenticates {
    /// Its rule, and the decisions that it checks.
    pub(super) const RULE: CheckRule = CheckRule::new("cluster-credential", &["D-039"]);
}

#[async_trait]
impl Gate for Authenticates {
    fn rule(&self) -> &'static str {
        Self::RULE.name
    }

    fn subject(&self) -> Subject {
        Subject::new("credential", format!("of {}", self.cluster.stack))
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        let StuckCluster { namespace, stack, .. } = &self.cluster;
        let secret = format!("{namespace}/{stack}-cloud-credentials");
        let Some(found) = self.cluster.credentials().await? else {
            if self.cluster.deletion().await?.held.is_empty() {
                return Ok(holds("nothing of the cluster is left that needs it"));
            }
            if self.wanted.is_some() {
                return Ok(Verdict::Deferred { until: "there is a secret again".to_owned() });
            }
            let why = format!("there is no secret {secret}: no controller can finish the delete");
            let next = "create an application credential in the cluster's project (openstack application \
                        credential create), write it into a clouds.yaml under `openstack`, and run this \
                        again with --credential-from FILE: it makes the secret again";
            return Ok(fail(self, why, next));
        };
        if self.wanted.is_some_and(|wanted| wanted != found.clouds.digest()) {
            return Ok(Verdict::Deferred { until: "the secret has the new credential".to_owned() });
        }
        let StuckCluster { login, .. } = &self.cluster;
        let (answer, _) =
            own_credential(login, &found.clouds, found.cacert.as_ref(), &secret).await?;
        Ok(match answer {
            CredentialStatus::Accepted(accepted) => {
                let project = accepted.project.map(|project| project.name).unwrap_or_default();
                let roles = Evidence::list("roles", accepted.roles);
                Verdict::shown([Evidence::text("project", project), roles])
            }
            CredentialStatus::Refused { words } => {
                if self.cluster.deletion().await?.held.is_empty() {
                    return Ok(holds("nothing of the cluster is left that needs it"));
                }
                fail(
                    self,
                    format!("Keystone refuses the application credential in {secret}: {words}"),
                    "create another one with the same roles in the same project (openstack application \
                     credential create), write it into a clouds.yaml under `openstack`, and run \
                     this again with --credential-from FILE",
                )
            }
        })
    }
}

/// Gives the controllers time to finish with an object by themselves. The next step releases what is
/// then still held.
pub(super) struct Finishes {
    pub(super) cluster: StuckCluster,
    pub(super) object: HeldObject,
    pub(super) after: Vec<HeldObject>,
    pub(super) wanted: Option<Sha256>,
}

impl Finishes {
    /// Its rule, and the decisions that it checks.
    pub(super) const RULE: CheckRule = CheckRule::new("controllers-finish", &[]);
}

#[async_trait]
impl Wait for Finishes {
    fn rule(&self) -> &'static str {
        Self::RULE.name
    }

    fn subject(&self) -> Subject {
        Subject::new("time", format!("for {}", self.object.object))
    }

    fn policy(&self) -> PollPolicy {
        PollPolicy::new(EVERY, self.cluster.wait)
    }

    fn when_late(&self) -> WhenLate {
        WhenLate::GoOn
    }

    async fn look(&self) -> Result<WaitState, Failure> {
        if let Some(wanted) = self.wanted
            && let Some(found) = self.cluster.credentials().await?
            && found.clouds.digest() != wanted
        {
            let until = "the secret has the new credential".to_owned();
            return Ok(WaitState::Deferred { until });
        }
        let held = self.cluster.deletion().await?.held;
        let is = |one: &HeldObject| held.iter().any(|held| held.object.uid == one.object.uid);
        if let Some(before) = self.after.iter().find(|one| is(one)) {
            return Ok(WaitState::Deferred { until: format!("{} is gone", before.object) });
        }
        Ok(if is(&self.object) {
            WaitState::Pending { until: format!("{} is gone", self.object.object) }
        } else {
            WaitState::Reached { evidence: vec![Evidence::holds("gone")] }
        })
    }
}

/// The gate that no object of the cluster is held any more, so that no controller owns its resources
/// in the cloud.
pub(super) struct IsGone {
    pub(super) cluster: StuckCluster,
    /// The objects that the steps before released.
    pub(super) known: Vec<HeldObject>,
}

impl IsGone {
    /// Its rule, and the decisions that it checks.
    pub(super) const RULE: CheckRule = CheckRule::new("cluster-gone", &[]);
}

#[async_trait]
impl Gate for IsGone {
    fn rule(&self) -> &'static str {
        Self::RULE.name
    }

    fn subject(&self) -> Subject {
        Subject::new("cluster", format!("{} is released", self.cluster.stack))
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        let held = self.cluster.deletion().await?.held;
        let known = |one: &&HeldObject| self.known.iter().any(|known| known.object == one.object);
        Ok(match (held.iter().find(known), held.first()) {
            (Some(known), _) => Verdict::Deferred { until: format!("{} is gone", known.object) },
            (None, Some(other)) => fail(
                self,
                format!("{} was created meanwhile: the cluster is not gone", other.object),
                "run this command again",
            ),
            (None, None) => holds("nothing of it is left on the management cluster"),
        })
    }
}

/// The gate that no other resource keeps a part of the cluster's network.
pub(super) struct NothingStays {
    pub(super) cluster: StuckCluster,
    pub(super) neutron: Arc<Network>,
}

impl NothingStays {
    /// Its rule, and the decisions that it checks.
    pub(super) const RULE: CheckRule = CheckRule::new("network-gone", &[]);
}

#[async_trait]
impl Gate for NothingStays {
    fn rule(&self) -> &'static str {
        Self::RULE.name
    }

    fn subject(&self) -> Subject {
        Subject::new("network", "is removed completely")
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        if let Some(held) = self.cluster.deletion().await?.held.first() {
            return Ok(Verdict::Deferred { until: format!("{} is gone", held.object) });
        }
        let desired = RemoveClusterNetwork { cluster: self.cluster.mark() };
        let seen = self.neutron.inventory().await.map_err(|error| {
            let what = format!("could not list what is left in {}", self.neutron.label());
            Failure::from_error(what, &error)
        })?;
        let left = desired.remaining(&seen);
        Ok(match left.first() {
            None => holds("nothing of it stays"),
            Some(Remaining { noun, id, name, why, .. }) => fail(
                self,
                format!(
                    "{} can't be removed, the first is {noun} {name} ({id}): {why}",
                    left.len()
                ),
                "remove what uses them, if nobody needs it; then run this again",
            ),
        })
    }
}
