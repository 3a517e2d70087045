# The kubeconfig of one of two units leads to an address that the API server's certificate is not for.
layer=driver-credential cause=certificate-untrusted what=magnum/1
evidence='TLS.*(127\.77\.2\.9|match)'
odd=(wide-rule)
put() {
  tls_server "$K/server.crt" "$K/server.key"
  kubeconfig_aside unit0
  at unit0 sed 's/127\.77\.2\.1:/127.77.2.9:/' /root/kubeconfig.good | kubeconfig_to unit0
}
heal() { kubeconfig_back unit0; no_tls_server; }
shown() { ! conductor_authenticates unit0; }
