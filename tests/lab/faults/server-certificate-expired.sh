# kube-apiserver shows a certificate that ended yesterday.
layer=kube-api cause=certificate-expired
evidence='expired'
odd=(expired-secret)
put() { serve_with expired; }
heal() { serve_with server; api_again; }
shown() { shows_certificate expired; }
