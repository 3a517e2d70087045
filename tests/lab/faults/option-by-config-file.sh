# A --config-file behind the graft's --config-dir sets another chart: oslo.config reads it last.
layer=conductor cause=option-overridden what=magnum/1
evidence='/etc/magnum/site\.conf'
odd=(comment-drop-in)
put() {
  printf '[capi_helm]\ndefault_helm_chart_version = 0.1.0\n' | at unit0 tee /etc/magnum/site.conf
  daemon_default unit0 'DAEMON_ARGS="$DAEMON_ARGS --config-file /etc/magnum/site.conf"'
}
heal() { no_daemon_default unit0; at unit0 rm -f /etc/magnum/site.conf; }
shown() { at unit0 sh -c 'tr "\0" " " </proc/$(systemctl show -p MainPID --value magnum-conductor)/cmdline' | grep -q site.conf; }
