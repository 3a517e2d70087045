# The driver's METADATA is empty, as after a power cut: which release it is can't be determined.
layer=conductor cause=driver-missing what=magnum/1
evidence='magnum_capi_helm-1\.4\.0\.dist-info.*METADATA'
odd=(local-helm)
put() { at unit0 sh -c "cd $SITE_PACKAGES/magnum_capi_helm-1.4.0.dist-info; cp -a METADATA /root/METADATA; : >METADATA"; }
heal() { at unit0 sh -c "cp -a /root/METADATA $SITE_PACKAGES/magnum_capi_helm-1.4.0.dist-info/METADATA; rm /root/METADATA"; }
shown() { at unit0 sh -c "! test -s $SITE_PACKAGES/magnum_capi_helm-1.4.0.dist-info/METADATA"; }
