# The kubeconfig of one of two units leads to another address of the API, whose certificate ended yesterday.
layer=driver-credential cause=certificate-expired what=magnum/1
evidence='TLS.*expired'
odd=(expired-secret)
put() {
  [[ late.crt -nt $K/ca.crt ]] || { openssl req -newkey rsa:2048 -nodes -subj /CN=late -keyout late.key -out late.csr 2>/dev/null
    dated_certificate late.csr subjectAltName=IP:127.77.2.9 late.crt; }
  tls_server late.crt late.key
  kubeconfig_aside unit0
  at unit0 sed 's/127\.77\.2\.1:/127.77.2.9:/' /root/kubeconfig.good | kubeconfig_to unit0
}
heal() { kubeconfig_back unit0; no_tls_server; }
shown() { ! conductor_authenticates unit0; }
