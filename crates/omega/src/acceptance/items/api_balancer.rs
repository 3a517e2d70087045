//! The load balancer in front of a cluster's API: its record for the report, and whether it holds.

use std::sync::Arc;

use omega_core::{Evidence, Failure, Finding, Severity, Subject};
use omega_openstack::{
    ClusterName, Transport,
    load_balancer::{LoadBalancer, LoadBalancers},
    network::{FloatingIp, Network},
};

/// Returns what Octavia and Neutron say of it in the cluster's project. Every cluster has one, whatever
/// `master_lb_enabled` says (magnum-capi-helm 1.4.0, `driver.py`: `enableLoadBalancer` is true).
pub(super) async fn look(
    project: &Arc<dyn Transport>,
    mark: &ClusterName,
) -> (Vec<Finding>, Vec<Evidence>) {
    let name = mark.api_balancer();
    let subject = Subject::new("load balancer", &name);
    let unasked = |what: &str, failure: &Failure| {
        let found = Finding::broken("api-load-balancer-unasked", subject.clone(), what);
        let mut found =
            found.severity(Severity::Unknown).shown_by([Evidence::sentence(failure.to_string())]);
        found.remedy.clone_from(&failure.next);
        found
    };
    let all = match LoadBalancers::new(Arc::clone(project)).list().await {
        Ok(all) => all,
        Err(error) => {
            let what = "Octavia could not be asked for the load balancer of the API";
            return (vec![unasked(what, &Failure::from_error(what, &error))], Vec::new());
        }
    };
    let mut named = all.into_iter().filter(|one| one.name == name);
    let (Some(balancer), None) = (named.next(), named.next()) else {
        let why = "Octavia has no load balancer of this name in the cluster's project, or several";
        let missing = Finding::broken("api-load-balancer-missing", subject, why);
        return (vec![missing.remedy("openstack loadbalancer list")], Vec::new());
    };
    let mut findings: Vec<Finding> = judge(&balancer).into_iter().collect();
    let addresses = match Network::new(Arc::clone(project)).floating_ips().await {
        Ok(all) => Some(all),
        Err(error) => {
            let what = "Neutron could not be asked for the floating IP of the API's load balancer";
            findings.push(unasked(what, &Failure::from_error(what, &error)));
            None
        }
    };
    let evidence = shown(&balancer, addresses.as_deref());
    (findings, evidence)
}

/// Decides by its two statuses. One that Octavia could configure need not carry traffic: that is its
/// `operating_status`, which its amphorae report.
fn judge(balancer: &LoadBalancer) -> Option<Finding> {
    let LoadBalancer { name, provisioning_status: provisioning, operating_status, .. } = balancer;
    let operating = operating_status.as_str();
    let subject = Subject::new("load balancer", name);
    let found = if balancer.is_pending() {
        let why = format!("Octavia is changing it: {provisioning}");
        Finding::broken("api-load-balancer-not-active", subject, why).severity(Severity::Unknown)
    } else if provisioning != "ACTIVE" {
        let why = format!("its provisioning_status is {provisioning}");
        Finding::broken("api-load-balancer-not-active", subject, why)
    } else if operating == "ONLINE" {
        return None;
    } else {
        let why = format!(
            "it is ACTIVE, and its operating_status is {}: not ONLINE",
            if operating.is_empty() { "not told" } else { operating }
        );
        let found = Finding::broken("api-load-balancer-not-online", subject, why);
        // Octavia 14, `constants.py`: these say that members or amphorae are gone.
        let is_known = ["DEGRADED", "ERROR", "OFFLINE"].contains(&operating);
        if is_known { found } else { found.severity(Severity::Unknown) }
    };
    let id = &balancer.id;
    Some(found.remedy(format!(
        "find the member that fails: openstack loadbalancer status show {id}; one in ERROR is failed over by: \
         omega-cli ensure-load-balancer-active --load-balancer {id}"
    )))
}

fn shown(balancer: &LoadBalancer, addresses: Option<&[FloatingIp]>) -> Vec<Evidence> {
    let LoadBalancer {
        id, provisioning_status, operating_status, vip_address, vip_port_id, ..
    } = balancer;
    let of_it = |one: &&FloatingIp| one.port_id.is_some() && one.port_id == *vip_port_id;
    let floating = addresses.map(|all| {
        let found = all.iter().find(of_it).map(|one| one.floating_ip_address.as_str());
        Evidence::text("floating IP", found.unwrap_or("none"))
    });
    [
        Evidence::text("API load balancer", id),
        Evidence::text("VIP", vip_address.as_deref().unwrap_or("none")),
    ]
    .into_iter()
    .chain(floating)
    .chain([
        Evidence::text("provisioning status", provisioning_status),
        Evidence::text("operating status", operating_status),
    ])
    .collect()
}
