# The kubeconfig of one of two units leads to an address where no API server is; the operator's leads to the right one.
layer=driver-credential cause=management-unreachable what=magnum/1
evidence='127\.77\.2\.9'
odd=(wide-rule)
put() {
  kubeconfig_aside unit0
  at unit0 sed 's/127\.77\.2\.1:/127.77.2.9:/' /root/kubeconfig.good | kubeconfig_to unit0
}
heal() { kubeconfig_back unit0; }
shown() { ! conductor_authenticates unit0; }
