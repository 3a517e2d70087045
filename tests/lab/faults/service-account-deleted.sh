# The driver's token is of a ServiceAccount that was deleted: one of two units is answered 401.
layer=driver-credential cause=credential-refused what=magnum/1
evidence='401|[Uu]nauthorized'
odd=(old-kubeconfig)
put() {
  kubeconfig_aside unit0
  make_account
  kubeconfig_to unit0 <account.kubeconfig
  k -n kube-system delete serviceaccount magnum-driver
}
heal() { kubeconfig_back unit0; drop_account; }
shown() { conductor_told unit0 'logged in'; }
