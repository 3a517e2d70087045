# Another distribution has a driver for the same clusters (vm, ubuntu, kubernetes): Magnum uses the one that it reads last.
layer=conductor cause=driver-conflict what=magnum/1
evidence='k8s_cluster_api_ubuntu'
odd=(local-helm)
put() { other_driver unit0 k8s_cluster_api_ubuntu other_capi; at unit0 systemctl restart magnum-conductor; }
heal() { no_other_driver unit0 other_capi; }
shown() { at unit0 test -d $SITE_PACKAGES/other_capi-0.1.dist-info; }
