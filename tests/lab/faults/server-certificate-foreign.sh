# kube-apiserver shows a certificate of a CA that no kubeconfig knows.
layer=kube-api cause=certificate-untrusted
evidence='[Uu]nknown|[Ii]ssuer|self.signed|verif|trust'
odd=(expired-secret)
put() { serve_with foreign; }
heal() { serve_with server; api_again; }
shown() { shows_certificate foreign; }
