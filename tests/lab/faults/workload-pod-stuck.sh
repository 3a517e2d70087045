# A pod of the workload cluster waits for ever: its image can't be pulled.
patience=20
layer=workload cause=pod-stuck
evidence='ImagePullBackOff|Pending'
odd=(completed-pod cordoned-node)
put() { stuck_pod kube-system metrics-server; }
heal() { wk -n kube-system delete pod metrics-server --force --grace-period 0; }
shown() { waited_long && wk -n kube-system get pod metrics-server -o json | jq -e '.status.phase == "Pending"'; }
