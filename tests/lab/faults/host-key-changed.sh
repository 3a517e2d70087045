# One of two units shows another host key than the one that is known: nobody must go in.
layer=conductor cause=unit-unreachable what=magnum/1
evidence='[Hh]ost.key'
odd=(failed-unit)
put() { at unit0 sh -c 'cd /etc/ssh; mkdir /root/keys; mv ssh_host_* /root/keys; ssh-keygen -q -A; systemctl restart ssh'; }
heal() { at unit0 sh -c 'mv /root/keys/* /etc/ssh; rmdir /root/keys; systemctl restart ssh'; until_true 20 sshd on 127.77.1.10 true; }
shown() { at unit0 test -d /root/keys && on 127.77.1.10 true; }
