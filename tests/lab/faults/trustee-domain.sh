# The domain of Magnum's trustees is disabled: it makes no trustee for a new cluster, and those there get no token.
layer=cloud cause=trustee-domain
evidence='disabled|domain'
odd=(old-kubeconfig)
put() { enable_domain magnum false; }
heal() { enable_domain magnum true; }
shown() { [[ $(api GET "$KEYSTONE/domains?name=magnum" | jq '.domains[0].enabled') = false ]]; }
