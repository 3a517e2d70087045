# /etc/default sends the daemon of one of two units through a proxy that is not there: the machine reaches the API, and the daemon does not.
layer=driver-credential cause=management-unreachable what=magnum/1
evidence='[Pp]roxy'
odd=(wide-rule)
put() { daemon_default unit0 'export https_proxy=http://127.77.2.9:3128'; }
heal() { no_daemon_default unit0; }
shown() { at unit0 sh -c 'tr "\0" "\n" </proc/$(systemctl show -p MainPID --value magnum-conductor)/environ' | grep -q https_proxy; }
