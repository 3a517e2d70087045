# neutron-api is stopped: its endpoint is in the catalog and nothing listens there.
layer=cloud cause=service-unreachable
evidence='network|neutron|9696'
odd=(failed-unit)
put() { at cloud systemctl stop neutron-api; }
heal() { at cloud systemctl start neutron-api; until_true 60 neutron-api answers $CLOUD:9696; }
shown() { ! answers $CLOUD:9696; }
