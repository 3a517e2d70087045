"""The API server's load balancer and its floating IP (pkg/cloud/services/loadbalancer/loadbalancer.go and
networking/floatingip.go of the provider).

The floating IP is found again by the VIP port it is associated with, and by nothing else: one that was made and not yet
associated when the delete came stays behind (DeleteLoadBalancer).
"""
import time

from provider.cloud import Octavia, Refused
from provider.management import event
from provider.network import cluster_name, description, gist, made, removed, tagger

PATIENCE = 15   # seconds for a load balancer to become ACTIVE; the provider's backoff adds up to nearly six minutes


class Later(Exception):
    """Nothing is wrong; the next look goes on from here."""


def balancer_name(oc):
    return f"{cluster_name(oc)}-kubeapi"


def wait_active(octavia, lb):
    """One in ERROR is waited for like any other, as the provider does."""
    end = time.monotonic() + PATIENCE
    while lb["provisioning_status"] != "ACTIVE":
        if time.monotonic() > end:
            raise Refused("timed out waiting for the condition")
        time.sleep(0.5)
        lb = octavia.show(f"loadbalancers/{lb['id']}")["loadbalancer"]
    return lb


def port_of(oc):
    return (oc["spec"].get("controlPlaneEndpoint") or {}).get("port") or oc["spec"].get("apiServerPort") or 6443


def reconcile(cloud, neutron, oc, status, knobs):
    octavia, name, tags = Octavia(cloud), balancer_name(oc), oc["spec"].get("tags") or []
    provider = (oc["spec"].get("apiServerLoadBalancer") or {}).get("provider")
    lb = octavia.named("loadbalancers", name) or made(
        oc, "loadbalancer", lambda: octavia.make(
            "loadbalancers", "loadbalancer", name=name, vip_subnet_id=status["network"]["subnets"][0]["id"],
            description=description(oc), tags=tags, **({"provider": provider} if provider else {})), name)
    kept = status.setdefault("apiServerLoadBalancer", {})
    kept.update(gist(lb), internalIP=lb["vip_address"], loadBalancerNetwork=kept.get("loadBalancerNetwork") or {"id": "", "name": ""})
    try:
        lb = wait_active(octavia, lb)
    except Refused as e:
        raise Refused(f'load balancer "{name}" with id {lb["id"]} is not active after timeout: {e}', e.status) from e
    if not oc["spec"].get("disableAPIServerFloatingIP"):
        floating_ip(neutron, oc, status, lb, knobs)
    kept["allowedCIDRs"] = sorted(set((oc["spec"].get("apiServerLoadBalancer") or {}).get("allowedCIDRs") or []))
    listener_and_pool(octavia, oc, lb, f"{name}-{port_of(oc)}", kept["allowedCIDRs"])


def floating_ip(neutron, oc, status, lb, knobs):
    kept = status["apiServerLoadBalancer"]
    wanted = kept.get("ip") or oc["spec"].get("apiServerFloatingIP")
    found = neutron.find("floatingips", floating_ip_address=wanted) if wanted else []
    if found:
        fip = found[0]
    else:
        if not status.get("externalNetwork"):
            raise Refused("external network is not set")
        fip = made(oc, "floatingip", lambda: neutron.make(
            "floatingips", "floatingip", floating_network_id=status["externalNetwork"]["id"], description=description(oc),
            **({"floating_ip_address": wanted} if wanted else {})), wanted or "", tagger(neutron, "floatingips"))
    kept["ip"] = fip["floating_ip_address"]
    if "floating-ip-waits" in knobs:
        raise Later("the lab keeps the floating IP from its port")
    if fip.get("port_id") == lb["vip_port_id"]:
        return
    try:    # no agent makes it ACTIVE here, so that is not waited for
        neutron.put(f"floatingips/{fip['id']}", {"floatingip": {"port_id": lb["vip_port_id"]}})
    except Refused as e:
        event(oc, "Warning", "FailedAssociateFloatingIP",
              f"Failed to associate floating IP {kept['ip']} with port {lb['vip_port_id']}: {e}")
        raise
    event(oc, "Normal", "SuccessfulAssociateFloatingIP", f"Associated floating IP {kept['ip']} with port {lb['vip_port_id']}")


def listener_and_pool(octavia, oc, lb, name, cidrs):
    port, tags = int(name.rpartition("-")[2]), oc["spec"].get("tags") or []
    listener = octavia.named("listeners", name)
    if not listener:
        listener = octavia.make("listeners", "listener", name=name, protocol="TCP", protocol_port=port, loadbalancer_id=lb["id"],
                                tags=tags, **({"allowed_cidrs": cidrs} if cidrs else {}))
        wait_active(octavia, {**lb, "provisioning_status": "PENDING_UPDATE"})
    pool = octavia.named("pools", name)
    if not pool:
        pool = octavia.make("pools", "pool", name=name, protocol="TCP", lb_algorithm="ROUND_ROBIN", listener_id=listener["id"],
                            tags=tags)
        wait_active(octavia, {**lb, "provisioning_status": "PENDING_UPDATE"})
    if not octavia.named("healthmonitors", name):
        octavia.make("healthmonitors", "healthmonitor", name=name, pool_id=pool["id"], type="TCP", delay=10,
                     max_retries=5, max_retries_down=3, timeout=5)
        wait_active(octavia, {**lb, "provisioning_status": "PENDING_UPDATE"})


def delete(cloud, neutron, oc):
    octavia, name = Octavia(cloud), balancer_name(oc)
    lb = octavia.named("loadbalancers", name)
    if not lb:
        return
    if lb["provisioning_status"] == "PENDING_DELETE":
        raise Later("the load balancer goes")
    fips = neutron.find("floatingips", port_id=lb["vip_port_id"]) if lb.get("vip_port_id") else []
    for fip in fips[:1]:
        address = fip["floating_ip_address"]
        neutron.put(f"floatingips/{fip['id']}", {"floatingip": {"port_id": None}})
        event(oc, "Normal", "SuccessfulDisassociateFloatingIP", f"Disassociated floating IP {address}")
        if address != oc["spec"].get("apiServerFloatingIP"):
            neutron.delete(f"floatingips/{fip['id']}")
            event(oc, "Normal", "SuccessfulDeleteFloatingIP", f"Deleted floating IP {address}")
    removed(oc, octavia, "LoadBalancer", "load balancer", f"loadbalancers/{lb['id']}?cascade=true", lb)
    raise Later("the load balancer goes")
