//! A case, as `tests/oracle/cases.py` writes it, and the prediction.

use std::collections::BTreeMap;

use omega_capi::{
    health::{
        Answer, Answers, Diagnosis, HealthFacts, Layer, MissingAnswer, Names, NodeGroup, Recorded,
        Verdict, classify_health, driver_verdict, health_reads, polled,
    },
    served::{ServedKind, ServedVersion, ServedVersions},
};
use omega_driver::{DriverRelease, Overrides};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A cluster, the driver's options, and what the management cluster answers.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Case {
    pub(crate) id: u64,
    pub(crate) driver: DriverRelease,
    pub(crate) api_resources: Option<String>,
    pub(crate) namespace_prefix: String,
    pub(crate) cluster: Cluster,
    /// The versions of each group.
    pub(crate) served: BTreeMap<String, Vec<String>>,
    pub(crate) api: BTreeMap<String, Http>,
}

/// Magnum's row.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Cluster {
    pub(crate) stack_id: Option<String>,
    pub(crate) project_id: String,
    pub(crate) status: String,
    pub(crate) health_status: Option<String>,
    pub(crate) health_status_reason: Option<Map<String, Value>>,
    pub(crate) node_groups: Vec<NodeGroup>,
}

/// What a path answers.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Http {
    Whole { code: u16, body: String },
    Broken { broken: String },
}

/// What the driver is expected to do.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Prediction {
    pub(crate) id: u64,
    pub(crate) imported: bool,
    pub(crate) asked: Vec<String>,
    pub(crate) raised: bool,
    pub(crate) saved: bool,
    pub(crate) health_status: Option<String>,
    pub(crate) health_status_reason: Option<Map<String, Value>>,
    /// What is the matter, in omega's eyes. The driver has no such answer.
    pub(crate) matter: Vec<Matter>,
}

/// A diagnosis, and whether it is a fault of the cluster or of what is below it.
#[derive(Debug, PartialEq, Serialize)]
pub(crate) struct Matter {
    fault: bool,
    below_driver: bool,
    #[serde(flatten)]
    diagnosis: Diagnosis,
}

impl Prediction {
    pub(crate) fn with(self, matter: Vec<Matter>) -> Self {
        Self { matter, ..self }
    }
}

impl Case {
    pub(crate) fn predict(&self) -> Result<Prediction, MissingAnswer> {
        let before = self.before();
        let mut prediction = Prediction {
            id: self.id,
            imported: true,
            asked: Vec::new(),
            raised: false,
            saved: false,
            health_status: before.status.clone(),
            health_status_reason: before.reason.clone(),
            matter: Vec::new(),
        };
        let Some(overrides) = self.overrides() else {
            return Ok(Prediction { imported: false, ..prediction });
        };
        if !polled(&self.cluster.status) {
            return Ok(prediction);
        }
        let names = self.names();
        let reads = health_reads(&self.driver, &overrides, &names).unwrap_or_default();
        let mut paths: Vec<String> = reads.into_iter().map(|read| read.path).collect();
        let verdict = driver_verdict(&self.driver, &overrides, &names, &self.answers(&paths))?;
        if let Verdict::Raises { at, .. } = &verdict {
            let until = at.as_ref().and_then(|at| paths.iter().position(|path| path == at));
            paths.truncate(until.map_or(0, |last| last + 1));
        }
        let after = verdict.recorded(&before);
        prediction.raised = matches!(verdict, Verdict::Raises { .. });
        prediction.saved = !prediction.raised;
        (prediction.asked, prediction.health_status) = (paths, after.status);
        prediction.health_status_reason = after.reason;
        Ok(prediction)
    }

    /// What is the matter, by what there is to know after the poll; nothing is known of a driver
    /// that can't be imported.
    pub(crate) fn matter(&self) -> Result<Vec<Matter>, MissingAnswer> {
        let after = self.predict()?;
        let Some(overrides) = self.overrides() else { return Ok(Vec::new()) };
        let (names, served) = (self.names(), self.served());
        let paths = HealthFacts::paths(&self.driver, &overrides, &names, &served);
        let evidence = HealthFacts {
            driver: self.driver.clone(),
            overrides,
            names,
            status: self.cluster.status.clone(),
            recorded: Recorded { status: after.health_status, reason: after.health_status_reason },
            served: Some(served),
            answers: self.answers(&paths),
            as_driver: None,
            load_balancers: None,
            credential: None,
        };
        let matter = |diagnosis: Diagnosis| Matter {
            fault: diagnosis.cause.is_fault(),
            below_driver: diagnosis.layer < Layer::Driver,
            diagnosis,
        };
        Ok(classify_health(&evidence).into_iter().map(matter).collect())
    }

    fn before(&self) -> Recorded {
        let Cluster { health_status, health_status_reason, .. } = &self.cluster;
        Recorded { status: health_status.clone(), reason: health_status_reason.clone() }
    }

    fn served(&self) -> ServedVersions {
        let kinds = ["clusters", "machinedeployments", "kubeadmcontrolplanes", "openstackclusters"];
        let kinds = kinds.map(|plural| ServedKind { kind: String::new(), plural: plural.into() });
        let version = |v: &String| ServedVersion { version: v.clone(), kinds: kinds.to_vec() };
        let groups = self.served.iter().filter(|(_, versions)| !versions.is_empty());
        let groups = groups.map(|(group, all)| (group.clone(), all.iter().map(version).collect()));
        ServedVersions { groups: groups.collect() }
    }

    /// What of the option the driver takes in, or `None` if it can't be imported with it.
    fn overrides(&self) -> Option<Overrides> {
        match &self.api_resources {
            Some(text) if self.driver.reads_overrides() => Overrides::of_line(text).ok(),
            _ => Some(Overrides::default()),
        }
    }

    fn names(&self) -> Names {
        Names {
            stack_id: self.cluster.stack_id.clone(),
            project_id: self.cluster.project_id.clone(),
            namespace_prefix: self.namespace_prefix.clone(),
            node_groups: self.cluster.node_groups.clone(),
        }
    }

    fn answers(&self, paths: &[String]) -> Answers {
        let unserved = Http::Whole { code: 404, body: "404 page not found".to_owned() };
        let answer = |path: &String| match self.api.get(path).unwrap_or(&unserved) {
            Http::Whole { code, body } => Answer::of(*code, body),
            Http::Broken { broken } => Answer::Nothing { why: broken.clone() },
        };
        Answers(paths.iter().map(|path| (path.clone(), answer(path))).collect())
    }
}
