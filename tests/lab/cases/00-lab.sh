# The lab itself: before omega is held to anything, the yardsticks are.
define lab-cloud 120 lab_cloud
define lab-starts 300 lab_starts
define lab-kube 120 lab_kube

lab_cloud() {
  local url=https://$CLOUD:15000/v3 token
  curl -sf --cacert "$RUN/tls/ca.crt" $url | grep -q "https://$CLOUD:15000/v3/"
  ! curl -sf $url 2>/dev/null || fail 'a client without the CA was let in'
  rules >rules; grep -c 'capi-mgmt-sg ingress IPv4 tcp 6443' rules
  same 'groups named capi-mgmt-sg' 2 "$(grep ' capi-mgmt-sg ' rules | cut -d' ' -f1 | sort -u | wc -l)"
  write_credentials .
  PYTHONWARNINGS=ignore OS_CLIENT_CONFIG_FILE=$PWD/clouds.yaml "$LAB/osc/bin/openstack" --os-cloud lab coe cluster list
  cloud_requests "$(($(date +%s) - 20))" | tail -n 5 | tee requests; grep -q container-infra requests
}

lab_starts() {
  local s variant
  install -m 600 "$RUN/mgmt.kubeconfig" mgmt.kubeconfig
  for s in fresh half graft-130 doc08 hook whole; do
    variant=stock; case $s in half) variant=bare ;; graft-130 | whole) variant=jammy ;; esac
    up_unit unit0 $variant
    snapshot unit0 >before
    start_at unit0 $s
    snapshot unit0 >after
    echo "== $s ($variant)"; diff before after | grep -v -e '\.py ' -e dist-packages/magnum_capi_helm || true
    if [[ $s = whole ]]; then grafted unit0; elif (grafted unit0) >/dev/null 2>&1; then fail "$s passes for grafted"; fi
    case $s in
      graft-130) at unit0 python3 -m pip --version | grep -q '^pip 22.0.2 ' ;;
      doc08) at unit0 ps -ww -C magnum-conductor -o args= | grep -q -- '--config-dir=/etc/magnum/magnum.conf.d' ;;
      hook) at unit0 ps -ww -C magnum-conductor -o args= | grep -q -- --debug ;;
    esac
    end_machine unit0
  done
}

lab_kube() {
  local ns; ns=magnum-$(fixture project)
  helm --kubeconfig "$RUN/mgmt.kubeconfig" list -A
  helm --kubeconfig "$RUN/least.kubeconfig" list -n "$ns"
  ! helm --kubeconfig "$RUN/least.kubeconfig" list -A 2>/dev/null || fail 'least rights are not least'
  kubectl --kubeconfig "$RUN/mgmt.kubeconfig" get --raw /apis/cluster.x-k8s.io | grep -q v1beta1
}
