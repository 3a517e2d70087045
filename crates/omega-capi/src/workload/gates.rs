//! The questions as gates of a runbook.

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
    only_absent, read_workload, wanted_nodes,
};
use crate::{Management, served::ServedVersions};

/// Every [`Question`] about one workload cluster. It is read once, whichever is asked first.
///
/// It costs three requests to the management cluster and six to the workload cluster.
#[derive(Debug)]
pub struct WorkloadGates {
    cluster: ClusterName,
    management: Management,
    served: ServedVersions,
    network_driver: Option<String>,
    patience: Duration,
    now: Timestamp,
    told: OnceCell<Result<Answers, Failure>>,
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
    /// Asks about `cluster`, whose Cluster API is `served` by `management`. `network_driver`: what
    /// its template says, where that is known.
    pub fn new(
        management: Management,
        served: ServedVersions,
        cluster: ClusterName,
        network_driver: Option<String>,
        now: Timestamp,
    ) -> Self {
        let told = OnceCell::new();
        let requests = AtomicUsize::new(0);
        let patience = PATIENCE;
        Self { cluster, management, served, network_driver, patience, now, told, requests }
    }

    /// Takes for stuck what has waited for so long, in the place of [`PATIENCE`].
    #[must_use]
    pub fn patient_for(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    /// Returns the gates, from the bottom up.
    pub fn all(self) -> Vec<WorkloadGate> {
        let gates = Arc::new(self);
        let gate = |question| WorkloadGate { gates: Arc::clone(&gates), question };
        Question::ALL.map(gate).into()
    }

    async fn told(&self) -> Result<&Answers, Failure> {
        self.told.get_or_init(|| self.ask()).await.as_ref().map_err(Failure::clone)
    }

    async fn ask(&self) -> Result<Answers, Failure> {
        let failure = |error| {
            let what = format!("could not ask Cluster API what {} should be", self.cluster);
            Failure::from_error(what, &error)
        };
        let connect = Workload::connect(&self.management, &self.cluster, self.now);
        let wanted = wanted_nodes(&self.management, &self.served, &self.cluster);
        let (workload, wanted) = futures::join!(connect, wanted);
        let wanted = wanted.map_err(failure)?;
        let network_driver = self.network_driver.clone();
        let wanted = Wanted { network_driver, patience: self.patience, ..wanted };
        match workload {
            Ok(workload) => {
                let facts = read_workload(&workload).await;
                self.requests.store(workload.requests(), Ordering::Relaxed);
                let answers = judge(&facts, &wanted, self.now);
                Ok(Answers { answers, absent: only_absent(&facts, &wanted) })
            }
            Err(error @ WorkloadError::Management { .. }) => {
                let what = format!("could not look into workload cluster {}", self.cluster);
                Err(Failure::from_error(what, &error))
            }
            Err(error) => Ok(unusable(&error)),
        }
    }
}

/// Without a kubeconfig nothing else can be asked.
fn unusable(error: &WorkloadError) -> Answers {
    let api = fail(Question::Api, omega_core::chain(error).join(": "), error.next());
    let answer =
        |question| (question, Ok(if question == Question::Api { api.clone() } else { deferred() }));
    Answers { answers: Question::ALL.map(answer).into(), absent: None }
}

impl WorkloadGate {
    /// Returns what it asks.
    pub fn question(&self) -> Question {
        self.question
    }

    /// Returns which nodes are not there, where that is all that is the matter with the nodes.
    ///
    /// # Errors
    ///
    /// Fails as [`Gate::check`] does.
    pub async fn only_absent(&self) -> Result<Option<Absent>, Failure> {
        Ok(self.gates.told().await?.absent)
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
        let told = self.gates.told().await?;
        let found = told.answers.iter().find(|(question, _)| *question == self.question);
        // Every question has an answer.
        found.map_or_else(|| Ok(deferred()), |(_, answer)| answer.clone())
    }
}
