# The kubeconfig of one of two units names another CA than the one that signed the API server's certificate.
layer=driver-credential cause=certificate-untrusted what=magnum/1
evidence='TLS.*(verif|self.signed|issuer)'
odd=(wide-rule)
put() {
  kubeconfig_aside unit0
  at unit0 sed "s|\(certificate-authority-data: *\)[^,} ]*|\1$(base64 -w0 "$(foreign_ca)")|" /root/kubeconfig.good | kubeconfig_to unit0
}
heal() { kubeconfig_back unit0; }
shown() { ! conductor_authenticates unit0; }
