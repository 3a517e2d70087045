# /etc/default exports a variable that oslo.config takes for an option, before every file.
layer=conductor cause=option-overridden what=magnum/1
evidence='environment variable OS_CAPI_HELM__KUBECONFIG_FILE'
odd=(comment-drop-in)
put() { daemon_default unit0 'export OS_CAPI_HELM__KUBECONFIG_FILE=/root/kubeconfig'; }
heal() { no_daemon_default unit0; }
shown() { at unit0 sh -c 'tr "\0" "\n" </proc/$(systemctl show -p MainPID --value magnum-conductor)/environ' | grep -q OS_CAPI_HELM__; }
