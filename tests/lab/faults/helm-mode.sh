# helm may not be executed: mode 0644.
layer=conductor cause=helm what=magnum/1
evidence='helm'
odd=(local-helm)
put() { at unit0 chmod 644 /usr/bin/helm; }
heal() { at unit0 chmod 755 /usr/bin/helm; }
shown() { ! at unit0 /usr/bin/helm version; }
