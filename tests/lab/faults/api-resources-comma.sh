# The drop-in's api_resources has a trailing comma, as the option's own help shows it: no JSON, so the driver can't be imported.
layer=conductor cause=api-resources what=magnum/1
evidence='api_resources'
odd=(local-helm)
put() { api_resources unit0 '{"Manifests": {"api_version": "addons.stackhpc.com/v1alpha1"},}'; }
heal() { api_resources unit0; }
shown() { at unit0 grep -q '},}' $DROP_IN; }
