# helm is in /usr/local/bin alone: a shell finds it, the daemon's PATH does not have that directory.
layer=conductor cause=helm what=magnum/1
evidence='helm'
odd=(comment-drop-in)
put() { at unit0 mv /usr/bin/helm /usr/local/bin/helm; }
heal() { at unit0 mv /usr/local/bin/helm /usr/bin/helm; }
shown() { ! at unit0 env PATH=/sbin:/usr/sbin:/bin:/usr/bin helm version; }
