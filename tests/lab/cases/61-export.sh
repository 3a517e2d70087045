# export-kubernetes: what is exported is taken by the real API server, and run by the real CronJob and Job controllers;
# a stand-in for a kubelet (kube/jobs.py) runs the containers.
define export-kubernetes 1500 export_kubernetes

EXPORT_NS=omega
EXPORT_CANARY=canary-7b1f4f0c
# What the lab lacks: Juju and most of what is checked live. Three controllers are missing, which fails (60-drift.sh).
EXPORT_SKIP=(--skip live --skip constellation)
exported() { omega export kubernetes --site lab.toml --image lab.invalid/omega-cli:0.1.0 "$@"; }
in_omega() { kubectl --namespace $EXPORT_NS "$@"; }

# job_says NAME FILTER: jq on a Job
job_says() { in_omega get job "$1" -o json | jq -er "$2"; }
job_over() { job_says "$1" '.status.conditions // [] | any((.type == "Complete" or .type == "Failed") and .status == "True")'; }
# ended NAME: waits for a Job, and prints how it ended: Complete or the reason, how many pods failed, and the exit codes
ended() {
  until_true 180 "the job $1" job_over "$1" || { in_omega get job "$1" -o yaml; tail -n 30 pods/logs/"$1"* || true; fail "$1 did not end"; }
  job_says "$1" '[.status.conditions[] | select(.status == "True" and (.type == "Complete" or .type == "Failed")) | if .type == "Complete" then .type else .reason end] | last' | tr '\n' ' '
  printf 'failed %s, exit %s' "$(job_says "$1" '.status.failed // 0')" \
    "$(in_omega get pods -l "batch.kubernetes.io/job-name=$1" -o json | jq -r '[.items | sort_by(.metadata.creationTimestamp)[] | .status.containerStatuses[0].state.terminated.exitCode] | join(" ")')"
}
# look NAME: a look as the CronJob would begin one
look() { in_omega create job "$1" --from=cronjob/omega-drift-lab >/dev/null; ended "$1"; }
log_of() { cat pods/logs/"$1"-*; }

# every argument of every process, as long as the case runs
watch_arguments() {
  while :; do cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' '\n' | LC_ALL=C sort -u >>arguments || true; sleep 0.2; done
}

# the site's files, as its pods get them: what is in them must be nowhere else
export_site() {
  site_for . ssh cloud unit0
  cp omega.toml lab.toml
  mkdir -p for-pods
  sed "s|cacert: .*|cacert: cloud-ca.crt|; \$a# $EXPORT_CANARY" clouds.yaml >for-pods/clouds.yaml
  chmod 600 for-pods/clouds.yaml
}

export_clean() {
  # jobs first: a pod that is gone with its namespace keeps the finalizer of its job
  in_omega delete cronjobs,jobs --all --timeout 30s || true
  in_omega get pods -o name | xargs -rn 1 kubectl --namespace $EXPORT_NS patch --type merge --patch '{"metadata": {"finalizers": null}}' || true
  kill "${export_pids[@]}" 2>/dev/null || true
  kubectl delete namespace $EXPORT_NS --ignore-not-found --timeout 60s || true
  kubectl delete clusterrole,clusterrolebinding omega-drift-$EXPORT_NS --ignore-not-found
  kubectl delete crd prometheusrules.monitoring.coreos.com --ignore-not-found
}

