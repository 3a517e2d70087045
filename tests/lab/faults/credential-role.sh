# The cluster's application credential carries member alone: Keystone lets it in, Octavia does not.
layer=cluster-credential cause=role-missing
evidence='load-balancer_member'
odd=(stray-credential)
put() { new_credential member; }
heal() { new_credential; }
shown() { credential_works && ! credential_reaches_octavia && object openstackcluster .status.conditions | grep -q 403; }
