# A real cluster's delete hangs, for its credential is gone and its provider does not finish; omega lets it go.
define stuck-delete 900 stuck_delete

in_cloud() { python3 "$HERE/stuck.py" "http://$CLOUD:5000/v3" "$@"; }
held() { kubectl --kubeconfig "$RUN/mgmt.kubeconfig" -n "$1" get -o name clusters,openstackclusters,machines,openstackmachines,kubeadmcontrolplanes 2>/dev/null | grep "/$2" | sort || true; }
waits_for_provider() { [[ $(held "$1" "$2" | sed 's|\..*||' | sort -u | xargs) = 'cluster openstackcluster' ]]; }
says() { tr -s ' \n' ' ' <err | grep -qF -e "$1" || fail "stderr does not say: $1"; } # its lines are wrapped
pause() { kubectl --kubeconfig "$RUN/mgmt.kubeconfig" -n "$ns" patch clusters.cluster.x-k8s.io "$stack" --type merge -p "{\"spec\": {\"paused\": $1}}"; }
magnum_says() { [[ $(in_cloud status "$1") = "$2" ]]; }

stuck_delete() {
  local name=stuck stack ns id secret
  site_for . ssh cloud
  OMEGA_WITHIN=400 exits 0 omega apply graft --yes # Magnum makes no template for a driver that it does not have
  sed -i 's/^name = "lab"/name = "plain"/' omega.toml # the TLS region has no Octavia
  stack=$(in_cloud make $name)
  ns=$(kubectl --kubeconfig "$RUN/mgmt.kubeconfig" get cluster -A -o jsonpath="{.items[?(@.metadata.name=='$stack')].metadata.namespace}")
  secret=$stack-cloud-credentials
  [[ $(in_cloud ours "$ns" "$stack" | wc -l) -ge 6 ]] || fail 'the stand-in made too little'
  in_cloud decoys "$ns" "$stack" decoys.json

  # while it lives, nothing is done
  exits 4 omega release-stuck-delete --yes --cluster $name
  says 'Magnum is not deleting it: its status is CREATE_COMPLETE'

  printf '%s-* stuck-delete\n' $name >>"$K/knobs"
  id=$(kubectl --kubeconfig "$RUN/mgmt.kubeconfig" -n "$ns" get secret "$secret" -o jsonpath='{.data.clouds\.yaml}' | base64 -d |
    "$LAB/osc/bin/python" -c 'import sys, yaml; print(yaml.safe_load(sys.stdin)["clouds"]["openstack"]["auth"]["application_credential_id"])')
  in_cloud forget "$id"
  in_cloud delete $name
  until_true 60 'only the provider holds it' waits_for_provider "$ns" "$stack"
  magnum_says $name DELETE_IN_PROGRESS

  # first patience, then the credential; no finalizer is touched
  held "$ns" "$stack" >held.before
  in_cloud ours "$ns" "$stack" >ours.before
  exits 3 omega release-stuck-delete --yes --cluster $name
  says 'the controllers made progress'
  exits 3 omega release-stuck-delete --yes --cluster $name --patience 1s
  says 'Could not find Application Credential'
  says '--credential-from FILE'
  pause true
  exits 3 omega release-stuck-delete --yes --cluster $name --patience 1s
  says 'it is paused'
  pause false
  exits 64 omega release-stuck-delete --yes --cluster $name --namespace magnum-nosuch
  held "$ns" "$stack" >held.after; same_file 'what holds it' held.before held.after

  # one that is of no use is not put there
  (umask 077; in_cloud credential bad.yaml; sed -i 's/"application_credential_secret": "./&x/' bad.yaml)
  exits 4 omega release-stuck-delete --yes --cluster $name --patience 1s --credential-from bad.yaml
  (umask 077; in_cloud credential good.yaml)
  exits 2 omega release-stuck-delete --cluster $name --patience 1s --wait 4s --credential-from good.yaml --plan
  held "$ns" "$stack" >held.after; same_file 'what holds it' held.before held.after
  in_cloud ours "$ns" "$stack" >ours.after; same_file 'what is in the cloud' ours.before ours.after

  exits 0 omega release-stuck-delete --yes --cluster $name --patience 1s --wait 4s --credential-from good.yaml
  same 'what is held' '' "$(held "$ns" "$stack")"
  same 'what is in the cloud' '' "$(in_cloud ours "$ns" "$stack")"
  in_cloud still decoys.json
  no_token_in out err home/.local/state
  until_true 60 'Magnum ends the delete' magnum_says $name ''

  # Magnum knows it no more: its namespace tells the project, where something is left
  in_cloud leave "$ns" "$stack"
  exits 0 omega release-stuck-delete --yes --cluster "$stack" --namespace "$ns"
  same 'what is in the cloud' '' "$(in_cloud ours "$ns" "$stack")"
  in_cloud still decoys.json
  exits 0 omega release-stuck-delete --yes --cluster "$stack" --namespace "$ns" --output json
  grep -q '"converged": true' out
  sed -i "/^$name-\* stuck-delete/d" "$K/knobs"
  in_cloud away decoys.json
  # what its servers would be, to the stand-in: nobody is left to end them
  local daemon; for daemon in kube-apiserver etcd; do end_daemon "$K/workload/$stack/$daemon.pid"; done
  rm -rf "$K/workload/$stack"
}

# no_token_in PATH...: nothing there holds the secret of the new credential
no_token_in() {
  local secret found
  secret=$(python3 -c 'import json; print(json.load(open("good.yaml"))["clouds"]["openstack"]["auth"]["application_credential_secret"])')
  [[ ${#secret} -gt 40 ]]
  found=$(grep -rlF -e "$secret" -e "$(printf %s "$secret" | base64 -w0 | cut -c5-45)" "$@" || true)
  same 'the secret is in' '' "$found"
}
