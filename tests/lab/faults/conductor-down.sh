# magnum-conductor of one of two units is stopped.
layer=conductor cause=service-down what=magnum/1
evidence='magnum-conductor'
odd=(failed-unit)
put() { at unit0 systemctl stop magnum-conductor; }
heal() { at unit0 systemctl start magnum-conductor; }
shown() { ! at unit0 systemctl -q is-active magnum-conductor; }
