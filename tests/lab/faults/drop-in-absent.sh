# The driver's drop-in is gone; the conductor was restarted without it.
layer=conductor cause=drop-in what=magnum/1
evidence='00-capi-helm\.conf|drop-in'
odd=(comment-drop-in)
put() { at unit0 sh -c "mv $DROP_IN /root/drop-in; systemctl restart magnum-conductor"; }
heal() { at unit0 sh -c "mv /root/drop-in $DROP_IN; systemctl restart magnum-conductor"; }
shown() { ! at unit0 test -e $DROP_IN; }
