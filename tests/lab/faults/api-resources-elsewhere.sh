# The drop-in does not set api_resources, and a later file does: the driver reads Cluster at v1beta2.
layer=conductor cause=api-resources what=magnum/1
evidence='99-site\.conf'
odd=(comment-drop-in)
put() { other_file unit0 99-site 'capi_helm' 'api_resources = {"Cluster": {"api_version": "cluster.x-k8s.io/v1beta2"}}'; }
heal() { no_other_file unit0 99-site; }
shown() { at unit0 test -e /etc/magnum/magnum.conf.d/99-site.conf; }
