//! A throw-away service of type `LoadBalancer`: both pods answer, and nothing stays.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use omega_capi::{
    Namespace,
    echo::{Echo, EchoObject, EchoStatus, read_echo},
    workload::ManagedWorkload,
};
use omega_core::{
    Check, Context, Event, Evidence, Failure, FailureClass, Finding, PollPolicy, Severity, Subject,
    Touched, WaitError, url_words, wait_for, with_temporary,
};
use omega_openstack::{
    Page,
    container_infra::temporary_name,
    load_balancer::{LoadBalancer, LoadBalancers},
};
use tokio::time::{Instant, sleep};
use url::Url;

use super::{Balancing, in_one_line};
use crate::acceptance::{ItemId, items::causes};

/// How many pods there are: both must answer.
const PODS: u32 = 2;
const NAMESPACE: &str = "default";
/// How much of an answer is kept: a pod's name has at most 253 characters.
const MOST: usize = 253;

/// What was seen of the service.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct ServiceSeen {
    /// Its name, which is also that of its pods' Deployment.
    pub name: String,
    /// The image of its pods.
    pub image: String,
    /// Its address.
    pub address: Option<String>,
    /// How many of its pods were ready.
    pub ready: u32,
    /// How long that took, or how long it was waited for.
    pub waited: Duration,
    /// The cloud controller's last warning about it.
    pub warning: Option<String>,
    /// The last warning about the pods.
    pub pods_warning: Option<String>,
    /// Which pods answered, and how often.
    pub answers: BTreeMap<String, usize>,
    /// How many requests had no answer of a pod.
    pub unanswered: usize,
    /// The last of them.
    pub last_error: Option<String>,
    /// The id of its load balancer, if Octavia has one of its name.
    pub balancer: Option<String>,
    /// What is left of it afterwards.
    pub left: Vec<String>,
    /// Why it is not known whether its load balancer is gone.
    pub unasked: Option<String>,
    /// What went wrong on the way.
    pub failure: Option<Failure>,
}

impl Balancing {
    /// Creates pods and service, asks the service, and removes both.
    pub(super) async fn try_service(
        &self,
        ctx: &Context,
        workload: &ManagedWorkload,
    ) -> Result<ServiceSeen, Failure> {
        let name = temporary_name("omega-lb", ctx.now());
        let defect = |error: omega_capi::InvalidNamespace| {
            Failure::new(FailureClass::Error, "could not name the service")
                .because(error.to_string())
        };
        let object_name: Namespace = name.parse().map_err(defect)?;
        let namespace: Namespace = NAMESPACE.parse().map_err(defect)?;
        let echo = |object| Echo {
            cluster: workload.cluster().clone(),
            namespace: namespace.clone(),
            name: object_name.clone(),
            object,
        };
        let pods = echo(EchoObject::Deployment { image: self.image.clone(), replicas: PODS });
        let service = echo(EchoObject::Service);
        let image = self.image.clone();
        let seen = Mutex::new(ServiceSeen { name, image, ..ServiceSeen::default() });
        let done = Box::pin(with_temporary(ctx, workload, &pods, |_| {
            with_temporary(ctx, workload, &service, |_| self.look(ctx, workload, &service, &seen))
        }))
        .await;
        let mut seen = seen.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Err(failure) = done {
            // Whatever went wrong, both were to be removed: say what is not.
            match read_echo(workload, &namespace, &object_name).await {
                Ok(status) => {
                    let objects =
                        [("service", status.has_service), ("deployment", status.has_deployment)];
                    let left = objects.into_iter().filter(|(_, there)| *there);
                    let of = |(noun, _)| format!("{noun} {NAMESPACE}/{}", seen.name);
                    seen.left = left.map(of).collect();
                }
                Err(error) if failure.touched == Touched::Maybe => {
                    seen.unasked = Some(causes(&error));
                }
                Err(_) => {}
            }
            seen.failure = Some(failure);
        }
        self.balancer_is_gone(&mut seen).await;
        Ok(seen)
    }

