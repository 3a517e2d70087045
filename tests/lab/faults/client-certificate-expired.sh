# The driver's client certificate, on one of two units, ended yesterday.
layer=driver-credential cause=kubeconfig-expired what=magnum/1
evidence='expired|notAfter|not after|ended'
odd=(old-kubeconfig expired-secret)
put() {
  kubeconfig_aside unit0
  kubeconfig "$(expired_client)" | kubeconfig_to unit0
}
heal() { kubeconfig_back unit0; }
shown() { conductor_told unit0 'logged in'; }
