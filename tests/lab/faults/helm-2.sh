# The helm that the daemon finds is helm 2: it knows no namespaces of releases, and refuses every command of the driver.
layer=conductor cause=helm what=magnum/1
evidence='unknown shorthand flag'
odd=(local-helm)
put() {
  at unit0 mv /usr/bin/helm /root/helm.good
  printf '#!/bin/sh\n[ "$1" != version ] || { echo v2.17.0; exit; }\necho "Error: unknown shorthand flag: %sn%s in -n" >&2; exit 1\n' "'" "'" | at unit0 sh -c 'cat >/usr/bin/helm; chmod 755 /usr/bin/helm'
}
heal() { at unit0 mv /root/helm.good /usr/bin/helm; }
shown() { at unit0 test -e /root/helm.good; }
