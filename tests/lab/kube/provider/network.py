"""Network, subnet, router and security groups of a cluster, as cluster-api-provider-openstack makes and removes them.

Read in its repository (paths under pkg/cloud/services): networking/network.go, router.go, securitygroups.go,
securitygroups_rules.go, pkg/utils/names/names.go GetDescription. Every name carries NAMESPACE-CLUSTER
(names.ClusterResourceName); tags are the OpenStackCluster's spec.tags and no others.
"""
from provider.cloud import Refused
from provider.management import event


def resource_name(oc):
    return f"{oc['metadata']['namespace']}-{oc['metadata']['labels']['cluster.x-k8s.io/cluster-name']}"


def cluster_name(oc):
    return f"k8s-clusterapi-cluster-{resource_name(oc)}"


def description(oc):
    return f"Created by cluster-api-provider-openstack cluster {resource_name(oc)}"


def one(found, what, name):
    if len(found) > 1:
        raise Refused(f"found {len(found)} {what} with the name {name}, which should not happen")
    return found[0] if found else None


def made(oc, kind, create, name, tag=None):
    """Creates it, with the provider's events for success and failure, then replaces its tags if the cluster has any."""
    word = {"securitygroup": "SecurityGroup", "floatingip": "FloatingIP", "loadbalancer": "LoadBalancer"}.get(kind, kind.title())
    words = {"securitygroup": "security group", "floatingip": "floating IP", "loadbalancer": "load balancer"}.get(kind, kind)
    try:
        o = create()
    except Refused as e:
        event(oc, "Warning", f"FailedCreate{word}", f"Failed to create {words} {name}: {e}")
        raise
    event(oc, "Normal", f"SuccessfulCreate{word}", f"Created {words} {name or o.get('floating_ip_address')} with id {o['id']}")
    if tag and oc["spec"].get("tags"):
        tag(o["id"], oc["spec"]["tags"])
    return o


def tagger(neutron, path):
    return lambda ident, tags: neutron.put(f"{path}/{ident}/tags", {"tags": tags})


def gist(o, **more):
    """The fields of an object that a status keeps."""
    return {"id": o["id"], "name": o["name"], **({"tags": o["tags"]} if o.get("tags") else {}), **more}


def reconcile_external(neutron, oc, status):
    wanted = oc["spec"].get("externalNetwork") or {}
    look = {"id": wanted["id"]} if wanted.get("id") else {"router:external": "true", **wanted.get("filter", {})}
    found = neutron.find("networks", **look)
    if len(found) > 1:
        raise Refused(f"found {len(found)} external networks, which should not happen")
    if not found and wanted:
        raise Refused("no external network found")
    status["externalNetwork"] = gist(found[0]) if found else None


def reconcile_network(neutron, oc, status):
    name = cluster_name(oc)
    network = one(neutron.find("networks", name=name), "networks", name)
    network = network or made(oc, "network", lambda: neutron.make("networks", "network", name=name, admin_state_up=True),
                              name, tagger(neutron, "networks"))
    status["network"] = gist(network, subnets=(status.get("network") or {}).get("subnets", []))


def reconcile_subnet(neutron, oc, status):
    network, spec, name = status["network"]["id"], oc["spec"]["managedSubnets"][0], cluster_name(oc)
    found = neutron.find("subnets", network_id=network, cidr=spec["cidr"])
    subnet = one(found, "subnets", name) or made(
        oc, "subnet", lambda: neutron.make("subnets", "subnet", network_id=network, name=name, ip_version=4, cidr=spec["cidr"],
                                           dns_nameservers=spec.get("dnsNameservers") or [], description=description(oc)),
        name, tagger(neutron, "subnets"))
    status["network"]["subnets"] = [gist(subnet, cidr=subnet["cidr"])]


def reconcile_router(neutron, oc, status):
    name, subnet = cluster_name(oc), status["network"]["subnets"][0]["id"]
    if not status.get("externalNetwork"):
        return
    router = one(neutron.find("routers", name=name), "router", name) or made(
        oc, "router", lambda: neutron.make("routers", "router", name=name, description=description(oc),
                                           external_gateway_info={"network_id": status["externalNetwork"]["id"]}),
        name, tagger(neutron, "routers"))
    gateway = router.get("external_gateway_info") or {}
    status["router"] = gist(router, ips=[ip["ip_address"] for ip in gateway.get("external_fixed_ips", [])])
    ports = neutron.find("ports", device_id=router["id"])
    if not any(ip["subnet_id"] == subnet for p in ports for ip in p["fixed_ips"]):
        try:
            neutron.put(f"routers/{router['id']}/add_router_interface", {"subnet_id": subnet})
        except Refused as e:
            raise Refused(f"unable to create router interface: {e}", e.status) from e


