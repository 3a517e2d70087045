# Magnum's configuration names the driver in disabled_drivers: it is not loaded.
layer=conductor cause=driver-disabled what=magnum/1
evidence='50-drivers\.conf'
odd=(comment-drop-in)
put() { other_file unit0 50-drivers drivers 'disabled_drivers = k8s_capi_helm_v1'; }
heal() { no_other_file unit0 50-drivers; }
shown() { at unit0 test -e /etc/magnum/magnum.conf.d/50-drivers.conf; }
