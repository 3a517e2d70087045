# The cluster's application credential was deleted in Keystone.
layer=cluster-credential cause=credential-refused
evidence='401|[Uu]nauthorized|refused|[Nn]ot found|404'
odd=(stray-credential)
put() { delete_credential; }
heal() { new_credential; }
shown() { ! credential_works; }