def rules(oc, control_plane, worker):
    """securitygroups_rules.go: each group's (description, protocol, first port, last port, from which group).
    Egress is left to Neutron's own two rules, which allow all of it."""
    everything = oc["spec"]["managedSecurityGroups"].get("allowAllInClusterTraffic")
    within = [("In-cluster Ingress", None, None, None)]
    calico = [("BGP (calico)", "tcp", 179, 179), ("IP-in-IP (calico)", "4", None, None)]
    kubelet = [("Kubelet API", "tcp", 10250, 10250)]
    both = within if everything else kubelet + calico
    own = [] if everything else [("Etcd", "tcp", 2379, 2380)]
    yield control_plane, [("Kubernetes API", "tcp", 6443, 6443, None)] + [(*r, control_plane) for r in own] + [
        (*r, group) for r in both for group in (control_plane, worker)]
    yield worker, [("Node Port Services", p, 30000, 32767, None) for p in ("tcp", "udp")] + [
        (*r, group) for r in both for group in (worker, control_plane)]


def reconcile_groups(neutron, oc, status):
    if oc["spec"].get("managedSecurityGroups") is None:
        return
    groups = {}
    for suffix in ("controlplane", "worker"):
        name = f"k8s-cluster-{resource_name(oc)}-secgroup-{suffix}"
        groups[suffix] = one(neutron.find("security_groups", name=name), "security groups", name) or made(
            oc, "securitygroup", lambda name=name: neutron.make("security_groups", "security_group", name=name,
                                                                description="Cluster API managed group"),
            name, tagger(neutron, "security-groups"))
    for group, wanted in rules(oc, groups["controlplane"]["id"], groups["worker"]["id"]):
        have = {(r["direction"], r["ethertype"], r["protocol"], r["port_range_min"], r["port_range_max"], r["remote_group_id"])
                for r in neutron.find("security_group_rules", security_group_id=group)}
        for text, protocol, first, last, remote in wanted:
            # Neutron keeps the number 4 by its name
            key = ("ingress", "IPv4", {"4": "ipip"}.get(protocol, protocol), first, last, remote)
            if not {key, ("ingress", "IPv4", protocol, first, last, remote)} & have:
                neutron.make("security_group_rules", "security_group_rule", security_group_id=group, direction="ingress",
                             ethertype="IPv4", description=text, protocol=protocol, port_range_min=first,
                             port_range_max=last, remote_group_id=remote)
    status["controlPlaneSecurityGroup"], status["workerSecurityGroup"] = (
        {"id": groups[s]["id"], "name": groups[s]["name"]} for s in ("controlplane", "worker"))


def delete_router(neutron, oc):
    name = cluster_name(oc)
    router = one(neutron.find("routers", name=name), "router", name)
    subnet = one(neutron.find("subnets", name=name), "subnets", name)
    if not router:
        return
    if subnet:
        try:
            neutron.put(f"routers/{router['id']}/remove_router_interface", {"subnet_id": subnet["id"]})
        except Refused as e:
            if e.status != 404:
                raise Refused(f"unable to remove router interface: {e}", e.status) from e
    removed(oc, neutron, "Router", "router", f"routers/{router['id']}", router)


def delete_network(neutron, oc):
    name = cluster_name(oc)
    network = one(neutron.find("networks", name=name), "networks", name)
    if network:
        removed(oc, neutron, "Network", "network", f"networks/{network['id']}", network)


def delete_groups(neutron, oc):
    for suffix in ("controlplane", "worker"):
        name = f"k8s-cluster-{resource_name(oc)}-secgroup-{suffix}"
        group = one(neutron.find("security_groups", name=name), "security groups", name)
        if group:
            removed(oc, neutron, "SecurityGroup", "security group", f"security-groups/{group['id']}", group)


def removed(oc, service, word, words, path, o):
    try:
        service.delete(path)
    except Refused as e:
        if e.status == 404:
            return
        event(oc, "Warning", f"FailedDelete{word}", f"Failed to delete {words} {o['name']} with id {o['id']}: {e}")
        raise
    event(oc, "Normal", f"SuccessfulDelete{word}", f"Deleted {words} {o['name']} with id {o['id']}")
