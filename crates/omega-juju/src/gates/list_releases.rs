use std::sync::Arc;

use async_trait::async_trait;
use omega_core::{
    CheckRule, Evidence, Failure, Gate, Label as _, Subject, Verdict, values::Sha256,
};

use super::{fail, finding, has_digest, not_checked};
use crate::{
    Error, FileState, HelmFailure, ProbeFailure, ProgramState, ReleasesState, ServiceName, Unit,
    UnitPath, error::answered, operations::magnum,
};

/// Whether helm can list releases when run as the conductor: with its user, its PATH and the
/// kubeconfig on the unit, in the namespaces that the driver uses (`magnum-<project id>`).
#[derive(Clone, Debug)]
pub struct ListReleases {
    unit: Arc<Unit>,
    service: ServiceName,
    kubeconfig: UnitPath,
    sha256: Sha256,
    helm: Sha256,
    namespaces: Vec<String>,
}

struct Observed {
    kubeconfig: FileState,
    program: ProgramState,
    releases: Result<Vec<ReleasesState>, ProbeFailure>,
}

impl ListReleases {
    /// Returns the gate. `sha256` is the digest of the kubeconfig at `path`, and `helm` that of the
    /// program that the conductor should find.
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

    async fn observe(&self) -> Result<Observed, Error> {
        let releases = self.unit.releases(&self.service, &self.kubeconfig, &self.namespaces);
        let releases = async { answered(releases.await) };
        let (kubeconfig, program, releases) = futures::try_join!(
            self.unit.file(&self.kubeconfig),
            self.unit.program("helm", &self.service),
            releases
        )?;
        Ok(Observed { kubeconfig, program, releases })
    }

    fn judge(&self, seen: Observed) -> Verdict {
        if !has_digest(&seen.kubeconfig, &self.sha256) {
            return Verdict::deferred("waits for 7.2 (place the kubeconfig)");
        }
        if seen.program.found.is_none_or(|found| found.sha256 != self.helm) {
            return Verdict::deferred("waits for 7.4 (install helm where the conductor finds it)");
        }
        let states = match seen.releases {
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

    fn refused(&self, state: &ReleasesState, failure: &HelmFailure) -> Verdict {
        let namespace = &state.namespace;
        let finding = match failure {
            HelmFailure::Forbidden { verb, resource } => finding(
                self,
                format!("not allowed: {verb} {resource} in namespace {namespace}"),
                format!(
                    "give the kubeconfig's user a role in {namespace} with that right; helm stores \
                     its releases in secrets"
                ),
            ),
            HelmFailure::NotRunnable
            | HelmFailure::TimedOut
            | HelmFailure::Cluster
            | HelmFailure::Other => finding(
                self,
                format!("helm, in namespace {namespace}: {}", state.stderr()),
                "run helm on the unit as the conductor's user",
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

impl ListReleases {
    /// Its rule, and the decisions that it checks.
    pub const RULE: CheckRule = CheckRule::new("list-releases", &["D-031"]);
}

#[async_trait]
impl Gate for ListReleases {
    fn rule(&self) -> &'static str {
        Self::RULE.name
    }

    fn subject(&self) -> Subject {
        Subject::new("releases", format!("helm on {}", self.unit.label()))
    }

    async fn check(&self) -> Result<Verdict, Failure> {
        match self.observe().await {
            Ok(seen) => Ok(self.judge(seen)),
            Err(error) => Err(not_checked(self, &error)),
        }
    }
}
