# A file that is read after the drop-in sets kubeconfig_file otherwise: the drop-in is there, right, and without effect.
layer=conductor cause=option-overridden what=magnum/1
evidence='99-site\.conf.*00-capi-helm\.conf'
odd=(comment-drop-in)
put() { other_file unit0 99-site 'capi_helm' 'kubeconfig_file = /etc/magnum/kubeconfig.site'; }
heal() { no_other_file unit0 99-site; }
shown() { at unit0 test -e /etc/magnum/magnum.conf.d/99-site.conf; }
