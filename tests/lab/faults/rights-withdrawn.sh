# The ClusterRoleBinding of the driver's ServiceAccount was deleted: it is let in on one of two units, and may nothing.
layer=driver-credential cause=rights-missing what=magnum/1
evidence='forbidden|403|cannot|may not|not allowed'
odd=(foreign-binding)
put() {
  kubeconfig_aside unit0
  make_account
  kubeconfig_to unit0 <account.kubeconfig
  k delete clusterrolebinding magnum-driver-account
}
heal() { kubeconfig_back unit0; drop_account; }
shown() { conductor_told unit0 Forbidden; }
