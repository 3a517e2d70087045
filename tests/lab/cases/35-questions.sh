# The questions about the management cluster, asked of the live one, at each set of served versions.
define questions 180 questions
define served-sets 300 served_sets

questions() {
  site_for . ssh cloud
  exits 0 omega --output json served-versions; cp out versions.json
  versions_in versions.json cluster.x-k8s.io clusters 'v1beta2 stored, v1beta1 deprecated'
  versions_in versions.json infrastructure.cluster.x-k8s.io openstackclusters 'v1beta1 stored'
  exits 0 omega --output json check-coherence
  same 'what is broken' '' "$(findings out broken)"
  # five controllers are there; the three that the lab has not are named, and none of the five
  exits 3 omega --output json check-constellation
  same 'the constellation' "addon-provider same 0.12.0; cert-manager missing; cluster-api same v1.13.2; janitor missing; \
kubeadm-bootstrap same v1.13.2; kubeadm-control-plane same v1.13.2; openstack-provider same v0.14.4; resource-controller missing" \
    "$(constellation out)"
  # helm's own list, one that failed among it, and a decoy: a secret with its labels and another type
  export KUBECONFIG=$RUN/mgmt.kubeconfig
  kubectl delete namespace questions --ignore-not-found --timeout 60s
  mkdir -p odd/templates; printf 'apiVersion: v2\nname: odd\nversion: 1.2.3\n' >odd/Chart.yaml
  echo '{apiVersion: v1, kind: ConfigMap, metadata: {name: x}, data: 1}' >odd/templates/x.yaml
  exits 1 helm install -n questions --create-namespace broken ./odd
  kubectl -n questions create secret generic decoy
  kubectl -n questions label secret decoy owner=helm name=decoy status=deployed version=1
  exits 0 omega --output json read-releases
  same 'the releases' "$(helm list -A --all -o json | python3 -c '
import json, sys
print(sorted((r["namespace"], r["name"], r["status"], r["chart"]) for r in json.load(sys.stdin)))')" "$(releases out)"
  grep -q '"broken"' out
  kubectl delete namespace questions --wait=false
}

served_sets() {
  site_for . ssh cloud
  trap serve EXIT
  serve provider=v1alpha7,v1beta1
  at_set 'v1beta2 stored, v1beta1 deprecated' 'v1beta1 stored, v1alpha7' 0 ''
  serve provider=v1beta1,-v1alpha6
  at_set 'v1beta2 stored, v1beta1 deprecated' 'v1beta1 stored, v1alpha6 unserved' 0 ''
  # what 1.3.0 reads is there, and not served
  sed -i 's/^driver = .*/driver = "1.3.0"/; s/1\.4\.0/1.3.0/g' omega.toml
  exits 4 omega --output json check-coherence
  same 'for 1.3.0' unserved-read "$(findings out broken)"
  sed -i 's/1\.3\.0/1.4.0/g' omega.toml
  serve core=v1beta2
  at_set 'v1beta2 stored, v1beta1 unserved deprecated' 'v1beta1 stored' 4 'unsafe-delete unserved-read unserved-write'
  grep -q 'coe cluster delete' out || fail 'the refusal does not name the delete'
  serve
  at_set 'v1beta2 stored, v1beta1 deprecated' 'v1beta1 stored' 0 ''
}

# at_set CORE PROVIDER EXIT BROKEN: what omega says is served, and what of it is broken
at_set() {
  exits 0 omega --output json served-versions
  versions_in out cluster.x-k8s.io clusters "$1"
  versions_in out controlplane.cluster.x-k8s.io kubeadmcontrolplanes "$1"
  versions_in out infrastructure.cluster.x-k8s.io openstackclusters "$2"
  exits "$3" omega --output json check-coherence
  same 'what is broken' "$4" "$(findings out broken)"
}

versions_in() { # FILE GROUP PLURAL EXPECTED
  same "$3" "$4" "$(python3 - "$@" <<'P'
import json, sys
file, group, plural, _ = sys.argv[1:]
definitions = json.load(open(file))["surface"]["definitions"]
one, = (d for d in definitions if (d["group"], d["plural"]) == (group, plural))
print(", ".join(" ".join([v["name"], *["unserved"] * (not v["served"]), *["stored"] * v["storage"], *["deprecated"] * v["deprecated"]])
                for v in one["versions"]))
P
)"
}
# of omega's last answer, as words
findings() { # FILE SEVERITY
  python3 -c 'import json, sys; print(*sorted({f["rule"] for f in json.load(open(sys.argv[1]))["findings"] if f["severity"] == sys.argv[2]}))' "$@"
}
constellation() { # FILE: of the controllers
  python3 -c 'import json, sys
print("; ".join(sorted(" ".join(filter(None, (c["part"]["controller"], c["standing"], c["found"])))
                       for c in json.load(open(sys.argv[1]))["comparisons"] if "controller" in c["part"])))' "$1"
}
releases() { # FILE
  python3 -c 'import json, sys
print(sorted((r["namespace"], r["name"], r["status"], "{chart}-{chart_version}".format(**r)) for r in json.load(open(sys.argv[1]))["releases"]))' "$1"
}
