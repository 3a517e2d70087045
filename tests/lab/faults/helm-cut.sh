# helm is the first megabyte of itself, as a broken download leaves it; a working one of another version is where the daemon does not look.
layer=conductor cause=helm what=magnum/1
evidence='helm'
odd=(local-helm)
put() { at unit0 sh -c 'mv /usr/bin/helm /root/helm; head -c 1000000 /root/helm >/usr/bin/helm; chmod 755 /usr/bin/helm'; }
heal() { at unit0 mv /root/helm /usr/bin/helm; }
shown() { ! at unit0 /usr/bin/helm version; }
