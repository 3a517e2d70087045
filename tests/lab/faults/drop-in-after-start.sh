# The drop-in is right, but the conductor started before it was there and was not restarted.
layer=conductor cause=drop-in what=magnum/1
evidence='start|since|newer|later|older|restart'
odd=(comment-drop-in)
put() { at unit0 sh -c "mv $DROP_IN /root/drop-in; systemctl restart magnum-conductor; sleep 1.1; cp --preserve=mode,ownership /root/drop-in $DROP_IN"; }
heal() { at unit0 sh -c "mv /root/drop-in $DROP_IN; systemctl restart magnum-conductor"; }
shown() { at unit0 test -e $DROP_IN -a -e /root/drop-in; }
