# No volume type is to be seen: the driver takes the first for its default storage class, and finds none.
layer=cloud cause=no-volume-type
evidence='volume.type'
odd=(disabled-compute)
put() { db 'UPDATE cinder.volume_types SET deleted = 1'; }
heal() { db 'UPDATE cinder.volume_types SET deleted = 0'; }
shown() { [[ $(api GET "$CINDER/types" | jq -c .volume_types) = '[]' ]]; }
