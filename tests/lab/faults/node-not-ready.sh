# The worker's kubelet stopped telling: its node is NotReady. The control plane's node is cordoned, which is no fault.
layer=workload cause=node-not-ready
evidence='NotReady|Ready|KubeletNotReady|NodeStatusUnknown'
odd=(cordoned-node)
put() { node_ready "$(worker_node)" Unknown NodeStatusUnknown; }
heal() { node_ready "$(worker_node)" True Lab; }
shown() { wk get node "$(worker_node)" -o json | jq -e '.status.conditions[] | select(.type == "Ready" and .status == "Unknown")'; }
