//! The objects, and their text.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::{
        batch::v1::{CronJob, Job},
        core::v1::{ConfigMap, Namespace, PersistentVolumeClaim, ServiceAccount},
        rbac::v1::{ClusterRole, ClusterRoleBinding},
    },
    apimachinery::pkg::apis::meta::v1::ObjectMeta,
};
use omega_core::{Failure, FailureClass};
use serde::Serialize;

use super::{PrometheusRule, SiteName, name::PREFIX};

/// An object that is exported.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
#[non_exhaustive]
#[expect(missing_docs, reason = "named after the kinds")]
pub enum Object {
    Namespace(Namespace),
    ServiceAccount(ServiceAccount),
    ClusterRole(ClusterRole),
    ClusterRoleBinding(ClusterRoleBinding),
    ConfigMap(ConfigMap),
    PersistentVolumeClaim(Box<PersistentVolumeClaim>),
    CronJob(Box<CronJob>),
    Job(Box<Job>),
    PrometheusRule(PrometheusRule),
}

impl Object {
    /// Returns its kind.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Namespace(_) => "Namespace",
            Self::ServiceAccount(_) => "ServiceAccount",
            Self::ClusterRole(_) => "ClusterRole",
            Self::ClusterRoleBinding(_) => "ClusterRoleBinding",
            Self::ConfigMap(_) => "ConfigMap",
            Self::PersistentVolumeClaim(_) => "PersistentVolumeClaim",
            Self::CronJob(_) => "CronJob",
            Self::Job(_) => "Job",
            Self::PrometheusRule(_) => "PrometheusRule",
        }
    }

    /// Returns the name of the file for the objects of its kind. kubectl applies the files of a directory in the
    /// order of their names.
    pub fn file(&self) -> &'static str {
        match self {
            Self::Namespace(_) => "00-namespace.yaml",
            Self::ServiceAccount(_) => "10-serviceaccount.yaml",
            Self::ClusterRole(_) => "20-clusterrole.yaml",
            Self::ClusterRoleBinding(_) => "30-clusterrolebinding.yaml",
            Self::ConfigMap(_) => "40-configmap.yaml",
            Self::PersistentVolumeClaim(_) => "50-persistentvolumeclaim.yaml",
            Self::CronJob(_) => "60-cronjob.yaml",
            Self::Job(_) => "60-job.yaml",
            Self::PrometheusRule(_) => "70-prometheusrule.yaml",
        }
    }

    /// Returns its name.
    pub fn name(&self) -> &str {
        let metadata = match self {
            Self::Namespace(one) => &one.metadata,
            Self::ServiceAccount(one) => &one.metadata,
            Self::ClusterRole(one) => &one.metadata,
            Self::ClusterRoleBinding(one) => &one.metadata,
            Self::ConfigMap(one) => &one.metadata,
            Self::PersistentVolumeClaim(one) => &one.metadata,
            Self::CronJob(one) => &one.metadata,
            Self::Job(one) => &one.metadata,
            Self::PrometheusRule(one) => &one.metadata,
        };
        metadata.name.as_deref().unwrap_or_default()
    }
}

/// Returns the labels of every object, or of a site's.
pub(super) fn labels(site: Option<&SiteName>) -> BTreeMap<String, String> {
    let of = |name: &str, value: &str| (format!("app.kubernetes.io/{name}"), value.to_owned());
    let mut all = BTreeMap::from([of("name", PREFIX), of("managed-by", "omega-cli")]);
    all.extend(site.map(|site| of("instance", site.as_str())));
    all
}

pub(super) fn metadata(
    name: &str,
    namespace: &omega_capi::Namespace,
    labels: BTreeMap<String, String>,
) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.to_owned()),
        namespace: Some(namespace.to_string()),
        labels: Some(labels),
        ..ObjectMeta::default()
    }
}

/// Returns values as a stream of YAML documents, as kubectl takes it.
///
/// # Errors
///
/// Fails if one can't be written as YAML, which is a defect of omega.
pub fn yaml<T: Serialize>(values: impl IntoIterator<Item = T>) -> Result<String, Failure> {
    let mut text = String::new();
    for value in values {
        if !text.is_empty() {
            text.push_str("---\n");
        }
        let one = serde_saphyr::to_string(&value).map_err(|error| {
            let what = "could not write an object as YAML";
            Failure::new(FailureClass::Error, what).because(error.to_string())
        })?;
        text.push_str(&one);
        if !text.ends_with('\n') {
            text.push('\n');
        }
    }
    Ok(text)
}