export_kubernetes() {
  local crds began
  up_unit unit0
  export_site
  OMEGA_WITHIN=500 exits 0 omega apply graft --yes
  OMEGA_ENV=(OS_CLIENT_CONFIG_FILE="$PWD/for-pods/clouds.yaml")
  export KUBECONFIG=$RUN/mgmt.kubeconfig
  export_pids=()
  export_clean
  trap export_clean EXIT

  # the objects are valid: by the API server's own schemas, and by that of the Prometheus operator
  crds=$(cd "$HERE/kube/prometheus" && go mod download -json github.com/prometheus-operator/prometheus-operator | jq -r .Dir)
  kubectl apply --server-side -f "$crds/example/prometheus-operator-crd/monitoring.coreos.com_prometheusrules.yaml"
  kubectl wait --for condition=established --timeout 60s crd/prometheusrules.monitoring.coreos.com
  exits 0 exported "${EXPORT_SKIP[@]}" --schedule '* * * * *' --output-dir k8s
  kubectl apply --server-side --validate=strict -f k8s/00-namespace.yaml
  kubectl apply --server-side --dry-run=server --validate=strict -f k8s
  exits 0 exported "${EXPORT_SKIP[@]}"; cp out stream.yaml
  kubectl apply --server-side --dry-run=server --validate=strict -f stream.yaml
  exits 0 exported "${EXPORT_SKIP[@]}" --output json; cp out list.json
  kubectl apply --server-side --dry-run=server --validate=strict -f list.json
  exits 0 exported "${EXPORT_SKIP[@]}" --once --output json
  kubectl apply --server-side --dry-run=server --validate=strict -f out
  # a field that is not one is refused, so the validation looks
  sed 's/concurrencyPolicy/concurencyPolicy/' k8s/60-cronjob.yaml >odd.yaml
  exits 1 kubectl apply --server-side --dry-run=server --validate=strict -f odd.yaml

  # the Secret, by the very command; then all of it
  cat k8s/secrets.sh
  sed -i '$ s|$| --from-file=cloud-ca.crt='"$RUN/tls/ca.crt"'|' k8s/secrets.sh
  sh k8s/secrets.sh
  watch_arguments & export_pids+=($!)
  kubectl apply --server-side --validate=strict -f k8s 2>warnings
  ! grep -q 'PodSecurity' warnings || { cat warnings; fail 'a pod is not restricted'; }
  daemon "$PWD" jobs "$LAB/osc/bin/python" -uB "$HERE/kube/jobs.py" $EXPORT_NS omega-node "$(built bin omega-cli)" "$PWD/pods"
  export_pids+=("$(cat jobs.pid)")
  until_true 60 'the node' kubectl get node omega-node

  # the CronJob controller begins a look by itself, which records the baseline
  began=$(date +%s)
  scheduled() { in_omega get jobs -o json | jq -er '[.items[] | select(.metadata.ownerReferences[0].kind == "CronJob") | .metadata.name] | first'; }
  until_true 90 'a job of the schedule' scheduled
  first=$(scheduled)
  in_omega patch cronjob omega-drift-lab --type merge --patch '{"spec": {"suspend": true}}'
  same 'the first look' 'Complete failed 0, exit 0' "$(ended "$first")"
  grep -q 'recorded' <(log_of "$first") || { log_of "$first"; fail 'the first look recorded nothing'; }
  for job in $(in_omega get jobs -o name); do ended "${job#*/}"; done
  echo "the first look: $(($(date +%s) - began)) s after the schedule was applied"

  # the next pod finds it, and it is still its owner's alone
  same 'a second look' 'Complete failed 0, exit 0' "$(look second)"
  grep -q 'nothing differs' <(log_of second) || { log_of second; fail 'the baseline did not stay'; }
  same 'baselines' 1 "$(find pods/claims/omega-drift-lab -name baseline.json | wc -l)"
  same 'owner and mode of the baseline' '65532 600' "$(find pods/claims/omega-drift-lab -name baseline.json -printf '%U %m\n')"
  same 'tokens of the cloud that stay' '' "$(find pods/claims -path '*tokens*')"

  # what changes on the site fails the job, once; so does what a rule says
  at unit0 cp -p /etc/default/magnum-conductor /root/defaults
  at unit0 sh -c "printf '%s\n' '# Written by a hook; changes are lost.' 'DAEMON_ARGS=\"\$DAEMON_ARGS --debug\"' >/etc/default/magnum-conductor"
  same 'a look after a change' 'PodFailurePolicy failed 1, exit 2' "$(look changed)"
  grep -q 'was rewritten' <(log_of changed) || { log_of changed; fail 'the change is not named'; }
  at unit0 mv /root/defaults /etc/default/magnum-conductor
  same 'a look after it is over' 'Complete failed 0, exit 0' "$(look over)"
  exits 0 exported --skip live --once --output-dir once
  kubectl apply --server-side --validate=strict -f once/20-clusterrole.yaml -f once/60-job.yaml
  same 'three controllers are missing, and all may be read' 'PodFailurePolicy failed 1, exit 3' "$(ended omega-drift-lab-once)"
  grep -q 'cert-manager' <(log_of omega-drift-lab-once)
  ! grep -q '^  ?' <(log_of omega-drift-lab-once) || { log_of omega-drift-lab-once; fail 'something could not be read'; }
  kubectl apply --server-side --force-conflicts -f k8s/20-clusterrole.yaml

  # a right that is withdrawn is unknown, and is tried once more
  kubectl delete clusterrolebinding omega-drift-$EXPORT_NS
  same 'a look without rights' 'BackoffLimitExceeded failed 2, exit 1 1' "$(look forbidden)"
  grep -q 'customresourcedefinitions' <(log_of forbidden) || { log_of forbidden; fail 'the right is not named'; }
  kubectl apply --server-side -f k8s/30-clusterrolebinding.yaml
  same 'a look with them again' 'Complete failed 0, exit 0' "$(look allowed)"

  export_least_rights
  export_no_secret
}

# the account may do what a look does, and nothing else
export_least_rights() {
  local as=system:serviceaccount:$EXPORT_NS:omega-drift one
  may() { kubectl auth can-i --quiet --as $as "$@"; }
  may list customresourcedefinitions.apiextensions.k8s.io || fail 'it may not list definitions'
  for one in 'list secrets -A' 'get secrets -n omega' 'list secrets -n default' 'list configmaps -n omega' 'create pods -n omega' \
    'delete jobs.batch -n omega' 'patch customresourcedefinitions.apiextensions.k8s.io' 'get customresourcedefinitions.apiextensions.k8s.io' \
    'watch customresourcedefinitions.apiextensions.k8s.io' 'list clusters.cluster.x-k8s.io -A' 'list deployments.apps -A' 'create serviceaccounts/token -n omega' 'escalate clusterroles'; do
    # shellcheck disable=SC2086
    ! may $one || fail "it may $one"
  done
  same 'rights in all' 'list customresourcedefinitions.apiextensions.k8s.io' \
    "$(kubectl get clusterrole omega-drift-$EXPORT_NS -o json | jq -r '.rules[] | "\(.verbs | join(",")) \(.resources | join(",")).\(.apiGroups | join(","))"')"
}

# what is in the Secret is in no argument, object, event, log or baseline
export_no_secret() {
  local key found
  sleep 1
  # what is looked for is an argument from here on
  kill "${export_pids[0]}"; wait "${export_pids[0]}" || true
  in_omega get all,configmaps,events,persistentvolumeclaims,prometheusrules -o yaml >objects.yaml
  in_omega get pods -o name | grep -q pod/ || fail 'no pod is left to look at'
  key=$(sed -n 3p key); [[ ${#key} -gt 40 ]]
  no_secret_in arguments objects.yaml pods k8s once stream.yaml list.json out err
  found=$(grep -rlF -e "$EXPORT_CANARY" -e "$key" arguments objects.yaml pods k8s once stream.yaml list.json || true)
  same 'what is in the Secret is in' '' "$found"
  grep -q 'omega-cli' arguments || fail 'no argument was seen'
}
