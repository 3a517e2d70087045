# The management cluster's server is SHUTOFF: its API is gone with it.
layer=vm cause=vm-not-active what=capi-mgmt-v2
evidence='SHUTOFF'
odd=(error-server)
put() {
  act_on_server os-stop SHUTOFF
  end_daemon "$K/kube-apiserver.pid"
}
heal() {
  act_on_server os-start ACTIVE
  api_again
}
shown() { ! kube_alive; }
