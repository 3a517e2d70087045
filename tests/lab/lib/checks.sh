# What the cases hold omega to. Each looks for itself, with the machine's own programs.
fail() { echo "FAILED: $*" >&2; exit 1; }
same() { # WHAT WANTED FOUND
  [[ $2 = "$3" ]] || fail "$1: wanted $2, found $3"
}
same_file() { # WHAT WANTED FOUND
  diff -u --label before --label after "$2" "$3" || fail "$1 differs"
}

# grafted UNIT: all that phase 07 wants of a unit
grafted() {
  local u=$1 args path=/sbin:/usr/sbin:/bin:/usr/bin conf=/etc/magnum/magnum.conf.d/00-capi-helm.conf pid
  same 'kubeconfig' "$(sha_of mgmt.kubeconfig)" "$(at "$u" sha256sum /etc/magnum/kubeconfig | cut -d' ' -f1)"
  same 'kubeconfig, owner and mode' 'magnum:magnum 600' "$(at "$u" stat -c '%U:%G %a' /etc/magnum/kubeconfig)"
  same 'driver' 1.4.0 "$(at "$u" python3 -c 'import importlib.metadata as m; print(m.version("magnum-capi-helm"))')"
  same 'entry point' k8s_capi_helm_v1 "$(at "$u" python3 -c 'import importlib.metadata as m
print(*[e.name for e in m.entry_points(group="magnum.drivers") if e.load().__module__.startswith("magnum_capi_helm")])' 2>/dev/null)"
  same 'helm on the path of the daemon' "$(sha_of "$LAB/bin/helm")" \
    "$(at "$u" sh -c "PATH=$path; sha256sum \$(readlink -f \$(command -v helm))" | cut -d' ' -f1)"
  same 'drop-in, owner and mode' 'root:root 644' "$(at "$u" stat -c '%U:%G %a' $conf)"
  same 'drop-in' '/etc/magnum/kubeconfig http://127.77.2.1:8879 openstack-cluster 0.25.1' "$(at "$u" python3 -c "
import configparser; c = configparser.ConfigParser(); c.read('$conf', 'ascii'); c = c['capi_helm']
print(c['kubeconfig_file'], c['helm_chart_repo'], c['helm_chart_name'], c['default_helm_chart_version'])")"
  same 'show-args, --config-dir' 1 "$(at "$u" /etc/init.d/magnum-conductor show-args | grep -o -- '--config-dir /etc/magnum/magnum.conf.d' | wc -l)"
  same 'conductor' active "$(at "$u" systemctl is-active magnum-conductor)"
  pid=$(at "$u" systemctl show magnum-conductor -p MainPID --value)
  args=$(at "$u" ps -ww -p "$pid" -o args=)
  same 'command line, --config-dir' 1 "$(grep -o -- '--config-dir' <<<"$args" | wc -l)"
  at "$u" sh -c "began=\$(systemctl show magnum-conductor --timestamp=unix -p ExecMainStartTimestamp --value | tr -d @)
    for f in /etc/magnum/kubeconfig $conf /etc/default/magnum-conductor /usr/local/lib/python3*/dist-packages/magnum_capi_helm-*/METADATA; do
      [ \$(stat -c %Y \$f) -le \$began ] || { echo \"FAILED: \$f is newer than the process\"; exit 1; }; done"
  same 'leftovers' '' "$(at "$u" sh -c 'ls /etc/magnum/magnum.conf.d/99-capi.conf /etc/systemd/system/magnum-*.service.d/override.conf 2>/dev/null || true')"
  same 'ExecStart' 1 "$(at "$u" systemctl show magnum-conductor -p ExecStart --value | grep -c 'argv\[\]=/etc/init.d/magnum-conductor systemd-start')"
  at "$u" sudo -u magnum env -i PATH=$path HOME=/var/lib/magnum helm --kubeconfig /etc/magnum/kubeconfig list -A >/dev/null
  echo "grafted: $u"
}

# process_of UNIT: which conductor runs, to see that it was left alone
process_of() { at "$1" systemctl show magnum-conductor -p MainPID,ExecMainStartTimestamp --value | tr '\n' ' '; }

# no_secret_in PATH...: nothing there holds the kubeconfig's private key
no_secret_in() {
  local key found
  key=$(sed -n 's/.*client-key-data: \([A-Za-z0-9+/=]*\).*/\1/p' "$RUN/mgmt.kubeconfig"); [[ ${#key} -gt 100 ]]
  found=$(grep -rlF -e "${key:200:60}" -e "$(base64 -d <<<"$key" | sed -n 3p)" "$@" || true)
  same 'the private key is in' '' "$found"
}

# rules: every security group rule in the cloud, without ids
no_rules_left() { python3 "$HERE/rules.py" "http://$CLOUD:5000/v3" clear capi-mgmt-sg; }
rules() { python3 "$HERE/rules.py" "http://$CLOUD:5000/v3" | sort; }

# changed_rules: how the cloud's rules differ from the file rules.before, "+ RULE" and "- RULE"
changed_rules() { rules >rules.now; diff rules.before rules.now | sed -n 's/^> /+ /p; s/^< /- /p' || true; }

# cloud_objects: all networks, routers, addresses, load balancers ... in the cloud, one a line
cloud_objects() { python3 "$HERE/objects.py" "http://$CLOUD:5000/v3" | sort; }

# back: every run is rolled back, the latest first, and unit0 and the rules are as in the files before and rules.before
back() {
  local run
  exits 0 omega runs --output json
  for run in $(jq -r '.runs[] | select((.rolls_back // []) == [] and (.changes != 0 or (.uncertain // 0) > 0)) | .id' out); do
    omega rollback --run "$run" --yes || { [[ $? = 4 ]] && grep -q 'a restart needs no undo' err; } || fail "rollback of $run"
  done
  snapshot unit0 >rolled; same_file 'rolled back' before rolled
  rules >rules.rolled; same_file 'rules rolled back' rules.before rules.rolled
  rm -rf home/.local/state
}
