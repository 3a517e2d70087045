# The kubeconfig of one of two units belongs to the user who copied it, 0600: the daemon's user can't read it.
layer=driver-credential cause=kubeconfig-unusable what=magnum/1
evidence='[Pp]ermission'
odd=(old-kubeconfig)
put() {
  kubeconfig_aside unit0
  at unit0 install -m 600 -o ubuntu -g ubuntu /root/kubeconfig.good /etc/magnum/kubeconfig
}
heal() { kubeconfig_back unit0; }
shown() { ! at unit0 runuser -u magnum -- cat /etc/magnum/kubeconfig; }
