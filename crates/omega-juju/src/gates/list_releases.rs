use std::sync::Arc;

use async_trait::async_trait;
use omega_core::{Evidence, Failure, Gate, Label as _, Subject, Verdict, values::Sha256};

use super::{fail, is, not_asked, wrong};
use crate::{
    Error, FileState, HelmFailure, ProbeFailure, ProgramState, ReleasesState, ServiceName, Unit,
    UnitPath, error::answered, operations::magnum,
};

/// Whether helm lists releases as the conductor would: its user, its PATH, the kubeconfig on the
/// unit, and the namespaces that the driver uses (`magnum-<project id>`). A kubeconfig that may
/// read those and no others passes.
#[derive(Clone, Debug)]
pub struct ListReleases {
    unit: Arc<Unit>,
    service: ServiceName,
    kubeconfig: UnitPath,
    sha256: Sha256,
    helm: Sha256,
    namespaces: Vec<String>,
}

struct Answers {
    kubeconfig: FileState,
    program: ProgramState,
    releases: Result<Vec<ReleasesState>, ProbeFailure>,
}

impl ListReleases {
    /// Returns the question: the kubeconfig at `path` should have digest `sha256`, and the helm
    /// that is found digest `helm`.
    pub fn new(
        unit: &Arc<Unit>,
        path: &UnitPath,
        sha256: Sha256,
        helm: Sha256,
        namespaces: Vec<String>,
    ) -> Self {
        let (unit, service) = (Arc::clone(unit), magnum::conductor());
        Self { unit, service, kubeconfig: path.clone(), sha256, helm, namespaces }
    }

    async fn ask(&self) -> Result<Answers, Error> {
        let releases = self.unit.releases(&self.service, &self.kubeconfig, &self.namespaces);
        let releases = async { answered(releases.await) };
        let (kubeconfig, program, releases) = futures::try_join!(
            self.unit.file(&self.kubeconfig),
            self.unit.program("helm", &self.service),
            releases
        )?;
        Ok(Answers { kubeconfig, program, releases })
    }

    fn judge(&self, answers: Answers) -> Verdict {
        if !is(&answers.kubeconfig, &self.sha256) {
            return Verdict::deferred("7.2: the kubeconfig is placed");
        }
        if answers.program.found.is_none_or(|found| found.sha256 != self.helm) {
            return Verdict::deferred("7.4: helm is where the conductor finds it");
        }
        let states = match answers.releases {
            Ok(states) => states,
            Err(failure) => {
                return fail(self, failure.why, "run helm on the unit as the conductor's user");
            }
        };
        match states.iter().find_map(|state| Some((state, state.failure()?))) {
            Some((state, failure)) => self.refused(state, &failure),
            None => Verdict::shown(states.iter().map(evidence)),
        }
    }

    /// Says what is forbidden in which namespace, where helm's words are Kubernetes' own.
    fn refused(&self, state: &ReleasesState, failure: &HelmFailure) -> Verdict {
        let namespace = &state.namespace;
        let finding = match failure {
            HelmFailure::Forbidden { verb, resource } => wrong(
                self,
                format!("not allowed: {verb} {resource} in namespace {namespace}"),
                format!(
                    "give the kubeconfig's user a role in {namespace} with that right; helm keeps \
                     its releases in secrets"
                ),
            ),
            HelmFailure::NotRunnable
            | HelmFailure::TimedOut
            | HelmFailure::Cluster
            | HelmFailure::Other => wrong(
                self,
                format!("helm, in namespace {namespace}: {}", state.words()),
                "run it on the unit as the conductor's user",
            ),
        };
        Verdict::fail(finding.shown_by([Evidence::text("namespace", namespace)]))
    }
}

fn evidence(state: &ReleasesState) -> Evidence {
    let releases: Vec<_> = state.releases.iter().flatten().collect();
    let fact = format!("releases in {}", state.namespace);
    if releases.is_empty() {
        return Evidence::count(&fact, 0);
    }
    Evidence::list(&fact, releases.iter().map(|(name, status)| format!("{name} {status}")))
}

#[async_trait]
impl Gate for ListReleases {
    fn rule(&self) -> &'static str {
        "list-releases"
    }

    fn subject(&self) -> Subject {
        Subject::new("releases", format!("helm on {}", self.unit.label()))
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        match self.ask().await {
            Ok(answers) => Ok(self.judge(answers)),
            Err(error) => Err(not_asked(self, &self.unit, &error)),
        }
    }
}