    /// Waits for the address and the pods, and asks until both pods have answered.
    async fn look(
        &self,
        ctx: &Context,
        workload: &ManagedWorkload,
        service: &Echo,
        seen: &Mutex<ServiceSeen>,
    ) -> Result<(), Failure> {
        let start = Instant::now();
        let condition = |status: &EchoStatus| {
            let EchoStatus { addresses, ready, warning, .. } = status;
            if addresses.is_empty() {
                let why = warning.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
                Check::Pending(format!("the service has no address yet{why}"))
            } else if *ready < PODS {
                Check::Pending(format!("{ready} of {PODS} pods are ready"))
            } else {
                Check::Met
            }
        };
        let read = || read_echo(workload, &service.namespace, &service.name);
        let tell = |wanted: &str, since: Duration| tell(ctx, wanted, since);
        let policy = PollPolicy::new(self.patience.every, self.patience.address);
        let waited = wait_for(ctx, policy, read, &condition, tell).await;
        let (status, met) = match waited {
            Ok(status) => (Some(status), true),
            Err(WaitError::TimedOut(late)) => (late.seen, false),
            Err(WaitError::Cancelled) => return Err(stopped()),
            Err(WaitError::Read(error)) => {
                return Err(Failure::from_error("could not read the service", &error));
            }
            Err(_) => (None, false),
        };
        let balancer = self.balancer(&service.name).await;
        let address = {
            let mut seen = lock(seen);
            seen.waited = start.elapsed();
            seen.balancer = balancer.ok().flatten().map(|one| one.id);
            if let Some(status) = status {
                seen.address = status.addresses.into_iter().next();
                seen.ready = status.ready;
                seen.warning = status.warning;
                seen.pods_warning = status.pods_warning;
            }
            seen.address.clone()
        };
        match address {
            Some(address) if met => self.ask(ctx, &address, seen).await,
            Some(_) | None => Ok(()),
        }
    }

    /// Asks the service, over a new connection each time, until both pods have answered.
    async fn ask(
        &self,
        ctx: &Context,
        address: &str,
        seen: &Mutex<ServiceSeen>,
    ) -> Result<(), Failure> {
        let host = if address.contains(':') { format!("[{address}]") } else { address.to_owned() };
        let url: Url = format!("http://{host}/hostname").parse().map_err(|error| {
            let what = format!("the service has an address that can't be used: {address:?}");
            Failure::new(FailureClass::Error, what).because(url_words(error))
        })?;
        let start = Instant::now();
        for _ in 0..self.patience.answers {
            if ctx.cancel().is_cancelled() {
                return Err(stopped());
            }
            let answer = self.web.get(&url).await;
            if lock(seen).count(&url, answer) >= PODS as usize {
                return Ok(());
            }
            tell(ctx, "both pods answer", start.elapsed());
            sleep(self.patience.every).await;
        }
        Ok(())
    }

    /// The load balancer that the cloud controller made for the service (cloud-provider-openstack 1.31,
    /// `pkg/openstack/loadbalancer.go`: `kube_service_CLUSTER_NAMESPACE_SERVICE`).
    async fn balancer(
        &self,
        name: &Namespace,
    ) -> Result<Option<LoadBalancer>, omega_openstack::Error> {
        let all = LoadBalancers::new(self.project.clone()).list().await?;
        let end = format!("_{NAMESPACE}_{name}");
        let is =
            |one: &LoadBalancer| one.name.starts_with("kube_service_") && one.name.ends_with(&end);
        Ok(all.into_iter().find(is))
    }

    /// Waits until Octavia no longer has the service's load balancer.
    async fn balancer_is_gone(&self, seen: &mut ServiceSeen) {
        let Ok(name) = seen.name.parse::<Namespace>() else { return };
        let start = Instant::now();
        loop {
            match self.balancer(&name).await {
                Ok(None) => return,
                Ok(Some(left)) if start.elapsed() >= self.patience.after => {
                    let LoadBalancer { id, name, provisioning_status, .. } = left;
                    seen.left.push(format!("load balancer {name} ({id}), {provisioning_status}"));
                    return;
                }
                Ok(Some(_)) => sleep(self.patience.every).await,
                Err(error) => {
                    seen.unasked = Some(causes(&error));
                    return;
                }
            }
        }
    }
}

fn lock(seen: &Mutex<ServiceSeen>) -> MutexGuard<'_, ServiceSeen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

fn tell(ctx: &Context, wanted: &str, since: Duration) {
    let (step, wanted) = (ItemId::LoadBalancer.step(), wanted.to_owned());
    ctx.tell(&Event::StepWaiting { step, wanted, since });
}

fn text(body: &[u8]) -> String {
    String::from_utf8_lossy(body).trim().chars().take(MOST).collect()
}

fn stopped() -> Failure {
    Failure::new(FailureClass::Interrupted, "stopped before the service was tried")
        .next("omega-cli accept --resume RUN")
}

impl ServiceSeen {
    /// Counts an answer of the service; returns how many pods have answered.
    fn count(&mut self, url: &Url, answer: Result<Page, omega_openstack::Error>) -> usize {
        let prefix = format!("{}-", self.name);
        let pod = match answer {
            Ok(page) if page.status != 200 => Err(format!("{url} answers {}", page.status)),
            Ok(page) => {
                Some(text(&page.body)).filter(|pod| pod.starts_with(&prefix)).ok_or_else(|| {
                    format!("{url} answered {:?}, which is not one of its pods", text(&page.body))
                })
            }
            Err(error) => Err(causes(&error)),
        };
        match pod {
            Ok(pod) => *self.answers.entry(pod).or_default() += 1,
            Err(why) => {
                self.unanswered += 1;
                self.last_error = Some(why);
            }
        }
        self.answers.len()
    }

