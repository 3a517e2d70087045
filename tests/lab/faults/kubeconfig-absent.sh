# No kubeconfig on one of two units; an older one lies beside its place.
layer=driver-credential cause=kubeconfig-unusable what=magnum/1
evidence='/etc/magnum/kubeconfig'
odd=(old-kubeconfig)
put() { kubeconfig_aside unit0; }
heal() { kubeconfig_back unit0; }
shown() { ! at unit0 test -e /etc/magnum/kubeconfig; }
