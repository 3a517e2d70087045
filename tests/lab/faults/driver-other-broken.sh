# Another driver's package is left over without its module: Magnum imports every driver, and fails at this one.
layer=conductor cause=driver-not-importable what=magnum/1
evidence='k8s_left_over_v1'
odd=(local-helm)
put() { other_driver unit0 k8s_left_over_v1 left_over; at unit0 rm $SITE_PACKAGES/left_over.py; at unit0 systemctl restart magnum-conductor; }
heal() { no_other_driver unit0 left_over; }
shown() { at unit0 test -d $SITE_PACKAGES/left_over-0.1.dist-info; }
