//! A cloud and a management cluster for the tests of operations on clusters.

use std::{collections::BTreeMap, sync::Arc};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use omega_capi::{Management, sim::Apiserver};
use omega_core::{
    Context, chain, ensure, plan,
    testing::{Fault, World},
};
use omega_openstack::{
    ApplicationCredentialRef, Credential,
    container_infra::{ClusterValues, ContainerInfra, CreateTemplate, TemplateSpec},
    sim::Cloud,
};
use serde_json::{Value, json};

use super::{ClusterSite, EnsuredCluster, ensure_cluster};
use crate::stuck_delete::Login;

pub(crate) const STACK: &str = "x-cyusd2b67a45";
pub(crate) const CLUSTERS: &str = "/apis/cluster.x-k8s.io/v1beta2/clusters";

/// A cloud with templates, and a management cluster that has the credential of the cluster `x`.
pub(crate) struct Sim {
    pub(crate) cloud: Cloud,
    pub(crate) api: Apiserver,
    pub(crate) site: ClusterSite,
    built: usize,
    pub(crate) credential: (String, String),
}

impl Sim {
    pub(crate) async fn new() -> Self {
        let cloud = Cloud::new();
        cloud.add_image("k8s", true);
        let magnum = ContainerInfra::new(cloud.admin("mgmt"));
        for name in ["t", "u"] {
            let spec = TemplateSpec::new("k8s", "public", "m1.medium", "m1.medium");
            let spec = TemplateSpec { labels: labels(&[("of", "template")]), ..spec };
            let template = CreateTemplate { name: name.into(), spec };
            ensure(&Context::default(), &magnum, &template).await.unwrap();
        }
        let credential = cloud.add_credential("mgmt");
        let new = Self::over(cloud, Apiserver::with_clusters(), credential);
        new.keep_credential();
        new
    }

    pub(crate) fn over(cloud: Cloud, api: Apiserver, credential: (String, String)) -> Self {
        let management = Arc::new(Management::over(api.clone(), "simulator"));
        let site =
            ClusterSite::new(cloud.admin("mgmt"), Some(management)).with_login(login(&cloud));
        let built = cloud.writes().len();
        Self { cloud, api, site, built, credential }
    }

    /// The same services.
    pub(crate) fn same(&self) -> Self {
        Self::over(self.cloud.clone(), self.api.clone(), self.credential.clone())
    }

    pub(crate) fn fork(&self) -> Self {
        Self::over(self.cloud.fork(), self.api.fork(), self.credential.clone())
    }

    pub(crate) fn namespace(&self) -> String {
        format!("magnum-{}", self.cloud.project("mgmt"))
    }

    /// As the driver writes it.
    pub(crate) fn keep_credential(&self) {
        let (id, secret) = &self.credential;
        let auth = json!({
            "auth_url": "https://keystone.sim:5000/v3",
            "application_credential_id": id, "application_credential_secret": secret,
        });
        let clouds = json!({ "clouds": { "openstack": {
            "auth_type": "v3applicationcredential", "auth": auth,
        } } });
        self.api.put(
            "/api/v1/secrets",
            json!({
                "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
                "metadata": { "name": format!("{STACK}-cloud-credentials"), "namespace": self.namespace() },
                "data": { "clouds.yaml": STANDARD.encode(clouds.to_string()) },
            }),
        );
    }

    /// The Cluster, with these conditions.
    pub(crate) fn put_cluster(&self, conditions: &[Value]) {
        self.api.put(
            CLUSTERS,
            json!({
                "apiVersion": "cluster.x-k8s.io/v1beta2", "kind": "Cluster",
                "metadata": {
                    "name": STACK, "namespace": self.namespace(), "uid": "uid-of-x",
                    "creationTimestamp": "2026-11-21T09:50:00Z",
                    "finalizers": ["cluster.cluster.x-k8s.io"],
                },
                "status": { "conditions": conditions },
            }),
        );
    }

    pub(crate) fn creates(&self) -> usize {
        let writes = self.cloud.writes().into_iter();
        writes.filter(|one| one.starts_with("POST container-infra /v1/clusters ")).count()
    }

    pub(crate) async fn make(&self) {
        ensure_cluster(&Context::default(), &self.site, &wanted()).await.unwrap();
    }

    pub(crate) async fn refusal(&self, wanted: &EnsuredCluster) -> String {
        chain(&plan(&self.site, wanted).await.unwrap_err()).join(": ")
    }
}

/// Keystone is the simulator's, whatever address a clouds.yaml has.
pub(crate) fn login(cloud: &Cloud) -> Login {
    let cloud = cloud.clone();
    Arc::new(move |config| {
        let Credential::ApplicationCredential { which, secret } = &config.credential else {
            panic!("{:?}", config.credential)
        };
        let ApplicationCredentialRef::Id(id) = which else { panic!("{which:?}") };
        let secret = String::from_utf8(secret.expose().to_vec()).unwrap();
        let known = cloud.login("mgmt", id, &secret);
        Box::pin(async move { Ok(known) })
    })
}

pub(crate) fn labels(all: &[(&str, &str)]) -> BTreeMap<String, String> {
    all.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

pub(crate) fn wanted() -> EnsuredCluster {
    let values = ClusterValues {
        template: "t".into(),
        keypair: Some("op".into()),
        master_count: 1,
        node_count: 2,
        labels: labels(&[("own", "True")]),
    };
    EnsuredCluster::new("x", values)
}

impl World for Sim {
    type Target = ClusterSite;
    type Snapshot = Vec<String>;

    fn target(&self) -> &ClusterSite {
        &self.site
    }
    fn snapshot(&self) -> Vec<String> {
        self.cloud.magnum_objects()
    }
    fn writes(&self) -> usize {
        self.cloud.writes().len() - self.built
    }
    fn inject_fault(&self, nth: usize, fault: Fault) {
        self.cloud.inject_fault(self.built + nth, fault);
    }
}
