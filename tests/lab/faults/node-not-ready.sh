# The kubelets stopped telling: the nodes are NotReady. The control plane's node is cordoned, which is no fault.
layer=workload cause=node-not-ready
evidence='NotReady|Ready|KubeletNotReady|NodeStatusUnknown'
odd=(cordoned-node)
put() { knob "$STACK" node-not-ready; }
heal() { no_knobs; }
shown() { wk get node "$(worker_node)" -o json | jq -e '.status.conditions[] | select(.type == "Ready" and .status == "Unknown")'; }
