# Keystone is stopped: nobody gets a token.
layer=cloud cause=identity-unreachable
evidence='5000|identity|[Kk]eystone'
odd=(disabled-compute)
put() { at cloud systemctl stop keystone; }
heal() { at cloud systemctl start keystone; until_true 60 keystone answers $CLOUD:5000; }
shown() { ! answers $CLOUD:5000; }
