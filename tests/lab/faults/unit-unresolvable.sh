# The kubeconfig of one of two units has a name for the API server that the unit can't resolve.
layer=driver-credential cause=management-unreachable what=magnum/1
evidence='management\.invalid'
odd=(wide-rule foreign-cluster)
put() {
  kubeconfig_aside unit0
  at unit0 sed 's/127\.77\.2\.1:/management.invalid:/' /root/kubeconfig.good | kubeconfig_to unit0
}
heal() { kubeconfig_back unit0; }
shown() { ! conductor_authenticates unit0; }
