#!/bin/bash
# Phase 07, 7.1, as an operator pastes it, for a rule that is there: nothing is created.
#   Changed: names of this site. The group is named by its id: the lab's administrator sees two groups of that name.
# Wants openstack on the path and the operator's openrc in the current directory.
( {
  set -u
  source ./openrc
  unset OS_PROJECT_NAME OS_PROJECT_ID OS_TENANT_NAME OS_TENANT_ID OS_PROJECT_DOMAIN_NAME
  export OS_PROJECT_ID=$PROJECT
  SG=$(openstack security group show "$GROUP" -f value -c id)
  echo "SG=$SG"
  openstack security group rule list "$SG" -f value -c "IP Range" -c "Port Range" \
    | grep -q "$REMOTE 6443:6443" \
    || openstack security group rule create --proto tcp --dst-port 6443 \
         --remote-ip "$REMOTE" "$SG"
  openstack security group rule list "$SG" -f value -c Protocol -c "Port Range" -c "IP Range"
} )
