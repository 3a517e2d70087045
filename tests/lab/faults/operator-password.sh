# The operator's password in clouds.yaml is not Keystone's any more.
layer=cloud cause=credentials-refused
evidence='401|[Uu]nauthorized|refused'
odd=(old-kubeconfig)
put() { sed -i.good 's/password: lab/password: summer/' clouds.yaml; }
heal() { mv clouds.yaml.good clouds.yaml; }
shown() { grep -q 'password: summer' clouds.yaml; }
