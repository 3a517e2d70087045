# What omega made, as others see it: the standard client and Ansible's openstack.cloud find nothing to change.
define unchanged 900 unchanged_case

build_ansible() {
  python3 -m venv --clear "$LAB/ansible"
  # openstack.cloud 2 reads openstack.version, which later releases of the SDK don't import
  "$LAB/ansible/bin/pip" install -q ansible 'openstacksdk<4.1'
}

write_playbook() { # PORT GROUP
  cat <<P
- hosts: localhost
  gather_facts: false
  module_defaults:
    group/openstack.cloud.openstack: {cloud: mgmt}
  tasks:
    - openstack.cloud.security_group_rule:
        security_group: $2
        direction: ingress
        ether_type: IPv4
        protocol: tcp
        port_range_min: $1
        port_range_max: $1
        remote_ip_prefix: 198.51.100.7/32
    - openstack.cloud.image:
        name: omega-image
        container_format: bare
        disk_format: raw
        visibility: shared
        # not kube_version: the module looks for a property that the SDK does not know where it never is, and "changes" it each time
        properties: {os_distro: ubuntu}
    - openstack.cloud.coe_cluster_template:
        name: omega-template
        coe: kubernetes
        image_id: ubuntu-kube
        external_network_id: public
        flavor_id: m1.medium
        master_flavor_id: m1.medium
        network_driver: calico
        dns_nameserver: 192.0.2.53
        is_master_lb_enabled: true
        is_floating_ip_enabled: true
        labels: {octavia_provider: amphora, kube_tag: v1.34.8}
P
}
ansible() { # ARGS...: "tasks changed", by the playbook's own count
  env -i PATH="$LAB/ansible/bin:/usr/bin:/bin" HOME="$PWD/home" LANG=C.UTF-8 OS_CLIENT_CONFIG_FILE="$PWD/mgmt-clouds.yaml" ANSIBLE_STDOUT_CALLBACK=ansible.posix.json \
    ansible-playbook -i localhost, -c local -e "ansible_python_interpreter=$LAB/ansible/bin/python" "$@" >ansible.json || { tail -c 3000 ansible.json; return 1; }
  jq -r '.stats.localhost | "\(.ok) \(.changed)"' ansible.json
}

unchanged_case() {
  local digest before group
  stage ansible
  template_site
  cat >mgmt-clouds.yaml <<Y
clouds:
  mgmt:
    auth: {auth_url: "http://$CLOUD:5000/v3", username: admin, password: lab, user_domain_name: Default, project_name: capi-mgmt, project_domain_name: capi}
    region_name: RegionOne
Y
  trap 'remove_templates; remove_images; omega ensure-sg-rule --yes --remote 198.51.100.7/32 --port 6443 --absent || true' EXIT
  at cloud sh -c 'cd /tmp && head -c 1048576 /dev/urandom >omega.raw && qemu-img convert -O qcow2 omega.raw omega.qcow2 && cat omega.qcow2' >image.qcow2
  digest=$(sha512sum image.qcow2 | cut -d' ' -f1)
  exits 0 omega ensure-sg-rule --yes --remote 198.51.100.7/32 --port 6443
  exits 0 omega stage-image --yes --file image.qcow2 --sha512 "$digest" --name omega-image --kubernetes-version v1.34.8
  exits 0 omega ensure-cluster-template --yes
  # by id: an administrator sees a group of this name in another project too
  group=$(in_capi_mgmt api GET "$NEUTRON/security-groups?name=capi-mgmt-sg&project_id=$(fixture project)" | jq -r '.security_groups[0].id')
  before="$(rules; glance_images; templates)"

  write_playbook 6444 "$group" | sed '/openstack.cloud.image:/,$d' >play.yml     # a rule; not all modules have a check mode
  same 'tasks that Ansible would change, of another rule' '1 1' "$(ansible --check play.yml)"
  same 'tasks that Ansible changed' '3 0' "$(write_playbook 6443 "$group" >play.yml; ansible play.yml)"
  same 'what omega made, after Ansible' "$before" "$(rules; glance_images; templates)"

  standard_client security group rule list "$group" --ingress -f json |
    jq -e '[.[] | select(."IP Range" == "198.51.100.7/32" and ."Port Range" == "6443:6443" and ."IP Protocol" == "tcp")] | length == 1'
  ! standard_client security group rule create --protocol tcp --dst-port 6443 --remote-ip 198.51.100.7/32 "$group" 2>client.err || fail 'the client made the rule once more'
  grep -q 'already exists' client.err
  standard_client image show omega-image -f json | jq -e '.status == "active" and .properties.os_distro == "ubuntu" and .properties.kube_version == "v1.34.8"'
  standard_client coe cluster template show omega-template -f json | jq -e '.network_driver == "calico" and .image_id == "ubuntu-kube"'
  same 'what omega made, after the client' "$before" "$(rules; glance_images; templates)"
}