    /// Returns what is wrong with it, and what was observed.
    pub fn judge(&self, cluster: &str) -> (Vec<Finding>, Vec<Evidence>) {
        let mut findings: Vec<Finding> = self.removal().into_iter().collect();
        match &self.failure {
            // It was not tried, or not to the end.
            Some(failure) if self.answers.len() < PODS as usize => {
                findings.push(self.unasked(failure));
            }
            Some(_) | None => findings.extend(self.distribution(cluster)),
        }
        if let Some(why) = &self.unasked {
            let why = format!("could not check whether all of it is gone: {why}");
            let found = self.broken("load-balancer-unasked", why).severity(Severity::Unknown);
            findings.push(found.remedy(
                "look for it: openstack loadbalancer list in the cluster's project (the role \
                 load-balancer_member), and kubectl -n default get services,deployments in the workload cluster",
            ));
        }
        (findings, self.evidence())
    }

    fn subject(&self) -> Subject {
        Subject::new("service", format!("{NAMESPACE}/{}", self.name))
    }

    fn broken(&self, rule: &str, why: impl Into<String>) -> Finding {
        Finding::broken(rule, self.subject(), why).decision("D-011")
    }

    fn unasked(&self, failure: &Failure) -> Finding {
        let found = self.broken("load-balancer-unasked", in_one_line(failure));
        let mut found = found.severity(Severity::Unknown);
        found.remedy.clone_from(&failure.next);
        found
    }

    /// What could not be removed.
    fn removal(&self) -> Option<Finding> {
        if self.left.is_empty() {
            return None;
        }
        let why = format!("it was deleted, and this is left: {}", self.left.join("; "));
        Some(self.broken("load-balancer-left", why).remedy(
            "remove service and pods: omega-cli runs sweep; if the load balancer stays, look at the log of the \
             cloud controller in the workload cluster (kubectl -n openstack-system logs \
             ds/openstack-cloud-controller-manager)",
        ))
    }

    /// Whether both pods answered.
    fn distribution(&self, cluster: &str) -> Option<Finding> {
        let waited = self.waited.as_secs();
        if self.ready < PODS {
            let why = self.pods_warning.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
            let why = format!(
                "{} of {PODS} pods are ready after {waited} s, so the load balancer can't be judged{why}",
                self.ready
            );
            let found = self.broken("load-balancer-pods", why).severity(Severity::Unknown);
            return Some(found.remedy(format!(
                "check that the nodes of cluster {cluster} can pull {}, or name another image with \
                 agnhost: `load_balancer_image` in [acceptance]",
                self.image
            )));
        }
        if self.address.is_none() {
            let why = self.warning.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
            let why = format!("it has no address after {waited} s{why}");
            return Some(self.broken("load-balancer-no-address", why).remedy(format!(
                "look at the cloud controller of workload cluster {cluster} (omega-cli check workload --cluster \
                 {cluster}; kubectl -n openstack-system logs ds/openstack-cloud-controller-manager), at the quotas of load \
                 balancers and floating IPs, and at the role load-balancer_member (D-039)"
            )));
        }
        let asked = self.unanswered + self.answers.values().sum::<usize>();
        match self.answers.len() {
            0 => {
                let why = self.last_error.as_deref().unwrap_or("no reason is known");
                let why = format!("no pod answered {asked} requests from this machine: {why}");
                Some(self.broken("load-balancer-no-answer", why).remedy(
                    "check that this machine reaches the external network, the members of the pool \
                     (openstack loadbalancer list has its id, openstack loadbalancer status show ID its members), \
                     and the security group of the workers, which must let the amphora reach node ports",
                ))
            }
            1 => {
                let only = self.answers.keys().next().map(String::as_str).unwrap_or_default();
                let why = format!("only {only} answered {asked} requests; {PODS} pods are ready");
                Some(self.broken("load-balancer-one-pod", why).remedy(
                    "look at the members of the pool (openstack loadbalancer list has its id, openstack loadbalancer \
                     status show ID its members): each node is one, ONLINE; session persistence must be off",
                ))
            }
            _ => None,
        }
    }

    fn evidence(&self) -> Vec<Evidence> {
        let Self { name, image, address, waited, answers, balancer, .. } = self;
        let answered = answers.iter().map(|(pod, times)| format!("{pod} ({times})"));
        let all = [
            Some(Evidence::text("service", name)),
            Some(Evidence::text("image", image)),
            address.as_ref().map(|address| Evidence::text("address", address)),
            address.as_ref().map(|_| Evidence::took("address after", *waited)),
            (!answers.is_empty()).then(|| Evidence::list("answered by", answered)),
            balancer.as_ref().map(|id| Evidence::text("load balancer", id)),
            (self.left.is_empty() && self.unasked.is_none()).then(|| Evidence::holds("removed")),
        ];
        all.into_iter().flatten().collect()
    }
}
