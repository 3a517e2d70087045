# The metadata of another release of the driver was left beside the one that is installed.
layer=conductor cause=driver-conflict what=magnum/1
evidence='1\.3\.0.*magnum_capi_helm-1\.3\.0\.dist-info|magnum_capi_helm-1\.3\.0\.dist-info'
odd=(local-helm)
put() {
  at unit0 sh -c "cd $SITE_PACKAGES; mkdir magnum_capi_helm-1.3.0.dist-info; cp magnum_capi_helm-1.4.0.dist-info/entry_points.txt magnum_capi_helm-1.3.0.dist-info
    sed 's/^Version: .*/Version: 1.3.0/' magnum_capi_helm-1.4.0.dist-info/METADATA >magnum_capi_helm-1.3.0.dist-info/METADATA"
}
heal() { at unit0 rm -r $SITE_PACKAGES/magnum_capi_helm-1.3.0.dist-info; }
shown() { at unit0 test -d $SITE_PACKAGES/magnum_capi_helm-1.3.0.dist-info; }
