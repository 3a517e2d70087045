# An addon of the cluster failed; everything else is ready.
layer=cluster-api cause=addon-failed
evidence='Failed'
odd=(failed-release)
put() { knob "$STACK" addon-failed; }
heal() { no_knobs; }
shown() { [[ $(k -n $NS get helmreleases.addons.stackhpc.com "$STACK-cni" -o json | jq -r .status.phase) = Failed ]]; }
