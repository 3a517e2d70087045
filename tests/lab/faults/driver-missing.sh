# The driver was uninstalled on one of two units, and the conductor restarted.
layer=conductor cause=driver-missing what=magnum/1
evidence='magnum.capi.helm'
odd=(local-helm)
put() {
  at unit0 python3 -m pip uninstall -qy --break-system-packages --root-user-action=ignore magnum-capi-helm
  at unit0 systemctl restart magnum-conductor
}
heal() {
  at unit0 python3 -m pip install -q --no-index --no-deps --break-system-packages --root-user-action=ignore /opt/wheels/magnum_capi_helm-1.4.0-py3-none-any.whl
  at unit0 systemctl restart magnum-conductor
}
shown() { ! at unit0 python3 -c 'import magnum_capi_helm'; }
