# magnum-conductor is running at every look, and ends a few seconds after each start: systemd starts it again and again.
layer=conductor cause=service-restarting what=magnum/1
evidence='restarted it [0-9]+ times'
odd=(failed-unit)
put() {
  at unit0 sh -c 'mkdir -p /etc/systemd/system/magnum-conductor.service.d
    printf "[Service]\nRuntimeMaxSec=6\nRestart=always\n" >/etc/systemd/system/magnum-conductor.service.d/short.conf
    systemctl daemon-reload; systemctl restart magnum-conductor'
}
heal() {
  at unit0 sh -c 'rm /etc/systemd/system/magnum-conductor.service.d/short.conf; rmdir --ignore-fail-on-non-empty /etc/systemd/system/magnum-conductor.service.d
    systemctl daemon-reload; systemctl restart magnum-conductor'
}
shown() { [[ $(at unit0 systemctl show -p NRestarts --value magnum-conductor) -ge 2 ]]; }
