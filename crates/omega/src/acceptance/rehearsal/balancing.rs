//! A cluster whose services get load balancers, in memory: a simulated API server, a simulated Octavia, and
//! the cloud controller and the pods between them.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use omega_capi::{
    Management,
    sim::{Apiserver, Fault, ServiceOutcome},
    workload::Workload,
};
use omega_core::Context;
use omega_openstack::{
    Error, Method, Page, Request, Service, StreamedResponse, TokenInfo, Transport, Web,
    container_infra::ContainerInfra, sim::Cloud,
};
use serde_json::{Value, json};
use url::Url;

use super::{Balancing, Clusters, IMAGE, Patience};

/// The simulated cluster, in Magnum and in Cluster API.
const CLUSTER: &str = "c1";
const STACK: &str = "c1-b3mdwq5cz7lx";
const NAMESPACE: &str = "magnum-6741a4d1b29346e5a2f4c6ad38f0a2c1";
const ADDRESS: &str = "10.12.7.200";

/// What the cluster's load balancers are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::acceptance) enum Behaviour {
    Good,
    OnePod,
    NoAddress,
    /// The cloud controller forgets to delete them.
    Left,
    /// The amphorae report that no member answers.
    Offline,
}

/// All that is simulated.
#[derive(Clone, Debug)]
pub(in crate::acceptance) struct Stage {
    pub(in crate::acceptance) server: Apiserver,
    pub(in crate::acceptance) cloud: Cloud,
    behaviour: Behaviour,
    asked: Arc<AtomicUsize>,
}

impl Stage {
    pub(in crate::acceptance) fn new(behaviour: Behaviour) -> Self {
        let server = Apiserver::workload();
        server.set_service_outcome(match behaviour {
            Behaviour::NoAddress => ServiceOutcome::NoAddress(
                "failed to ensure load balancer: Quota has been met for resources: Load Balancers",
            ),
            Behaviour::Good | Behaviour::OnePod | Behaviour::Left | Behaviour::Offline => {
                ServiceOutcome::Address(ADDRESS)
            }
        });
        Self { server, cloud: Cloud::new(), behaviour, asked: Arc::default() }
    }

    /// The management cluster, which knows the cluster.
    fn management() -> Arc<Management> {
        let management = Apiserver::default();
        management.add_cluster();
        Arc::new(Management::over(management, "https://10.12.5.20:6443"))
    }

    /// The cluster as Magnum and Cluster API know it, with everything in it working.
    pub(in crate::acceptance) fn cluster() -> Clusters {
        let cloud = Cloud::new();
        cloud.add_cluster("capi-mgmt", CLUSTER, Some("HEALTHY"), "");
        cloud.add_balancer("capi-mgmt", &api_balancer());
        cloud.set_operating_status("ONLINE");
        let workload = Management::over(Apiserver::workload(), "https://10.12.7.180:6443");
        Clusters {
            magnum: Arc::new(ContainerInfra::new(cloud.member("capi-mgmt"))),
            project: cloud.member("capi-mgmt"),
            management: Self::management(),
            name: CLUSTER.to_owned(),
            workload: Some(Workload::over(workload)),
            lookup: None,
            settles_within: Duration::ZERO,
        }
    }

    pub(in crate::acceptance) fn balancing(self, failover: bool) -> Balancing {
        let workload = Management::over(self.server.clone(), "https://10.12.7.180:6443");
        let transport = |inner: Arc<dyn Transport>| -> Arc<dyn Transport> {
            Arc::new(Followed { inner, stage: self.clone() })
        };
        Balancing {
            cluster: CLUSTER.to_owned(),
            management: Self::management(),
            workload: Some(Workload::over(workload)),
            lookup: None,
            project: transport(self.cloud.member("capi-mgmt")),
            operator: transport(self.cloud.admin("capi-mgmt")),
            image: IMAGE.to_owned(),
            failover,
            // Nothing takes time here.
            patience: Patience {
                every: Duration::from_millis(100),
                address: Duration::from_secs(1),
                answers: 8,
                after: Duration::from_secs(2),
            },
            web: Arc::new(self),
        }
    }

    /// The names of the throw-away services that there are.
    fn services(&self) -> Vec<String> {
        let objects = self.server.snapshot();
        let services = objects.iter().filter_map(|line| line.strip_prefix("Service "));
        let services = services.filter_map(|text| serde_json::from_str::<Value>(text).ok());
        services
            .filter_map(|one| Some(one.pointer("/metadata/name")?.as_str()?.to_owned()))
            .collect()
    }

    /// Does what the cloud controller does: each service has a load balancer. The API is away while its
    /// own is replaced.
    async fn follow(&self) {
        let there = self.cloud.balancer_states();
        let api = api_balancer();
        let services = self.services();
        let named = services.iter().map(|name| format!("kube_service_{STACK}_default_{name}"));
        let wanted: Vec<String> = named.chain([api.clone()]).collect();
        let is_there = |name: &String| there.iter().any(|line| line.contains(&format!(" {name} ")));
        for name in wanted.iter().filter(|name| !is_there(name)) {
            let body = json!({ "loadbalancer": { "name": name } });
            let path = ["lbaas", "loadbalancers"];
            let request = Request::new(Service::LoadBalancer, Method::Post, &path).body(body);
            drop(self.cloud.member("capi-mgmt").send(request).await);
        }
        let gone = there.iter().filter_map(|line| line.split(' ').nth(1));
        let gone = gone.filter(|name| !wanted.iter().any(|one| one == name));
        if self.behaviour != Behaviour::Left {
            self.cloud.drop_balancers(&gone.collect::<Vec<_>>());
        }
        let offline = self.behaviour == Behaviour::Offline;
        self.cloud.set_operating_status(if offline { "ERROR" } else { "ONLINE" });
        let replaced = format!(" {api} PENDING_UPDATE");
        if there.iter().any(|line| line.contains(&replaced)) {
            self.server.fail(Fault::Broken("/version".to_owned()));
        } else {
            self.server.clear_fault();
        }
    }
}

/// The name of the load balancer of the cluster's API.
fn api_balancer() -> String {
    format!("k8s-clusterapi-cluster-{NAMESPACE}-{STACK}-kubeapi")
}

/// A connection to the simulated cloud that the cloud controller keeps up with.
#[derive(Debug)]
struct Followed {
    inner: Arc<dyn Transport>,
    stage: Stage,
}

#[async_trait]
impl Transport for Followed {
    async fn exchange(&self, ctx: &Context, request: Request) -> Result<StreamedResponse, Error> {
        self.stage.follow().await;
        let answered = self.inner.exchange(ctx, request).await;
        self.stage.follow().await;
        answered
    }

    async fn token_info(&self) -> Result<TokenInfo, Error> {
        self.inner.token_info().await
    }

    fn label(&self) -> String {
        self.inner.label()
    }
}

/// The pods answer with their names, in turn.
#[async_trait]
impl Web for Stage {
    async fn get(&self, url: &Url) -> Result<Page, Error> {
        let took = Duration::from_millis(3);
        let nth = self.asked.fetch_add(1, Ordering::Relaxed);
        let name = self.services().into_iter().next();
        let (Some(name), Some(ADDRESS)) = (name, url.host_str()) else {
            return Ok(Page { status: 404, body: Vec::new(), took });
        };
        let pod = if nth.is_multiple_of(2) || self.behaviour == Behaviour::OnePod {
            "5d8f7c9b64-2xkqp"
        } else {
            "5d8f7c9b64-v7r9t"
        };
        Ok(Page { status: 200, body: format!("{name}-{pod}").into_bytes(), took })
    }
}
