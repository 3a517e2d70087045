#!/bin/bash
# The read-only lines of the runbook's phase 07, 7.1 to 7.8, as an operator pastes them; the sleeps are taken out.
#   Changed: names of this site; the group is named by its id, as the lab's administrator sees two of that name; the two downloads of
#   7.4 that only ask whether a server answers go to the chart repository; the `create` behind `||`, the restart and every other write
#   are left out; so is the health poll, as there is no cluster.
# Wants openstack, juju, kubectl and helm on the path, the operator's openrc and kubeconfig in the current directory.
set -u
unit_api=127.77.2.1
# 7.1
( {
  source ./openrc
  unset OS_PROJECT_NAME OS_PROJECT_ID OS_TENANT_NAME OS_TENANT_ID OS_PROJECT_DOMAIN_NAME
  export OS_PROJECT_ID=$PROJECT
  SG=$(openstack security group show "$GROUP" -f value -c id)
  echo "SG=$SG"
  openstack security group rule list "$SG" -f value -c "IP Range" -c "Port Range" | grep -q "$SOURCE 6443:6443" || echo MISSING
  openstack security group rule list "$SG" -f value -c Protocol -c "Port Range" -c "IP Range"
} )
juju ssh -m openstack magnum/0 \
  "timeout 6 bash -c 'exec 3<>/dev/tcp/$unit_api/6443' && echo TCP-OK || echo TCP-FAIL" </dev/null
# 7.2
juju ssh -m openstack magnum/0 'systemctl show magnum-conductor -p User --value' </dev/null
sha256sum ./mgmt.kubeconfig
juju ssh -m openstack magnum/0 'sudo sha256sum /etc/magnum/kubeconfig' </dev/null
juju ssh -m openstack magnum/0 \
  'sudo -u magnum env HOME=/tmp helm --kubeconfig /etc/magnum/kubeconfig list -A' </dev/null
# 7.3
( {
  export KUBECONFIG=$PWD/mgmt.kubeconfig
  for g in cluster.x-k8s.io controlplane.cluster.x-k8s.io infrastructure.cluster.x-k8s.io \
           bootstrap.cluster.x-k8s.io addons.cluster.x-k8s.io; do
    echo "== $g =="; kubectl api-resources --api-group="$g" 2>/dev/null | awk 'NR==1 || /v1beta1/'
  done
} )
# 7.4
juju ssh -m openstack magnum/0 \
  "curl -s -o /dev/null -w 'index:%{http_code}\n' http://$unit_api:8879/ ; \
   curl -s -o /dev/null -w 'helm:%{http_code}\n' http://$unit_api:8879/index.yaml" </dev/null
juju ssh -m openstack magnum/0 'command -v helm && helm version --short || echo "helm absent"' </dev/null
juju ssh -m openstack magnum/0 \
  'pip show magnum-capi-helm | egrep "Version|Location"; \
   python3 -c "import importlib.metadata as m; print([e.name for e in m.entry_points(group=\"magnum.drivers\")])"' </dev/null
# 7.6
juju ssh -m openstack magnum/0 \
  'LC_ALL=C grep -nP "[^\x00-\x7F]" /etc/magnum/magnum.conf.d/00-capi-helm.conf && echo NON-ASCII || echo "ASCII clean"' </dev/null
# 7.7
juju ssh -m openstack magnum/0 'ps -ww -C magnum-conductor -o args=' </dev/null
juju ssh -m openstack magnum/0 '/etc/init.d/magnum-conductor show-args' </dev/null
# 7.8
juju ssh -m openstack magnum/0 \
  'systemctl is-active magnum-conductor && ps -ww -C magnum-conductor -o args=' </dev/null
juju ssh -m openstack magnum/0 'sudo magnum-driver-manage list-drivers 2>/dev/null | grep capi || \
   echo "driver list (full):"; sudo magnum-driver-manage list-drivers' </dev/null
