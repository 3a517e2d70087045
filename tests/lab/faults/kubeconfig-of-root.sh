# The kubeconfig of one of two units is root's alone: the daemon runs as magnum and can't read it.
layer=driver-credential cause=kubeconfig-unusable what=magnum/1
evidence='root|magnum|read|0?600|[Pp]ermission'
odd=(comment-drop-in)
put() {
  kubeconfig_aside unit0
  at unit0 install -m 600 -o root -g root /root/kubeconfig.good /etc/magnum/kubeconfig
}
heal() { kubeconfig_back unit0; }
shown() { ! at unit0 runuser -u magnum -- cat /etc/magnum/kubeconfig; }
