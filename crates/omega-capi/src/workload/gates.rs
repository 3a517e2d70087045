use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use omega_core::{Diagnostic as _, Failure, Gate, Subject, Verdict};
use tokio::sync::OnceCell;

use super::{
    Absent, ClusterName, PATIENCE, Question, Wanted, Workload, WorkloadError, judge,
    judge::{deferred, fail},
    only_absent, read_workload,
    wanted::ROLLOUT,
    wanted_nodes,
};
use crate::{Management, OddObject, served::ServedVersions};

/// Every [`Question`] about one workload cluster as gates. The first that is checked reads the
/// cluster for all of them, with three requests to the management cluster and six to it.
#[derive(Debug)]
pub struct WorkloadGates {
    cluster: ClusterName,
    management: Management,
    served: ServedVersions,
    network_driver: Option<String>,
    patience: Duration,
    rollout: Duration,
    now: Timestamp,
    workload: Option<Workload>,
    answers: OnceCell<Result<Answers, Failure>>,
    requests: AtomicUsize,
}

#[derive(Clone, Debug)]
struct Answers {
    answers: Vec<(Question, Result<Verdict, Failure>)>,
    absent: Option<Absent>,
}

/// One [`Question`] as a gate.
#[derive(Clone, Debug)]
pub struct WorkloadGate {
    gates: Arc<WorkloadGates>,
    question: Question,
}

impl WorkloadGates {
    /// Creates the gates of `cluster`. `served`: what `management` serves; `network_driver`: that of
    /// its template, if known.
    pub fn new(
        management: Management,
        served: ServedVersions,
        cluster: ClusterName,
        network_driver: Option<String>,
        now: Timestamp,
    ) -> Self {
        let (answers, requests) = (OnceCell::new(), AtomicUsize::new(0));
        let (patience, rollout) = (PATIENCE, ROLLOUT);
        Self {
            cluster,
            management,
            served,
            network_driver,
            patience,
            rollout,
            now,
            workload: None,
            answers,
            requests,
        }
    }

    /// Reaches the cluster by `workload`, not with the kubeconfig that Cluster API keeps.
    #[must_use]
    pub fn over(self, workload: Workload) -> Self {
        Self { workload: Some(workload), ..self }
    }

    /// Sets after how long something is stuck, instead of [`PATIENCE`].
    #[must_use]
    pub fn patient_for(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Sets how long nodes may take to be created, replaced or removed, instead of 15 minutes.
    #[must_use]
    pub fn rolling_for(self, rollout: Duration) -> Self {
        Self { rollout, ..self }
    }

    /// Returns the gates, from the bottom layer up.
    pub fn all(self) -> Vec<WorkloadGate> {
        let gates = Arc::new(self);
        let gate = |question| WorkloadGate { gates: Arc::clone(&gates), question };
        Question::ALL.map(gate).into()
    }

    async fn answers(&self) -> Result<&Answers, Failure> {
        self.answers.get_or_init(|| self.read()).await.as_ref().map_err(Failure::clone)
    }

    /// Returns what could not be understood of what Cluster API has in the cluster's namespace.
    fn odd_in_capi(&self) -> impl Iterator<Item = OddObject> {
        let ours = format!("/namespaces/{}/", self.cluster.namespace);
        self.management.odd_objects().into_iter().filter(move |one| one.list.contains(&ours))
    }

    async fn read(&self) -> Result<Answers, Failure> {
        let failure = |error| {
            let what = format!("could not read the expected nodes of {}", self.cluster);
            Failure::from_error(what, &error)
        };
        let connect = async {
            match &self.workload {
                Some(workload) => Ok(workload.clone()),
                None => Workload::connect(&self.management, &self.cluster, self.now).await,
            }
        };
        let wanted = wanted_nodes(&self.management, &self.served, &self.cluster);
        let (workload, wanted) = futures::join!(connect, wanted);
        let wanted = wanted.map_err(failure)?;
        let network_driver = self.network_driver.clone();
        let wanted =
            Wanted { network_driver, patience: self.patience, rollout: self.rollout, ..wanted };
        let (mut answers, absent, inside) = match workload {
            Ok(workload) => {
                let facts = read_workload(&workload).await;
                self.requests.store(workload.requests(), Ordering::Relaxed);
                let answers = judge(&facts, &wanted, self.now);
                (answers, only_absent(&facts, &wanted), workload.api.odd_objects())
            }
            Err(error @ WorkloadError::Management { .. }) => {
                let what = format!("could not connect to workload cluster {}", self.cluster);
                return Err(Failure::from_error(what, &error));
            }
            Err(error) => (unusable(&error), None, Vec::new()),
        };
        // The first answer names what is part of none.
        if let Some((_, Ok(first))) = answers.first_mut() {
            let odd: Vec<_> = self.odd_in_capi().chain(inside).collect();
            *first = shown_by(first.clone(), &odd);
        }
        Ok(Answers { answers, absent })
    }
}

/// Adds the objects that were passed over.
fn shown_by(verdict: Verdict, odd: &[OddObject]) -> Verdict {
    let odd = odd.iter().map(OddObject::evidence);
    match verdict {
        Verdict::Pass { evidence } => Verdict::shown(evidence.into_iter().chain(odd)),
        Verdict::Fail(finding) => Verdict::fail(finding.shown_by(odd)),
        Verdict::Deferred { until } => Verdict::Deferred { until },
    }
}

/// Without a kubeconfig nothing else can be checked.
fn unusable(error: &WorkloadError) -> Vec<(Question, Result<Verdict, Failure>)> {
    let api = fail(Question::Api, omega_core::chain(error).join(": "), error.next());
    let answer =
        |question| (question, Ok(if question == Question::Api { api.clone() } else { deferred() }));
    Question::ALL.map(answer).into()
}

impl WorkloadGate {
    /// Returns its question.
    pub fn question(&self) -> Question {
        self.question
    }

    /// Returns which nodes are absent, if nothing else is wrong with the nodes.
    ///
    /// # Errors
    ///
    /// Fails as [`Gate::check`] does.
    pub async fn only_absent(&self) -> Result<Option<Absent>, Failure> {
        Ok(self.gates.answers().await?.absent)
    }

    /// Returns how many requests were sent to the workload cluster.
    pub fn requests(&self) -> usize {
        self.gates.requests.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Gate for WorkloadGate {
    fn rule(&self) -> &'static str {
        self.question.rule()
    }

    fn subject(&self) -> Subject {
        Subject::new(self.question.name(), format!("of {}", self.gates.cluster))
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        let answers = &self.gates.answers().await?.answers;
        let found = answers.iter().find(|(question, _)| *question == self.question);
        // Every question has an answer.
        found.map_or_else(|| Ok(deferred()), |(_, answer)| answer.clone())
    }
}
