# A file of the driver's package is gone: it is installed, its entry point is there, and it can't be imported.
layer=conductor cause=driver-not-importable what=magnum/1
evidence='driver_utils'
odd=(local-helm)
put() { at unit0 mv $SITE_PACKAGES/magnum_capi_helm/driver_utils.py /root/; at unit0 systemctl restart magnum-conductor; }
heal() { at unit0 mv /root/driver_utils.py $SITE_PACKAGES/magnum_capi_helm/; at unit0 systemctl restart magnum-conductor; }
shown() { ! at unit0 test -e $SITE_PACKAGES/magnum_capi_helm/driver_utils.py; }
