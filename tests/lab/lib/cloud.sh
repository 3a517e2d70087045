# The cloud: one machine, booted on a throw-away overlay of the provisioned layer.

# The lab's CA and the certificate that haproxy shows, new with each cloud.
make_tls() {
  local d=$RUN/tls
  rm -rf "$d"; mkdir -p "$d"
  openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj '/CN=omega lab CA' -keyout "$d/ca.key" -out "$d/ca.crt" 2>/dev/null
  openssl req -newkey rsa:2048 -nodes -subj "/CN=$CLOUD" -keyout "$d/cloud.key" -out "$d/cloud.csr" 2>/dev/null
  openssl x509 -req -in "$d/cloud.csr" -CA "$d/ca.crt" -CAkey "$d/ca.key" -CAcreateserial -days 30 -out "$d/cloud.crt" \
    -extfile <(printf 'subjectAltName=IP:%s\nextendedKeyUsage=serverAuth\n' $CLOUD) 2>/dev/null
}

free_address() { # refuses where somebody else's servers are
  ! (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null || die "something that this lab did not start listens on $1:$2"
}

up_cloud() {
  running cloud && return
  local t root; t=$(now_ms)
  free_address $CLOUD 5000
  rm -rf "$TOKENS"          # another build of the cloud has other keys
  say 'cloud: boots'
  MACHINE_SIZE=4G stage_machine cloud ready
  root=$(root_of cloud)
  make_tls
  (umask 077; cat "$RUN/tls/cloud.crt" "$RUN/tls/cloud.key" >"$root/etc/haproxy/lab.pem")
  allow_ssh cloud $CLOUD
  boot cloud
  mine cloud
  local url
  for url in http://$CLOUD:{5000/v3,9292/,9696/,8774/,8778/,8776/,9511/,9876/} https://$CLOUD:{15000/v3,19696/,19511/}; do
    until_true 300 "$url" curl -s -o /dev/null -m 5 --cacert "$RUN/tls/ca.crt" "$url"
  done
  # Since this boot, too: the layer remembers the reports of its own.
  local since; since="'$(date -u -d "@$(stat -c %Y "$LAB/cloud.init.pid")" '+%F %T')'"
  reported() { at cloud mariadb -BNe "SELECT 1 FROM $1 > $since" | grep -q 1; }
  until_true 180 'nova-scheduler reports' reported "nova.services WHERE \`binary\`='nova-scheduler' AND last_seen_up"
  until_true 180 'nova-compute reports' reported "nova.services WHERE \`binary\`='nova-compute' AND last_seen_up"
  until_true 180 'l2agent reports' reported "neutron.agents WHERE heartbeat_timestamp"
  python3 "$HERE/fixtures.py" "http://$CLOUD:5000/v3" "$KEY.pub" >"$RUN/fixtures.json"
  say "cloud: up in $(($(now_ms) - t)) ms"
}

# write_credentials DIR: clouds.yaml (`lab` by TLS, `plain` without, `member` who may not) and an openrc
write_credentials() {
  mkdir -p "$1"
  (umask 077
  cat >"$1/clouds.yaml" <<Y
clouds:
  lab:
    auth: {auth_url: "https://$CLOUD:15000/v3", username: admin, password: lab, user_domain_name: Default, project_name: admin, project_domain_name: Default}
    region_name: TLS
    cacert: $RUN/tls/ca.crt
  plain:
    auth: {auth_url: "http://$CLOUD:5000/v3", username: admin, password: lab, user_domain_name: Default, project_name: admin, project_domain_name: Default}
    region_name: RegionOne
  member:
    auth: {auth_url: "https://$CLOUD:15000/v3", username: member, password: lab, user_domain_name: capi, project_name: capi-mgmt, project_domain_name: capi}
    region_name: TLS
    cacert: $RUN/tls/ca.crt
Y
  cat >"$1/openrc" <<R
export OS_AUTH_URL=https://$CLOUD:15000/v3 OS_CACERT=$RUN/tls/ca.crt OS_REGION_NAME=TLS OS_IDENTITY_API_VERSION=3
export OS_USERNAME=admin OS_PASSWORD=lab OS_USER_DOMAIN_NAME=Default OS_PROJECT_NAME=admin OS_PROJECT_DOMAIN_NAME=Default
R
  cat >"$1/openrc-plain" <<R
export OS_AUTH_URL=http://$CLOUD:5000/v3 OS_REGION_NAME=RegionOne OS_IDENTITY_API_VERSION=3
export OS_USERNAME=admin OS_PASSWORD=lab OS_USER_DOMAIN_NAME=Default OS_PROJECT_NAME=admin OS_PROJECT_DOMAIN_NAME=Default
R
  )
}

# cloud_requests SINCE: the requests that came in by TLS since then (`date +%s.%N`), one a line
cloud_requests() { at cloud journalctl -q -u haproxy -o cat --since "@$1" | grep -E '^127\.' || true; }
