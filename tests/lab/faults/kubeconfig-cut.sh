# The kubeconfig of one of two units ends in the middle of its certificate, as a full disk leaves it.
layer=driver-credential cause=kubeconfig-unusable what=magnum/1
evidence='/etc/magnum/kubeconfig|[Yy][Aa][Mm][Ll]|user|parse'
odd=(old-kubeconfig)
put() {
  kubeconfig_aside unit0
  at unit0 head -c 900 /root/kubeconfig.good | kubeconfig_to unit0
}
heal() { kubeconfig_back unit0; }
shown() { ! conductor_authenticates unit0; }
