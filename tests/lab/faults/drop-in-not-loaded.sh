# A hook gave the conductor another --config-dir: oslo.config then reads no default directory, and the drop-in is not loaded.
# (Without any --config-dir the drop-in's directory is a default one, and would be.)
layer=conductor cause=drop-in what=magnum/1
evidence='config-dir'
odd=(comment-drop-in)
put() {
  at unit0 sh -c 'mkdir -p /etc/magnum/conf.d; cp -a /etc/default/magnum-conductor /root/default
    echo "DAEMON_ARGS=\"\$DAEMON_ARGS --config-dir /etc/magnum/conf.d\"" >/etc/default/magnum-conductor; systemctl restart magnum-conductor'
}
heal() { at unit0 sh -c 'mv /root/default /etc/default/magnum-conductor; rmdir /etc/magnum/conf.d; systemctl restart magnum-conductor'; }
shown() { at unit0 ps -ww -C magnum-conductor -o args= | grep -q -- '--config-dir /etc/magnum/conf.d'; }
